"""Section 8: cost at realistic usage, stated as a promise that actuals are compared with."""

from decimal import Decimal, localcontext
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from registry.costing import (
    DAYS_A_MONTH,
    PRICE_LIST_CURRENCY,
    SEED,
    TRIALS,
    Forecast,
    Price,
    Workload,
    forecast,
    listed,
    what_ifs,
)
from registry.sections.base import PacketSheet, Problem, Section, amount, as_document, line, long_text, missing, whole
from registry.sections.s03_versions import ModelPin


class CostEstimate(PacketSheet):
    """Workload and prices. Prices are per million tokens, in `currency`."""

    currency = models.CharField(
        "Currency",
        max_length=3,
        blank=True,
        help_text="ISO 4217, for example EUR",
        validators=[RegexValidator(r"^[A-Z]{3}$", "Write three capital letters, for example EUR.")],
    )
    runs_per_day = whole("Runs a day", "At the usage you expect three months after launch")
    calls_per_run = amount("Model calls a run", digits=2)
    tokens_in = whole("Tokens in, per call")
    tokens_out = whole("Tokens out, per call")
    cached_percent = models.PositiveSmallIntegerField(
        "Cached share of tokens in, percent", null=True, blank=True, validators=[MaxValueValidator(100)]
    )
    retry_percent = models.PositiveSmallIntegerField(
        "Retries, percent of calls", null=True, blank=True, validators=[MaxValueValidator(1000)]
    )
    price_in = amount("Price per million tokens in")
    price_cached = amount("Price per million cached tokens in")
    price_out = amount("Price per million tokens out")
    price_source = line("Where the prices come from", "Price list or contract, with its date")
    fees_per_run = amount("Tool and service fees a run", "What is not tokens: search, look-ups, gateways")
    review_minutes_per_run = amount("Minutes of human review a run", digits=2)
    review_hour = amount("Cost of an hour of review", digits=2)
    runs_high = whole("Runs a day in a busy month", "Exceeded one month in ten")
    tokens_high_percent = models.PositiveIntegerField(
        "Tokens a run if runs turn out longer, percent of the above",
        null=True,
        blank=True,
        validators=[MinValueValidator(100, "At least 100: it is what one month in ten exceeds.")],
        help_text="Exceeded one month in ten; 100 if runs never grow longer",
    )
    growth_percent = models.PositiveSmallIntegerField(
        "Growth of runs a month, percent", null=True, blank=True, help_text="After the first three months"
    )
    outcome = line("Outcome", "What a run is worth having for, as one counts it: an enquiry answered without a call")
    outcome_percent = models.PositiveSmallIntegerField(
        "Runs that end in the outcome, percent", null=True, blank=True, validators=[MaxValueValidator(100)]
    )
    value_per_outcome = amount("Value of an outcome", "What it saves or earns, in the same currency", digits=2)
    routing = long_text("Routing plan", "Which model answers by default, and when a dearer one is asked", 1000)
    stop_rule = long_text("Stop rule", "At what spend the agent is slowed or stopped, and by what", 1000)

    WORKLOAD = (
        "runs_per_day",
        "calls_per_run",
        "tokens_in",
        "tokens_out",
        "cached_percent",
        "retry_percent",
        "price_in",
        "price_cached",
        "price_out",
        "fees_per_run",
        "review_minutes_per_run",
        "review_hour",
    )
    PROMISE = (
        "runs_high",
        "tokens_high_percent",
        "growth_percent",
        "outcome",
        "outcome_percent",
        "value_per_outcome",
        "routing",
    )

    def workload(self) -> Workload | None:
        """The workload, or None while a figure is missing."""
        values = {name: getattr(self, name) for name in self.WORKLOAD}
        if any(value is None for value in values.values()):
            return None
        return Workload(**{name: Decimal(value) for name, value in values.items()})

    def forecast(self) -> Forecast | None:
        """The month as a distribution, or None while a figure is missing."""
        work = self.workload()
        if work is None or self.runs_high is None or self.tokens_high_percent is None:
            return None
        return forecast(work, Decimal(self.runs_high), Decimal(self.tokens_high_percent))

    def per_outcome(self) -> Decimal | None:
        """What one outcome costs, or None while that is not known or no run has one."""
        work = self.workload()
        if work is None or not self.outcome_percent:
            return None
        return work.per_run() * 100 / self.outcome_percent

    def net_per_month(self) -> Decimal | None:
        """What the outcomes of a month are worth, less what the month costs; None while that is not known."""
        work = self.workload()
        if work is None or self.outcome_percent is None or self.value_per_outcome is None:
            return None
        with localcontext() as context:
            context.prec = 60
            return (
                work.runs_per_day * DAYS_A_MONTH * self.outcome_percent / 100 * self.value_per_outcome
                - work.per_month()
            )


class CostEstimateForm(forms.ModelForm):
    class Meta:
        model = CostEstimate
        fields = ["currency", *CostEstimate.WORKLOAD, "price_source", *CostEstimate.PROMISE, "stop_rule"]


