"""What an agent costs: the expected run, the month as a distribution, what-ifs, and the public price list.

A month's cost is uncertain because its level is: more people ask than planned, answers run longer than planned. That
does not average out over days, so two factors are drawn once a month: runs a day and tokens a run, each log-normal,
with what is planned as the median and what is exceeded one month in ten as the 90th percentile.
"""

import math
import random
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal, localcontext
from importlib.metadata import version
from statistics import NormalDist

from genai_prices import data_snapshot

from work import clock

DAYS_A_MONTH = Decimal(365) / 12
MILLION = Decimal(1_000_000)
TRIALS, SEED = 4096, 8
P90 = NormalDist().inv_cdf(0.9)
PRICE_LIST_CURRENCY = "USD"


@dataclass(frozen=True)
class Workload:
    """What a run needs and what that costs. Tokens are per call, prices per million tokens, shares in percent."""

    runs_per_day: Decimal
    calls_per_run: Decimal
    tokens_in: Decimal
    tokens_out: Decimal
    cached_percent: Decimal
    retry_percent: Decimal
    price_in: Decimal
    price_cached: Decimal
    price_out: Decimal
    fees_per_run: Decimal
    review_minutes_per_run: Decimal
    review_hour: Decimal

    def tokens(self) -> Decimal:
        """What the tokens of one run cost, retries included."""
        calls = self.calls_per_run * (1 + self.retry_percent / 100)
        cached = self.tokens_in * self.cached_percent / 100
        fresh = self.tokens_in - cached
        return calls * (fresh * self.price_in + cached * self.price_cached + self.tokens_out * self.price_out) / MILLION

    def besides(self) -> Decimal:
        """What one run costs besides tokens: fees, and a person's minutes."""
        return self.fees_per_run + self.review_minutes_per_run / 60 * self.review_hour

    def per_run(self) -> Decimal:
        """The expected cost of one run."""
        with localcontext() as context:
            context.prec = 60  # the largest figures that the form takes multiply to more digits than the usual 28
            return self.tokens() + self.besides()

    def per_month(self) -> Decimal:
        """The expected cost of a month of 365/12 days, to the cent."""
        with localcontext() as context:
            context.prec = 60
            return (self.per_run() * self.runs_per_day * DAYS_A_MONTH).quantize(Decimal("0.01"), ROUND_HALF_UP)


@dataclass(frozen=True)
class Forecast:
    """What a month costs in the middle, in one of ten and in one of a hundred months, to three digits."""

    p50: Decimal
    p90: Decimal
    p99: Decimal


def forecast(work: Workload, runs_high: Decimal, tokens_high_percent: Decimal) -> Forecast:
    """Simulate TRIALS months with a fixed seed: the same workload gives the same forecast.

    `runs_high` is what the runs a day exceed one month in ten, `tokens_high_percent` the tokens of a run in percent of
    what is planned, likewise. Both axes are stratified (Latin hypercube: McKay, Beckman, Conover 1979), so few trials do.
    """
    spread = [_sigma(float(runs_high), float(work.runs_per_day)), _sigma(float(tokens_high_percent), 100.0)]
    strata = [NormalDist().inv_cdf((i + 0.5) / TRIALS) for i in range(TRIALS)]
    second = strata.copy()
    random.Random(SEED).shuffle(second)
    runs = float(work.runs_per_day) * float(DAYS_A_MONTH)
    tokens, besides = float(work.tokens()), float(work.besides())
    months = sorted(
        runs * math.exp(spread[0] * one) * (tokens * math.exp(spread[1] * other) + besides)
        for one, other in zip(strata, second, strict=True)
    )
    return Forecast(*(_three_digits(months[math.ceil(TRIALS * share) - 1]) for share in (0.5, 0.9, 0.99)))


def _sigma(high: float, median: float) -> float:
    return math.log(max(high, median) / median) / P90 if median > 0 else 0.0


def _three_digits(value: float) -> Decimal:
    # A simulation is no more exact than that, and a machine whose logarithm differs in its last bit gives the same.
    if value == 0:
        return Decimal(0)
    digits = 2 - math.floor(math.log10(value))
    return Decimal(f"{round(value, digits):.2f}")


@dataclass(frozen=True)
class WhatIf:
    """One thing that could be otherwise, and what a run and a month would cost then."""

    name: str
    per_run: Decimal
    per_month: Decimal
    change: int
    """Against what is planned, in percent."""


def what_ifs(work: Workload, growth_percent: int | None = None, prices: "Price | None" = None) -> list[WhatIf]:
    """The plan and its variants, side by side: also after a year of `growth_percent` a month, and at list `prices`."""
    variants = [
        ("As planned", work),
        ("Twice the runs", replace(work, runs_per_day=work.runs_per_day * 2)),
        ("Nothing cached", replace(work, cached_percent=Decimal(0))),
        ("Answers twice as long", replace(work, tokens_out=work.tokens_out * 2)),
        ("One call in two repeated", replace(work, retry_percent=Decimal(50))),
        ("Without human review", replace(work, review_minutes_per_run=Decimal(0))),
    ]
    if growth_percent:
        grown = work.runs_per_day * (1 + Decimal(growth_percent) / 100) ** 12
        variants.insert(1, ("After a year of growth", replace(work, runs_per_day=grown)))
    if prices:
        other = replace(work, price_in=prices.price_in, price_cached=prices.price_cached, price_out=prices.price_out)
        variants.append((f"At list price of {prices.model}", other))
    plan = work.per_month()
    return [WhatIf(name, one.per_run(), one.per_month(), _change(plan, one.per_month())) for name, one in variants]


def _change(before: Decimal, after: Decimal) -> int:
    with localcontext() as context:
        context.prec = 60
        return int(((after - before) / before * 100).to_integral_value(ROUND_HALF_UP)) if before else 0


@dataclass(frozen=True)
class Price:
    """A model's list price in USD per million tokens, and which list says so."""

    model: str
    price_in: Decimal
    price_cached: Decimal
    price_out: Decimal
    source: str
    withdrawn: bool
    """Whether the list says that the provider has withdrawn the model, or will."""


def listed(provider: str, model: str) -> Price | None:
    """The list price of a model today, from the packaged list `genai-prices` (fixed by its version; nothing is fetched).

    Of tiered prices it is the first tier. None where the list does not know the model.
    """
    if not provider or not model:
        return None
    try:
        found, info = data_snapshot.get_snapshot().find_provider_model(model.lower(), None, provider.lower(), None)
    except LookupError:
        return None
    prices = info.get_prices(clock.now())
    price_in, price_out = _first(prices.input_mtok), _first(prices.output_mtok)
    if price_in is None or price_out is None:
        return None
    cached = _first(prices.cache_read_mtok)
    return Price(
        model=f"{found.id}/{info.id}",
        price_in=price_in,
        price_cached=price_in if cached is None else cached,
        price_out=price_out,
        source=f"genai-prices {version('genai-prices')}, {found.id}/{info.id}, list price",
        withdrawn=bool(info.deprecated),
    )


def _first(price: object) -> Decimal | None:
    base = getattr(price, "base", price)
    return Decimal(str(base)) if base is not None else None
