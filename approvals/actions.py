"""Acts on packets under review: submitting, withdrawing, signing, deciding."""

import datetime as dt
import json
import secrets
import uuid
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.actors import a_person, in_person
from accounts.models import Person
from accounts.reauth import Proof
from approvals import builtin, gate
from approvals.entries import GateDecided, SignOffRecorded, SignOffRefused
from approvals.facts import gather
from approvals.models import Checklist, Environment, GateDecision, Policy, SignOff, SignOffRole
from approvals.standing import (
    Standing,
    bound_digests,
    contributors,
    eligible,
    holds_role,
    role_grant,
    standings,
)
from ledger.canonical import dumps, nfc, sha256, timestamp
from ledger.models import LedgerEntry
from registry.actions import freeze, move, set_summary, status_by_packets
from registry.documents import problems
from registry.models import Agent, Packet, Revision
from registry.vocabulary import AgentStatus, Gate, PacketState, RiskClass
from work import clock
from work.acts import Conflict, Denied, Invalid, later, record, with_refusal

MEANING = {
    SignOff.Decision.APPROVE: "I checked what is attested and approve it in this role.",
    SignOff.Decision.CHANGES: "I ask for changes; this is no approval.",
    SignOff.Decision.VETO: "I veto this packet; it ends here.",
}
OWNER_MEANING = "I accept responsibility for this agent and its results."


@transaction.atomic
def submit_packet(*, packet: Packet, by: Person) -> Revision:
    """Freeze the packet as its next revision and ask the roles of its risk class for their sign-off.

    Raises Denied, Conflict (state), or Invalid with everything that is missing, also a role that nobody could sign in.
    """
    a_person(by, "submits a packet")
    packet = locked(packet)
    if not packet.agent.editable_by(by):
        raise Denied(f"Only the owner, the deputy and members of {packet.agent.team.name} submit this packet.")
    if not packet.editable:
        raise Conflict(f"This packet is {packet.get_state_display().lower()}; it cannot be submitted again.")
    _still_renews(packet)
    risk = packet.agent.risk_class
    if risk == RiskClass.PROHIBITED:
        raise Denied(
            "Its risk class is prohibited: no packet of this agent can be approved. Change the use, not the form."
        )
    found = problems(packet)
    if any(found.values()):
        raise Invalid(*(f"Section {number}: {problem.text}" for number, some in found.items() for problem in some))
    checklist = Checklist.objects.filter(risk_class=risk).order_by("-version").first()
    policy = current_policy(packet)
    if checklist is None or policy is None:
        raise Conflict(f"No checklist or policy is published for {RiskClass(risk).label}. Ask a platform admin.")
    roles = [one["role"] for one in checklist.content["roles"]]
    _satisfiable(packet, roles, by)
    core: dict[str, Any] = {
        "checklist": {"risk_class": risk, "version": checklist.version, "sha256": checklist.sha256},
        "policy": {"key": policy.key, "version": policy.version, "sha256": policy.sha256},
    }
    if packet.renews is not None:
        core |= _renewed(packet, packet.renews)
    revision = freeze(packet, core=core, roles=roles, by=by)
    _summarise(packet)
    _decide_later(packet)
    return revision


@transaction.atomic
def withdraw_packet(*, packet: Packet, by: Person) -> None:
    """End a packet that is not approved. It stays readable."""
    a_person(by, "withdraws a packet")
    packet = locked(packet)
    if not packet.agent.editable_by(by):
        raise Denied(f"Only the owner, the deputy and members of {packet.agent.team.name} withdraw this packet.")
    if packet.state not in (PacketState.DRAFT, PacketState.IN_REVIEW, PacketState.CHANGES):
        raise Conflict(f"This packet is {packet.get_state_display().lower()}; it cannot be withdrawn.")
    move(packet, PacketState.WITHDRAWN, by=by)
    _summarise(packet)


def _refusal(denial: Denied, **kwargs: Any) -> SignOffRefused:
    role = kwargs["role"] if kwargs["role"] in SignOffRole.values else "unknown"
    return SignOffRefused(packet=str(kwargs["packet"].pk), role=role, reason="denied")


