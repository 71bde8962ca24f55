"""Choosing an entry of the catalogue in a row of a section: by its short name, from one list for all rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from django import forms
from django.db import models

SHORT_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,80}")
"""What an entry of the catalogue may be called for short; nothing else needs to be looked for."""


UUID_LIKE = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")


LONGEST = 150
"""Characters of an entry's name."""


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
        """The entry that an id, a slug, or the full name of just one entry names. Raises ValidationError where there is none."""
        if value in self.empty_values or not str(value).strip():
            return None
        key, rows = self.key(value), cast("models.QuerySet[models.Model]", self.queryset)
        if self.known is not None:
            found = self.known.get(key)
        else:
            found = rows.filter(**{"pk" if UUID_LIKE.fullmatch(key) else "slug": key}).first()
        return found or self._by_name(str(value).strip(), rows)

    def _by_name(self, name: str, rows: models.QuerySet[models.Model]) -> models.Model:
        # Some browsers show the words of the list and not the short names, so people type those.
        named = list(rows.filter(name=name, retired_at=None)[:2]) if name.isprintable() and len(name) <= LONGEST else []
        if len(named) != 1:
            raise forms.ValidationError(self.error_messages["invalid_choice"], code="invalid_choice")
        return named[0]

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
