"""Forms of the pages on people, teams and roles."""

from typing import Any

from django import forms

from accounts.models import Person, Team
from accounts.roles import Role, Scope
from web.forms import choosing


class PersonForm(forms.Form):
    """Makes an account."""

    name = forms.CharField(max_length=150, help_text="As it is printed beside signatures.")
    email = forms.EmailField(label="E-mail", help_text="They sign in with it.")
    password = forms.CharField(
        label="First password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 12 characters. Give it to them in person; they change it on their account page.",
    )
    team = forms.ModelChoiceField(Team.objects.none(), required=False, empty_label="No team yet")

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choosing(self, "team").queryset = Team.objects.visible_to(person)


class TeamForm(forms.Form):
    """Makes a team."""

    name = forms.CharField(max_length=150, label="Team", help_text="As people call it, for example Retail lending.")


class RoleForm(forms.Form):
    """Names a role to grant."""

    role = forms.ChoiceField(choices=Role.choices)


class MembershipForm(forms.Form):
    """Names a team to join."""

    team = forms.ModelChoiceField(Team.objects.none())

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choosing(self, "team").queryset = Team.objects.visible_to(person)


class TokenForm(forms.Form):
    """Makes an API token."""

    name = forms.CharField(max_length=100, label="Used by", help_text="What will use it, for example nightly import.")
    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, f"{scope.label} ({scope.value})") for scope in Scope],
        widget=forms.CheckboxSelectMultiple,
        label="May",
        help_text="A token never does more than its holder may.",
    )
    days = forms.TypedChoiceField(
        coerce=int,
        choices=[(7, "7 days"), (30, "30 days"), (90, "90 days"), (180, "180 days"), (365, "1 year")],
        initial=90,
        label="Lasts",
    )


class ServiceAccountForm(forms.Form):
    """Makes a service account."""

    name = forms.CharField(max_length=150, help_text="As the history will name it, for example Lending build server.")
    purpose = forms.CharField(max_length=300, help_text="What runs with it, and where.")
    team = forms.ModelChoiceField(Team.objects.none(), help_text="It acts for this team and no other.")

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        teams = Team.objects.visible_to(person)
        choosing(self, "team").queryset = teams if person.is_admin else teams.of(person)
