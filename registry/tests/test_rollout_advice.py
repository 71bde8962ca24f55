"""Section 10: what is worth a second look in a rollout plan, and what stands in the way."""

import datetime as dt

import pytest

from registry.actions import change_agent, write_section
from registry.models import Packet
from registry.sections import section
from work import clock

TEN = section(10)


@pytest.fixture
def advice(world, draft):
    """`advice(sheet={…}, stages=[{…}])`: what section 10 advises once these fields are changed."""

    def said(sheet=None, **first):
        content = world.sections()[10]
        content["sheet"] |= sheet or {}
        content["stage"][0] |= first
        write_section(packet=draft, number=10, content=content, by=world.author)
        return [problem.text for problem in TEN.advice(Packet.objects.get(pk=draft.pk))]

    return said


def test_a_plan_in_steps_with_a_sample_read_needs_none(advice):
    assert advice() == []


def test_everybody_at_once_is_asked_about_unless_the_risk_is_minimal(world, draft, advice):
    assert advice(percent=100) == [
        "The first stage meets all of its audience at once. A small share first shows what goes wrong."
    ]
    change_agent(agent=draft.agent, risk_class="minimal", by=world.member)
    assert advice(percent=100) == []


def test_a_stage_of_which_nobody_reads_an_answer(advice):
    assert advice(review_percent=0) == ["Stage 1: no answer is read by a person. A sample shows what figures do not."]


@pytest.mark.parametrize("words", ["Nothing", "none.", "N/A"])
def test_a_stop_that_reaches_everything(advice, words):
    [text] = advice({"not_reached": words})
    assert text.startswith("A stop rarely reaches everything. Name queued jobs, mail that was sent, and other vendors")


def test_a_review_on_a_day_that_has_passed(advice):
    yesterday = clock.now().date() - dt.timedelta(days=1)
    assert advice({"review_on": yesterday}) == ["The review after launch is on a day that has passed. Set a later one."]
    assert advice({"review_on": yesterday + dt.timedelta(days=9)}) == []


@pytest.mark.parametrize(
    ("part", "name", "text"),
    [
        ("stage", "review_percent", "Stage 1: say how many answers a person reads."),
        ("sheet", "not_reached", "Say what a stop does not reach."),
        ("sheet", "review_on", "Give the date of the post-launch review."),
    ],
)
def test_what_is_empty_stands_in_the_way(world, draft, part, name, text):
    content = world.sections()[10]
    (content[part][0] if part == "stage" else content[part])[name] = ""
    write_section(packet=draft, number=10, content=content, by=world.author)
    assert [problem.text for problem in TEN.problems(Packet.objects.get(pk=draft.pk))] == [text]
