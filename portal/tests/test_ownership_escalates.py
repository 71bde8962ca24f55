"""Who is told when an owner has left, when a review is due, and when something nobody registered waits."""

import datetime as dt

import pytest

from accounts import actions as accounts
from portal.todos import REVIEW_NOTICE, TEAM_HEARS, todos
from registry import ownership
from registry.models import Agent
from registry.retirement import retire_agent
from signals.unregistered.actions import claim_sighting, ignore_sighting
from signals.unregistered.counting import count_source
from signals.unregistered.models import Sighting
from work import clock


def told(person, when):
    """What the home page says under one heading."""
    return [(one.title, one.why, one.action) for one in todos(person) if one.when == when]


@pytest.fixture
def left(world):
    """An agent whose owner leaves today."""
    agent = world.register("Orphan", owner=world.bystander)
    accounts.deactivate(person=world.bystander, by=world.admin)
    return agent


def later(days):
    return clock.at(clock.now() + dt.timedelta(days=days))


def test_the_deputy_and_admins_hear_at_once_and_the_team_after_a_week(world, left):
    ((title, why, _),) = told(world.deputy, "No owner")
    assert title == "Orphan" and "As its deputy you answer for it" in why
    ((_, why, action),) = told(world.admin, "No owner")
    assert why.endswith("Offer it to a new owner.") and action == "Offer it"
    assert told(world.member, "No owner") == []
    with later(TEAM_HEARS.days + 1):
        ((_, why, _),) = told(world.member, "No owner")
        assert "tell a platform admin" in why
        assert told(world.outsider, "No owner") == told(world.auditor, "No owner") == []


def test_an_offer_silences_it_until_it_is_taken_or_waits_too_long(world, left):
    ownership.offer(agent=left, to=world.member, by=world.admin)
    assert told(world.deputy, "No owner") == told(world.admin, "No owner") == []
    with later(TEAM_HEARS.days + 1):
        assert told(world.admin, "No owner")
        ownership.accept(handover=left.handovers.get(), by=world.member)
        assert told(world.admin, "No owner") == []


def test_nobody_is_told_of_a_retired_agent_without_owner(world, left):
    retire_agent(agent=left, reason="Not used", by=world.admin)
    assert told(world.deputy, "No owner") == told(world.admin, "No owner") == []


@pytest.mark.parametrize(
    ("days", "heading"),
    [(REVIEW_NOTICE.days + 1, None), (REVIEW_NOTICE.days, "Review due"), (0, "Review due"), (-1, "Review overdue")],
)
def test_a_review_reminds_its_owner_and_deputy_two_weeks_ahead(world, days, heading):
    Agent.objects.filter(pk=world.agent_id).update(next_review=clock.now().date() + dt.timedelta(days=days))
    for who in ("owner", "deputy"):
        found = [one.when for one in todos(world.person(who)) if one.when.startswith("Review")]
        assert found == ([heading] if heading else [])
    assert not [one for one in todos(world.member) if one.when.startswith("Review")]


def test_those_who_may_answer_are_told_of_what_nobody_registered(world, client):
    assert told(world.finance, "Unregistered") == []
    count_source(world.costs(None).source)
    for who in ("finance", "admin"):
        ((title, _, _),) = told(world.person(who), "Unregistered")
        assert title == "One name that nobody registered"
    assert told(world.member, "Unregistered") == []
    one = Sighting.objects.get()
    claim_sighting(sighting=one, agent=world.agent, by=world.member)
    ((_, why, _),) = told(world.finance, "Unregistered")
    assert "1 claimed by a team" in why
    until = clock.now().date() + dt.timedelta(days=5)
    ignore_sighting(sighting=one, reason="A trial", until=until, by=world.finance)
    assert told(world.finance, "Unregistered") == []
    with later(6):
        assert told(world.finance, "Unregistered")
