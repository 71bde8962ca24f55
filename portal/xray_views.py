"""The page X-rays."""

from typing import Any

from django import forms
from django.core.paginator import Page, Paginator
from django.db.models import Count
from django.http import HttpResponse

from accounts.models import Team
from accounts.requests import Request
from portal.xrays import KINDS, SEVERITIES, Findings, Scope
from web.forms import choosing
from web.views import page
from work import clock

EACH = 50


class XrayFilter(forms.Form):
    """What the page shows. Every choice is in the address."""

    severity = forms.ChoiceField(
        required=False, choices=[("", "Any severity"), *((key, name) for key, (_, name) in SEVERITIES.items())]
    )
    kind = forms.ChoiceField(required=False, choices=[("", "Any kind"), *((one.key, one.title) for one in KINDS)])
    team = forms.ModelChoiceField(Team.objects.none(), required=False, to_field_name="slug", empty_label="All teams")
    mine = forms.ChoiceField(
        required=False, choices=[("", "Everybody’s"), ("1", "What I can mend")], label="Whose to mend"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        user = kwargs.pop("person")
        super().__init__(*args, **kwargs)
        choosing(self, "team").queryset = Team.objects.visible_to(user)

    def chosen(self, name: str) -> Any:
        """The value of one filter; None where the address holds something that is no choice."""
        self.is_valid()
        return self.cleaned_data.get(name) or None


def xrays(request: Request) -> HttpResponse:
    """What is wrong with the registry, by severity, kind and team."""
    scope, form = Scope(request.user, clock.now()), XrayFilter(request.GET, person=request.user)
    severity, kind, mine = form.chosen("severity"), form.chosen("kind"), bool(form.chosen("mine"))
    mine = mine and not request.user.is_auditor
    parts, mending = [], 0
    for one in KINDS:
        rows = one.found(scope, form.chosen("team"), mine)
        counts = rows.order_by().aggregate(all=Count("pk"), mine=Count("pk", filter=one.mine(request.user)))
        parts.append((one, rows, counts["all"]))
        mending += counts["mine"]
    counted = [(one, count) for one, _, count in parts if count and severity in (None, one.severity)]
    shown = [part for part in parts if severity in (None, part[0].severity) and kind in (None, part[0].key)]
    found: Page[Any] = Paginator(Findings(shown, scope), EACH).get_page(request.GET.get("page"))  # type: ignore[arg-type]
    return page(
        request,
        "portal/xrays.html",
        {
            "filter": form,
            "filtered": any(request.GET.get(name) for name in form.fields),
            "rows": found,
            "kinds": counted,
            "mending": None if request.user.is_auditor else mending,
            "stats": [
                (verdict, name, sum(count for one, _, count in parts if one.severity == key))
                for key, (verdict, name) in SEVERITIES.items()
            ],
        },
        part="rows",
    )
