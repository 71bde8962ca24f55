"""What every page's frame shows: the rail with its counts, who is signed in, the colours chosen."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject, cached_property

from accounts.models import Team
from web import nav


@dataclass(frozen=True)
class Entry:
    """One line of the rail. `prefixes` are the URL names that belong to it."""

    id: str
    label: str
    url_name: str
    prefixes: tuple[str, ...]

    def holds(self, url_name: str) -> bool:
        """Whether the page `url_name` lies behind this entry."""
        return url_name.startswith(self.prefixes)


RAIL: list[tuple[str, list[Entry]]] = [
    ("", [Entry("home", "Home", "home", ("home",))]),
    (
        "Registry",
        [
            Entry("agents", "Agents", "agent_list", ("agent_", "answer_", "data_", "tool_", "proposal_")),
            Entry("xrays", "X-rays", "xrays", ("xrays",)),
            Entry("packets", "Packets", "packet_list", ("packet_",)),
            Entry("reviews", "Reviews", "review_list", ("review_", "signoff", "decision_")),
        ],
    ),
    (
        "Operate",
        [
            Entry("releases", "Releases", "release_list", ("release_", "promote", "suspend")),
            Entry("incidents", "Incidents", "incident_list", ("incident_",)),
            Entry("signals", "Signals", "source_list", ("source_", "pull_", "eval_run_")),
            Entry("unregistered", "Unregistered", "unregistered", ("unregistered", "sighting_")),
            Entry("costs", "Costs", "cost_list", ("cost_", "budget_")),
        ],
    ),
    (
        "Assure",
        [
            Entry("policies", "Policies", "policy_list", ("policy_", "checklist_")),
            Entry("evidence", "Evidence", "evidence_list", ("evidence_",)),
            Entry("ledger", "Ledger", "ledger_list", ("ledger_",)),
        ],
    ),
]
PEOPLE = ("Manage", [Entry("people", "People", "people_list", ("people_", "person_", "team_"))])


class Shell:
    """The frame of one request's page. Each value is worked out when a template first asks for it."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.user: Any = request.user

    @cached_property
    def theme(self) -> str:
        """The colours chosen: light, dark, or "" for the system's."""
        chosen = self.request.COOKIES.get("theme", "")
        return chosen if chosen in ("light", "dark") else ""

    @cached_property
    def url_name(self) -> str:
        """The name of the page's URL."""
        match = self.request.resolver_match
        return (match.url_name if match else "") or ""

    @cached_property
    def groups(self) -> list[tuple[str, list[Entry]]]:
        """The rail's groups that this person has a use for."""
        return [*RAIL, PEOPLE] if self.user.is_admin or self.user.is_auditor else RAIL

    @cached_property
    def role_line(self) -> str:
        """What the person is here: the roles, else the teams."""
        if names := self.user.role_names:
            return ", ".join(names)
        teams = list(
            Team.objects.visible_to(self.user).filter(pk__in=self.user.team_ids).values_list("name", flat=True)
        )
        return ", ".join(teams) or "No role yet"

    def count(self, entry: str) -> int:
        """What waits for this person behind `entry`. A page that has counted it says so in `request.counted`."""
        counted: dict[str, int] = getattr(self.request, "counted", {})
        if entry in counted:
            return counted[entry]
        counter = nav.counts.get(entry)
        return counter(self.user) if counter else 0

    demo = property(lambda self: settings.DEMO)
    account_url = property(lambda self: reverse("person_me"))
    sign_out_url = property(lambda self: reverse("account_logout"))


def shell(request: HttpRequest) -> dict[str, Any]:
    """The context processor: `shell` in every template."""
    return {"shell": SimpleLazyObject(lambda: Shell(request))}
