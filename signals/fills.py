"""What this room offers an open packet to be filled from: the newest eval run, the agent's incidents, the bill of its
tokens."""

from collections.abc import Iterator

from django.db.models import Case, When
from django.urls import reverse

from accounts.models import Person
from registry.models import Packet
from registry.panels import Act, Fill
from signals.billing import bill_of
from signals.incidents.queries import not_yet_cases
from signals.models import EvalRun


def newest_run(packet: Packet, user: Person) -> Iterator[Act]:
    """The newest run of the packet's version that ended well, else of its agent. One query."""
    runs = EvalRun.objects.visible_to(user).filter(agent=packet.agent_id, status="success", invalidated=False)
    own = Case(When(version=packet.version, then=0), default=1)
    run = runs.filter(completed_at__isnull=False).order_by(own, "-completed_at").first()
    if run is not None:
        url = reverse("packet_fill_from_run", args=[packet.pk, run.pk])
        yield Act(f"Fill from the eval run of {run.completed_at:%-d %b %Y}", url)


def incidents(packet: Packet, user: Person) -> Iterator[Act]:
    """The agent's incidents that are no case of the packet yet. Two queries."""
    if found := not_yet_cases(packet, user):
        number = "1 incident" if len(found) == 1 else f"{len(found)} incidents"
        yield Act(f"Add cases from {number}", reverse("packet_fill_from_incidents", args=[packet.pk]))


def bill(packet: Packet, user: Person) -> Iterator[Act]:
    """What the agent's tokens were billed at. Two queries."""
    found = bill_of(packet.agent, user)
    if found is not None:
        url = reverse("packet_propose_billed", args=[packet.pk])
        yield Act(f"Propose prices as billed {found.days}", url, ready=not found.why, why=found.why)


FILLS = (Fill((3, 4), newest_run), Fill((4,), incidents), Fill((8,), bill))
