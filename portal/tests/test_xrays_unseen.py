"""X-rays of what nobody registered, of keys that agents share, of retired agents that are still seen; and their API."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portal.tests.test_xrays import found, told
from portal.xrays import KINDS, of_agent
from portal.xrays.unseen import SPEND_DAYS
from registry.models import Agent
from registry.retirement import retire_agent
from signals.models import CostLine
from signals.unregistered.actions import ignore_sighting, map_sighting
from signals.unregistered.counting import count_source
from signals.unregistered.models import Sighting
from signals.unregistered.queries import live_but_unseen
from work import clock


def days(n):
    return clock.now() - dt.timedelta(days=n)


def seen(world, agent=None, at=None, tags=None, amount="12.50"):
    line = world.costs(agent, amount, at=at)
    CostLine.objects.filter(pk=line.pk).update(tags=tags or {})
    count_source(line.source)


@pytest.mark.parametrize(("age", "amount", "says"), [(9, "1", True), (6, "1", False), (9, "0", False)])
def test_what_spends_unregistered_for_a_week(world, age, amount, says):
    seen(world, at=days(age), amount=amount)
    assert (found("unregistered_spend", world.bystander) == ["Models"]) == says and SPEND_DAYS == 7


def test_it_is_mended_by_finance_and_admins_by_answering(world):
    seen(world, at=days(9))
    one = Sighting.objects.get()
    assert told("unregistered_spend", world.finance, "Models").action == "Mend"
    other = told("unregistered_spend", world.member, "Models")
    assert (other.action, other.who) == ("Look", "finance or a platform admin")
    map_sighting(sighting=one, agent=world.agent, by=world.finance)
    assert found("unregistered_spend", world.finance) == []


def test_what_was_ignored_until_a_day_that_has_passed(world):
    seen(world, at=days(9))
    one, until = Sighting.objects.get(), clock.now().date() + dt.timedelta(days=5)
    ignore_sighting(sighting=one, reason="A trial", until=until, by=world.admin)
    assert found("ignored_over", world.admin) == found("unregistered_spend", world.admin) == []
    with clock.at(clock.now() + dt.timedelta(days=6)):
        assert found("ignored_over", world.admin) == ["Models"]
        assert found("unregistered_spend", world.admin) == []


def test_agents_that_share_a_key_one_finding_a_key(world):
    other = world.register("Other")
    for agent, key in ((world.agent, "k"), (other, "k"), (other, "own")):
        seen(world, agent, tags={"api_key_id": key})
    assert found("shared_key", world.owner) == ["api_key_id=k"]
    one = told("shared_key", world.owner, "api_key_id=k")
    assert one.sentence.startswith("Lending assistant and Other use one key") and one.action == "Mend"
    assert "shared_key" in [one.kind.key for one in of_agent(other, world.owner)]
    assert found("shared_key", world.outsider) == [], "costs of others are not theirs to know"


def test_the_same_key_twice_of_one_agent_is_no_finding(world):
    for _ in range(2):
        seen(world, world.agent, tags={"api_key_id": "k"})
    assert found("shared_key", world.owner) == []


def test_a_retired_agent_that_is_still_seen(world):
    idle = world.register("Idle")
    seen(world, idle)
    retire_agent(agent=idle, reason="Not used", by=world.owner)
    assert found("retired_but_seen", world.owner) == []
    with clock.at(clock.now() + dt.timedelta(days=2)):
        seen(world, idle)
        assert found("retired_but_seen", world.owner) == ["Idle"]
        assert told("retired_but_seen", world.owner, "Idle").url == reverse("agent_retire", args=["idle"])
    assert "Idle" not in found("no_deputy", world.owner)


class TestApi:
    def test_it_says_what_the_page_says_with_the_same_filters(self, world, client):
        world.register("Alone", deputy=None)
        client.force_login(world.member)
        url = reverse("api_xrays")
        every = client.get(url).json()
        assert every["total"] == len(every["findings"]) >= 1
        found = client.get(url, {"kind": "no_deputy", "team": "lending", "severity": "important"}).json()["findings"]
        assert [(one["subject"], one["yours"]) for one in found] == [("Alone", True)]
        assert client.get(url, {"agent": "alone", "kind": "no_deputy"}).json()["total"] == 1
        assert client.get(url, {"agent": "lending-assistant", "kind": "no_deputy"}).json()["total"] == 0

    def test_it_is_bounded_and_paged(self, world, client):
        for i in range(5):
            world.register(f"Alone {i}", deputy=None)
        client.force_login(world.bystander)
        pages = [
            client.get(reverse("api_xrays"), {"kind": "no_deputy", "limit": 2, "page": n}).json()["findings"]
            for n in (1, 2, 3, 4)
        ]
        assert [len(one) for one in pages] == [2, 2, 1, 0]
        assert client.get(reverse("api_xrays"), {"limit": 201}).status_code == 422

    @pytest.mark.parametrize("query", [{"kind": "x"}, {"severity": "x"}, {"team": "x"}, {"agent": "x"}, {"other": "x"}])
    def test_what_is_no_choice_is_said(self, world, client, query):
        client.force_login(world.member)
        assert client.get(reverse("api_xrays"), query).status_code == 422


def test_keys_of_kinds_are_their_own():
    assert len({one.key for one in KINDS}) == len(KINDS)


class TestLiveButNotSeen:
    def test_after_so_many_days_as_the_address_says(self, world, promotable, client):
        agent = world.promote(promotable).agent
        Agent.objects.filter(pk=agent.pk).update(created_at=days(60))
        count = lambda n, at: live_but_unseen(world.owner, n, at).filter(pk=agent.pk).count()  # noqa: E731
        assert count(30, clock.now()) == 0, "evals and costs of today name it"
        later = clock.now() + dt.timedelta(days=20)
        assert (count(10, later), count(30, later)) == (1, 0)
        assert not live_but_unseen(world.outsider, 10, later).exists()
        client.force_login(world.owner)
        with clock.at(later):
            pages = [client.get(reverse("unregistered"), {"days": n}).content.decode() for n in (10, 30, "x")]
        assert ["Ready assistant" in page for page in pages] == [True, False, False]

    def test_one_registered_since_was_given_no_time(self, world, promotable):
        agent = world.promote(promotable).agent
        assert not live_but_unseen(world.owner, 10, clock.now() + dt.timedelta(days=5)).filter(pk=agent.pk).exists()


def test_the_list_makes_a_fixed_number_of_queries(world, client):
    client.force_login(world.finance)

    def made():
        client.get(reverse("unregistered"))
        with CaptureQueriesContext(connection) as context:
            assert client.get(reverse("unregistered")).status_code == 200
        return len(context)

    counts = []
    for n in (1, 5):
        for i in range(n):
            line = world.costs(None)
            tags = {"agent": f"ghost-{n}-{i}", "team": "lending", "owner": "member@bank.example"}
            CostLine.objects.filter(pk=line.pk).update(tags=tags, sub_account_id=f"acc-{i}")
        count_source(line.source)
        counts.append(made())
    assert counts[0] == counts[1] <= 22
