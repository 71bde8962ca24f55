"""The API of a packet as a whole: what is missing, with the place of each; writing and filling its sections; a trace."""

import hashlib
import re
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import Http404, HttpResponse
from django.urls import path, reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.models import Person
from accounts.roles import Scope
from ledger.canonical import dumps as canonical
from ledger.canonical import nfc
from registry import actions
from registry.api_shapes import SectionLine
from registry.contents import content_of
from registry.filling import Change, Filled, SectionPlan, fill, plan_sections
from registry.granting import grant_tools
from registry.imports.manifest import read_section
from registry.imports.reading import Fields, Unreadable
from registry.models import Packet, Tool
from registry.proposals import Origin
from registry.sections import SECTIONS, Problem, Section, section
from registry.tracing import fill_from_trace
from web.api import Api, Strict, answer, dumps, etag_of, given, idempotent, if_match, tagged

READ, DRAFT = Scope.REGISTRY_READ.value, Scope.PACKETS_WRITE.value
ANCHOR = re.compile(r"id_([a-z_]+)-(?:([0-9]+)-)?([a-z_]+)")
NUMBERS = [str(one.number) for one in SECTIONS]


class PacketProblem(serializers.Serializer):
    """Something that is missing or suspicious."""

    section = serializers.IntegerField()
    text = serializers.CharField()
    pointer = serializers.CharField(
        help_text="The field that mends it, as a JSON Pointer (RFC 6901) into the packet's sections; of a section as a "
        "whole, or of what stands on another page, the section."
    )
    page = serializers.CharField(help_text="The address of the page that mends it.")


class ValidateBody(serializers.Serializer):
    """What stands in a packet's way."""

    ready = serializers.BooleanField(help_text="Whether nothing is missing. Advice stands in nobody's way.")
    problems = PacketProblem(many=True)
    advice = PacketProblem(many=True)


class SectionsNew(Strict):
    """Content of some or all sections."""

    sections = serializers.DictField(
        help_text='By section number, each as the section\'s own route gives and takes it: {"1": {"use": [{"text": …}]}}.',
    )


class FillNew(SectionsNew):
    """Content to fill in where nothing is written yet."""

    origin = serializers.CharField(max_length=150, help_text="Where it comes from, for whoever answers the proposals.")


class SectionsBody(serializers.Serializer):
    """A packet's sections after they were written."""

    packet = serializers.UUIDField()
    sections = SectionLine(many=True)


class FillLine(serializers.Serializer):
    """What filling did with one field, or with one row."""

    section = serializers.IntegerField()
    pointer = serializers.CharField()
    outcome = serializers.ChoiceField(["new", "changed", "proposed", "same", "gone", "left"])
    now = serializers.JSONField()
    value = serializers.JSONField()


class FillBody(serializers.Serializer):
    """What filling did."""

    lines = FillLine(many=True)
    proposals = serializers.IntegerField(help_text="How many are new; what was dismissed is not proposed again.")


class GrantsNew(Strict):
    """Tools to grant."""

    tools = serializers.ListField(
        child=serializers.CharField(max_length=80),
        min_length=1,
        max_length=500,
        help_text="Short names, of one system.",
    )


class TraceNew(Strict):
    """The trace of one run, as OTLP/JSON or JSON lines of it."""

    text = serializers.CharField(
        trim_whitespace=False, help_text="What is in the file, at most 10 MB with this request."
    )
    trace_id = serializers.CharField(required=False, max_length=64, help_text="Where the export holds several.")


class TraceBody(serializers.Serializer):
    """What a trace gave."""

    trace_id = serializers.CharField()
    sha256 = serializers.CharField(help_text="Of the text. The text itself is not kept.")
    covers_from = serializers.DateTimeField()
    covers_to = serializers.DateTimeField()
    spans = serializers.IntegerField()
    found = serializers.ListField(child=serializers.CharField(), help_text="Parts of the trail that are in the trace.")
    filled = serializers.ListField(child=serializers.CharField())
    proposed = serializers.ListField(child=serializers.CharField())
    costs = serializers.ListField(
        child=serializers.CharField(), help_text="Fields of section 8 for which what the run used is proposed."
    )
    redacted = serializers.DictField(child=serializers.IntegerField(), help_text="How many were taken out, by kind.")


