"""What can be promoted, and what is live."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from accounts.models import Person
from registry.models import Packet
from registry.panels import Running
from registry.vocabulary import PacketState
from releases.models import Release


def ready(user: Person) -> QuerySet[Packet]:
    """Approved packets that are not in production yet, of the agents that `user` may see."""
    released = Release.objects.filter(packet=OuterRef("pk"))
    return (
        Packet.objects.visible_to(user)
        .filter(~Exists(released), state=PacketState.APPROVED)
        .select_related("agent__team", "agent__owner", "agent__deputy")
        .order_by("-created_at", "pk")
    )


def ready_for(user: Person) -> QuerySet[Packet]:
    """Approved packets that `user`, as owner or deputy, may promote."""
    return ready(user).filter(Q(agent__owner=user) | Q(agent__deputy=user))


def in_force(user: Person) -> QuerySet[Release]:
    """Releases that an environment holds, live or suspended."""
    return (
        Release.objects.visible_to(user)
        .filter(ended_at=None)
        .select_related("agent__team", "agent__owner", "packet", "promoted_by", "suspended_by", "resume_asked_by")
        .order_by(F("suspended_at").desc(nulls_last=True), "-promoted_at")
    )


def packets_in_force() -> "QuerySet[Any, Any]":
    """Ids of the packets that an environment holds, live or suspended, whoever asks: for counting."""
    return Release.objects.filter(ended_at=None).values("packet")


def running(packets: Collection[UUID]) -> dict[UUID, list[Running]]:
    """Where those of `packets` run that do, with one query."""
    rows = Release.objects.filter(ended_at=None, packet__in=packets).order_by("environment", "pk")
    found: dict[UUID, list[Running]] = {}
    for row in rows:
        runs = Running(row.get_environment_display(), row.get_state_display(), row.state, row.promoted_at)
        found.setdefault(row.packet_id, []).append(runs)
    return found
