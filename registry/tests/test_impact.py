"""What is hit if something goes away: directly, through calls, and as far as the person may know."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from registry import impact
from registry.actions import catalogue_source, change_agent, move


@pytest.fixture
def as_person(client):
    def sign_in(person):
        client.force_login(person)
        return client

    return sign_in


def of(kind, id, user):
    return impact.of(impact.find(kind, id, user), user)


def slugs(dependants):
    return [one.agent.slug for one in dependants]


class TestDirectly:
    @pytest.mark.parametrize(
        ("kind", "id"), [("data", "tariffs"), ("tool", "tariffs.read"), ("model", "anthropic/claude-sonnet-4")]
    )
    def test_agents_whose_packets_name_it(self, world, draft, kind, id):
        found = of(kind, id, world.member)
        assert slugs(found.direct) == [draft.agent.slug]
        assert [packet.pk for packet in found.direct[0].packets] == [draft.pk]
        assert found.direct[0].held == [] and "Not in force: Drafted assistant." in found.sentences

    def test_what_is_in_force_says_where(self, world):
        world.live(world.register("Ready assistant"))
        found = of("tool", "tariffs.read", world.member)
        (held,) = next(one for one in found.direct if one.packets and one.agent.name == "Ready assistant").held
        assert (held.environment, held.verdict) == ("Production", "live")
        assert "In force now: Ready assistant." in found.sentences

    def test_ended_packets_do_not_count(self, world, draft):
        move(draft, "withdrawn", by=world.author)
        found = of("tool", "tariffs.read", world.member)
        assert found.direct == [] and found.sentences[0].startswith("Nothing here depends on tariffs.read")

    def test_what_nobody_uses_hits_nobody(self, world, draft):
        catalogue_source(name="Diary", by=world.member)
        assert of("data", "diary", world.member).direct == []
        assert of("model", "openai/gpt-4.1", world.member).direct == []

    def test_who_calls_an_agent(self, world):
        caller = world.register("Caller")
        change_agent(agent=caller, by=world.member, calls=[world.agent])
        found = of("agent", world.agent.slug, world.bystander)
        assert slugs(found.direct) == ["caller"] and of("agent", "caller", world.bystander).direct == []


class TestThroughCalls:
    def test_the_way_is_told_the_nearest_first(self, world, draft):
        near, far = world.register("Near"), world.register("Far")
        change_agent(agent=near, by=world.member, calls=[draft.agent])
        change_agent(agent=far, by=world.member, calls=[near])
        found = of("tool", "tariffs.read", world.member)
        assert slugs(found.indirect) == ["near", "far"]
        assert [other.slug for other in found.indirect[1].through] == ["near", draft.agent.slug]
        assert "2 more agents are hit through agents that they call." in found.sentences

    def test_a_circle_of_calls_ends(self, world):
        other = world.register("Other")
        change_agent(agent=other, by=world.member, calls=[world.agent])
        change_agent(agent=world.agent, by=world.member, calls=[other])
        found = of("agent", world.agent.slug, world.member)
        assert slugs(found.direct) == ["other"] and found.indirect == []

    def test_who_is_hit_directly_is_not_said_again(self, world, draft):
        other = world.draft(world.register("Second"))
        change_agent(agent=other.agent, by=world.member, calls=[draft.agent])
        found = of("tool", "tariffs.read", world.member)
        assert set(slugs(found.direct)) == {draft.agent.slug, "second"} and found.indirect == []


class TestWhoSeesWhat:
    def test_hidden_packets_are_counted_and_not_named(self, world, draft, as_person):
        caller = world.register("Caller")
        change_agent(agent=caller, by=world.member, calls=[draft.agent])
        found = of("tool", "tariffs.read", world.outsider)
        assert (found.direct, found.indirect, found.hidden_direct, found.hidden_indirect) == ([], [], 1, 1)
        page = as_person(world.outsider).get(reverse("impact"), {"kind": "tool", "id": "tariffs.read"})
        assert "Drafted assistant" not in page.content.decode() and "Caller" not in page.content.decode()

    def test_a_hidden_agent_is_named_for_a_call_that_everybody_sees(self, world, draft):
        mine = world.register("Mine", team=world.other_team, by=world.outsider, owner=world.outsider, deputy=None)
        world.draft(mine, by=world.outsider)
        change_agent(agent=draft.agent, by=world.member, calls=[mine])
        found = of("tool", "tariffs.read", world.outsider)
        assert (slugs(found.direct), slugs(found.indirect)) == (["mine"], [draft.agent.slug])
        assert (found.hidden_direct, found.hidden_indirect) == (1, 0)

    def test_models_are_offered_from_visible_packets_only(self, world, draft):
        assert [one.id for one in impact.suggested("model", "claude", world.member)] == ["anthropic/claude-sonnet-4"]
        assert impact.suggested("model", "claude", world.outsider) == []


class TestThePage:
    def test_choosing_and_what_is_no_object(self, world, as_person):
        visitor = as_person(world.bystander)
        page = visitor.get(reverse("impact"), {"kind": "agent", "q": "lend"}).content.decode()
        assert "kind=agent&amp;id=lending-assistant" in page
        page = visitor.get(reverse("impact"), {"kind": "tool", "id": "nope"}).content.decode()
        assert "Nothing of that kind is called nope here" in page
        assert visitor.get(reverse("impact"), {"kind": "'); drop"}).status_code == 200

    def test_the_catalogue_leads_there(self, world, as_person):
        visitor = as_person(world.member)
        for name, row, id in (("data_detail", world.source, "tariffs"), ("tool_detail", world.tool, "tariffs.read")):
            assert f"id={id}" in visitor.get(reverse(name, args=[row.pk])).content.decode()

    def test_many_dependants_cost_no_more_queries_than_few(self, world, draft, as_person):
        visitor, said = as_person(world.member), {"kind": "tool", "id": "tariffs.read"}
        near = world.register("Near")
        change_agent(agent=near, by=world.member, calls=[draft.agent])
        visitor.get(reverse("impact"), said)
        with CaptureQueriesContext(connection) as few:
            visitor.get(reverse("impact"), said)
        for i in range(3):
            other = world.draft(world.register(f"Other {i}"))
            far = world.register(f"Far {i}")
            change_agent(agent=far, by=world.member, calls=[near, other.agent])
        with CaptureQueriesContext(connection) as many:
            page = visitor.get(reverse("impact"), said).content.decode()
        assert "Other 2" in page and "Far 2" in page and len(many) == len(few)

    def test_the_api_says_the_same_and_refuses_what_is_no_kind(self, world, draft, as_person):
        visitor = as_person(world.member)
        body = visitor.get(reverse("api_impact"), {"kind": "tool", "id": "tariffs.read"}).json()
        assert body["direct"][0]["agent"] == draft.agent.slug and body["hidden_direct"] == 0
        assert visitor.get(reverse("api_impact"), {"kind": "tool", "id": "nope"}).status_code == 404
        assert visitor.get(reverse("api_impact"), {"kind": "team", "id": "x"}).status_code == 422
