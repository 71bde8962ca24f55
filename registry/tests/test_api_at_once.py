"""Two requests at the same instant under one Idempotency-Key."""

from registry.models import Agent
from registry.tests.test_api import AGENTS, NEW, Caller


def test_two_requests_at_once_make_one_agent(committed_world, at_once):
    call = Caller(committed_world.member)
    outcomes = at_once(*[lambda: call("POST", AGENTS, NEW, Idempotency_Key="k")] * 2)
    answers = [one.value for one in outcomes]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert sum("Idempotency-Replayed" in one for one in answers) == 1
    assert Agent.objects.filter(slug="by-script").count() == 1
