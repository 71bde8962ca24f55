"""Forms of the pages of unregistered agents."""

import datetime as dt
from typing import Any

from django import forms

from accounts.models import Person
from registry.models import Agent
from signals.unregistered.models import Sighting
from signals.unregistered.queries import SHOWS, UNSEEN_DAYS
from web.forms import choosing
from work import clock


class SightingFilter(forms.Form):
    """What the page shows. Every choice is in the address."""

    show = forms.ChoiceField(required=False, choices=list(SHOWS.items()), label="Answered or not")
    kind = forms.ChoiceField(
        required=False, choices=[("", "Seen as anything"), *Sighting.Kind.choices], label="Seen as"
    )
    days = forms.IntegerField(required=False, min_value=1, max_value=365, label="Days without a sign")

    def chosen(self, name: str) -> Any:
        """The value of one filter; "" where the address holds something that is no choice."""
        self.is_valid()
        return self.cleaned_data.get(name) or ""

    @property
    def unseen_days(self) -> int:
        """After how many days without a sign a live agent is listed."""
        return int(self.chosen("days") or UNSEEN_DAYS)


class MapForm(forms.Form):
    """Whose it is."""

    agent = forms.ModelChoiceField(Agent.objects.none(), empty_label="Choose an agent")

    def __init__(self, *args: Any, person: Person, own: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Agent.objects.visible_to(person).in_use()
        choosing(self, "agent").queryset = (rows.editable_by(person) if own else rows).order_by("name", "id")


class IgnoreForm(forms.Form):
    """Why it is left out, and until when."""

    reason = forms.CharField(
        max_length=500, widget=forms.Textarea(attrs={"rows": 2}), help_text="Whoever sees it next reads this."
    )
    until = forms.DateField(
        label="Ignore until",
        help_text="At most a year. The day after, it is back in the list.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["until"].initial = lambda: clock.now().date() + dt.timedelta(days=90)
