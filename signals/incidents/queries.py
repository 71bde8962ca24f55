"""What pages read of incidents, and what rooms below are told of them."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse

from accounts.models import Person
from registry.models import Agent, Packet, Revision
from registry.panels import Moved, Panel
from registry.sections.s04_evals import EvalCase
from registry.vocabulary import PacketState
from signals.incidents.models import SEVEREST_FIRST, Incident
from web.words import day

AT_ONCE = 100
"""Incidents that one click makes cases of."""
CHOICES = 200
"""Agents that the list offers to be filtered by; of each other one, its own page leads there."""
SHOWN = 5


def incidents(user: Person, agent: str = "", severity: str = "", open_: bool | None = None) -> QuerySet[Incident]:
    """The incidents that `user` sees, the newest first, of an agent (its slug), a severity, only open or only closed."""
    rows = Incident.objects.visible_to(user).told()
    if agent:
        rows = rows.filter(agent__slug=agent)
    if severity:
        rows = rows.filter(severity=severity)
    if open_ is not None:
        rows = rows.filter(closed_at__isnull=open_)
    return rows.order_by("-happened_at", "pk")


def agents_with_incidents(user: Person, chosen: str) -> list[tuple[str, str]]:
    """Slug and name of the agents of which `user` sees an incident, by name, CHOICES at most; and of the one that is chosen."""
    seen = Incident.objects.visible_to(user).filter(agent=OuterRef("pk"))
    rows = Agent.objects.visible_to(user).filter(Exists(seen)).order_by("name", "pk").values_list("slug", "name")
    found = list(rows[:CHOICES])
    missed = chosen and chosen not in dict(found)
    return [*rows.filter(slug=chosen), *found] if missed else found


def count_open(user: Person) -> int:
    """How many are open of the agents that `user` answers for or works on: the number in the rail. One query."""
    if user.is_auditor:
        return 0
    return Incident.objects.open().filter(agent__in=Agent.objects.editable_by(user)).count()


def agent_panel(agent: Agent, user: Person) -> Panel:
    """The agent's incidents, open and severe ones first, and where one is reported. Two queries."""
    rows = Incident.objects.visible_to(user).filter(agent=agent)
    first = list(rows.worst_first()[:SHOWN])
    figures = rows.figures() if first else {"all": 0, "open": 0}
    said = {"all": figures["all"], "open_words": f"{figures['open']} open" if figures["open"] else ""}
    return Panel("signals/incident_panel.html", {"agent": agent, "incidents": first, **said})


def not_yet_cases(packet: Packet, user: Person) -> list[Incident]:
    """The incidents of the packet's agent that are no case of its section 4, the oldest first, AT_ONCE at most. Two queries."""
    known = set(EvalCase.objects.filter(packet=packet).values_list("case_id", flat=True))
    rows = Incident.objects.visible_to(user).filter(agent=packet.agent_id).order_by("happened_at", "pk")
    return [row for row in rows if row.case_id not in known][:AT_ONCE]


def incidents_moved(revision: Revision, content: Mapping[str, Any], at: dt.datetime) -> list[Moved]:
    """How many incidents were reported after `revision` was submitted, and the worst of them. One query.

    By when they were reported, not when they happened: what came to light later, nobody who signed could know.
    """
    if revision.packet.state == PacketState.SUPERSEDED:
        return []  # what the agent does now is its successor's
    agent = revision.packet.agent
    found = Incident.objects.filter(agent=agent, reported_at__gt=revision.submitted_at, reported_at__lte=at).figures()
    if not found["all"]:
        return []
    worst = next(one for one in SEVEREST_FIRST if found[one.value])
    number = "1 incident" if found["all"] == 1 else f"{found['all']} incidents"
    now = f"{number} reported since, {'' if found['all'] == 1 else 'the worst '}{worst.label.lower()}"
    url = f"{reverse('incident_list')}?agent={agent.slug}"
    signed = f"what was known on {day(revision.submitted_at)}"
    return [Moved(4, "incidents", agent.name, "incidents", signed, now, url)]
