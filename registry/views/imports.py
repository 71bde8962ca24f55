"""Importing a manifest, a server's tools, an AgentCard: what was read is shown first, and kept once it is confirmed."""

import json

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from accounts.requests import Request
from registry import import_actions as actions
from registry.forms import AgentForm
from registry.importing import below_worst, compare_server, open_packet, plan_card, plan_manifest
from registry.imports.agentcard import read_card
from registry.imports.manifest import read_manifest
from registry.imports.mcp import ToolList, read_tools
from registry.imports.reading import Unreadable
from registry.imports.schema import schema
from registry.models import Agent, ImportedManifest
from registry.uploads import ImportForm, ToolsForm
from registry.vocabulary import Effect, ToolTag
from web.errors import Conflict
from web.views import acting, kept, page


@acting("import_manifest")
def import_manifest(request: Request) -> HttpResponse:
    """Register or update an agent from its `portcullis.yaml`: read, preview, confirm."""
    form = ImportForm(request.POST or None, request.FILES or None, may_fetch=actions.may_import(request.user))
    if request.method != "POST" or not form.is_valid():
        return page(request, "registry/import_manifest.html", {"form": form, "newest": _newest(request)})
    try:
        manifest = read_manifest(form.payload)
    except Unreadable as error:
        return _unreadable(request, "registry/import_manifest.html", form, error, newest=_newest(request))
    if "confirm" in request.POST:
        with kept(form):
            made = actions.import_agent(
                manifest=manifest, seen=form.cleaned_data["seen"], looked="looked" in request.POST, by=request.user
            )
            messages.success(request, f"{made.agent.name} is imported: this is manifest {made.number}.")
            if packet := open_packet(manifest, request.user):
                return redirect("packet_detail", packet)
            return redirect("agent_manifest", made.agent.slug)
    plan = plan_manifest(manifest, request.user)
    again = json.dumps(manifest.document(), ensure_ascii=False)
    return page(request, "registry/import_preview.html", {"form": form, "plan": plan, "text": again})


def agent_manifest(request: Request, slug: str) -> HttpResponse:
    """What an agent's newest manifest says."""
    agent = get_object_or_404(Agent.objects.detail_visible_to(request.user).select_related("team"), slug=slug)
    rows = list(agent.manifests.select_related("imported_by")[:20])
    return page(
        request,
        "registry/manifest.html",
        {
            "agent": agent,
            "manifest": rows[0] if rows else None,
            "earlier": rows[1:],
            "may_edit": agent.editable_by(request.user),
        },
    )


@acting("import_tools")
def import_tools(request: Request) -> HttpResponse:
    """Add an MCP server's tools to the catalogue: read, choose effects, confirm."""
    form = ToolsForm(request.POST or None, request.FILES or None, may_fetch=actions.may_import(request.user))
    if request.method != "POST" or not form.is_valid():
        return page(request, "registry/import_tools.html", {"form": form})
    try:
        found = read_tools(form.payload, form.cleaned_data["server"].strip())
    except Unreadable as error:
        return _unreadable(request, "registry/import_tools.html", form, error)
    if "confirm" in request.POST:
        with kept(form):
            return redirect(_confirm_tools(request, found))
    return page(request, "registry/import_tools_preview.html", {"form": form, **_tools_preview(request, found, form)})


def _confirm_tools(request: Request, found: ToolList) -> str:
    """Import what was confirmed; where to go then."""
    posted = request.POST
    if posted["seen"] != compare_server(found, request.user).digest:
        raise Conflict(actions.MOVED)
    claims = actions.chosen(
        found,
        {slug: posted.get(f"effect-{slug}", "") for slug in posted.getlist("shown")},
        {slug: posted.getlist(f"tags-{slug}") for slug in posted.getlist("shown")},
    )
    made, proposed = actions.import_tools(found=claims, looked="looked" in posted, by=request.user)
    if made:
        one = "1 tool is" if len(made) == 1 else f"{len(made)} tools are"
        messages.success(request, f"{one} new in the catalogue; packets can name them now.")
    if proposed:
        one = "1 proposal waits" if len(proposed) == 1 else f"{len(proposed)} proposals wait"
        messages.success(request, f"{one} for whoever may confirm what these tools do.")
    return "tool_list" if made else "proposal_list"


def _tools_preview(request: Request, found: ToolList, form: ToolsForm) -> dict[str, object]:
    compared = compare_server(found, request.user)
    chosen = request.POST if "confirm" in request.POST else QueryDict()
    rows = [
        {
            "claim": claim,
            "effect": chosen.get(f"effect-{claim.slug}", claim.effect or Effect.IRREVERSIBLE),
            "tags": chosen.getlist(f"tags-{claim.slug}") if chosen else claim.tags,
        }
        for claim in compared.new
    ]
    return {
        "server": found.server,
        "partial": found.partial,
        "seen": compared.digest,
        "acts": compared.acts,
        "rows": rows,
        "lines": [line for line in compared.lines if line.outcome != "new"],
        "effects": Effect.choices,
        "tags": ToolTag.choices,
        "vouch": any(below_worst(claim.effect) for claim in compared.new),
        "text": json.dumps(found.document, ensure_ascii=False),
    }


@acting("import_card")
def import_card(request: Request) -> HttpResponse:
    """Read an A2A AgentCard, and show the registration filled with what it says; for an agent that is registered already,
    propose what the card says otherwise."""
    form = ImportForm(request.POST or None, request.FILES or None, may_fetch=actions.may_import(request.user))
    if request.method != "POST" or not form.is_valid():
        return page(request, "registry/import_card.html", {"form": form})
    try:
        card = read_card(form.payload)
    except Unreadable as error:
        return _unreadable(request, "registry/import_card.html", form, error)
    if "confirm" in request.POST:
        with kept(form):
            seen = form.cleaned_data["seen"]
            agent = actions.import_card(card=card, seen=seen, by=request.user, team=None, owner=None)
            messages.success(request, f"What the card says otherwise is proposed. {agent.name} is as it was.")
            return redirect("agent_detail", agent.slug)
        return page(request, "registry/import_card.html", {"form": form})
    plan = plan_card(card, request.user)
    filled = AgentForm(person=request.user, initial={"name": card.name, "summary": card.summary, "owner": request.user})
    may_propose = plan.acts and plan.agent is not None and plan.agent.editable_by(request.user)
    context = {"form": filled, "card": card, "known": plan.agent, "plan": plan, "may_propose": may_propose}
    return page(
        request, "registry/agent_new.html", {**context, "text": json.dumps(card.document(), ensure_ascii=False)}
    )


@login_not_required
def manifest_schema(request: HttpRequest) -> JsonResponse:
    """The manifest's JSON Schema, for editors and CI: public, since it holds nothing of the organisation's."""
    made = schema(request.build_absolute_uri(reverse("manifest_schema")))
    answer = JsonResponse(made, json_dumps_params={"indent": 2}, content_type="application/schema+json")
    answer["Cache-Control"] = "public, max-age=3600"
    answer["Access-Control-Allow-Origin"] = "*"
    return answer


def _newest(request: Request) -> list[ImportedManifest]:
    rows = ImportedManifest.objects.visible_to(request.user).select_related("agent", "imported_by")
    return list(rows.order_by("-imported_at", "-pk")[:5])


def _unreadable(
    request: Request, template: str, form: ImportForm, error: Unreadable, **context: object
) -> HttpResponse:
    for fault in error.faults:
        form.add_error(None, str(fault))
    return page(request, template, {"form": form, **context})
