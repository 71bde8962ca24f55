"""The signing form."""

from typing import Any

from django import forms

from approvals.models import SignOff
from approvals.standing import Standing


class SignForm(forms.Form):
    """What a signer states, with the password again. `digest` is what the page showed."""

    digest = forms.CharField(widget=forms.HiddenInput)
    role = forms.CharField(widget=forms.HiddenInput)
    attested = forms.MultipleChoiceField(label="I confirm", required=False, widget=forms.CheckboxSelectMultiple)
    comment = forms.CharField(
        label="What you checked, or what must change",
        help_text="Asked for when you request changes or veto.",
        required=False,
        max_length=4000,
        widget=forms.Textarea,
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "Signing asks for your password again."},
    )
    code = forms.CharField(
        label="One-time code", required=False, widget=forms.TextInput(attrs={"autocomplete": "one-time-code"})
    )
    decision = forms.ChoiceField(
        choices=SignOff.Decision.choices,
        error_messages={"required": "Choose to sign off, to request changes, or to veto."},
    )

    def __init__(self, *args: Any, standing: Standing, needs_code: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["attested"].choices = [(item["id"], item["text"]) for item in standing.items]  # type: ignore[attr-defined]
        sections = ", ".join(standing.sections)
        self.fields["password"].help_text = f"Signing binds sections {sections} and the packet's core as they stand."
        if not needs_code:
            del self.fields["code"]
