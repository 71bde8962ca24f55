"""What the packet's pages show besides the rows: how far each section is, and forms that survive a conflict."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from django.forms import BaseForm, ModelForm
from django.http import QueryDict
from django.urls import reverse

from registry.demands import Demand
from registry.documents import problems
from registry.models import Agent, DataSource, NotApplicable, Packet, SectionState, Tool
from registry.moved import Beside
from registry.panels import Moved
from registry.sections import SECTIONS, Problem, Section
from registry.sections.base import Rows
from registry.sections.catalogue import CatalogueChoice
from registry.sections.forms import SectionForms


@dataclass
class Progress:
    """How far one section of a packet is."""

    section: Section
    state: SectionState | None
    problems: list[Problem]
    packet: Packet
    beside: Beside | None = None

    @property
    def moved(self) -> list[Moved]:
        """What the section says of the catalogue, of prices or of evidence, and is otherwise now."""
        return self.beside.of(self.section.number) if self.beside else []

    @property
    def unchanged(self) -> bool:
        """Whether a renewal leaves it as it was signed, so that it needs no work."""
        return bool(self.beside) and self.section.number in self.beside.unchanged  # type: ignore[union-attr]

    @cached_property
    def advice(self) -> list[Problem]:
        """What is worth a second look; asked for only where it is shown."""
        return self.section.advice(self.packet)

    @property
    def not_needed(self) -> list[Demand]:
        """What the agent's risk class does not ask for in it."""
        return self.section.not_needed(self.packet)

    @cached_property
    def outdated(self) -> list[Problem]:
        """The team answers used in it that the team has changed or withdrawn since; asked for only where it is shown."""
        return self.section.outdated(self.packet)

    @cached_property
    def waived(self) -> list[NotApplicable]:
        """What a person says does not apply in it; asked for only where it is shown."""
        return list(self.section.waived(self.packet).values())

    @property
    def verdict(self) -> str:
        """pass where nothing is missing, wait where nobody began, else warn. A copy begins with what it copies."""
        if not self.problems:
            return "pass"
        begun = self.packet.copied_from_id or (self.state and self.state.version)
        return "warn" if begun else "wait"

    @property
    def words(self) -> str:
        """The verdict in words."""
        if not self.problems:
            return "Complete"
        count = f"{len(self.problems)} missing"
        return count if self.verdict == "warn" else f"Not begun, {count}"


def progress(packet: Packet, beside: Beside | None = None) -> list[Progress]:
    """All ten sections of `packet`, in order, with what stands `beside` them. A fixed number of queries."""
    states = {state.number: state for state in packet.section_states.select_related("saved_by")}
    found = problems(packet)
    return [Progress(one, states.get(one.number), found[one.number], packet, beside) for one in SECTIONS]


@dataclass(frozen=True)
class Row:
    """One row of a section's form, as the page shows it."""

    form: "ModelForm[Any]"
    rows: Rows
    number: int
    missing: bool
    first: bool
    """Whether it is the first of its kind in which something is missing."""

    @property
    def title(self) -> str:
        """What the row is about, from what it holds; for a row that is not filled yet, its kind and number."""
        instance = getattr(self.form, "instance", None)
        if instance is not None and hasattr(instance, "title"):
            return str(instance.title)
        noun = self.rows.add.partition(" ")[2].partition(" ")[2].capitalize() or self.rows.title
        label = f"{noun} {self.number}"
        for name in ("case_id", "tool", "source", "name", "model_id", "index", "audience"):
            value = self._said(name) if instance is not None and instance.pk else ""
            if value:
                return f"{label} · {str(value)[:80]}"
        return label

    def _said(self, name: str) -> str:
        """What a field holds, in words."""
        field, value = self.form.fields.get(name), self.form.initial.get(name)
        return field.words(value) if isinstance(field, CatalogueChoice) else str(value or "") if field else ""

    @property
    def new(self) -> bool:
        """Whether the row is not saved yet."""
        return self.form.instance.pk is None

    @property
    def open(self) -> bool:
        """Whether the row is unfolded: it is new or wrong, or lacks something; of rows that are always there the first."""
        return bool(self.form.errors) or self.new or (self.first if self.rows.fixed else self.missing)

    @property
    def foldable(self) -> bool:
        """Whether the row has so many fields that a page of them needs folding."""
        return len([name for name in self.form.fields if name not in ("id", "packet", "DELETE")]) > 3


@dataclass(frozen=True)
class Group:
    """One kind of row on a section's page."""

    rows: Rows
    formset: Any
    members: list[Row]
    lists: dict[str, list[tuple[str, str]]]
    """What its lines choose from, by the list's id: slugs with words."""


