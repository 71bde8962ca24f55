"""The API of what a packet is filled with from pulled evidence: an eval run, and the bill of the agent's tokens."""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.roles import Scope
from registry.api_packets import FillBody, filled_body, visible_packet
from signals.actions import fill_from_run, propose_billed
from signals.models import EvalRun
from web.api import Api, Strict, answer, given, idempotent


class RunNew(Strict):
    """The eval run to fill from."""

    run = serializers.UUIDField(help_text="An eval run of the packet's agent that ended well.")


class BilledBody(serializers.Serializer):
    """What was proposed."""

    proposed = serializers.ListField(child=serializers.CharField(), help_text="Fields of section 8.")


class PacketFillFromRun(Api):
    """Filling sections 3 and 4 from an eval run."""

    scopes = {"POST": Scope.PACKETS_WRITE.value}

    @extend_schema(operation_id="packets_fill_from_run", request=RunNew, responses=FillBody)
    @idempotent
    def post(self, request: Request, pk: UUID) -> HttpResponse:
        """Fill sections 3 and 4 from an eval run; what differs becomes a proposal."""
        packet = visible_packet(request.user, pk)
        wanted = given(RunNew, request.data)["run"]
        run = EvalRun.objects.visible_to(request.user).filter(pk=wanted).first()
        if run is None:
            raise Http404()
        return answer(filled_body(fill_from_run(packet=packet, run=run, by=request.user)))


class PacketProposeBilled(Api):
    """Proposing for section 8 what was billed."""

    scopes = {"POST": Scope.PACKETS_WRITE.value}

    @extend_schema(operation_id="packets_propose_billed", request=None, responses=BilledBody)
    @idempotent
    def post(self, request: Request, pk: UUID) -> HttpResponse:
        """Propose for section 8 what the agent's tokens were billed at in the newest 30 days that were pulled."""
        packet = visible_packet(request.user, pk)
        given(Strict, request.data)
        return answer({"proposed": [one.field for one in propose_billed(packet=packet, by=request.user)]})


urlpatterns = [
    path("packets/<uuid:pk>/fill-from-run", PacketFillFromRun.as_view(), name="api_packet_fill_from_run"),
    path("packets/<uuid:pk>/propose-billed", PacketProposeBilled.as_view(), name="api_packet_propose_billed"),
]
