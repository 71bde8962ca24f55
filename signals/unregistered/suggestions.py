"""Who might own what nobody registered: guesses, each with its reason in words, for a person to judge."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q
from django.db.models.functions import Lower

from accounts.models import Person, Team
from registry.models import Agent
from signals.unregistered.models import Sighting

MOST = 3
CANDIDATES = 400
SAMPLE = 2000
"""So many lines of an account are asked whose they are, however many there are."""
LIKE_ENOUGH = 0.5
_WORD = re.compile(r"[a-z0-9]{3,}")
_COMMON = {"agent", "agents", "prod", "production", "test", "dev", "proj", "project", "service", "model", "the", "bot"}


@dataclass(frozen=True)
class Suggestion:
    """Somebody who might own it. `agent` is set where it may be that agent under another name."""

    name: str
    reason: str
    agent: Agent | None = None
    team: Team | None = None


Asked = Sequence[tuple[Sighting, dict[str, Any]]]
"""Sightings, each with what most of its lines say."""


def suggestions(asked: Asked, user: Person) -> dict[UUID, list[Suggestion]]:
    """At most three guesses for each sighting, the likeliest first. Four queries for all of them."""
    found: dict[UUID, list[Suggestion]] = defaultdict(list)
    for pk, one in (*_alike(asked, user), *_told(asked, user), *_neighbours(asked, user)):
        if len(found[pk]) < MOST and one.name not in {known.name for known in found[pk]}:
            found[pk].append(one)
    return found


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower())) - _COMMON


def _alike(asked: Asked, user: Person) -> list[tuple[UUID, Suggestion]]:
    """Agents whose slug or name shares most of its words with what was seen."""
    words = {sighting.pk: _words(sighting.value) for sighting, _ in asked}
    every = sorted(set().union(*words.values(), set()))[:200]
    if not every:
        return []
    named = reduce(or_, (Q(slug__icontains=word) | Q(name__icontains=word) for word in every))
    rows = Agent.objects.visible_to(user).in_use().filter(named).select_related("team", "owner")
    agents = [(agent, _words(agent.slug) | _words(agent.name)) for agent in rows.order_by("name")[:CANDIDATES]]
    found = []
    for pk, mine in words.items():
        scored = sorted(
            (
                (len(mine & theirs) / min(len(mine), len(theirs)), agent.name, agent)
                for agent, theirs in agents
                if mine & theirs
            ),
            key=lambda one: (-one[0], one[1]),
        )
        for score, name, agent in scored[:2]:
            if score >= LIKE_ENOUGH:
                said = f"the name is like that of the agent {name} ({agent.team.name}, {agent.owner.name})"
                found.append((pk, Suggestion(name, said, agent=agent, team=agent.team)))
    return found


def _told(asked: Asked, user: Person) -> list[tuple[UUID, Suggestion]]:
    """Teams and people whom tags on the same lines name; a cost centre in words."""
    teams = {str(said["team"]).lower() for _, said in asked if said.get("team")}
    owners = {str(said["owner"]).lower() for _, said in asked if said.get("owner")}
    known: dict[str, Team] = {}
    if teams:
        rows = Team.objects.visible_to(user).annotate(low=Lower("name")).filter(Q(low__in=teams) | Q(slug__in=teams))
        known = {key: team for team in rows for key in (team.name.lower(), team.slug)}
    people: dict[str, Person] = {}
    if owners:
        rows_ = Person.objects.visible_to(user).people().annotate(low=Lower("name"))
        people = {
            key: one
            for one in rows_.filter(Q(low__in=owners) | Q(email__in=owners))
            for key in (one.name.lower(), one.email)
        }
    found = []
    for sighting, said in asked:
        if team := known.get(str(said.get("team", "")).lower()):
            found.append(
                (sighting.pk, Suggestion(team.name, f"its lines carry the tag team: {said['team']}", team=team))
            )
        if person := people.get(str(said.get("owner", "")).lower()):
            left = "" if person.is_active else ", who has left"
            found.append((sighting.pk, Suggestion(person.name, f"its lines name {person.name}{left} as owner")))
        if centre := said.get("cost_centre"):
            found.append((sighting.pk, Suggestion(f"Cost centre {centre}", f"its lines carry cost centre {centre}")))
    return found


def _neighbours(asked: Asked, user: Person) -> list[tuple[UUID, Suggestion]]:
    """The team to whose agents most lines of the same sub-account belong."""
    accounts = {str(said["sub_account"]) for _, said in asked if said.get("sub_account")}
    if not accounts:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.account, g.team_id, count(*) FROM unnest(%s::text[]) a(account)"
            " CROSS JOIN LATERAL (SELECT agent_id FROM signals_costline l WHERE l.sub_account_id = a.account"
            " AND l.agent_id IS NOT NULL AND l.sub_account_id <> '' LIMIT %s) l"
            " JOIN registry_agent g ON g.id = l.agent_id GROUP BY 1, 2 ORDER BY 3 DESC",
            [sorted(accounts), SAMPLE],
        )
        rows = cursor.fetchall()
    teams = Team.objects.visible_to(user).in_bulk({team for _, team, _ in rows})
    most: dict[str, tuple[Team, int, int]] = {}
    for account, team, count in rows:
        total = sum(n for other, _, n in rows if other == account)
        most.setdefault(account, (teams[team], count, total))
    return [
        (
            sighting.pk,
            Suggestion(team.name, f"{count} of {total} lines of its account {account} are this team's", team=team),
        )
        for sighting, said in asked
        if (account := str(said.get("sub_account", ""))) in most
        for team, count, total in [most[account]]
    ]
