"""Acts on releases: promoting, suspending, resuming."""

import hashlib
import secrets
from typing import Any

from django.db import transaction

from accounts.actors import a_person, in_person
from accounts.models import Person
from accounts.roles import Role
from approvals.actions import decide
from approvals.models import Environment, GateDecision, SignOff, SignOffRole
from registry.actions import set_summary
from registry.models import Agent, Packet
from registry.vocabulary import AgentStatus, PacketState, RiskClass
from releases.entries import Promoted, PromotionRefused, ResumeAsked, Resumed, Suspended, SuspensionRefused
from releases.models import Release
from work import clock
from work.acts import Conflict, Denied, Invalid, record, with_refusal


def promotion_bar(packet: Packet, by: Person) -> str:
    """Why `by` may not promote `packet`, as a sentence; empty if they may."""
    agent = packet.agent
    if agent.retired_at is not None:
        return f"{agent.name} is retired. Its owner takes it back into use first."
    if not _answers_for(agent, by):
        return f"Only the owner or the deputy of {agent.name} promotes it."
    if agent.risk_class == RiskClass.HIGH:
        revision = packet.current
        if revision and revision.submitted_by_id == by.pk:
            return "For a high-risk agent who submitted the packet does not promote it. Ask the owner or the deputy."
        approved = packet.sign_offs.filter(person=by, decision=SignOff.Decision.APPROVE)
        if approved.exclude(role=SignOffRole.OWNER).exists():
            return "For a high-risk agent an approver does not promote it. Ask the owner or the deputy."
    return ""


def _refusal(denial: Denied, **kwargs: Any) -> PromotionRefused:
    packet = kwargs["packet"]
    return PromotionRefused(
        agent=str(packet.agent_id),
        packet=str(packet.pk),
        environment=kwargs.get("environment", "production"),
        reason="denied",
    )


@with_refusal(stream=lambda **kwargs: f"agent:{kwargs['packet'].agent_id}", entry=_refusal)
def promote(*, packet: Packet, by: Person, environment: str = Environment.PRODUCTION) -> Release:
    """Promote an approved packet, on a gate decision made in this very transaction.

    Raises Denied (recorded) for who may not, Conflict if the packet is not approved or the gate blocks; the blocking
    decision and the refusal are kept.
    """
    release, decision = _promote(packet, environment, by)
    if release is None:
        blocked = [
            rule["title"] for rule in decision.rules if rule["outcome"] not in ("pass", "waived", "not_applicable")
        ]
        raise Conflict(f"The gate blocks this promotion: {', '.join(blocked)}. See the decision for each reason.")
    return release


@transaction.atomic
def _promote(packet: Packet, environment: str, by: Person) -> tuple[Release | None, GateDecision]:
    in_person(by, "promotes")
    # Agent before packet in every act that takes both, so that two acts never wait for each other.
    agent = Agent.objects.select_for_update().get(pk=packet.agent_id)
    packet = Packet.objects.select_for_update(of=("self",)).select_related("agent__team").get(pk=packet.pk)
    if bar := promotion_bar(packet, by):
        raise Denied(bar)
    if packet.state != PacketState.APPROVED:
        raise Conflict(f"This packet is {packet.get_state_display().lower()}; only an approved packet is promoted.")
    standing = Release.objects.select_for_update().filter(agent=agent, environment=environment, ended_at=None).first()
    if standing and standing.state == Release.State.SUSPENDED:
        raise Conflict("The agent is suspended. Resuming it takes the owner or deputy and a second person.")
    if standing and standing.packet_id == packet.pk:
        raise Conflict("This packet is live already.")
    decision = decide(packet, environment, by)
    stream = f"agent:{agent.pk}"
    if decision.outcome != GateDecision.Outcome.PASS:
        record(
            stream,
            PromotionRefused(
                agent=str(agent.pk),
                packet=str(packet.pk),
                environment=environment,
                reason="gate_blocks",
                decision=str(decision.pk),
            ),
            by=by,
        )
        return None, decision
    now = clock.now()
    if standing:
        standing.state, standing.ended_at = Release.State.SUPERSEDED, now
        standing.save(update_fields=["state", "ended_at"])
    release = Release.objects.create(
        agent=agent, packet=packet, environment=environment, decision=decision, promoted_by=by, promoted_at=now
    )
    set_summary(agent, status=AgentStatus.LIVE, stage=_first_stage(packet))
    record(
        stream,
        Promoted(
            agent=str(agent.pk),
            packet=str(packet.pk),
            release=str(release.pk),
            decision=str(decision.pk),
            environment=environment,
            version=packet.version,
        ),
        by=by,
    )
    return release, decision


def may_suspend(agent: Agent, by: Person) -> bool:
    """Whether `by` may stop the agent alone, at once: owner, deputy, a security approver, a platform admin."""
    return _answers_for(agent, by) or by.holds(Role.SECURITY) or by.holds(Role.ADMIN)