class PacketValidate(Api):
    """What is missing in a packet."""

    scopes = {"GET": READ}

    @extend_schema(operation_id="packets_validate", responses=ValidateBody)
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        """Everything that stands in the way of submitting, as sentences, each with the field that mends it."""
        packet = visible_packet(request.user, pk)
        problems = [_problem(packet, one, said) for one in SECTIONS for said in one.problems(packet)]
        advice = [_problem(packet, one, said) for one in SECTIONS for said in one.advice(packet)]
        return tagged(request, {"ready": not problems, "problems": problems, "advice": advice})


class PacketSections(Api):
    """All sections of a packet at once."""

    scopes = {"GET": READ, "PUT": DRAFT}

    @extend_schema(operation_id="packet_sections_read_all", responses=SectionsNew)
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        """The content of all ten sections. The ETag is for writing them."""
        body = _contents(visible_packet(request.user, pk))
        return tagged(request, body, etag_of(body))

    @extend_schema(operation_id="packet_sections_write_all", request=SectionsNew, responses=SectionsBody)
    @transaction.atomic
    def put(self, request: Request, pk: UUID) -> HttpResponse:
        """Replace the content of the given sections, all of them or none. `If-Match` holds the ETag that was read."""
        packet = visible_packet(request.user, pk, lock=True)
        if_match(request, etag_of(_contents(packet)))
        said = _sections(given(SectionsNew, request.data)["sections"])
        faults = [
            (f"sections.{plan.number}.{where}", reasons)
            for plan in plan_sections(said, packet)
            for where, reasons in plan.faults.items()
        ]
        if faults:
            raise serializers.ValidationError(dict(faults))
        for number in sorted(said):
            replace(packet, section(number), said[number], request.user)
        body = _contents(packet)
        return answer({"packet": packet.pk, "sections": section_lines(packet)}, etag=etag_of(body))


class PacketFill(Api):
    """Filling a packet."""

    scopes = {"POST": DRAFT}

    @extend_schema(operation_id="packets_fill", request=FillNew, responses=FillBody)
    @idempotent
    def post(self, request: Request, pk: UUID) -> HttpResponse:
        """Fill what is empty. Where something else is written, that stays, and what is given becomes a proposal."""
        packet = visible_packet(request.user, pk)
        said = given(FillNew, request.data)
        sections = _sections(said["sections"])
        content = {str(number): one for number, one in sections.items()}
        digest = hashlib.sha256(canonical(nfc(content))).hexdigest()
        origin = Origin("api", said["origin"][:100], said["origin"], digest)
        done = fill(packet=packet, given=sections, origin=origin, by=request.user)
        return answer(filled_body(done))


class PacketGrants(Api):
    """Granting several of one system's tools."""

    scopes = {"POST": DRAFT}

    @extend_schema(operation_id="packets_grant_tools", request=GrantsNew, responses=FillBody)
    @idempotent
    def post(self, request: Request, pk: UUID) -> HttpResponse:
        """Grant tools of one system in section 6: on the sandbox, and each call waits for a person unless somebody confirmed
        that the tool only reads. What is granted already stays as it is."""
        packet = visible_packet(request.user, pk)
        slugs = set(given(GrantsNew, request.data)["tools"])
        tools = Tool.objects.visible_to(request.user).in_use().filter(slug__in=slugs)
        if missing := sorted(slugs - {tool.slug for tool in tools}):
            raise serializers.ValidationError({"tools": [f"The catalogue has no tool {', '.join(missing)}."]})
        return answer(filled_body(grant_tools(packet=packet, tools=tools, by=request.user)))


