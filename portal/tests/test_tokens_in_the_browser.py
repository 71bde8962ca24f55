"""Tokens and service accounts as people make them, in a real browser under the strict policy."""

import urllib.error
import urllib.request

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from accounts.tokens import add_service_account, make_token
from portal.tests.world import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
AA = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture
def complaints():
    """What the browser's console says."""
    return []


@pytest.fixture
def visitor(page, live_server, committed_world, complaints):
    """A member of the team Lending, signed in."""
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(live_server.url + reverse("account_login"))
    page.get_by_label("E-mail").fill("member@bank.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    return page


def status(live_server, secret):
    """What the API answers to this token."""
    address = live_server.url + reverse("api_agents")
    try:
        request = urllib.request.Request(address, headers={"Authorization": f"Bearer {secret}"})
        return urllib.request.urlopen(request, timeout=20).status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_token_is_made_used_and_revoked(visitor, live_server, complaints):
    visitor.goto(live_server.url + reverse("person_me"))
    visitor.locator("li", has_text="API tokens").get_by_role("link").click()
    visitor.get_by_label("Used by").fill("Nightly import")
    visitor.get_by_label("registry:read").check()
    visitor.get_by_label("Lasts").select_option("30")
    visitor.get_by_role("button", name="Make the token").click()
    secret = visitor.get_by_label("The new token").input_value()
    assert status(live_server, secret) == 200
    visitor.goto(live_server.url + reverse("token_list"))
    expect(visitor.get_by_label("The new token")).to_have_count(0)
    visitor.get_by_role("button", name="Revoke Nightly import").click()
    expect(visitor.locator("table")).to_contain_text("Revoked")
    assert status(live_server, secret) == 401
    assert complaints == []


def test_a_team_makes_and_retires_a_service_account(visitor, live_server, complaints):
    visitor.goto(live_server.url + reverse("service_list"))
    visitor.get_by_role("link", name="Add a service account").click()
    visitor.get_by_label("Name").fill("Build server")
    visitor.get_by_label("Purpose").fill("Registers agents from CI")
    visitor.get_by_label("Team").select_option("Lending")
    visitor.get_by_role("button", name="Add it").click()
    visitor.get_by_label("Used by").fill("CI")
    visitor.get_by_label("registry:read").check()
    visitor.get_by_role("button", name="Make the token").click()
    secret = visitor.get_by_label("The new token").input_value()
    assert status(live_server, secret) == 200
    visitor.locator("summary", has_text="Retire Build server").click()
    visitor.get_by_role("button", name="Retire it").click()
    expect(visitor.locator(".page-head, main").first).to_contain_text("Retired")
    assert status(live_server, secret) == 401
    assert complaints == []


@pytest.mark.parametrize(("width", "colours"), [(1440, "light"), (1440, "dark"), (390, "light")])
def test_pages_pass_axe_and_fit(visitor, live_server, committed_world, complaints, width, colours):
    world = committed_world
    service = add_service_account(team=world.team, name="Build server", purpose="Registers agents", by=world.member)
    for person in (service.person, world.member):
        make_token(person=person, name="CI", scopes=["registry:read", "packets:write"], days=30, by=world.member)
    visitor.set_viewport_size({"width": width, "height": 900})
    visitor.locator(f"[data-theme-switch] [value={colours}]").click()
    expect(visitor.locator("html")).to_have_attribute("data-theme", colours)
    addresses = [reverse(name) for name in ("person_me", "token_list", "service_list", "service_new")]
    for address in [*addresses, reverse("service_detail", args=[service.pk])]:
        visitor.goto(live_server.url + address)
        found = Axe().run(visitor, options=AA)
        assert not found.violations_count, f"{address}: {found.generate_report()[:1500]}"
        assert visitor.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{address} is too wide"
    visitor.goto(live_server.url + reverse("token_list"))
    visitor.get_by_label("Used by").fill("Another")
    visitor.get_by_label("evidence:read").check()
    visitor.get_by_role("button", name="Make the token").click()
    expect(visitor.get_by_label("The new token")).to_be_visible()
    assert not Axe().run(visitor, options=AA).violations_count
    assert complaints == []
