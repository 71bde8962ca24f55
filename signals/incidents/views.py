"""Pages of incidents: the list, one incident, reporting, and what is done with it."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_POST

from accounts.models import Person
from accounts.requests import Request
from registry.finding import Asked, by_name, words_of
from registry.models import Agent, Packet
from signals.incidents import actions, queries
from signals.incidents.forms import AmendForm, CloseForm, IncidentFilter, ReportForm
from signals.incidents.models import Incident
from web.views import acting, kept, page, paged

FOUND = 20
"""Agents that the page shows to choose from."""


@require_GET
def incident_list(request: Request) -> HttpResponse:
    """The incidents that this person may see, the newest first."""
    form = IncidentFilter(request.GET, person=request.user)
    rows = paged(request, queries.incidents(request.user, **form.chosen), 25)
    chosen = any(request.GET.get(name) for name in form.fields)
    return page(request, "signals/incident_list.html", {"filter": form, "rows": rows, "filtered": chosen}, part="rows")


@require_GET
def incident_new(request: Request) -> HttpResponse:
    """Choose the agent that did wrong."""
    said = request.GET.get("q", "")
    rows = Agent.objects.visible_to(request.user).select_related("team")
    found = by_name(rows, Asked(words_of(said)), limit=FOUND)
    return page(request, "signals/incident_new.html", {"found": found, "said": said}, part="found")


@acting()
def incident_report(request: Request, slug: str) -> HttpResponse:
    """Report what an agent did wrong."""
    agent = get_object_or_404(Agent.objects.visible_to(request.user).select_related("team"), slug=slug)
    form = ReportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with kept(form):
            incident = actions.report_incident(agent=agent, **form.cleaned_data, by=request.user)
            messages.success(request, f"Reported. {agent.owner.name} and the team see it now.{_taken_out(incident)}")
            return redirect("incident_detail", incident.pk)
    return page(request, "signals/incident_report.html", {"form": form, "agent": agent})


def _taken_out(incident: Incident) -> str:
    kinds = [f"{count} × {kind}" for kind, count in sorted(incident.redacted.items())]
    return f" Taken out of the texts: {', '.join(kinds)}." if kinds else ""


def _incident(user: Person, pk: uuid.UUID) -> Incident:
    return get_object_or_404(Incident.objects.visible_to(user).told(), pk=pk)


def _detail(request: Request, incident: Incident, **forms: Any) -> HttpResponse:
    user = request.user
    context = {
        "incident": incident,
        "bar": actions.answer_bar(incident, user),
        "detail": incident.agent.detail_visible_to(user),
        "amend_form": AmendForm(initial={**vars(incident), "seen": incident.edition}),
        "close_form": CloseForm(initial={"outcome": incident.outcome}),
        **forms,
    }
    bound = next(iter(forms.values()), None)
    return page(request, "signals/incident.html", context | {"form": bound})


@require_GET
def incident_detail(request: Request, pk: uuid.UUID) -> HttpResponse:
    """One incident: what happened, who was told, what was done, and what can be done."""
    return _detail(request, _incident(request.user, pk))


@require_POST
@acting("incident_detail")
def incident_amend(request: Request, pk: uuid.UUID) -> HttpResponse:
    """Say anew how severe it is, which failure it is about, and who was told."""
    incident, form = _incident(request.user, pk), AmendForm(request.POST)
    if form.is_valid():
        with kept(form):
            actions.amend_incident(incident=incident, **form.cleaned_data, by=request.user)
            messages.success(request, "The incident is amended.")
            return redirect("incident_detail", pk)
    return _detail(request, incident, amend_form=form)


@require_POST
@acting("incident_detail")
def incident_close(request: Request, pk: uuid.UUID) -> HttpResponse:
    """Close it with what was done."""
    incident, form = _incident(request.user, pk), CloseForm(request.POST)
    if form.is_valid():
        with kept(form):
            actions.close_incident(incident=incident, **form.cleaned_data, by=request.user)
            messages.success(request, "The incident is closed. It stays on record.")
            return redirect("incident_detail", pk)
    return _detail(request, incident, close_form=form)


@require_POST
@acting("incident_detail")
def incident_reopen(request: Request, pk: uuid.UUID) -> HttpResponse:
    """Open it again."""
    actions.reopen_incident(incident=_incident(request.user, pk), by=request.user)
    messages.success(request, "The incident is open again.")
    return redirect("incident_detail", pk)


@require_POST
@acting("packet_detail")
def packet_fill_from_incidents(request: Request, pk: uuid.UUID) -> HttpResponse:
    """Make cases of section 4 of the agent's incidents."""
    rows = Packet.objects.visible_to(request.user).select_related("agent__team")
    done = actions.fill_from_incidents(packet=get_object_or_404(rows, pk=pk), by=request.user)
    messages.success(
        request, f"{done.new} case{'s' if done.new != 1 else ''} added. The page says what is still missing."
    )
    return redirect("packet_section", pk, 4)
