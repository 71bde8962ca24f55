"""The live summary on an agent's card is what follows from its packets, releases and decisions."""

import contextlib

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from approvals.actions import evaluate, withdraw_packet
from approvals.models import GateDecision
from registry.actions import start_packet
from registry.models import Agent
from releases.actions import ask_to_resume, promote, resume, suspend
from releases.models import Release
from web.errors import Refusal

STATUS = ("in_review", "changes_requested", "draft", "approved")


def derived(agent):
    """Status and gate from scratch, from the rows alone."""
    release = Release.objects.filter(agent=agent, environment="production", ended_at=None).first()
    states = set(agent.packets.values_list("state", flat=True))
    status = release.state if release else next((one for one in STATUS if one in states), "registered")
    newest = GateDecision.objects.filter(packet__agent=agent, environment="production").order_by("-decided_at").first()
    return status, newest.outcome if newest else "unknown"


def columns(agent):
    agent = Agent.objects.get(pk=agent.pk)
    return agent.status, agent.gate


def test_withdrawing_a_second_draft_leaves_the_approved_packet_on_the_card(world, promotable):
    second = start_packet(agent=promotable.agent, version="2.0.0", by=world.author)
    assert columns(promotable.agent)[0] == "draft"
    withdraw_packet(packet=second, by=world.author)
    assert columns(promotable.agent)[0] == "approved"


def test_what_is_live_stays_live_on_the_card_whatever_becomes_of_the_next_packet(world, promotable):
    promote(packet=promotable, by=world.owner)
    second = world.complete_packet(promotable.agent, "2.0.0")
    world.sign(second, "risk", decision="veto")
    assert columns(promotable.agent) == derived(promotable.agent) == ("live", "pass")


@pytest.fixture
def acts(world):
    """A handful of acts on one minimal-risk agent, each on its newest packet; refusals are part of the story."""
    agent = world.register("Busy", risk_class="minimal")

    def newest():
        return agent.packets.order_by("-number").first()

    def start():
        number = agent.packets.count() + 1
        if newest() and newest().copied_from_id or agent.packets.filter(state="approved").exists():
            return start_packet(agent=agent, version=f"{number}.0", by=world.author)
        return world.draft(agent, f"{number}.0")

    def signals():
        world.signals(newest())

    return agent, {
        "start": start,
        "submit": lambda: world.submit(newest()),
        "owner": lambda: world.sign(newest(), "owner"),
        "risk": lambda: world.sign(newest(), "risk"),
        "send_back": lambda: world.sign(newest(), "risk", by=world.risk_two, decision="request_changes"),
        "veto": lambda: world.sign(newest(), "risk", by=world.risk_two, decision="veto"),
        "withdraw": lambda: withdraw_packet(packet=newest(), by=world.author),
        "signals": signals,
        "decide": lambda: evaluate(packet=newest(), by=world.member),
        "promote": lambda: promote(packet=newest(), by=world.owner),
        "suspend": lambda: suspend(agent=agent, reason="x", by=world.security),
        "ask": lambda: ask_to_resume(release=agent.releases.filter(ended_at=None).first(), by=world.owner),
        "resume": lambda: resume(release=agent.releases.filter(ended_at=None).first(), by=world.security),
    }


GO_LIVE = ["start", "submit", "owner", "risk", "signals", "promote"]


@pytest.mark.parametrize(
    "story",
    [
        [*GO_LIVE, "suspend", "ask", "resume", "start", "submit", "veto"],
        [*GO_LIVE, "start", "submit", "owner", "risk", "promote", "signals", "promote"],
        ["start", "submit", "send_back", "start", "withdraw", "submit", "decide", "withdraw", "start", "veto"],
        ["start", "submit", "owner", "risk", "start", "withdraw", "start", "submit", "send_back", "withdraw"],
    ],
)
def test_after_every_act_the_columns_are_what_the_rows_say(acts, story):
    agent, by_name = acts
    for name in story:
        with contextlib.suppress(Refusal):
            by_name[name]()
        assert columns(agent) == derived(agent), f"after {name} of {story}"


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from(["submit", "owner", "risk", "send_back", "veto", "withdraw", "decide", "promote", "suspend"]),
        max_size=7,
    )
)
def test_after_any_acts_in_any_order_the_columns_are_what_the_rows_say(acts, story):
    agent, by_name = acts
    with transaction.atomic():
        for name in ["start", *story]:
            with contextlib.suppress(Refusal):
                by_name[name]()
            assert columns(agent) == derived(agent), f"after {name} of {story}"
        transaction.set_rollback(True)  # each example begins with a new agent
