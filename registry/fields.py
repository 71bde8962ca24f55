"""The fields that proposals are about: their names, their values as plain JSON, and both in words."""

from collections.abc import Mapping
from typing import Any

from ledger.canonical import dumps, nfc, sha256
from registry.vocabulary import Autonomy, Classification, Effect, Relationship, RiskClass, ToolTag

CARD = {
    "name": "Name",
    "summary": "What it is for",
    "deputy": "Deputy",
    "relationship": "What it is to us",
    "autonomy": "How far it acts alone",
    "risk_class": "Risk class",
    "support_path": "Support path",
}
SOURCE = {
    "name": "Name",
    "description": "Description",
    "classification": "Classification",
    "contract_version": "Data contract",
}
TOOL = {"name": "Name for people", "system": "System", "effect": "Effect", "tags": "What it touches"}
LABELS: dict[str, Mapping[str, str]] = {"Agent": CARD, "DataSource": SOURCE, "Tool": TOOL}

WORDS: dict[str, Mapping[Any, Any]] = {
    "relationship": dict(Relationship.choices),
    "autonomy": dict(Autonomy.choices),
    "risk_class": dict(RiskClass.choices),
    "classification": dict(Classification.choices),
    "effect": dict(Effect.choices),
    "tags": dict(ToolTag.choices),
}


def label(target: Any, field: str) -> str:
    """The field's name for people."""
    return LABELS[type(target).__name__][field]


def value_of(target: Any, field: str) -> Any:
    """What the field says, as plain JSON. A person is their e-mail address; nothing is an empty text."""
    value = getattr(target, field)
    if field == "deputy":
        return value.email if value else ""
    return sorted(value) if field == "tags" else value


def merged(field: str, now: Any, value: Any) -> Any:
    """What the field says once `value` is accepted. Tags are added to what there is: a source that names fewer of them
    has not said that the others are wrong."""
    return sorted({*(now or ()), *value}) if field == "tags" else value


def words(field: str, value: Any) -> str:
    """A value for people; nothing is an empty text."""
    if value is None or value == "" or value == []:
        return ""
    known = WORDS.get(field, {})
    if isinstance(value, list):
        return ", ".join(str(known.get(one, one)) for one in value)
    return str(known.get(value, value))


def digest(value: Any) -> str:
    """SHA-256 of a value's canonical JSON."""
    return sha256(dumps(nfc({"value": value})))


def mark(value: Any) -> str:
    """What a page keeps of a value that it showed: half of its digest tells any two apart."""
    return digest(value)[:32]
