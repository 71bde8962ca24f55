"""What the tokens of an agent were billed at, read off its pulled cost lines: figures that its packet's section 8 can state."""

import datetime as dt
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from django.db.models import Count, Max, Min, Sum

from accounts.models import Person
from registry.models import Agent
from signals.models import CostLine
from web.words import day

DAYS = 30
"""How far back the bill is read, from the newest usage that was pulled."""
UNIT = re.compile(r"(?:(?P<many>[0-9][0-9,]{0,12})\s*)?(?P<scale>k|m|thousand|million)?\s*tokens?", re.IGNORECASE)
"""FOCUS's ConsumedUnit where tokens are counted: Tokens, 1K Tokens, 1000 tokens, Million Tokens."""
SCALES = {"": 1, "k": 1_000, "thousand": 1_000, "m": 1_000_000, "million": 1_000_000}
OUT = re.compile(r"output|completion|(?<![a-z])outp?(?![a-z])", re.IGNORECASE)
# Tokens that a cache is written with were read as input, and dearer; only those that come out of it are cheaper.
WRITTEN = re.compile(r"cach(?:e[ds]?|ing)[\W_]*(?:writ|creat)|(?:writ|creat)[a-z]*[\W_]*cach", re.IGNORECASE)
CACHED = re.compile(r"cach(?:e|ing)|cchd", re.IGNORECASE)
UNCACHED = re.compile(
    r"uncach|non[\W_]*cach|(?<![a-z])(?:no|not|without)[\W_]+cach|cach[a-z]*[\W_]*miss", re.IGNORECASE
)
IN = re.compile(r"input|prompt|(?<![a-z])inp?(?![a-z])", re.IGNORECASE)
PRICES = ("price_in", "price_cached", "price_out")
DIGITS = 4
"""Digits of a price: what stands after them comes from how each line of the bill was rounded."""


@dataclass(frozen=True)
class Bill:
    """What an agent's tokens cost in some days before the newest usage. `figures` are fields of section 8; where there are
    none, `why` says why."""

    start: dt.date
    end: dt.date
    """The last day of it."""
    lines: int
    figures: dict[str, Any]
    why: str = ""

    @property
    def days(self) -> str:
        """The days in words."""
        return f"{day(self.start)} to {day(self.end)}"


def bill_of(agent: Agent, user: Person | None) -> Bill | None:
    """The bill of `agent`'s tokens over the newest DAYS days that were pulled, with FOCUS's EffectiveCost; None where none
    was pulled that counts tokens. `user` is who looks, None for the portal itself. Two queries.

    A price is known where every line of tokens tells whether it counts tokens in, from a cache, or out: a line that does not
    would make each of them too cheap.
    """
    lines = CostLine.objects.visible_to(user) if user else CostLine.objects.all()
    usage = lines.filter(
        agent=agent, charge_category="Usage", charge_class="", consumed_unit__icontains="token", consumed_quantity__gt=0
    )
    newest = usage.aggregate(end=Max("charge_period_end"))["end"]
    if newest is None:
        return None
    rows: list[Any] = list(
        usage.filter(charge_period_end__gt=newest - dt.timedelta(days=DAYS))
        .values("billing_currency", "consumed_unit", "sku_meter", "charge_description", "sku_id")
        .annotate(cost=Sum("effective_cost"), used=Sum("consumed_quantity"), lines=Count("pk"), start=Min("charge_period_start"))
        .order_by("billing_currency", "consumed_unit", "sku_meter", "charge_description", "sku_id")
    )  # fmt: skip
    found = [{**row, "scale": scale} for row in rows if (scale := _scale(row["consumed_unit"])) is not None]
    if not found:
        return None
    # The end of a period is exclusive, and so the day before where it is midnight.
    last = (newest - dt.timedelta(microseconds=1)).date()
    figures, why = _figures(found)
    if len(found) < len(rows):
        figures.pop("cached_percent", None)  # of tokens that are counted in an unknown unit nobody knows the share
    return Bill(min(row["start"] for row in found).date(), last, sum(row["lines"] for row in found), figures, why)


def _figures(rows: list[dict[str, Any]]) -> tuple[dict[str, Any], str]:
    currencies = sorted({row["billing_currency"] for row in rows})
    if len(currencies) > 1:
        return (
            {},
            f"Tokens were billed in {' and '.join(currencies)}, and no rate is on file, so there is no one price.",
        )
    cost: dict[str, Decimal] = {}
    used: dict[str, Decimal] = {}
    for row in rows:
        what = _counts(row)
        if not what:
            name = row["sku_meter"] or row["charge_description"] or row["sku_id"] or "a line without a name"
            return {}, f"The bill does not say whether “{name[:80]}” counts tokens in or out, so it tells no price."
        cost[what] = cost.get(what, Decimal(0)) + row["cost"]
        used[what] = used.get(what, Decimal(0)) + row["used"] * row["scale"]
    figures: dict[str, Any] = {"currency": currencies[0]}
    with localcontext() as context:
        context.prec = 60
        for name in PRICES:
            if used.get(name) and cost[name] >= 0:
                figures[name] = _rounded(cost[name] * 1_000_000 / used[name])
        if read := used.get("price_in", Decimal(0)) + used.get("price_cached", Decimal(0)):
            figures["cached_percent"] = int(used.get("price_cached", Decimal(0)) * 100 / read)
    return figures, ""


def _counts(row: dict[str, Any]) -> str:
    """Which price a line's meter is of, by SkuMeter, else by its description, else by its SkuId; empty where none says."""
    for text in (row["sku_meter"], row["charge_description"], row["sku_id"]):
        out, cached, read = (bool(words.search(text)) for words in (OUT, CACHED, IN))
        cached = cached and not UNCACHED.search(text)
        if out and not (cached or read):
            return "price_out"
        if cached and not out:
            return "price_in" if WRITTEN.search(text) else "price_cached"
        if read and not out:
            return "price_in"
    return ""


def _scale(unit: str) -> Decimal | None:
    """How many tokens one of the unit is; None where it counts something else."""
    said = UNIT.fullmatch(unit.strip())
    if said is None:
        return None
    return Decimal((said["many"] or "1").replace(",", "")) * SCALES[(said["scale"] or "").lower()]


def _rounded(price: Decimal) -> Decimal:
    step = Decimal(1).scaleb(max(price.adjusted() - DIGITS + 1, -6)) if price else Decimal(1)
    return price.quantize(min(step, Decimal(1)), ROUND_HALF_UP)
