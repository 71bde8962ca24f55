"""Answering for an agent: owner and deputy accept section 9 of a packet, each for themselves, and look back after a launch."""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.actors import in_person
from accounts.models import Person
from ledger.canonical import dumps, nfc, sha256
from registry import entries, panels
from registry.demands import DEMANDS
from registry.models import Acceptance, Agent, AnswerUse, Attachment, LaunchReview, NotApplicable, Packet
from registry.sections import section
from registry.sections.base import texts
from registry.sections.s09_owner import STATEMENTS, Asked, SupportPlan, SupportPlanForm, asked, lacking, written
from registry.sections.s10_rollout import RolloutPlan
from registry.vocabulary import EDITABLE, Duty
from work import clock
from work.acts import Conflict, Denied, Invalid, record

NUMBER = 9


@transaction.atomic
def accept(*, packet: Packet, duty: str, digest: str, by: Person) -> Acceptance:
    """Accept to answer for the agent, as section 9 of an open packet says it. Nobody does so for somebody else.

    `digest` is that of the content which the person was shown: other words in the meantime are a Conflict. Accepting
    the same words again changes nothing. Raises Denied, Conflict, or Invalid with what section 9 lacks.
    """
    in_person(by, "accepts to answer for an agent")
    packet = _open(packet)
    agent = packet.agent
    person = {Duty.OWNER: agent.owner, Duty.DEPUTY: agent.deputy}.get(Duty(duty)) if duty in Duty.values else None
    if person is None:
        raise Invalid("Nobody is asked for that duty. Name the person on the agent's card first.")
    if by.pk != person.pk:
        raise Denied(
            f"Only {person.name}, the {Duty(duty).label.lower()}, can accept: nobody answers in another's name."
        )
    if not agent.editable_by(by):
        raise Denied(f"An auditor changes nothing, and so cannot answer for {agent.name}. Another {duty} is needed.")
    if lacks := lacking(agent, SupportPlan.objects.filter(packet=packet).first(), section(NUMBER).waived(packet)):
        raise Invalid(*(problem.text for problem in lacks))
    content = dumps(section(NUMBER).content(packet))
    if digest != sha256(content):
        raise Conflict("Section 9 was changed after you opened it. Read it again, then accept.")
    before = packet.acceptances.open().filter(duty=duty).first()
    if before and before.person_id == by.pk and before.digest == digest:
        return before
    if before:
        before.ended_at = clock.now()
        before.save(update_fields=["ended_at"])
    statement = STATEMENTS[Duty(duty)]
    row = Acceptance.objects.create(
        packet=packet,
        duty=duty,
        person=by,
        statement=statement,
        content=content,
        digest=digest,
        accepted_at=clock.now(),
    )
    said = entries.DutyAccepted(
        packet=str(packet.pk), acceptance=str(row.pk), duty=duty, digest=digest, statement_sha256=sha256(statement.encode())
    )  # fmt: skip
    record(packet.stream, said, by=by)
    return row


@transaction.atomic
def withdraw_acceptance(*, acceptance: Acceptance, by: Person) -> Acceptance:
    """Withdraw one's own acceptance while the packet is open. What was submitted with it keeps it. Raises Denied, Conflict."""
    in_person(by, "withdraws an acceptance")
    packet = _open(acceptance.packet)
    row = Acceptance.objects.select_for_update(of=("self",)).select_related("person").get(pk=acceptance.pk)
    if by.pk != row.person_id or not by.is_active:
        raise Denied(f"Only {row.person.name} can withdraw this acceptance.")
    if row.ended_at is not None:
        raise Conflict("This acceptance was withdrawn or given anew before. Look at section 9 again.")
    row.ended_at = clock.now()
    row.save(update_fields=["ended_at"])
    said = entries.DutyWithdrawn(packet=str(packet.pk), acceptance=str(row.pk), duty=row.duty)
    record(packet.stream, said, by=by)
    return row


