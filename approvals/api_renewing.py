"""The API of what has moved since a packet was signed, and of renewals."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import path, reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.roles import Scope
from approvals.models import Renewal
from approvals.renewing import start_renewal
from registry.api import visible_packet
from registry.moved import beside
from registry.vocabulary import OPEN, PacketState
from web.api import Api, PageQuery, Strict, answer, asked, given, idempotent, keyset, next_page
from work import clock


class MovedBody(serializers.Serializer):
    """One thing that a packet was signed for, and that is otherwise now."""

    section = serializers.IntegerField(help_text="1 to 10; 0 is the agent's card.")
    key = serializers.CharField(help_text="What moved, for scripts: tool.effect, agent.owner, cost.month and so on.")
    about = serializers.CharField()
    what = serializers.CharField()
    signed = serializers.CharField()
    now = serializers.CharField()
    url = serializers.CharField(help_text="The page where it is as it is now.")


class MovedList(serializers.Serializer):
    """What has moved. `revision` is null for a packet that is held against nothing: a first draft, or one that ended."""

    packet = serializers.UUIDField()
    revision = serializers.IntegerField(allow_null=True)
    digest = serializers.CharField(allow_null=True)
    since = serializers.DateTimeField(allow_null=True, help_text="When it was approved; before that, submitted.")
    approved = serializers.BooleanField()
    moved = MovedBody(many=True)


class RenewalBody(serializers.Serializer):
    """A renewal: a packet that takes over from an approved one of the same version."""

    packet = serializers.UUIDField()
    renews = serializers.UUIDField()
    agent = serializers.SlugField()
    version = serializers.CharField()
    state = serializers.ChoiceField(PacketState.choices)
    expires_at = serializers.DateTimeField(allow_null=True, help_text="When the first sign-off of what it renews ends.")
    drafted_at = serializers.DateTimeField()
    drafted_by = serializers.CharField(allow_null=True, help_text="Null: the portal itself.")
    changes = serializers.DictField(help_text="What had changed since the approval when it was drafted; never changed.")
    changes_sha256 = serializers.CharField()


class RenewalPage(serializers.Serializer):
    """A page of renewals, the oldest first."""

    renewals = RenewalBody(many=True)
    next = serializers.CharField(allow_null=True)


class RenewalQuery(PageQuery):
    """Filters."""

    agent = serializers.SlugField(required=False)
    open = serializers.BooleanField(required=False, allow_null=True, default=None)


class PacketMoved(Api):
    """What has moved since a packet was signed."""

    scopes = {"GET": Scope.REGISTRY_READ.value}

    @extend_schema(operation_id="packets_moved", responses=MovedList)
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        """What the packet says and is otherwise now. Of an open renewal: what the packet that it renews says."""
        packet = visible_packet(request.user, pk)
        stands = beside(packet, clock.now())
        return answer(
            {
                "packet": packet.pk,
                "revision": stands.revision.number if stands else None,
                "digest": stands.revision.digest if stands else None,
                "since": stands.since if stands else None,
                "approved": bool(stands and stands.approved),
                "moved": [asdict(one) for one in stands.found] if stands else [],
            }
        )


class PacketRenewal(Api):
    """Renewing an approved packet."""

    scopes = {"POST": Scope.PACKETS_WRITE.value}

    @extend_schema(operation_id="packets_renew", request=None, responses={201: RenewalBody})
    @idempotent
    def post(self, request: Request, pk: UUID) -> HttpResponse:
        """Draft the renewal of an approved packet now. A service account may; submitting it takes a person."""
        packet = visible_packet(request.user, pk)
        given(Strict, request.data)
        made = start_renewal(packet=packet, by=request.user)
        renewal = Renewal.objects.visible_to(request.user).select_related(*NAMED).get(packet=made)
        return answer(_renewal(renewal), 201, location=reverse("api_packet", args=[made.pk]))


class RenewalList(Api):
    """Renewals."""

    scopes = {"GET": Scope.REGISTRY_READ.value}

    @extend_schema(operation_id="renewals_list", parameters=[RenewalQuery], responses=RenewalPage)
    def get(self, request: Request) -> HttpResponse:
        """The renewals of packets that you may see, with what had changed when each was drafted."""
        said = asked(RenewalQuery, request)
        rows = Renewal.objects.visible_to(request.user)
        if "agent" in said:
            rows = rows.filter(packet__agent__slug=said["agent"])
        if said["open"] is not None:
            rows = rows.filter(packet__state__in=OPEN) if said["open"] else rows.exclude(packet__state__in=OPEN)
        by = ("drafted_at", "packet_id")
        found, following = keyset(rows, by, said.get("after", ""), said["limit"], ["pk"])
        named = rows.select_related(*NAMED).in_bulk([pk for (pk,) in found])
        renewals = [_renewal(named[pk]) for (pk,) in found]
        return answer({"renewals": renewals, "next": next_page(request, following)})


NAMED = ("packet__agent", "drafted_by")


def _renewal(renewal: Renewal) -> dict[str, Any]:
    packet = renewal.packet
    return {
        "packet": packet.pk,
        "renews": packet.renews_id,
        "agent": packet.agent.slug,
        "version": packet.version,
        "state": packet.state,
        "expires_at": renewal.expires_at,
        "drafted_at": renewal.drafted_at,
        "drafted_by": renewal.drafted_by.name if renewal.drafted_by else None,
        "changes": renewal.changes,
        "changes_sha256": renewal.changes_sha256,
    }


urlpatterns = [
    path("packets/<uuid:pk>/moved", PacketMoved.as_view(), name="api_packet_moved"),
    path("packets/<uuid:pk>/renewal", PacketRenewal.as_view(), name="api_packet_renewal"),
    path("renewals/", RenewalList.as_view(), name="api_renewals"),
]
