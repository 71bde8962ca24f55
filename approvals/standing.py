"""Who must sign a packet, who has, and which sign-offs count. Computed at the moment of use, never stored."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from accounts.models import Person, RoleGrant
from accounts.roles import Role
from approvals.models import Checklist, SignOff, SignOffRole
from registry.models import Contribution, Packet, Revision


@dataclass(frozen=True)
class Standing:
    """Where one required role stands. `status`: valid, missing, lapsed, changes_requested or vetoed."""

    role: str
    sections: list[str]
    items: list[dict[str, str]]
    status: str
    why: str
    sign_off: SignOff | None = None

    @property
    def name(self) -> str:
        """The role in words."""
        return str(SignOffRole(self.role).label)

    @property
    def valid(self) -> bool:
        """Whether a sign-off counts."""
        return self.status == "valid"


def checklist_of(revision: Revision) -> Checklist:
    """The checklist that the revision was submitted under, by its digest in the document's core."""
    return Checklist.objects.get(sha256=revision.content["core"]["checklist"]["sha256"])


def bound_digests(revision: Revision, sections: list[str]) -> dict[str, str]:
    """The digests that a role's sign-off is bound to: those of its sections, and the core's."""
    return {part: revision.section_digests[part] for part in ("core", *sections)}


def contributors(packet: Packet) -> set[Any]:
    """Ids of those who changed or submitted any revision of the packet; none of them may approve it.

    Every revision counts, not only the newest: what an earlier one brought in is still there to be approved.
    """
    changed = Contribution.objects.filter(packet=packet).values_list("person_id", flat=True)
    return {*changed, *packet.revisions.values_list("submitted_by_id", flat=True)}


def standings(packet: Packet, revision: Revision, at: dt.datetime) -> list[Standing]:
    """One Standing for each role that the revision's checklist requires, at `at`."""
    signed: dict[str, list[SignOff]] = {}
    for sign_off in packet.sign_offs.select_related("person", "revision").order_by("signed_at"):
        signed.setdefault(sign_off.role, []).append(sign_off)
    authors, found, counted = contributors(packet), [], set()
    for asked in checklist_of(revision).content["roles"]:
        role, newest = asked["role"], signed.get(asked["role"], [])[-1:]
        status, why = ("missing", "Nobody has signed yet.")
        if newest:
            status, why = _status(newest[0], packet, revision, asked["sections"], authors, at)
            if status == "valid" and newest[0].person_id in counted:
                status, why = "lapsed", f"{newest[0].person} has signed in another role already."
        if status == "valid":
            counted.add(newest[0].person_id)
        found.append(Standing(role, asked["sections"], asked["items"], status, why, newest[0] if newest else None))
    return found


def holds_role(person: Person, role: str, packet: Packet, at: dt.datetime) -> bool:
    """Whether `person` may speak for `role` on this packet: the agent's owner, or the holder of the granted role."""
    if role == SignOffRole.OWNER:
        active = Person.objects.filter(pk=person.pk, is_active=True).exists()
        return active and packet.agent.owner_id == person.pk and not person.holds(Role.AUDITOR, at)
    return person.holds(role, at)


def eligible(packet: Packet, role: str, at: dt.datetime) -> list[Person]:
    """Those who may sign the packet in `role` now."""
    if role == SignOffRole.OWNER:
        return [packet.agent.owner] if packet.agent.owner.is_active else []
    return list(Person.objects.holding(role, at).exclude(pk__in=contributors(packet)))


def _status(
    sign_off: SignOff, packet: Packet, revision: Revision, sections: list[str], authors: set[Any], at: dt.datetime
) -> tuple[str, str]:
    if sign_off.decision == SignOff.Decision.VETO:
        return "vetoed", f"{sign_off.person} vetoed."
    if sign_off.decision == SignOff.Decision.CHANGES:
        return "changes_requested", f"{sign_off.person} requested changes."
    now_bound = bound_digests(revision, sections)
    if sign_off.bound != now_bound:
        moved = [part for part in now_bound if sign_off.bound.get(part) != now_bound[part]]
        words = ", ".join(
            "the agent's card, version or policy" if part == "core" else f"section {part}" for part in moved
        )
        return "lapsed", f"{sign_off.person} signed before {words} changed."
    if raised := _card_changed(packet, revision):
        return "lapsed", f"The agent's {raised} was changed since this revision was submitted."
    if at >= sign_off.expires_at:
        return "lapsed", f"{sign_off.person}'s sign-off expired on {sign_off.expires_at:%-d %B %Y}."
    if not holds_role(sign_off.person, sign_off.role, packet, at):
        return "lapsed", f"{sign_off.person} no longer holds the role."
    if sign_off.role != SignOffRole.OWNER and sign_off.person_id in authors:
        return "lapsed", f"{sign_off.person} has changed this packet since."
    return "valid", f"{sign_off.person} signed."


def _card_changed(packet: Packet, revision: Revision) -> str:
    # T5: a class or autonomy that nobody signed for takes the signatures with it; else lowering the class after
    # approval would hold the packet against a softer policy.
    core, agent = revision.content["core"], packet.agent
    if core["risk_class"] != agent.risk_class:
        return "risk class"
    return "autonomy" if core["autonomy"] != agent.autonomy else ""


def role_grant(person: Person, role: str, at: dt.datetime) -> RoleGrant | None:
    """The grant under which `person` signs in `role`; None for the owner, who is named by the agent."""
    return RoleGrant.objects.in_force(at).filter(person=person, role=role).first()
