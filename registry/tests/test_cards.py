"""Changing an agent's card: on its page, with what it calls, and without losing what somebody else saved."""

import pytest
from django.urls import reverse

from registry import actions
from registry.actions import card_mark, change_agent
from registry.documents import problems
from registry.models import Agent
from work.acts import Conflict, Invalid


@pytest.fixture
def as_person(client):
    def sign_in(person):
        client.force_login(person)
        return client

    return sign_in


def _card(agent, **values):
    given = {
        "seen": card_mark(agent),
        "name": agent.name,
        "summary": agent.summary,
        "deputy": agent.deputy_id or "",
        "relationship": agent.relationship,
        "autonomy": agent.autonomy,
        "risk_class": agent.risk_class,
        "support_path": agent.support_path,
        "next_review": agent.next_review or "",
        "calls": [],
    }
    return {**given, **values}


def _edit(agent):
    return reverse("agent_edit", args=[agent.slug])


class TestTheAct:
    def test_the_agents_that_it_calls_are_changed_and_recorded(self, world):
        helper, other = world.register("Helper"), world.register("Other helper")
        change_agent(agent=world.agent, by=world.member, calls=[helper, other])
        assert set(world.agent.calls.all()) == {helper, other}
        entry = world.entries(world.agent)[-1]
        assert (entry["kind"], entry["data"]["fields"]) == ("agent.changed", ["calls"])
        change_agent(agent=world.agent, by=world.member, calls=[other], summary="Other words")
        assert list(world.agent.calls.all()) == [other]
        assert world.entries(world.agent)[-1]["data"]["fields"] == ["calls", "summary"]

    def test_the_same_calls_again_change_and_record_nothing(self, world):
        helper = world.register("Helper")
        change_agent(agent=world.agent, by=world.member, calls=[helper])
        before = len(world.entries(world.agent))
        change_agent(agent=world.agent, by=world.member, calls=[helper])
        assert len(world.entries(world.agent)) == before

    def test_an_agent_does_not_call_itself(self, world):
        with pytest.raises(Invalid, match="cannot call itself"):
            change_agent(agent=world.agent, by=world.member, calls=[world.agent])

    def test_a_card_that_somebody_saved_meanwhile_is_not_overwritten(self, world):
        seen = card_mark(world.agent)
        change_agent(agent=world.agent, by=world.deputy, summary="Theirs")
        with pytest.raises(Conflict, match="after you opened it"):
            change_agent(agent=world.agent, by=world.member, seen=seen, support_path="#mine")
        assert (world.agent.summary, world.agent.support_path) == ("Theirs", "#lending")

    def test_the_mark_moves_with_every_field_of_the_card(self, world):
        import datetime as dt

        marks = [card_mark(world.agent)]
        for values in (
            {"name": "Other"},
            {"summary": "Other"},
            {"deputy": world.bystander},
            {"relationship": "part_of_product"},
            {"autonomy": 2},
            {"risk_class": "limited"},
            {"support_path": "#other"},
            {"next_review": dt.date(2027, 1, 1)},
            {"calls": [world.register("Helper")]},
        ):
            change_agent(agent=world.agent, by=world.member, **values)
            marks.append(card_mark(world.agent))
        assert len(set(marks)) == len(marks)


