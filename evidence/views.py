"""Pages of evidence and of the ledger."""

import hashlib
import json
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET, require_POST, require_safe

from evidence import keys
from evidence.actions import export_agent
from evidence.bundle import VERIFIER
from evidence.reading import PAGE, lines, of_agent, visible_entries
from ledger.kinds import KINDS
from ledger.models import LedgerEntry
from registry.models import Agent
from web.views import acting, page, paged


@require_safe
def evidence_list(request: HttpRequest) -> HttpResponse:
    """The agents whose evidence this person may download, and the newest exports."""
    user: Any = request.user
    agents = Agent.objects.detail_visible_to(user).select_related("team", "owner")
    query = request.GET.get("q", "").strip()
    if query:
        agents = agents.filter(name__icontains=query)
    context = {
        "agents": paged(request, agents),
        "query": query,
        "exports": _recent_exports(user),
        "fingerprint": keys.fingerprint(),
        "verifier_sha256": hashlib.sha256(VERIFIER.read_bytes()).hexdigest(),
        "demo": settings.DEMO,
    }
    return page(request, "evidence/list.html", context, part="agents")


def _recent_exports(user: Any) -> list[dict[str, Any]]:
    # Exports stand in the stream "system"; others than auditors and admins see there only what they did themselves.
    rows = LedgerEntry.objects.filter(kind="export.created").order_by("-id")[:200]
    said = [line for line in lines(rows, user) if user.sees_all or line.record["actor"]["id"] == str(user.pk)][:10]
    agents = Agent.objects.visible_to(user).in_bulk({line.record["data"]["agent"] for line in said})
    by_id = {str(pk): agent for pk, agent in agents.items()}
    return [{"line": line, "agent": by_id.get(line.record["data"]["agent"])} for line in said]


@require_POST
@acting("evidence_list")
def evidence_export(request: HttpRequest, slug: str) -> HttpResponse:
    """Seal the evidence of one agent and send it. A POST, because every export is recorded in the ledger."""
    user: Any = request.user
    agent = get_object_or_404(Agent.objects.visible_to(user), slug=slug)
    export = export_agent(agent, by=user)
    response = FileResponse(export.file, as_attachment=True, filename=export.name, content_type="application/zip")
    response["Cache-Control"] = "no-store"
    return response  # type: ignore[return-value]


@require_safe
def ledger_list(request: HttpRequest) -> HttpResponse:
    """Entries, newest first, filtered by the URL: `agent` (slug), `kind`, `stream`; `before` is an entry's id."""
    user: Any = request.user
    rows, filters = visible_entries(user), _filters(request)
    if "agent" in filters:
        agent = Agent.objects.visible_to(user).filter(slug=filters["agent"]).first()
        rows = of_agent(rows, agent) if agent else rows.none()
    if "kind" in filters:
        rows = rows.filter(kind=filters["kind"])
    if "stream" in filters:
        rows = rows.filter(stream=filters["stream"])
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        rows = rows.filter(id__lt=int(before))
    found = list(rows.order_by("-id")[: PAGE + 1])
    older = urlencode({**filters, "before": found[PAGE - 1].pk}) if len(found) > PAGE else ""
    context = {
        "lines": lines(found[:PAGE], user),
        "filters": filters,
        "kinds": sorted(KINDS),
        "older": older,
        "newest": urlencode(filters) if before else "",
        "paging": bool(before),
    }
    return page(request, "evidence/ledger.html", context, part="entries")


def _filters(request: HttpRequest) -> dict[str, str]:
    asked = {name: request.GET.get(name, "").strip()[:100] for name in ("agent", "kind", "stream")}
    return {name: value for name, value in asked.items() if value}


@require_safe
def ledger_entry(request: HttpRequest, pk: int) -> HttpResponse:
    """One entry: its exact bytes, its hash, and its neighbours in the stream."""
    user: Any = request.user
    entry = visible_entries(user).filter(pk=pk).first()
    if entry is None:
        raise Http404("There is no such entry, or it is not for you to see.")
    payload = bytes(entry.payload)
    around = LedgerEntry.objects.filter(
        stream=entry.stream, stream_seq__in=[entry.stream_seq - 1, entry.stream_seq + 1]
    ).values_list("stream_seq", "pk")
    neighbours = dict(around)
    context = {
        "line": lines([entry], user)[0],
        "payload": payload.decode(),
        "pretty": json.dumps(entry.record["data"], indent=2, ensure_ascii=False),
        "size": len(payload),
        "leaf_hash": bytes(entry.leaf_hash).hex(),
        "prev_hash": bytes(entry.prev_hash).hex(),
        "holds": hashlib.sha256(b"\0" + payload).digest() == bytes(entry.leaf_hash),
        "before": neighbours.get(entry.stream_seq - 1),
        "after": neighbours.get(entry.stream_seq + 1),
    }
    return page(request, "evidence/ledger_entry.html", context)


@require_safe
def ledger_entry_raw(request: HttpRequest, pk: int) -> HttpResponse:
    """The entry's exact bytes as a file, so that anyone can hash them."""
    user: Any = request.user
    entry = get_object_or_404(visible_entries(user), pk=pk)
    name = f"{entry.stream.replace(':', '-')}-{entry.stream_seq}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(bytes(entry.payload), content_type="application/json", headers=headers)


@login_not_required
@require_GET
def verify_py(request: HttpRequest) -> HttpResponse:
    """The offline verifier. Public: whoever holds a bundle need not hold an account."""
    headers = {"Content-Disposition": 'attachment; filename="verify.py"'}
    return HttpResponse(VERIFIER.read_bytes(), content_type="text/x-python; charset=utf-8", headers=headers)


@login_not_required
@require_GET
def evidence_key(request: HttpRequest) -> HttpResponse:
    """The public evidence key in PEM. Public, and to be compared by its fingerprint over another way."""
    headers = {"Content-Disposition": 'attachment; filename="evidence.pem"'}
    return HttpResponse(keys.public_pem(), content_type="application/x-pem-file", headers=headers)
