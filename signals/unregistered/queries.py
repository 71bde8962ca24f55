"""What the pages of unregistered agents read: sightings with their sums, who might own each, and what is live but unseen."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet, Subquery

from accounts.models import Person
from accounts.roles import Role
from registry.models import Agent
from registry.vocabulary import AgentStatus
from signals.models import CostLine, EvalRun
from signals.unregistered.models import Sighting, SightingTally
from signals.unregistered.suggestions import Suggestion, suggestions

SHOWS = {"": "Waits for an answer", "claimed": "Claimed by a team", "ignored": "Ignored", "mapped": "Mapped"}
UNSEEN_DAYS = 30


def sees_spend(user: Person) -> bool:
    """Whether `user` may see what no agent claims: those who see all costs."""
    return user.sees_all or Role.FINANCE in user.roles


@dataclass
class Seen:
    """A sighting with what was counted of it, over all sources."""

    sighting: Sighting
    sums: dict[str, Decimal] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)
    owners: list[Suggestion] = field(default_factory=list)
    may_answer: bool = False

    @property
    def single(self) -> bool:
        """Whether all it spent is in one currency."""
        return len(self.sums) < 2


def sightings(user: Person, show: str = "", kind: str = "") -> QuerySet[Sighting]:
    """The sightings that `user` sees, newest first; `show` is a key of SHOWS, `kind` one of the kinds."""
    rows = Sighting.objects.visible_to(user)
    if show == "ignored":
        rows = rows.ignored()
    elif show == "mapped":
        rows = rows.filter(state=Sighting.State.MAPPED)
    else:
        rows = rows.waiting()
        if show == "claimed":
            rows = rows.filter(claimed_for__isnull=False)
    if kind:
        rows = rows.filter(kind=kind)
    rows = rows.select_related("agent", "decided_by", "claimed_for", "claimed_by")
    return rows.order_by("-decided_at" if show == "mapped" else "-last_seen", "pk")


def plain(user: Person) -> QuerySet[Sighting]:
    """Every sighting that `user` sees, with those whom it names."""
    return Sighting.objects.visible_to(user).select_related("agent", "decided_by", "claimed_for", "claimed_by")


def described(rows: Iterable[Sighting], user: Person) -> list[Seen]:
    """`rows` with their sums, sources and likely owners, at most six queries for all of them."""
    seen = {row.pk: Seen(row) for row in rows}
    spend, most = sees_spend(user), defaultdict[Any, int](int)
    tallies = SightingTally.objects.filter(sighting__in=list(seen)).select_related("source").order_by("currency")
    for tally in tallies:
        one = seen[tally.sighting_id]
        if tally.amount is not None and spend:
            one.sums[tally.currency] = one.sums.get(tally.currency, Decimal(0)) + tally.amount
        if tally.source.name not in one.sources:
            one.sources.append(tally.source.name)
        if tally.lines > most[tally.sighting_id]:
            most[tally.sighting_id], one.said = tally.lines, tally.said
    answerable = set(Sighting.objects.answerable_by(user).filter(pk__in=list(seen)).values_list("pk", flat=True))
    found = suggestions([(one.sighting, one.said) for one in seen.values()], user)
    for pk, one in seen.items():
        one.owners, one.may_answer = found.get(pk, []), pk in answerable
    return list(seen.values())


def live_but_unseen(user: Person, days: int, now: dt.datetime) -> QuerySet[Agent]:
    """Agents that are live and were in no eval run and no cost line of the last `days` days, with when they last were.
    One that is younger than that was given no time to be seen.

    Of the agents whose detail `user` may see: what was pulled for the others is not theirs to know.
    """
    since = now - dt.timedelta(days=days)
    runs = EvalRun.objects.filter(agent=OuterRef("pk"))
    lines = CostLine.objects.filter(agent=OuterRef("pk"))
    return (
        Agent.objects.detail_visible_to(user)
        .filter(status=AgentStatus.LIVE, created_at__lt=since)
        .filter(~Exists(runs.filter(Q(completed_at__gte=since) | Q(completed_at=None, started_at__gte=since))))
        .filter(~Exists(lines.filter(charge_period_start__gte=since)))
        .annotate(
            last_run=Subquery(runs.order_by("-completed_at").values("completed_at")[:1]),
            last_cost=Subquery(lines.order_by("-charge_period_start").values("charge_period_start")[:1]),
        )
        .select_related("team", "owner")
        .order_by("name", "pk")
    )


def waiting_figures(user: Person) -> dict[str, Any]:
    """What waits for `user` to map or ignore it: how many, how many of them a team claims, and when last seen."""
    rows = Sighting.objects.answerable_by(user).waiting()
    return rows.aggregate(
        all=Count("pk"), claimed=Count("pk", filter=Q(claimed_for__isnull=False)), newest=Max("last_seen")
    )


def count_waiting(user: Person) -> int:
    """How many wait for `user`: the number in the rail. One query."""
    return Sighting.objects.answerable_by(user).waiting().count()
