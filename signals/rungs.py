"""What signals ask of an agent before it may act more alone: evidence that is not old."""

import datetime as dt
from typing import Any

from django.db.models import Exists, OuterRef
from django.urls import reverse

from registry.autonomy import Condition
from registry.models import Packet
from signals.models import EvalRun

FRESH_DAYS = 30
"""A successful eval run of the version in force may be this old."""


def _runs() -> Any:
    version = Packet.objects.filter(pk=OuterRef(OuterRef("standing"))).values("version")
    return EvalRun.objects.filter(
        agent=OuterRef("pk"), status="success", invalidated=False, completed_at__isnull=False, version__in=version
    )


def _fresh(now: dt.datetime) -> Exists:
    return Exists(_runs().filter(completed_at__gte=now - dt.timedelta(days=FRESH_DAYS)))


EVALS_FRESH = Condition(
    "evals_fresh",
    4,
    f"Its version was evaluated within {FRESH_DAYS} days",
    _fresh,
    f"The newest successful eval run of the version in force is older than {FRESH_DAYS} days.",
    lambda agent: f"{reverse('eval_run_list')}?agent={agent.slug}",
    "See its eval runs",
    lambda now: ~Exists(_runs()),
    "No successful eval run of the version in force was pulled.",
    detail=True,
)
