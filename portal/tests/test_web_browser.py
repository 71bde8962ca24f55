"""What htmx and our few lines of JavaScript add to a section's page, in a real browser under the strict policy."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from portal.tests.world import PASSWORD
from registry import actions
from registry.sections.s01_use import UseCase

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
AA = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture
def packet(committed_world):
    return actions.start_packet(agent=committed_world.agent, version="3.0.0", by=committed_world.author)


@pytest.fixture
def complaints():
    """What the browser's console says, apart from answers that are refusals on purpose."""
    return []


@pytest.fixture
def open_section(page, live_server, packet, complaints):
    """Sign in as a member of the team and open section `number`."""
    page.on(
        "console", lambda m: complaints.append(m.text) if m.type == "error" and "status of 4" not in m.text else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(live_server.url + reverse("account_login"))
    page.get_by_label("E-mail").fill("member@bank.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()

    def go(number):
        page.goto(live_server.url + reverse("packet_section", args=[packet.pk, number]))
        return page

    return go


def test_a_section_saves_as_one_types_and_the_cursor_stays(open_section, packet, complaints):
    page = open_section(1)
    page.locator("#id_use-0-text").fill("Borrowers ask what a product costs.")
    page.locator("#id_non_use-0-text").click()
    page.keyboard.type("Advice")
    expect(page.locator("#seen")).to_have_value("1")
    expect(page.locator("#saved")).to_contain_text("Saved")
    expect(page.locator("#id_non_use-0-text")).to_be_focused()
    page.keyboard.type(" on whether to buy")
    page.locator("#id_non_use-0-refusal").fill("I cannot advise.")
    page.locator("#id_use-0-text").click()
    expect(page.locator("#missing")).to_contain_text("This section is complete.")
    assert UseCase.objects.filter(packet=packet).count() == 1, "the same row again, not a second one"
    page.reload()
    expect(page.locator("#id_non_use-0-text")).to_have_value("Advice on whether to buy")
    assert complaints == []


def test_rows_are_added_and_removed_without_a_new_page(open_section, packet, complaints):
    page = open_section(1)
    page.locator("#id_use-0-text").fill("Borrowers ask.")
    page.get_by_role("button", name="Add a use case").click()
    page.locator("#id_use-1-text").fill("Handlers ask.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("[name=use-1-id]")).to_have_count(1)
    page.locator("[name=use-0-DELETE]").check()
    expect(page.locator("#id_use-1-text")).to_have_count(0)
    expect(page.locator("#id_use-0-text")).to_have_value("Handlers ask.")
    assert complaints == []


def test_typing_goes_on_in_the_row_that_was_added(open_section, complaints):
    page = open_section(1)
    page.locator("#id_use-0-text").fill("Borrowers ask.")
    page.get_by_role("button", name="Add a use case").click()
    expect(page.locator("#id_use-1-text")).to_be_focused()
    assert complaints == []


def test_a_button_that_the_tab_key_reached_is_not_pressed_by_saving(open_section, complaints):
    page = open_section(1)
    page.locator("#id_use-0-text").fill("Borrowers ask.")
    page.keyboard.press("Tab")
    expect(page.locator("#saved")).to_contain_text("Saved")
    expect(page.locator("#id_use-1-text")).to_have_count(0)
    # The form was drawn anew, since its row is saved now; whoever uses the keyboard stays where they were.
    expect(page.locator("#add-use")).to_be_focused()
    page.locator("#id_non_use-0-refusal").fill("I cannot say.")
    with page.expect_response(page.url):
        page.locator("#save-and-go").focus()
    expect(page.locator("#id_non_use-0-refusal")).to_have_value("I cannot say.")
    expect(page.get_by_role("heading", name="1 · Use and non-use cases")).to_be_visible()
    assert complaints == []


def test_what_the_browser_holds_back_is_said_and_shown(open_section, complaints):
    page = open_section(2)
    page.locator("#about-data\\.sources").click()
    reason = page.locator("#id_na-data\\.sources")
    reason.fill("none")
    page.keyboard.press("Tab")
    expect(page.locator("#section-problems")).to_contain_text("It does not apply, because: Please lengthen this text")
    page.locator("#about-data\\.sources").click()
    expect(reason).not_to_be_visible()
    page.locator("#save-and-go").click()
    expect(reason).to_be_visible()
    reason.fill("It reads nothing but the question that a person asks.")
    page.keyboard.press("Tab")
    expect(page.locator("#saved")).to_contain_text("Saved")
    expect(page.locator("#section-problems")).to_be_empty()
    assert complaints == []


def test_two_people_at_one_section_lose_nothing(open_section, committed_world, packet, complaints):
    page = open_section(9)
    actions.write_section(
        packet=packet, number=9, content={"sheet": {"runbook": "https://wiki/theirs"}}, by=committed_world.author
    )
    page.locator("#id_sheet-runbook").fill("https://wiki/mine")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".theirs")).to_contain_text("https://wiki/theirs")
    expect(page.locator("#id_sheet-runbook")).to_have_value("https://wiki/mine")
    page.get_by_role("button", name="Save mine").click()
    expect(page.locator(".theirs")).to_have_count(0)
    page.reload()
    expect(page.locator("#id_sheet-runbook")).to_have_value("https://wiki/mine")
    assert complaints == []


def test_what_cannot_be_saved_is_said_and_stays(open_section, complaints):
    page = open_section(8)
    page.locator("#id_sheet-currency").fill("eur")
    page.locator("#id_sheet-runs_per_day").click()
    expect(page.locator("#section-problems")).to_contain_text("three capital letters")
    page.get_by_role("button", name="Save, next section").click()
    expect(page.locator("#id_sheet-currency_error")).to_be_visible()
    expect(page.locator("#id_sheet-currency")).to_have_value("eur")
    page.locator("#id_sheet-currency").fill("EUR")
    page.get_by_role("button", name="Save, next section").click()
    expect(page.get_by_role("heading", name="9 · Named owner and support path")).to_be_visible()
    assert complaints == []


def test_a_link_to_what_is_missing_opens_the_row_and_goes_to_the_field(open_section):
    page = open_section(7)
    page.locator("#missing").get_by_role("link", name="ASI01 Agent Goal Hijack").click()
    expect(page.locator("#id_threat-10-applies")).to_be_focused()


def test_a_session_that_ended_leaves_the_words_on_the_page(open_section, page):
    open_section(9)
    page.context.clear_cookies(name="sessionid")
    page.locator("#id_sheet-runbook").fill("https://wiki/mine")
    page.locator("#id_sheet-support_path").click()
    expect(page.locator("#messages")).to_contain_text("You are signed out")
    expect(page.locator("#id_sheet-runbook")).to_have_value("https://wiki/mine")


@pytest.mark.parametrize(("width", "colours"), [(1440, "light"), (1440, "dark"), (390, "light")])
def test_pages_pass_axe_and_fit(open_section, page, live_server, packet, complaints, width, colours):
    page.set_viewport_size({"width": width, "height": 900})  # first, so that nothing moves under the click
    open_section(1)
    page.locator(f"[data-theme-switch] [value={colours}]").click()
    expect(page.locator("html")).to_have_attribute("data-theme", colours)
    plain = ["agent_list", "agent_new", "packet_list", "data_list", "tool_new", "people_list", "person_me", "mfa_index"]
    addresses = [reverse(name) for name in plain] + [reverse("packet_detail", args=[packet.pk])]
    addresses += [reverse("packet_section", args=[packet.pk, number]) for number in (1, 2, 4, 6, 7, 8)]
    for address in addresses:
        page.goto(live_server.url + address)
        expect(page.locator("html")).to_have_attribute("data-theme", colours)
        found = Axe().run(page, options=AA)
        assert not found.violations_count, f"{address}: {found.generate_report()[:1500]}"
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{address} is too wide"
    assert complaints == []
