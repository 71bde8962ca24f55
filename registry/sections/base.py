"""What the ten sections share: rows, places, the document, and what is missing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.db import models
from django.db.models import F, Q

from ledger.canonical import nfc
from registry.demands import DEMANDS, Demand, may_lack, not_asked, of_part
from registry.models.answers import AnswerUse, settled
from registry.models.demands import NotApplicable
from registry.sections.forms import SectionForms

if TYPE_CHECKING:
    from registry.models import Agent, Packet


@dataclass(frozen=True)
class Problem:
    """What is missing or suspicious, as a sentence; `field` is the id of the input that mends it.

    `url` is the page that mends it, where that is not the section's own. `parts` are what it asks for, as
    `registry.demands` names them: it stands while all of them are asked for. Without any it always stands.
    """

    text: str
    field: str = ""
    url: str = ""
    parts: tuple[str, ...] = ()


NOT_NEEDED, NOT_APPLICABLE = {"unknown": "not needed"}, {"unknown": "does not apply"}


@dataclass(frozen=True)
class Place:
    """One text field of a section: `sheet.field` or `kind of row[0].field`, its name for people, and what it says."""

    key: str
    label: str
    text: str
    one_line: bool


class PacketRow(models.Model):
    """Base of everything that belongs to one packet."""

    packet = models.ForeignKey("registry.Packet", on_delete=models.CASCADE, related_name="+")

    class Meta:
        abstract = True
        ordering = ["pk"]
        default_permissions = ()


class PacketSheet(models.Model):
    """Base of what a packet has exactly one of."""

    packet = models.OneToOneField("registry.Packet", on_delete=models.CASCADE, related_name="+")

    class Meta:
        abstract = True
        default_permissions = ()


@dataclass(frozen=True)
class Rows:
    """One kind of row on a section's page. `key` is the field that tells one row from another.

    `fixed` rows are there from the start, so many; none is added or removed.
    """

    form: type[forms.ModelForm]
    prefix: str
    title: str
    add: str = ""
    key: str = ""
    fixed: int = 0
    empty: str = ""

    @property
    def model(self) -> type[models.Model]:
        """The rows' model."""
        return self.form._meta.model