def _answers_for(agent: Agent, by: Person) -> bool:
    # Asked of the database, as `holds` does: who left since `by` was read decides nothing; nor does an auditor, ever.
    if by.pk not in (agent.owner_id, agent.deputy_id) or by.holds(Role.AUDITOR):
        return False
    return Person.objects.filter(pk=by.pk, is_active=True).exists()


def _suspension_refusal(denial: Denied, **kwargs: Any) -> SuspensionRefused:
    return SuspensionRefused(agent=str(kwargs["agent"].pk))


@with_refusal(stream=lambda **kwargs: f"agent:{kwargs['agent'].pk}", entry=_suspension_refusal)
@transaction.atomic
def suspend(*, agent: Agent, reason: str, by: Person, environment: str = Environment.PRODUCTION) -> Release:
    """Stop the agent at once. One person is enough; the reason is asked for. Raises Denied, Invalid, Conflict."""
    a_person(by, "suspends")
    agent = Agent.objects.select_for_update().get(pk=agent.pk)
    if not may_suspend(agent, by):
        raise Denied("The owner, the deputy, a security approver or a platform admin suspends. Call one of them.")
    if not reason.strip():
        raise Invalid("Say why, in a sentence: whoever is called next reads it.")
    release = Release.objects.select_for_update().filter(agent=agent, environment=environment, ended_at=None).first()
    if release is None or release.state != Release.State.LIVE:
        raise Conflict(f"{agent.name} is not live in {environment}.")
    release.state, release.reason = Release.State.SUSPENDED, reason.strip()
    release.suspended_by, release.suspended_at, release.resume_asked_by = by, clock.now(), None
    release.save(update_fields=["state", "reason", "suspended_by", "suspended_at", "resume_asked_by"])
    set_summary(agent, status=AgentStatus.SUSPENDED)
    # Salted, because a short reason could be guessed from its digest.
    digest = hashlib.sha256(secrets.token_bytes(16) + release.reason.encode()).hexdigest()
    record(
        f"agent:{agent.pk}",
        Suspended(agent=str(agent.pk), release=str(release.pk), environment=environment, reason_sha256=digest),
        by=by,
    )
    return release


@transaction.atomic
def ask_to_resume(*, release: Release, by: Person) -> Release:
    """First of the two steps that start a suspended agent again: the owner or deputy asks."""
    in_person(by, "resumes")
    agent = Agent.objects.select_for_update().get(pk=release.agent_id)
    release = Release.objects.select_for_update().get(pk=release.pk)
    if not _answers_for(agent, by):
        raise Denied("Only the owner or the deputy asks to resume.")
    if release.state != Release.State.SUSPENDED:
        raise Conflict(f"{agent.name} is not suspended.")
    release.resume_asked_by = by
    release.save(update_fields=["resume_asked_by"])
    record(
        f"agent:{agent.pk}",
        ResumeAsked(agent=str(agent.pk), release=str(release.pk), environment=release.environment),
        by=by,
    )
    return release


def resume(*, release: Release, by: Person) -> Release:
    """Second step: a security approver or platform admin, someone else than who asked, starts it again.

    The gate must pass now, on a decision made in this transaction. Raises Denied or Conflict.
    """
    resumed, decision = _resume(release, by)
    if resumed is None:
        raise Conflict(f"The gate does not pass now, so {release.agent.name} stays suspended. See the decision.")
    return resumed


@transaction.atomic
def _resume(release: Release, by: Person) -> tuple[Release | None, GateDecision]:
    in_person(by, "resumes")
    agent = Agent.objects.select_for_update().get(pk=release.agent_id)
    packet = Packet.objects.select_for_update(of=("self",)).select_related("agent__team").get(pk=release.packet_id)
    release = Release.objects.select_for_update(of=("self",)).get(pk=release.pk)
    if not (by.holds(Role.SECURITY) or by.holds(Role.ADMIN)):
        raise Denied("A security approver or a platform admin confirms that the agent may run again.")
    if release.state != Release.State.SUSPENDED or release.resume_asked_by_id is None:
        raise Conflict("The owner or the deputy must ask to resume first.")
    if by.pk == release.resume_asked_by_id:
        raise Denied("One person stops, two start: someone else must confirm.")
    decision = decide(packet, release.environment, by)
    if decision.outcome != GateDecision.Outcome.PASS:
        return None, decision
    release.state, release.decision, release.resume_asked_by = Release.State.LIVE, decision, None
    release.save(update_fields=["state", "decision", "resume_asked_by"])
    set_summary(agent, status=AgentStatus.LIVE)
    record(
        f"agent:{agent.pk}",
        Resumed(
            agent=str(agent.pk), release=str(release.pk), environment=release.environment, decision=str(decision.pk)
        ),
        by=by,
    )
    return release, decision


def _first_stage(packet: Packet) -> str:
    revision = packet.current
    stages = revision.content["sections"]["10"]["stages"] if revision else []
    if not stages:
        return ""
    first = stages[0]
    return f"Stage 1 of {len(stages)} · {first['percent']}% of {first['audience']}"[:150]
