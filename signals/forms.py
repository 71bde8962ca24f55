"""Forms of this room. What holds is decided by the actions; forms say what to write."""

import datetime as dt
from typing import Any

from django import forms

from accounts.models import Team
from registry.models import Agent
from signals.models import CostRule, Source
from work import clock


class SourceForm(forms.Form):
    """A folder to watch."""

    name = forms.CharField(max_length=150, help_text="What people call it, such as Nightly evals")
    kind = forms.ChoiceField(label="What the files are", choices=Source.Kind.choices)
    folder = forms.CharField(
        max_length=300, help_text="Below the server's folder for signals, such as inspect/nightly. No links, no “..”"
    )
    interval_minutes = forms.IntegerField(
        label="Pull every (minutes)", min_value=1, max_value=10_080, initial=15, help_text="1 to 10080, which is a week"
    )


class BudgetForm(forms.Form):
    """What an agent or a team may cost a month."""

    agent = forms.ModelChoiceField(Agent.objects.none(), required=False, empty_label="No agent: it is a team's")
    team = forms.ModelChoiceField(Team.objects.none(), required=False, empty_label="No team: it is an agent's")
    amount = forms.DecimalField(max_digits=14, decimal_places=2, help_text="A month, such as 1500.00")
    currency = forms.RegexField(
        r"^[A-Z]{3}$",
        initial="EUR",
        help_text="Three capitals",
        error_messages={"invalid": "Write it like EUR or USD."},
    )
    starts = forms.DateField(
        label="From the month of",
        help_text="Any day of the month; it counts from its first day until a later budget",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["agent"].queryset = Agent.objects.order_by("name")  # type: ignore[attr-defined]
        self.fields["team"].queryset = Team.objects.order_by("name")  # type: ignore[attr-defined]
        self.fields["starts"].initial = _this_month


class CostRuleForm(forms.Form):
    """Which cost lines are an agent's."""

    field = forms.ChoiceField(label="Look at", choices=CostRule.Field.choices)
    key = forms.CharField(label="Tag key", max_length=200, required=False, help_text="For a tag only, such as agent")
    value = forms.CharField(max_length=500, help_text="Must be equal, capitals included")
    agent = forms.ModelChoiceField(Agent.objects.none(), empty_label="Choose an agent")
    position = forms.IntegerField(
        label="Place", min_value=1, required=False, help_text="The first rule that matches wins. Empty: at the end"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["agent"].queryset = Agent.objects.order_by("name")  # type: ignore[attr-defined]


def _this_month() -> dt.date:
    return clock.now().date().replace(day=1)