@dataclass(frozen=True)
class Section:
    """One of the ten. `find` says what is missing, `write` gives the section's part of the canonical document."""

    number: int
    key: str
    title: str
    short: str
    help: str
    good: str
    find: Callable[[Packet], list[Problem]]
    write: Callable[[Packet], dict[str, Any]]
    sheet: type[forms.ModelForm] | None = None
    sheet_title: str = ""
    rows: tuple[Rows, ...] = ()
    seed: Callable[[Packet], None] | None = None
    advise: Callable[[Packet], list[Problem]] | None = None
    """What is worth a second look. Unlike a problem it stands in nobody's way."""
    figures: Callable[[Packet], dict[str, Any]] | None = None
    """What the page works out beside the form, for its template."""
    beside: Callable[[Packet, dict[str, Any]], dict[str, Any]] | None = None
    """What people said of the section's content. It stands in the document, but is no part of what they said it of."""
    kept: tuple[type[PacketSheet], ...] = ()
    """What belongs to the section and is in no form; a copy of the packet has it too."""
    money: tuple[str, ...] = ()
    """Fields of the sheet that are amounts in its `currency`."""

    def advice(self, packet: Packet) -> list[Problem]:
        """What is worth a second look here, as sentences."""
        found = self._asked(self.advise(packet), packet, self.waived(packet)) if self.advise else []
        return found + (self.outdated(packet) if packet.editable else [])

    def problems(self, packet: Packet) -> list[Problem]:
        """What is missing or suspicious here, as sentences: of what the agent's risk class asks for."""
        waived = self.waived(packet)
        found = self._asked(self.find(packet), packet, waived)
        for key, row in waived.items():
            if any(self._filled(packet, part) for part in row.about.parts):
                text = f"“{row.about.what}” is said not to apply, and yet something stands there. Take one of the two back."
                found.append(Problem(text, f"id_na-{key}"))
        return found

    def waived(self, packet: Packet) -> dict[str, NotApplicable]:
        """What a person has said does not apply here, by its demand, as far as the risk class lets it count."""
        if not may_lack(self.number, packet.agent):
            return {}
        return self.counting(packet.agent, NotApplicable.objects.filter(packet=packet).select_related("said_by"))

    def counting(self, agent: Agent, rows: Iterable[NotApplicable]) -> dict[str, NotApplicable]:
        """Of a packet's `rows` those of this section that count at the agent's risk class, by demand, as the table has them."""
        found = {row.demand: row for row in rows}
        return {one.key: found[one.key] for one in may_lack(self.number, agent) if one.key in found}

    def not_needed(self, packet: Packet) -> list[Demand]:
        """What the agent's risk class does not ask for here, each with the reason."""
        return not_asked(self.number, packet.agent)

    def _asked(self, found: list[Problem], packet: Packet, waived: Mapping[str, NotApplicable]) -> list[Problem]:
        def stands(part: str) -> bool:
            demand = of_part(self.number, part)
            return demand.asked(packet.agent) and demand.key not in waived

        return [problem for problem in found if all(stands(part) for part in problem.parts)]

    def _filled(self, packet: Packet, part: str) -> bool:
        kind, _, name = part.partition(".")
        if kind == "sheet" and self.sheet is not None:
            row = self.sheet._meta.model.objects.filter(packet=packet).first()
            return row is not None and getattr(row, name) not in (None, "")
        model = next(rows.model for rows in self.rows if rows.prefix == kind)
        return bool(model.objects.filter(packet=packet).exists())  # type: ignore[attr-defined]

    def document(self, packet: Packet) -> dict[str, Any]:
        """This section of the canonical document: NFC text, integers, booleans, lists, dicts.

        Files stand in it by name and digest, where there are any; so a file that changes changes the section's digest.
        So do what is not needed at the agent's risk class and what a person says does not apply, with the reasons.
        """
        content = self.content(packet)
        return nfc({**content, **self.beside(packet, content)}) if self.beside else content

    def content(self, packet: Packet) -> dict[str, Any]:
        """The section's part of the document without what people said of it."""
        uses = list(packet.answer_uses.filter(section=self.number).select_related("version__answer"))
        files = packet.attachments.filter(section=self.number)
        places = self.places(packet) if uses else []
        return self.assembled(packet.agent, self.write(packet), files, self.waived(packet), uses, places)

    def assembled(
        self,
        agent: Agent,
        written: dict[str, Any],
        attachments: Iterable[Any],
        waived: Mapping[str, NotApplicable],
        uses: Iterable[AnswerUse],
        places: list[Place],
    ) -> dict[str, Any]:
        """`content`, of rows that were read already: what the section wrote, its files, what does not apply, is not needed,
        and which team answers stand in which of its places."""
        needless = not_asked(self.number, agent)
        blanks = {part.rpartition(".")[2]: NOT_NEEDED for one in needless for part in one.parts}
        blanks |= {part.rpartition(".")[2]: NOT_APPLICABLE for row in waived.values() for part in row.about.parts}
        lists: dict[str, list[Any]] = {
            "attachments": [
                {
                    "name": row.name,
                    "kind": row.kind,
                    "sha256": row.file_id,
                    "covers_from": stated(row.covers_from),
                    "covers_to": stated(row.covers_to),
                    "received": stated(row.added_at),
                }
                for row in attachments
            ],
            "team_answers": [
                {
                    "answer": use.version.answer.slug,
                    "name": use.name,
                    "version": use.version.number,
                    "sha256": use.version.sha256,
                    "fields": [one.key.removeprefix("sheet.") for one in saying(places, use.version.text)],
                }
                for use in uses
            ],
            "not_needed": [
                {"what": one.what, "because": one.because, "asked_from": one.asked_from} for one in needless
            ],
            "not_applicable": [
                {
                    "what": row.about.what,
                    "because": row.reason,
                    "said_by": {"id": str(row.said_by_id), "name": row.said_by.name},
                    "said_at": stated(row.said_at),
                }
                for row in waived.values()
            ],
        }
        said = _blanked(written, blanks) if blanks else written
        return nfc({**said, **{name: rows for name, rows in lists.items() if rows}})

    def places(self, packet: Packet) -> list[Place]:
        """The text fields of the section's sheet and saved rows, in the order of its page."""
        found = []
        if self.sheet is not None:
            row = self.sheet._meta.model.objects.filter(packet=packet).first() or self.sheet._meta.model()
            found += texts(self.sheet, row, "sheet", "")
        for rows in self.rows:
            noun = rows.add.partition(" ")[2].partition(" ")[2].capitalize() or rows.title
            for i, row in enumerate(rows.model.objects.filter(packet=packet).order_by("pk")):  # type: ignore[attr-defined]
                found += texts(rows.form, row, f"{rows.prefix}[{i}]", f"{noun} {i + 1}: ")
        return found

    def outdated(self, packet: Packet) -> list[Problem]:
        """The team answers used here that the team has withdrawn, or written anew, since, as sentences."""
        uses = packet.answer_uses.filter(section=self.number).select_related("version__answer")
        newer = Q(version__answer__versions__number__gt=F("version__number"))
        withdrawn = Q(version__answer__withdrawn_at__isnull=False)
        return [Problem(_since(use), "team-answers") for use in uses.filter(newer | withdrawn).distinct()]

    def forms(self, packet: Packet, data: Mapping[str, Any] | None = None, extra: str = "") -> SectionForms:
        """The section's forms, bound where `data` is given; `extra` names the rows that get one more empty row."""
        return SectionForms(self, packet, data, extra)

    @property
    def models(self) -> list[type[models.Model]]:
        """Every model of the section."""
        sheets = [self.sheet._meta.model] if self.sheet else []
        return sheets + [rows.model for rows in self.rows]

    def copy(self, source: Packet, target: Packet) -> None:
        """Copy the section's rows from one packet to another, in order."""
        for model in (*self.models, *self.kept):
            copies = []
            for row in model.objects.filter(packet=source).order_by("pk"):  # type: ignore[attr-defined]
                row.pk, row.packet = None, target
                row._state.adding = True
                copies.append(row)
            model.objects.bulk_create(copies)  # type: ignore[attr-defined]
        uses = source.answer_uses.filter(section=self.number)
        AnswerUse.objects.bulk_create(
            AnswerUse(packet=target, section=self.number, version_id=use.version_id, name=use.name) for use in uses
        )
        keys = [one.key for one in DEMANDS[self.number]]
        said = NotApplicable.objects.filter(packet=source, demand__in=keys)
        NotApplicable.objects.bulk_create(
            NotApplicable(
                packet=target, demand=row.demand, reason=row.reason, said_by_id=row.said_by_id, said_at=row.said_at
            )
            for row in said
        )


