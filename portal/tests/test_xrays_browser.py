"""In a real browser: an X-ray's finding is mended, and an agent changes hands."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from portal.tests.world import PASSWORD
from registry import ownership

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
AA = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture
def sign_in(page, live_server):
    """`sign_in("owner")`: the page, as somebody of the bank."""

    def go(key):
        page.context.clear_cookies()
        page.goto(live_server.url + reverse("account_login"))
        page.get_by_label("E-mail").fill(f"{key}@bank.example")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        return page

    return go


def test_a_finding_is_mended_where_it_leads(committed_world, sign_in):
    committed_world.register("Alone", deputy=None)
    page = sign_in("member")
    page.get_by_role("link", name="X-rays").click()
    page.get_by_label("Kind").select_option("no_deputy")
    expect(page).to_have_url(re.compile("kind=no_deputy"))
    page.get_by_role("link", name="Mend: Alone, no deputy").click()
    page.get_by_label("Deputy").select_option(label="Dirk de Boer")
    page.get_by_role("button", name="Save the card").click()
    expect(page.locator("#messages")).to_contain_text("The card of Alone is saved.")
    page.get_by_role("link", name="X-rays").click()
    page.get_by_label("Kind").select_option("no_deputy")
    expect(page.get_by_role("heading", name="Nothing is wrong here")).to_be_visible()


def test_an_agent_changes_hands_by_two_clicks_of_two_people(committed_world, sign_in, live_server):
    page = sign_in("owner")
    page.goto(live_server.url + reverse("agent_detail", args=["lending-assistant"]))
    page.get_by_role("link", name="Hand it over").click()
    page.get_by_label("New owner").select_option(label="Bea Nobody")
    page.get_by_role("button", name="Offer it").click()
    expect(page.get_by_role("heading", name="Offered to Bea Nobody")).to_be_visible()
    page = sign_in("bystander")
    page.get_by_role("link", name="Answer: Lending assistant").click()
    page.get_by_role("button", name="Accept: I answer for it").click()
    expect(page.locator("#messages")).to_contain_text("You answer for Lending assistant from now on.")
    assert committed_world.agent.owner == committed_world.bystander


@pytest.mark.parametrize(("width", "colours"), [(1440, "light"), (1440, "dark"), (390, "light")])
def test_pages_pass_axe_and_fit(committed_world, sign_in, live_server, width, colours):
    bank, slug = committed_world, committed_world.agent.slug
    bank.draft(bank.register("Alone", deputy=None))
    ownership.offer(agent=bank.agent, to=bank.member, by=bank.owner)
    page = sign_in("owner")
    page.set_viewport_size({"width": width, "height": 900})
    page.locator(f"[data-theme-switch] [value={colours}]").click()
    expect(page.locator("html")).to_have_attribute("data-theme", colours)
    for address in (
        reverse("xrays"),
        reverse("agent_edit", args=[slug]),
        reverse("agent_handover", args=[slug]),
        reverse("agent_handover", args=["alone"]),
        reverse("data_detail", args=[bank.source.pk]),
        reverse("tool_detail", args=[bank.tool.pk]),
        reverse("agent_detail", args=["alone"]),
    ):
        page.goto(live_server.url + address)
        found = Axe().run(page, options=AA)
        assert not found.violations_count, f"{address}: {found.generate_report()[:1500]}"
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{address} is too wide"
