"""What the X-rays say of risk classes: none answered, another on the card, a forbidden practice."""

from portal.xrays import of_agent
from registry import risk
from registry.actions import change_agent


def answers(**values):
    """A whole questionnaire of no, apart from `values`."""
    return {**dict.fromkeys(risk.QUESTIONS, "no"), **values}


def keys(world, agent=None):
    found = {one.kind.key for one in of_agent(world.fresh(agent or world.agent), world.owner)}
    return found & {"risk_unanswered", "risk_differs", "prohibited"}


def test_an_agent_that_was_never_asked_and_one_that_was(world):
    assert keys(world) == {"risk_unanswered"}
    risk.answer(agent=world.agent, answers=answers(), by=world.member)
    assert keys(world) == set()


def test_a_card_that_says_another_class_than_the_answers(world):
    risk.answer(agent=world.agent, answers=answers(), by=world.member)
    change_agent(agent=world.agent, by=world.member, risk_class="high")
    assert keys(world) == {"risk_differs"}
    change_agent(agent=world.agent, by=world.member, risk_class="minimal")
    assert keys(world) == set()


def test_a_class_that_was_lowered_with_its_reason_is_no_difference(world):
    reason = "Art. 6(3)(a): it sorts mail by date."
    given = answers(employment="yes")
    risk.answer(agent=world.agent, answers=given, risk_class="limited", reason=reason, by=world.member)
    assert keys(world) == set()


def test_a_forbidden_practice(world):
    risk.answer(agent=world.agent, answers=answers(social_scoring="unknown"), by=world.member)
    assert keys(world) == {"prohibited"}
