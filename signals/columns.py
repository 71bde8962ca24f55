"""What this room adds to the registry's pages: of each agent how the newest eval run went and what the month cost so far,
and of a draft the run that it can be filled from."""

from collections.abc import Iterator, Mapping
from uuid import UUID

from django.db.models import Case, When
from django.urls import reverse

from accounts.models import Person
from registry.models import Agent, Packet
from registry.panels import Act, Cell, Column
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


def run_to_fill_from(packet: Packet, user: Person, missing: int) -> Iterator[Act]:
    """Filling an open packet from the newest run of its version that ended well, else of its agent. One query."""
    if not packet.editable or not packet.agent.editable_by(user):
        return
    runs = EvalRun.objects.visible_to(user).filter(agent=packet.agent_id, status="success", invalidated=False)
    own = Case(When(version=packet.version, then=0), default=1)
    run = runs.filter(completed_at__isnull=False).order_by(own, "-completed_at").first()
    if run is not None:
        url = reverse("packet_fill_from_run", args=[packet.pk, run.pk])
        yield Act(f"Fill from the eval run of {run.completed_at:%-d %b %Y}", url, aside=True)