@with_refusal(stream=lambda **kwargs: kwargs["packet"].stream, entry=_refusal)
@transaction.atomic
def sign(
    *,
    packet: Packet,
    role: str,
    decision: str,
    digest: str,
    by: Person,
    proof: Proof,
    comment: str = "",
    attested: list[str] | None = None,
) -> SignOff:
    """Sign the packet's current revision in one role: approve, request changes, or veto.

    `digest` is the packet digest that the signer was shown: another revision in the meantime is a Conflict.
    `proof` is a fresh re-authentication. Rules S1 to S5, T1, T2, C1, C2, V1, V3 of the plan's evidence page.
    Raises Denied (recorded), Conflict, or Invalid.
    """
    in_person(by, "signs")
    packet = locked(packet)
    revision = packet.current
    if revision is None or packet.state not in (PacketState.IN_REVIEW, PacketState.APPROVED):
        raise Conflict(f"This packet is {packet.get_state_display().lower()}; there is nothing to sign.")
    if digest != revision.digest:
        raise Conflict("This packet was changed and submitted again while you read it. Read what changed, then sign.")
    now = clock.now()
    roles = {standing.role: standing for standing in standings(packet, revision, now)}
    _may_sign(packet, role, roles, by, proof, now)
    asked = roles[role]
    _complete(decision, comment, attested or [], asked, packet)
    # One approval is enough, but any holder of the role may still stop the packet (V1).
    if asked.valid and decision == SignOff.Decision.APPROVE:
        raise Conflict(f"{asked.name} has signed already: {asked.why}")
    sign_off = _write(packet, revision, asked, decision, nfc(comment.strip()), attested or [], by, proof, now)
    record(
        packet.stream,
        SignOffRecorded(
            packet=str(packet.pk),
            sign_off=str(sign_off.pk),
            revision=revision.number,
            role=role,
            decision=decision,
            digest=revision.digest,
            statement_sha256=sign_off.statement_sha256,
        ),
        by=by,
    )
    _after_signing(packet, revision, decision, by, now)
    return sign_off


def evaluate(*, packet: Packet, environment: str = Environment.PRODUCTION, by: Person | None) -> GateDecision:
    """Evaluate the gate now, under the newest policy, and keep the decision. `by` None means the portal itself.

    The portal itself keeps a decision only if it says something else than the newest one, which is returned otherwise:
    a ledger full of repetitions hides what changed.
    """
    if by is not None:
        a_person(by, "has a gate decided")
    with transaction.atomic():
        packet = locked(packet)
        if by is not None and (by.is_auditor or not Packet.objects.visible_to(by).filter(pk=packet.pk).exists()):
            raise Denied("Only those who work on this packet evaluate its gate; an auditor changes nothing.")
        if packet.state not in (PacketState.IN_REVIEW, PacketState.APPROVED) and packet.current:
            raise Conflict(f"This packet is {packet.get_state_display().lower()}; there is nothing to decide on.")
        decision = _decision(packet, environment, by)
        newest = packet.decisions.filter(environment=environment).order_by("-decided_at").first()
        if by is None and newest and _says(newest) == _says(decision):
            return newest
        return _keep(decision)


def decide(packet: Packet, environment: str, by: Person) -> GateDecision:
    """Evaluate and keep the decision inside the caller's transaction, which holds the packet's lock."""
    return _keep(_decision(packet, environment, by))


def _decision(packet: Packet, environment: str, by: Person | None) -> GateDecision:
    revision = packet.current
    if revision is None:
        raise Conflict("This packet was never submitted, so there is nothing to decide on.")
    # The policy of the risk class that was signed for, not of what the card says today.
    policy = policy_for(revision.content["core"]["risk_class"])
    if policy is None:
        raise Conflict("No policy is published for this risk class.")
    now = clock.now()
    facts = dumps(gather(packet, revision, environment, now))
    output = gate.evaluate(bytes(policy.body), facts)
    return GateDecision(
        packet=packet,
        revision=revision,
        environment=environment,
        policy=policy,
        input=facts,
        input_sha256=sha256(facts),
        output=output,
        output_sha256=sha256(output),
        outcome=json.loads(output)["outcome"],
        decided_at=now,
        by=by,
    )


def _says(decision: GateDecision) -> tuple[object, ...]:
    rules = [(rule["id"], rule["outcome"], rule["reason"]) for rule in decision.rules]
    return (decision.revision_id, decision.policy_id, decision.outcome, rules)


