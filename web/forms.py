"""What forms of every room use."""

from typing import Any, cast

from django.forms import BaseForm, ModelChoiceField


def choosing(form: BaseForm, name: str) -> "ModelChoiceField[Any]":
    """The field `name` of `form`, which chooses a row; for setting its queryset to what a person may choose."""
    return cast("ModelChoiceField[Any]", form.fields[name])
