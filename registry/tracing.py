"""Filling section 5 from the trace of one run. The trace itself is not kept: its digest is, and what was found in it."""

import hashlib
from dataclasses import dataclass

from django.db import transaction
from django.urls import reverse

from accounts.models import Person
from registry import entries
from registry.actions import may_fill, section_saved, to_fill
from registry.filling import Filled, fill, said_of_sheet
from registry.imports.otlp import read_trace
from registry.imports.trail import Trail, read_trail
from registry.imports.usage import Usage, usage_of
from registry.models import Packet
from registry.proposals import Origin, propose
from registry.sections.s03_versions import PromptPin
from registry.sections.s05_trail import SECTION, RunTrace, RunTrailSheet, digest_of
from work import clock
from work.acts import Conflict, Invalid, record


@dataclass(frozen=True)
class Traced:
    """What a trace gave: which fields it filled, and for which it proposes something else."""

    trail: Trail
    filled: list[str]
    proposed: list[str]
    costs: list[str]
    """Fields of section 8 for which it proposes what the run used."""


def fill_from_trace(*, packet: Packet, data: bytes, by: Person, trace_id: str = "") -> Traced:
    """Fill the trail of an open packet from an OTLP/JSON export. Empty fields are filled; where somebody wrote something
    else, that becomes a proposal.

    Raises Unreadable with each fault and its path, Denied, Conflict, or Invalid for a trace that ends in the future.
    """
    may_fill(Packet.objects.select_related("agent__team").get(pk=packet.pk), by)
    pins = _pins(packet)
    spans = read_trace(data, trace_id)
    trail = read_trail(spans, pins)  # megabytes of it: nobody else's work waits for that
    if trail.covers_to > clock.now():
        raise Invalid("The trace ends in the future; evidence is of what has happened. Check the clock that wrote it.")
    return _fill(packet, trail, usage_of(spans), pins, hashlib.sha256(data).hexdigest(), by)


@transaction.atomic
def _fill(packet: Packet, trail: Trail, usage: Usage, pins: dict[str, str], digest: str, by: Person) -> Traced:
    packet = to_fill(packet, by)
    if _pins(packet) != pins:
        raise Conflict("The prompts of section 3 were changed while the trace was read. Fill from it once more.")
    before = _said_before(packet)
    fresh = _keep(packet, trail, digest, by)
    given = {SECTION.number: {"sheet": _sheet(trail)}}
    path = reverse("packet_section", args=[packet.pk, SECTION.number])
    origin = Origin("trace", str(packet.pk), f"Trace {trail.trace_id}", digest, path)
    done = fill(packet=packet, given=given, origin=origin, by=by, before={SECTION.number: {"sheet": before}})
    if fresh and not done.written:
        section_saved(packet, SECTION.number, by)
    # One run is no realistic usage: what it used is only proposed, also where section 8 says nothing yet.
    costs = propose(said=said_of_sheet(packet, 8, usage.figures()), origin=origin, by=by)
    made = Traced(trail, _names(done), [one.field for one in done.proposed], [one.field for one in costs])
    if fresh or made.filled or made.proposed:
        _tell(packet, trail, digest, made, by)
    return made


def _pins(packet: Packet) -> dict[str, str]:
    """The names of the prompts that section 3 pins, by their text's digest."""
    named = {pin.sha256: f"{pin.name} {pin.version}".strip() for pin in PromptPin.objects.filter(packet=packet)}
    return {digest: name for digest, name in named.items() if digest and name}


def _sheet(trail: Trail) -> dict[str, str]:
    texts = {name: part.text for name, part in trail.parts.items()}
    return {
        "trace_id": trail.trace_id,
        "run_at": trail.covers_from.replace(microsecond=0).isoformat(),  # as a browser's field keeps it
        **texts,
    }


def _said_before(packet: Packet) -> dict[str, str]:
    """What an earlier trace wrote into the trail and nobody has changed since: it follows the new one."""
    trace = RunTrace.objects.filter(packet=packet).first()
    sheet = RunTrailSheet.objects.filter(packet=packet).first()
    if trace is None or sheet is None:
        return {}
    before = {one["name"]: getattr(sheet, one["name"]) for one in trace.told(sheet) if one["same"]}
    if sheet.trace_id == trace.trace_id:
        before["trace_id"] = sheet.trace_id
    if sheet.run_at == trace.covers_from.replace(microsecond=0):
        before["run_at"] = sheet.run_at.isoformat()
    return before


def _keep(packet: Packet, trail: Trail, digest: str, by: Person) -> bool:
    """Keep what the trace says of itself; whether it is another one than before. The same file came when it first came."""
    if RunTrace.objects.filter(packet=packet, sha256=digest, trace_id=trail.trace_id).exists():
        return False
    parts = {
        name: {"sha256": digest_of(part.text), "spans": [list(span) for span in part.spans]}
        for name, part in trail.parts.items()
    }
    values = {
        "sha256": digest,
        "trace_id": trail.trace_id,
        "spans": trail.spans,
        "covers_from": trail.covers_from,
        "covers_to": trail.covers_to,
        "received_at": clock.now(),
        "received_by": by,
        "parts": parts,
        "redacted": trail.redacted,
    }
    RunTrace.objects.update_or_create(packet=packet, defaults=values)
    return True


def _names(done: Filled) -> list[str]:
    return [one.name for plan in done.plans for one in plan.changes if one.outcome in ("new", "changed")]


def _tell(packet: Packet, trail: Trail, digest: str, made: Traced, by: Person) -> None:
    entry = entries.TraceRead(
        packet=str(packet.pk),
        revision=packet.revision,
        sha256=digest,
        spans=trail.spans,
        found=list(trail.parts),
        filled=made.filled,
        proposed=made.proposed,
        redacted=sum(trail.redacted.values()),
    )
    record(packet.stream, entry, by=by)
