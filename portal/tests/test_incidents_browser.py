"""In a real browser: a bystander reports, the owner closes, and the team makes a case of it."""

import datetime as dt

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from portal.tests.test_xrays_browser import AA, sign_in  # noqa: F401  (sign_in is a fixture)
from registry.actions import start_packet
from signals.incidents.actions import close_incident, report_incident
from signals.incidents.models import Incident
from work import clock

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def reported(world, **values):
    at = clock.now() - dt.timedelta(hours=2)
    said = {
        "severity": "critical",
        "what": "It promised a rate of 1.9% that the bank does not have.\nTwice.",
        "by": world.member,
    }
    return report_incident(agent=world.agent, happened_at=at, **said | values)


def test_reported_by_anybody_closed_by_the_owner_and_a_case_of_the_next_packet(committed_world, sign_in, live_server):  # noqa: F811
    world = committed_world
    page = sign_in("bystander")
    page.get_by_role("link", name="Incidents", exact=True).click()
    page.locator("main").get_by_role("link", name="Report an incident").first.click()
    page.get_by_label("Name of the agent").fill("lending")
    page.get_by_role("link", name="Lending assistant").click()
    page.get_by_label("What did it do wrong?").fill("It gave joe@mail.example the rate of somebody else.")
    page.get_by_label("When did it happen?").fill("2026-01-02T10:30")
    page.get_by_label("Critical").check()
    page.get_by_label("What was it asked?").fill("What is my rate?")
    page.get_by_role("button", name="Report it").click()
    expect(page.locator("#messages")).to_contain_text("Taken out of the texts: 1 × e-mail address.")
    expect(page.locator("main")).to_contain_text("It gave [e-mail address] the rate of somebody else.")

    page = sign_in("owner")
    page.get_by_role("link", name="Look: Lending assistant").click()
    page.get_by_label("Who was told").fill("The data protection officer")
    page.get_by_role("button", name="Amend it").click()
    expect(page.locator("main")).to_contain_text("The data protection officer")
    page.get_by_label("What was done").fill("Answers now take the borrower from the session.")
    page.get_by_role("button", name="Close it").click()
    expect(page.locator("#messages")).to_contain_text("The incident is closed")

    packet = start_packet(agent=world.agent, version="1.0.0", by=world.author)
    page = sign_in("author")
    page.goto(live_server.url + reverse("packet_section", args=[packet.pk, 4]))
    page.get_by_role("button", name="Add cases from 1 incident").click()
    expect(page.locator("#messages")).to_contain_text("1 case added")
    expect(page.get_by_label("Case id").first).to_have_value(Incident.objects.get().case_id)
    expect(page.get_by_label("Input").first).to_have_value("What is my rate?")


@pytest.mark.parametrize(("width", "colours"), [(1440, "light"), (1440, "dark"), (390, "light")])
def test_pages_pass_axe_and_fit(committed_world, sign_in, live_server, width, colours):  # noqa: F811
    world = committed_world
    one = reported(world, asked="W" * 300, run="run:" + "8" * 150, told="The branch", failure_mode="stale_document")
    over = close_incident(incident=reported(world, severity="low"), outcome="The index is rebuilt.", by=world.owner)
    page = sign_in("owner")
    page.set_viewport_size({"width": width, "height": 900})
    page.locator(f"[data-theme-switch] [value={colours}]").click()
    expect(page.locator("html")).to_have_attribute("data-theme", colours)
    for address in (
        reverse("home"),
        reverse("incident_list"),
        reverse("incident_new"),
        reverse("incident_report", args=[world.agent.slug]),
        reverse("incident_detail", args=[one.pk]),
        reverse("incident_detail", args=[over.pk]),
        reverse("agent_detail", args=[world.agent.slug]),
    ):
        page.goto(live_server.url + address)
        found = Axe().run(page, options=AA)
        assert not found.violations_count, f"{address}: {found.generate_report()[:1500]}"
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{address} is too wide"
