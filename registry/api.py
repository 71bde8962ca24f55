"""The API of the registry: agents, the catalogue, packets and their sections."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.urls import path, reverse
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.models import Person, Team
from accounts.roles import Scope
from registry import actions, api_compare, api_packets, api_standing, finding
from registry.api_packets import replace, section_lines, visible_packet
from registry.api_shapes import (
    AgentBody,
    AgentChange,
    AgentNew,
    AgentPage,
    AgentQuery,
    CatalogueQuery,
    DataBody,
    DataNew,
    DataPage,
    PacketBody,
    PacketNew,
    SearchBody,
    SearchQuery,
    SectionBody,
    SectionNew,
    ToolBody,
    ToolNew,
    ToolPage,
)
from registry.contents import content_of, faults_of, titles_of
from registry.demands import may_lack
from registry.models import Agent, DataSource, Packet, Tool
from registry.sections import Section, section
from web.api import Api, answer, asked, etag_of, given, idempotent, if_match, keyset, next_page, tagged
from web.errors import Invalid

READ, WRITE, DRAFT = Scope.REGISTRY_READ.value, Scope.REGISTRY_WRITE.value, Scope.PACKETS_WRITE.value

CARD = {
    "id": "id",
    "slug": "slug",
    "name": "name",
    "summary": "summary",
    "team": "team__slug",
    "owner": "owner__name",
    "autonomy": "autonomy",
    "risk_class": "risk_class",
    "status": "status",
    "stage": "stage",
    "gate": "gate",
}
"""What a list says of an agent: the name in the answer, and the column that it comes from."""
DETAIL = {
    "owner_email": "owner__email",
    "deputy": "deputy__name",
    "deputy_email": "deputy__email",
    "relationship": "relationship",
    "support_path": "support_path",
    "next_review": "next_review",
}
DATA = {
    "id": "id",
    "slug": "slug",
    "name": "name",
    "description": "description",
    "owner": "owner__name",
    "owner_email": "owner__email",
    "classification": "classification",
    "contract_version": "contract_version",
    "fresh_on": "fresh_on",
    "fresh_days": "fresh_days",
    "never_leaves": "never_leaves",
    "retired_at": "retired_at",
    "merged_into": "merged_into__slug",
}
TOOL = {
    "id": "id",
    "slug": "slug",
    "name": "name",
    "system": "system",
    "owner": "owner__name",
    "owner_email": "owner__email",
    "effect": "effect",
    "tags": "tags",
    "confirmed_at": "confirmed_at",
    "retired_at": "retired_at",
    "merged_into": "merged_into__slug",
}


class AgentList(Api):
    """All agents, and registering one."""

    scopes = {"GET": READ, "POST": WRITE}

    @extend_schema(operation_id="agents_list", parameters=[AgentQuery], responses=AgentPage)
    def get(self, request: Request) -> HttpResponse:
        """Cards of all agents in use by name, of retired ones with `status=retired`.

        `next` is the address of the following page, with the same filters.
        """
        said = asked(AgentQuery, request)
        rows = Agent.objects.visible_to(request.user).values_list("name", "id", *CARD.values())
        found = finding.by_name(
            rows, _asked_agents(request.user, said), after=said.get("after", ""), limit=said["limit"],
            place=lambda row: row[:2],
        )  # fmt: skip
        agents = [dict(zip(CARD, row[2:], strict=True)) for row in found]
        return answer({"agents": agents, "next": next_page(request, found.after)})

    @extend_schema(operation_id="agents_register", request=AgentNew, responses={201: AgentBody})
    @idempotent
    def post(self, request: Request) -> HttpResponse:
        """Register an agent for a team that you work for. Without `owner_email` you are its owner."""
        said = given(AgentNew, request.data)
        team = named(Team.objects.visible_to(request.user), "team", slug=said.pop("team"))
        owner = person(request.user, "owner_email", said.pop("owner_email", request.user.email))
        deputy = person(request.user, "deputy_email", said.pop("deputy_email", None))
        agent = actions.register_agent(**said, team=team, owner=owner, deputy=deputy, by=request.user)
        body = _agent(request.user, agent.slug)
        return answer(body, 201, etag=etag_of(body), location=reverse("api_agent", args=[agent.slug]))


class Search(Api):
    """Searching agents, packets, the catalogue and people."""

    scopes = {"GET": READ}

    @extend_schema(operation_id="search", parameters=[SearchQuery], responses=SearchBody)
    def get(self, request: Request) -> HttpResponse:
        """What you may see that holds every word of `q`, from its beginning; the likeliest first of each kind."""
        said = asked(SearchQuery, request)
        hits = finding.search(said["q"], request.user, said["each"])
        found = [
            {
                "kind": hit.kind,
                "key": hit.key,
                "title": hit.title,
                "detail": hit.detail,
                "state": hit.state or None,
                "page": reverse(hit.url_name, args=[hit.key]),
            }
            for hit in hits
        ]
        return answer({"found": found})


class AgentDetail(Api):
    """One agent."""

    scopes = {"GET": READ, "PATCH": WRITE}

    @extend_schema(operation_id="agents_read", responses=AgentBody)
    def get(self, request: Request, slug: str) -> HttpResponse:
        """The card, and the packets that you may see. The ETag is for changing it."""
        return tagged(request, _agent(request.user, slug))

    @extend_schema(operation_id="agents_change", request=AgentChange, responses=AgentBody)
    @transaction.atomic
    def patch(self, request: Request, slug: str) -> HttpResponse:
        """Change the card's fields that are given. `If-Match` holds the ETag that was read."""
        agent = Agent.objects.visible_to(request.user).select_for_update(of=("self",)).filter(slug=slug).first()
        if agent is None:
            raise Http404()
        if_match(request, etag_of(_agent(request.user, slug)))
        said = given(AgentChange, request.data, partial=True)
        if "deputy_email" in said:
            said["deputy"] = person(request.user, "deputy_email", said.pop("deputy_email"))
        actions.change_agent(agent=agent, by=request.user, **said)
        return tagged(request, _agent(request.user, slug))


