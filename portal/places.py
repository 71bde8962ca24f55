"""Where the palette and the search page lead to by name: every page of the rail, and what can be begun."""

from typing import Any

from portal.context import PEOPLE, RAIL
from web.nav import Place


def _of_a_team(person: Any) -> bool:
    return bool(person.team_ids) and not person.is_auditor


def _adds_to_the_catalogue(person: Any) -> bool:
    return not person.is_auditor and (person.is_admin or bool(person.team_ids))


def _is_admin(person: Any) -> bool:
    return bool(person.is_admin)


def _sees_people(person: Any) -> bool:
    return bool(person.sees_all)


PLACES = [
    Place("Register an agent", "agent_new", "new add create", _of_a_team),
    Place("Import an agent from its manifest", "import_manifest", "new add register", _of_a_team),
    Place("Add a data source", "data_new", "new create catalogue", _adds_to_the_catalogue),
    Place("Add a tool", "tool_new", "new create catalogue", _adds_to_the_catalogue),
    Place("Import MCP tools", "import_tools", "new add catalogue", _adds_to_the_catalogue),
    Place("Add a source of evals or costs", "source_new", "new create connect pull inspect focus", _is_admin),
    Place("Report an incident", "incident_new", "new add failure wrong complaint"),
    Place("Set a budget", "budget_new", "new cost money", lambda person: "finance" in person.roles),
    Place("Add a person", "person_new", "new invite create", _is_admin),
    Place("Make a team", "team_new", "new add create", _is_admin),
    Place("My saved views", "agent_view_list", "filters"),
    Place("Data sources", "data_list", "go to catalogue"),
    Place("Tools", "tool_list", "go to catalogue"),
    Place("My account", "person_me", "go to profile password sign-in mfa"),
    Place("My API tokens", "token_list", "go to make key"),
    *(Place(entry.label, entry.url_name, "go to") for _, entries in RAIL for entry in entries),
    *(Place(entry.label, entry.url_name, "go to", _sees_people) for entry in PEOPLE[1]),
]
