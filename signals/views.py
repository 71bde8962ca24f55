"""Pages of this room: sources and pulls, eval runs, costs."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_POST

from accounts.models import Person
from accounts.roles import Role
from registry.models import Agent, Packet
from signals import actions, queries
from signals.facts import pins_of
from signals.forms import BudgetForm, CostRuleForm, SourceForm
from signals.models import CostRule, EvalRun, Pull, Source
from signals.statistics import rate_bp, wilson_lower_bp
from web.views import acting, kept, page, paged
from work import clock

HTMX_STOP_POLLING = 286


def _person(request: HttpRequest) -> Person:
    return request.user


def _may_pull(user: Person) -> bool:
    return not user.is_auditor and bool(user.roles or user.team_ids)


@require_GET
def source_list(request: HttpRequest) -> HttpResponse:
    """Every source with its last pull."""
    user = _person(request)
    sources = queries.sources_with_last_pull(user)
    return page(
        request, "signals/source_list.html", {"sources": sources, "may_add": user.is_admin, "may_pull": _may_pull(user)}
    )


@acting()
def source_new(request: HttpRequest) -> HttpResponse:
    """Watch a folder."""
    form = SourceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with kept(form):
            source = actions.add_source(**form.cleaned_data, by=_person(request))
            messages.success(request, f"{source.name} is watched. Its first pull starts within a minute.")
            return redirect("source_detail", source.pk)
    return page(request, "signals/source_new.html", {"form": form, "may_add": _person(request).is_admin})


@require_GET
def source_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One source and its pulls."""
    user = _person(request)
    source = get_object_or_404(Source.objects.visible_to(user).select_related("created_by"), pk=pk)
    pulls = Pull.objects.visible_to(user).filter(source=source).select_related("asked_by")
    files = source.files.all()[:50]
    context = {"source": source, "rows": paged(request, pulls, 20), "files": files, "may_pull": _may_pull(user)}
    return page(request, "signals/source_detail.html", context)


