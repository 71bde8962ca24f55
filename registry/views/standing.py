"""Where an agent stands: its risk class by questions, and how far it may act alone."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect

from accounts.requests import Request
from registry import autonomy, risk
from registry.models import Agent, RiskAnswers
from registry.risk_form import RiskForm, grouped, said
from web.errors import Denied
from web.views import acting, kept, page
from work import clock


def _agent(request: Request, slug: str) -> Agent:
    rows = Agent.objects.visible_to(request.user).select_related("team", "owner", "deputy")
    return get_object_or_404(rows, slug=slug)


def agent_autonomy(request: Request, slug: str) -> HttpResponse:
    """The ladder L1 to L5, where the agent stands on it, and what the next level lacks."""
    agent = _agent(request, slug)
    ladder = autonomy.ladder(agent, request.user, clock.now())
    context = {"agent": agent, "ladder": ladder, "may_edit": agent.editable_by(request.user)}
    return page(request, "registry/autonomy.html", context)


@acting("agent_risk")
def agent_risk(request: Request, slug: str) -> HttpResponse:
    """The risk questionnaire: answer it, see which class that gives and why, confirm."""
    agent = _agent(request, slug)
    rows = list(RiskAnswers.objects.visible_to(request.user).filter(agent=agent).select_related("answered_by"))
    last = rows[0] if rows else None
    form = RiskForm(request.POST or None, last=last)
    judged = None
    if request.method == "POST" and not agent.editable_by(request.user):
        raise Denied(f"Only the owner, the deputy and members of {agent.team.name} answer for {agent.name}.")
    if request.method == "POST" and form.is_valid():
        judged = risk.judge(form.answers)
        if form.confirms(judged):
            with kept(form):
                row = risk.answer(agent=agent, by=request.user, **form.act)
                messages.success(
                    request, f"{agent.name} is {row.get_chosen_display().lower()} by answers {row.number}."
                )
                return redirect("agent_risk", agent.slug)
    context: dict[str, Any] = {
        "agent": agent,
        "form": form,
        "groups": grouped(form),
        "judged": judged,
        "last": last,
        "reasons": risk.judge(last.answers).reasons if last and last.edition == risk.EDITION else [],
        "spoken": said(last) if last else [],
        "rows": rows,
        "may_edit": agent.editable_by(request.user),
    }
    return page(request, "registry/risk.html", context)
