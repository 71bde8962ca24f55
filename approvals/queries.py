"""What waits for whom, with a fixed number of queries."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import Combinable

from accounts.models import Person
from approvals.models import SignOff
from registry.models import Contribution, Packet, Revision
from registry.vocabulary import OPEN, AgentStatus, PacketState


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


def _may_sign(user: Person) -> Q | Combinable:
    """What is true of a packet in review whose sign-off `user` may still give."""
    given = SignOff.objects.filter(packet=OuterRef("pk"), person=user)
    # A sign-off of an earlier revision may still count; the review page says whether it lapsed.
    answered = given.filter(Q(decision=SignOff.Decision.APPROVE) | Q(revision__number=OuterRef("revision")))
    asked: Q | Combinable = Q(agent__owner=user, roles_asked__contains=["owner"])
    if user.approver_roles:
        changed = Contribution.objects.filter(packet=OuterRef("pk"), person=user)
        asked |= Q(roles_asked__overlap=user.approver_roles) & ~Exists(changed)
    return asked & ~Exists(answered)


def waiting_for(user: Person) -> QuerySet[Any]:
    """Packets in review whose sign-off `user` may still give: asked for the role, not signed yet, changed nothing."""
    return in_review(user).filter(_may_sign(user))


def reviews_waiting(user: Person) -> int:
    """How many, for the rail."""
    if not user.is_authenticated:
        return 0
    return Packet.objects.visible_to(user).filter(_may_sign(user), state=PacketState.IN_REVIEW).count()


def first_to_end(packets: "QuerySet[Packet]") -> Any:
    """`packets`, each with the sign-off of its approval that ends first: `expires` (when), `role` and `signed` (when).

    Of a role the newest word counts. None where nobody has approved. `standings` says whether a sign-off counts.
    """
    newer = SignOff.objects.filter(
        packet=OuterRef("packet"), role=OuterRef("role"), signed_at__gt=OuterRef("signed_at")
    )
    first = (
        SignOff.objects.filter(packet=OuterRef("pk"), decision=SignOff.Decision.APPROVE)
        .exclude(Exists(newer))
        .order_by("expires_at", "role")
    )
    return packets.annotate(
        expires=Subquery(first.values("expires_at")[:1]),
        role=Subquery(first.values("role")[:1]),
        signed=Subquery(first.values("signed_at")[:1]),
    )


def due_for_renewal(at: dt.datetime) -> Any:
    """Approved packets whose first sign-off ends within RENEWAL_DAYS of `at`, or has ended, and that nobody renews yet.

    Of agents in use that are not suspended. A renewal that came to nothing is not drafted again on the same sign-off:
    somebody decided that.
    """
    tried = Packet.objects.filter(renews=OuterRef("pk"), created_at__gte=OuterRef("signed"))
    rows = Packet.objects.filter(state=PacketState.APPROVED, agent__retired_at=None)
    rows = first_to_end(rows.exclude(agent__status=AgentStatus.SUSPENDED))
    ends = at + dt.timedelta(days=settings.RENEWAL_DAYS)
    return rows.filter(~Exists(tried), ~Exists(open_renewals()), expires__lte=ends).order_by("expires", "pk")


def open_renewals() -> "QuerySet[Packet]":
    """The open renewals of an outer query's packet."""
    return Packet.objects.filter(renews=OuterRef("pk"), state__in=OPEN)
