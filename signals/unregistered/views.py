"""Pages of what nobody registered: the list, one sighting, and answering it."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_POST

from accounts.requests import Request
from registry.forms import AgentForm
from signals.unregistered import actions, queries
from signals.unregistered.forms import IgnoreForm, MapForm, SightingFilter
from signals.unregistered.models import Sighting
from web.views import acting, kept, page, paged
from work import clock


@require_GET
def unregistered(request: Request) -> HttpResponse:
    """What was seen and belongs to no agent, and what is live and was not seen."""
    user, form = request.user, SightingFilter(request.GET)
    show, kind, days = form.chosen("show"), form.chosen("kind"), form.unseen_days
    rows = paged(request, queries.sightings(user, show, kind), 25)
    context = {
        "filter": form,
        "show": show,
        "filtered": bool(show or kind),
        "rows": rows,
        "lines": queries.described(list(rows), user),
        "sees_spend": queries.sees_spend(user),
        "days": days,
        "unseen": list(queries.live_but_unseen(user, days, clock.now())[:51]),
    }
    return page(request, "signals/unregistered.html", context, part="rows")


def _sighting(request: Request, pk: uuid.UUID) -> Sighting:
    return get_object_or_404(queries.plain(request.user), pk=pk)


def _detail(request: Request, sighting: Sighting, **forms: Any) -> HttpResponse:
    user = request.user
    bar = actions.answer_bar(sighting, user)
    own = bool(bar)
    first = sighting.claimed_for_id or request.GET.get("agent")
    (seen,) = queries.described([sighting], user)
    context = {
        "sighting": sighting,
        "seen": seen,
        "sees_spend": queries.sees_spend(user),
        "bar": bar,
        "may_claim": own and bool(user.team_ids) and not user.is_auditor,
        "may_register": bool(user.team_ids) and not user.is_auditor,
        "map_form": MapForm(person=user, own=own, initial={"agent": first}),
        "ignore_form": IgnoreForm(),
        **forms,
    }
    bound = next((form for form in forms.values() if form.is_bound), None)
    return page(request, "signals/sighting.html", context | {"form": bound})


@require_GET
def sighting_detail(request: Request, pk: uuid.UUID) -> HttpResponse:
    """One sighting: where it was seen, what it spent, who might own it, and what can be done."""
    return _detail(request, _sighting(request, pk))


@require_POST
@acting("sighting_detail")
def sighting_map(request: Request, pk: uuid.UUID) -> HttpResponse:
    """Map it to an agent."""
    sighting, form = _sighting(request, pk), MapForm(request.POST, person=request.user)
    if form.is_valid():
        with kept(form):
            agent = form.cleaned_data["agent"]
            actions.map_sighting(sighting=sighting, agent=agent, by=request.user)
            after = "Its costs are tied in a moment." if sighting.of_costs else "Its runs are tied."
            messages.success(request, f"{sighting} is {agent.name} from now on. {after}")
            return redirect("unregistered")
    return _detail(request, sighting, map_form=form)


@require_POST
@acting("sighting_detail")
def sighting_claim(request: Request, pk: uuid.UUID) -> HttpResponse:
    """Say for an agent of one's team that this is it."""
    sighting, form = _sighting(request, pk), MapForm(request.POST, person=request.user)
    if form.is_valid():
        with kept(form):
            actions.claim_sighting(sighting=sighting, agent=form.cleaned_data["agent"], by=request.user)
            messages.success(request, f"Claimed. {_who_maps(sighting)} it now.")
            return redirect("sighting_detail", sighting.pk)
    return _detail(request, sighting, map_form=form)


def _who_maps(sighting: Sighting) -> str:
    return "Finance or a platform admin maps" if sighting.of_costs else "A platform admin maps"


@require_POST
@acting("sighting_detail")
def sighting_ignore(request: Request, pk: uuid.UUID) -> HttpResponse:
    """Ignore it until a day."""
    sighting, form = _sighting(request, pk), IgnoreForm(request.POST)
    if form.is_valid():
        with kept(form):
            done = actions.ignore_sighting(sighting=sighting, **form.cleaned_data, by=request.user)
            messages.success(request, f"{done} is ignored until {done.ignored_until:%-d %b %Y}, then it is back.")
            return redirect("unregistered")
    return _detail(request, sighting, ignore_form=form)


@require_POST
@acting("sighting_detail")
def sighting_reopen(request: Request, pk: uuid.UUID) -> HttpResponse:
    """Stop ignoring it before its end."""
    sighting = _sighting(request, pk)
    actions.reopen_sighting(sighting=sighting, by=request.user)
    messages.success(request, f"{sighting} is back in the list.")
    return redirect("sighting_detail", pk)


@require_POST
@acting("sighting_detail")
def sighting_unmap(request: Request, pk: uuid.UUID) -> HttpResponse:
    """Take a mapping back."""
    sighting = _sighting(request, pk)
    actions.unmap_sighting(sighting=sighting, by=request.user)
    messages.success(request, f"{sighting} waits for an answer again.")
    return redirect("sighting_detail", pk)


@acting("sighting_detail")
def sighting_register(request: Request, pk: uuid.UUID) -> HttpResponse:
    """Register an agent for it, filled in with what is known."""
    sighting = _sighting(request, pk)
    (seen,) = queries.described([sighting], request.user)
    team = next((one.team for one in seen.owners if one.team and one.team.pk in request.user.team_ids), None)
    words = sighting.value.replace("-", " ").replace("_", " ").strip()
    first = {"name": words[:1].upper() + words[1:149], "owner": request.user, **({"team": team} if team else {})}
    form = AgentForm(request.POST or None, person=request.user, initial=first)
    if request.method == "POST" and form.is_valid():
        with kept(form):
            values = form.cleaned_data | {"slug": actions.slug_for(sighting)}
            agent = actions.register_sighting(sighting=sighting, by=request.user, **values)
            mapped = sighting.answerable_by(request.user)
            after = (
                f"{sighting} is mapped to it." if mapped else f"{sighting} is claimed for it; {_who_maps(sighting)} it."
            )
            messages.success(request, f"{agent.name} is registered. {after}")
            return redirect("agent_detail", agent.slug)
    return page(request, "signals/sighting_register.html", {"form": form, "sighting": sighting, "seen": seen})
