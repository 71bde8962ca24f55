"""The frame of every page: content security policy, colours, refusals, problem JSON, words."""

import datetime as dt
import json
import re
from decimal import Decimal

import pytest
from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import Http404
from django.template import Context, Template
from django.test import RequestFactory
from django.urls import reverse
from rest_framework import exceptions

from web import problems, words
from web.errors import Conflict, Denied, Invalid
from web.views import acting

NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize("name", ["agent_list", "people_list", "packet_list", "person_me", "data_list", "agent_new"])
def test_pages_carry_no_inline_script_or_style(world, client, name):
    client.force_login(world.owner)
    response = client.get(reverse(name))
    page = response.content.decode()
    policy = response["Content-Security-Policy"]
    assert "unsafe" not in policy
    nonce = re.search(r"'nonce-([^']+)'", policy).group(1)
    scripts = re.findall(r"<script[^>]*>", page)
    assert scripts and all(f'nonce="{nonce}"' in script and "src=" in script for script in scripts)
    assert not re.search(r"\sstyle=|\son\w+=|<style", page)


def test_templates_hold_no_inline_style_or_handler():
    of_the_bundle = {"readme.html"}  # opened from disk by an auditor, without the portal's policy or files
    for file in (settings.BASE_DIR / "templates").rglob("*.html"):
        if file.name in of_the_bundle:
            continue
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style", file.read_text()), file


def test_the_rail_marks_the_page_and_offers_people_to_admins(world, client):
    client.force_login(world.admin)
    page = client.get(reverse("people_list")).content.decode()
    assert re.search(r'<a href="/people/" aria-current="page">People', page)
    assert page.count("aria-current=") == 1
    client.force_login(world.owner)
    assert ">People</a>" not in client.get(reverse("agent_list")).content.decode().split("</nav>")[0]


def test_colours_are_chosen_without_javascript_and_kept(world, client):
    response = client.post(reverse("theme"), {"theme": "dark", "next": "/agents/?q=a"})
    assert response["Location"] == "/agents/?q=a"
    client.force_login(world.owner)
    assert 'data-theme="dark"' in client.get(reverse("agent_list")).content.decode()
    client.post(reverse("theme"), {"theme": "system"})
    assert "data-theme=" not in client.get(reverse("agent_list")).content.decode()


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_choosing_colours_leads_nowhere_else(client, db, target):
    assert client.post(reverse("theme"), {"theme": "dark", "next": target})["Location"] == "/"


def test_a_page_that_is_not_there_says_so_in_the_frame(world, client):
    client.force_login(world.owner)
    response = client.get("/no/such/page")
    assert response.status_code == 404 and "not yours to see" in response.content.decode()


def _act(refusal, user, data=None, htmx=False):
    request = RequestFactory().post("/agents/", data or {}, headers={"Referer": "http://testserver/packets/"})
    request.user, request.htmx, request.csp_nonce = user, htmx, "n"
    request._messages = CookieStorage(request)

    @acting("agent_list")
    def view(request):
        raise refusal

    return request, view(request)


def test_a_refused_button_becomes_a_message_on_the_page_it_stood_on(world):
    request, response = _act(Conflict("It is submitted already."), world.owner)
    assert response.status_code == 302 and response["Location"] == reverse("agent_list")
    assert [str(message) for message in request._messages] == ["It is submitted already."]


def test_words_of_a_refused_act_are_given_back_but_never_a_password(world):
    typed = {"comment": "I read all of section six.", "password": "my secret pass phrase"}
    _, response = _act(Conflict("The packet changed."), world.owner, typed)
    page = response.content.decode()
    assert response.status_code == 409
    assert "I read all of section six." in page and "secret" not in page


def test_a_denied_act_is_a_page_with_its_reason(world):
    _, response = _act(Denied("Only the owner accepts."), world.owner)
    assert response.status_code == 403 and "Only the owner accepts." in response.content.decode()


def test_htmx_gets_a_refusal_as_a_fragment_for_the_messages(world):
    _, response = _act(Invalid("Section 1 lacks a use.", "Section 2 lacks data."), world.owner, htmx=True)
    assert (response.status_code, response["HX-Retarget"]) == (422, "#messages")
    assert "Section 2 lacks data." in response.content.decode() and b"<html" not in response.content


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Denied("No."), 403),
        (Conflict("Changed."), 409),
        (Invalid("One.", "Two."), 422),
        (Http404(), 404),
        (exceptions.NotAuthenticated(), 401),
        (exceptions.Throttled(wait=7), 429),
        (exceptions.ValidationError({"version": ["Give it."]}), 422),
    ],
)
def test_the_api_answers_problem_json(error, status):
    response = problems.handler(error, {})
    body = json.loads(response.content)
    assert response["Content-Type"] == "application/problem+json"
    assert response.status_code == body["status"] == status
    assert body["title"] and body["detail"]


def test_a_defect_is_left_to_django():
    assert problems.handler(ZeroDivisionError(), {}) is None


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (dt.timedelta(seconds=3), "just now"),
        (dt.timedelta(seconds=59), "59 s ago"),
        (dt.timedelta(minutes=3), "3 min ago"),
        (dt.timedelta(hours=1), "1 hour ago"),
        (dt.timedelta(days=2), "2 days ago"),
        (dt.timedelta(days=-2), "in 2 days"),
        (dt.timedelta(days=61), "21 Sep 2026"),
    ],
)
def test_times_say_how_long_ago(before, said):
    assert words.ago(NOW - before, NOW) == said


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        (412000, "EUR", "€4,120.00"),
        (-5, "USD", "−$0.05"),
        (Decimal("1.005"), "CHF", "1.00\N{NO-BREAK SPACE}CHF"),
    ],
)
def test_money_has_its_currency(amount, currency, said):
    assert words.money(amount, currency) == said


def test_a_verdict_is_a_glyph_and_a_word_and_an_unknown_state_never_looks_good():
    render = Template(
        '{% chip "pass" "Live" %}{% chip "no_such_state" "Odd" %}{{ 9137|percent }} {{ none|money }}'
    ).render
    page = render(Context({"none": None}))
    assert "✓" in page and "Live" in page
    assert 'chip-wait"' in page and "Odd" in page
    assert "91.3%" in page and "unknown" in page


def test_what_people_type_is_escaped():
    page = Template("{{ text|said }}{% chip 'pass' text %}{{ gone|said }}").render(
        Context({"text": "<script>x</script>", "gone": {"unknown": "<b>no log</b>"}})
    )
    assert "<script>" not in page and "<b>" not in page


@pytest.mark.parametrize(
    "name", ["eval_run_list", "cost_list", "evidence_list", "people_list", "agent_map", "packet_list"]
)
def test_a_zero_byte_in_an_address_breaks_no_page(world, client, name):
    client.force_login(world.owner)
    address = reverse(name, args=[world.agent.slug] if name == "agent_map" else [])
    for query in ("agent=%00", "q=a%00b", "%00=x", "agent=%2500"):
        assert client.get(f"{address}?{query}").status_code == 200
    assert client.get("/agents/a%00b/map").status_code == 404


@pytest.mark.parametrize("number", ["9" * 5000, "²", "-1", "x", ""])
def test_what_is_no_number_breaks_no_page(world, submitted, client, number):
    client.force_login(world.security)
    assert client.get(reverse("review_detail", args=[submitted.pk]), {"section": number}).status_code == 200
    client.force_login(world.admin)
    for name, key in (("data_retire", "seen"), ("data_link", "remove"), ("data_merge", "seen")):
        answer = client.post(reverse(name, args=[world.source.pk]), {key: number}, follow=True)
        assert answer.status_code < 500, name
