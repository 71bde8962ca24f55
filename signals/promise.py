"""What a packet promised to cost, held against what was pulled: month by month, unknown where it is not known."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import Exists, OuterRef, Subquery, Sum
from django.db.models.functions import TruncMonth
from django.urls import reverse

from registry.models import Agent, Revision
from registry.panels import Moved
from registry.vocabulary import PacketState
from signals.facts import cents as cents_of
from signals.facts import coverage, month_of, unreadable
from signals.models import CostLine, Source
from web.words import day, money


@dataclass(frozen=True)
class Promise:
    """What section 8 of a document says of a month. An amount is None where it says none."""

    currency: str
    month: Decimal | None
    bad_month: Decimal | None
    """P90: what one month in ten exceeds."""


@dataclass(frozen=True)
class Month:
    """One month (UTC): what the agent cost, in hundredths rounded up, and that in percent of the promise.

    Either is None where it is not known; `why` says why.
    """

    first: dt.date
    cents: int | None
    percent: int | None
    why: str = ""

    @property
    def name(self) -> str:
        """The month in words."""
        return f"{self.first:%B %Y}"


def promise_of(document: Mapping[str, Any]) -> Promise:
    """What the document's section 8 promises."""
    said = document["sections"]["8"]
    currency = said["currency"] if isinstance(said["currency"], str) else ""
    return Promise(currency, _amount(said["per_month"]), _amount(said.get("forecast", {}).get("p90")))


def _amount(said: Any) -> Decimal | None:
    return Decimal(said) if isinstance(said, str) else None


def months(agent: Agent, promise: Promise, since: dt.datetime, at: dt.datetime) -> list[Month]:
    """Every month from that of `since` to that of `at`: what `agent` cost, beside `promise`. A fixed number of queries.

    Costs are FOCUS's EffectiveCost, as the gate counts them. There is a share of the promise for whole months only, after
    the one of `since`, and only in the promise's own currency.
    """
    lines = CostLine.objects.filter(agent=agent, received_at__lte=at)
    sources = Source.objects.filter(kind=Source.Kind.FOCUS).filter(Exists(lines.filter(source=OuterRef("pk"))))
    ends = CostLine.objects.filter(source=OuterRef("pk")).order_by("charge_period_end")
    known: list[Any] = list(sources.annotate(oldest=Subquery(ends.values("charge_period_end")[:1])))
    through, bar = coverage(agent, known, at)
    bar = bar or unreadable(known)
    oldest = max((one.oldest for one in known), default=None)
    spent: dict[dt.datetime, dict[str, Decimal]] = {}
    rows = lines.filter(charge_period_start__gte=month_of(since)[0], charge_period_start__lt=month_of(at)[1])
    month = TruncMonth("charge_period_start", tzinfo=dt.UTC)
    for row in rows.annotate(month=month).values("month", "billing_currency").annotate(sum=Sum("effective_cost")):
        spent.setdefault(row["month"], {})[row["billing_currency"]] = row["sum"]
    found = []
    first, after = month_of(since)
    while first <= at:
        amounts = spent.get(first, {})
        why = bar or _why_unknown(amounts, promise, first, after, through, oldest)
        cents = None if why else cents_of(next(iter(amounts.values()), Decimal(0)))
        why = why or _why_no_share(promise, first, after, since, through)
        percent = None if why or cents is None or not promise.month else _share(cents, promise.month)
        found.append(Month(first.date(), cents, percent, why))
        first, after = month_of(after)
    return found


def _why_unknown(
    amounts: Mapping[str, Decimal],
    promise: Promise,
    first: dt.datetime,
    after: dt.datetime,
    through: dt.datetime | None,
    oldest: dt.datetime | None,
) -> str:
    currencies = sorted(amounts)
    if len(currencies) > 1:
        return f"Costs came in {' and '.join(currencies)}, and no rate is on file, so there is no total."
    if currencies and currencies != [promise.currency]:
        return f"Costs came in {currencies[0]}; the packet promises in {promise.currency or 'no currency'}."
    if through is None or through <= first:
        return f"No usage of {first:%B %Y} was pulled yet."
    if not currencies and (oldest is None or oldest >= after):
        return f"No usage of {first:%B %Y} was pulled; the oldest is younger."
    return ""


def _why_no_share(
    promise: Promise, first: dt.datetime, after: dt.datetime, since: dt.datetime, through: dt.datetime | None
) -> str:
    if promise.month is None:
        return "Section 8 promises no amount a month."
    if not promise.month:
        return "Section 8 promises nothing a month, of which there is no share."
    if since > first:
        return f"Signed on {day(since)}: part of the month is of before."
    if through is None or through < after:
        return f"Known through {day(through)} only." if through else "The month is not over."
    return ""


def _share(cents: int, promised: Decimal) -> int:
    return int((Decimal(cents) / promised).to_integral_value(ROUND_HALF_UP))


def cost_moved(revision: Revision, content: Mapping[str, Any], at: dt.datetime) -> list[Moved]:
    """The newest whole month, where it cost more than a bad month was promised to, or less than half of a usual one."""
    if revision.packet.state == PacketState.SUPERSEDED:
        return []  # what is billed now is its successor's
    promise = promise_of(content)
    whole = [
        one for one in months(revision.packet.agent, promise, revision.submitted_at, at) if one.percent is not None
    ]
    if not whole or promise.month is None:
        return []
    last = whole[-1]
    most = promise.bad_month or promise.month
    cost = Decimal(last.cents or 0) / 100
    if promise.month / 2 <= cost <= most:
        return []
    bad = f", {money(promise.bad_month, promise.currency)} in a bad one" if promise.bad_month else ""
    signed = f"{money(promise.month, promise.currency)} a month{bad}"
    now = f"{money(cost, promise.currency)} in {last.name}, {last.percent}% of that"
    agent = revision.packet.agent
    return [
        Moved(8, "cost.month", agent.name, "cost of a month", signed, now, f"{reverse('cost_list')}?agent={agent.slug}")
    ]
