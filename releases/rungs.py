"""What releases ask of an agent before it may act more alone: no open suspension, and time lived at the level below."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.db.models import (
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    Func,
    IntegerField,
    OuterRef,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce
from django.urls import reverse

from registry.autonomy import Condition
from registry.models import Agent, Revision
from releases.models import Release

DAYS = {4: 30, 5: 90}
"""Level: for how many days in all the agent has to be live with the level below, or a higher one, signed."""


class SignedAutonomy(Func):
    """The autonomy level in a frozen document's core."""

    template = "((convert_from(%(expressions)s, 'UTF8')::jsonb -> 'core' ->> 'autonomy')::int)"
    output_field = IntegerField()


def _lived(level: int) -> Callable[[dt.datetime], Any]:
    def met(now: dt.datetime) -> Any:
        newest = Revision.objects.filter(packet=OuterRef("packet")).order_by("-number")
        signed = newest.annotate(level=SignedAutonomy("document")).values("level")[:1]
        # A suspension ends a release's count for good: what was stopped starts over with its next version.
        until = Coalesce("suspended_at", "ended_at", Value(now), output_field=DateTimeField())
        rows = (
            Release.objects.filter(agent=OuterRef("pk"), promoted_at__lte=now)
            .annotate(level=Subquery(signed))
            .filter(level__gte=level - 1)
            .annotate(span=ExpressionWrapper(until - F("promoted_at"), output_field=DurationField()))
            .order_by()
            .values("agent")
            .annotate(days=Sum("span"))
        )
        return Exists(rows.filter(days__gte=dt.timedelta(days=DAYS[level])))

    return met


def _agent_page(agent: Agent) -> str:
    return reverse("agent_detail", args=[agent.slug])


NOT_SUSPENDED = Condition(
    "not_suspended",
    2,
    "No suspension is open",
    lambda now: ~Exists(Release.objects.filter(agent=OuterRef("pk"), ended_at=None, state=Release.State.SUSPENDED)),
    "It is suspended.",
    _agent_page,
    "See the suspension",
)
LIVED = [
    Condition(
        f"lived_{level}",
        level,
        f"It was live for {days} days at L{level - 1}",
        _lived(level),
        f"It has not been live for {days} days with L{level - 1} signed.",
        _agent_page,
        "See its releases",
        detail=True,
    )
    for level, days in DAYS.items()
]
