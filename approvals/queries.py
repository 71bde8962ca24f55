"""What waits for whom, with a fixed number of queries."""

from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery

from accounts.models import Person
from approvals.models import SignOff
from registry.models import Contribution, Packet, Revision
from registry.vocabulary import PacketState


def in_review(user: Person) -> QuerySet[Any]:
    """Packets in review that `user` may see, oldest submission first, with `submitted_at` and `signed` (roles)."""
    newest = Revision.objects.filter(packet=OuterRef("pk")).order_by("-number")
    return (
        Packet.objects.visible_to(user)
        .filter(state=PacketState.IN_REVIEW)
        .select_related("agent__team", "agent__owner")
        .annotate(
            submitted_at=Subquery(newest.values("submitted_at")[:1]),
            current_id=Subquery(newest.values("pk")[:1]),
            signed=Count("sign_offs__role", filter=Q(sign_offs__decision=SignOff.Decision.APPROVE), distinct=True),
        )
        .order_by("submitted_at", "pk")
    )


def waiting_for(user: Person) -> QuerySet[Any]:
    """Packets in review whose sign-off `user` may still give: asked for the role, not signed yet, changed nothing."""
    signed = SignOff.objects.filter(revision=OuterRef("current_id"), person=user)
    changed = Contribution.objects.filter(packet=OuterRef("pk"), person=user)
    standing = SignOff.objects.filter(packet=OuterRef("pk"), person=user, decision=SignOff.Decision.APPROVE)
    asked = Q(roles_asked__overlap=user.approver_roles) & ~Exists(changed)
    owned = Q(agent__owner=user, roles_asked__contains=["owner"])
    # A sign-off of an earlier revision may still count; the review page says whether it lapsed.
    return in_review(user).filter(asked | owned).exclude(Exists(signed)).exclude(Exists(standing))


def reviews_waiting(user: Person) -> int:
    """How many, for the rail."""
    return waiting_for(user).count() if user.is_authenticated else 0