class DataList(Api):
    """The catalogue of data sources."""

    scopes = {"GET": READ, "POST": WRITE}

    @extend_schema(operation_id="catalogue_data_list", parameters=[CatalogueQuery], responses=DataPage)
    def get(self, request: Request) -> HttpResponse:
        """All data sources by name."""
        said = asked(CatalogueQuery, request)
        rows = finding.matching(DataSource.objects.visible_to(request.user), said.get("q", ""))
        found, following = keyset(rows, ("name", "id"), said.get("after", ""), said["limit"], [*DATA.values()])
        sources = [dict(zip(DATA, row, strict=True)) for row in found]
        return answer({"data_sources": sources, "next": next_page(request, following)})

    @extend_schema(operation_id="catalogue_data_add", request=DataNew, responses={201: DataBody})
    @idempotent
    def post(self, request: Request) -> HttpResponse:
        """Add a data source."""
        said = given(DataNew, request.data)
        owner = person(request.user, "owner_email", said.pop("owner_email", None))
        source = actions.catalogue_source(**said, owner=owner, by=request.user)
        row = DataSource.objects.visible_to(request.user).filter(pk=source.pk).values_list(*DATA.values()).get()
        return answer(dict(zip(DATA, row, strict=True)), 201)


class ToolList(Api):
    """The catalogue of tools."""

    scopes = {"GET": READ, "POST": WRITE}

    @extend_schema(operation_id="catalogue_tools_list", parameters=[CatalogueQuery], responses=ToolPage)
    def get(self, request: Request) -> HttpResponse:
        """All tools by their name in code."""
        said = asked(CatalogueQuery, request)
        rows = finding.matching(Tool.objects.visible_to(request.user), said.get("q", ""))
        found, following = keyset(rows, ("slug", "id"), said.get("after", ""), said["limit"], [*TOOL.values()])
        tools = [dict(zip(TOOL, row, strict=True)) for row in found]
        return answer({"tools": tools, "next": next_page(request, following)})

    @extend_schema(operation_id="catalogue_tools_add", request=ToolNew, responses={201: ToolBody})
    @idempotent
    def post(self, request: Request) -> HttpResponse:
        """Add a tool. Without an `effect` it counts as irreversible."""
        said = given(ToolNew, request.data)
        owner = person(request.user, "owner_email", said.pop("owner_email", None))
        tool = actions.catalogue_tool(**said, owner=owner, by=request.user)
        row = Tool.objects.visible_to(request.user).filter(pk=tool.pk).values_list(*TOOL.values()).get()
        return answer(dict(zip(TOOL, row, strict=True)), 201)


