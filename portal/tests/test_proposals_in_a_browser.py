"""Importing a manifest again, accepting one proposal and dismissing another, as an owner does it in a browser."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from portal.tests.world import PASSWORD
from registry.models import Proposal

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
AA = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
MANIFEST = """portcullis: 1
agent:
  name: Lending assistant
  slug: lending-assistant
  summary: Answers borrowers and brokers.
  team: lending
  owner: owner@bank.example
  autonomy: L3
"""


def accessible(page):
    found = Axe().run(page, options=AA)
    assert not found.violations_count, found.generate_report()[:1500]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize(("width", "colours"), [(1440, "dark"), (390, "light")])
def test_import_again_accept_one_dismiss_another(page, live_server, committed_world, width, colours):
    complaints = []
    page.on(
        "console", lambda m: complaints.append(m.text) if m.type == "error" and "status of 4" not in m.text else None
    )
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(live_server.url + reverse("account_login"))
    page.get_by_label("E-mail").fill("owner@bank.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(live_server.url + reverse("import_manifest"))
    page.locator(f"[data-theme-switch] [value={colours}]").click()
    page.get_by_label("Or paste it").fill(MANIFEST)
    page.get_by_role("button", name="Show what will change").click()
    expect(page.get_by_text("Will be proposed").first).to_be_visible()
    page.get_by_role("button", name="Update Lending assistant").click()
    page.goto(live_server.url + reverse("home"))
    page.get_by_role("link", name="Answer: Lending assistant").click()
    expect(page.get_by_role("heading", name="Proposals")).to_be_visible()
    accessible(page)
    page.get_by_role("button", name="Accept: What it is for").click()
    expect(page.locator("#messages")).to_contain_text("What it is for of Lending assistant")
    page.get_by_role("link", name="All proposals").click()
    accessible(page)
    page.get_by_role("button", name="Dismiss: How far it acts alone").click()
    expect(page.locator("#messages")).to_contain_text("Say in at most 500 characters why the field stays as it is")
    page.get_by_label("Why How far it acts alone of Lending assistant stays").fill("A person still releases each.")
    page.get_by_role("button", name="Dismiss: How far it acts alone").click()
    expect(page.get_by_role("heading", name="Nothing is proposed")).to_be_visible()
    page.get_by_label("Which").select_option("dismissed")
    expect(page.get_by_text("A person still releases each.")).to_be_visible()
    accessible(page)
    assert committed_world.agent.summary == "Answers borrowers and brokers." and committed_world.agent.autonomy == 1
    assert set(Proposal.objects.values_list("field", "state")) == {("summary", "accepted"), ("autonomy", "dismissed")}
    assert complaints == []
