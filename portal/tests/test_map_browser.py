"""In a real browser: the map is read by keyboard, and a risk class is set by questions."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from portal.tests.world import PASSWORD
from registry.risk import QUESTIONS

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
AA = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


def passes_axe(page, width):
    for colours in ("light", "dark"):
        page.locator(f"[data-theme-switch] [value={colours}]").click()
        expect(page.locator("html")).to_have_attribute("data-theme", colours)
        found = Axe().run(page, options=AA)
        assert not found.violations_count, f"{page.url} {colours}: {found.generate_report()[:1500]}"
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{page.url} is too wide"
    page.set_viewport_size({"width": 1280, "height": 900})


def test_the_map_is_read_and_the_class_is_set(committed_world, page, live_server):
    bank = committed_world
    agent = bank.draft(bank.register("Alone", deputy=None)).agent
    page.goto(live_server.url + reverse("account_login"))
    page.get_by_label("E-mail").fill("member@bank.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(live_server.url + reverse("agent_detail", args=[agent.slug]))
    page.get_by_role("link", name="Map", exact=True).click()
    expect(page.get_by_role("heading", name="What Alone is tied to")).to_be_visible()
    passes_axe(page, 390)
    page.get_by_role("link", name=re.compile("^Tools: tariffs.read")).focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/catalogue/tools/"))
    page.get_by_role("link", name=re.compile("What is hit if it goes away")).click()
    expect(page.get_by_role("heading", name="If tariffs.read goes away")).to_be_visible()
    passes_axe(page, 390)
    page.goto(live_server.url + reverse("agent_autonomy", args=[agent.slug]))
    passes_axe(page, 390)
    page.get_by_role("link", name="Risk class", exact=True).click()
    for key in QUESTIONS:
        page.locator(f"input[name={key}][value={'yes' if key == 'talks_to_people' else 'no'}]").check()
    page.get_by_role("button", name="See which class this gives").click()
    expect(page.locator("#judged")).to_contain_text("These answers give: Limited risk.")
    passes_axe(page, 390)
    page.get_by_role("button", name="Confirm and set it").click()
    expect(page.locator("#messages")).to_contain_text("Alone is limited risk by answers 1.")
    assert bank.fresh(agent).risk_class == "limited"
