"""What the ten sections share: rows, forms, the document, and what is missing."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.db import models
from django.db.models import F, Q
from django.forms.models import BaseInlineFormSet, inlineformset_factory

from ledger.canonical import nfc
from registry.demands import DEMANDS, Demand, may_lack, not_asked, of_part
from registry.models.answers import AnswerUse, settled
from registry.models.demands import LEAST_REASON, MOST_REASON, NotApplicable
from work import clock

if TYPE_CHECKING:
    from accounts.models import Person
    from registry.models import Agent, Packet

SHORT_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,80}")
"""What an entry of the catalogue may be called for short; nothing else needs to be looked for."""
UUID_LIKE = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")


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


class KnownChoice(forms.ModelChoiceField):
    """A choice of a row. What it may be is read for all rows of the form set at once, not for each by itself."""

    known: Mapping[str, models.Model] | None = None

    def key(self, value: Any) -> str:
        """The key that `value` names, as `known` writes it; empty for what is no key."""
        rows: models.QuerySet[models.Model] = self.queryset  # type: ignore[assignment]
        try:
            return str(rows.model._meta.pk.to_python(getattr(value, "pk", value)))
        except forms.ValidationError:
            return ""

    def to_python(self, value: Any) -> Any:
        """The row chosen, or None. Raises ValidationError for one that is not among the choices."""
        if self.known is None or value in self.empty_values:
            return super().to_python(value)
        # What was not read is no usual post; what becomes of it is Django's to say.
        return self.known.get(self.key(value)) or super().to_python(value)


class SectionRows(BaseInlineFormSet):
    """The rows of one kind: however many there are, they are read and looked up with as many queries."""

    def add_fields(self, form: forms.ModelForm, index: int | None) -> None:
        """The row's own id, and choices that share what was read."""
        super().add_fields(form, index)
        own = form.fields["id"]
        if isinstance(own, forms.ModelChoiceField):
            form.fields["id"] = known = KnownChoice(
                own.queryset, initial=own.initial, required=False, widget=forms.HiddenInput
            )
            known.known = self._saved
        for name, field in form.fields.items():
            if isinstance(field, CatalogueChoice):
                field.known = self._chosen(name, field)

    @cached_property
    def _saved(self) -> dict[str, models.Model]:
        return {str(row.pk): row for row in self.get_queryset()}

    @cached_property
    def _entries(self) -> dict[str, dict[str, models.Model]]:
        return {}

    def _chosen(self, name: str, field: CatalogueChoice) -> dict[str, models.Model]:
        """The entries that any row names as `name`, saved or posted."""
        if name not in self._entries:
            posted = [self.data.get(f"{self.prefix}-{i}-{name}") for i in range(self.total_form_count())]
            saved = [getattr(row, f"{name}_id") for row in self.get_queryset()]
            keys = {field.key(value) for value in (*posted, *saved) if value} - {""}
            ids = {key for key in keys if UUID_LIKE.fullmatch(key)}
            rows: models.QuerySet[Any] = field.queryset  # type: ignore[assignment]
            named = list(rows.filter(models.Q(pk__in=ids) | models.Q(slug__in=keys - ids)))
            self._entries[name] = {str(row.pk): row for row in named} | {row.slug: row for row in named}
        return self._entries[name]


class FixedRows(SectionRows):
    """Rows that are there from the start: what is posted adds none, however many it claims."""

    def initial_form_count(self) -> int:
        """As many as there are."""
        return len(self.get_queryset())

    def total_form_count(self) -> int:
        """As many as there are."""
        return len(self.get_queryset())


