"""Retiring an agent that is no longer used, and taking it back. Nothing that was filed, signed or pulled goes away."""

import hashlib
import secrets
from functools import reduce
from operator import or_

from django.db import transaction
from django.db.models import Q

from accounts.actors import a_person
from accounts.models import Person
from registry import entries, panels
from registry.actions import status_by_packets
from registry.models import Agent, Handover, Packet
from registry.ownership import end_open
from registry.vocabulary import OPEN, AgentStatus
from work import clock
from work.acts import Conflict, Denied, Invalid, record


def retire_bar(agent: Agent, user: Person) -> str:
    """Why `user` may not retire the agent or take it back; empty where they may: its owner, or a platform admin once
    the owner has left."""
    if user.is_active and not user.is_auditor:
        if user.pk == agent.owner_id:
            return ""
        if user.is_admin and not agent.owner.is_active:
            return ""
    if not agent.owner.is_active:
        return f"{agent.owner.name}, the owner, has left. A platform admin retires {agent.name} or hands it over."
    return f"Only {agent.owner.name}, the owner, retires {agent.name}. Once an owner has left, a platform admin does."


def in_the_way(agent: Agent) -> list[str]:
    """What has to end before the agent can be retired, as sentences: a release in force, packets that are open."""
    said = []
    running = reduce(or_, (Q(pk__in=ids()) for ids in panels.packets_in_force), Q(pk__in=[]))
    for packet in Packet.objects.filter(running, agent=agent):
        said.append(f"Version {packet.version} is in force. End its release first.")
    for packet in Packet.objects.filter(agent=agent, state__in=OPEN).order_by("number"):
        state = packet.get_state_display().lower()
        said.append(f"Packet {packet.number} ({packet.version}) is {state}. Withdraw it, or finish it.")
    return said


@transaction.atomic
def retire_agent(*, agent: Agent, reason: str, by: Person) -> Agent:
    """Retire the agent: it leaves the lists, files no packet and is not promoted. An open offer to a new owner ends.

    Raises Denied, Invalid without a reason, Conflict while a release is in force or a packet is open, each named.
    """
    a_person(by, "retires an agent")
    agent = _locked(agent)
    if bar := retire_bar(agent, by):
        raise Denied(bar)
    if agent.retired_at is not None:
        raise Conflict(f"{agent.name} is retired already.")
    reason = reason.strip()
    if not 0 < len(reason) <= 500:
        raise Invalid("Say in a sentence, of at most 500 characters, why it is retired and what takes its place.")
    if said := in_the_way(agent):
        raise Conflict(" ".join(said))
    for offer in Handover.objects.select_for_update().filter(agent=agent).open():
        end_open(agent, offer, by)
    agent.retired_at, agent.retired_by, agent.retired_because = clock.now(), by, reason
    agent.status, agent.stage = AgentStatus.RETIRED, ""
    agent.save(update_fields=["retired_at", "retired_by", "retired_because", "status", "stage"])
    # Salted, because a short reason could be guessed from its digest.
    digest = hashlib.sha256(secrets.token_bytes(16) + reason.encode()).hexdigest()
    record(agent.stream, entries.AgentRetired(agent=str(agent.pk), reason_sha256=digest), by=by)
    return agent


@transaction.atomic
def take_back_agent(*, agent: Agent, by: Person) -> Agent:
    """Take a retired agent back into use, with its packets as they were. Raises Denied, or Conflict where it is in use."""
    a_person(by, "takes an agent back into use")
    agent = _locked(agent)
    if bar := retire_bar(agent, by):
        raise Denied(bar)
    if agent.retired_at is None:
        raise Conflict(f"{agent.name} is not retired.")
    agent.retired_at, agent.retired_by, agent.retired_because = None, None, ""
    agent.status = status_by_packets(agent)
    agent.save(update_fields=["retired_at", "retired_by", "retired_because", "status"])
    record(agent.stream, entries.AgentTakenBack(agent=str(agent.pk)), by=by)
    return agent


def _locked(agent: Agent) -> Agent:
    return Agent.objects.select_for_update().get(pk=agent.pk)
