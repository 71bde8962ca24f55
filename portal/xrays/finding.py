"""A finding, its kind, and a page of them."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse

from accounts.models import Person, Team
from registry.models import Agent, CatalogueEntry, Packet, Tool
from signals.unregistered.models import KeyUse, Sighting

SEVERITIES = {"serious": ("fail", "Serious"), "important": ("warn", "Important"), "minor": ("wait", "Minor")}
"""Severity: how it looks, and its word; the most severe first."""


@dataclass(frozen=True)
class Scope:
    """Who looks, when, and at which agent alone (None: at all)."""

    user: Person
    now: dt.datetime
    agent: Agent | None = None


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. `url` leads to where it is mended, or to what it is about where others mend it."""

    kind: "Kind"
    subject: str
    sentence: str
    url: str
    action: str
    team: str = ""
    who: str = ""


@dataclass(frozen=True)
class Kind:
    """One kind of finding. `mine` narrows its rows to those that a person can mend."""

    key: str
    title: str
    severity: str
    rows: Callable[[Scope], "QuerySet[Any]"]
    say: Callable[[Any, Scope], tuple[str, str]]
    """The sentence, and the address where it is mended."""
    mine: Callable[[Person], Q]
    of_agents: bool = True
    team: str = "team"
    ask: str = ""
    """Who mends it, where that is not the owner."""

    @property
    def verdict(self) -> str:
        """How its severity looks."""
        return SEVERITIES[self.severity][0]

    @property
    def severity_name(self) -> str:
        """Its severity in a word."""
        return SEVERITIES[self.severity][1]

    def found(self, scope: Scope, team: Team | None = None, mine: bool = False) -> "QuerySet[Any]":
        """The rows of which this is true. What belongs to no team is not found where one is asked for."""
        rows = self.rows(scope)
        if team is not None:
            rows = rows.filter(**{self.team: team}) if self.of_agents else rows.none()
        return rows.filter(self.mine(scope.user)) if mine else rows

    def finding(self, row: Any, scope: Scope, mending: set[Any]) -> Finding:
        """The row as a finding; `mending` are the ids of those that the person can mend."""
        sentence, url = self.say(row, scope)
        may = row.pk in mending
        if isinstance(row, CatalogueEntry):
            name, team, who = str(row), "", row.owner.name if row.owner else "a platform admin"
            own = reverse("tool_detail" if isinstance(row, Tool) else "data_detail", args=[row.pk])
        elif isinstance(row, Sighting):
            name, team, who, own = str(row), "", self.ask, reverse("sighting_detail", args=[row.pk])
        else:
            agent = row.agent if isinstance(row, (Packet, KeyUse)) else row
            name, team, who = str(row), agent.team.name, agent.owner.name
            own = reverse("agent_detail", args=[agent.slug])
        return Finding(
            self, name, sentence, url if may else own, "Mend" if may else "Look", team, "" if may else self.ask or who
        )


class Findings:
    """The findings of several kinds, one after the other, for a paginator: only the rows of one page are read."""

    def __init__(self, parts: list[tuple[Kind, "QuerySet[Any]", int]], scope: Scope) -> None:
        self.parts, self.scope = parts, scope

    def __len__(self) -> int:
        return sum(count for _, _, count in self.parts)

    def __getitem__(self, wanted: slice) -> list[Finding]:
        start, stop, found = wanted.start or 0, wanted.stop if wanted.stop is not None else len(self), []
        for kind, rows, count in self.parts:
            if start < count and stop > 0:
                found += told(kind, rows[max(start, 0) : min(stop, count)], self.scope)
            start, stop = start - count, stop - count
        return found


def told(kind: Kind, rows: "QuerySet[Any]", scope: Scope) -> list[Finding]:
    shown = list(rows)
    if not shown:
        return []
    model: Any = type(shown[0])
    mending: set[Any] = set()
    if not scope.user.is_auditor:
        ours = model.objects.filter(kind.mine(scope.user), pk__in=[row.pk for row in shown])
        mending = set(ours.values_list("pk", flat=True))
    return [kind.finding(row, scope, mending) for row in shown]
