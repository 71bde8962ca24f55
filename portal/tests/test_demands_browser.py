"""A packet of limited risk in a browser: what is not needed, what does not apply, and an answer that the team keeps."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from portal.tests.world import PASSWORD
from registry import actions, answers
from registry.models import NotApplicable

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
AA = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
WHY = "This assistant answers from its prompt alone."
MARKED = "Page the **on-call**:\n\n1. call the desk\n2. after 15 minutes, [page](https://pager.example) their manager"


def accessible(page):
    found = Axe().run(page, options=AA)
    assert not found.violations_count, found.generate_report()[:1500]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize(("width", "colours"), [(1440, "dark"), (390, "light")])
def test_a_short_packet_is_filled_with_reasons_and_team_answers(page, live_server, committed_world, width, colours):
    world, complaints = committed_world, []
    packet = world.draft(world.register("Small helper", risk_class="limited"))
    actions.write_section(packet=packet, number=2, content={**world.sections()[2], "grant": []}, by=world.author)
    answers.write_answer(team=world.team, name="Escalation", text=MARKED, by=world.member)
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" and "422" not in m.text else None)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(live_server.url + reverse("account_login"))
    page.get_by_label("E-mail").fill("member@bank.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(live_server.url + reverse("packet_section", args=[packet.pk, 2]))
    page.locator(f"[data-theme-switch] [value={colours}]").click()

    page.locator("summary", has_text="The data that it reads").click()
    page.get_by_label("It does not apply, because").fill(WHY)
    page.get_by_role("heading", name="Still missing here").click()
    expect(page.get_by_text("Said by Mina Okafor")).to_be_visible()
    expect(page.locator("#missing")).to_contain_text("This section is complete")
    accessible(page)
    shot(page, f"section2-{width}")
    page.get_by_role("button", name="It does apply").click()
    expect(page.locator("#missing")).to_contain_text("Name the data that the agent reads")
    assert not NotApplicable.objects.exists()

    page.goto(live_server.url + reverse("packet_detail", args=[packet.pk]))
    page.get_by_text("not needed at this risk class").first.click()
    accessible(page)
    shot(page, f"packet-{width}")

    page.goto(live_server.url + reverse("packet_section", args=[packet.pk, 9]))
    page.locator("summary", has_text="Use a team answer").click()
    page.get_by_label("Goes into").select_option("sheet.support_hours")
    page.get_by_role("button", name="Use the answer").click()
    refused = page.get_by_text("holds one line, and")
    expect(refused).to_be_in_viewport()
    accessible(page)
    page.get_by_label("Goes into").select_option("sheet.escalation")
    page.get_by_role("button", name="Use the answer").click()
    expect(page.locator("#messages")).to_contain_text("Escalation, version 1, is in the field")
    page.goto(live_server.url + reverse("answer_list"))
    expect(
        page.get_by_text("Page the on-call: 1. call the desk 2. after 15 minutes, page their manager")
    ).to_be_visible()
    accessible(page)
    shot(page, f"answers-{width}")
    page.get_by_role("link", name="Escalation").click()
    page.get_by_label("Answer").fill(MARKED + "\n3. then their manager's manager")
    page.get_by_role("button", name="Keep as version 2").click()
    expect(page.get_by_role("heading", name="Change it")).to_be_visible()
    accessible(page)
    shot(page, f"answer-{width}")
    page.goto(live_server.url + reverse("packet_section", args=[packet.pk, 9]))
    expect(page.get_by_text("A newer version exists: version 2")).to_be_visible()
    accessible(page)
    shot(page, f"section9-{width}")
    page.get_by_role("button", name="Use it: Escalation, version 2").click()
    expect(page.get_by_text("A newer version exists")).to_have_count(0)

    page.context.clear_cookies()
    page.goto(live_server.url + reverse("account_login"))
    page.get_by_label("E-mail").fill("auditor@bank.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(live_server.url + reverse("packet_section", args=[packet.pk, 9]))
    expect(page.locator(".prose strong", has_text="on-call")).to_be_visible()
    accessible(page)
    shot(page, f"read9-{width}")
    assert not complaints


def shot(page, name):
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
