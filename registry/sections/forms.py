"""The forms of one section's page: its sheet, its rows, and what is said not to apply; valid and saved together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django import forms
from django.db import models
from django.forms.models import BaseInlineFormSet, inlineformset_factory

from registry.demands import may_lack
from registry.models.demands import LEAST_REASON, MOST_REASON, NotApplicable
from registry.sections.catalogue import UUID_LIKE, CatalogueChoice, KnownChoice
from work import clock

if TYPE_CHECKING:
    from accounts.models import Person
    from registry.models import Packet
    from registry.sections.base import Rows, Section


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
