"""In a real browser: what was signed beside what it is now, and a renewal that needs no typing."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from portal.tests.test_catalogue_browser import accessible
from portal.tests.world import PASSWORD
from registry import upkeep
from registry.models import Packet

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(("width", "colours"), [(1440, "dark"), (390, "light")])
def test_look_at_what_moved_then_renew(page, live_server, committed_world, width, colours):
    world, complaints = committed_world, []
    packet = world.promotable()
    upkeep.change_source(source=world.source, by=world.owner, classification="restricted", contract_version="4.0")
    upkeep.confirm_tool(tool=world.tool, effect="write", tags=["customer_data", "money_movement"], by=world.security)
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(live_server.url + reverse("account_login"))
    page.get_by_label("E-mail").fill("owner@bank.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(live_server.url + reverse("packet_section", args=[packet.pk, 2]))
    page.locator(f"[data-theme-switch] [value={colours}]").click()
    table = page.get_by_role("region", name="What was signed and what it is now, scrolls sideways")
    expect(table).to_contain_text("Internal")
    expect(table).to_contain_text("Restricted")
    accessible(page)
    page.goto(live_server.url + reverse("review_detail", args=[packet.pk]) + "?section=6")
    expect(page.locator("#moved")).to_contain_text("Money movement")
    accessible(page)

    page.goto(live_server.url + reverse("packet_detail", args=[packet.pk]))
    accessible(page)
    page.get_by_role("button", name="Start the renewal now").click()
    expect(page.locator("#messages")).to_contain_text("The renewal is drafted.")
    expect(page.get_by_text("Unchanged since signed on")).to_have_count(7)
    expect(page.locator("#renewal")).to_contain_text("Internal → Restricted")
    accessible(page)
    made = Packet.objects.get(renews=packet)
    for number in (2, 3):
        page.goto(live_server.url + reverse("packet_section", args=[made.pk, number]))
        accessible(page)
    page.goto(live_server.url + reverse("home"))
    page.get_by_role("link", name=f"Renew: {made}").click()
    world.accept(made)
    page.reload()
    page.get_by_role("button", name="Submit for sign-off").click()
    expect(page.locator("#messages")).to_contain_text("Submitted as revision 1.")
    expect(page.locator("#renewal")).to_contain_text("Internal → Restricted")
    accessible(page)
    assert not complaints
