"""What the rooms above make of a changed card or owner: sign-offs, gates, the home page, the agent's page."""

import pytest
from django.urls import reverse

from approvals.standing import standings
from portal.todos import todos
from registry import ownership
from registry.actions import change_agent
from releases.actions import promotion_bar
from work import clock


@pytest.fixture
def as_person(client):
    def sign_in(person):
        client.force_login(person)
        return client

    return sign_in


def statuses(world, packet):
    packet = world.fresh(packet)
    return {one.role: (one.status, one.why) for one in standings(packet, packet.current, clock.now())}


@pytest.mark.parametrize("values", [{"risk_class": "prohibited"}, {"risk_class": "limited"}, {"autonomy": 5}])
def test_another_risk_class_or_autonomy_lapses_every_sign_off(world, promotable, values):
    assert {status for status, _ in statuses(world, promotable).values()} == {"valid"}
    change_agent(agent=promotable.agent, by=world.member, **values)
    assert {status for status, _ in statuses(world, promotable).values()} == {"lapsed"}


def test_words_that_nobody_signed_for_lapse_nothing(world, promotable):
    change_agent(agent=promotable.agent, by=world.member, support_path="#other", summary="Other words")
    assert {status for status, _ in statuses(world, promotable).values()} == {"valid"}


def test_a_new_owner_takes_the_old_ones_sign_off_with_it_and_no_other(world, promotable):
    handover = ownership.offer(agent=promotable.agent, to=world.member, by=world.owner)
    assert statuses(world, promotable)["owner"][0] == "valid", "an offer changes nothing"
    ownership.accept(handover=handover, by=world.member)
    found = statuses(world, promotable)
    assert found.pop("owner") == ("lapsed", "Ana Ruiz no longer holds the role.")
    assert {status for status, _ in found.values()} == {"valid"}


def test_the_new_owner_signs_and_the_old_one_no_longer_decides(world, promotable):
    handover = ownership.offer(agent=promotable.agent, to=world.member, by=world.owner)
    ownership.accept(handover=handover, by=world.member)
    packet = world.fresh(promotable)
    world.sign(packet, "owner", by=world.member)
    assert statuses(world, packet)["owner"][0] == "valid"
    assert promotion_bar(packet, world.owner) and not promotion_bar(packet, world.member)


def test_an_offer_waits_on_the_new_owners_home_page_until_it_is_answered(world, as_person):
    handover = ownership.offer(agent=world.agent, to=world.bystander, by=world.owner)
    (todo,) = [one for one in todos(world.bystander) if one.when == "Offered to you"]
    assert todo.url == reverse("agent_handover", args=[world.agent.slug]) and "Ana Ruiz hands it over" in todo.why
    assert not [one for one in todos(world.owner) if one.when == "Offered to you"]
    assert "Offered to you" in as_person(world.bystander).get(reverse("home")).content.decode()
    ownership.decline(handover=handover, by=world.bystander)
    assert not [one for one in todos(world.bystander) if one.when == "Offered to you"]


def test_the_agents_page_says_that_it_is_offered_and_offers_what_one_may(world, as_person):
    url = reverse("agent_detail", args=[world.agent.slug])
    edit, hand_over = (reverse(name, args=[world.agent.slug]) for name in ("agent_edit", "agent_handover"))
    page = as_person(world.member).get(url).content.decode()
    assert f'href="{edit}"' in page and "Offered to" not in page
    page = as_person(world.outsider).get(url).content.decode()
    assert f'href="{edit}"' not in page
    ownership.offer(agent=world.agent, to=world.bystander, by=world.owner)
    page = as_person(world.outsider).get(url).content.decode()
    assert "Offered to Bea Nobody" in page and f'href="{hand_over}"' in page
