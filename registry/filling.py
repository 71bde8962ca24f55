"""Filling a packet's sections from a source, such as a trace or a manifest: what is empty is filled, what the source wrote
before follows it, and what somebody wrote is left as it is, with a proposal beside it."""

from collections.abc import Collection, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.db import transaction

from accounts.models import Person
from registry import entries, proposals
from registry.actions import to_fill, write_section
from registry.contents import content_of, faults_of, label_at, plain, plain_row, words_at
from registry.models import Agent, DataSource, Packet, Proposal, Tool
from registry.models.demands import LEAST_REASON, MOST_REASON
from registry.proposals import Origin, Suggestion
from registry.sections import Section, section
from registry.sections.base import Rows
from registry.sections.catalogue import CatalogueChoice
from work.acts import Invalid, record

Sections = Mapping[int, Mapping[str, Any]]
"""Content by section number, in the shape that the API gives and takes."""
NOT_APPLICABLE = "not_applicable"
Coming = Mapping[type, Collection[str]]
"""Slugs of entries that the same act adds to the catalogue, so that sections may name them before they are there."""
NONE_COMING: Coming = {Tool: (), DataSource: ()}


@dataclass(frozen=True)
class Change:
    """What filling does with one field, or with one whole row (no `name`). `outcome` is new, changed, proposed, same, gone,
    or left (somebody gave another reason why something does not apply); `now` and `value` are plain."""

    number: int
    part: str
    name: str
    outcome: str
    now: Any = ""
    value: Any = ""

    @property
    def label(self) -> str:
        """What it is about, for people."""
        return label_at(self.number, self.part, self.name)

    @property
    def now_words(self) -> str:
        """What is there, for people."""
        return words_at(self.number, self.part, self.name, self.now)

    @property
    def value_words(self) -> str:
        """What the source says, for people."""
        return words_at(self.number, self.part, self.name, self.value)


@dataclass
class SectionPlan:
    """What filling would do with one section: its content afterwards, and each change. `faults` are by path."""

    number: int
    content: dict[str, Any]
    changes: list[Change] = field(default_factory=list)
    faults: dict[str, list[str]] = field(default_factory=dict)

    @property
    def writes(self) -> bool:
        """Whether the section itself changes; what is only proposed does not."""
        return any(one.outcome in ("new", "changed", "gone") for one in self.changes)


@dataclass(frozen=True)
class Filled:
    """What filling did."""

    plans: list[SectionPlan]
    proposed: list[Proposal]

    @property
    def new(self) -> int:
        """How many fields and rows were filled that said nothing before."""
        return sum(one.outcome == "new" for plan in self.plans for one in plan.changes)

    @property
    def written(self) -> list[int]:
        """The sections that changed."""
        return [plan.number for plan in self.plans if plan.writes]


def plan_sections(
    given: Sections, packet: Packet, *, before: Sections | None = None, coming: Coming = NONE_COMING
) -> list[SectionPlan]:
    """What filling `packet` with `given` would do. `before` is what the same source said the last time."""
    said = before or {}
    return [_plan(section(number), packet, given[number], said.get(number, {}), coming) for number in sorted(given)]


def said_of_sheet(packet: Packet, number: int, values: Mapping[str, Any]) -> list[Suggestion]:
    """What a source says of fields of a section's sheet, to propose: as its form reads them. What the form would refuse is
    left out."""
    sheet = section(number).sheet
    said, _ = _cleaned(sheet, values, NONE_COMING) if sheet else ({}, {})
    return [Suggestion(packet, name, value, number, "sheet") for name, value in said.items()]


def nothing_written(agent: Agent) -> Packet:
    """A packet of `agent` that is in no database, to plan with where one is still to be started."""
    packet = Packet(agent=agent)
    packet._state.adding = False  # or formsets take its id away
    return packet


@transaction.atomic
def fill(*, packet: Packet, given: Sections, origin: Origin, by: Person, before: Sections | None = None) -> Filled:
    """Fill the sections of an open packet. Raises Denied, Conflict for a closed packet, Invalid with every fault."""
    packet = to_fill(packet, by)
    plans = plan_sections(given, packet, before=before)
    if problems := faults_in_words(plans):
        raise Invalid(*problems)
    for plan in plans:
        if plan.writes:
            write_section(packet=packet, number=plan.number, content=plan.content, by=by)
    # Not before: rows that were taken out have moved those after them, and a proposal names its row by its place.
    said = [
        Suggestion(packet, one.name, one.value, one.number, one.part)
        for plan in plans
        for one in plan.changes
        if one.name and one.part != NOT_APPLICABLE
    ]
    filed = proposals.file(said=said, origin=origin, by=by)
    proposals.tell(filed, by=by)
    done = Filled(plans, filed.made)
    if done.written or done.proposed:
        record(
            packet.stream,
            entries.PacketFilled(
                packet=str(packet.pk),
                revision=packet.revision,
                source_kind=origin.kind,
                source=origin.sha256,
                sections=done.written,
                proposed=len(done.proposed),
            ),
            by=by,
        )
    return done


def faults_in_words(plans: list[SectionPlan]) -> list[str]:
    """Every fault with its path: `sections.8.sheet.currency: Write three capital letters, for example EUR.`"""
    return [
        f"sections.{plan.number}.{path}: {reason}"
        for plan in plans
        for path, reasons in plan.faults.items()
        for reason in reasons
    ]


