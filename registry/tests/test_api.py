"""The registry's API: pages, filters, changing what was read, creating once."""

import json
import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.tokens import make_token
from registry.actions import start_packet
from registry.models import Agent, DataSource, Packet, Tool
from registry.sections import SECTIONS
from web import api
from web.models import IdempotentAnswer

AGENTS = "/api/v1/agents/"
NEW = {"name": "By script", "summary": "Answers", "team": "lending", "owner_email": "owner@bank.example"}


class Caller:
    """A script with a token of every scope, as one person."""

    def __init__(self, person, by=None):
        scopes = ["registry:read", "registry:write", "packets:write", "signals:write", "evidence:read"]
        self.secret = make_token(person=person, name="t", scopes=scopes, days=1, by=by or person).secret
        self.client = Client(raise_request_exception=False)

    def __call__(self, method, path, body=None, **headers):
        headers = {"Authorization": f"Bearer {self.secret}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        sent = body if isinstance(body, bytes | str) else json.dumps(body) if body is not None else ""
        kind = headers.pop("Content-Type", "application/json")
        return self.client.generic(method, path, sent, content_type=kind, headers=headers)


@pytest.fixture
def call(world):
    return Caller(world.member)


def problem(response, status):
    """The problem document of a refusal, after checking that it is one."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status and body["title"] and body["detail"]
    return body


class TestLists:
    @pytest.fixture
    def many(self, world):
        # Two of one name, so that the name alone does not order them.
        for i in range(7):
            world.register(f"Agent {i // 2}", slug=f"agent-{i}", risk_class="minimal" if i % 2 else "high")

    def walk(self, call, path):
        found, steps = [], 0
        while path:
            body = call("GET", path).json()
            found += [one["slug"] for one in body["agents"]]
            path, steps = body["next"], steps + 1
        return found, steps

    def test_pages_hold_every_agent_once_in_the_order_of_names(self, world, call, many):
        found, steps = self.walk(call, f"{AGENTS}?limit=3")
        assert steps == 3
        assert found == list(Agent.objects.order_by("name", "id").values_list("slug", flat=True))

    def test_the_next_page_keeps_the_filters(self, world, call, many):
        found, steps = self.walk(call, f"{AGENTS}?limit=2&risk=minimal")
        assert sorted(found) == ["agent-1", "agent-3", "agent-5"] and steps == 2

    def test_filters(self, world, call, many):
        world.register("Elsewhere", team=world.other_team, by=world.outsider)
        assert self.walk(call, f"{AGENTS}?team=claims")[0] == ["elsewhere"]
        assert self.walk(call, f"{AGENTS}?q=ELSE")[0] == ["elsewhere"]
        assert len(self.walk(call, f"{AGENTS}?status=registered&gate=unknown")[0]) == 9
        assert self.walk(call, f"{AGENTS}?status=live")[0] == []

    @pytest.mark.parametrize(
        "query",
        [
            "stauts=live", "status=alive", "limit=0", "limit=201", "limit=x", "after=zzz", "after=bnVsbA", "q=%00",
            "after=WyJhIiwieCJd", "after=WyJcdTAwMDAiLCJ4Il0", "after=%ff",
        ],
    )  # fmt: skip
    def test_a_query_that_does_not_hold_is_said_and_not_ignored(self, call, query):
        problem(call("GET", f"{AGENTS}?{query}"), 422)

    def test_a_page_costs_the_same_queries_however_many_agents_there_are(self, world, call, many):
        def count():
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert call("GET", AGENTS).status_code == 200
            return len(queries)

        call("GET", AGENTS)  # the token's first use is written
        few = count()
        for i in range(20):
            world.register(f"More {i}")
        assert count() == few == 2

    def test_the_card_says_what_the_page_says(self, world, call):
        (card,) = call("GET", AGENTS).json()["agents"]
        assert card == {
            "id": str(world.agent_id), "slug": "lending-assistant", "name": "Lending assistant",
            "summary": "Answers borrowers", "team": "lending", "owner": "Ana Ruiz", "autonomy": 1, "risk_class": "high",
            "status": "registered", "stage": "", "gate": "unknown",
        }  # fmt: skip

    def test_the_catalogue_is_listed_and_added_to(self, world, call):
        assert [one["slug"] for one in call("GET", "/api/v1/catalogue/data/").json()["data_sources"]] == ["tariffs"]
        made = call(
            "POST", "/api/v1/catalogue/data/", {"name": "Gifts", "classification": "internal", "fresh_on": "2026-11-01"}
        )
        assert made.status_code == 201 and DataSource.objects.get(slug="gifts").classification == "internal"
        made = call("POST", "/api/v1/catalogue/tools/", {"slug": "gifts.read", "tags": ["customer_data"]})
        assert made.json()["effect"] == "irreversible" and Tool.objects.get(slug="gifts.read").tags == ["customer_data"]
        tools = [one["slug"] for one in call("GET", "/api/v1/catalogue/tools/?q=gift").json()["tools"]]
        assert tools == ["gifts.read"]
        problem(call("POST", "/api/v1/catalogue/tools/", {"slug": "gifts.read"}), 409)
        body = problem(call("POST", "/api/v1/catalogue/tools/", {"slug": "x", "effect": "harmless"}), 422)
        assert "effect" in body["errors"]


class TestRegistering:
    def test_an_agent_is_registered_and_read_back(self, world, call):
        made = call("POST", AGENTS, {**NEW, "deputy_email": "deputy@bank.example", "autonomy": 2})
        assert made.status_code == 201 and made["Location"] == f"{AGENTS}by-script/"
        read = call("GET", made["Location"])
        assert read.json() == made.json() and read["ETag"] == made["ETag"]
        assert read.json()["deputy"] == "Dirk de Boer" and read.json()["packets"] == []

    def test_without_an_owner_the_caller_is_it(self, world, call):
        body = {name: value for name, value in NEW.items() if name != "owner_email"}
        assert call("POST", AGENTS, body).json()["owner"] == "Mina Okafor"

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"team": "no-such"}, "team"),
            ({"owner_email": "nobody@bank.example"}, "owner_email"),
            ({"autonomy": 9}, "autonomy"),
            ({"risk": "high"}, "risk"),
            ({"status": "live"}, "status"),
            ({"name": "n" * 151}, "name"),
            ({"name": None}, "name"),
            ({"summary": {"a": 1}}, "summary"),
            ({"next_review": "soon"}, "next_review"),
        ],
    )
    def test_what_does_not_hold_is_said_by_field_and_nothing_is_made(self, world, call, change, field):
        assert field in problem(call("POST", AGENTS, {**NEW, **change}), 422)["errors"]
        assert not Agent.objects.filter(slug="by-script").exists()

    def test_the_actions_refusals_come_through(self, world, call):
        call("POST", AGENTS, NEW)
        assert "already" in problem(call("POST", AGENTS, NEW), 409)["detail"]
        problem(call("POST", AGENTS, {**NEW, "name": "Other", "team": "claims"}), 403)
        body = problem(call("POST", AGENTS, {**NEW, "name": "?", "deputy_email": NEW["owner_email"]}), 422)
        assert len(body["problems"]) == 2

    @pytest.mark.parametrize(
        ("body", "kind", "status"),
        [
            (b"{", "application/json", 400),
            (b"[1]", "application/json", 400),
            (b"NaN", "application/json", 400),
            (b"\xff", "application/json", 400),
            (b'{"name": "\\ud800"}', "application/json", 400),
            (b"[" * 100_000, "application/json", 400),
            (b"name=x", "application/x-www-form-urlencoded", 415),
            (b"{}", "text/plain", 415),
            (b" " * (10 * 1024 * 1024 + 1), "application/json", 413),
        ],
    )
    def test_a_body_that_is_no_json_object_is_a_problem_and_no_crash(self, call, body, kind, status):
        problem(call("POST", AGENTS, body, Content_Type=kind), status)

    def test_wrong_methods_and_addresses_are_problems(self, call):
        response = call("DELETE", AGENTS)
        problem(response, 405)
        assert "GET" in response["Allow"]
        problem(call("GET", f"{AGENTS}nobody/"), 404)
        problem(call("GET", "/api/v1/nothing/here"), 404)
        problem(call("POST", "/api/v1/nothing/"), 404)
        assert "slash at its end" in problem(call("GET", "/api/v1/agents"), 404)["detail"]
        problem(call("GET", AGENTS, Accept="text/html"), 406)

    def test_a_browser_needs_its_csrf_token(self, world):
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(world.member, backend="django.contrib.auth.backends.ModelBackend")
        refused = browser.post(AGENTS, json.dumps(NEW), content_type="application/json")
        assert "CSRF" in problem(refused, 403)["detail"]
        browser.get(reverse("agent_new"))
        token = browser.cookies["csrftoken"].value
        made = browser.post(AGENTS, json.dumps(NEW), content_type="application/json", headers={"X-CSRFToken": token})
        assert made.status_code == 201


class TestOnce:
    """Idempotency-Key."""

    def test_asking_again_gives_the_same_answer_and_makes_nothing(self, world, call):
        key = str(uuid.uuid4())
        first = call("POST", AGENTS, NEW, Idempotency_Key=key)
        # The same members in another order are the same request.
        again = call("POST", AGENTS, dict(reversed(NEW.items())), Idempotency_Key=key)
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.content == again.content
        assert (first["Location"], first["ETag"]) == (again["Location"], again["ETag"])
        assert again["Idempotency-Replayed"] == "true" and "Idempotency-Replayed" not in first
        assert len(world.entries(Agent.objects.get(slug="by-script"))) == 1

    def test_the_same_key_for_something_else_is_409(self, world, call):
        call("POST", AGENTS, NEW, Idempotency_Key="k")
        problem(call("POST", AGENTS, {**NEW, "name": "Other"}, Idempotency_Key="k"), 409)
        problem(call("POST", "/api/v1/catalogue/data/", {"name": "Gifts"}, Idempotency_Key="k"), 409)
        assert not Agent.objects.filter(slug="other").exists()

    def test_one_callers_key_is_not_anothers(self, world, call):
        call("POST", AGENTS, NEW, Idempotency_Key="k")
        other = Caller(world.owner)("POST", AGENTS, {**NEW, "name": "Other"}, Idempotency_Key="k")
        assert other.status_code == 201

    def test_a_refused_create_can_be_mended_under_its_key(self, world, call):
        problem(call("POST", AGENTS, {**NEW, "team": "claims"}, Idempotency_Key="k"), 403)
        assert call("POST", AGENTS, NEW, Idempotency_Key="k").status_code == 201

    def test_a_key_is_forgotten_after_a_day(self, world, call, monkeypatch):
        call("POST", AGENTS, NEW, Idempotency_Key="k")
        later = api.timezone.now() + api.KEPT
        monkeypatch.setattr(api.timezone, "now", lambda: later)
        assert call("POST", AGENTS, {**NEW, "name": "Other"}, Idempotency_Key="k").status_code == 201
        assert IdempotentAnswer.objects.count() == 1

    @pytest.mark.parametrize("key", ["k" * 256, "é"])
    def test_a_key_that_is_none_is_refused(self, call, key):
        problem(call("POST", AGENTS, NEW, Idempotency_Key=key), 422)


class TestChanging:
    """ETag and If-Match."""

    PATH = f"{AGENTS}lending-assistant/"

    def test_a_change_names_the_version_that_it_was_made_from(self, world, call):
        tag = call("GET", self.PATH)["ETag"]
        problem(call("PATCH", self.PATH, {"summary": "New"}), 428)
        changed = call("PATCH", self.PATH, {"summary": "New"}, If_Match=tag)
        assert changed.json()["summary"] == world.agent.summary == "New" and changed["ETag"] != tag
        problem(call("PATCH", self.PATH, {"summary": "Newer"}, If_Match=tag), 412)
        assert world.agent.summary == "New"
        assert call("PATCH", self.PATH, {"summary": "Newer"}, If_Match=f'"x", {changed["ETag"]}').status_code == 200

    def test_what_is_unchanged_is_not_sent_again(self, call):
        tag = call("GET", self.PATH)["ETag"]
        again = call("GET", self.PATH, If_None_Match=tag)
        assert again.status_code == 304 and again["ETag"] == tag and not again.content

    def test_what_others_decide_cannot_be_written(self, world, call):
        for change in ({"status": "live"}, {"gate": "pass"}, {"owner_email": "member@bank.example"}, {"slug": "x"}):
            problem(call("PATCH", self.PATH, change, If_Match="*"), 422)
        problem(Caller(world.outsider)("PATCH", self.PATH, {"summary": "x"}, If_Match="*"), 403)

    def test_the_deputy_is_named_and_taken_away_by_address(self, world, call):
        changed = call("PATCH", self.PATH, {"deputy_email": "member@bank.example"}, If_Match="*")
        assert changed.json()["deputy"] == "Mina Okafor"
        assert call("PATCH", self.PATH, {"deputy_email": None}, If_Match="*").json()["deputy"] is None
        problem(call("PATCH", self.PATH, {"deputy_email": "owner@bank.example"}, If_Match="*"), 422)


class TestPackets:
    def path(self, packet, number):
        return f"/api/v1/packets/{packet.pk}/sections/{number}"

    def test_a_packet_is_started_filled_and_submitted_through_the_api_alone(self, world):
        call, content = Caller(world.author), world.sections()
        made = call("POST", f"{AGENTS}lending-assistant/packets/", {"version": "4.0.0"}, Idempotency_Key="p")
        assert made.status_code == 201 and len(made.json()["sections"]) == 10
        packet = Packet.objects.get(pk=made.json()["id"])
        for one in SECTIONS:
            path = self.path(packet, one.number)
            body = json.loads(json.dumps({"content": content[one.number]}, default=str))
            wrote = call("PUT", path, body, If_Match=call("GET", path)["ETag"])
            assert wrote.status_code == 200, wrote.content
            asked = 2 if one.number == 9 else 0  # owner and deputy accept at the portal, which no token does
            assert len(wrote.json()["problems"]) == asked and wrote["ETag"] == '"1"'
        world.accept(packet)
        assert not any(one["problems"] for one in call("GET", made["Location"]).json()["sections"])
        submitted = call("POST", f"/api/v1/packets/{packet.pk}/submit")
        assert submitted.status_code == 201
        document = call("GET", f"/api/v1/packets/{packet.pk}/document")
        assert document.content == bytes(packet.current.document)
        assert document["ETag"] == f'"{packet.current.digest}"' == f'"{submitted.json()["digest"]}"'

    @pytest.mark.parametrize("number", range(1, 11))
    def test_writing_back_what_was_read_changes_nothing(self, world, call, draft, number):
        path = self.path(draft, number)
        before = call("GET", path)
        entries = len(world.entries(draft))
        wrote = call("PUT", path, {"content": before.json()["content"]}, If_Match=before["ETag"])
        assert wrote.status_code == 200 and wrote["ETag"] == before["ETag"]
        assert wrote.json() == before.json() and len(world.entries(draft)) == entries

    @pytest.mark.parametrize("number", range(1, 11))
    def test_what_is_read_can_be_written_into_another_packet(self, world, call, draft, number):
        other = world.register("Copied")
        made = call("POST", f"{AGENTS}copied/packets/", {"version": "1.0.0"}).json()
        target = Packet.objects.get(pk=made["id"], agent=other)
        content = call("GET", self.path(draft, number)).json()["content"]
        wrote = call("PUT", self.path(target, number), {"content": content}, If_Match='"0"')
        assert wrote.status_code == 200, wrote.content
        assert wrote.json()["content"] == content
        assert SECTIONS[number - 1].content(target) == SECTIONS[number - 1].content(draft)

    def test_two_who_read_the_same_version_do_not_overwrite_each_other(self, world, call, draft):
        path = self.path(draft, 1)
        tag = call("GET", path)["ETag"]
        mine = {"content": {"use": [{"text": "Mine"}], "non_use": [{"text": "a", "refusal": "b"}]}}
        assert call("PUT", path, mine, If_Match=tag).status_code == 200
        problem(Caller(world.owner)("PUT", path, {"content": {"use": [{"text": "Theirs"}]}}, If_Match=tag), 412)
        problem(call("PUT", path, mine), 428)
        assert call("GET", path).json()["content"] == mine["content"]

    @pytest.mark.parametrize(
        ("number", "content", "path"),
        [
            (1, {"uses": []}, "uses"),
            (1, {"use": {}}, "use"),
            (1, {"use": ["text"]}, "use[0]"),
            (1, {"use": [{"txt": "x"}]}, "use[0].txt"),
            (1, {"use": [{"text": ["x"]}]}, "use[0].text"),
            (1, {"use": [{"id": 1}]}, "use[0].id"),
            (1, {"sheet": {}}, "sheet"),
            (7, {"threat": [{"applies": "yes"}]}, "threat"),
            (7, {}, "threat"),
            (9, {"sheet": {"owner": "me"}}, "sheet.owner"),
        ],
    )
    def test_what_has_not_the_sections_shape_is_said_by_path(self, world, call, draft, number, content, path):
        before = call("GET", self.path(draft, number)).json()
        body = problem(call("PUT", self.path(draft, number), {"content": content}, If_Match="*"), 422)
        assert path in body["errors"]
        assert call("GET", self.path(draft, number)).json() == before

    def test_what_a_field_does_not_take_is_a_sentence(self, call, draft):
        body = call("GET", self.path(draft, 2)).json()["content"]
        body["grant"][0]["retention_days"] = "for ever"
        assert "Retention" in problem(call("PUT", self.path(draft, 2), {"content": body}, If_Match="*"), 422)["detail"]

    def test_a_packet_begins_as_the_copy_that_was_asked_for(self, call, submitted, draft):
        address = f"{AGENTS}{submitted.agent.slug}/packets/"
        made = call("POST", address, {"version": "8.0.0", "copies": str(submitted.pk)}).json()
        assert Packet.objects.get(pk=made["id"]).copied_from_id == submitted.pk
        problem(call("POST", address, {"version": "8.1.0", "copies": str(uuid.uuid4())}), 422)
        problem(call("POST", address, {"version": "8.1.0", "copies": str(draft.pk)}), 422)

    def test_a_closed_packet_takes_nothing(self, call, submitted):
        body = {"content": {"use": [{"text": "Late"}]}}
        problem(call("PUT", self.path(submitted, 1), body, If_Match="*"), 409)
        problem(call("POST", f"/api/v1/packets/{submitted.pk}/submit"), 409)

    def test_others_packets_are_not_there(self, world, draft):
        outsider = Caller(world.outsider)
        for path in (self.path(draft, 1), f"/api/v1/packets/{draft.pk}/", f"/api/v1/packets/{draft.pk}/document"):
            problem(outsider("GET", path), 404)
        problem(outsider("PUT", self.path(draft, 1), {"content": {}}, If_Match="*"), 404)
        problem(Caller(world.member)("GET", self.path(draft, 11)), 404)


class TestComparing:
    def test_it_says_what_the_page_says(self, world, call, promotable):
        copy = start_packet(agent=promotable.agent, version="2.0.0", by=world.member)
        world.change(copy, 10, kill_seconds=20)
        body = call("GET", f"/api/v1/packets/{copy.pk}/compare").json()
        assert (body["old"]["revision"], body["new"]["revision"]) == (1, None)
        assert body["old"]["digest"] == promotable.current.digest
        assert body["sections"] == [
            {
                "number": 0,
                "title": "The agent's card",
                "differences": [{"where": "version", "old": "1.0.0", "new": "2.0.0"}],
            },
            {
                "number": 10,
                "title": "Rollout, rollback and kill switch",
                "differences": [{"where": "kill seconds", "old": "30", "new": "20"}],
            },
        ]
        turned = call("GET", f"/api/v1/packets/{copy.pk}/compare?old={copy.pk}&new={promotable.pk}:1").json()
        assert turned["sections"][1]["differences"] == [{"where": "kill seconds", "old": "20", "new": "30"}]

    def test_a_packet_with_nothing_before_it_is_compared_with_nothing(self, call, draft):
        body = call("GET", f"/api/v1/packets/{draft.pk}/compare").json()
        assert (body["old"], body["sections"], body["new"]["packet"]) == (None, [], str(draft.pk))

    @pytest.mark.parametrize("value", ["x", "{pk}:9", "{pk}:-1", "{pk}:99999999999999999999", "{pk}:one"])
    def test_what_is_not_there_is_not_found(self, call, draft, value):
        problem(call("GET", f"/api/v1/packets/{draft.pk}/compare?old={value.format(pk=draft.pk)}"), 404)

    def test_neither_side_may_be_one_that_is_not_visible(self, world, call, draft):
        hidden = start_packet(
            agent=world.register("Theirs", team=world.other_team, owner=world.outsider, deputy=None, by=world.outsider),
            version="1", by=world.outsider,
        )  # fmt: skip
        for query in (f"old={hidden.pk}", f"new={hidden.pk}"):
            problem(call("GET", f"/api/v1/packets/{draft.pk}/compare?{query}"), 404)
