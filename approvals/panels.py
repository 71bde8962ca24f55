"""What this room adds to the registry's pages: submitting, withdrawing, the way to the review, the gate."""

from collections.abc import Iterator

from django.urls import reverse

from accounts.models import Person
from registry.models import Packet
from registry.panels import Act, Panel
from registry.vocabulary import PacketState


def acts(packet: Packet, user: Person, missing: int) -> Iterator[Act]:
    """What `user` can do with `packet`, of which `missing` things are still missing."""
    if packet.state == PacketState.IN_REVIEW or (packet.roles_asked and not packet.editable):
        yield Act("Open the review", reverse("review_detail", args=[packet.pk]), link=True)
    if not packet.agent.editable_by(user):
        return
    if packet.editable:
        again = packet.state == PacketState.CHANGES
        yield Act(
            "Submit again" if again else "Submit for sign-off",
            reverse("packet_submit", args=[packet.pk]),
            ready=not missing,
            why="Fill in what is missing first." if missing else "",
        )
    if packet.state in (PacketState.DRAFT, PacketState.IN_REVIEW, PacketState.CHANGES):
        yield Act("Withdraw this packet", reverse("packet_withdraw", args=[packet.pk]), danger=True)


def gate_panel(packet: Packet, user: Person) -> Panel | None:
    """The newest gate decision, once there is one."""
    decision = packet.decisions.select_related("policy").first()
    return Panel("approvals/gate_panel.html", {"decision": decision}) if decision else None
