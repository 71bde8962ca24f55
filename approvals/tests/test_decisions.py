"""Decisions on real packets: the input is gathered from the registry, the sign-offs and the signals, and kept."""

import datetime as dt
import json

import pytest

from approvals import gate
from approvals.actions import evaluate
from approvals.models import Environment, GateDecision
from approvals.tasks import evaluate_packet
from ledger.canonical import dumps, sha256
from signals.facts import COST_KEYS, EVAL_KEYS
from work import clock
from work.acts import Conflict, Denied


def outcomes(decision):
    return {rule["id"]: rule["outcome"] for rule in decision.rules}


ALL = {"packet_complete", "sign_offs", "critical_cases", "pass_rate", "eval_pins", "eval_fresh", "forecast", "spend"}


def test_a_packet_in_order_passes_every_rule(world, promotable):
    decision = evaluate(packet=promotable, by=world.member)
    assert outcomes(decision) == dict.fromkeys(ALL, "pass")
    assert (decision.outcome, world.fresh(promotable.agent).gate) == ("pass", "pass")


def test_without_any_signal_the_rules_that_read_signals_are_unknown(world, submitted):
    world.sign_all(submitted)
    decision = evaluate(packet=submitted, by=None)
    unknown = {name for name, outcome in outcomes(decision).items() if outcome == "unknown"}
    assert unknown == ALL - {"packet_complete", "sign_offs"}
    assert decision.outcome == "fail"
    for rule in decision.rules:
        if rule["outcome"] == "unknown":
            assert rule["reason"].startswith("Unknown: ")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda w, p: w.evals(p, total=80, failed=("case-01",)), {"critical_cases": "fail"}),
        (lambda w, p: w.evals(p, missing=("case-01",)), {"critical_cases": "fail"}),
        (lambda w, p: w.evals(p, total=20), {"pass_rate": "not_enough"}),
        (lambda w, p: w.evals(p, failed=("case-30", "case-31")), {"pass_rate": "fail"}),
        (lambda w, p: w.evals(p, snapshot="20240229"), {"eval_pins": "fail"}),
        (lambda w, p: w.evals(p, prompt="0" * 64), {"eval_pins": "fail"}),
        (lambda w, p: w.budget(p.agent, "10"), {"forecast": "fail", "spend": "fail"}),
        (lambda w, p: w.budget(p.agent, "5000", "USD"), {"forecast": "unknown", "spend": "unknown"}),
        (lambda w, p: w.costs(p.agent, "6000"), {"spend": "fail"}),
        (lambda w, p: w.costs(p.agent, "1", "USD"), {"spend": "unknown"}),
        (lambda w, p: w.revoke("data", "data"), {"sign_offs": "fail"}),
    ],
)
def test_one_fact_out_of_order_blocks_with_its_own_rule(world, promotable, change, expected):
    # A minute later, so that the newest run is the changed one.
    with clock.at(clock.now() + dt.timedelta(minutes=1)):
        change(world, promotable)
    with clock.at(clock.now() + dt.timedelta(minutes=2)):
        decision = evaluate(packet=promotable, by=None)
    assert decision.outcome == "fail"
    assert {name: got for name, got in outcomes(decision).items() if got != "pass"} == expected


def test_evidence_that_grew_old_blocks(world, promotable):
    with clock.at(clock.now() + dt.timedelta(days=31)):
        found = outcomes(evaluate(packet=promotable, by=None))
    assert found["eval_fresh"] == "fail"
    assert found["spend"] in {"fail", "unknown"}


def test_a_decision_keeps_its_whole_input_and_gives_the_same_bytes_again(world, promotable):
    decision = GateDecision.objects.get(pk=evaluate(packet=promotable, by=world.member).pk)
    assert dumps(decision.facts) == bytes(decision.input)
    assert sha256(bytes(decision.input)) == decision.input_sha256
    assert sha256(bytes(decision.output)) == decision.output_sha256
    assert gate.evaluate(bytes(decision.policy.body), bytes(decision.input)) == bytes(decision.output)
    assert json.loads(bytes(decision.output))["outcome"] == decision.outcome
    assert set(EVAL_KEYS) <= set(decision.facts["evals"])
    assert set(COST_KEYS) | {"forecast_cents"} <= set(decision.facts["cost"])


def test_a_decision_is_recorded_with_the_digests_of_input_and_output(world, promotable):
    decision = evaluate(packet=promotable, by=world.member)
    entry = world.entries(promotable, "gate.decided")[-1]
    assert entry["actor"]["id"] == str(world.ids["member"])
    assert entry["data"]["decision"] == str(decision.pk)
    assert entry["data"]["input_sha256"] == decision.input_sha256
    assert entry["data"]["output_sha256"] == decision.output_sha256


def test_a_packet_that_was_never_submitted_has_nothing_to_decide_on(world, draft):
    with pytest.raises(Conflict, match="never submitted"):
        evaluate(packet=draft, by=world.member)


@pytest.mark.parametrize("key", ["auditor", "outsider", "bystander"])
def test_who_does_not_work_on_the_packet_does_not_evaluate_it(world, submitted, key):
    with pytest.raises(Denied):
        evaluate(packet=submitted, by=world.person(key))
    assert not GateDecision.objects.filter(packet=submitted).exists()


@pytest.mark.parametrize("key", ["member", "owner", "deputy", "security", "admin"])
def test_those_who_work_on_the_packet_evaluate_it(world, submitted, key):
    assert evaluate(packet=submitted, by=world.person(key)).by_id == world.ids[key]


def test_the_portals_own_task_run_twice_keeps_one_decision(world, submitted):
    evaluate_packet(str(submitted.pk))
    evaluate_packet(str(submitted.pk))
    assert GateDecision.objects.filter(packet=submitted).count() == 1


def test_the_task_leaves_ended_packets_alone(world, submitted):
    world.sign(submitted, "risk", decision="veto")
    evaluate_packet(str(submitted.pk))
    assert not GateDecision.objects.filter(packet=submitted).exists()


def test_a_promotion_always_makes_a_decision_of_its_own(world, promotable):
    before = evaluate(packet=promotable, by=None)
    release = world.promote(promotable)
    assert release.decision_id != before.pk
    assert release.decision.environment == Environment.PRODUCTION


def test_a_forecast_too_large_for_canonical_json_is_unknown_and_does_not_stop_the_gate(world):
    packet = world.draft(world.register("Costly", risk_class="minimal"))
    world.change(
        packet,
        8,
        runs_per_day=2_000_000_000,
        runs_high=2_100_000_000,
        fees_per_run="9999999999",
        tokens_in=2_000_000_000,
        price_in="9999999999",
        calls_per_run="99999999999999",
        review_minutes_per_run="99999999999999",
        review_hour="99999999999999",
    )
    from approvals.actions import submit_packet

    submit_packet(packet=packet, by=world.author)
    world.budget(packet.agent)
    decision = evaluate(packet=packet, by=None)
    assert outcomes(decision)["forecast"] == "unknown"