def _keep(decision: GateDecision) -> GateDecision:
    decision.save(force_insert=True)
    packet, policy = decision.packet, decision.policy
    set_summary(packet.agent, gate=Gate.PASS if decision.outcome == "pass" else Gate.FAIL)
    record(
        packet.stream,
        GateDecided(
            packet=str(packet.pk),
            decision=str(decision.pk),
            revision=decision.revision.number,
            environment=decision.environment,
            policy=f"{policy.key}@{policy.version}",
            policy_sha256=policy.sha256,
            outcome=decision.outcome,
            input_sha256=decision.input_sha256,
            output_sha256=decision.output_sha256,
        ),
        by=decision.by,
    )
    return decision


def current_policy(packet: Packet) -> Policy | None:
    """The newest published policy for the packet's risk class as its agent's card says it: for the next submission."""
    return policy_for(packet.agent.risk_class)


def policy_for(risk_class: str) -> Policy | None:
    """The newest published policy for a risk class."""
    return Policy.objects.filter(key=builtin.key(risk_class)).order_by("-version").first()


def _renewed(packet: Packet, renews: Packet) -> dict[str, Any]:
    # Who signs a renewal signs what had changed since the approval that it renews, too.
    changes = packet.renewal.changes_sha256
    return {"renews": {"packet": str(renews.pk), "number": renews.number, "changes_sha256": changes}}


def locked(packet: Packet) -> Packet:
    """The packet anew, its agent's row and its own locked until the transaction ends."""
    # Agent before packet in every act that takes both, so that two acts never wait for each other.
    Agent.objects.select_for_update().get(pk=packet.agent_id)
    return (
        Packet.objects.select_for_update(of=("self",))
        .select_related("agent__team", "agent__owner", "agent__deputy", "renews", "renewal")
        .get(pk=packet.pk)
    )


def _satisfiable(packet: Packet, roles: list[str], by: Person) -> None:
    # An empty group would otherwise wait for ever, or worse, be taken for nobody objecting. One person signs in one
    # role, so everybody needs a role of their own: a matching of roles and people, by augmenting paths (Kuhn 1955).
    now = clock.now()
    people = {
        role: {one.pk for one in eligible(packet, role, now) if role == SignOffRole.OWNER or one.pk != by.pk}
        for role in roles
    }
    signs: dict[Any, str] = {}

    def place(role: str, tried: set[Any]) -> bool:
        for person in people[role] - tried:
            tried.add(person)
            if person not in signs or place(signs[person], tried):
                signs[person] = role
                return True
        return False

    left = [SignOffRole(role).label for role in roles if not place(role, set())]
    if left:
        raise Invalid(
            *(
                f"Nobody can sign as {name}: every holder of the role has changed this packet or is needed in another "
                "role, or there is none. Ask a platform admin to grant the role to someone else."
                for name in left
            )
        )


def _may_sign(
    packet: Packet, role: str, roles: dict[str, Standing], by: Person, proof: Proof, now: dt.datetime
) -> None:
    if not proof.holds_for(by):
        raise Denied("Signing asks for your password again. Give it, then sign.")
    if role not in roles:
        raise Denied("This role is not asked for on this packet.")
    if not holds_role(by, role, packet, now):
        raise Denied(f"You do not hold the role {SignOffRole(role).label}, or your grant is too new to count.")
    if role != SignOffRole.OWNER and by.pk in contributors(packet):
        raise Denied("You changed or submitted this packet, so someone else must approve it (four eyes).")
    others = [one for name, one in roles.items() if name != role and one.sign_off and one.sign_off.person_id == by.pk]
    if any(one.valid for one in others):
        raise Denied(f"You signed this packet as {others[0].name}. One person signs in one role.")
    if settings.REQUIRE_APPROVER_MFA and proof.method == "password":
        raise Denied("Approvers sign with a one-time code here. Set one up under your account, then sign.")


def _complete(decision: str, comment: str, attested: list[str], asked: Standing, packet: Packet) -> None:
    if decision not in SignOff.Decision.values:
        raise Invalid("Choose to approve, to request changes, or to veto.")
    if decision != SignOff.Decision.APPROVE:
        if not comment.strip():
            raise Invalid("Say why: the team needs to know what to change.")
        if packet.state != PacketState.IN_REVIEW:
            raise Conflict("This packet is approved already. Suspend the agent if it must stop.")
        return
    left = [item["text"] for item in asked.items if item["id"] not in attested]
    if left:
        raise Invalid(*(f"Confirm, or request changes: {text}" for text in left))


