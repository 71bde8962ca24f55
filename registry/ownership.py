"""Handing an agent over: the owner offers it, and it changes hands only when the new owner accepts."""

from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.actors import a_person
from accounts.models import Person
from accounts.roles import Role
from registry import entries
from registry.models import Agent, Handover
from registry.vocabulary import HandoverState
from work import clock
from work.acts import Conflict, Denied, Invalid, record


def offer_bar(agent: Agent, user: Person) -> str:
    """Why `user` may not offer the agent to a new owner; empty where they may."""
    if user.is_active and not user.is_auditor:
        if user.pk == agent.owner_id:
            return ""
        if user.is_admin and not agent.owner.is_active:
            return ""
    if not agent.owner.is_active:
        return f"{agent.owner.name}, the owner, has left. A platform admin offers {agent.name} to a new owner."
    return (
        f"Only {agent.owner.name}, the owner, hands {agent.name} over. Once an owner has left, a platform admin does."
    )


@transaction.atomic
def offer(*, agent: Agent, to: Person, by: Person, note: str = "") -> Handover:
    """Offer the agent to a new owner: by the owner, or by a platform admin once the owner has left.

    Nothing changes hands: until `to` accepts, the old owner answers. Raises Denied, Invalid, or Conflict where an
    offer waits already.
    """
    a_person(by, "hands an agent over")
    agent = _agent(agent.pk)
    if bar := offer_bar(agent, by):
        raise Denied(bar)
    if agent.retired_at is not None:
        raise Conflict(f"{agent.name} is retired, so there is nothing to answer for. Take it back into use first.")
    note = note.strip()
    problems = _bars(to)
    if to.pk == agent.owner_id:
        problems.append(f"{to.name} owns {agent.name} already. Choose someone else.")
    if len(note) > 500:
        problems.append("Write at most 500 characters to the new owner.")
    if problems:
        raise Invalid(*problems)
    try:
        with transaction.atomic():
            handover = Handover.objects.create(
                agent=agent, previous=agent.owner, to=to, offered_by=by, note=note, offered_at=clock.now()
            )
    except IntegrityError as error:
        raise Conflict(f"{agent.name} is offered to somebody already. Withdraw that offer first.") from error
    record(
        agent.stream,
        entries.HandoverOffered(
            agent=str(agent.pk), handover=str(handover.pk), previous=str(agent.owner_id), to=str(to.pk)
        ),
        by=by,
    )
    return handover


@transaction.atomic
def accept(*, handover: Handover, by: Person) -> Agent:
    """Accept the agent: by the person whom it was offered to, and nobody else. From here on they answer for it.

    Where the new owner was its deputy, that place is empty afterwards. The old owner's sign-offs on packets lapse by
    themselves: the owner's role is held by the owner alone.
    """
    a_person(by, "answers the offer of an agent")
    agent, handover = _locked(handover)
    if by.pk != handover.to_id:
        raise Denied(f"Only {handover.to.name} can accept {agent.name}: nobody is made an owner by someone else.")
    if bars := _bars(by):
        raise Invalid(*bars)
    previous, cleared = agent.owner_id, agent.deputy_id == by.pk
    agent.owner = by
    if cleared:
        agent.deputy = None
    agent.save(update_fields=["owner", "deputy"])
    _end(handover, HandoverState.ACCEPTED)
    record(
        agent.stream,
        entries.OwnerChanged(
            agent=str(agent.pk),
            handover=str(handover.pk),
            previous=str(previous),
            owner=str(by.pk),
            deputy_left_empty=cleared,
        ),
        by=by,
    )
    return agent


@transaction.atomic
def decline(*, handover: Handover, by: Person) -> Handover:
    """Decline the agent: by the person whom it was offered to. The owner stays."""
    a_person(by, "answers the offer of an agent")
    agent, handover = _locked(handover)
    if by.pk != handover.to_id or not by.is_active:
        raise Denied(f"Only {handover.to.name} can decline. Who offered {agent.name} can withdraw the offer.")
    return _ended(agent, handover, HandoverState.DECLINED, by)


@transaction.atomic
def withdraw(*, handover: Handover, by: Person) -> Handover:
    """Take the offer back: by whoever may make one."""
    a_person(by, "answers the offer of an agent")
    agent, handover = _locked(handover)
    if bar := offer_bar(agent, by):
        raise Denied(bar)
    return _ended(agent, handover, HandoverState.WITHDRAWN, by)


def end_open(agent: Agent, handover: Handover, by: Person) -> None:
    """End an open offer of an agent that is retired. Both rows are locked by the caller, in whose act it happens."""
    _ended(agent, handover, HandoverState.WITHDRAWN, by)


def _agent(pk: UUID) -> Agent:
    # Without a join to the owner: once the lock is had, PostgreSQL would hold the changed row against the old owner's,
    # and find no agent.
    return Agent.objects.select_for_update().get(pk=pk)


def _locked(handover: Handover) -> tuple[Agent, Handover]:
    agent = _agent(handover.agent_id)
    row = Handover.objects.select_for_update().get(pk=handover.pk)
    if row.state != HandoverState.OPEN:
        raise Conflict(f"This offer was {row.get_state_display().lower()} before. Look at the agent's page.")
    return agent, row


def _end(handover: Handover, state: str) -> None:
    handover.state, handover.ended_at = state, clock.now()
    handover.save(update_fields=["state", "ended_at"])


def _ended(agent: Agent, handover: Handover, state: HandoverState, by: Person) -> Handover:
    _end(handover, state)
    record(
        agent.stream,
        entries.HandoverEnded(agent=str(agent.pk), handover=str(handover.pk), state=state.value),
        by=by,
    )
    return handover


def _bars(person: Person) -> list[str]:
    if not Person.objects.filter(pk=person.pk, is_active=True).exists():
        return [f"{person.name} has left, and so cannot own an agent. Choose someone else."]
    if person.is_service:
        return [f"{person.name} is a service account, which answers for nothing. Choose a person."]
    if person.holds(Role.AUDITOR):
        return [f"{person.name} is an auditor, who changes nothing. Choose someone else."]
    return []
