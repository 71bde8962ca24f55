"""An agent's map: what is live, what is proposed, what is missing, and who may see which part."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import actions as accounts
from registry import map, upkeep
from registry.actions import catalogue_source, catalogue_tool, change_agent, move, write_section
from registry.models import Agent


@pytest.fixture
def as_person(client):
    def sign_in(person):
        client.force_login(person)
        return client

    return sign_in


def nodes(agent, user):
    agent = Agent.objects.select_related("owner", "deputy", "team").get(pk=agent.pk)
    return {(node.lane, node.key): node for node in map.of(agent, user).nodes}


def _next(world, release, **changes):
    """A draft of the next version, in which section 6 grants another tool."""
    from registry.actions import start_packet

    packet = start_packet(agent=release.agent, version="2.0.0", by=world.author)
    for number, content in changes.items():
        write_section(packet=packet, number=int(number[1:]), content=content, by=world.author)
    return packet


class TestWhatIsLiveAndWhatIsProposed:
    def test_a_draft_alone_is_proposed(self, world, draft):
        found = nodes(draft.agent, world.member)
        assert found["data", "tariffs"].when == found["tool", "tariffs.read"].when == "proposed"

    def test_the_packet_in_force_is_live(self, world, promotable):
        world.promote(promotable)
        found = nodes(promotable.agent, world.member)
        assert found["data", "tariffs"].when == "live"
        assert found["model", "anthropic/claude-sonnet-4@20250514"].when == "live"
        assert found["prompt", "system@14"].when == "live" and found["retrieval", "tariffs-7"].when == "live"

    def test_what_the_next_version_adds_keeps_and_drops(self, world, promotable):
        release = world.promote(promotable)
        other = catalogue_tool(slug="refunds.pay", by=world.member)
        section = world.sections()[6]
        section["grant"][0]["tool"] = other.pk
        _next(world, release, s6=section)
        found = nodes(release.agent, world.member)
        assert found["tool", "refunds.pay"].when == "proposed"
        assert found["tool", "tariffs.read"].when == "leaving"
        assert found["data", "tariffs"].when == "both"

    def test_an_ended_packet_is_not_drawn(self, world, draft):
        move(draft, "withdrawn", by=world.author)
        assert not [key for key in nodes(draft.agent, world.member) if key[0] in ("data", "tool", "model")]


class TestGaps:
    def gaps(self, world, agent, *key, user=None):
        return nodes(agent, user or world.member)[key].gaps

    def test_a_departed_owner_and_a_present_one(self, world):
        assert self.gaps(world, world.agent, "person", "owner") == []
        accounts.deactivate(person=world.owner, by=world.admin)
        assert self.gaps(world, world.agent, "person", "owner") == ["The owner has left: nobody answers for it."]

    def test_no_deputy_a_departed_one_and_a_present_one(self, world):
        assert self.gaps(world, world.agent, "person", "deputy") == []
        alone = world.register("Alone", deputy=None)
        assert self.gaps(world, alone, "person", "deputy") == ["Nobody answers while the owner is away."]
        accounts.deactivate(person=world.deputy, by=world.admin)
        assert self.gaps(world, world.agent, "person", "deputy") == ["The deputy has left."]

    def test_a_source_without_contract_or_classification(self, world, draft):
        assert self.gaps(world, draft.agent, "data", "tariffs") == []
        bare = catalogue_source(name="Diary", by=world.member)
        section = world.sections()[2]
        section["grant"][0]["source"] = bare.pk
        write_section(packet=draft, number=2, content=section, by=world.author)
        assert len(self.gaps(world, draft.agent, "data", "diary")) == 2

    def test_a_tool_that_nobody_confirmed_and_one_that_somebody_did(self, world, draft):
        assert self.gaps(world, draft.agent, "tool", "tariffs.read") == ["Nobody has confirmed what a call does."]
        upkeep.confirm_tool(tool=world.tool, effect="read", tags=[], by=world.security)
        assert self.gaps(world, draft.agent, "tool", "tariffs.read") == []

    @pytest.mark.parametrize(
        ("environment", "approval", "gap"),
        [("live", "none", True), ("live", "per_batch", True), ("live", "per_call", False), ("sandbox", "none", False)],
    )
    def test_what_cannot_be_undone_without_a_person(self, world, draft, environment, approval, gap):
        upkeep.confirm_tool(tool=world.tool, effect="irreversible", tags=[], by=world.security)
        section = world.sections()[6]
        section["grant"][0] |= {"environment": environment, "approval": approval}
        write_section(packet=draft, number=6, content=section, by=world.author)
        assert bool(self.gaps(world, draft.agent, "tool", "tariffs.read")) is gap

    def test_no_model_pinned(self, world, draft):
        assert not [key for key in nodes(draft.agent, world.member) if key[1].startswith("none-")]
        write_section(packet=draft, number=3, content={"model": [], "prompt": []}, by=world.author)
        (node,) = [node for key, node in nodes(draft.agent, world.member).items() if key[0] == "model"]
        assert node.when == "missing" and "pins no model" in node.gaps[0]

    def test_a_called_agent_that_is_not_live_and_one_that_is(self, world):
        helper = world.register("Helper")
        change_agent(agent=world.agent, by=world.member, calls=[helper])
        assert self.gaps(world, world.agent, "call", "helper") == ["It is called, but is not live."]
        Agent.objects.filter(pk=helper.pk).update(status="live")
        assert self.gaps(world, world.agent, "call", "helper") == []
        assert nodes(helper, world.member)["caller", "lending-assistant"].gaps == []


class TestWhoSeesWhat:
    def test_who_may_not_see_the_packet_sees_counts_alone(self, world, draft, as_person):
        agent = Agent.objects.select_related("owner", "deputy", "team").get(pk=draft.agent_id)
        found = map.of(agent, world.outsider)
        assert {node.lane for node in found.nodes} == {"person"}
        assert found.hidden == {"data": 1, "tool": 1, "model": 1, "prompt": 1, "retrieval": 1}
        page = as_person(world.outsider).get(reverse("agent_map", args=[agent.slug])).content.decode()
        assert "1 data source, 1 tool, 1 model, 1 prompt and 1 index" in page
        assert "Tariffs" not in page and "tariffs.read" not in page and "claude" not in page

    def test_who_may_sees_names_and_no_counts(self, world, draft, as_person):
        page = as_person(world.member).get(reverse("agent_map", args=[draft.agent.slug]))
        assert page.context["map"].hidden == {} and "tariffs.read" in page.content.decode()


def test_the_page_makes_no_more_queries_for_many_things_than_for_few(world, draft, as_person):
    visitor, url = as_person(world.member), reverse("agent_map", args=[draft.agent.slug])
    visitor.get(url)
    with CaptureQueriesContext(connection) as few:
        visitor.get(url)
    section = world.sections()[6]
    tools = [catalogue_tool(slug=f"tool.{i}", by=world.member) for i in range(8)]
    section["grant"] = [{**section["grant"][0], "tool": tool.pk} for tool in tools]
    write_section(packet=draft, number=6, content=section, by=world.author)
    change_agent(agent=draft.agent, by=world.member, calls=[world.register(f"Helper {i}") for i in range(6)])
    with CaptureQueriesContext(connection) as many:
        page = visitor.get(url).content.decode()
    assert page.count("tool.7") >= 2 and page.count("Helper 5") >= 2
    assert len(many) == len(few) and len(few) <= 24


def test_every_box_is_a_link_that_says_what_it_is(world, draft, as_person):
    page = as_person(world.member).get(reverse("agent_map", args=[draft.agent.slug])).content.decode()
    svg = page[page.index('<svg class="map"') : page.index("</svg>", page.index('<svg class="map"'))]
    assert svg.count("<a href=") == svg.count("aria-label=") == svg.count("</a>") > 5
    assert "Tools: tariffs.read. Read. Proposed. Nobody has confirmed what a call does." in svg


def test_the_api_says_the_same(world, draft, as_person):
    body = as_person(world.member).get(reverse("api_agent_map", args=[draft.agent.slug])).json()
    tool = next(node for node in body["nodes"] if node["kind"] == "tool")
    assert (tool["id"], tool["when"], body["live"]) == ("tariffs.read", "proposed", None)
    assert body["proposed"]["packet"] == str(draft.pk)
