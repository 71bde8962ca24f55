"""Forms of the pages of incidents."""

from typing import Any

from django import forms

from accounts.models import Person
from registry.sections.s04_evals import EvalCase
from signals.incidents.models import LONGEST, LONGEST_TOLD, Incident
from signals.incidents.queries import agents_with_incidents

MODES = [("", "Not said"), *EvalCase.FailureMode.choices]


class IncidentFilter(forms.Form):
    """What the list shows. Every choice is in the address."""

    # No choice field: an agent without an incident filters, too, and then nothing is left.
    agent = forms.CharField(required=False, widget=forms.Select, label="Agent")
    severity = forms.ChoiceField(
        required=False, choices=[("", "Any severity"), *Incident.Severity.choices], label="Severity"
    )
    state = forms.ChoiceField(
        required=False,
        choices=[("", "Open and closed"), ("open", "Open"), ("closed", "Closed")],
        label="Open or closed",
    )

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_valid()
        named = agents_with_incidents(person, self.cleaned_data.get("agent", ""))
        self.fields["agent"].widget.choices = [("", "All agents"), *named]

    @property
    def chosen(self) -> dict[str, Any]:
        """The filters as `queries.incidents` takes them; what is no choice filters nothing."""
        said = self.cleaned_data
        state = said.get("state")
        return {
            "agent": said.get("agent") or "",
            "severity": said.get("severity") or "",
            "open_": None if not state else state == "open",
        }


class ReportForm(forms.Form):
    """What an agent did wrong."""

    what = forms.CharField(
        label="What did it do wrong?",
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What it said or did, and what came of it. No names of customers.",
    )
    happened_at = forms.DateTimeField(
        label="When did it happen?",
        help_text="Universal time (UTC).",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    severity = forms.ChoiceField(
        label="How severe is it?",
        choices=Incident.Severity.choices,
        widget=forms.RadioSelect,
        help_text="Critical: somebody was harmed, or could have been. Serious: it must not happen again. Low: the rest.",
    )
    asked = forms.CharField(
        label="What was it asked?", max_length=LONGEST, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    should = forms.CharField(
        label="What should it have done?", max_length=LONGEST, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    failure_mode = forms.ChoiceField(label="Which kind of failure is it?", required=False, choices=MODES)
    run = forms.CharField(label="Run or trace", max_length=200, required=False, help_text="Its id.")
    version = forms.CharField(label="Version of the agent", max_length=50, required=False)
    told = forms.CharField(
        label="Who was told?",
        max_length=LONGEST_TOLD,
        required=False,
        help_text="Teams, authorities, those it happened to.",
    )


class AmendForm(forms.Form):
    """How severe it is, which failure it is about, and who was told."""

    severity = forms.ChoiceField(choices=Incident.Severity.choices)
    failure_mode = forms.ChoiceField(label="Kind of failure", required=False, choices=MODES)
    told = forms.CharField(
        label="Who was told", max_length=LONGEST_TOLD, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    seen = forms.IntegerField(widget=forms.HiddenInput)


class CloseForm(forms.Form):
    """What was done."""

    outcome = forms.CharField(
        label="What was done",
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What was changed so that it does not happen again, or why nothing had to be.",
    )
