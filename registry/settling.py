"""Ending proposals: those that were answered, and those that a change has made pointless."""

from typing import Any

from accounts.models import Person
from registry import entries
from registry.contents import PART, plain_content
from registry.models import Agent, DataSource, Packet, Proposal, Tool
from registry.sections import section
from registry.sections.base import Rows
from registry.vocabulary import ProposalState
from work import clock
from work.acts import record


def ended(row: Proposal, state: ProposalState, by: Person | None = None, reason: str = "") -> Proposal:
    """Write a locked proposal's end. `tell_end` records it, once the act has written all its rows."""
    row.state, row.ended_by, row.ended_at, row.reason = state, by, clock.now(), reason
    row.save(update_fields=["state", "ended_by", "ended_at", "reason"])
    return row


def settle(target: Agent | DataSource | Tool) -> list[Proposal]:
    """End the open proposals for what a locked `target` says by now. Returns them, for `tell_end`."""
    rows = Proposal.objects.open().filter(**{column_of(target): target}).select_for_update().order_by("pk")
    return [ended(row, ProposalState.SUPERSEDED) for row in rows if _pointless(row, target)]


def _pointless(row: Proposal, target: Any) -> bool:
    setattr(row, column_of(target), target)  # as it is now, which is what the caller has just written
    return bool(row.after == row.now)


def settle_section(packet: Packet, number: int, before: dict[str, Any]) -> list[Proposal]:
    """End the open proposals about a section of a locked packet that its save has made pointless: the field says so by now,
    rows were added, removed or moved, so that a row's number may stand for another, or an amount would be in another
    currency. `before` is the plain content before the save. Returns them, for `tell_end`."""
    rows = Proposal.objects.open().filter(packet=packet, section=number).select_for_update().order_by("pk")
    content = plain_content(section(number), packet)
    moved = {kind.prefix for kind in section(number).rows if _names(kind, before) != _names(kind, content)}
    done = []
    for row in rows:
        row.packet, row.content = packet, content
        found = PART.fullmatch(row.part)
        if row.after == row.now or (found and found[1] in moved) or _in_another_currency(row, before, content):
            done.append(ended(row, ProposalState.SUPERSEDED))
    return done


def _in_another_currency(row: Proposal, before: dict[str, Any], content: dict[str, Any]) -> bool:
    """Whether `row` proposes an amount, and its source meant another currency than the one that the section has come to."""
    if row.part != "sheet" or row.field not in section(row.section).money:
        return False
    was, now = before["sheet"]["currency"], content["sheet"]["currency"]
    same_source = {
        "packet": row.packet,
        "section": row.section,
        "source_kind": row.source_kind,
        "source_key": row.source_key,
    }
    own = Proposal.objects.filter(**same_source, field="currency").order_by("-proposed_at", "-pk").first()
    return was != now and (own.value if own else was) not in ("", now)


def _names(kind: Rows, content: dict[str, Any]) -> list[Any]:
    return [row.get(kind.key) for row in content.get(kind.prefix, ())]


def tell_end(row: Proposal, by: Person | None) -> None:
    """Record a proposal's end."""
    record(stream_of(row), entries.ProposalEnded(**said_of(row), state=str(row.state)), by=by)


def said_of(row: Proposal) -> dict[str, Any]:
    """What every entry says of a proposal."""
    return {
        "proposal": str(row.pk),
        "about": column_of(row.target),
        "target": str(row.target_id),
        "section": row.section,
        "field": row.field,
    }


def stream_of(row: Proposal) -> str:
    """The ledger stream of what it is about; the catalogue's is the system's."""
    return str(row.target.stream) if row.agent_id or row.packet_id else "system"


def column_of(target: Any) -> str:
    """The column of `Proposal` that names a target of this kind."""
    return {"Agent": "agent", "DataSource": "data_source", "Tool": "tool", "Packet": "packet"}[type(target).__name__]
