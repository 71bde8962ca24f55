"""Pages that show several rooms at once: home, and an agent's page."""

from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from accounts.models import Person
from approvals.models import GateDecision
from ledger.kinds import sentence
from ledger.models import LedgerEntry
from portal.todos import reviews_among, todos
from portal.xrays import of_agent
from registry.models import Agent, Handover, Packet
from registry.panels import agent_panels
from registry.proposals import waiting
from registry.retirement import retire_bar
from registry.vocabulary import AgentStatus, Gate
from releases.actions import may_suspend, promotion_bar
from releases.models import Release
from signals.facts import cost_facts
from signals.models import EvalRun
from signals.queries import chart_by_day
from signals.statistics import wilson_lower_bp
from web.views import page
from work import clock


def home(request: HttpRequest) -> HttpResponse:
    """What waits for this person, the packets they follow, and the organisation in figures."""
    user: Person = request.user
    waiting = todos(user)
    if not user.is_auditor:
        request.counted = reviews_among(waiting)  # type: ignore[attr-defined]
    followed = (
        Packet.objects.visible_to(user)
        .exclude(state__in=["withdrawn", "superseded"])
        .select_related("agent__team")
        .annotate(
            signed=Count("sign_offs__role", filter=Q(sign_offs__decision="approve"), distinct=True),
        )
        .order_by("-created_at")[:8]
    )
    every = Agent.objects.visible_to(user).aggregate(
        all=Count("pk", filter=Q(retired_at=None)),
        live=Count("pk", filter=Q(status=AgentStatus.LIVE)),
        in_review=Count("pk", filter=Q(status=AgentStatus.IN_REVIEW)),
        suspended=Count("pk", filter=Q(status=AgentStatus.SUSPENDED)),
        failing=Count("pk", filter=Q(status=AgentStatus.LIVE, gate=Gate.FAIL)),
    )
    decisions = GateDecision.objects.visible_to(user).filter(outcome="fail").select_related("packet__agent")[:6]
    return page(
        request,
        "portal/home.html",
        {"todos": waiting, "followed": followed, "every": every, "blocked": decisions if user.sees_all else []},
    )


def agent_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """One agent: who answers for it, what runs, what the gate says, what it costs, what happened."""
    user: Person = request.user
    rows = (
        Agent.objects.visible_to(user)
        .select_related("team", "owner", "deputy", "retired_by")
        .prefetch_related("calls", "called_by")
    )
    agent = get_object_or_404(rows, slug=slug)
    detail = agent.detail_visible_to(user)
    releases = (
        Release.objects.visible_to(user).filter(agent=agent).select_related("packet", "promoted_by", "suspended_by")
    )
    context: dict[str, Any] = {
        "agent": agent,
        "detail": detail,
        "release": releases.filter(ended_at=None).first(),
        "may_edit": agent.retired_at is None and agent.editable_by(user),
        "may_suspend": may_suspend(agent, user),
        "offer": Handover.objects.visible_to(user).open().filter(agent=agent).select_related("to").first(),
        "findings": of_agent(agent, user),
        "proposals": waiting(agent, user),
        "may_retire": not retire_bar(agent, user),
        "panels": [made for panel in agent_panels if (made := panel(agent, user))],
    }
    if detail:
        context |= _detail(agent, user)
    return page(request, "portal/agent.html", context)


def _detail(agent: Agent, user: Person) -> dict[str, Any]:
    packets = list(Packet.objects.visible_to(user).filter(agent=agent).select_related("created_by").order_by("-number"))
    approved = next((packet for packet in packets if packet.state == "approved"), None)
    decision = (
        GateDecision.objects.visible_to(user)
        .filter(packet__agent=agent)
        .select_related("policy", "packet")
        .order_by("-decided_at")
        .first()
    )
    runs = list(EvalRun.objects.visible_to(user).filter(agent=agent, status="success").order_by("-completed_at")[:30])
    cost = cost_facts(agent, {}, clock.now())
    currency = cost["currency"] if isinstance(cost["currency"], str) else "EUR"
    released = Release.objects.filter(packet=approved, ended_at=None).exists() if approved else False
    return {
        "packets": packets,
        "promotable": approved if approved and not released else None,
        "promotion_bar": promotion_bar(approved, user) if approved else "",
        "decision": decision,
        "packet": decision.packet if decision else None,
        "runs": runs,
        "run": runs[0] if runs else None,
        "wilson_bp": wilson_lower_bp(runs[0].passed, runs[0].total) if runs and runs[0].total else None,
        "spark": _points([run.passed / run.total for run in reversed(runs) if run.total]),
        "cost": cost,
        "currency": currency,
        "chart": chart_by_day(user, clock.now(), currency, only=agent),
        "history": _history(agent, [packet.stream for packet in packets]),
    }


def _points(values: list[float]) -> str:
    """The points of a sparkline 120 wide and 36 high, highest value on top; empty for fewer than two values."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    step = 120 / (len(values) - 1)
    return " ".join(f"{i * step:.1f},{33 - 30 * (value - low) / span:.1f}" for i, value in enumerate(values))


def _history(agent: Agent, streams: list[str]) -> list[dict[str, Any]]:
    entries = list(LedgerEntry.objects.filter(stream__in=[f"agent:{agent.pk}", *streams]).order_by("-pk")[:12])
    records = [entry.record for entry in entries]
    ids = {record["actor"]["id"] for record in records} - {"system"}
    names = {str(pk): name for pk, name in Person.objects.filter(pk__in=ids).values_list("pk", "name")}
    return [
        {
            "id": entry.pk,
            "at": record["at"],
            "who": names.get(record["actor"]["id"], "Portcullis"),
            "what": sentence(record["kind"], record["data"]),
        }
        for entry, record in zip(entries, records, strict=True)
    ]
