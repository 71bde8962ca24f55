"""Starting, freezing and moving packets, and who has worked on them."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from accounts.actors import behind
from accounts.models import Person
from ledger.canonical import dumps, nfc
from registry import entries
from registry.actions.agents import may_edit, set_summary, status_by_packets
from registry.documents import digests, document
from registry.merging import follow_merges
from registry.models import (
    Agent,
    Attachment,
    Contribution,
    Packet,
    Revision,
    SectionState,
    StoredFile,
)
from registry.moved import hold_named, keep_signed
from registry.sections import SECTIONS
from registry.vocabulary import (
    AgentStatus,
    PacketState,
)
from work import clock
from work.acts import Conflict, Invalid, record


@transaction.atomic
def start_packet(
    *,
    agent: Agent,
    version: str,
    by: Person | None,
    renews: Packet | None = None,
    copies: Packet | None = None,
    empty: bool = False,
) -> Packet:
    """Start a packet for a candidate version: a copy of `copies`, else of the last approved one; nothing where it is to be
    `empty`, or none was approved.

    `renews` is the approved packet of the same version that it is to take over from; rooms above check that it may be
    renewed. `by` None is the portal itself, which starts renewals only. Raises Denied, Conflict for a version that has a
    packet, Invalid for a packet that is another agent's or that somebody still changes.
    """
    agent = Agent.objects.select_for_update().get(pk=agent.pk)
    if by is not None:
        may_edit(agent, by)
    version = nfc(version.strip())
    if not 0 < len(version) <= 50:
        raise Invalid("Say which version the packet is for in at most 50 characters, for example 1.0.0.")
    # Not the highest number: a packet started earlier may have been approved later, and superseded that one.
    approved = agent.packets.filter(state=PacketState.APPROVED).order_by("-number").first()
    last = renews or copies or (None if empty else approved)
    if last is not None and (last.agent_id != agent.pk or not agent.packets.copyable().filter(pk=last.pk).exists()):
        raise Invalid(
            f"Choose a packet of {agent.name} that is in review or at its end: what is being changed is not copied."
        )
    number = (agent.packets.order_by("-number").values_list("number", flat=True).first() or 0) + 1
    try:
        with transaction.atomic():
            packet = Packet.objects.create(
                agent=agent,
                number=number,
                version=version,
                created_by=by,
                copied_from=last,
                renews=renews,
                created_at=clock.now(),
            )
    except IntegrityError as error:
        raise Conflict(f"Version {version} has a packet already. Open it, or name another version.") from error
    persons = set(last.section_states.filter(by_a_person=True).values_list("number", flat=True)) if last else set()
    SectionState.objects.bulk_create(
        SectionState(packet=packet, number=one.number, by_a_person=one.number in persons) for one in SECTIONS
    )
    for one in SECTIONS:
        if last:
            one.copy(last, packet)
        elif one.seed:
            one.seed(packet)
    if last:
        copy_attachments(last, packet)
    if by is not None:
        contributed(packet, by)
    if last and not last.was_approved:
        # Nobody but its writers has vouched for what is copied, so they are behind this packet too (four eyes).
        writers = {row.person_id for row in last.contributions.all()} - ({by.pk} if by else set())
        Contribution.objects.bulk_create(
            Contribution(packet=packet, revision=packet.revision, person_id=person) for person in sorted(writers)
        )
    if agent.status not in (AgentStatus.LIVE, AgentStatus.SUSPENDED):
        set_summary(agent, status=status_by_packets(agent))
    record(
        packet.stream,
        entries.PacketStarted(
            packet=str(packet.pk),
            agent=str(agent.pk),
            number=number,
            version=version,
            copied_from=str(last.pk) if last else None,
        ),
        by=by,
    )
    follow_merges(packet, by)
    return packet


def freeze(packet: Packet, *, core: Mapping[str, Any], roles: list[str], by: Person) -> Revision:
    """Freeze the packet as it stands as its next revision, in review. For `approvals.actions.submit_packet`, which holds
    the packet's row lock and has checked that it may be submitted; writes the ledger entry."""
    entries_named = hold_named(packet)
    content = document(packet, core)
    digest, parts = digests(content)
    contributed(packet, by)
    revision = Revision.objects.create(
        packet=packet,
        number=packet.revision,
        document=dumps(content),
        digest=digest,
        section_digests=parts,
        submitted_by=by,
        submitted_at=clock.now(),
    )
    keep_signed(revision, *entries_named)
    StoredFile.objects.filter(attachments__packet=packet, kept=False).update(kept=True)
    packet.state, packet.roles_asked = PacketState.IN_REVIEW, roles
    packet.save(update_fields=["state", "roles_asked"])
    record(
        packet.stream,
        entries.PacketFrozen(
            packet=str(packet.pk), agent=str(packet.agent_id), revision=revision.number, digest=digest, sections=parts
        ),
        by=by,
    )
    return revision


def move(packet: Packet, state: str, *, by: Person | None) -> None:
    """Move a locked packet to `state`. For rooms above, inside their act's transaction."""
    packet.state = state
    if state == PacketState.CHANGES:
        packet.revision += 1
    packet.save(update_fields=["state", "revision"])
    record(packet.stream, entries.PacketMoved(packet=str(packet.pk), state=state), by=by)
    if state == PacketState.CHANGES:
        follow_merges(packet, by)


def copy_attachments(source: Packet, target: Packet) -> None:
    """A new packet starts with the files of the one that it copies, each with what it covers."""
    copies = []
    for row in source.attachments.all():
        row.pk, row.packet = uuid.uuid4(), target
        row._state.adding = True
        copies.append(row)
    Attachment.objects.bulk_create(copies)


def contributed(packet: Packet, by: Person) -> None:
    """Keep that `by` changed something in the packet's revision, and so may not approve it."""
    for person in behind(by):
        Contribution.objects.get_or_create(packet=packet, revision=packet.revision, person=person)


def may_fill(packet: Packet, by: Person) -> None:
    """Raises Denied unless `by` may change the packet's sections, and Conflict where they are closed."""
    may_edit(packet.agent, by)
    if not packet.editable:
        raise Conflict(f"This packet is {packet.get_state_display().lower()}, so its sections are closed.")


def to_fill(packet: Packet, by: Person) -> Packet:
    """The packet with its row locked until the transaction ends, for `by` to change its sections. Raises as `may_fill`."""
    packet = Packet.objects.select_for_update(of=("self",)).select_related("agent__team").get(pk=packet.pk)
    may_fill(packet, by)
    return packet
