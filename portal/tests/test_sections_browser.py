"""All ten section pages in a browser, for who fills them and for who reads what was submitted: calm, accessible, narrow."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from portal.tests.world import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
AA = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


def accessible(page):
    found = Axe().run(page, options=AA)
    assert not found.violations_count, found.generate_report()[:1500]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def signed_in(page, live_server, email, width, colours):
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=colours)
    page.context.clear_cookies()
    page.goto(live_server.url + reverse("account_login"))
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize(("width", "colours"), [(1440, "light"), (390, "dark")])
def test_the_ten_sections_are_accessible_filled_and_read(page, live_server, committed_world, width, colours):
    world = committed_world
    draft = world.draft(version="7.0.0")
    submitted = world.submit(world.draft(world.register("Other"), version="1.0.0")).packet
    for packet, email in ((draft, "member@bank.example"), (submitted, "risk@bank.example")):
        signed_in(page, live_server, email, width, colours)
        for number in range(1, 11):
            page.goto(live_server.url + reverse("packet_section", args=[packet.pk, number]))
            accessible(page)
            expect(page.locator("#attach-a-file:not([open])")).to_have_count(int(packet == draft))


def test_a_link_into_what_is_folded_opens_it_and_typing_leaves_it_open(page, live_server, committed_world):
    draft = committed_world.draft(version="7.0.0")
    signed_in(page, live_server, "member@bank.example", 1440, "light")
    address = live_server.url + reverse("packet_section", args=[draft.pk, 3])
    page.goto(f"{address}#prompt-from-a-file")
    expect(page.get_by_label("Which prompt")).to_be_visible()
    page.locator("#prompt-versions > summary").click()
    page.get_by_label("Text", exact=True).first.fill("Answer briefly.")
    with page.expect_response(address):
        page.get_by_role("heading", name="Still missing here").click()
    expect(page.locator("#prompt-versions[open]")).to_be_visible()
    expect(page.locator("#prompt-from-a-file[open]")).to_be_visible()
