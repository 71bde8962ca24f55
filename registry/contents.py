"""A section's content as values: what the API gives and takes, {"sheet": {field: value}, rows prefix: [{…}, …],
"not_applicable": {demand: reason}}; the last only where something is said not to apply."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Model
from django.forms import BaseForm, ModelChoiceField

from ledger.canonical import nfc
from registry.demands import DEMANDS
from registry.sections import Section, section
from registry.sections.base import Rows
from registry.sections.catalogue import UUID_LIKE
from registry.sections.forms import SectionForms, with_line_feeds

if TYPE_CHECKING:
    from registry.models import Packet

NOT_CONTENT = ("id", "packet", "DELETE")
PART = re.compile(r"([a-z_]+)\[(\d+)\]")
"""A row's place: its kind, and its number from 0."""


def content_of(section: Section, packet: Packet) -> dict[str, Any]:
    """What is saved, in the shape that `registry.actions.write_section` takes: writing it back changes nothing."""
    forms = section.forms(packet)
    content: dict[str, Any] = {"sheet": _values(forms.sheet)} if forms.sheet is not None else {}
    for rows, formset in forms.formsets:
        content[rows.prefix] = [_values(form) for form in formset.forms if form.instance.pk is not None]
    if said := section.waived(packet):
        content["not_applicable"] = {key: row.reason for key, row in said.items()}
    return content


def titles_of(section: Section, packet: Packet) -> dict[str, list[str]]:
    """What each of the rows that are there from the start is about, by prefix and in order."""
    return {
        rows.prefix: [str(form.instance.title) for form in formset.forms]
        for rows, formset in section.forms(packet).formsets
        if rows.fixed
    }


def faults_of(section: Section, packet: Packet, content: Mapping[str, Any]) -> dict[str, list[str]]:
    """What in `content` has not the shape of this section, by path: unknown names, values that no field takes.

    What fields hold is not looked at here: that is for the forms, which save it.
    """
    forms = section.forms(packet)
    kinds = {rows.prefix: rows for rows, _ in forms.formsets}
    may_lack = list(forms.not_applicable.fields)
    known = [*(["sheet"] if forms.sheet is not None else []), *kinds, *(["not_applicable"] if may_lack else [])]
    faults: dict[str, list[str]] = {}
    for name, part in content.items():
        if name not in known:
            faults[name] = [f"This section has no such part; it has {', '.join(known)}."]
        elif name == "sheet":
            faults |= _unfit("sheet", part, _fields(forms, "sheet"))
        elif name == "not_applicable":
            faults |= _unfit(name, part, may_lack)
        elif not isinstance(part, list):
            faults[name] = ["This is a list of rows."]
        else:
            for i, row in enumerate(part):
                faults |= _unfit(f"{name}[{i}]", row, _fields(forms, name))
    for rows in kinds.values():
        if rows.fixed and len(content.get(rows.prefix, ())) != rows.fixed:
            faults[rows.prefix] = [f"There are always {rows.fixed} rows here: give all of them, in their order."]
    return faults


def _fields(forms: SectionForms, name: str) -> list[str]:
    form: BaseForm | None = forms.sheet
    if name != "sheet":
        form = next(formset.empty_form for rows, formset in forms.formsets if rows.prefix == name)
    return [one for one in (form.fields if form else ()) if one not in NOT_CONTENT]


def _unfit(path: str, row: Any, fields: list[str]) -> dict[str, list[str]]:
    if not isinstance(row, Mapping):
        return {path: ["This is an object of fields."]}
    faults = {}
    for name, value in row.items():
        if name not in fields:
            faults[f"{path}.{name}"] = [f"There is no such field here; known are {', '.join(fields)}."]
        elif not isinstance(value, str | int | float | bool | None):
            faults[f"{path}.{name}"] = ["This is a text, a number, true, false or null."]
    return faults


def _values(form: Any) -> dict[str, Any]:
    return {name: form.initial.get(name) for name in form.fields if name not in NOT_CONTENT}


def plain(value: Any) -> Any:
    """A field's value as plain JSON, the same however it was written: dates in ISO 8601 and UTC, amounts without idle
    zeros, line feeds only, an entry of the catalogue by its id. Nothing is an empty text."""
    match value:
        case None:
            return ""
        case bool() | int():
            return value
        case Decimal():
            return f"{value.normalize():f}"
        case dt.datetime():
            return value.astimezone(dt.UTC).isoformat()
        case dt.date():
            return value.isoformat()
        case str():
            return nfc(with_line_feeds(value))
        case Model():
            return str(value.pk)
    return str(value)


def plain_content(one: Section, packet: Packet) -> dict[str, Any]:
    """What is saved, as `content_of` says, with plain values."""
    return {
        part: [plain_row(row) for row in rows] if isinstance(rows, list) else plain_row(rows)
        for part, rows in content_of(one, packet).items()
    }


def plain_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with plain values."""
    return {name: plain(value) for name, value in row.items()}


def value_at(content: Mapping[str, Any], part: str, name: str) -> Any:
    """The plain value in `content` at `part` (`sheet`, `prompt[0]`); None where there is no such place."""
    row = content.get("sheet") if part == "sheet" else None
    if found := PART.fullmatch(part):
        rows, at = content.get(found[1], []), int(found[2])
        row = rows[at] if at < len(rows) else None
    return None if row is None or name not in row else plain(row[name])


def label_at(number: int, part: str, name: str) -> str:
    """A field of a section, for people: Section 3, Prompts 1: Version. Without a name it is the whole row."""
    if part == "not_applicable":
        return f"Section {number}, does not apply: {next(one.what for one in DEMANDS[number] if one.key == name)}"
    form, rows, place = _form(number, part)
    kind = f", {rows.title} {place + 1}" if rows else ""
    said = form.base_fields[name].label if form and name else ""
    return f"Section {number}{kind}: {said or name or 'Row'}"


def words_at(number: int, part: str, name: str, value: Any) -> str:
    """A value of a section's field, for people: a choice by its words, an entry of the catalogue by its name. A whole row is
    told by its key."""
    form, rows, _ = _form(number, part)
    field = form.base_fields.get(name or (rows.key if rows else "")) if form else None
    if value in (None, ""):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(field, ModelChoiceField):
        rows_of = field.queryset if UUID_LIKE.fullmatch(str(value)) else None
        return str((rows_of.filter(pk=value).first() if rows_of is not None else None) or value)
    return str(dict(getattr(field, "choices", ())).get(value, value))


def _form(number: int, part: str) -> tuple[Any, Rows | None, int]:
    """The form of a part, and of a row its kind and place."""
    one, found = section(number), PART.fullmatch(part)
    if not found:
        return one.sheet, None, 0
    rows = next((rows for rows in one.rows if rows.prefix == found[1]), None)
    return (rows.form if rows else None), rows, int(found[2])