class SectionForms:
    """All forms of one section's page, valid and saved together."""

    def __init__(self, section: Section, packet: Packet, data: Mapping[str, Any] | None, extra: str = "") -> None:
        self.section, self.packet, self.extra = section, packet, extra
        # Browsers post carriage returns too; a script does not. The same words are to give the same digest.
        self.data = None if data is None else {name: with_line_feeds(value) for name, value in data.items()}

    @cached_property
    def sheet(self) -> forms.ModelForm | None:
        """The form of what the packet has one of."""
        if self.section.sheet is None:
            return None
        model = self.section.sheet._meta.model
        instance = model.objects.filter(packet=self.packet).first() or model(packet=self.packet)
        form = self.section.sheet(self.data, instance=instance, prefix="sheet")
        self._mark_needless("sheet", [form])
        return form

    @cached_property
    def not_applicable(self) -> NotApplicableForm:
        """What a person says does not apply."""
        return NotApplicableForm(self.section, self.packet, self.data)

    def _mark_needless(self, kind: str, drawn: Iterable[forms.BaseForm]) -> None:
        # So that the page says beside the field that it may stay empty.
        parts = [part.partition(".") for one in self.section.not_needed(self.packet) for part in one.parts]
        names = [name for prefix, _, name in parts if prefix == kind]
        for form in drawn if names else ():
            for name in names:
                if name in form.fields:
                    form.fields[name].needless = True  # type: ignore[attr-defined]

    @cached_property
    def formsets(self) -> list[tuple[Rows, BaseInlineFormSet]]:
        """A formset for each kind of row."""
        made = []
        for rows in self.section.rows:
            queryset = rows.model.objects.filter(packet=self.packet).order_by("pk")  # type: ignore[attr-defined]
            extra = 0 if rows.fixed else int(rows.prefix == self.extra or not queryset.exists())
            factory = inlineformset_factory(
                type(self.packet),
                rows.model,
                form=rows.form,
                formset=FixedRows if rows.fixed else SectionRows,
                extra=extra,
                can_delete=not rows.fixed,
                max_num=1000,
            )
            formset = factory(self.data, instance=self.packet, prefix=rows.prefix, queryset=queryset)
            self._mark_needless(rows.prefix, formset.forms)
            made.append((rows, formset))
        return made

    def is_valid(self) -> bool:
        """Whether everything typed can be saved. Drafts may be incomplete; only what cannot be read is refused."""
        parts: list[BaseInlineFormSet | forms.BaseForm] = [formset for _, formset in self.formsets]
        parts.append(self.not_applicable)
        if self.sheet is not None:
            parts.append(self.sheet)
        return all([part.is_valid() for part in parts])  # noqa: C419  (all of them, so that every error shows)

    def errors(self) -> list[str]:
        """Every error as a sentence with the field's label."""
        found = []
        every: list[tuple[str, forms.BaseForm]] = [("Does not apply", self.not_applicable)]
        every += [(self.section.title, self.sheet)] if self.sheet is not None else []
        every += [
            (f"{rows.title} {i}", form)
            for rows, formset in self.formsets
            for i, form in enumerate(formset.forms, 1)
            if not getattr(form, "cleaned_data", {}).get("DELETE")  # nothing is asked of a row that goes
        ]
        for where, form in every:
            for name, messages in form.errors.items():
                label = form.fields[name].label if name in form.fields else ""
                found += [f"{where}: {label}: {message}" if label else f"{where}: {message}" for message in messages]
        for rows, formset in self.formsets:
            found += [f"{rows.title}: {message}" for message in formset.non_form_errors()]
        return found

    def has_changed(self) -> bool:
        """Whether anything typed differs from what is saved."""
        changed = any(formset.has_changed() for _, formset in self.formsets) or self.not_applicable.has_changed()
        return changed or (self.sheet is not None and self.sheet.has_changed())

    def save(self, by: Person) -> None:
        """Write the rows. Called by `registry.actions.save_section` alone."""
        if self.sheet is not None:
            self.sheet.save()
        for _, formset in self.formsets:
            formset.save()
        self.not_applicable.save(by)


class NotApplicableForm(forms.Form):
    """One reason for each part of a section that may be said not to apply; an empty one takes the statement back."""

    def __init__(self, section: Section, packet: Packet, data: Mapping[str, Any] | None) -> None:
        self.packet, self.said = packet, section.waived(packet)
        super().__init__(data, prefix="na", initial={key: row.reason for key, row in self.said.items()})
        for one in may_lack(section.number, packet.agent):
            self.fields[one.key] = forms.CharField(
                label=one.what,
                required=False,
                help_text=f"Say in at least {LEAST_REASON} characters why it does not apply; signers read it.",
                min_length=LEAST_REASON,
                max_length=MOST_REASON,
                widget=forms.Textarea(attrs={"rows": 2}),
            )

    def save(self, by: Person) -> None:
        """Keep each reason that changed, as said by `by` now."""
        for key in self.changed_data:
            reason = self.cleaned_data[key]
            NotApplicable.objects.filter(packet=self.packet, demand=key).delete()
            if reason:
                NotApplicable.objects.create(
                    packet=self.packet, demand=key, reason=reason, said_by=by, said_at=clock.now()
                )


def with_line_feeds(value: Any) -> Any:
    """A text with line feeds alone between its lines; anything else as it is."""
    return value.replace("\r\n", "\n").replace("\r", "\n") if isinstance(value, str) else value


def form_data(forms_: SectionForms, content: Mapping[str, Any]) -> dict[str, Any]:
    """What a browser would post to make the section's rows equal to `content`.

    `content` is {"sheet": {field: value}, rows prefix: [{field: value}, …], "not_applicable": {demand: reason}}; rows that
    exist are replaced, fixed rows are matched by their order. Lets a manifest or a script go through the very same forms.
    """
    data: dict[str, Any] = {f"sheet-{name}": value for name, value in content.get("sheet", {}).items()}
    data |= {f"na-{key}": reason for key, reason in content.get("not_applicable", {}).items()}
    for rows, formset in forms_.formsets:
        wanted = list(content.get(rows.prefix, []))
        existing = list(formset.get_queryset())
        keep = existing if rows.fixed else []
        for i, row in enumerate(existing):
            data[f"{rows.prefix}-{i}-id"] = row.pk
            if not rows.fixed:
                data[f"{rows.prefix}-{i}-DELETE"] = "on"
        start = 0 if rows.fixed else len(existing)
        for i, values in enumerate(wanted[: len(keep)] if rows.fixed else wanted, start):
            data |= {f"{rows.prefix}-{i}-{name}": value for name, value in values.items()}
        data[f"{rows.prefix}-TOTAL_FORMS"] = len(existing) if rows.fixed else start + len(wanted)
        data[f"{rows.prefix}-INITIAL_FORMS"] = len(existing)
    return data


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


