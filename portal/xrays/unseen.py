"""Kinds of findings about what nobody registered, keys that agents share, and retired agents that still run."""

import datetime as dt
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.urls import reverse

from accounts.models import Person
from portal.xrays.finding import Kind, Scope
from registry.models import Agent
from signals.models import CostLine, EvalRun
from signals.unregistered.models import KeyUse, Sighting, SightingTally
from web.words import day

SPEND_DAYS = 7
"""What nobody registered and spends for longer than this is a finding."""


def _answering(user: Person) -> Q:
    return Q(pk__in=Sighting.objects.answerable_by(user).values("pk"))


def _spending(scope: Scope) -> "QuerySet[Any]":
    spent = SightingTally.objects.filter(sighting=OuterRef("pk"), amount__gt=0)
    since = scope.now - dt.timedelta(days=SPEND_DAYS)
    rows = Sighting.objects.visible_to(scope.user).waiting(scope.now.date()).filter(first_seen__lt=since)
    return rows.filter(Exists(spent), state=Sighting.State.OPEN).order_by("first_seen", "pk")


def _ignored_over(scope: Scope) -> "QuerySet[Any]":
    rows = Sighting.objects.visible_to(scope.user).waiting(scope.now.date())
    return rows.filter(state=Sighting.State.IGNORED).order_by("ignored_until", "pk")


def _shared_keys(scope: Scope) -> "QuerySet[Any]":
    uses = KeyUse.objects.visible_to(scope.user)
    same = KeyUse.objects.filter(name=OuterRef("name"), value=OuterRef("value"))
    rows = uses.filter(Exists(same.exclude(agent=OuterRef("agent"))))
    if scope.agent is not None:
        # Once for an agent, in however many sources.
        earlier = KeyUse.objects.filter(
            name=OuterRef("name"), value=OuterRef("value"), agent=OuterRef("agent"), pk__lt=OuterRef("pk")
        )
        rows = rows.filter(~Exists(earlier), agent=scope.agent)
    else:
        rows = rows.filter(~Exists(uses.filter(name=OuterRef("name"), value=OuterRef("value"), pk__lt=OuterRef("pk"))))
    names = same.order_by("agent__name").values("agent__name").distinct()
    return (
        rows.annotate(agents=ArraySubquery(names))
        .select_related("agent__team", "agent__owner")
        .order_by("name", "value", "pk")
    )


def _retired_but_seen(scope: Scope) -> "QuerySet[Any]":
    rows = Agent.objects.detail_visible_to(scope.user).filter(retired_at__isnull=False)
    if scope.agent is not None:
        rows = rows.filter(pk=scope.agent.pk)
    costs = CostLine.objects.filter(agent=OuterRef("pk"), charge_period_start__gt=OuterRef("retired_at"))
    runs = EvalRun.objects.filter(agent=OuterRef("pk"), started_at__gt=OuterRef("retired_at"))
    return (
        rows.filter(Exists(costs) | Exists(runs))
        .annotate(retired_on=F("retired_at"))
        .select_related("team", "owner")
        .order_by("name", "pk")
    )


def _say_spending(sighting: Any, scope: Scope) -> tuple[str, str]:
    return (
        f"{sighting.get_kind_display()} {sighting} has spent since {day(sighting.first_seen)}, and no agent claims it.",
        reverse("sighting_detail", args=[sighting.pk]),
    )


def _say_over(sighting: Any, scope: Scope) -> tuple[str, str]:
    return (
        f"It was ignored until {day(sighting.ignored_until)}, and is still seen. Answer it again.",
        reverse("sighting_detail", args=[sighting.pk]),
    )


def _say_shared(use: Any, scope: Scope) -> tuple[str, str]:
    return (
        f"{' and '.join(use.agents)} use one key: neither can be stopped, nor counted, alone. Give each its own.",
        reverse("agent_detail", args=[use.agent.slug]),
    )


def _say_retired(agent: Any, scope: Scope) -> tuple[str, str]:
    said = (
        f"It was retired on {day(agent.retired_on)}, and costs or evals have named it since. Stop it, or take it back."
    )
    return said, reverse("agent_retire", args=[agent.slug])


def _of_its_agent(user: Person) -> Q:
    return Q(agent__team__in=user.team_ids) | Q(agent__owner=user) | Q(agent__deputy=user)


def _takes_back(user: Person) -> Q:
    return Q(owner=user) | (Q(owner__is_active=False) if user.is_admin else Q(pk__in=[]))


UNSEEN_SERIOUS = [
    Kind(
        "unregistered_spend",
        "Spends, but nobody registered it",
        "serious",
        _spending,
        _say_spending,
        _answering,
        of_agents=False,
        ask="finance or a platform admin",
    ),
    Kind("retired_but_seen", "Retired, but still seen", "serious", _retired_but_seen, _say_retired, _takes_back),
]
UNSEEN_IMPORTANT = [
    Kind(
        "ignored_over",
        "Ignored until a day that has passed",
        "important",
        _ignored_over,
        _say_over,
        _answering,
        of_agents=False,
        ask="finance or a platform admin",
    ),
    Kind(
        "shared_key",
        "Agents that share a key",
        "important",
        _shared_keys,
        _say_shared,
        _of_its_agent,
        team="agent__team",
    ),
]
