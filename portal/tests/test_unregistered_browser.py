"""In a real browser: a service nobody registered is found in pulled costs and mapped, and its spend moves to the agent."""

import csv

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from portal.tests.test_xrays_browser import AA, sign_in  # noqa: F401  (sign_in is a fixture)
from registry.retirement import retire_agent
from samples.make_focus import COLUMNS_1_2, _cell, _row, month_start
from signals import actions
from signals.models import CostLine
from signals.unregistered.models import Sighting
from work import clock

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def pulled(committed_world, tmp_path, settings):
    """A FOCUS export of this month was pulled; one service in it belongs to nobody."""
    settings.SIGNALS_ROOT = tmp_path
    folder = tmp_path / "bills"
    folder.mkdir()
    first = month_start(clock.now())
    row = _row(
        first, first, clock.now(), provider="Vendor", BillingCurrency="EUR", BilledCost="41.50",
        ServiceName="Contract reader", Tags={"team": "Lending"},
    )  # fmt: skip
    with (folder / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS_1_2, [_cell(row.get(name, "")) for name in COLUMNS_1_2]])
    source = actions.add_source(name="Bills", kind="focus", folder="bills", by=committed_world.admin)
    assert actions.pull(source=source).state == "done"
    return committed_world


def test_an_unregistered_service_is_mapped_and_its_spend_moves_to_the_agent(pulled, sign_in, live_server):  # noqa: F811
    page = sign_in("finance")
    page.get_by_role("link", name="Answer: One name that nobody registered").click()
    row = page.get_by_role("row", name="Contract reader")
    expect(row).to_contain_text("€41.50")
    expect(row).to_contain_text("Its lines carry the tag team: Lending")
    page.get_by_role("link", name="Answer: Contract reader").click()
    page.get_by_label("Agent", exact=True).select_option(label="Lending assistant")
    page.get_by_role("button", name="Map it").click()
    expect(page.locator("#messages")).to_contain_text("Contract reader is Lending assistant from now on.")
    expect(page.get_by_role("heading", name="Everything seen is somebody’s")).to_be_visible()
    actions.retie_costs()  # what the worker does as follow-up
    page.goto(live_server.url + reverse("cost_list"))
    expect(page.get_by_role("row", name="Lending assistant Lending")).to_contain_text("€41.50")
    assert CostLine.objects.get().agent == pulled.agent


def test_a_team_registers_it_and_finance_is_asked_to_map_it(pulled, sign_in, live_server):  # noqa: F811
    page = sign_in("member")
    page.goto(live_server.url + reverse("unregistered"))
    page.get_by_role("link", name="Look: Contract reader").click()
    page.get_by_role("link", name="Register it").click()
    expect(page.get_by_label("Name")).to_have_value("Contract reader")
    page.get_by_label("Summary").fill("Reads contracts for the branch")
    page.get_by_role("button", name="Register").click()
    expect(page.locator("#messages")).to_contain_text("is claimed for it; Finance or a platform admin maps it.")
    page = sign_in("finance")
    page.get_by_role("link", name="Answer: One name that nobody registered").click()
    page.get_by_role("link", name="Answer: Contract reader").click()
    page.get_by_role("button", name="Map it").click()  # the claimed agent is chosen already
    expect(page.locator("#messages")).to_contain_text("Contract reader is Contract reader from now on.")
    assert Sighting.objects.get().agent.slug == "contract-reader"


@pytest.mark.parametrize(("width", "colours"), [(1440, "light"), (1440, "dark"), (390, "light")])
def test_pages_pass_axe_and_fit(pulled, sign_in, live_server, width, colours):  # noqa: F811
    one, idle = Sighting.objects.get(), pulled.register("Idle", owner=pulled.admin)
    retired = retire_agent(agent=pulled.register("Gone", owner=pulled.admin), reason="Not used", by=pulled.admin)
    page = sign_in("admin")
    page.set_viewport_size({"width": width, "height": 900})
    page.locator(f"[data-theme-switch] [value={colours}]").click()
    expect(page.locator("html")).to_have_attribute("data-theme", colours)
    for address in (
        reverse("home"),
        reverse("unregistered"),
        reverse("sighting_detail", args=[one.pk]),
        reverse("sighting_register", args=[one.pk]),
        reverse("agent_retire", args=[idle.slug]),
        reverse("agent_retire", args=[retired.slug]),
        reverse("agent_detail", args=[retired.slug]),
    ):
        page.goto(live_server.url + address)
        found = Axe().run(page, options=AA)
        assert not found.violations_count, f"{address}: {found.generate_report()[:1500]}"
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{address} is too wide"
