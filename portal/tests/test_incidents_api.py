"""The API of incidents: a pipeline reports, once; people read, filter and close; what does not hold is said by field."""

import datetime as dt
import io

import pytest
from django.urls import reverse

from evidence import keys, verify
from evidence.actions import export_agent
from portal.tests.test_ownership_and_unregistered_api import ask as ask  # a fixture
from registry.actions import start_packet
from signals.incidents.actions import close_incident, report_incident
from signals.incidents.models import Incident
from work import clock

NEW = {"happened_at": "2026-01-02T10:00:00+02:00", "severity": "critical", "what": "It wrote to ann@mail.example."}


def report(world, ask, who="service", agent=None, key="", **values):
    headers = {"Idempotency-Key": key} if key else {}
    url = reverse("api_agent_incidents", args=[(agent or world.agent).slug])
    return ask(who, "POST", url, NEW | values, **headers)


def test_a_service_account_of_the_team_reports_once_however_often_it_asks(world, ask):
    first, second = report(world, ask, key="run-8812"), report(world, ask, key="run-8812")
    assert first.status_code == second.status_code == 201 and first.json() == second.json()
    assert second["Idempotency-Replayed"] == "true" and Incident.objects.count() == 1
    body = first.json()
    assert (body["what"], body["redacted"]) == ("It wrote to [e-mail address].", {"e-mail address": 1})
    assert body["happened_at"] == "2026-01-02T08:00:00.000Z" or body["happened_at"].startswith("2026-01-02T08:00")
    assert (body["reported_by"], body["open"], body["agent"]) == ("Pipeline", True, world.agent.slug)
    assert ask("member", "GET", first["Location"]).json() == body
    assert ask("outsider", "GET", first["Location"]).status_code == 404


def test_of_another_teams_agent_it_reports_nothing_and_a_person_does(world, ask):
    theirs = world.register("Claims assistant", team=world.other_team, owner=world.outsider, by=world.outsider)
    refused = report(world, ask, agent=theirs)
    assert refused.status_code == 403 and "service account of another team" in refused.json()["detail"]
    assert report(world, ask, "member", theirs).status_code == 201


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"severity": "high"}, "severity"),
        ({"happened_at": "yesterday"}, "happened_at"),
        ({"what": ""}, "what"),
        ({"what": "x" * 4001}, "what"),
        ({"what": "a\x00b"}, "what"),
        ({"failure_mode": "mood"}, "failure_mode"),
        ({"reporter": "me"}, "reporter"),
    ],
)
def test_what_does_not_hold_is_said_by_field(world, ask, values, field):
    refused = report(world, ask, **values)
    assert refused.status_code == 422 and field in refused.json()["errors"]


def test_what_lies_ahead_or_is_no_id_is_said_in_words(world, ask):
    ahead = (clock.now() + dt.timedelta(days=1)).isoformat()
    refused = report(world, ask, happened_at=ahead, run="a b")
    assert refused.status_code == 422 and len(refused.json()["problems"]) == 2
    assert not Incident.objects.exists()


def test_the_list_is_read_page_by_page_and_filtered(world, ask):
    other = world.register("Another assistant")
    made = [report(world, ask, severity="low").json()["id"] for _ in range(2)]
    made += [report(world, ask, agent=other).json()["id"]]
    close_incident(incident=Incident.objects.get(pk=made[0]), outcome="Done.", by=world.owner)
    url, found, pages = reverse("api_incidents") + "?limit=2", [], 0
    while url:
        page = ask("member", "GET", url).json()
        found, url, pages = found + [one["id"] for one in page["incidents"]], page["next"], pages + 1
    assert found == made and pages == 2

    def ids(query):
        return [one["id"] for one in ask("member", "GET", reverse("api_incidents") + query).json()["incidents"]]

    assert ids("?open=true") == made[1:] and ids("?open=false") == made[:1]
    assert ids(f"?agent={other.slug}") == ids("?severity=critical") == made[2:]
    assert ids("?severity=low&open=true") == [made[1]] and ids("?agent=nobody") == []
    assert ask("outsider", "GET", reverse("api_incidents")).json()["incidents"] == []
    assert ask("member", "GET", reverse("api_incidents") + "?state=open").status_code == 422


def test_more_incidents_make_no_more_queries(world, ask, django_assert_max_num_queries):
    for _ in range(6):
        report(world, ask)
    with django_assert_max_num_queries(20):
        ask("member", "GET", reverse("api_incidents"))


def test_a_person_closes_it_a_service_account_does_not_and_the_second_is_told(world, ask):
    url = reverse("api_incident_close", args=[report(world, ask).json()["id"]])
    assert "never answers an incident" in ask("service", "POST", url, {"outcome": "Done."}).json()["detail"]
    assert ask("owner", "POST", url, {"outcome": " "}).status_code == 422
    done = ask("owner", "POST", url, {"outcome": "The tool is off."}).json()
    assert (done["open"], done["closed_by"], done["outcome"]) == (False, "Ana Ruiz", "The tool is off.")
    assert ask("member", "POST", url, {"outcome": "Mine."}).status_code == 409


def test_a_service_account_fills_section_4_from_what_was_reported(world, ask):
    packet = start_packet(agent=world.agent, version="1.0.0", by=world.author)
    made = report(world, ask, asked="Who are you?").json()
    url = reverse("api_packet_fill_from_incidents", args=[packet.pk])
    [line] = ask("service", "POST", url).json()["lines"]
    assert (line["section"], line["outcome"], line["value"]) == (4, "new", f"incident-{made['id'][:8]}")
    assert ask("service", "POST", url).status_code == 422
    problems = ask("member", "GET", reverse("api_packet_validate", args=[packet.pk])).json()["problems"]
    assert "/sections/4/case/0/expected" in [one["pointer"] for one in problems]


def test_it_stands_in_the_agents_evidence_which_verifies(world, promotable):
    at = clock.now() - dt.timedelta(hours=1)
    made = report_incident(agent=promotable.agent, happened_at=at, severity="low", what="It lied.", by=world.member)
    close_incident(incident=made, outcome="Done.", by=world.owner)
    with export_agent(promotable.agent, by=world.auditor).file as file:
        data = file.read()
    assert verify.verify(io.BytesIO(data), keys.public_pem())
