"""What the ten sections share: rows, forms, the document, and what is missing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django import forms
from django.db import models
from django.forms.models import BaseInlineFormSet, inlineformset_factory

from ledger.canonical import nfc

if TYPE_CHECKING:
    from registry.models import Packet


@dataclass(frozen=True)
class Problem:
    """What is missing or suspicious, as a sentence; `field` is the id of the input that mends it.

    `url` is the page that mends it, where that is not the section's own.
    """

    text: str
    field: str = ""
    url: str = ""


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
    """One kind of row on a section's page. `fixed` rows are there from the start; none is added or removed."""

    form: type[forms.ModelForm]
    prefix: str
    title: str
    add: str = ""
    fixed: bool = False
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

    def advice(self, packet: Packet) -> list[Problem]:
        """What is worth a second look here, as sentences."""
        return self.advise(packet) if self.advise else []

    def problems(self, packet: Packet) -> list[Problem]:
        """What is missing or suspicious here, as sentences."""
        return self.find(packet)

    def document(self, packet: Packet) -> dict[str, Any]:
        """This section of the canonical document: NFC text, integers, booleans, lists, dicts.

        Files stand in it by name and digest, where there are any; so a file that changes changes the section's digest.
        """
        content = self.content(packet)
        return nfc({**content, **self.beside(packet, content)}) if self.beside else content

    def content(self, packet: Packet) -> dict[str, Any]:
        """The section's part of the document without what people said of it."""
        return self.as_content(self.write(packet), packet.attachments.filter(section=self.number))

    @staticmethod
    def as_content(written: dict[str, Any], attachments: Iterable[Any]) -> dict[str, Any]:
        """What a section wrote, and its files."""
        files = [
            {
                "name": row.name,
                "kind": row.kind,
                "sha256": row.file_id,
                "covers_from": stated(row.covers_from),
                "covers_to": stated(row.covers_to),
                "received": stated(row.added_at),
            }
            for row in attachments
        ]
        return nfc({**written, "attachments": files} if files else written)

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
        for model in self.models:
            copies = []
            for row in model.objects.filter(packet=source).order_by("pk"):  # type: ignore[attr-defined]
                row.pk, row.packet = None, target
                row._state.adding = True
                copies.append(row)
            model.objects.bulk_create(copies)  # type: ignore[attr-defined]


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
            if isinstance(field, CatalogueChoice) and self.is_bound:
                field.known = self._chosen(name, field)

    @cached_property
    def _saved(self) -> dict[str, models.Model]:
        return {str(row.pk): row for row in self.get_queryset()}

    @cached_property
    def _entries(self) -> dict[str, dict[str, models.Model]]:
        return {}

    def _chosen(self, name: str, field: CatalogueChoice) -> dict[str, models.Model]:
        """The entries that any row names as `name`."""
        if name not in self._entries:
            posted = (self.data.get(f"{self.prefix}-{i}-{name}") for i in range(self.total_form_count()))
            keys = {field.key(value) for value in posted if value} - {""}
            rows: models.QuerySet[models.Model] = field.queryset  # type: ignore[assignment]
            self._entries[name] = {str(row.pk): row for row in rows.filter(pk__in=keys)}
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
        self.section, self.packet, self.data, self.extra = section, packet, data, extra

    @cached_property
    def sheet(self) -> forms.ModelForm | None:
        """The form of what the packet has one of."""
        if self.section.sheet is None:
            return None
        model = self.section.sheet._meta.model
        instance = model.objects.filter(packet=self.packet).first() or model(packet=self.packet)
        return self.section.sheet(self.data, instance=instance, prefix="sheet")

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
            made.append((rows, factory(self.data, instance=self.packet, prefix=rows.prefix, queryset=queryset)))
        return made

    def is_valid(self) -> bool:
        """Whether everything typed can be saved. Drafts may be incomplete; only what cannot be read is refused."""
        parts: list[BaseInlineFormSet | forms.ModelForm] = [formset for _, formset in self.formsets]
        if self.sheet is not None:
            parts.append(self.sheet)
        return all([part.is_valid() for part in parts])  # noqa: C419  (all of them, so that every error shows)

    def errors(self) -> list[str]:
        """Every error as a sentence with the field's label."""
        found = []
        every = [(self.section.title, self.sheet)] if self.sheet is not None else []
        every += [(f"{rows.title} {i}", form) for rows, fs in self.formsets for i, form in enumerate(fs.forms, 1)]
        for where, form in every:
            for name, messages in form.errors.items():
                label = form.fields[name].label if name in form.fields else ""
                found += [f"{where}: {label}: {message}" if label else f"{where}: {message}" for message in messages]
        for rows, formset in self.formsets:
            found += [f"{rows.title}: {message}" for message in formset.non_form_errors()]
        return found

    def has_changed(self) -> bool:
        """Whether anything typed differs from what is saved."""
        changed = any(formset.has_changed() for _, formset in self.formsets)
        return changed or (self.sheet is not None and self.sheet.has_changed())

    def save(self) -> None:
        """Write the rows. Called by `registry.actions.save_section` alone."""
        if self.sheet is not None:
            self.sheet.save()
        for _, formset in self.formsets:
            formset.save()


def form_data(forms_: SectionForms, content: Mapping[str, Any]) -> dict[str, Any]:
    """What a browser would post to make the section's rows equal to `content`.

    `content` is {"sheet": {field: value}, rows prefix: [{field: value}, …]}; rows that exist are replaced,
    fixed rows are matched by their order. Lets a manifest or a script go through the very same forms.
    """
    data: dict[str, Any] = {f"sheet-{name}": value for name, value in content.get("sheet", {}).items()}
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
                found.append(Problem(text.format(n=i + 1), anchor))
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


class CatalogueChoice(KnownChoice):
    """Chooses an entry of the catalogue. What was retired comes last and says so; only who has it already keeps it."""

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
    form.fields[name] = CatalogueChoice(entries, label=old.label, required=old.required, help_text=old.help_text)


def not_retired(form: forms.ModelForm, name: str) -> Any:
    """The entry chosen in `name`; an error where it was retired and this row did not have it before."""
    entry = form.cleaned_data[name]
    if entry is not None and entry.retired_at and name in form.changed_data:
        raise forms.ValidationError(f"{entry} was retired on {entry.retired_at:%-d %B %Y}. Choose another.")
    return entry


def gone(entry: Any) -> str:
    """What to do about a grant of an entry that was retired."""
    if entry.merged_into:
        return f"{entry} was retired: it was merged into {entry.merged_into}. Choose that in its place."
    return f"{entry} was retired from the catalogue. Choose another, or take it out."