def waiting_for(user: Person, most: int) -> list[tuple[Packet, Asked]]:
    """Open packets whose section 9 is complete and waits for this person's acceptance, newest first, in six queries.

    Looks at the newest `most` of the packets for whose agents the person is owner or deputy.
    """
    mine = Agent.objects.in_use().filter(owner=user) | Agent.objects.in_use().filter(deputy=user)
    rows = Packet.objects.visible_to(user).filter(agent__in=mine, state__in=EDITABLE)
    packets = list(rows.select_related("agent__owner", "agent__deputy").order_by("-created_at")[:most])
    keys = [packet.pk for packet in packets]
    one_of, nine = section(NUMBER), [one.key for one in DEMANDS[NUMBER] if one.waivable]
    plans = {plan.packet_id: plan for plan in SupportPlan.objects.filter(packet__in=keys)}
    files = _by_packet(Attachment.objects.filter(packet__in=keys, section=NUMBER))
    given = _by_packet(Acceptance.objects.open().filter(packet__in=keys, person=user).defer("content"))
    said = _by_packet(NotApplicable.objects.filter(packet__in=keys, demand__in=nine).select_related("said_by"))
    uses = _by_packet(
        AnswerUse.objects.filter(packet__in=keys, section=NUMBER).select_related("version__answer").order_by("pk")
    )
    found = []
    for packet in packets:
        agent, plan = packet.agent, plans.get(packet.pk)
        waived = one_of.counting(agent, said.get(packet.pk, ()))
        if lacking(agent, plan, waived):
            continue
        content = one_of.assembled(
            agent, written(agent, plan), files.get(packet.pk, ()), waived, uses.get(packet.pk, ()),
            texts(SupportPlanForm, plan or SupportPlan(), "sheet", ""),
        )  # fmt: skip
        for one in asked(agent, content, given.get(packet.pk, ())):
            if one.person.pk == user.pk and one.required and not one.accepted:
                found.append((packet, one))
    return found


@transaction.atomic
def review_launch(*, packet: Packet, found: str, by: Person) -> LaunchReview:
    """Say what the look after the launch found: owner or deputy, once, on or after the day that section 10 names.

    Raises Denied, Conflict (not running, too early, done before), or Invalid.
    """
    in_person(by, "reviews a launch")
    agent = Agent.objects.select_for_update().get(pk=packet.agent_id)
    packet = Packet.objects.select_for_update(of=("self",)).get(pk=packet.pk)
    if by.pk not in (agent.owner_id, agent.deputy_id) or not agent.editable_by(by):
        raise Denied(f"Only the owner and the deputy of {agent.name} review its launch.")
    due = next((plan.review_on for plan in launches_due(Packet.objects.filter(pk=packet.pk))), None)
    if due is None:
        raise Conflict(
            "Nothing waits to be reviewed: it does not run, its day has not come, or it was reviewed before."
        )
    found = nfc(found.strip())
    if not 0 < len(found) <= 4000:
        raise Invalid("Say what you found in at most 4,000 characters: what went well, what went wrong, what changes.")
    row = LaunchReview.objects.create(packet=packet, due_on=due, found=found, reviewed_by=by, reviewed_at=clock.now())
    said = entries.LaunchReviewed(
        packet=str(packet.pk), agent=str(agent.pk), due_on=str(due), found_sha256=sha256(found.encode())
    )
    record(packet.stream, said, by=by)
    return row


def launches_due(packets: QuerySet[Packet]) -> list[RolloutPlan]:
    """The plans among `packets` whose review after launch is due: it runs, its day has come, nobody reviewed it yet."""
    # A renewal is the same version: it was launched once.
    done = LaunchReview.objects.filter(
        packet__agent=OuterRef("packet__agent"), packet__version=OuterRef("packet__version")
    )
    due = RolloutPlan.objects.filter(~Exists(done), packet__in=packets, review_on__lte=clock.now().date())
    running = reduce(or_, (Q(packet__in=ids()) for ids in panels.packets_in_force), Q(pk__in=[]))
    return list(due.filter(running).select_related("packet__agent").order_by("review_on", "pk"))


def _open(packet: Packet) -> Packet:
    # Agent before packet, as every act that takes both.
    agent = Agent.objects.select_for_update().get(pk=packet.agent_id)
    rows = Packet.objects.select_for_update(of=("self",)).select_related("agent__team", "agent__owner", "agent__deputy")
    packet = rows.get(pk=packet.pk)
    if agent.retired_at is not None:
        raise Conflict(f"{agent.name} is retired. Its owner takes it back into use first.")
    if not packet.editable:
        raise Conflict(
            f"This packet is {packet.get_state_display().lower()}: what was accepted stays as it was submitted."
        )
    return packet


def _by_packet(rows: Iterable[Any]) -> dict[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = {}
    for row in rows:
        found.setdefault(row.packet_id, []).append(row)
    return found
