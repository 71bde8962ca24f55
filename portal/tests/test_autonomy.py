"""Autonomy: each condition both ways, what is earned, who sees it, and the X-ray that finds what is above it."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import actions as accounts
from portal.tests.test_risk_answers import answers
from portal.xrays import of_agent
from registry import autonomy, risk, upkeep
from registry.actions import change_agent
from registry.models import Agent
from releases.actions import suspend
from releases.models import Release
from signals.models import EvalRun
from work import clock


@pytest.fixture
def as_person(client):
    def sign_in(person):
        client.force_login(person)
        return client

    return sign_in


@pytest.fixture
def live(world, promotable):
    """The agent of a release in production: limited risk by answers, its tool confirmed."""
    upkeep.confirm_tool(tool=world.tool, effect="read", tags=[], by=world.security)
    return world.promote(promotable).agent


def ladder(world, agent, user=None):
    return autonomy.ladder(Agent.objects.get(pk=agent.pk), user or world.owner, clock.now())


def state(world, agent, key, user=None):
    found = [one for rung in ladder(world, agent, user).rungs for one in rung.findings]
    return next(one for one in found if one.condition.key == key).state


def aged(agent, days):
    Release.objects.filter(agent=agent).update(promoted_at=clock.now() - dt.timedelta(days=days))


class TestEachCondition:
    def test_the_owner_is_here(self, world):
        assert state(world, world.agent, "owner") == "met"
        accounts.deactivate(person=world.owner, by=world.admin)
        assert state(world, world.agent, "owner", world.member) == "unmet"

    def test_a_deputy_is_named_and_here(self, world):
        assert state(world, world.agent, "deputy") == "met"
        assert state(world, world.register("Alone", deputy=None), "deputy") == "unmet"
        accounts.deactivate(person=world.deputy, by=world.admin)
        assert state(world, world.agent, "deputy") == "unmet"

    def test_the_class_rests_on_answers(self, world):
        assert state(world, world.agent, "answered") == "unmet"
        risk.answer(agent=world.agent, answers=answers(), by=world.member)
        assert state(world, world.agent, "answered") == "met"
        risk.answer(agent=world.agent, answers=answers(social_scoring="yes"), by=world.member)
        assert state(world, world.agent, "answered") == "unmet"

    def test_no_suspension_is_open(self, world, live):
        assert state(world, live, "not_suspended") == "met"
        suspend(agent=live, reason="Wrong answers", by=world.owner)
        assert state(world, live, "not_suspended") == "unmet"

    def test_a_packet_is_in_force(self, world, live, draft):
        assert state(world, live, "in_force") == "met"
        assert state(world, draft.agent, "in_force") == "unmet"

    def test_every_tool_is_confirmed(self, world, promotable, draft):
        assert state(world, draft.agent, "tools_confirmed") == "unknown"  # nothing is approved
        assert state(world, promotable.agent, "tools_confirmed") == "unmet"
        upkeep.confirm_tool(tool=world.tool, effect="read", tags=[], by=world.security)
        assert state(world, promotable.agent, "tools_confirmed") == "met"

    @pytest.mark.parametrize(
        ("approval", "environment", "expected"),
        [
            ("per_call", "live", "met"),
            ("per_batch", "live", "unmet"),
            ("none", "live", "unmet"),
            ("none", "sandbox", "met"),
        ],
    )
    def test_what_cannot_be_undone_waits_for_a_person(self, world, promotable, approval, environment, expected):
        from registry.sections.s06_tools import ToolGrant

        assert state(world, promotable.agent, "irreversible_asks") == "met"
        upkeep.confirm_tool(tool=world.tool, effect="irreversible", tags=[], by=world.security)
        ToolGrant.objects.filter(packet=promotable).update(approval=approval, environment=environment)
        assert state(world, promotable.agent, "irreversible_asks") == expected

    @pytest.mark.parametrize(("gate", "expected"), [("pass", "met"), ("fail", "unmet"), ("unknown", "unknown")])
    def test_the_gate_passes(self, world, gate, expected):
        Agent.objects.filter(pk=world.agent.pk).update(gate=gate)
        assert state(world, world.agent, "gate") == expected

    @pytest.mark.parametrize("field", ["rollback_target", "rollback_steps", "kill_mechanism", "kill_who"])
    def test_rollback_and_kill_switch_are_written(self, world, promotable, field):
        from registry.sections.s10_rollout import RolloutPlan

        assert state(world, promotable.agent, "stop_written") == "met"
        RolloutPlan.objects.filter(packet=promotable).update(**{field: ""})
        assert state(world, promotable.agent, "stop_written") == "unmet"

    @pytest.mark.parametrize(("days", "expected"), [(29, "met"), (31, "unmet")])
    def test_evals_are_fresh(self, world, promotable, days, expected):
        EvalRun.objects.filter(agent=promotable.agent).update(completed_at=clock.now() - dt.timedelta(days=days))
        assert state(world, promotable.agent, "evals_fresh") == expected

    @pytest.mark.parametrize("values", [{"version": "0.9"}, {"status": "error"}, {"invalidated": True}])
    def test_a_run_of_another_version_or_that_failed_is_none(self, world, promotable, values):
        EvalRun.objects.filter(agent=promotable.agent).update(**values)
        assert state(world, promotable.agent, "evals_fresh") == "unknown"

    @pytest.mark.parametrize(("signed", "days", "expected"), [(3, 31, "met"), (3, 29, "unmet"), (2, 400, "unmet")])
    def test_it_was_live_long_enough_at_the_level_below(self, world, signed, days, expected):
        agent = world.register("Grown assistant", autonomy=signed)
        world.live(agent)
        aged(agent, days)
        assert state(world, agent, "lived_4") == expected

    def test_a_suspension_ends_what_counts(self, world):
        agent = world.register("Grown assistant", autonomy=3)
        world.live(agent)
        aged(agent, 31)
        Release.objects.filter(agent=agent).update(
            state="suspended", reason="x", suspended_at=clock.now() - dt.timedelta(days=5)
        )
        assert state(world, agent, "lived_4") == "unmet"

    def test_what_changes_something_has_a_limit(self, world, promotable):
        from registry.sections.s06_tools import ToolGrant

        upkeep.confirm_tool(tool=world.tool, effect="write", tags=[], by=world.security)
        assert state(world, promotable.agent, "limits") == "met"
        ToolGrant.objects.filter(packet=promotable).update(limit="")
        assert state(world, promotable.agent, "limits") == "unmet"
        upkeep.confirm_tool(tool=world.tool, effect="read", tags=[], by=world.security)
        assert state(world, promotable.agent, "limits") == "met"

    @pytest.mark.parametrize(("klass", "expected"), [("high", "unmet"), ("prohibited", "unmet"), ("limited", "met")])
    def test_what_is_high_risk_does_not_act_alone(self, world, klass, expected):
        Agent.objects.filter(pk=world.agent.pk).update(risk_class=klass)
        assert state(world, world.agent, "not_high") == expected


class TestWhatIsEarned:
    def test_the_whole_ladder_is_climbed(self, world):
        agent = world.register("Grown assistant", autonomy=4)
        assert ladder(world, agent).earned == 1
        risk.answer(agent=agent, answers=answers(talks_to_people="yes"), by=world.member)
        assert ladder(world, agent).earned == 2
        upkeep.confirm_tool(tool=world.tool, effect="read", tags=[], by=world.security)
        world.live(agent)
        assert ladder(world, agent).earned == 3
        aged(agent, 31)
        assert ladder(world, agent).earned == 4
        aged(agent, 91)
        found = ladder(world, agent)
        assert found.earned == 5 and not found.above and found.next.level == 5

    def test_a_gap_below_takes_every_level_above_it(self, world, live):
        risk.answer(agent=live, answers=answers(), by=world.member)
        assert ladder(world, live).earned == 3
        change_agent(agent=live, by=world.member, deputy=None)
        assert ladder(world, live).earned == 1

    def test_what_is_unknown_is_not_earned(self, world, live):
        risk.answer(agent=live, answers=answers(), by=world.member)
        aged(live, 400)
        Agent.objects.filter(pk=live.pk).update(gate="unknown")
        assert ladder(world, live).earned == 3

    def test_raising_the_card_is_allowed_and_said(self, world):
        change_agent(agent=world.agent, by=world.member, autonomy=5)
        assert ladder(world, world.agent).above
        assert "autonomy_unearned" in {one.kind.key for one in of_agent(world.agent, world.owner)}
        change_agent(agent=world.agent, by=world.member, autonomy=1)
        assert not ladder(world, world.agent).above
        assert "autonomy_unearned" not in {one.kind.key for one in of_agent(world.agent, world.owner)}

    @pytest.mark.parametrize("stated", [1, 2, 3, 4, 5])
    def test_the_x_ray_and_the_page_agree(self, world, live, stated):
        risk.answer(agent=live, answers=answers(), by=world.member)
        Agent.objects.filter(pk=live.pk).update(autonomy=stated)
        found = autonomy.above_earned(Agent.objects.filter(pk=live.pk), clock.now()).exists()
        assert found is ladder(world, live).above is (stated > 3)


class TestThePage:
    def url(self, agent):
        return reverse("agent_autonomy", args=[agent.slug])

    def test_it_says_what_is_missing_and_where_it_is_mended(self, world, as_person):
        alone = world.register("Alone", deputy=None, autonomy=2)
        page = as_person(world.member).get(self.url(alone)).content.decode()
        assert "Above what is earned" in page and f"{reverse('agent_edit', args=['alone'])}#id_deputy" in page
        assert reverse("agent_risk", args=["alone"]) in page

    def test_the_agents_page_says_that_it_is_not_earned(self, world, as_person):
        alone = world.register("Alone", deputy=None, autonomy=2)
        page = as_person(world.member).get(reverse("agent_detail", args=["alone"])).content.decode()
        assert "not every condition of that level is met" in page and self.url(alone) in page

    def test_what_rests_on_packets_is_for_those_who_see_them(self, world, live, as_person):
        page = as_person(world.outsider).get(self.url(live)).content.decode()
        assert "Not shown" in page and "supports L" not in page
        assert state(world, live, "tools_confirmed", world.outsider) == "hidden"
        assert state(world, live, "deputy", world.outsider) == "met"
        assert "supports L" in as_person(world.auditor).get(self.url(live)).content.decode()
        assert of_agent(Agent.objects.get(pk=live.pk), world.outsider) == [] or "autonomy_unearned" not in {
            one.kind.key for one in of_agent(live, world.outsider)
        }

    def test_it_makes_a_fixed_number_of_queries(self, world, live, as_person):
        visitor = as_person(world.member)
        visitor.get(self.url(world.agent))
        counts = []
        for agent in (world.agent, live):
            with CaptureQueriesContext(connection) as queries:
                visitor.get(self.url(agent))
            counts.append(len(queries))
        assert max(counts) - min(counts) <= 1 and max(counts) <= 14

    def test_the_api_says_the_same(self, world, live, as_person):
        body = as_person(world.member).get(reverse("api_agent_autonomy", args=[live.slug])).json()
        assert (body["stated"], body["earned"]) == (1, 1)
        assert {"met", "unmet"} <= {one["state"] for one in body["conditions"]}
        assert as_person(world.outsider).get(reverse("api_agent_autonomy", args=[live.slug])).json()["earned"] is None
