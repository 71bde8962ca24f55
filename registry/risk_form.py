"""The risk questionnaire as a form: first the answers, then the class that they give, confirmed or changed."""

from typing import Any, cast

from django import forms
from django.forms import BoundField
from django.http import QueryDict

from registry.models import RiskAnswers
from registry.risk import GROUPS, QUESTIONS, Answer, Group, Judgement
from registry.vocabulary import RiskClass


class RiskForm(forms.Form):
    """One choice for each question, and, once they were judged, the class to set."""

    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)
    judged = forms.CharField(widget=forms.HiddenInput, required=False)
    risk_class = forms.ChoiceField(
        choices=RiskClass.choices,
        required=False,
        label="Class to set",
        help_text="A higher one than the answers give is free to choose; a lower one needs the reason.",
    )
    reason = forms.CharField(
        max_length=2000,
        required=False,
        label="Why this class, where the answers give a higher one",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Name the article that it rests on. Kept with the answers, for everybody to read.",
    )

    def __init__(self, *args: Any, last: RiskAnswers | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial = {**(last.answers if last else {}), "seen": last.number if last else 0}
        for key, question in QUESTIONS.items():
            self.fields[key] = forms.ChoiceField(
                choices=Answer.choices,
                label=question.text,
                help_text=" ".join(filter(None, [question.help, f"({question.article})"])),
                widget=forms.RadioSelect,
                error_messages={"required": "Answer yes, no or don’t know."},
            )

    @property
    def answers(self) -> dict[str, str]:
        """What was answered, by question."""
        return {key: self.cleaned_data[key] for key in QUESTIONS}

    def confirms(self, judgement: Judgement) -> bool:
        """Whether the person has seen this judgement. If not, the form is given it, to be shown and sent again."""
        if self.cleaned_data.get("judged") == judgement.risk_class and self.data.get("act") == "confirm":
            return True
        shown = cast(QueryDict, self.data).copy()
        shown["judged"] = shown["risk_class"] = str(judgement.risk_class)
        self.data = shown
        return False

    @property
    def act(self) -> dict[str, Any]:
        """What `risk.answer` takes."""
        given = self.cleaned_data
        return {
            "answers": self.answers,
            "risk_class": given["risk_class"],
            "reason": given["reason"],
            "seen": given["seen"] or 0,
        }


def grouped(form: RiskForm) -> list[tuple[Group, list[BoundField]]]:
    """The questions' fields under their headings."""
    return [(group, [form[question.key] for question in group.questions]) for group in GROUPS]


def said(row: RiskAnswers) -> list[tuple[str, str, str]]:
    """A row's answers in words, in the questionnaire's order: question, article, answer.

    A question of an older edition comes last and is called by its key.
    """
    told = []
    for key in [
        *(one for one in QUESTIONS if one in row.answers),
        *(one for one in row.answers if one not in QUESTIONS),
    ]:
        value = row.answers[key]
        question = QUESTIONS.get(key)
        words = Answer(value).label if value in Answer.values else value
        told.append((question.text if question else key, question.article if question else "", str(words)))
    return told
