"""Publishing a source's data contract, and comparing its versions."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from accounts.actors import a_person
from accounts.models import Person
from ledger.canonical import nfc, sha256
from registry import entries
from registry.imports.contract import Read, read_contract
from registry.imports.reading import Unreadable
from registry.models import DataContract, DataSource
from registry.upkeep import locked, may_keep
from work import clock
from work.acts import Conflict, Invalid, record


def read(data: bytes) -> Read:
    """A schema's fields. Raises Invalid with each fault as a sentence, where `read_contract` cannot take it."""
    try:
        return read_contract(data)
    except Unreadable as error:
        raise Invalid(*(str(fault) for fault in error.faults)) from error


@transaction.atomic
def publish(*, source: DataSource, version: str, data: bytes, by: Person, note: str = "") -> DataContract:
    """Publish the next version of a source's contract, by its owner or a platform admin. It never changes again.

    `data` is the schema as it came: a JSON Schema, an Open Data Contract Standard file, or a list of fields. The source's
    `contract_version` becomes this one; packets that were submitted keep what their document says.
    """
    a_person(by, "publishes a data contract")
    source = locked(source)
    may_keep(source, by)
    if source.retired_at:
        raise Conflict(f"{source} was retired. Take it back into use before you publish a contract for it.")
    found = read(data)
    version, note = nfc(version.strip() or found.version), nfc(note.strip())
    if not 0 < len(version) <= 50:
        raise Invalid("Say which version of the contract this is, in at most 50 characters, for example 4.0.")
    if len(note) > 300:
        raise Invalid("Say in at most 300 characters what is new.")
    if source.contracts.filter(version=version).exists():
        raise Conflict(f"Contract {version} is published already, and stays as it is. Give this one the next version.")
    number = (source.contracts.values_list("number", flat=True).first() or 0) + 1
    contract = DataContract.objects.create(
        source=source,
        number=number,
        version=version,
        note=note,
        format=found.format,
        fields=found.rows,
        text=data.decode("utf-8-sig"),
        sha256=sha256(data),
        published_by=by,
        published_at=clock.now(),
    )
    source.contract_version = version
    source.save(update_fields=["contract_version"])
    record(
        "system",
        entries.ContractPublished(
            source=str(source.pk),
            slug=source.slug.lower(),
            contract=str(contract.pk),
            version=version,
            fields=len(found.rows),
            sha256=contract.sha256,
        ),
        by=by,
    )
    return contract


@dataclass(frozen=True)
class Change:
    """What became of one field between two versions."""

    name: str
    kind: str
    """added, removed or changed."""
    was: list[tuple[str, str]]
    now: list[tuple[str, str]]
    """What differs: what of the field, and in words. Of one that was added or removed, all that is said of it."""

    @property
    def verdict(self) -> str:
        """A field that is gone may break who reads it."""
        return {"added": "pass", "removed": "fail"}.get(self.kind, "warn")


LABELS = {"type": "Type", "meaning": "Meaning", "sensitive": "Sensitive", "required": "Required"}


def compare(old: Iterable[dict[str, Any]], new: Iterable[dict[str, Any]]) -> list[Change]:
    """Each field that was added, removed or changed, in the order of the new version, then what is gone."""
    before = {row["name"]: row for row in old}
    after = {row["name"]: row for row in new}
    found = []
    for name, row in after.items():
        was = before.get(name)
        if was is None:
            found.append(Change(name, "added", [], _said(row)))
        elif keys := [key for key in LABELS if was[key] != row[key]]:
            found.append(Change(name, "changed", _said(was, keys), _said(row, keys)))
    found += [Change(name, "removed", _said(row), []) for name, row in before.items() if name not in after]
    return found


def _said(row: dict[str, Any], keys: Iterable[str] = LABELS) -> list[tuple[str, str]]:
    return [(LABELS[key], in_words(row[key])) for key in keys]


def in_words(value: str | bool | None) -> str:
    """What a contract says of a field, for people."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return value or "Not said"
