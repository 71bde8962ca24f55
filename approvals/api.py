"""The API of approvals: submitting a packet, reading a gate decision. Signing is done at the portal, by a person."""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.roles import Scope
from approvals import actions
from approvals.models import GateDecision
from registry.api import visible_packet
from web.api import Api, Strict, answer, given, idempotent


class SubmitBody(serializers.Serializer):
    """A frozen revision."""

    packet = serializers.UUIDField()
    revision = serializers.IntegerField()
    digest = serializers.CharField()


class PolicyBody(serializers.Serializer):
    """Which policy decided."""

    key = serializers.CharField()
    version = serializers.IntegerField()
    sha256 = serializers.CharField()


class DecisionBody(serializers.Serializer):
    """A gate decision."""

    id = serializers.UUIDField()
    packet = serializers.UUIDField()
    environment = serializers.CharField()
    policy = PolicyBody()
    outcome = serializers.ChoiceField(GateDecision.Outcome.choices)
    rules = serializers.ListField(child=serializers.DictField())
    input = serializers.DictField()
    input_sha256 = serializers.CharField()
    output_sha256 = serializers.CharField()
    decided_at = serializers.DateTimeField()


class PacketSubmit(Api):
    """Submitting a packet for review."""

    scopes = {"POST": Scope.PACKETS_WRITE.value}

    @extend_schema(operation_id="packets_submit", request=None, responses={201: SubmitBody})
    @idempotent
    def post(self, request: Request, pk: UUID) -> HttpResponse:
        """Freeze the packet and ask the roles for their sign-off. A service account is refused: a person submits."""
        packet = visible_packet(request.user, pk)
        given(Strict, request.data)
        revision = actions.submit_packet(packet=packet, by=request.user)
        return answer({"packet": packet.pk, "revision": revision.number, "digest": revision.digest}, 201)


class DecisionDetail(Api):
    """One gate decision."""

    scopes = {"GET": Scope.EVIDENCE_READ.value}

    @extend_schema(operation_id="decisions_read", responses=DecisionBody)
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        """The decision with its input and each rule's result; 404 for who may not see its packet."""
        decision = GateDecision.objects.visible_to(request.user).select_related("policy").filter(pk=pk).first()
        if decision is None:
            raise Http404()
        policy = decision.policy
        return answer(
            {
                "id": decision.pk,
                "packet": decision.packet_id,
                "environment": decision.environment,
                "policy": {"key": policy.key, "version": policy.version, "sha256": policy.sha256},
                "outcome": decision.outcome,
                "rules": decision.rules,
                "input": decision.facts,
                "input_sha256": decision.input_sha256,
                "output_sha256": decision.output_sha256,
                "decided_at": decision.decided_at,
            }
        )


urlpatterns = [
    path("packets/<uuid:pk>/submit", PacketSubmit.as_view(), name="api_packet_submit"),
    path("decisions/<uuid:pk>/", DecisionDetail.as_view(), name="api_decision"),
]
