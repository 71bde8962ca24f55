"""In a real browser: a contract is published and compared, and a duplicate is merged away."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from portal.tests.world import PASSWORD
from registry.actions import catalogue_source
from registry.models import DataContract

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
AA = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
FIRST = '{"properties": {"iban": {"type": "string", "description": "The account", "x-sensitive": true}}}'
SECOND = """kind: DataContract
version: 4.1
schema: [{name: tariffs, properties: [{name: fee, logicalType: number, classification: public}]}]
"""


def accessible(page):
    found = Axe().run(page, options=AA)
    assert not found.violations_count, found.generate_report()[:1500]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize(("width", "colours"), [(1440, "dark"), (390, "light")])
def test_publish_a_contract_then_merge_a_duplicate(page, live_server, committed_world, width, colours):
    world, complaints = committed_world, []
    twin = catalogue_source(name="Tariff", by=world.member, owner=world.owner, classification="internal")
    draft = world.draft()
    page.on(
        "console", lambda m: complaints.append(m.text) if m.type == "error" and "status of 4" not in m.text else None
    )
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(live_server.url + reverse("account_login"))
    page.get_by_label("E-mail").fill("owner@bank.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(live_server.url + reverse("data_list"))
    page.locator(f"[data-theme-switch] [value={colours}]").click()
    accessible(page)
    for version, schema in (("4.0", FIRST), ("", SECOND)):
        page.goto(live_server.url + reverse("data_detail", args=[world.source.pk]))
        page.get_by_role("link", name="Publish a version").click()
        page.get_by_label("Version").fill(version)
        page.get_by_label("Or paste it").fill("{")
        page.get_by_role("button", name="Show what was read").click()
        expect(page.get_by_text("This is no YAML")).to_be_visible()
        page.get_by_label("Or paste it").fill(schema)
        page.get_by_role("button", name="Show what was read").click()
        accessible(page)
        page.get_by_role("button", name="Publish it").click()
        expect(page.locator("#messages")).to_contain_text("is published. It never changes again.")
    expect(page.get_by_role("heading", name="Against 4.0")).to_be_visible()
    expect(page.get_by_text("Removed")).to_be_visible()
    accessible(page)
    assert DataContract.objects.count() == 2 and world.fresh(world.source).contract_version == "4.1"

    page.goto(live_server.url + reverse("data_list"))
    page.get_by_role("link", name="Compare Tariffs and Tariff").click()
    expect(page.get_by_text(draft.agent.name).first).to_be_visible()
    accessible(page)
    page.get_by_role("button", name="Keep Tariff, retire Tariffs").click()
    expect(page.locator("#messages")).to_contain_text("Tariffs is merged into Tariff.")
    expect(page.get_by_role("heading", name="Merged into this")).to_be_visible()
    accessible(page)
    page.goto(live_server.url + reverse("data_detail", args=[world.source.pk]))
    expect(page.get_by_role("heading", name="Tariff", exact=True)).to_be_visible()
    page.goto(live_server.url + reverse("packet_section", args=[draft.pk, 2]))
    assert world.fresh(world.source).merged_into == twin
    expect(page.locator("input[name=grant-0-source]")).to_have_value("tariff")
    assert complaints == []
