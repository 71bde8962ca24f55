"""Merging two entries of the catalogue that are one thing: choose the other, look at both, choose which stays."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from accounts.requests import Request
from registry import merging, upkeep
from registry.forms import OtherForm
from registry.models import DataSource, Tool
from registry.views.catalogue import catalogue_entry
from web.errors import Conflict
from web.views import acting, page, whole


@acting("data_merge")
def data_merge(request: Request, pk: UUID) -> HttpResponse:
    """Merge a data source with another."""
    return _merge(request, catalogue_entry(request, DataSource.objects.all(), pk), "data")


@acting("tool_merge")
def tool_merge(request: Request, pk: UUID) -> HttpResponse:
    """Merge a tool with another."""
    return _merge(request, catalogue_entry(request, Tool.objects.all(), pk), "tool")


def _merge(request: Request, entry: Any, kind: str) -> HttpResponse:
    upkeep.may_keep(entry, request.user)
    if entry.retired_at:
        raise Conflict(f"{entry} was retired already, so it cannot be merged.")
    given = request.POST if request.method == "POST" else request.GET
    form = OtherForm(given if "other" in given else None, entry=entry, person=request.user)
    context: dict[str, Any] = {"entry": entry, "kind": kind, "form": form, "list": f"{kind}_list"}
    if not form.is_bound or not form.is_valid():
        return page(request, "registry/catalogue_merge.html", context)
    other = form.cleaned_data["other"]
    if request.method == "POST":
        stays, goes = (entry, other) if request.POST.get("stays") == str(entry.pk) else (other, entry)
        seen = request.POST.get("agents", "")
        merging.merge(goes=goes, stays=stays, by=request.user, agents_seen=whole(seen, -1))
        messages.success(request, f"{goes} is merged into {stays}. Its name is still found and leads here.")
        return redirect(f"{kind}_detail", stays.pk)
    context["other"] = other
    context["may"] = other.kept_by(request.user)
    context["choices"] = [
        {"goes": one, "stays": two, "touching": upkeep.touching(one, request.user)}
        for one, two in ((other, entry), (entry, other))
    ]
    return page(request, "registry/catalogue_merge.html", context)
