"""Filling section 5 from a trace, and answering what is proposed, as a member of the team does it in a browser."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from portal.tests.world import PASSWORD
from registry.actions import start_packet, write_section
from registry.models import Proposal
from registry.sections.s05_trail import RunTrailSheet
from registry.tests.traces import export, run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
AA = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


def accessible(page):
    found = Axe().run(page, options=AA)
    assert not found.violations_count, found.generate_report()[:1500]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def pictured(page, name):
    """Where PICTURES names a folder, the page as it looks."""
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=Path(folder, f"{name}.png"), full_page=True)


@pytest.mark.parametrize(("width", "colours"), [(1440, "dark"), (390, "light")])
def test_fill_from_a_trace_then_answer_what_is_proposed(page, live_server, committed_world, width, colours):
    world, complaints = committed_world, []
    packet = start_packet(agent=world.agent, version="5.0.0", by=world.author)
    mine = {"sheet": {"output": "It quoted the tariff.", "human_override": "Nobody changed it."}}
    write_section(packet=packet, number=5, content=mine, by=world.author)
    page.on(
        "console", lambda m: complaints.append(m.text) if m.type == "error" and "status of 4" not in m.text else None
    )
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(live_server.url + reverse("account_login"))
    page.get_by_label("E-mail").fill("member@bank.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(live_server.url + reverse("packet_section", args=[packet.pk, 5]))
    page.locator(f"[data-theme-switch] [value={colours}]").click()
    accessible(page)

    form = page.locator("#fill-from-a-trace")
    expect(form.get_by_label("Or paste it")).to_be_hidden()
    form.locator("summary").press("Enter")
    form.get_by_label("Or paste it").fill('{"resourceSpans": [{"scopeSpans": 3}]}')
    form.get_by_role("button", name="Fill from the trace").click()
    expect(form.get_by_text("resourceSpans[0].scopeSpans: expected a list, got 3")).to_be_visible()
    expect(form.get_by_text("resourceSpans[0].scopeSpans: expected a list, got 3")).to_be_in_viewport()
    accessible(page)
    form.get_by_label("Or paste it").fill("")
    form.get_by_label("File").set_input_files(
        {"name": "trace.json", "mimeType": "application/json", "buffer": export(*run())}
    )
    form.get_by_role("button", name="Fill from the trace").click()
    expect(page.locator("#messages")).to_contain_text("9 of 10 parts are in the trace: 9 fields filled, 2 proposed")
    expect(page.get_by_label("Sanitised input")).to_have_value(
        "What does loan 7 cost? Write to [e-mail address] or call [phone number]."
    )
    expect(page.get_by_label("Run at (UTC)")).to_have_value("2025-11-20T09:04:33")
    expect(page.get_by_label("Output", exact=True)).to_have_value("It quoted the tariff.")
    expect(page.locator("#trace")).to_contain_text("1 × card number, 1 × e-mail address, 1 × phone number")
    expect(page.locator("#trace li").filter(has_text="Prompt version")).to_contain_text("Not in the trace.")
    page.locator("#trace > summary").click()
    accessible(page)
    pictured(page, f"trace-{colours}-{width}")

    page.get_by_role("button", name="Accept: Section 5: Output").click()
    expect(page.locator("#messages")).to_contain_text("Section 5: Output")
    expect(page.get_by_label("Output", exact=True)).to_have_value("Loan 7 costs 2.9%, tariff of 1 November.")
    page.get_by_label("Why Section 5: Human override").fill("Said better by hand.")
    page.get_by_role("button", name="Dismiss: Section 5: Human override").click()
    expect(page.locator("#proposals")).to_have_count(0)
    assert set(Proposal.objects.filter(section=5).values_list("field", "state")) == {
        ("output", "accepted"), ("human_override", "dismissed"),
    }  # fmt: skip
    assert RunTrailSheet.objects.get(packet=packet).human_override == "Nobody changed it."
    assert complaints == []