class PacketStart(Api):
    """Starting a packet."""

    scopes = {"POST": DRAFT}

    @extend_schema(operation_id="packets_start", request=PacketNew, responses={201: PacketBody})
    @idempotent
    def post(self, request: Request, slug: str) -> HttpResponse:
        """Start a packet for a candidate version: a copy of `copies`, else of the last approved one, else empty."""
        agent = Agent.objects.visible_to(request.user).select_related("team").filter(slug=slug).first()
        if agent is None:
            raise Http404()
        said = given(PacketNew, request.data)
        copies = Packet.objects.visible_to(request.user).filter(pk=said["copies"]).first() if "copies" in said else None
        if "copies" in said and copies is None:
            raise serializers.ValidationError({"copies": ["There is no such packet, or none that you may see."]})
        packet = actions.start_packet(agent=agent, version=said["version"], copies=copies, by=request.user)
        return answer(_packet(packet), 201, location=reverse("api_packet", args=[packet.pk]))


class PacketDetail(Api):
    """One packet."""

    scopes = {"GET": READ}

    @extend_schema(operation_id="packets_read", responses=PacketBody)
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        """The packet with its state, and each section's version and what is missing in it."""
        return tagged(request, _packet(visible_packet(request.user, pk)))


class PacketSection(Api):
    """One section of a packet."""

    scopes = {"GET": READ, "PUT": DRAFT}

    @extend_schema(operation_id="packet_sections_read", responses=SectionBody)
    def get(self, request: Request, pk: UUID, number: int) -> HttpResponse:
        """The section's content as it stands. The ETag is its version."""
        packet, one = visible_packet(request.user, pk), one_of_ten(number)
        body = section_body(packet, one)
        return tagged(request, body, version_tag(body["version"]))

    @extend_schema(operation_id="packet_sections_write", request=SectionNew, responses=SectionBody)
    @transaction.atomic
    def put(self, request: Request, pk: UUID, number: int) -> HttpResponse:
        """Replace the section's content, all of it. `If-Match` holds the version's ETag that was read.

        Writing what is there already changes nothing.
        """
        one = one_of_ten(number)
        # The lock that a save takes, so that nobody saves between the comparison and ours.
        packet = visible_packet(request.user, pk, lock=True)
        before = section_body(packet, one)
        if_match(request, version_tag(before["version"]))
        content = given(SectionNew, request.data)["content"]
        if faults := faults_of(one, packet, content):
            raise serializers.ValidationError(faults)
        replace(packet, one, content, request.user)
        body = section_body(packet, one)
        return answer(body, etag=version_tag(body["version"]))


