"""What this room adds to the list of agents: how the newest eval run of each went, and what the month cost so far."""

from collections.abc import Mapping
from uuid import UUID

from accounts.models import Person
from registry.models import Agent
from registry.panels import Cell, Column
from signals import queries
from signals.models import EvalRun
from signals.statistics import rate_bp, wilson_lower_bp
from web import words
from work import clock


def evals(agents: list[Agent], user: Person) -> Mapping[UUID, Cell]:
    """The newest completed run of each agent, of whatever version. One query."""
    runs = EvalRun.objects.visible_to(user).filter(agent__in=agents, completed_at__isnull=False)
    newest = runs.order_by("agent_id", "-completed_at", "pk").distinct("agent_id")
    shown = newest.only("agent_id", "status", "invalidated", "passed", "total", "version")
    return {run.agent_id: _eval_cell(run) for run in shown if run.agent_id}


def _eval_cell(run: EvalRun) -> Cell:
    if run.status != "success" or run.invalidated or not run.total:
        return Cell(f"Run ended with {run.status}", "fail" if run.status == "error" else "wait", run.version)
    rate, bound = rate_bp(run.passed, run.total), wilson_lower_bp(run.passed, run.total)
    return Cell(f"{rate / 100:.1f}%", "", f"≥ {bound // 10 / 10:.1f}% at 95%, {run.version}")


def costs(agents: list[Agent], user: Person) -> Mapping[UUID, Cell]:
    """The month so far of each agent beside its budget. Two queries."""
    spends, _ = queries.spend_by_agent(user, clock.now(), among=agents)
    cells = {}
    for spend in spends:
        if spend.agent is None or not spend.by_currency:
            continue
        text = " + ".join(words.money(amount, code) for code, amount in sorted(spend.by_currency.items()))
        cells[spend.agent.pk] = Cell(text, "", f"{spend.percent}% of budget" if spend.percent is not None else "")
    return cells


COLUMNS = (Column("Evals", evals, numeric=True), Column("This month", costs, numeric=True))
