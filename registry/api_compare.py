"""The API of what differs between two packets, or two revisions of one."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.roles import Scope
from registry import comparing
from registry.models import Packet
from web.api import Api, Strict, answer, asked

EITHER = "`<packet>` for its newest revision, or the draft while it is open; `<packet>:<number>` for one revision."


class CompareQuery(Strict):
    """What is held against each other."""

    old = serializers.CharField(
        required=False, max_length=60, help_text=f"{EITHER} Without it, what the packet's page compares with."
    )
    new = serializers.CharField(
        required=False, max_length=60, help_text=f"{EITHER} Without it, the packet of the path."
    )


class CompareSide(serializers.Serializer):
    """One of the two."""

    packet = serializers.UUIDField()
    number = serializers.IntegerField()
    version = serializers.CharField()
    revision = serializers.IntegerField(allow_null=True, help_text="null for a draft as it stands")
    digest = serializers.CharField(allow_null=True, help_text="SHA-256 of the frozen revision; null for a draft")


class CompareChange(serializers.Serializer):
    """One value that was added, removed or changed; null where it is not there."""

    where = serializers.CharField(help_text="A path in words, as the page says it")
    old = serializers.CharField(allow_null=True)
    new = serializers.CharField(allow_null=True)


class ComparePart(serializers.Serializer):
    """A section in which the two differ; 0 is the agent's card."""

    number = serializers.IntegerField(min_value=0, max_value=10)
    title = serializers.CharField()
    differences = CompareChange(many=True)


class CompareBody(serializers.Serializer):
    """What differs. Left out are checklist and policy, and who accepted section 9 when."""

    old = CompareSide(allow_null=True, help_text="null where there is nothing to compare with")
    new = CompareSide()
    sections = ComparePart(many=True)


class PacketCompare(Api):
    """Two packets, or two revisions of one, against each other."""

    scopes = {"GET": Scope.REGISTRY_READ.value}

    @extend_schema(operation_id="packets_compare", parameters=[CompareQuery], responses=CompareBody)
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        """What differs, section by section; sections that say the same are not listed."""
        said = asked(CompareQuery, request)
        packets = Packet.objects.visible_to(request.user).select_related("agent__team", "agent__owner", "agent__deputy")
        packet = packets.filter(pk=pk).first()
        new = comparing.chosen(said.get("new") or str(pk), packets)
        if packet is None or new is None:
            raise Http404()
        against = said.get("old", comparing.usual(packet))
        old = comparing.chosen(against, packets) if against else None
        if against and old is None:
            raise Http404()
        parts = comparing.compared(old, new) if old else []
        return answer(
            {
                "old": _side(old) if old else None,
                "new": _side(new),
                "sections": [
                    {
                        "number": part.number,
                        "title": part.title,
                        "differences": [{"where": one.where, "old": one.old, "new": one.new} for one in part.found],
                    }
                    for part in parts
                ],
            }
        )


def _side(one: comparing.Said) -> dict[str, Any]:
    revision = one.revision
    return {
        "packet": one.packet.pk,
        "number": one.packet.number,
        "version": one.packet.version,
        "revision": revision.number if revision else None,
        "digest": revision.digest if revision else None,
    }


urlpatterns = [path("packets/<uuid:pk>/compare", PacketCompare.as_view(), name="api_packet_compare")]
