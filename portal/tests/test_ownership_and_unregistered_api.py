"""The API of hand-overs, retiring and what nobody registered: people decide, a service account is told why not."""

import datetime as dt
import json

import pytest
from django.test import Client
from django.urls import reverse

from accounts.roles import Scope
from accounts.tokens import add_service_account, make_token
from signals.models import CostRule
from signals.unregistered.counting import count_source
from signals.unregistered.models import Sighting
from work import clock


@pytest.fixture
def ask(world):
    """`ask("owner", "POST", url, {...})`: the answer to a token of that person, or of a service account."""
    service = add_service_account(team=world.team, name="Pipeline", purpose="CI", by=world.member)

    def send(who, method, url, data=None, **headers):
        person, by = (service.person, world.member) if who == "service" else (world.person(who),) * 2
        token = make_token(person=person, name="t", scopes=list(Scope.values), days=30, by=by).secret
        headers["Authorization"] = f"Bearer {token}"
        body = json.dumps(data) if data is not None else ""
        return Client().generic(method, url, body, content_type="application/json", headers=headers)

    return send


class TestHandOvers:
    def test_offered_and_accepted_by_two_people(self, world, ask):
        url = reverse("api_handovers", args=[world.agent.slug])
        made = ask("owner", "POST", url, {"to_email": "bystander@bank.example", "note": "Yours?"})
        assert made.status_code == 201 and made.json()["state"] == "open"
        assert [one["to"] for one in ask("member", "GET", url).json()["hand_overs"]] == ["bystander@bank.example"]
        accept = reverse("api_handover_accept", args=[made.json()["id"]])
        assert ask("member", "POST", accept).status_code == 403
        assert ask("bystander", "POST", accept).json()["state"] == "accepted"
        assert world.agent.owner == world.bystander
        assert ask("bystander", "POST", accept).status_code == 409

    @pytest.mark.parametrize(
        ("who", "word", "state"), [("bystander", "decline", "declined"), ("owner", "withdraw", "withdrawn")]
    )
    def test_declined_and_withdrawn(self, world, ask, who, word, state):
        url = reverse("api_handovers", args=[world.agent.slug])
        made = ask("owner", "POST", url, {"to_email": "bystander@bank.example"}).json()
        assert ask(who, "POST", reverse(f"api_handover_{word}", args=[made["id"]])).json()["state"] == state

    def test_a_service_account_is_refused_in_words(self, world, ask):
        url = reverse("api_handovers", args=[world.agent.slug])
        refused = ask("service", "POST", url, {"to_email": "bystander@bank.example"})
        assert refused.status_code == 403
        assert (
            "Pipeline is a service account" in refused.json()["detail"]
            and "hands an agent over" in refused.json()["detail"]
        )

    def test_nobody_of_that_address(self, world, ask):
        url = reverse("api_handovers", args=[world.agent.slug])
        assert ask("owner", "POST", url, {"to_email": "x@y.example"}).status_code == 422
        assert ask("owner", "GET", reverse("api_handovers", args=["none"])).status_code == 404


class TestRetiring:
    def test_there_and_back(self, world, ask):
        url, back = (reverse(f"api_agent_{name}", args=[world.agent.slug]) for name in ("retire", "take_back"))
        assert ask("service", "POST", url, {"reason": "Old"}).status_code == 403
        assert ask("owner", "POST", url, {}).status_code == 422
        assert ask("owner", "POST", url, {"reason": "Old"}).json()["status"] == "retired"
        assert ask("owner", "POST", url, {"reason": "Old"}).status_code == 409
        assert ask("owner", "POST", back).json()["retired_at"] is None


class TestUnregistered:
    @pytest.fixture
    def one(self, world):
        count_source(world.costs(None, "12.50").source)
        return Sighting.objects.get()

    def test_what_was_seen_and_spent(self, world, one, ask):
        (seen,) = ask("finance", "GET", reverse("api_unregistered")).json()["unregistered"]
        assert (seen["kind"], seen["value"], seen["lines"]) == ("service", "Models", 1)
        assert seen["spent"] == [{"currency": "EUR", "amount": "12.500000000000"}]
        (seen,) = ask("bystander", "GET", reverse("api_unregistered")).json()["unregistered"]
        assert seen["spent"] == []

    def test_mapped_once_whatever_the_network_does(self, world, one, ask):
        url, said = reverse("api_sighting_map", args=[one.pk]), {"agent": world.agent.slug}
        for _ in range(2):
            answer = ask("finance", "POST", url, said, **{"Idempotency-Key": "k"})
            assert answer.status_code == 200 and answer.json()["agent"] == world.agent.slug
        assert CostRule.objects.count() == 1
        assert ask("admin", "POST", url, said).status_code == 409
        assert ask("finance", "POST", url, {"agent": "none"}).status_code == 422

    def test_ignored_and_found_under_what_is_ignored(self, world, one, ask):
        until = (clock.now().date() + dt.timedelta(days=9)).isoformat()
        url = reverse("api_sighting_ignore", args=[one.pk])
        assert ask("service", "POST", url, {"reason": "x", "until": until}).status_code == 403
        assert ask("finance", "POST", url, {"reason": "A trial", "until": until}).json()["ignored_until"] == until
        assert ask("member", "GET", reverse("api_unregistered")).json()["unregistered"] == []
        (seen,) = ask("member", "GET", reverse("api_unregistered") + "?show=ignored").json()["unregistered"]
        assert seen["reason"] == "A trial"

    def test_pages_follow_one_another(self, world, one, ask):
        moment = clock.now()
        for i in range(4):
            Sighting.objects.create(kind="project", value=f"p{i}", lines=1, first_seen=moment, last_seen=moment)
        found, url = [], reverse("api_unregistered") + "?limit=2"
        while url:
            page = ask("member", "GET", url).json()
            found, url = found + [one["value"] for one in page["unregistered"]], page["next"]
        assert found == ["Models", "p0", "p1", "p2", "p3"]
