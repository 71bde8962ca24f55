"""Reads of this room's pages, each with a fixed number of queries."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, F, OuterRef, Prefetch, Q, QuerySet, Subquery, Sum
from django.db.models.functions import TruncDate

from accounts.models import Person
from registry.models import Agent
from signals.charts import Chart, by_day
from signals.facts import cents, month_of
from signals.models import Budget, CostLine, EvalRun, Pull, Source
from signals.statistics import rate_bp, wilson_lower_bp


def sources_with_last_pull(user: Person) -> list[Source]:
    """All sources, each with `last`, its newest pull or None. Two queries."""
    newest = Pull.objects.filter(source=OuterRef("source")).order_by("-started_at").values("pk")[:1]
    last = Pull.objects.visible_to(user).filter(pk=Subquery(newest))
    sources: list[Any] = list(
        Source.objects.visible_to(user).prefetch_related(Prefetch("pulls", queryset=last, to_attr="newest"))
    )
    for source in sources:
        source.last = next(iter(source.newest), None)
    return sources


def runs_with_rates(runs: list[EvalRun]) -> list[tuple[EvalRun, int | None, int | None]]:
    """Each run with its pass rate and the Wilson lower bound in basis points; None where there is nothing to rate."""
    return [
        (run, rate_bp(run.passed, run.total), wilson_lower_bp(run.passed, run.total))
        if run.total and run.status == "success" and not run.invalidated
        else (run, None, None)
        for run in runs
    ]


@dataclass
class Spend:
    """One agent's month so far. An amount is in hundredths."""

    agent: Agent | None
    by_currency: dict[str, int] = field(default_factory=dict)
    lines: int = 0
    budget: Budget | None = None

    @property
    def single(self) -> tuple[int, str] | None:
        """Amount and currency where there is one currency."""
        return next(((amount, code) for code, amount in self.by_currency.items()), None) if self.one else None

    @property
    def one(self) -> bool:
        """Whether all lines are in one currency."""
        return len(self.by_currency) == 1

    @property
    def percent(self) -> int | None:
        """Spend as a share of the budget in whole percent, rounded up; None where the two cannot be compared."""
        if not self.budget or not self.single or self.single[1] != self.budget.currency:
            return None
        return -(-self.single[0] * 100 // int(self.budget.amount * 100))

    @property
    def verdict(self) -> tuple[str, str]:
        """How it stands beside the budget: a chip's verdict and words."""
        if self.budget is None:
            return "wait", "No budget"
        if self.percent is None:
            return "wait", "Unknown" if self.by_currency else "No costs yet"
        if self.percent > 100:
            return "fail", f"{self.percent}% of budget"
        return ("warn" if self.percent > 85 else "pass"), f"{self.percent}% of budget"

    @property
    def meter(self) -> int:
        """The share for a bar, at most 100."""
        return max(0, min(100, self.percent or 0))


def spend_by_agent(user: Person, at: dt.datetime, among: Sequence[Agent] | None = None) -> tuple[list[Spend], Spend]:
    """The month of `at` by agent, agents with a budget included, and what is tied to none. Three queries.

    `among` limits it to those agents, which are then not read again.
    """
    first, after = month_of(at)
    lines = CostLine.objects.visible_to(user).filter(charge_period_start__gte=first, charge_period_start__lt=after)
    budgets = Budget.objects.visible_to(user).filter(agent__isnull=False, starts__lte=first.date())
    if among is not None:
        lines, budgets = lines.filter(agent__in=among), budgets.filter(agent__in=among)
    rows: dict[Any, Spend] = defaultdict(lambda: Spend(None))
    for row in lines.values("agent_id", "billing_currency").annotate(sum=Sum("effective_cost"), n=Count("pk")):
        spend = rows[row["agent_id"]]
        spend.by_currency[row["billing_currency"]] = cents(row["sum"])
        spend.lines += row["n"]
    for budget in budgets.order_by("starts"):
        rows[budget.agent_id].budget = budget
    untied = rows.pop(None, Spend(None))
    if among is not None:
        agents = {agent.pk: agent for agent in among}
    else:
        agents = Agent.objects.visible_to(user).select_related("team").in_bulk(list(rows))
    for pk, spend in rows.items():
        spend.agent = agents[pk]
    return sorted(rows.values(), key=lambda spend: spend.agent.name if spend.agent else ""), untied


def chart_by_day(user: Person, at: dt.datetime, currency: str, only: Agent | None = None) -> Chart:
    """Spend a day of the month of `at` in `currency`, by agent."""
    first, after = month_of(at)
    lines = CostLine.objects.visible_to(user).filter(
        charge_period_start__gte=first, charge_period_start__lt=after, billing_currency=currency
    )
    if only:
        lines = lines.filter(agent=only)
    rows = (
        lines.annotate(day=TruncDate("charge_period_start", tzinfo=dt.UTC), name=F("agent__name"))
        .values_list("day", "name")
        .annotate(sum=Sum("effective_cost"))
    )
    days = [first.date() + dt.timedelta(days=n) for n in range((min(at, after) - first).days + 1)]
    return by_day(((day, name or "Tied to no agent", amount) for day, name, amount in rows), days[:31])


def untied_groups(user: Person, at: dt.datetime) -> QuerySet[CostLine, dict[str, Any]]:
    """What no rule ties in the month of `at`, by service and account, largest first; for those who see all costs."""
    first, after = month_of(at)
    return (
        CostLine.objects.visible_to(user)
        .filter(agent=None, charge_period_start__gte=first, charge_period_start__lt=after)
        .values("provider_name", "service_name", "sub_account_id", "sub_account_name", "billing_currency")
        .annotate(sum=Sum("effective_cost"), billed=Sum("billed_cost"), n=Count("pk"))
        .order_by("-sum", "service_name")[:20]
    )


def main_currency(spends: list[Spend], untied: Spend) -> str:
    """The currency with the largest sum: the chart shows one currency, since sums across them mean nothing."""
    sums: dict[str, int] = defaultdict(int)
    for spend in [*spends, untied]:
        for code, amount in spend.by_currency.items():
            sums[code] += amount
    return max(sums, key=lambda code: (sums[code], code), default="")


def ordered_cases(run: EvalRun, critical: set[str]) -> list[tuple[Any, bool]]:
    """The run's cases with whether each is critical: critical first, and of those what did not pass first."""
    cases = [(case, case.critical or case.case_id in critical) for case in run.cases.all()]

    def rank(item: tuple[Any, bool]) -> tuple[bool, bool, str]:
        case, is_critical = item
        bad = not case.every_epoch_passed if is_critical else case.outcome != "pass"
        return (not is_critical, not bad, case.case_id)

    return sorted(cases, key=rank)


def runs_for(user: Person, slug: str, show: str) -> QuerySet[EvalRun]:
    """The runs that `user` sees, of the agent `slug` if one is named; `show` is "" or "unmatched"."""
    runs = EvalRun.objects.visible_to(user).select_related("agent", "source")
    if slug:
        runs = runs.filter(agent__slug=slug)
    if show == "unmatched":
        runs = runs.filter(Q(agent=None) | Q(version=""))
    return runs.order_by(F("completed_at").desc(nulls_first=True), "pk")
