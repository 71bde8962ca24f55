"""The list of packets, starting one, and a packet's task list."""

from collections import Counter
from uuid import UUID

from django.db.models import OuterRef, Q, Subquery
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect

from accounts.models import Person
from accounts.requests import Request
from registry import actions, panels
from registry.answering import launches_due
from registry.forms import PacketFilter, PacketForm
from registry.models import Agent, LaunchReview, Packet, Proposal, Revision
from registry.moved import beside
from registry.pages import progress
from registry.vocabulary import EDITABLE
from web import nav
from web.errors import Denied
from web.views import acting, kept, page, paged
from work import clock


@nav.count("packets")
def open_packets(person: Person) -> int:
    """How many packets wait for this person to fill them."""
    mine = Q(agent__owner=person) | Q(agent__deputy=person) | Q(agent__team__in=person.team_ids)
    return Packet.objects.visible_to(person).filter(mine, state__in=EDITABLE).count()


def packet_list(request: Request) -> HttpResponse:
    """The packets that this person may see, newest first."""
    form = PacketFilter(request.GET)
    form.is_valid()
    rows = Packet.objects.visible_to(request.user).select_related("agent__team", "agent__owner", "created_by")
    newest = Revision.objects.filter(packet=OuterRef("pk")).order_by("-number")
    rows = rows.annotate(submitted_at=Subquery(newest.values("submitted_at")[:1]))
    if words := form.cleaned_data.get("q"):
        rows = rows.filter(Q(agent__name__icontains=words) | Q(version__icontains=words))
    if state := form.cleaned_data.get("state"):
        rows = rows.filter(state=state)
    found = paged(request, rows)
    filtered = any(request.GET.get(name) for name in form.fields)
    return page(
        request, "registry/packet_list.html", {"rows": found, "filter": form, "filtered": filtered}, part="rows"
    )


@acting("packet_list")
def packet_new(request: Request, slug: str) -> HttpResponse:
    """Start a packet for a candidate version of an agent."""
    agent = get_object_or_404(Agent.objects.visible_to(request.user).select_related("team", "owner"), slug=slug)
    if not agent.editable_by(request.user):
        raise Denied(f"Only the owner, the deputy and members of {agent.team.name} start a packet for {agent.name}.")
    form = PacketForm(request.POST or None, agent=agent, person=request.user)
    if request.method == "POST" and form.is_valid():
        with kept(form):
            version = form.cleaned_data["version"]
            packet = actions.start_packet(
                agent=agent, version=version, by=request.user, copies=form.copies, empty=form.empty
            )
            return redirect("packet_detail", packet.pk)
    packets = agent.packets.visible_to(request.user).order_by("-number")
    return page(request, "registry/packet_new.html", {"form": form, "agent": agent, "packets": packets})


def visible_packet(request: Request, pk: UUID) -> Packet:
    """The packet with what its pages name; 404 where there is none, or none that this person may see."""
    rows = Packet.objects.visible_to(request.user)
    return get_object_or_404(
        rows.select_related("agent__team", "agent__owner", "agent__deputy", "created_by", "renews"), pk=pk
    )


def packet_detail(request: Request, pk: UUID) -> HttpResponse:
    """The packet's ten sections as a task list, what is missing in each, and what can be done next."""
    packet = visible_packet(request, pk)
    stands = beside(packet, clock.now())
    sections = progress(packet, stands)
    missing = sum(len(one.problems) for one in sections)
    waiting = Proposal.objects.visible_to(request.user).open().filter(packet=packet).order_by("section")
    made = (panel(packet, request.user) for panel in panels.packet_panels)
    return page(
        request,
        "registry/packet_detail.html",
        {
            "packet": packet,
            "agent": packet.agent,
            "sections": sections,
            "beside": stands,
            "missing": missing,
            "complete": sum(not one.problems for one in sections),
            "proposed": sorted(Counter(waiting.values_list("section", flat=True)).items()) if packet.editable else [],
            "next": next((one.section for one in sections if one.problems), None),
            "editable": packet.editable and packet.agent.editable_by(request.user),
            "revisions": packet.revisions.select_related("submitted_by").defer("document").order_by("-number"),
            "contributors": packet.contributions.filter(revision=packet.revision).select_related("person"),
            "acts": [act for acts in panels.packet_acts for act in acts(packet, request.user, missing)],
            "fills": panels.fills_of(packet, request.user),
            "launch_due": launches_due(Packet.objects.filter(pk=packet.pk)),
            "launch_review": LaunchReview.objects.filter(packet=packet).select_related("reviewed_by").first(),
            "panels": [panel for panel in made if panel],
        },
    )