def _write(
    packet: Packet,
    revision: Revision,
    asked: Standing,
    decision: str,
    comment: str,
    attested: list[str],
    by: Person,
    proof: Proof,
    now: dt.datetime,
) -> SignOff:
    expires = now + dt.timedelta(days=settings.SIGNOFF_DAYS)
    sign_off_id, bound = uuid.uuid4(), bound_digests(revision, asked.sections)
    renews = packet.sign_offs.filter(revision=revision, role=asked.role, person=by).order_by("-signed_at").first()
    is_owner = asked.role == SignOffRole.OWNER and decision == SignOff.Decision.APPROVE
    statement: dict[str, Any] = {
        "v": 1,
        "id": str(sign_off_id),
        "packet": {
            "id": str(packet.pk),
            "number": packet.number,
            "version": packet.version,
            "agent": packet.agent.slug,
        },
        "revision": revision.number,
        "digest": revision.digest,
        "bound": bound,
        "environments": [Environment.PRODUCTION.value],
        "role": asked.role,
        "decision": decision,
        "meaning": OWNER_MEANING if is_owner else MEANING[SignOff.Decision(decision)],
        "attested": [item for item in asked.items if item["id"] in attested],
        "comment": comment,
        "signer": {"id": str(by.pk), "name": by.name},
        "reauthentication": {"method": proof.method, "at": timestamp(proof.at)},
        "signed_at": timestamp(now),
        "expires_at": timestamp(expires),
        # A comment can be guessed; without a salt its digest in the ledger would confirm the guess.
        "nonce": secrets.token_hex(16),
    }
    if settings.DEMO:
        statement["demo"] = True
    if grant := role_grant(by, asked.role, now):
        statement["role_grant"] = _grant_hash(by, grant.pk)
    body = dumps(nfc(statement))
    try:
        with transaction.atomic():
            return SignOff.objects.create(
                id=sign_off_id,
                renews=renews,
                packet=packet,
                revision=revision,
                role=asked.role,
                person=by,
                decision=decision,
                comment=comment,
                bound=bound,
                statement=body,
                statement_sha256=sha256(body),
                signed_at=now,
                expires_at=expires,
            )
    except IntegrityError as error:
        raise Conflict("You have signed this revision already. One person signs once, in one role.") from error


def _grant_hash(person: Person, grant: int) -> str:
    for entry in LedgerEntry.objects.filter(stream=f"user:{person.pk}", kind="role.granted").order_by("-stream_seq"):
        if entry.record["data"]["grant"] == grant:
            return bytes(entry.leaf_hash).hex()
    raise RuntimeError(f"grant {grant} has no ledger entry")


def _after_signing(packet: Packet, revision: Revision, decision: str, by: Person, now: dt.datetime) -> None:
    if decision == SignOff.Decision.CHANGES:
        move(packet, PacketState.CHANGES, by=by)
        _summarise(packet)
        return
    if decision == SignOff.Decision.VETO:
        move(packet, PacketState.VETOED, by=by)
        _summarise(packet)
        return
    if packet.state == PacketState.IN_REVIEW and all(one.valid for one in standings(packet, revision, now)):
        _still_renews(packet)
        for older in packet.agent.packets.select_for_update().filter(state=PacketState.APPROVED):
            move(older, PacketState.SUPERSEDED, by=None)
        move(packet, PacketState.APPROVED, by=None)
        _summarise(packet)
    _decide_later(packet)


def _still_renews(packet: Packet) -> None:
    """Raises Conflict for the renewal of a packet that is not in force any more: it would take a newer one's place."""
    if packet.renews is not None and packet.renews.state != PacketState.APPROVED:
        was = packet.renews.get_state_display().lower()
        raise Conflict(f"This renews packet {packet.renews.number}, which is {was} by now. Withdraw the renewal.")


def _decide_later(packet: Packet) -> None:
    from approvals.tasks import evaluate_packet

    later(evaluate_packet, str(packet.pk))


def _summarise(packet: Packet) -> None:
    # What is live or suspended stays so on the card, whatever becomes of the next packet.
    if packet.agent.status not in (AgentStatus.LIVE, AgentStatus.SUSPENDED):
        set_summary(packet.agent, status=status_by_packets(packet.agent))
