"""The small forms beside a section's own, each sent by itself: a file, eval cases, a prompt's text, a team answer."""

from typing import Any

from django import forms

from registry.answers import Offered
from registry.uploads import TraceForm


class AsideForm(forms.Form):
    """A form beside others on one page; `stem` keeps their ids apart."""

    stem = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "auto_id": f"id_{self.stem}_%s"})


class AttachForm(AsideForm):
    """One file, and of which days it is evidence."""

    stem = "attach"
    file = forms.FileField(
        label="File",
        max_length=400,
        help_text="At most 10 MB: PDF, picture, text, CSV, JSON, YAML.",
        widget=forms.FileInput(attrs={"accept": ".pdf,.png,.jpg,.jpeg,.txt,.md,.csv,.json,.jsonl,.yaml,.yml"}),
    )
    covers_from = forms.DateField(label="Covers from", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    covers_to = forms.DateField(label="to", required=False, widget=forms.DateInput(attrs={"type": "date"}))


class CasesForm(AsideForm):
    """Eval cases in a file."""

    stem = "cases"
    cases = forms.FileField(
        label="CSV or JSONL file",
        help_text="Columns: case_id, failure_mode, origin, input, expected, critical, note.",
        error_messages={"required": "Choose a CSV or JSONL file with the cases."},
        widget=forms.FileInput(attrs={"accept": ".csv,.jsonl"}),
    )


class PromptForm(AsideForm):
    """A prompt's text in a file."""

    stem = "prompt"
    prompt = forms.FileField(
        label="Text file, UTF-8",
        error_messages={"required": "Choose a text file with the prompt."},
        widget=forms.FileInput(),
    )
    name = forms.CharField(label="Which prompt", max_length=200)
    version = forms.CharField(label="Version", max_length=50)


class UseForm(AsideForm):
    """A team answer, and the field that it goes into. Offers what is there; what may be used the act decides."""

    stem = "answer"
    version = forms.CharField(label="Answer", widget=forms.Select)
    place = forms.CharField(label="Goes into", widget=forms.Select)

    def __init__(self, offered: Offered, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["version"].widget.choices = [
            (one.pk, f"{one.answer.name}, version {one.number}") for one in offered.newest
        ]
        self.fields["place"].widget.choices = [
            (place.key, f"{place.label} (filled)" if place.text else place.label) for place in offered.places
        ]


def asides(key: str, offered: Offered) -> dict[str, forms.Form]:
    """The forms beside the section `key`, empty, by the names that its page knows them by."""
    found: dict[str, forms.Form] = {"attach_form": AttachForm(), "use_form": UseForm(offered)}
    if key == "trail":
        found["trace_form"] = TraceForm()
    elif key == "evals":
        found["cases_form"] = CasesForm()
    elif key == "versions":
        found["prompt_form"] = PromptForm()
    return found
