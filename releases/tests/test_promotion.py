"""Promoting: who may, when the gate lets through, and what is kept when it does not."""

import pytest
from django.db import IntegrityError, transaction

from accounts import actions as accounts
from approvals.models import GateDecision
from registry.actions import change_agent
from releases.actions import promote, suspend
from releases.models import Release
from work import clock
from work.acts import Conflict, Denied


@pytest.mark.parametrize("key", ["owner", "deputy"])
def test_the_owner_or_the_deputy_promotes(world, promotable, key):
    release = promote(packet=promotable, by=world.person(key))
    assert (release.state, release.promoted_by_id) == ("live", world.ids[key])
    agent = world.fresh(promotable.agent)
    assert (agent.status, agent.gate, agent.stage) == ("live", "pass", "Stage 1 of 2 · 5% of Branch staff")
    entry = world.entries(agent, "release.promoted")[-1]
    assert entry["data"]["decision"] == str(release.decision_id)
    assert entry["data"]["version"] == promotable.version


@pytest.mark.parametrize(
    "key", ["member", "admin", "other_admin", "security", "risk", "auditor", "outsider", "bystander"]
)
def test_nobody_else_promotes_and_the_refusal_is_recorded(world, promotable, key):
    with pytest.raises(Denied):
        promote(packet=promotable, by=world.person(key))
    assert not Release.objects.filter(packet=promotable).exists()
    refusal = world.entries(promotable.agent, "release.refused")[-1]
    assert refusal["actor"]["id"] == str(world.ids[key])
    assert refusal["data"]["reason"] == "denied"


def test_an_owner_who_left_does_not_promote(world, promotable):
    stale = world.deputy
    accounts.deactivate(person=world.deputy, by=world.admin)
    with pytest.raises(Denied):
        promote(packet=promotable, by=stale)


class TestHighRisk:
    """S4: who asked, who approved and who promotes are different people."""

    def test_who_submitted_does_not_promote(self, world):
        packet = world.complete_packet(world.register("Filed by its owner"), by=world.owner)
        world.sign_all(packet)
        world.signals(packet)
        with pytest.raises(Denied, match="who submitted"):
            promote(packet=packet, by=world.owner)
        assert promote(packet=packet, by=world.deputy).state == "live"

    def test_an_approver_does_not_promote(self, world):
        world.grant("deputy", "finance")
        packet = world.complete_packet(world.register("Deputy approves"))
        for role in packet.roles_asked:
            world.sign(packet, role, by=world.deputy if role == "finance" else None)
        world.signals(packet)
        with pytest.raises(Denied, match="an approver does not promote"):
            promote(packet=packet, by=world.deputy)
        assert promote(packet=packet, by=world.owner).state == "live"

    def test_the_owner_who_only_accepted_promotes(self, world, promotable):
        assert promotable.sign_offs.filter(person=world.owner, role="owner").exists()
        assert promote(packet=promotable, by=world.owner)

    def test_of_a_lower_risk_the_submitter_may_promote(self, world):
        agent = world.register("Minimal", risk_class="minimal")
        packet = world.complete_packet(agent, by=world.owner)
        world.sign_all(packet)
        world.signals(packet)
        assert promote(packet=packet, by=world.owner).state == "live"


class TestGate:
    """Nothing goes live without a passing decision made in the very act."""

    def test_a_blocked_promotion_keeps_the_decision_and_the_refusal(self, world, submitted):
        world.sign_all(submitted)
        with pytest.raises(Conflict, match="The gate blocks this promotion: Critical eval cases all pass"):
            promote(packet=submitted, by=world.owner)
        decision = GateDecision.objects.get(packet=submitted)
        assert (decision.outcome, decision.by_id) == ("fail", world.ids["owner"])
        refusal = world.entries(submitted.agent, "release.refused")[-1]["data"]
        assert (refusal["reason"], refusal["decision"]) == ("gate_blocks", str(decision.pk))
        assert not Release.objects.filter(packet=submitted).exists()
        agent = world.fresh(submitted.agent)
        assert (agent.status, agent.gate) == ("approved", "fail")

    def test_an_older_passing_decision_is_not_enough(self, world, promotable):
        from approvals.actions import evaluate

        assert evaluate(packet=promotable, by=None).outcome == "pass"
        world.revoke("risk", "risk")
        with pytest.raises(Conflict, match="Sign-offs valid"):
            promote(packet=promotable, by=world.owner)

    def test_lowering_the_risk_class_first_does_not_help(self, world, promotable):
        change_agent(agent=promotable.agent, by=world.owner, risk_class="minimal")
        with pytest.raises(Conflict, match="Sign-offs valid"):
            promote(packet=promotable, by=world.owner)

    @pytest.mark.parametrize("state", ["draft", "in_review", "changes_requested", "vetoed", "withdrawn", "superseded"])
    def test_only_an_approved_packet_is_promoted(self, world, promotable, state):
        promotable.state = state
        promotable.save()
        with pytest.raises(Conflict, match="only an approved packet"):
            promote(packet=promotable, by=world.owner)

    def test_a_suspended_agent_is_resumed_not_promoted_past_the_suspension(self, world, promotable):
        promote(packet=promotable, by=world.owner)
        suspend(agent=promotable.agent, reason="Wrong tariffs", by=world.security)
        with pytest.raises(Conflict, match="suspended"):
            promote(packet=promotable, by=world.owner)
        newer = world.promotable(promotable.agent, "2.0.0")
        with pytest.raises(Conflict, match="suspended"):
            promote(packet=newer, by=world.owner)


def test_a_packet_that_is_live_is_not_promoted_again(world, promotable):
    promote(packet=promotable, by=world.owner)
    with pytest.raises(Conflict, match="live already"):
        promote(packet=promotable, by=world.owner)


def test_the_next_version_supersedes_the_one_before(world, promotable):
    first = promote(packet=promotable, by=world.owner)
    second = promote(packet=world.promotable(promotable.agent, "2.0.0"), by=world.owner)
    first.refresh_from_db()
    assert (first.state, first.ended_at) == ("superseded", second.promoted_at)
    assert Release.objects.get(agent=promotable.agent, ended_at=None) == second


def test_the_database_holds_one_release_in_an_environment(world, promotable):
    release = promote(packet=promotable, by=world.owner)
    for state, more in (("live", {}), ("suspended", {"suspended_at": clock.now(), "reason": "x"})):
        with pytest.raises(IntegrityError, match="one_release_in_an_environment"), transaction.atomic():
            Release.objects.create(
                agent=release.agent,
                packet=promotable,
                environment="production",
                decision=release.decision,
                state=state,
                promoted_by=world.owner,
                promoted_at=clock.now(),
                **more,
            )


def test_the_database_holds_that_a_suspension_says_why_and_an_end_is_a_supersession(world, promotable):
    release = promote(packet=promotable, by=world.owner)
    for values in (
        {"state": "suspended", "suspended_at": clock.now()},
        {"state": "suspended", "reason": "x"},
        {"state": "superseded"},
        {"ended_at": clock.now()},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Release.objects.filter(pk=release.pk).update(**values)