class CatalogueInput(forms.TextInput):
    """A line for an entry's slug. What it may be stands in one list for all rows of the page: a select in each row would
    repeat a catalogue of a thousand entries as often as there are rows."""

    def __init__(self, model: type[models.Model]) -> None:
        typed = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        super().__init__({"list": f"catalogue-{model._meta.model_name}", **typed})


class CatalogueChoice(KnownChoice):
    """Chooses an entry of the catalogue by its slug or its id. What was retired is not offered; only who has it already
    keeps it."""

    default_error_messages = {
        "invalid_choice": "The catalogue has no entry of that short name. Choose one of the list, or add it to the catalogue."
    }

    def offered(self) -> list[tuple[str, str]]:
        """What may be chosen: slug, and words that tell it from others. One query."""
        rows: Any = self.queryset.filter(retired_at=None)  # type: ignore[union-attr]
        more = "effect" if hasattr(rows.model, "effect") else "classification"
        words = dict(rows.model._meta.get_field(more).choices)
        found = rows.order_by("slug").values_list("slug", "name", more)
        return [(slug, " · ".join(filter(None, [name, str(words.get(said, ""))]))) for slug, name, said in found]

    def words(self, value: Any) -> str:
        """The entry that an id names, for people."""
        entry = (self.known or {}).get(str(value))
        return self.label_from_instance(entry) if entry else str(value or "")

    def prepare_value(self, value: Any) -> Any:
        """The slug, as the line shows it, where the entry is known."""
        entry = value if isinstance(value, models.Model) else (self.known or {}).get(str(value).strip())
        return entry.slug if entry is not None else super().prepare_value(value)  # type: ignore[attr-defined]

    def key(self, value: Any) -> str:
        """The id, or the slug, that `value` names, as `known` writes it."""
        text = str(getattr(value, "pk", value)).strip()  # telephones put a blank after a word
        if UUID_LIKE.fullmatch(text):
            return super().key(text)
        return text if SHORT_NAME.fullmatch(text) else ""

    def to_python(self, value: Any) -> Any:
        """The entry that an id or a slug names. Raises ValidationError where there is none."""
        if value in self.empty_values or not str(value).strip():
            return None
        key, rows = self.key(value), cast("models.QuerySet[models.Model]", self.queryset)
        if self.known is not None:
            found = self.known.get(key)
        else:
            found = rows.filter(**{"pk" if UUID_LIKE.fullmatch(key) else "slug": key}).first()
        if found is None:
            raise forms.ValidationError(self.error_messages["invalid_choice"], code="invalid_choice")
        return found

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether another entry is named."""
        try:
            return super().has_changed(initial, self.prepare_value(self.to_python(data)))
        except forms.ValidationError:
            return True

    def label_from_instance(self, obj: Any) -> str:
        """The entry's name, and whether it was retired."""
        return f"{obj} (retired)" if obj.retired_at else str(obj)


class CatalogueForm(forms.ModelForm):
    """A row that names an entry of the catalogue."""

    def _get_validation_exclusions(self) -> set[str]:
        # The field has just found the entry; the model would ask the database for each row again whether it is there.
        chosen = {name for name, field in self.fields.items() if isinstance(field, CatalogueChoice)}
        return super()._get_validation_exclusions() | chosen  # type: ignore[misc]


def offer_catalogue(form: forms.ModelForm, name: str) -> None:
    """Make the form's field `name` a choice from the catalogue, as `CatalogueChoice` says."""
    old = form.fields[name]
    model = form._meta.model._meta.get_field(name).related_model
    entries = model.objects.order_by(models.F("retired_at").asc(nulls_first=True), *model._meta.ordering)
    form.fields[name] = CatalogueChoice(
        entries, label=old.label, required=old.required, help_text=old.help_text, widget=CatalogueInput(model)
    )


def not_retired(form: forms.ModelForm, name: str) -> Any:
    """The entry chosen in `name`; an error where it was retired and no row of the packet had it before."""
    entry = form.cleaned_data[name]
    if entry is not None and entry.retired_at and name in form.changed_data and not _had(form, name, entry):
        raise forms.ValidationError(f"{entry} was retired on {entry.retired_at:%-d %B %Y}. Choose another.")
    return entry


def _had(form: forms.ModelForm, name: str, entry: models.Model) -> bool:
    # A script, and whatever writes from values, replaces every row, so that the row itself is new.
    saved = form._meta.model.objects.filter(packet=form.instance.packet_id, **{name: entry})
    return bool(form.instance.packet_id and saved.exists())


def gone(entry: Any) -> str:
    """What to do about a grant of an entry that was retired."""
    if entry.merged_into:
        return f"{entry} was retired: it was merged into {entry.merged_into}. Choose that in its place."
    return f"{entry} was retired from the catalogue. Choose another, or take it out."
