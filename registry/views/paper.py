"""A packet to take away: held against another, on paper, as a file."""

from uuid import UUID

from django.db.models import Prefetch
from django.http import Http404, HttpResponse

from accounts.requests import Request
from ledger.canonical import dumps
from registry import comparing, paper
from registry.models import Packet, Revision
from registry.sections import SECTIONS
from registry.views.packets import visible_packet
from web.views import page


def chosen(request: Request, value: str) -> comparing.Said:
    """What an address calls `<packet>` or `<packet>:<revision>`, if this person may see it, else 404."""
    rows = Packet.objects.visible_to(request.user)
    found = comparing.chosen(value, rows.select_related("agent__team", "agent__owner", "agent__deputy", "created_by"))
    if found is None:
        raise Http404("There is no such packet or revision.")
    return found


def packet_compare(request: Request, pk: UUID) -> HttpResponse:
    """A packet against another of the same agent, or two of its revisions, section by section."""
    packet = visible_packet(request, pk)
    new = chosen(request, request.GET.get("new") or str(pk))
    against = request.GET.get("old", comparing.usual(packet))
    old = chosen(request, against) if against else None
    frozen = Prefetch("revisions", Revision.objects.defer("document").order_by("-number"), to_attr="frozen")
    others = Packet.objects.visible_to(request.user).filter(agent=packet.agent).prefetch_related(frozen)
    return page(
        request,
        "registry/packet_compare.html",
        {
            "packet": packet,
            "agent": packet.agent,
            "old": old,
            "new": new,
            "parts": comparing.compared(old, new) if old else [],
            "choices": comparing.choices(others.order_by("-number")),
        },
    )


def packet_read(request: Request, pk: UUID) -> HttpResponse:
    """All ten sections to read one after another; printed, each begins a sheet of its own."""
    one = _asked(request, pk)
    sections = [(section, one.content["sections"].get(str(section.number), {})) for section in SECTIONS]
    context = {"packet": one.packet, "agent": one.packet.agent, "one": one, "sections": sections}
    return page(request, "registry/packet_read.html", {**context, "core": one.content["core"]})


def packet_pdf(request: Request, pk: UUID) -> HttpResponse:
    """The packet to print: its newest revision, the draft while it is open, or `?revision=`."""
    one = _asked(request, pk)
    return _file(one, "pdf", paper.printed(one), "application/pdf")


def packet_json(request: Request, pk: UUID) -> HttpResponse:
    """The packet's canonical document, byte for byte where it is frozen."""
    one = _asked(request, pk)
    return _file(one, "json", bytes(one.revision.document) if one.revision else dumps(one.content), "application/json")


def _asked(request: Request, pk: UUID) -> comparing.Said:
    revision = request.GET.get("revision", "")
    return chosen(request, f"{pk}:{revision}" if revision else str(pk))


def _file(one: comparing.Said, kind: str, body: bytes, content_type: str) -> HttpResponse:
    number = f"r{one.revision.number}" if one.revision else "draft"
    name = f"{one.packet.agent.slug}-packet-{one.packet.number}-{number}.{kind}"
    response = HttpResponse(body, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