def _since(use: AnswerUse) -> str:
    kept = use.version.answer
    if kept.withdrawn_at:
        return (
            f"{kept.name}: the team has withdrawn this answer. Write what holds for this packet, or use another answer."
        )
    return f"{kept.name}: a newer version of the team's answer exists. Use it."


def saying(places: Iterable[Place], text: str) -> list[Place]:
    """Those of `places` that say `text`, a team answer's."""
    return [place for place in places if settled(place.text) == text]


def texts(form: type[forms.ModelForm], row: models.Model, part: str, before: str) -> list[Place]:
    """The text fields of `form` as `row` fills them. `part` begins each place's key, `before` its name for people."""
    found = []
    for name in form._meta.fields or ():
        column = row._meta.get_field(str(name))
        if isinstance(column, models.CharField | models.TextField) and not column.choices:
            label = f"{before}{column.verbose_name}"
            one_line = not isinstance(column, models.TextField)
            found.append(Place(f"{part}.{name}", label, getattr(row, str(name)), one_line))
    return found


def _blanked(value: Any, blanks: Mapping[str, Any]) -> Any:
    # Where a field that nobody has to fill is empty, the document says why rather than that it is not stated.
    match value:
        case dict():
            return {
                key: blanks[key] if key in blanks and one == {"unknown": "not stated"} else _blanked(one, blanks)
                for key, one in value.items()
            }
        case list():
            return [_blanked(one, blanks) for one in value]
    return value


def stated(value: object, why: str = "not stated") -> Any:
    """`value` as canonical JSON holds it; where it is empty, the unknown that says why."""
    match value:
        case None | "":
            return {"unknown": why}
        case bool() | int():
            return value
        case Decimal():
            return f"{value.normalize():f}"
        case dt.datetime():
            return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        case dt.date():
            return value.isoformat()
        case str():
            return value
    raise TypeError(f"a document does not hold a {type(value).__name__}")


def as_document(row: models.Model, *names: str) -> dict[str, Any]:
    """The named fields of `row`, each stated."""
    return {name: stated(getattr(row, name)) for name in names}


def missing(packet: Packet, model: type[models.Model], wanted: Mapping[str, str], prefix: str = "") -> list[Problem]:
    """One problem for each field of the packet's rows of `model` that is empty; `wanted` maps field to sentence.

    `{n}` in a sentence is the row's number, from 1.
    """
    found = []
    for i, row in enumerate(model.objects.filter(packet=packet).order_by("pk")):  # type: ignore[attr-defined]
        for name, text in wanted.items():
            if getattr(row, name) in (None, ""):
                anchor = f"id_{prefix}-{i}-{name}" if prefix else f"id_sheet-{name}"
                part = f"{prefix or 'sheet'}.{name}"
                found.append(Problem(text.format(n=i + 1), anchor, parts=(part,)))
    return found


def long_text(label: str, help_text: str = "", max_length: int = 4000) -> models.TextField:
    """A text that may be empty in a draft; `problems` asks for it."""
    return models.TextField(label, help_text=help_text, blank=True, max_length=max_length)


def line(label: str, help_text: str = "", max_length: int = 200) -> models.CharField:
    """A line that may be empty in a draft."""
    return models.CharField(label, help_text=help_text, blank=True, max_length=max_length)


def whole(label: str, help_text: str = "") -> models.PositiveIntegerField:
    """A whole number that may be unknown in a draft. Never defaults to zero: zero is a claim."""
    return models.PositiveIntegerField(label, help_text=help_text, null=True, blank=True)


def amount(label: str, help_text: str = "", digits: int = 6) -> models.DecimalField:
    """A sum of money or a quantity that may be unknown in a draft."""
    return models.DecimalField(label, help_text=help_text, max_digits=16, decimal_places=digits, null=True, blank=True)
