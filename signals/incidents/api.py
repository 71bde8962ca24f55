"""The API of incidents: the list, reporting, one incident, closing; and making eval cases of them."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import path, reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.roles import Scope
from registry.api_packets import FillBody, filled_body, visible_packet
from registry.models import Agent
from registry.sections.s04_evals import EvalCase
from signals.incidents import actions, queries
from signals.incidents.models import LONGEST, LONGEST_TOLD, Incident
from web.api import Api, PageQuery, Strict, answer, asked, given, idempotent, keyset, next_page, tagged

SAID = (
    "id", "happened_at", "reported_at", "severity", "failure_mode", "what", "asked", "should", "run", "version", "told",
    "closed_at", "outcome", "redacted",
)  # fmt: skip


class IncidentQuery(PageQuery):
    """Filters of the list."""

    agent = serializers.SlugField(required=False)
    severity = serializers.ChoiceField(Incident.Severity.choices, required=False)
    open = serializers.BooleanField(required=False, allow_null=True, default=None, help_text="Without it: all.")


class IncidentNew(Strict):
    """What an agent did wrong."""

    happened_at = serializers.DateTimeField()
    severity = serializers.ChoiceField(Incident.Severity.choices)
    what = serializers.CharField(max_length=LONGEST, help_text="What it did wrong.")
    asked = serializers.CharField(max_length=LONGEST, required=False, allow_blank=True)
    should = serializers.CharField(
        max_length=LONGEST, required=False, allow_blank=True, help_text="What it should have done."
    )
    failure_mode = serializers.ChoiceField(EvalCase.FailureMode.choices, required=False, allow_blank=True)
    run = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text="The id of the run or trace: no spaces."
    )
    version = serializers.CharField(max_length=50, required=False, allow_blank=True, help_text="Of the agent.")
    told = serializers.CharField(max_length=LONGEST_TOLD, required=False, allow_blank=True, help_text="Who was told.")


class IncidentEnd(Strict):
    """What was done."""

    outcome = serializers.CharField(max_length=LONGEST)


class IncidentBody(serializers.Serializer):
    """What an agent did wrong, and how it ended."""

    id = serializers.UUIDField()
    agent = serializers.SlugField()
    happened_at = serializers.DateTimeField()
    reported_at = serializers.DateTimeField()
    reported_by = serializers.CharField()
    severity = serializers.ChoiceField(Incident.Severity.choices)
    failure_mode = serializers.CharField()
    what = serializers.CharField()
    asked = serializers.CharField()
    should = serializers.CharField()
    run = serializers.CharField()
    version = serializers.CharField()
    told = serializers.CharField()
    open = serializers.BooleanField()
    closed_at = serializers.DateTimeField(allow_null=True)
    closed_by = serializers.CharField(allow_null=True)
    outcome = serializers.CharField()
    redacted = serializers.DictField(child=serializers.IntegerField(), help_text="How many were taken out, by kind.")


class IncidentPage(serializers.Serializer):
    """A page of incidents, the one that was reported first on top."""

    incidents = IncidentBody(many=True)
    next = serializers.CharField(allow_null=True)


def _body(row: Incident) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in SAID},
        "agent": row.agent.slug,
        "reported_by": row.reported_by.name,
        "closed_by": row.closed_by.name if row.closed_by else None,
        "open": row.is_open,
    }


def _incident(request: Request, pk: UUID) -> Incident:
    found = Incident.objects.visible_to(request.user).told().filter(pk=pk).first()
    if found is None:
        raise Http404()
    return found


class IncidentList(Api):
    """Incidents."""

    scopes = {"GET": Scope.REGISTRY_READ.value}

    @extend_schema(operation_id="incidents_list", parameters=[IncidentQuery], responses=IncidentPage)
    def get(self, request: Request) -> HttpResponse:
        """The incidents that you may see, in the order in which they were reported."""
        said = asked(IncidentQuery, request)
        rows = queries.incidents(request.user, said.get("agent", ""), said.get("severity", ""), said["open"])
        found, following = keyset(rows, ("reported_at", "id"), said.get("after", ""), said["limit"], ["pk"])
        known = Incident.objects.visible_to(request.user).told().in_bulk([pk for (pk,) in found])
        body = [_body(known[pk]) for (pk,) in found]
        return answer({"incidents": body, "next": next_page(request, following)})


class AgentIncidents(Api):
    """Reporting an incident."""

    scopes = {"POST": Scope.SIGNALS_WRITE.value}

    @extend_schema(operation_id="incidents_report", request=IncidentNew, responses={201: IncidentBody})
    @idempotent
    def post(self, request: Request, slug: str) -> HttpResponse:
        """Report what the agent did wrong. What must not be kept is taken out of the texts first."""
        agent = Agent.objects.visible_to(request.user).select_related("team").filter(slug=slug).first()
        if agent is None:
            raise Http404()
        made = actions.report_incident(agent=agent, **given(IncidentNew, request.data), by=request.user)
        return answer(_body(_incident(request, made.pk)), 201, location=reverse("api_incident", args=[made.pk]))


class IncidentDetail(Api):
    """One incident."""

    scopes = {"GET": Scope.REGISTRY_READ.value}

    @extend_schema(operation_id="incidents_read", responses=IncidentBody)
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        """What happened, who was told, and what was done."""
        return tagged(request, _body(_incident(request, pk)))


class IncidentClose(Api):
    """Closing an incident."""

    scopes = {"POST": Scope.SIGNALS_WRITE.value}

    @extend_schema(operation_id="incidents_close", request=IncidentEnd, responses=IncidentBody)
    @idempotent
    def post(self, request: Request, pk: UUID) -> HttpResponse:
        """Close it with what was done: a person who answers for the agent or works on it, or a security approver."""
        incident = _incident(request, pk)
        actions.close_incident(incident=incident, **given(IncidentEnd, request.data), by=request.user)
        return answer(_body(_incident(request, pk)))


class PacketFillFromIncidents(Api):
    """Filling section 4 from incidents."""

    scopes = {"POST": Scope.PACKETS_WRITE.value}

    @extend_schema(operation_id="packets_fill_from_incidents", request=None, responses=FillBody)
    @idempotent
    def post(self, request: Request, pk: UUID) -> HttpResponse:
        """Make a case of section 4 of each incident of the agent that is none yet, at most 100 at once."""
        packet = visible_packet(request.user, pk)
        given(Strict, request.data)
        return answer(filled_body(actions.fill_from_incidents(packet=packet, by=request.user)))


urlpatterns = [
    path("incidents/", IncidentList.as_view(), name="api_incidents"),
    path("incidents/<uuid:pk>/", IncidentDetail.as_view(), name="api_incident"),
    path("incidents/<uuid:pk>/close", IncidentClose.as_view(), name="api_incident_close"),
    path("agents/<slug:slug>/incidents/", AgentIncidents.as_view(), name="api_agent_incidents"),
    path(
        "packets/<uuid:pk>/fill-from-incidents",
        PacketFillFromIncidents.as_view(),
        name="api_packet_fill_from_incidents",
    ),
]
