"""Finding by palette and by page, and a saved view, in a real browser under the strict policy."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from portal.tests.world import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
AA = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture
def complaints():
    """What the browser's console says."""
    return []


@pytest.fixture
def visitor(page, live_server, committed_world, complaints):
    """A member of the team Lending, signed in, on the home page; one agent of minimal risk more."""
    committed_world.register("Zebra counter", risk_class="minimal")
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(live_server.url + reverse("account_login"))
    page.get_by_label("E-mail").fill("member@bank.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.wait_for_load_state()  # the palette's script is deferred
    return page


def test_the_palette_finds_an_agent_and_an_act_by_the_keyboard_alone(visitor, complaints):
    visitor.keyboard.press("Control+k")
    expect(visitor.locator("#palette-q")).to_be_focused()
    visitor.keyboard.type("zebr")
    expect(visitor.locator("#palette a.hit").first).to_contain_text("Zebra counter")
    found = Axe().run(visitor, options=AA)
    assert not found.violations_count, found.generate_report()[:1500]
    visitor.keyboard.press("Enter")
    expect(visitor.get_by_role("heading", name="Zebra counter")).to_be_visible()
    visitor.wait_for_load_state()
    visitor.get_by_role("link", name="Search").click()
    visitor.locator("#palette-q").fill("register")
    expect(visitor.locator("#palette a.hit[data-chosen]")).to_contain_text("Register an agent")
    visitor.keyboard.press("Escape")
    expect(visitor.locator("#palette")).not_to_be_visible()
    visitor.keyboard.press("Control+k")
    expect(visitor.locator("#palette a.hit[data-chosen]")).to_contain_text("Register an agent")
    visitor.keyboard.press("Enter")
    expect(visitor.get_by_role("heading", name="Register an agent")).to_be_visible()
    assert complaints == []


def test_a_view_is_saved_and_opened_again(visitor, live_server, complaints):
    visitor.goto(live_server.url + reverse("agent_list"))
    visitor.get_by_label("Risk class").select_option("minimal")
    expect(visitor.locator("#rows")).not_to_contain_text("Lending assistant")
    visitor.get_by_role("link", name="Save this view").click()
    visitor.get_by_label("Name", exact=True).fill("Harmless ones")
    visitor.get_by_role("button", name="Save the view").click()
    visitor.goto(live_server.url + reverse("agent_list"))
    expect(visitor.locator("#rows")).to_contain_text("Lending assistant")
    visitor.get_by_role("link", name="Harmless ones").click()
    expect(visitor.locator("#rows")).to_contain_text("Zebra counter")
    expect(visitor.locator("#rows")).not_to_contain_text("Lending assistant")
    for name in ("search", "agent_view_list", "agent_view_new", "agent_list"):
        visitor.goto(live_server.url + reverse(name) + "?q=zebra")
        found = Axe().run(visitor, options=AA)
        assert not found.violations_count, f"{name}: {found.generate_report()[:1500]}"
    assert complaints == []


@pytest.mark.parametrize("width", [390, 1440])
def test_without_a_script_the_button_leads_to_the_page(browser, visitor, live_server, width):
    context = browser.new_context(
        java_script_enabled=False,
        storage_state=visitor.context.storage_state(),
        viewport={"width": width, "height": 844},
    )
    plain = context.new_page()
    plain.goto(live_server.url + reverse("home"))
    plain.get_by_role("link", name="Search").click()
    plain.get_by_label("Search the portal").fill("zebra")
    plain.get_by_role("button", name="Search").click()
    expect(plain.locator("main a.hit").first).to_contain_text("Zebra counter")
    context.close()
