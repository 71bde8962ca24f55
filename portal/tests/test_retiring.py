"""An agent is retired when nothing of it runs or is open, leaves the lists, and can be taken back."""

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts import actions as accounts
from approvals.actions import withdraw_packet
from registry import actions, ownership
from registry.models import Agent, Handover
from registry.retirement import in_the_way, retire_agent, take_back_agent
from work.acts import Conflict, Denied, Invalid

WHY = "The lending suite answers now."


@pytest.fixture
def idle(world):
    return world.register("Idle assistant")


def test_the_owner_retires_it_and_the_ledger_says_so(world, idle):
    agent = retire_agent(agent=idle, reason=WHY, by=world.owner)
    agent.refresh_from_db()
    assert (agent.status, agent.retired_by, agent.retired_because) == ("retired", world.owner, WHY)
    (entry,) = world.entries(idle, "agent.retired")
    assert entry["actor"]["id"] == str(world.owner.pk) and WHY not in str(entry)


@pytest.mark.parametrize("who", ["member", "deputy", "admin", "auditor", "outsider", "security"])
def test_nobody_else_does_while_there_is_an_owner(world, idle, who):
    with pytest.raises(Denied, match="Only Ana Ruiz"):
        retire_agent(agent=idle, reason=WHY, by=world.person(who))


def test_a_platform_admin_does_once_the_owner_has_left(world, idle):
    accounts.deactivate(person=world.owner, by=world.admin)
    with pytest.raises(Denied, match="has left"):
        retire_agent(agent=idle, reason=WHY, by=world.deputy)
    with pytest.raises(Denied):
        retire_agent(agent=idle, reason=WHY, by=world.owner)
    assert retire_agent(agent=idle, reason=WHY, by=world.admin).status == "retired"


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_a_reason_is_asked_for(world, idle, reason):
    with pytest.raises(Invalid):
        retire_agent(agent=idle, reason=reason, by=world.owner)


def test_not_while_a_release_is_in_force(world, promotable):
    world.promote(promotable)
    with pytest.raises(Conflict, match=r"Version 1\.0\.0 is in force"):
        retire_agent(agent=promotable.agent, reason=WHY, by=world.owner)


def test_not_while_a_packet_is_open_which_is_named(world, draft):
    assert in_the_way(draft.agent) == ["Packet 1 (1.0.0) is draft. Withdraw it, or finish it."]
    with pytest.raises(Conflict, match="Packet 1"):
        retire_agent(agent=draft.agent, reason=WHY, by=world.owner)
    withdraw_packet(packet=draft, by=world.author)
    assert retire_agent(agent=world.fresh(draft.agent), reason=WHY, by=world.owner)


def test_an_offer_that_waits_ends_with_it(world, idle):
    ownership.offer(agent=idle, to=world.member, by=world.owner)
    retire_agent(agent=idle, reason=WHY, by=world.owner)
    assert Handover.objects.get(agent=idle).state == "withdrawn"
    with pytest.raises(Conflict, match="retired"):
        ownership.offer(agent=idle, to=world.member, by=world.owner)


def test_a_retired_agent_files_changes_and_promotes_nothing(world, promotable):
    agent = retire_agent(agent=promotable.agent, reason=WHY, by=world.owner)
    with pytest.raises(Conflict, match="is retired"):
        actions.start_packet(agent=agent, version="2.0.0", by=world.author)
    with pytest.raises(Conflict, match="is retired"):
        actions.change_agent(agent=agent, summary="Other", by=world.member)
    with pytest.raises(Denied, match="is retired"):
        world.promote(world.fresh(promotable))


def test_it_is_taken_back_by_the_same_people_as_it_was(world, promotable):
    agent = retire_agent(agent=promotable.agent, reason=WHY, by=world.owner)
    with pytest.raises(Conflict):
        retire_agent(agent=agent, reason=WHY, by=world.owner)
    with pytest.raises(Denied):
        take_back_agent(agent=agent, by=world.member)
    agent = take_back_agent(agent=agent, by=world.owner)
    assert (agent.status, agent.retired_at) == ("approved", None)
    assert world.promote(world.fresh(promotable)).state == "live"
    with pytest.raises(Conflict):
        take_back_agent(agent=agent, by=world.owner)


def test_lists_leave_it_out_until_they_are_asked(world, idle, client):
    retire_agent(agent=idle, reason=WHY, by=world.owner)
    client.force_login(world.member)
    pages = {
        show: client.get(reverse("agent_list"), {"status": show}).content.decode() for show in ("", "retired", "every")
    }
    assert "Idle assistant" not in pages[""] and "Lending assistant" in pages[""]
    assert "Idle assistant" in pages["retired"] and "Lending assistant" not in pages["retired"]
    assert "Idle assistant" in pages["every"] and "Lending assistant" in pages["every"]
    names = [one["name"] for one in client.get(reverse("api_agents")).json()["agents"]]
    assert "Idle assistant" not in names
    assert [one["name"] for one in client.get(reverse("api_agents") + "?status=retired").json()["agents"]] == [
        "Idle assistant"
    ]


def test_the_pages_retire_it_and_take_it_back(world, idle, client):
    client.force_login(world.owner)
    url = reverse("agent_retire", args=[idle.slug])
    assert client.post(url, {"reason": ""}).status_code == 422
    client.post(url, {"reason": WHY})
    page = client.get(reverse("agent_detail", args=[idle.slug])).content.decode()
    assert WHY in page and "Take it back" in page and "Start a packet" not in page
    client.post(url, {"act": "take_back"})
    assert world.fresh(idle).status == "registered"


def test_the_database_refuses_half_a_retirement(world, idle):
    for values in ({"status": "retired"}, {"retired_because": WHY}, {"retired_by": world.owner}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Agent.objects.filter(pk=idle.pk).update(**values)
