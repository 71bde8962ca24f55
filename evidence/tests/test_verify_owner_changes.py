"""An agent that was handed over: the owner's signature counts for whoever owned it then, and for nobody else."""

import io

import pytest

from evidence import keys, verify
from evidence.actions import export_agent
from evidence.tests.conftest import filed
from evidence.tests.made import uid
from evidence.tests.test_verify_refuses_forgery import Partly, check, refused
from registry import ownership
from registry.models import Agent

NEW = uid("new owner")


class HandedOver(Partly):
    def hand_over(self, to=NEW, **changes):
        data = {
            "agent": self.agent,
            "handover": uid("handover"),
            "previous": self.owner,
            "owner": to,
            "deputy_left_empty": False,
            **changes,
        }
        self.act("agent", "agent.owner_changed", to, **{**data, **changes})


def test_a_signature_of_the_new_owner_after_the_hand_over():
    made = HandedOver()
    made.hand_over()
    made.owner = NEW
    made.rest()
    assert check(made.seal())["exit"] == 0


def test_a_decision_before_the_hand_over_keeps_the_old_owners_signature():
    made = HandedOver()
    made.rest()
    made.hand_over()
    assert check(made.seal())["exit"] == 0


def test_a_signature_of_the_old_owner_after_the_hand_over():
    made = HandedOver()
    made.hand_over()
    made.rest()
    assert "not the agent's owner" in refused(made.seal(), "sign-offs")


def test_a_signature_of_the_new_owner_before_the_hand_over():
    made = HandedOver()
    made.sign("owner", NEW)
    made.sign("risk", made.approver)
    made.hand_over()
    assert "not the agent's owner" in refused(made.seal(), "sign-offs")


def test_a_decision_after_the_hand_over_that_counts_the_old_owners_signature():
    made = HandedOver()
    made.sign("owner", made.owner)
    made.sign("risk", made.approver)
    made.hand_over()
    made.decide()
    assert "did not own the agent any more" in refused(made.seal(), "validity")


def test_there_and_back_again():
    made = HandedOver()
    first = made.owner
    made.hand_over()
    made.hand_over(to=first, previous=NEW)
    made.rest()
    assert check(made.seal())["exit"] == 0


def test_a_hand_over_that_the_new_owner_did_not_accept():
    made = HandedOver()
    made.act(
        "agent", "agent.owner_changed", made.owner, agent=made.agent, handover=uid("h"), previous=made.owner,
        owner=NEW, deputy_left_empty=False,
    )  # fmt: skip
    made.rest()
    assert "somebody else than the new owner accepted" in refused(made.seal(), "ledger")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"previous": uid("ghost")}, "by someone who did not own it"),
        ({"agent": uid("another agent")}, "not its agent's"),
    ],
)
def test_a_hand_over_that_does_not_follow(changes, words):
    made = HandedOver()
    made.hand_over(**changes)
    made.owner = NEW
    made.rest()
    assert words in refused(made.seal(), "ledger")


def test_the_portals_own_bundle_after_a_hand_over_verifies(bank):
    agent = Agent.objects.get(pk=bank.agent.pk)
    handover = ownership.offer(agent=agent, to=bank.stranger, by=bank.owner)
    ownership.accept(handover=handover, by=bank.stranger)
    agent = Agent.objects.get(pk=bank.agent.pk)
    filed(agent, "2.0.0", {"author": bank.author, "owner": bank.stranger, "approver": bank.approver})
    with export_agent(agent, by=bank.auditor).file as file:
        result = verify.verify(io.BytesIO(file.read()), keys.public_pem())
    assert result["exit"] == 0, result["checks"]
