"""The pages of incidents: who is shown what, filters in the address, counts in the rail, lines on the home page."""

import datetime as dt
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from signals.incidents.actions import close_incident, report_incident
from signals.incidents.models import Incident
from work import clock

BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def look(client, world):
    """`look("owner", "incident_list")`: the page's text as that person sees it."""

    def see(who, name, *args, query="", status=200):
        client.force_login(world.person(who), backend=BACKEND)
        response = client.get(reverse(name, args=args) + query)
        assert response.status_code == status
        return response.content.decode()

    return see


@pytest.fixture
def report(world):
    def make(what, hours=1, **values):
        said = {"agent": world.agent, "severity": "serious", "by": world.bystander} | values
        return report_incident(what=what, happened_at=clock.now() - dt.timedelta(hours=hours), **said)

    return make


def test_the_list_is_filtered_by_its_address(world, look, report):
    report("It lied."), report("It leaked.", severity="critical")
    closed, other = report("It slept.", severity="low"), world.register("Another assistant")
    report("It shouted.", agent=other)
    close_incident(incident=closed, outcome="Woken.", by=world.owner)

    def shown(query):
        return set(re.findall(r"It (\w+)\.", look("owner", "incident_list", query=query)))

    assert shown("") == {"lied", "leaked", "slept", "shouted"}
    assert shown("?severity=critical") == {"leaked"} and shown("?state=closed") == {"slept"}
    assert shown(f"?agent={other.slug}&state=open") == {"shouted"} and shown("?severity=awful&state=x") == shown("")
    assert 'another-assistant" selected' in look("owner", "incident_list", query="?agent=another-assistant")
    assert "No incident fits" in look("owner", "incident_list", query="?agent=nobody")
    assert shown("?agent=%00&severity=%00&state=%00&page=%00") == shown("")
    assert "No incident yet" in look("outsider", "incident_list")


def test_of_many_agents_some_are_offered_and_the_one_that_is_chosen(world, look, report, monkeypatch):
    monkeypatch.setattr("signals.incidents.queries.CHOICES", 1)
    for name in ("Aaa", "Bbb", "Ccc"):
        report("It lied.", agent=world.register(name))
    page = look("owner", "incident_list", query="?agent=ccc")
    assert [one in page for one in ('value="aaa"', 'value="bbb"', 'value="ccc" selected')] == [True, False, True]


def test_more_incidents_make_no_more_queries(look, report):
    counts = []
    for _ in range(2):
        [report(f"It lied {i} times.") for i in range(5)]
        look("owner", "incident_list")
        with CaptureQueriesContext(connection) as made:
            look("owner", "incident_list")
        counts.append(len(made))
    assert counts[0] == counts[1]


def test_the_rail_counts_what_is_open_of_ones_own_agents_and_home_names_what_is_severe(world, look, report):
    for severity in Incident.Severity.values:
        report(f"It was {severity}.", severity=severity)
    close_incident(incident=report("It was over.", severity="critical"), outcome="Done.", by=world.owner)

    def count(page):
        rail = re.search(r'href="/incidents/"[^>]*>(.*?)</a>', page, re.DOTALL)[1]
        return re.findall(r">\s*(\d+)\s*<", rail)

    for who in ("owner", "deputy"):
        home = look(who, "home")
        assert count(home) == ["3"] and "It was serious." in home and "It was critical." in home
        assert "It was low." not in home and "It was over." not in home
        assert home.index("It was critical.") < home.index("It was serious.")
    assert count(look("member", "home")) == ["3"] and "It was critical." not in look("member", "home")
    assert count(look("bystander", "home")) == count(look("auditor", "home")) == []


def test_the_agents_page_shows_them_and_everybody_may_report_from_there(world, look, report):
    made = report("It lied to a borrower.")
    for who in ("owner", "auditor", "bystander"):
        page = look(who, "agent_detail", world.agent.slug)
        assert reverse("incident_detail", args=[made.pk]) in page and "1 open" in page
    page = look("outsider", "agent_detail", world.agent.slug)
    assert "It lied to a borrower" not in page and reverse("incident_report", args=[world.agent.slug]) in page


def test_a_report_that_does_not_hold_is_given_back_with_what_to_write(client, world):
    client.force_login(world.bystander, backend=BACKEND)
    url = reverse("incident_report", args=[world.agent.slug])
    sent = {"what": "It lied.", "happened_at": "2099-01-01T10:00", "severity": "low", "run": "a b"}
    answer = client.post(url, sent)
    text = answer.content.decode()
    assert answer.status_code == 422 and "give a time that has passed" in text and "no spaces" in text
    assert "It lied." in text and "2099-01-01T10:00" in text
    assert client.post(url, {"what": "x" * 4001}).status_code == 422 and not Incident.objects.exists()


def test_what_was_taken_out_is_said(client, world):
    client.force_login(world.bystander, backend=BACKEND)
    sent = {
        "what": "It wrote to a@mail.example and b@mail.example.",
        "happened_at": "2026-01-01T10:00",
        "severity": "low",
    }
    text = client.post(reverse("incident_report", args=[world.agent.slug]), sent, follow=True).content.decode()
    assert "Taken out of the texts: 2 × e-mail address." in text and "a@mail.example" not in text
    assert "Tell one of them" in text, "who reported it reads it, and is told who closes it"


def test_markup_in_a_report_is_text(look, report):
    made = report("<script>alert(1)</script> <b>bold</b>", asked="{{ 7|add:7 }}")
    page = look("owner", "incident_detail", made.pk)
    assert "&lt;script&gt;" in page and "<script>alert" not in page and "{{ 7|add:7 }}" in page


def test_closing_without_words_gives_the_page_back(client, world, report):
    made = report("It lied.")
    client.force_login(world.owner, backend=BACKEND)
    assert client.post(reverse("incident_close", args=[made.pk]), {"outcome": ""}).status_code == 422
    done = client.post(reverse("incident_close", args=[made.pk]), {"outcome": "Mended."}, follow=True).content.decode()
    assert "The incident is closed" in done and "Mended." in done and "Open it again" in done
    again = client.post(reverse("incident_close", args=[made.pk]), {"outcome": "Mended."})
    assert again.status_code == 409 and "closed this incident before" in again.content.decode()


def test_the_agent_is_found_by_its_name(world, look):
    world.register("Zebra finder")
    found = look("bystander", "incident_new", query="?q=zebra")
    assert "Zebra finder" in found and "Lending assistant" not in found
    assert "No agent has that name" in look("bystander", "incident_new", query="?q=%00nothing")