class PacketDocument(Api):
    """A packet's frozen canonical document, byte for byte."""

    scopes = {"GET": Scope.EVIDENCE_READ.value}

    @extend_schema(operation_id="packets_document", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        """The newest frozen revision, with its digest as ETag; 404 before the first submission."""
        revision = visible_packet(request.user, pk).current
        if revision is None:
            raise Http404()
        response = HttpResponse(bytes(revision.document), content_type="application/json")
        response["ETag"] = f'"{revision.digest}"'
        return response


def _agent(user: Person, slug: str) -> dict[str, Any]:
    shown = {**CARD, **DETAIL}
    row = Agent.objects.visible_to(user).filter(slug=slug).values_list(*shown.values()).first()
    if row is None:
        raise Http404()
    packets = Packet.objects.visible_to(user).filter(agent__slug=slug).order_by("-number")
    found = list(packets.values("id", "number", "version", "state"))
    return {**dict(zip(shown, row, strict=True)), "packets": found}


def _packet(packet: Packet) -> dict[str, Any]:
    revision = packet.current
    return {
        "id": packet.pk,
        "agent": packet.agent.slug,
        "number": packet.number,
        "version": packet.version,
        "state": packet.state,
        "revision": packet.revision,
        "digest": revision.digest if revision else None,
        "sections": section_lines(packet),
    }


def section_body(packet: Packet, one: Section) -> dict[str, Any]:
    """What the API says of a section: its content, what is missing, and what is not asked for."""
    return {
        "number": one.number,
        "title": one.title,
        "version": packet.section_states.get(number=one.number).version,
        "content": content_of(one, packet),
        "rows": titles_of(one, packet),
        "problems": [problem.text for problem in one.problems(packet)],
        "not_needed": [demand.sentence for demand in one.not_needed(packet)],
        "may_not_apply": {demand.key: demand.what for demand in may_lack(one.number, packet.agent)},
    }


def version_tag(version: int) -> str:
    """The ETag of what counts its own versions."""
    return f'"{version}"'


def one_of_ten(number: int) -> Section:
    """The section with this number, else Http404."""
    try:
        return section(number)
    except IndexError:
        raise Http404() from None


def _asked_agents(user: Person, said: dict[str, Any]) -> finding.Asked:
    facets: dict[str, Any] = {name: said[name] for name in ("status", "risk", "gate", "autonomy") if name in said}
    if "team" in said:
        team = Team.objects.visible_to(user).filter(slug=said["team"]).values_list("pk", flat=True).first()
        facets["team"] = team or "none"  # a team that nobody knows has no agents
    if "owner" in said:
        owner: Any = user.pk
        if said["owner"] != "me":
            people = Person.objects.visible_to(user).filter(email=said["owner"].lower())
            owner = people.values_list("pk", flat=True).first() or "none"
        facets["owner"] = owner
    return finding.Asked(finding.words_of(said.get("q", "")), facets)


def named(rows: QuerySet[Any], field: str, **wanted: str) -> Any:
    """The one row that `wanted` names; the field's error where there is none."""
    found = rows.filter(**wanted).first()
    if found is None:
        raise serializers.ValidationError({field: [f"There is no {field} {next(iter(wanted.values()))}."]})
    return found


def person(user: Person, field: str, email: str | None) -> Any:
    """The person with this e-mail address; None for none. A service account that names no owner is told to."""
    if not email:
        return None
    if user.is_service and email == user.email:
        raise Invalid("Name the agent's owner as owner_email: a service account answers for nothing.")
    found = Person.objects.visible_to(user).people().filter(email=email.lower()).first()
    if found is None:
        raise serializers.ValidationError({field: [f"Nobody here has the address {email}."]})
    return found


urlpatterns = [
    path("search", Search.as_view(), name="api_search"),
    path("agents/", AgentList.as_view(), name="api_agents"),
    path("agents/<slug:slug>/", AgentDetail.as_view(), name="api_agent"),
    *api_standing.urlpatterns,
    *api_packets.urlpatterns,
    path("agents/<slug:slug>/packets/", PacketStart.as_view(), name="api_packet_new"),
    path("catalogue/data/", DataList.as_view(), name="api_data_list"),
    path("catalogue/tools/", ToolList.as_view(), name="api_tool_list"),
    path("packets/<uuid:pk>/", PacketDetail.as_view(), name="api_packet"),
    *api_compare.urlpatterns,
    path("packets/<uuid:pk>/sections/<int:number>", PacketSection.as_view(), name="api_packet_section"),
    path("packets/<uuid:pk>/document", PacketDocument.as_view(), name="api_packet_document"),
]
