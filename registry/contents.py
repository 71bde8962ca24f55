"""A section's content as values: what the API gives and takes, {"sheet": {field: value}, rows prefix: [{…}, …],
"not_applicable": {demand: reason}}; the last only where something is said not to apply."""

from collections.abc import Mapping
from typing import Any

from django.forms import BaseForm

from registry.models import Packet
from registry.sections import Section
from registry.sections.base import SectionForms

NOT_CONTENT = ("id", "packet", "DELETE")


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
    for rows, formset in forms.formsets:
        there = len(formset.get_queryset())
        if rows.fixed and len(content.get(rows.prefix, ())) != there:
            faults[rows.prefix] = [f"There are always {there} rows here: give all of them, in their order."]
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
