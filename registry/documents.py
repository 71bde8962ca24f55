"""The packet's canonical document and its digests. Everything that is shown, signed, diffed or exported is this.

document = {"v": 1,
            "packet": {"id", "number", "revision"},
            "core": {"agent": {"id", "slug", "name", "summary"}, "team", "version", "risk_class", "autonomy",
                     "relationship", "checklist": {…}, "policy": {…}},
            "sections": {"1": {…}, …, "10": {…}}}

Digests are SHA-256 over RFC 8785 bytes: one of each section, one of the core, and the packet's digest is that of
{"core": …, "sections": {"1": …, …}} over those. The revision number is outside: a sign-off is bound to what
was read, and what was read has not changed because another section has.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ledger.canonical import dumps, nfc, sha256
from registry.models import Packet
from registry.sections import SECTIONS, Problem


def document(packet: Packet, core: Mapping[str, Any]) -> dict[str, Any]:
    """The packet's document as it stands now. `core` adds what rooms above pin: checklist and policy."""
    agent = packet.agent
    return nfc(
        {
            "v": 1,
            "packet": {"id": str(packet.pk), "number": packet.number, "revision": packet.revision},
            "core": {
                "agent": {"id": str(agent.pk), "slug": agent.slug, "name": agent.name, "summary": agent.summary},
                "team": agent.team.slug,
                "version": packet.version,
                "risk_class": agent.risk_class,
                "autonomy": agent.autonomy,
                "relationship": agent.relationship,
                **core,
            },
            "sections": {str(section.number): section.document(packet) for section in SECTIONS},
        }
    )


def digests(content: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """The packet's digest, and those of its parts: {"core": hex, "1": hex, …, "10": hex}."""
    parts = {number: sha256(dumps(part)) for number, part in content["sections"].items()}
    core = sha256(dumps(content["core"]))
    return sha256(dumps({"core": core, "sections": parts})), {"core": core, **parts}


def problems(packet: Packet) -> dict[int, list[Problem]]:
    """What is missing, by section number. Every section is there, also when its list is empty."""
    return {section.number: section.problems(packet) for section in SECTIONS}


def changed(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """The parts whose digests differ, in order: "core", then "1" to "10"."""
    order: Iterable[str] = ("core", *(str(section.number) for section in SECTIONS))
    return [part for part in order if old.get(part) != new.get(part)]
