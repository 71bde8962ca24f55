"""Promoting, suspending and resuming, in the browser."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from registry.models import Agent, Packet
from releases import actions
from releases.models import Release
from releases.queries import in_force, ready
from web.views import acting, page, paged


def release_list(request: HttpRequest) -> HttpResponse:
    """What is ready to go, what is live, what is suspended."""
    user: Any = request.user
    return page(
        request,
        "releases/release_list.html",
        {"ready": list(ready(user)[:100]), "rows": paged(request, in_force(user))},
    )


@require_POST
@acting("review_detail")
def promote(request: HttpRequest, pk: Any) -> HttpResponse:
    """Promote an approved packet to production."""
    user: Any = request.user
    packet = get_object_or_404(Packet.objects.visible_to(user).select_related("agent"), pk=pk)
    release = actions.promote(packet=packet, by=user)
    messages.success(request, f"{packet} is live in {release.environment}.")
    return redirect("agent_detail", packet.agent.slug)


@acting("agent_detail")
def suspend(request: HttpRequest, slug: str) -> HttpResponse:
    """Stop the agent at once; a GET shows what it does and asks for the reason."""
    user: Any = request.user
    agent = get_object_or_404(Agent.objects.visible_to(user).select_related("team", "owner", "deputy"), slug=slug)
    if request.method != "POST":
        release = agent.releases.filter(ended_at=None).select_related("packet").first()
        context = {"agent": agent, "release": release, "may": actions.may_suspend(agent, user)}
        return page(request, "releases/suspend.html", context)
    actions.suspend(agent=agent, reason=request.POST.get("reason", ""), by=user)
    messages.success(request, f"{agent.name} is suspended. Resuming takes two people.")
    return redirect("agent_detail", agent.slug)


@require_POST
@acting("release_list")
def resume_ask(request: HttpRequest, pk: Any) -> HttpResponse:
    """The owner or deputy asks to start a suspended agent again."""
    release = get_object_or_404(Release.objects.visible_to(request.user), pk=pk)
    actions.ask_to_resume(release=release, by=request.user)
    messages.success(request, "Asked. A security approver or a platform admin must confirm.")
    return redirect("agent_detail", release.agent.slug)


@require_POST
@acting("release_list")
def resume(request: HttpRequest, pk: Any) -> HttpResponse:
    """A second person starts it again, if the gate passes now."""
    release = get_object_or_404(Release.objects.visible_to(request.user).select_related("agent"), pk=pk)
    actions.resume(release=release, by=request.user)
    messages.success(request, f"{release.agent.name} is live again.")
    return redirect("agent_detail", release.agent.slug)