def _plan(
    one: Section, packet: Packet, given: Mapping[str, Any], before: Mapping[str, Any], coming: Coming
) -> SectionPlan:
    plan = SectionPlan(one.number, deepcopy(content_of(one, packet)), faults=faults_of(one, packet, given))
    if plan.faults:
        return plan
    if one.sheet is not None:
        said, faults = _cleaned(one.sheet, given.get("sheet", {}), coming)
        plan.faults |= {f"sheet.{name}": reasons for name, reasons in faults.items()}
        was, _ = _cleaned(one.sheet, before.get("sheet", {}), coming)
        _fields(plan, "sheet", plan.content["sheet"], said, was)
    for rows in one.rows:
        _rows(plan, rows, given.get(rows.prefix, ()), before.get(rows.prefix, ()), coming)
    _not_applicable(plan, given.get(NOT_APPLICABLE, {}), before.get(NOT_APPLICABLE, {}))
    return plan


def _not_applicable(plan: SectionPlan, said: Mapping[str, str], was: Mapping[str, str]) -> None:
    """Say why a part does not apply, where nobody has said so; what a person gave as a reason stands."""
    for key, given in said.items():
        reason = str(given or "").strip()
        if not LEAST_REASON <= len(reason) <= MOST_REASON:
            words = f"Say in {LEAST_REASON} to {MOST_REASON} characters why it does not apply."
            plan.faults[f"{NOT_APPLICABLE}.{key}"] = [words]
            continue
        reasons = plan.content.setdefault(NOT_APPLICABLE, {})
        now = reasons.get(key, "")
        if now == reason:
            outcome = "same"
        elif not now or was.get(key) == now:
            outcome = "changed" if now else "new"
            reasons[key] = reason
        else:
            outcome = "left"
        plan.changes.append(Change(plan.number, NOT_APPLICABLE, key, outcome, now, reason))


def _rows(plan: SectionPlan, rows: Rows, given: Any, before: Any, coming: Coming) -> None:
    there: list[dict[str, Any]] = plan.content[rows.prefix] or [{} for _ in range(rows.fixed)]
    plain_rows = [plain_row(row) for row in there]
    said: list[dict[str, Any]] = []
    for i, row in enumerate(given):
        values, faults = _cleaned(rows.form, row, coming, whole=not rows.fixed)
        plan.faults |= {f"{rows.prefix}[{i}].{name}": reasons for name, reasons in faults.items()}
        said.append(values)
    was = [_cleaned(rows.form, row, coming)[0] for row in before]
    ours = _matched(said, plain_rows, rows)
    theirs = {at: was[i] for i, at in _matched(was, plain_rows, rows).items()}
    leaving = {
        at
        for at, row in theirs.items()
        if not rows.fixed and at not in ours.values() and _untouched(plain_rows[at], row)
    }
    places = {at: at - sum(gone < at for gone in leaving) for at in range(len(there)) if at not in leaving}
    plan.changes += [
        Change(plan.number, f"{rows.prefix}[{at}]", "", "gone", plain_rows[at].get(rows.key, ""))
        for at in sorted(leaving)
    ]
    kept = [row for at, row in enumerate(there) if at not in leaving]
    for i, values in enumerate(said):
        if i in ours:
            at = ours[i]
            _fields(plan, f"{rows.prefix}[{places[at]}]", kept[places[at]], values, theirs.get(at, {}))
        elif any(not _empty(value) for value in values.values()):
            plan.changes.append(
                Change(plan.number, f"{rows.prefix}[{len(kept)}]", "", "new", value=values.get(rows.key, ""))
            )
            kept.append(values)
    plan.content[rows.prefix] = kept


def _matched(said: list[dict[str, Any]], there: list[dict[str, Any]], rows: Rows) -> dict[int, int]:
    """Which row that is there each row is about, by number: fixed ones by their place, others by their key, the second of
    a key by the second of it."""
    if rows.fixed:
        return {i: i for i in range(min(len(said), len(there)))}
    free = list(range(len(there)))
    made = {}
    for i, row in enumerate(said):
        at = next((at for at in free if row.get(rows.key) and there[at].get(rows.key) == row[rows.key]), None)
        if at is not None:
            made[i] = at
            free.remove(at)
    return made


def _untouched(row: dict[str, Any], was: dict[str, Any]) -> bool:
    """Whether a row says what its source said, and nothing besides."""
    return all(value == was[name] if name in was else _empty(value) for name, value in row.items())


def _empty(value: Any) -> bool:
    """Whether nothing is said: 0 is an answer."""
    return value == "" or value is False


def _fields(plan: SectionPlan, part: str, row: dict[str, Any], said: dict[str, Any], was: dict[str, Any]) -> None:
    """Fill a row in place: what is empty, and what still says what the source said before."""
    for name, value in said.items():
        now = plain(row.get(name))
        if value == "" or (value is False and now == ""):
            continue
        if now == value:
            outcome = "same"
        elif now == "" or (name in was and was[name] == now):
            outcome = "changed" if now != "" else "new"
            row[name] = value
        else:
            outcome = "proposed"
        plan.changes.append(Change(plan.number, part, name, outcome, now, value))


def _cleaned(
    form: type[forms.ModelForm], given: Mapping[str, Any], coming: Coming, *, whole: bool = False
) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The given fields as the form reads them, plain, and the faults of the others by field; with `whole` also of fields
    that are needed and were not given."""
    made = form(dict(given))
    later = {
        name: given[name]
        for name, one in made.fields.items()
        if isinstance(one, CatalogueChoice) and given.get(name) in coming[one.queryset.model]  # type: ignore[union-attr]
    }
    for name in later:
        del made.fields[name]
    made.is_valid()
    values = {name: plain(made.cleaned_data[name]) for name in given if name in made.cleaned_data} | later
    faults = {
        name: [str(reason) for reason in reasons]
        for name, reasons in made.errors.items()
        if name in given or (whole and name in made.fields)
    }
    return values, faults
