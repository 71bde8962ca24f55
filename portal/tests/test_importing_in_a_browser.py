"""Registering from a manifest and importing tools, as a member of a team does it in a browser."""

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from portal.tests.world import PASSWORD
from registry.models import Agent, Tool

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
AA = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
MANIFEST = """portcullis: 1
agent: {name: Gift agent, slug: gift-agent, summary: Sends gifts., team: lending, owner: owner@bank.example}
tools: [{slug: gifts.list, effect: read}, {slug: gifts.send}]
"""
TOOLS = {"tools": [{"name": "git_status", "annotations": {"readOnlyHint": True}}, {"name": "git_gc"}]}


def accessible(page):
    found = Axe().run(page, options=AA)
    assert not found.violations_count, found.generate_report()[:1500]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize(("width", "colours"), [(1440, "dark"), (390, "light")])
def test_register_from_a_manifest_then_import_tools(page, live_server, committed_world, width, colours):
    complaints = []
    page.on(
        "console", lambda m: complaints.append(m.text) if m.type == "error" and "status of 4" not in m.text else None
    )
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(live_server.url + reverse("account_login"))
    page.get_by_label("E-mail").fill("member@bank.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(live_server.url + reverse("agent_list"))
    page.locator(f"[data-theme-switch] [value={colours}]").click()
    page.get_by_role("link", name="Import from manifest").click()
    accessible(page)
    page.get_by_label("Or paste it").fill(MANIFEST.replace("effect: read", "effect: yes"))
    page.get_by_role("button", name="Show what will change").click()
    expect(page.get_by_text('tools[0].effect: expected read, write or irreversible, got "yes"')).to_be_visible()
    page.get_by_label("Or paste it").fill(MANIFEST)
    page.get_by_role("button", name="Show what will change").click()
    expect(page.get_by_role("heading", name="Register Gift agent")).to_be_visible()
    accessible(page)
    page.get_by_label("I looked at what each new tool does").check()
    page.get_by_role("button", name="Register Gift agent").click()
    expect(page.get_by_role("heading", name="Manifest of Gift agent")).to_be_visible()
    accessible(page)
    assert Agent.objects.get(slug="gift-agent").owner.email == "owner@bank.example"

    page.goto(live_server.url + reverse("import_tools"))
    page.get_by_label("Server").fill("git")
    page.get_by_label("File").set_input_files(
        {"name": "tools.json", "mimeType": "application/json", "buffer": json.dumps(TOOLS).encode()}
    )
    page.get_by_role("button", name="Show the tools").click()
    accessible(page)
    page.get_by_role("group", name="git.git_gc").get_by_label("What a call does").select_option("write")
    page.get_by_label("I looked at what each tool does").check()
    page.get_by_role("button", name="Add 2 to the catalogue").click()
    expect(page.locator("#messages")).to_contain_text("2 tools are new in the catalogue")
    assert dict(Tool.objects.filter(system="git").values_list("slug", "effect")) == {
        "git.git_status": "read",
        "git.git_gc": "write",
    }
    assert complaints == []
