"""A packet in real browsers: filled from empty as one types, mended, accepted, submitted, and the next one compared."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import expect

from registry.models import Packet

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
AA = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


class Person:
    """Somebody at a browser of their own."""

    def __init__(self, browser, base, person, complaints):
        client = Client()
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        self.base = base
        self.context = browser.new_context(base_url=base)
        session = client.cookies[settings.SESSION_COOKIE_NAME]
        self.context.add_cookies([{"name": session.key, "value": session.value, "url": base}])
        self.page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.on(
            "console",
            lambda m: complaints.append(m.text) if m.type == "error" and "status of 4" not in m.text else None,
        )
        self.page.on("pageerror", lambda error: complaints.append(str(error)))

    def go(self, name, *args):
        """Open a page."""
        self.page.goto(self.base + reverse(name, args=args))
        return self.page

    def type(self, packet, number, content):
        """Type a section's content; every field saves by itself once it is left, and rows are added by their button."""
        page = self.go("packet_section", packet.pk, number)
        for name, value in content.get("sheet", {}).items():
            self.fill(f"#id_sheet-{name}", value)
        for prefix, rows in content.items():
            for i, row in enumerate(rows if prefix != "sheet" else ()):
                if not page.locator(f"[name^='{prefix}-{i}-']").count():
                    self.settle()
                    page.locator(f"button[name=add][value={prefix}]").click()
                    page.locator(f"[name^='{prefix}-{i}-']").first.wait_for(state="attached")
                page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
                for name, value in row.items():
                    self.fill(f"#id_{prefix}-{i}-{name}", value)
        self.settle()

    def fill(self, selector, value):
        """Fill one field in, whatever it is."""
        field = self.page.locator(selector)
        kind = field.evaluate("e => e.tagName === 'SELECT' ? 'select' : e.type")
        if kind == "select":
            field.select_option(str(value))
        elif kind == "checkbox":
            field.check()
        else:
            field.fill(str(value))

    def settle(self):
        """Leave the field, and wait until what was typed is saved: no button is pressed for it."""
        self.page.evaluate("document.activeElement.blur()")
        self.page.wait_for_timeout(600)
        expect(self.page.locator(".htmx-request")).to_have_count(0, timeout=120_000)
        expect(self.page.locator("#saved")).to_contain_text("Saved")

    def look(self):
        """Hold the page against WCAG 2.2 AA, wide and on a phone, in both colours."""
        for width, colours in ((1440, "light"), (390, "dark")):
            self.page.set_viewport_size({"width": width, "height": 900})
            self.page.evaluate(f"document.documentElement.dataset.theme = '{colours}'")
            found = Axe().run(self.page, options=AA)
            assert not found.violations_count, f"{self.page.url}: {found.generate_report()[:1500]}"
            fits = self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
            assert fits, f"{self.page.url} is too wide at {width}"
        self.page.set_viewport_size({"width": 1440, "height": 900})


@pytest.fixture
def complaints():
    """What the browsers' consoles say, apart from answers that are refusals on purpose."""
    return []


@pytest.fixture
def at_a_browser(browser, live_server, committed_world, complaints):
    """`at_a_browser("owner")`: that person of the bank, at a browser of their own."""
    opened = []

    def open_(key):
        opened.append(Person(browser, live_server.url, committed_world.person(key), complaints))
        return opened[-1]

    yield open_
    for one in opened:
        one.context.close()