def groups(forms: SectionForms, found: list[Problem]) -> list[Group]:
    """The section's kinds of rows with their rows, and what of the catalogue each kind can name."""
    anchors = [problem.field for problem in found]
    made = []
    for rows, formset in forms.formsets:
        members: list[Row] = []
        for i, form in enumerate(formset.forms):
            missing = any(anchor.startswith(f"id_{rows.prefix}-{i}-") for anchor in anchors)
            first = missing and not any(row.missing for row in members)
            members.append(Row(form, rows, i + 1, missing, first))
        choices = [one for one in formset.empty_form.fields.values() if isinstance(one, CatalogueChoice)]
        made.append(Group(rows, formset, members, {one.widget.attrs["list"]: one.offered() for one in choices}))
    return made


def rebased(forms: SectionForms, posted: QueryDict) -> dict[str, Any]:
    """What was posted, put on top of what has been saved meanwhile, so that neither is lost.

    A row that both have takes the posted values; one that the other person added keeps theirs; one that they removed
    comes back as a new row. The result can be bound to `forms.section.forms(packet, data)` and saved again.
    """
    data: dict[str, Any] = {key: value for key, value in posted.items() if key.startswith(("sheet-", "na-"))}
    for rows, formset in forms.formsets:
        prefix = rows.prefix
        mine: list[dict[str, Any]] = []
        for i in range(_whole(posted.get(f"{prefix}-TOTAL_FORMS"))):
            start = f"{prefix}-{i}-"
            mine.append({key.removeprefix(start): value for key, value in posted.items() if key.startswith(start)})
        by_id = {row.get("id"): row for row in mine if row.get("id")}
        theirs = [form for form in formset.forms if form.instance.pk]
        known = {str(form.instance.pk) for form in theirs}
        merged = [by_id.get(str(form.instance.pk)) or _values(form) for form in theirs]
        merged += [
            {**row, "id": ""}
            for row in mine
            if row.get("id") not in known and any(value for key, value in row.items() if key not in ("id", "packet"))
        ]
        for i, row in enumerate(merged):
            data |= {f"{prefix}-{i}-{name}": value for name, value in row.items()}
        data |= {f"{prefix}-TOTAL_FORMS": len(merged), f"{prefix}-INITIAL_FORMS": len(theirs)}
    return data


def _values(form: "ModelForm[Any]") -> dict[str, Any]:
    """What a browser would post for an unbound form. An unticked box posts nothing."""
    given = {name: form[name].value() for name in form.fields if name != "DELETE"}
    # By identity: nothing typed is kept out, and 0 is something typed.
    return {name: value for name, value in given.items() if value is not None and value is not False} | {
        "id": form.instance.pk
    }


def _whole(text: str | None) -> int:
    try:
        return min(int(text or 0), 1000)
    except ValueError:
        return 0


def in_place(forms: SectionForms, posted: Mapping[str, Any]) -> bool:
    """Whether the page's rows still stand where they stood once `posted` is saved, so that it need not be drawn again.

    True where nothing is removed, at most the first empty row of a kind was filled, and nothing newly does not apply.
    """
    if forms.not_applicable.has_changed():
        return False
    for rows, formset in forms.formsets:
        first = formset.initial_form_count()
        for i, form in enumerate(formset.forms):
            if posted.get(f"{rows.prefix}-{i}-DELETE"):
                return False
            if i > first and form.has_changed():
                return False
    return True


def said_differently(form: BaseForm, saved: BaseForm) -> list[tuple[str, str]]:
    """What is saved now where `form` says something else: label and words, for the page after a conflict."""
    found = []
    for name, field in form.fields.items():
        if name == "seen":
            continue
        typed, kept = _plain(form[name].value()), _plain(saved[name].value())
        if typed != kept:
            choices = {str(key): str(label) for key, label in getattr(field, "choices", ())}
            found.append((str(form[name].label), ", ".join(choices.get(one, one) for one in kept) or "empty"))
    return found


def refresh_mark(form: BaseForm, mark: str) -> None:
    """Let a form that met a conflict be saved over what it met, now that both were shown."""
    data = cast(QueryDict, form.data).copy()
    data["seen"] = mark
    form.data = data


def _plain(value: Any) -> list[str]:
    given = value if isinstance(value, (list, tuple)) else [value]
    return sorted(str(getattr(one, "pk", one)) for one in given if one not in (None, ""))


def address_of(target: Agent | DataSource | Tool | Packet, section: int) -> str:
    """The page of what a proposal is about; of a packet that of its section."""
    if isinstance(target, Agent):
        return reverse("agent_detail", args=[target.slug])
    if isinstance(target, Packet):
        return reverse("packet_section", args=[target.pk, section])
    names = {DataSource: "data_detail", Tool: "tool_detail"}
    return reverse(names[type(target)], args=[target.pk])
