"""Gate decisions that follow from other acts, and renewals that are due."""

from celery import shared_task
from django.db import transaction

from approvals.actions import evaluate
from approvals.queries import due_for_renewal
from approvals.renewing import renew_if_due
from registry.models import Packet
from registry.vocabulary import PacketState
from work import clock
from work.acts import later
from work.watch import new_entries

MOVES_A_GATE = {
    "pull.finished",
    "budget.set",
    "cost_rule.added",
    "cost_rule.moved",
    "cost_rule.removed",
    "costs.tied",
    "sighting.mapped",
    "sighting.unmapped",
    "role.granted",
    "role.revoked",
    "person.deactivated",
    "agent.changed",
    "agent.owner_changed",
}
"""Acts of other rooms after which a decision may come out otherwise."""
OPEN = (PacketState.IN_REVIEW, PacketState.APPROVED)


@shared_task(soft_time_limit=60, time_limit=90)
def evaluate_packet(packet_id: str) -> None:
    """Decide anew on one packet, where it is in review or approved."""
    packet = Packet.objects.filter(pk=packet_id, state__in=OPEN).first()
    if packet:
        evaluate(packet=packet, by=None)


@shared_task(time_limit=60)
@transaction.atomic
def follow_the_ledger() -> int:
    """Beat's task: when something moved that gates read, promise a new decision on every open packet. Returns how many."""
    if not new_entries("approvals", MOVES_A_GATE):
        return 0
    packets = list(Packet.objects.filter(state__in=OPEN).values_list("pk", flat=True))
    for packet in packets:
        later(evaluate_packet, str(packet))
    return len(packets)


@shared_task(time_limit=60)
@transaction.atomic
def draft_renewals() -> int:
    """Beat's task: promise a renewal of every approved packet whose sign-offs end soon. Returns how many."""
    packets = list(due_for_renewal(clock.now()).values_list("pk", flat=True))
    for packet in packets:
        later(draft_renewal, str(packet))
    return len(packets)


@shared_task(soft_time_limit=60, time_limit=90)
def draft_renewal(packet_id: str) -> None:
    """Draft the renewal of one packet, unless somebody has meanwhile."""
    renew_if_due(packet_id)