@require_POST
@acting("source_detail")
def source_pull(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Pull now."""
    source = get_object_or_404(Source.objects.visible_to(_person(request)), pk=pk)
    pull = actions.request_pull(source=source, by=_person(request))
    return redirect("pull_detail", pull.pk)


@require_GET
def pull_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One pull: how far it is, or what came of it."""
    pulls = Pull.objects.visible_to(_person(request)).select_related("source", "asked_by")
    pull = get_object_or_404(pulls, pk=pk)
    over = pull.state != Pull.State.RUNNING
    asked_by_htmx = getattr(request, "htmx", None)
    status = HTMX_STOP_POLLING if asked_by_htmx and over else None
    context = {
        "pull": pull,
        "rejections_left": max(0, pull.rows_rejected + pull.files_refused - len(pull.rejections)),
    }
    return page(request, "signals/pull_detail.html", context, part="progress", status=status)


@require_GET
def eval_run_list(request: HttpRequest) -> HttpResponse:
    """Eval runs, newest first; of one agent with `?agent=`."""
    user = _person(request)
    slug, show = request.GET.get("agent", ""), request.GET.get("show", "")
    rows = paged(request, queries.runs_for(user, slug, show), 30)
    context = {
        "rows": rows,
        "runs": queries.runs_with_rates(list(rows)),
        "agents": Agent.objects.detail_visible_to(user).order_by("name"),
        "slug": slug,
        "show": show,
        "may_see_unmatched": user.sees_all,
    }
    return page(request, "signals/eval_run_list.html", context, part="rows")


@require_GET
def eval_run_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One eval run: its cases, critical first, and what it was made on."""
    user = _person(request)
    run = get_object_or_404(EvalRun.objects.visible_to(user).select_related("agent", "source"), pk=pk)
    context: dict[str, Any] = {"run": run, "pins": None, "packet": None}
    critical: set[str] = set()
    if run.agent:
        packets = Packet.objects.visible_to(user).filter(agent=run.agent, version=run.version)
        packet = packets.order_by("-number").first()
        if packet and packet.current:
            document = packet.current.content
            context |= {"packet": packet, "pins": pins_of(run, document)}
            cases = document["sections"]["4"]["cases"]
            critical = {
                case["case_id"] for case in cases if case.get("critical") is True and isinstance(case["case_id"], str)
            }
    cases_shown = queries.ordered_cases(run, critical)
    rated = bool(run.total) and run.status == "success" and not run.invalidated
    context |= {
        "cases": cases_shown,
        "critical_total": sum(is_critical for _, is_critical in cases_shown),
        "critical_open": sum(is_critical and not case.every_epoch_passed for case, is_critical in cases_shown),
        "rate_bp": rate_bp(run.passed, run.total) if rated else None,
        "wilson_bp": wilson_lower_bp(run.passed, run.total) if rated else None,
    }
    return page(request, "signals/eval_run_detail.html", context)


@require_GET
def cost_list(request: HttpRequest) -> HttpResponse:
    """The month's spend by agent beside its budget, day by day, and what is tied to no agent."""
    user, now = _person(request), clock.now()
    only = Agent.objects.detail_visible_to(user).filter(slug=request.GET.get("agent", "")).first()
    spends, untied = queries.spend_by_agent(user, now, [only] if only else None)
    currency = queries.main_currency(spends, untied)
    sees_all = user.sees_all or Role.FINANCE in user.roles
    context = {
        "now": now,
        "agent": only,
        "spends": spends,
        "untied": untied,
        "untied_groups": queries.untied_groups(user, now) if sees_all and not only else [],
        "currency": currency,
        "others": sorted({code for spend in [*spends, untied] for code in spend.by_currency} - {currency}),
        "chart": queries.chart_by_day(user, now, currency, only) if currency else None,
        "rules": CostRule.objects.visible_to(user).select_related("agent"),
        "sees_all": sees_all,
        "may_budget": Role.FINANCE in user.roles,
        "may_rule": bool({Role.FINANCE, Role.ADMIN} & set(user.roles)),
    }
    return page(request, "signals/cost_list.html", context)


@acting()
def budget_new(request: HttpRequest) -> HttpResponse:
    """Set a budget."""
    form = BudgetForm(request.POST or None, initial={"agent": request.GET.get("agent")})
    if request.method == "POST" and form.is_valid():
        with kept(form):
            budget = actions.set_budget(**form.cleaned_data, by=_person(request))
            messages.success(request, f"The budget of {budget.agent or budget.team} is set.")
            return redirect("cost_list")
    return page(request, "signals/budget_new.html", {"form": form, "may": Role.FINANCE in _person(request).roles})


@acting()
def cost_rule_new(request: HttpRequest) -> HttpResponse:
    """Tie cost lines to an agent."""
    form = CostRuleForm(request.POST or None, initial=request.GET.dict())
    if request.method == "POST" and form.is_valid():
        with kept(form):
            values = form.cleaned_data | {"position": form.cleaned_data["position"] or 0}
            rule = actions.add_cost_rule(**values, by=_person(request))
            messages.success(request, f"Rule {rule.position} is added. Lines already pulled are tied anew in a moment.")
            return redirect("cost_list")
    may = bool({Role.FINANCE, Role.ADMIN} & set(_person(request).roles))
    return page(request, "signals/cost_rule_new.html", {"form": form, "may": may})


@require_POST
@acting("cost_list")
def cost_rule_remove(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take a rule away."""
    rule = get_object_or_404(CostRule.objects.visible_to(_person(request)).select_related("agent"), pk=pk)
    actions.remove_cost_rule(rule=rule, by=_person(request))
    messages.success(request, f"The rule for {rule.agent.name} is removed. Its lines are tied anew in a moment.")
    return redirect("cost_list")


@require_POST
@acting("cost_list")
def cost_rule_move(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Move a rule up or down by one."""
    rule = get_object_or_404(CostRule.objects.visible_to(_person(request)), pk=pk)
    step = -1 if request.POST.get("to") == "up" else 1
    actions.move_cost_rule(rule=rule, position=rule.position + step, by=_person(request))
    return redirect("cost_list")


@require_POST
@acting()
def packet_fill_from_run(request: HttpRequest, pk: uuid.UUID, run: uuid.UUID) -> HttpResponse:
    """Fill sections 3 and 4 from a pulled eval run."""
    user = _person(request)
    packet = get_object_or_404(Packet.objects.visible_to(user).select_related("agent__team"), pk=pk)
    found = get_object_or_404(EvalRun.objects.visible_to(user), pk=run)
    done = actions.fill_from_run(packet=packet, run=found, by=user)
    proposed = f" {len(done.proposed)} proposed beside what somebody wrote." if done.proposed else ""
    messages.success(
        request,
        f"{done.new} taken over from {found.task}.{proposed}" if done.new or proposed else "All of it stands there.",
    )
    return redirect("packet_section", pk, 4)


@require_POST
@acting("packet_detail")
def packet_propose_billed(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Propose for section 8 what the agent's tokens were billed at."""
    user = _person(request)
    packet = get_object_or_404(Packet.objects.visible_to(user).select_related("agent__team"), pk=pk)
    made = actions.propose_billed(packet=packet, by=user)
    said = f"{len(made)} figure{'s' if len(made) != 1 else ''} of the bill proposed: accept or dismiss each."
    messages.success(request, said if made else "Section 8 says what was billed, or it is proposed already.")
    return redirect("packet_section", pk, 8)
