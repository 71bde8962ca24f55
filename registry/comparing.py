"""Two packets, or two revisions of one, held against each other section by section."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from registry.differences import Difference, differences
from registry.documents import document
from registry.models import Packet, Revision
from registry.sections import SECTIONS


@dataclass(frozen=True)
class Said:
    """What a packet says: a frozen revision, or the draft as it stands."""

    packet: Packet
    revision: Revision | None
    content: dict[str, Any]

    @property
    def name(self) -> str:
        """How the page calls it."""
        if self.revision is None:
            return f"{self.packet.version}, draft as it stands"
        return f"{self.packet.version}, revision {self.revision.number}"

    @property
    def value(self) -> str:
        """How an address calls it: the packet's id, and the revision's number where it is a frozen one."""
        return f"{self.packet.pk}:{self.revision.number}" if self.revision else str(self.packet.pk)


@dataclass(frozen=True)
class Part:
    """One section of the comparison, or the core (number 0): what differs in it."""

    number: int
    title: str
    found: list[Difference]


def said(packet: Packet, revision: int | None = None) -> Said | None:
    """What `packet` says: its `revision`, or the newest; of an open packet the draft as it stands.

    None where there is no such revision.
    """
    if revision is None and packet.editable:
        return Said(packet, None, document(packet, {}))
    kept = packet.revisions.filter(number=revision).first() if revision is not None else packet.current
    return Said(packet, kept, kept.content) if kept else None


def chosen(value: str, packets: QuerySet[Packet]) -> Said | None:
    """What an address calls `<packet>` or `<packet>:<revision>`; None where `packets` holds no such one."""
    key, _, number = value.partition(":")
    try:
        packet, revision = packets.filter(pk=UUID(key)).first(), int(number) if number else None
    except (ValueError, OverflowError):
        return None
    # What is larger than the column can be no revision's number.
    return said(packet, revision) if packet and (revision is None or 0 < revision < 2**31) else None


def compared(old: Said, new: Said) -> list[Part]:
    """The parts in which the two differ, the core first. Left out are checklist and policy, which are nobody's words, and
    who accepted section 9 when, which is new in every packet."""
    drop = ("checklist", "policy")
    cores = [{key: value for key, value in one.content["core"].items() if key not in drop} for one in (old, new)]
    parts = [Part(0, "The agent's card", differences(*cores))]
    for one in SECTIONS:
        key = str(one.number)
        found = differences(*(spoken(said.content["sections"].get(key)) for said in (old, new)))
        parts.append(Part(one.number, one.title, found))
    return [part for part in parts if part.found]


def spoken(part: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a section says, without who accepted it when."""
    return {key: value for key, value in (part or {}).items() if key != "acceptances"}


def choices(packets: Iterable[Packet]) -> list[tuple[str, str]]:
    """What can be held against each other: every packet with each of its revisions, as (value, name)."""
    found = []
    for packet in packets:
        if packet.editable:
            found.append((str(packet.pk), f"{packet.version}, draft as it stands"))
        found += [(f"{packet.pk}:{one.number}", f"{packet.version}, revision {one.number}") for one in packet.frozen]  # type: ignore[attr-defined]
    return found


def usual(packet: Packet) -> str:
    """What a packet is held against unless somebody says otherwise: its last but one revision, what it was copied from,
    or nothing ("")."""
    numbers = list(packet.revisions.order_by("-number").values_list("number", flat=True)[:2])
    earlier = numbers[:1] if packet.editable else numbers[1:]
    if earlier:
        return f"{packet.pk}:{earlier[0]}"
    return str(packet.copied_from_id or "")