class TestThePage:
    def test_a_member_changes_every_field(self, world, as_person):
        helper = world.register("Helper")
        values = {
            "name": "Lending helper",
            "summary": "Answers lenders",
            "deputy": world.bystander.pk,
            "relationship": "part_of_product",
            "autonomy": 3,
            "risk_class": "limited",
            "support_path": "#other",
            "next_review": "2027-02-03",
            "calls": [helper.pk],
        }
        response = as_person(world.member).post(_edit(world.agent), _card(world.agent, **values))
        assert response["Location"] == reverse("agent_detail", args=["lending-assistant"])
        agent = world.agent
        assert (agent.name, agent.summary, agent.deputy, agent.relationship) == (
            "Lending helper",
            "Answers lenders",
            world.bystander,
            "part_of_product",
        )
        assert (agent.autonomy, agent.risk_class, agent.support_path) == (3, "limited", "#other")
        assert str(agent.next_review) == "2027-02-03" and list(agent.calls.all()) == [helper]

    def test_what_is_typed_survives_a_conflict_and_both_are_shown(self, world, as_person):
        visitor, stale = as_person(world.member), _card(world.agent, summary="Mine")
        change_agent(agent=world.agent, by=world.deputy, summary="Theirs", deputy=None)
        response = visitor.post(_edit(world.agent), stale)
        page = response.content.decode()
        assert response.status_code == 409 and 'value="Mine"' in page and "Theirs" in page
        assert f'value="{card_mark(world.agent)}"' in page, "the next save is made from what was shown"
        assert world.agent.summary == "Theirs"
        assert visitor.post(_edit(world.agent), {**stale, "seen": card_mark(world.agent)}).status_code == 302
        assert world.agent.summary == "Mine"

    def test_neither_owner_nor_team_can_be_posted(self, world, as_person):
        posted = _card(world.agent, owner=world.bystander.pk, team=world.other_team.pk, status="live", slug="x")
        as_person(world.member).post(_edit(world.agent), posted)
        agent = world.agent
        assert (agent.owner, agent.team, agent.status, agent.slug) == (
            world.owner,
            world.team,
            "registered",
            "lending-assistant",
        )

    @pytest.mark.parametrize("who", ["outsider", "bystander", "admin", "auditor", "security"])
    def test_others_are_refused(self, world, as_person, who):
        visitor = as_person(world.person(who))
        assert visitor.get(_edit(world.agent)).status_code == 403
        assert visitor.post(_edit(world.agent), _card(world.agent, summary="Mine")).status_code == 403
        assert world.agent.summary == "Answers borrowers"

    def test_a_deputy_who_left_stays_until_somebody_names_another(self, world, as_person):
        from accounts.actions import deactivate

        deactivate(person=world.deputy, by=world.admin)
        as_person(world.member).post(_edit(world.agent), _card(world.agent, summary="New words"))
        assert (world.agent.summary, world.agent.deputy) == ("New words", world.deputy)

    def test_it_says_which_sign_offs_a_new_risk_class_voids(self, world, as_person, submitted):
        visitor = as_person(world.member)
        agent = submitted.agent
        assert "makes them lapse on" in visitor.get(_edit(agent)).content.decode()
        assert "makes them lapse on" not in visitor.get(_edit(world.agent)).content.decode()
        response = visitor.post(_edit(agent), _card(agent, risk_class="limited"), follow=True)
        assert "sign-offs on packet 1 (1.0.0) no longer count" in response.content.decode()


def test_a_missing_deputy_leads_to_the_card(world, as_person, draft):
    change_agent(agent=draft.agent, by=world.member, deputy=None)
    agent = Agent.objects.get(pk=draft.agent_id)
    (problem,) = problems(world.fresh(draft))[9]
    assert problem.url == _edit(agent) + "#id_deputy"
    visitor = as_person(world.member)
    for url in (reverse("packet_detail", args=[draft.pk]), reverse("packet_section", args=[draft.pk, 9])):
        assert f'href="{problem.url}"' in visitor.get(url).content.decode()
    assert 'id="id_deputy"' in visitor.get(problem.url).content.decode()


def test_an_owner_who_left_leads_to_the_hand_over(world, draft):
    from accounts.actions import deactivate

    deactivate(person=world.owner, by=world.admin)
    (problem,) = problems(world.fresh(draft))[9]
    assert problem.url == reverse("agent_handover", args=[draft.agent.slug])


def test_the_card_makes_a_fixed_number_of_queries(world, as_person):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    visitor = as_person(world.member)
    visitor.get(_edit(world.agent))
    with CaptureQueriesContext(connection) as few:
        visitor.get(_edit(world.agent))
    helpers = [world.register(f"Helper {i}") for i in range(6)]
    actions.change_agent(agent=world.agent, by=world.member, calls=helpers)
    with CaptureQueriesContext(connection) as many:
        visitor.get(_edit(world.agent))
    assert len(many) == len(few)