def test_from_an_empty_packet_to_what_the_next_one_changes(at_a_browser, committed_world, complaints):
    world, author = committed_world, at_a_browser("author")
    page = author.go("packet_new", "lending-assistant")
    page.locator("[name=version]").fill("1.0.0")
    page.locator("main form button").last.click()
    expect(page.locator("main")).to_contain_text("0 of 10 complete")
    packet = Packet.objects.get()
    content = world.sections(cases=2, critical=1)
    runbook = content[9]["sheet"].pop("runbook")
    for number in range(1, 11):
        author.type(packet, number, content[number])

    # What is missing is said, with the way to it; submitting waits until then.
    page = author.go("packet_detail", packet.pk)
    expect(page.locator("main")).to_contain_text("9 of 10 complete")
    expect(page.get_by_role("button", name=re.compile("Submit"))).to_be_disabled()
    page.get_by_role("link", name="Give the address of the runbook.").first.click()
    expect(page.locator("#id_sheet-runbook")).to_be_focused()
    page.locator("#id_sheet-runbook").fill(runbook)
    author.settle()
    expect(page.locator("#missing")).to_contain_text("Ana Ruiz, the owner, has not accepted yet")
    expect(page.locator("#acceptances")).not_to_contain_text("I accept as")

    # Each accepts alone, from what waits on the home page.
    for key, duty in (("owner", "owner"), ("deputy", "deputy")):
        somebody = at_a_browser(key)
        somebody.go("home").get_by_role("link", name="Accept: Lending assistant 1.0.0").click()
        expect(somebody.page.locator("#acceptances")).to_contain_text("I answer for this agent")
        somebody.look()
        somebody.page.get_by_role("button", name=f"I accept as {duty}").click()
        expect(somebody.page.locator("#messages")).to_contain_text(f"You answer for Lending assistant as its {duty}")
        expect(somebody.go("home").locator("main")).not_to_contain_text("To accept")

    page = author.go("packet_detail", packet.pk)
    expect(page.locator("main")).to_contain_text("10 of 10 complete")
    page.get_by_role("button", name=re.compile("Submit")).click()
    expect(page.locator("#messages")).to_contain_text("Submitted as revision 1")
    author.go("packet_read", packet.pk)
    expect(page.locator(".sheet")).to_have_count(10)
    author.look()

    # The next packet starts as a copy, and says what it changes. Who accepted this one has not accepted that one.
    world.sign_all(packet)
    page = author.go("packet_new", "lending-assistant")
    page.locator("[name=version]").fill("2.0.0")
    page.locator("main form button").last.click()
    expect(page.locator("main")).to_contain_text("9 of 10 complete")
    following = Packet.objects.get(version="2.0.0")
    author.type(following, 10, {"sheet": {"kill_seconds": 20}})
    author.type(following, 3, {"prompt": [{"version": "15", "text": "You answer questions about loans.\nBe brief."}]})
    expect(page.locator("#prompts")).to_contain_text("1 line added, 1 removed")
    author.look()
    page = author.go("packet_compare", following.pk)
    expect(page.locator("#part-10 del")).to_have_text(re.compile(r"kill seconds:\s+30"))
    expect(page.locator("#part-10 ins")).to_have_text(re.compile(r"kill seconds:\s+20"))
    expect(page.locator("#part-9")).to_have_count(0)
    assert complaints == []


def test_an_edit_after_the_acceptance_asks_again_at_once(at_a_browser, committed_world, complaints):
    packet = committed_world.draft()
    author, owner = at_a_browser("author"), at_a_browser("owner")
    page = author.go("packet_section", packet.pk, 9)
    expect(page.locator("#missing")).to_contain_text("This section is complete.")
    page.locator("#id_sheet-support_hours").fill("Mondays")
    author.settle()
    expect(page.locator("#missing")).to_contain_text("This section changed after Ana Ruiz, the owner, accepted it")
    page = owner.go("packet_section", packet.pk, 9)
    page.get_by_text("What changed since").first.click()
    expect(page.locator("#acceptances")).to_contain_text("support hours: Mondays")
    page.get_by_role("button", name="I accept as owner").click()
    page.get_by_role("button", name="Withdraw my acceptance").click()
    expect(page.locator("#acceptances")).to_contain_text("You have not accepted yet.")
    assert complaints == []


def test_two_browsers_at_one_section_lose_nothing(at_a_browser, committed_world, complaints):
    packet = committed_world.draft()
    one, other = at_a_browser("author"), at_a_browser("member")
    for person in (one, other):
        person.go("packet_section", packet.pk, 10)
    one.page.locator("#id_sheet-kill_who").fill("Owner and on-call")
    one.settle()
    other.page.locator("#id_sheet-kill_who").fill("Anybody")
    other.page.locator("#id_sheet-kill_mechanism").click()
    expect(other.page.locator("#section-problems")).to_contain_text("Ari Lind saved this section after you opened it")
    expect(other.page.locator("#id_sheet-kill_who")).to_have_value("Anybody")
    expect(other.page.locator(".theirs")).to_contain_text("Owner and on-call")
    one.page.reload()
    expect(one.page.locator("#id_sheet-kill_who")).to_have_value("Owner and on-call")
    other.page.get_by_role("button", name="Save mine").click()
    expect(other.page.locator(".theirs")).to_have_count(0)
    one.page.reload()
    expect(one.page.locator("#id_sheet-kill_who")).to_have_value("Anybody")
    assert complaints == []