class PacketTrace(Api):
    """Filling section 5 from a trace."""

    scopes = {"POST": DRAFT}

    @extend_schema(operation_id="packets_trace", request=TraceNew, responses=TraceBody)
    @idempotent
    def post(self, request: Request, pk: UUID) -> HttpResponse:
        """Fill the trail of a single run. What must not be kept is taken out first; the text is not kept."""
        packet = visible_packet(request.user, pk)
        said = given(TraceNew, request.data)
        data = said["text"].encode("utf-8", "surrogatepass")
        try:
            made = fill_from_trace(packet=packet, data=data, by=request.user, trace_id=said.get("trace_id", ""))
        except Unreadable as error:
            errors: dict[str, list[str]] = {}
            for fault in error.faults:
                errors.setdefault(fault.path or "text", []).append(fault.reason)
            raise serializers.ValidationError(errors) from error
        trail = made.trail
        body = {name: getattr(trail, name) for name in ("trace_id", "covers_from", "covers_to", "spans", "redacted")}
        digest = hashlib.sha256(data).hexdigest()
        told = {"filled": made.filled, "proposed": made.proposed, "costs": made.costs}
        return answer({**body, "sha256": digest, "found": list(trail.parts), **told})


def filled_body(done: Filled) -> dict[str, Any]:
    """What filling did, as FillBody."""
    lines = [_line(plan, one) for plan in done.plans for one in plan.changes]
    return {"lines": lines, "proposals": len(done.proposed)}


def visible_packet(user: Person, pk: UUID, *, lock: bool = False) -> Packet:
    """The packet, if `user` may see it, else Http404; with `lock` its row is held until the transaction ends."""
    rows = Packet.objects.visible_to(user).select_related("agent__team")
    packet = (rows.select_for_update(of=("self",)) if lock else rows).filter(pk=pk).first()
    if packet is None:
        raise Http404()
    return packet


def replace(packet: Packet, one: Section, content: dict[str, Any], by: Person) -> None:
    """Replace a section's content; writing what is there already changes nothing."""
    if dumps(content_of(one, packet)) != dumps(content):
        actions.replace_section(packet=packet, number=one.number, content=content, by=by)


def section_lines(packet: Packet) -> list[dict[str, Any]]:
    """Each section's version, and what is missing in it."""
    states = dict(packet.section_states.values_list("number", "version"))
    return [
        {
            "number": one.number,
            "title": one.title,
            "version": states.get(one.number, 0),
            "problems": [problem.text for problem in one.problems(packet)],
            "not_needed": [demand.sentence for demand in one.not_needed(packet)],
        }
        for one in SECTIONS
    ]


def _sections(said: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Content by number. Raises ValidationError with the path of whatever no section takes."""
    fields = Fields()
    known = fields.mapping(said, "sections", tuple(NUMBERS))
    made = {int(one): read_section(fields, known[one], f"sections.{one}") for one in NUMBERS if one in known}
    if fields.faults:
        errors: dict[str, list[str]] = {}
        for fault in fields.faults:
            errors.setdefault(fault.path, []).append(fault.reason)
        raise serializers.ValidationError(errors)
    return made


def _contents(packet: Packet) -> dict[str, Any]:
    return {"sections": {str(one.number): content_of(one, packet) for one in SECTIONS}}


def _problem(packet: Packet, one: Section, said: Problem) -> dict[str, Any]:
    place = ANCHOR.fullmatch(said.field)
    inner = "/".join(part for part in (place.groups() if place else ()) if part)
    here = reverse("packet_section", args=[packet.pk, one.number])
    page = said.url or (f"{here}#{said.field}" if said.field else here)
    return {
        "section": one.number,
        "text": said.text,
        "pointer": f"/sections/{one.number}" + (f"/{inner}" if inner else ""),
        "page": page,
    }


def _line(plan: SectionPlan, one: Change) -> dict[str, Any]:
    row = one.part.replace("[", "/").rstrip("]")
    pointer = f"/sections/{plan.number}/{row}" + (f"/{one.name}" if one.name else "")
    return {"section": plan.number, "pointer": pointer, "outcome": one.outcome, "now": one.now, "value": one.value}


urlpatterns = [
    path("packets/<uuid:pk>/validate", PacketValidate.as_view(), name="api_packet_validate"),
    path("packets/<uuid:pk>/sections", PacketSections.as_view(), name="api_packet_sections"),
    path("packets/<uuid:pk>/grants", PacketGrants.as_view(), name="api_packet_grants"),
    path("packets/<uuid:pk>/fill", PacketFill.as_view(), name="api_packet_fill"),
    path("packets/<uuid:pk>/trace", PacketTrace.as_view(), name="api_packet_trace"),
]
