"""A packet that comes whole from the agent's repository: imported, read, accepted and submitted in browsers."""

import re

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from portal.tests.world import PASSWORD
from registry.models import Agent, Packet
from registry.sections import SECTIONS

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
AA = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
VERSION = "1.0.0"


def manifest(world):
    """A `portcullis.yaml` with all ten sections of the first packet, and what they name of the catalogue."""
    sections = world.sections()
    sections[2]["grant"][0]["source"] = "gift-rules"
    sections[6]["grant"][0]["tool"] = "gifts.list"
    for row in sections[4]["case"]:
        row["critical"] = "critical" in row
    said = {
        "portcullis": 1,
        "agent": {
            "name": "Gift agent",
            "slug": "gift-agent",
            "summary": "Answers what a customer may be given.",
            "team": "lending",
            "owner": "owner@bank.example",
            "deputy": "deputy@bank.example",
            "risk_class": "high",
            "autonomy": 3,
            "support_path": "#gifts",
        },
        "tools": [{"slug": "gifts.list", "system": "Gifts", "effect": "read", "tags": ["customer_data"]}],
        "data_sources": [{"slug": "gift-rules", "classification": "internal", "contract_version": "1.4"}],
        "packet": {"version": VERSION, "sections": {str(number): one for number, one in sections.items()}},
    }
    return yaml.safe_dump(said, sort_keys=False, allow_unicode=True)


@pytest.fixture
def signed_in(browser, live_server, committed_world):
    """`signed_in("owner")`: a page of a browser at which that person of the bank has signed in. Afterwards no page may have
    complained in its console."""
    contexts, complaints = [], []

    def open_(key):
        contexts.append(browser.new_context(base_url=live_server.url))
        page = contexts[-1].new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(reverse("account_login"))
        page.get_by_label("E-mail").fill(f"{key}@bank.example")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_label("Password")).to_have_count(0)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


def accessible(page):
    found = Axe().run(page, options=AA)
    assert not found.violations_count, found.generate_report()[:1500]


def test_a_packet_from_the_repository_is_imported_accepted_and_submitted(signed_in, committed_world):
    page = signed_in("member")
    page.goto(reverse("agent_list"))
    page.get_by_role("link", name="Import from manifest").click()
    page.get_by_label("Or paste it").fill(manifest(committed_world))
    page.get_by_role("button", name="Show what will change").click()
    expect(page.get_by_role("heading", name="Register Gift agent")).to_be_visible()
    for one in SECTIONS:
        expect(page.get_by_role("rowheader", name=re.compile(rf"(?<!\d){one.number}\b.*{one.title}"))).to_be_visible()
    assert not Agent.objects.filter(slug="gift-agent").exists()
    accessible(page)
    page.get_by_label("I looked at what each new tool does").check()
    page.get_by_role("button", name="Register Gift agent").click()

    # Its packet opens, and says what only its owner and deputy can give.
    packet = Packet.objects.get(agent__slug="gift-agent", version=VERSION)
    expect(page.get_by_role("heading", level=1, name=f"Gift agent {VERSION}")).to_be_visible()
    expect(page.locator("main")).to_contain_text("9 of 10 complete")
    expect(page.locator(".lacks li")).to_have_text(
        [re.compile("Ana Ruiz, the owner, has not accepted"), re.compile("Dirk de Boer, the deputy, has not accepted")]
    )
    expect(page.get_by_role("button", name=re.compile("Submit"))).to_be_disabled()
    accessible(page)

    for duty in ("owner", "deputy"):
        theirs = signed_in(duty)
        theirs.get_by_role("link", name=f"Accept: Gift agent {VERSION}").click()
        theirs.get_by_role("button", name=f"I accept as {duty}").click()
        expect(theirs.locator("#messages")).to_contain_text(f"You answer for Gift agent as its {duty}")

    page.reload()
    expect(page.locator("main")).to_contain_text("10 of 10 complete")
    page.get_by_role("button", name=re.compile("Submit")).click()
    expect(page.locator("#messages")).to_contain_text("Submitted as revision 1")
    expect(page.get_by_role("main")).to_contain_text("Nobody has signed yet.")
    packet.refresh_from_db()
    assert packet.state == "in_review" and packet.created_by == committed_world.member
