"""What this room adds to the registry's pages: submitting, withdrawing, renewing, the way to the review, the gate."""

from collections.abc import Iterator

from django.urls import reverse

from accounts.models import Person
from approvals.models import Renewal, SignOffRole
from approvals.queries import first_to_end
from approvals.renewing import renewal_bar
from registry.models import Packet
from registry.panels import Act, Panel
from registry.vocabulary import OPEN, PacketState
from work import clock


def acts(packet: Packet, user: Person, missing: int) -> Iterator[Act]:
    """What `user` can do with `packet`, of which `missing` things are still missing."""
    if packet.state == PacketState.IN_REVIEW or (packet.roles_asked and not packet.editable):
        yield Act("Open the review", reverse("review_detail", args=[packet.pk]), link=True)
    if not packet.agent.editable_by(user):
        return
    if packet.state == PacketState.APPROVED:
        bar = renewal_bar(packet)
        url = reverse("packet_renew", args=[packet.pk])
        yield Act("Start the renewal now", url, ready=not bar, why=bar, aside=True)
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


def renewal_panel(packet: Packet, user: Person) -> Panel | None:
    """Of a renewal, what had changed since the approval when it was drafted."""
    if packet.renews is None:
        return None
    rows = Renewal.objects.visible_to(user).select_related("drafted_by")
    return Panel("approvals/renewal_panel.html", {"renewal": rows.get(packet=packet), "old": packet.renews})


def ending_panel(packet: Packet, user: Person) -> Panel | None:
    """Of an approved packet, when its first sign-off ends, and what renews it."""
    if packet.state != PacketState.APPROVED:
        return None
    ends = first_to_end(Packet.objects.filter(pk=packet.pk)).get()
    if ends.expires is None:
        return None
    over, opens = ends.expires <= clock.now(), packet.renewals.filter(state__in=OPEN).first()
    name = SignOffRole(ends.role).label
    return Panel("approvals/ending_panel.html", {"expires": ends.expires, "role": name, "over": over, "open": opens})