def _problems(packet: Any) -> list[Problem]:
    if not CostEstimate.objects.filter(packet=packet).exists():
        return [Problem("Estimate the cost: nothing is stated yet.", "id_sheet-currency", parts=("sheet.currency",))]
    wanted = {
        "currency": "Name the currency.",
        "price_source": "Say where the prices come from.",
        "stop_rule": "Say at what spend the agent is slowed or stopped.",
    }
    for name in CostEstimate.WORKLOAD:
        label = CostEstimate._meta.get_field(name).verbose_name  # type: ignore[union-attr]
        wanted[name] = f"{label}: give a figure; 0 is an answer, empty is not."
    wanted |= {
        "runs_high": "Say how many runs a day a busy month has: without it nobody knows what a bad month costs.",
        "tokens_high_percent": "Say how much longer runs may turn out: without it nobody knows what a bad month costs.",
        "outcome": "Say what a run is worth having for.",
        "outcome_percent": "Say how many runs in a hundred end in the outcome.",
        "value_per_outcome": "Say what an outcome is worth.",
        "routing": "Say which model answers by default, and when a dearer one is asked.",
    }
    found = missing(packet, CostEstimate, wanted)
    if CostEstimate.objects.filter(packet=packet, runs_high__lt=models.F("runs_per_day")).exists():
        found.append(Problem("A busy month has at least the runs a day that you expect.", "id_sheet-runs_high"))
    return found


def price_of(packet: Any) -> Price | None:
    """The list price of the first model that section 3 pins, where the price list knows it."""
    pin = ModelPin.objects.filter(packet=packet).order_by("pk").first()
    return listed(pin.provider, pin.model_id) if pin else None


def _advice(packet: Any) -> list[Problem]:
    estimate = CostEstimate.objects.filter(packet=packet).first() or CostEstimate()
    price, found = price_of(packet), []
    for name in ("price_in", "price_cached", "price_out") if price and estimate.currency == PRICE_LIST_CURRENCY else ():
        said, on_list = getattr(estimate, name), getattr(price, name)
        if said is not None and on_list and abs(said - on_list) * 10 > on_list:
            label = CostEstimate._meta.get_field(name).verbose_name  # type: ignore[union-attr]
            text = f"{label}: the list says {on_list:f} USD for {price and price.model}. If yours is agreed otherwise, say where."
            found.append(Problem(text, f"id_sheet-{name}"))
    net = estimate.net_per_month()
    if net is not None and net < 0:
        found.append(Problem("Its outcomes are worth less than it costs.", "id_sheet-value_per_outcome"))
    return found


def _figures(packet: Any) -> dict[str, Any]:
    estimate = CostEstimate.objects.filter(packet=packet).first() or CostEstimate()
    work, price = estimate.workload(), price_of(packet)
    in_its_currency = price if estimate.currency == PRICE_LIST_CURRENCY else None
    return {
        "price": price,
        "what_ifs": what_ifs(work, estimate.growth_percent, in_its_currency) if work else [],
        "takes_list": estimate.currency in ("", PRICE_LIST_CURRENCY),
    }


def _document(packet: Any) -> dict[str, Any]:
    estimate = CostEstimate.objects.filter(packet=packet).first() or CostEstimate()
    work, months = estimate.workload(), estimate.forecast()
    return {
        **as_document(estimate, "currency", *CostEstimate.WORKLOAD, "price_source", *CostEstimate.PROMISE, "stop_rule"),
        "per_run": _figure(work.per_run() if work else None, "0.000001"),
        "per_month": _figure(work.per_month() if work else None, "0.01"),
        "forecast": {
            **{name: _figure(getattr(months, name) if months else None, "0.01") for name in ("p50", "p90", "p99")},
            "trials": TRIALS,
            "seed": SEED,
        },
        "per_outcome": _figure(estimate.per_outcome(), "0.0001", "no outcome is stated"),
        "net_per_month": _figure(estimate.net_per_month(), "0.01", "no value is stated"),
    }


def _figure(value: Decimal | None, step: str, why: str = "a figure of the workload is missing") -> Any:
    if value is None:
        return {"unknown": why}
    with localcontext() as context:
        context.prec = 60
        return f"{value.quantize(Decimal(step)):f}"


SECTION = Section(
    number=8,
    key="cost",
    title="Cost at realistic usage",
    short="Cost at realistic usage",
    help="What the agent costs at the usage you expect, and when it is stopped. Finance compares it with what is billed.",
    good="“1,400 runs a day, 3.2 calls each, 1,830 tokens in and 180 out, 40% cached; half a minute of review in 5% of runs; "
    "stopped by the gateway at 110% of the month's budget.”",
    find=_problems,
    advise=_advice,
    figures=_figures,
    write=_document,
    sheet=CostEstimateForm,
    sheet_title="Workload and prices",
    money=("price_in", "price_cached", "price_out", "fees_per_run", "review_hour", "value_per_outcome"),
)
