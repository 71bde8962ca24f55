"""The search page and its palette, saved views, and lists as CSV."""

from itertools import groupby
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseRedirect, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.requests import Request
from registry import finding, saved_views
from registry.forms import AgentFilter, ViewForm
from registry.models import Agent, DataSource, SavedView, Tool
from web import nav
from web.csv import csv_file
from web.views import acting, kept, page

AGENT_COLUMNS = (
    "slug", "name", "summary", "team__slug", "owner__name", "owner__email", "relationship", "autonomy", "risk_class",
    "status", "stage", "gate", "support_path", "next_review", "created_at",
)  # fmt: skip
DATA_COLUMNS = (
    "slug", "name", "description", "owner__name", "owner__email", "classification", "contract_version", "fresh_on",
    "fresh_days", "retired_at",
)  # fmt: skip
TOOL_COLUMNS = ("slug", "name", "system", "owner__name", "owner__email", "effect", "tags", "confirmed_at", "retired_at")
TALK = {"start", "a", "packet", "new", "for"}
PALETTE_PLACES, PAGE_PLACES = 6, 30


@require_GET
def search(request: Request) -> HttpResponse:
    """Everything that holds the words asked for, and the places and acts named so; for the palette its rows alone."""
    said = request.GET.get("q", "").replace("\0", " ").strip()[:1000]
    palette = bool(request.htmx) and not request.htmx.boosted
    hits = finding.search(said, request.user, 5 if palette else 20)
    starts = _to_start(said, hits, request)
    places = nav.places_for(request.user, finding.words_of(said))[: PALETTE_PLACES if palette else PAGE_PLACES]
    groups = [(finding.KINDS[kind], list(some)) for kind, some in groupby(hits, key=lambda hit: hit.kind)]
    context = {"q": said, "groups": groups, "places": places, "starts": starts, "found": len(hits) + len(places)}
    return page(request, "registry/search.html", context, part="found")


def _to_start(said: str, hits: list[finding.Hit], request: Request) -> list[finding.Hit]:
    """Agents found that a packet may be started for; "start packet lending" looks for lending."""
    words = finding.words_of(said)
    rest = [word for word in words if word.lower() not in TALK]
    if len(rest) < len(words) and rest:
        hits = finding.search_agents(" ".join(rest), request.user, 3)
    return [hit for hit in hits if hit.editable][:3]


def view_list(request: Request) -> HttpResponse:
    """The views that this person saved, and those that others share with their teams."""
    views = SavedView.objects.visible_to(request.user).select_related("person", "team")
    return page(request, "registry/view_list.html", {"views": list(views[:200])})


@acting("agent_view_list")
def view_new(request: Request) -> HttpResponse:
    """Save the filters that the address names."""
    said = request.POST.get("query", "") if request.method == "POST" else request.GET.urlencode()
    shown = AgentFilter(_parsed(said), person=request.user)
    form = ViewForm(request.POST or None, person=request.user, initial={"query": shown.address})
    if request.method == "POST" and form.is_valid():
        with kept(form):
            view = saved_views.save_view(
                name=form.cleaned_data["name"], team=form.cleaned_data["team"], query=shown.address, by=request.user
            )
            messages.success(request, f"{view.name} stands above the list of agents from now on.")
            return HttpResponseRedirect(f"{reverse('agent_list')}?{view.query}")
    return page(request, "registry/view_new.html", {"form": form, "address": shown.address, "said": _in_words(shown)})


@require_POST
@acting("agent_view_list")
def view_remove(request: Request, pk: UUID) -> HttpResponse:
    """Remove a view of one's own."""
    view = get_object_or_404(SavedView.objects.visible_to(request.user), pk=pk)
    saved_views.remove_view(view=view, by=request.user)
    messages.success(request, f"{view.name} is removed.")
    return redirect("agent_view_list")


@require_GET
def agent_export(request: Request) -> StreamingHttpResponse:
    """The agents that the address's filters leave, as CSV."""
    form = AgentFilter(request.GET, person=request.user)
    rows = finding.narrowed(Agent.objects.visible_to(request.user), form.asked).order_by("name", "id")
    return _csv("agents.csv", AGENT_COLUMNS, rows)


@require_GET
def data_export(request: Request) -> StreamingHttpResponse:
    """The data sources that the search leaves, as CSV."""
    rows = finding.matching(DataSource.objects.visible_to(request.user), request.GET.get("q", ""))
    return _csv("data-sources.csv", DATA_COLUMNS, rows.order_by("name", "id"))


@require_GET
def tool_export(request: Request) -> StreamingHttpResponse:
    """The tools that the search leaves, as CSV."""
    rows = finding.matching(Tool.objects.visible_to(request.user), request.GET.get("q", ""))
    return _csv("tools.csv", TOOL_COLUMNS, rows.order_by("slug", "id"))


def _csv(name: str, columns: tuple[str, ...], rows: QuerySet[Any]) -> StreamingHttpResponse:
    lines = rows.values_list(*columns).iterator(chunk_size=1000)
    return csv_file(name, [column.replace("__", "_") for column in columns], map(_cells, lines))


def _cells(row: tuple[Any, ...]) -> list[Any]:
    return [
        " ".join(cell) if isinstance(cell, list) else getattr(cell, "isoformat", lambda cell=cell: cell)()
        for cell in row
    ]


def _parsed(said: str) -> QueryDict:
    return QueryDict(said[:4000])


def _in_words(shown: AgentFilter) -> list[tuple[str, str]]:
    """The filters that hold, as people call them."""
    words = []
    for name, bound in shown.fields.items():
        value = shown.clean_of(name)
        if value and name != "q":
            choices = dict(getattr(bound, "choices", ()))
            words.append((str(bound.label or name.capitalize()), str(choices.get(value) or value)))
    if shown.asked.words:
        words.append(("Words", " ".join(shown.asked.words)))
    return words
