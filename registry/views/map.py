"""An agent's map, and what is hit if something goes away."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404

from accounts.requests import Request
from registry import impact, map
from registry.map_drawing import drawing
from registry.models import Agent
from web.views import page


def agent_map(request: Request, slug: str) -> HttpResponse:
    """What an agent reads, calls and is built of, live and proposed, with its gaps."""
    rows = Agent.objects.visible_to(request.user).select_related("team", "owner", "deputy")
    agent = get_object_or_404(rows, slug=slug)
    found = map.of(agent, request.user)
    return page(request, "registry/map.html", {"agent": agent, "map": found, "drawing": drawing(found)})


def impact_page(request: Request) -> HttpResponse:
    """Choose a data source, tool, model or agent, and see who depends on it."""
    kind, id = request.GET.get("kind", ""), request.GET.get("id", "").strip()
    words = request.GET.get("q", "").strip()
    kind = kind if kind in impact.KINDS else "data"
    thing = impact.find(kind, id, request.user) if id else None
    context = {
        "kind": kind,
        "kinds": impact.KINDS,
        "words": words,
        "id": id,
        "thing": thing,
        "impact": impact.of(thing, request.user) if thing else None,
        "suggested": [] if thing else impact.suggested(kind, words or id, request.user),
        "limit": impact.SUGGESTED,
    }
    return page(request, "registry/impact.html", context)
