"""Each rule of the built-in policies: when it passes, fails, has too little to decide on, or does not know."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from approvals import builtin, gate
from ledger.canonical import dumps
from registry.vocabulary import RiskClass

CLASSES = [RiskClass.HIGH, RiskClass.LIMITED, RiskClass.MINIMAL]
GOOD = {
    "v": 1,
    "now": "2026-11-21T10:00:00.000000Z",
    "environment": "production",
    "packet": {"sections_complete": 10, "sections_total": 10, "url": "/packets/1/"},
    "sign_offs": {"valid": 6, "required": 6, "waiting_for": [], "url": "/reviews/1/"},
    "evals": {
        "run_url": "/runs/1/",
        "task": "suite",
        "age_seconds": 3600,
        "total": 40,
        "wilson_bp": 9124,
        "critical_total": 4,
        "critical_failed": 0,
        "critical_missing": 0,
        "critical_open": [],
        "pins_match": True,
        "pins_reason": "The run was made on anthropic/claude.",
    },
    "cost": {
        "currency": "EUR",
        "budget_cents": 500_000,
        "mtd_cents": 120_000,
        "forecast_cents": 480_000,
        "age_seconds": 3600,
        "month": "2026-11",
        "url": "/costs/",
    },
}


def with_(changes):
    facts = copy.deepcopy(GOOD)
    for path, value in changes.items():
        room, name = path.split(".")
        facts[room][name] = value
    return facts


def without(path):
    facts = copy.deepcopy(GOOD)
    room, name = path.split(".")
    del facts[room][name]
    return facts


def decide(facts, risk_class="high"):
    return json.loads(gate.evaluate(dumps(builtin.policy(risk_class)), json.dumps(facts).encode()))


def rule(facts, name, risk_class="high"):
    return next(one for one in decide(facts, risk_class)["rules"] if one["id"] == name)


READS = [(one["id"], path) for one in builtin.policy("high")["rules"] for path in one["reads"]]


@pytest.mark.parametrize("risk_class", CLASSES)
def test_everything_in_order_passes(risk_class):
    decision = decide(GOOD, risk_class)
    assert decision["outcome"] == "pass"
    assert {one["outcome"] for one in decision["rules"]} == {"pass"}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("packet_complete", {"packet.sections_complete": 9}),
        ("sign_offs", {"sign_offs.valid": 5, "sign_offs.waiting_for": ["Risk"]}),
        ("sign_offs", {"sign_offs.valid": 0}),
        ("critical_cases", {"evals.critical_failed": 1, "evals.critical_open": ["case-01"]}),
        ("critical_cases", {"evals.critical_missing": 1}),
        ("critical_cases", {"evals.critical_total": 0}),
        ("pass_rate", {"evals.wilson_bp": 8999}),
        ("eval_pins", {"evals.pins_match": False}),
        ("eval_fresh", {"evals.age_seconds": 30 * 86_400 + 1}),
        ("eval_fresh", {"evals.age_seconds": -1}),
        ("forecast", {"cost.forecast_cents": 500_001}),
        ("spend", {"cost.mtd_cents": 500_001}),
        ("spend", {"cost.age_seconds": 7 * 86_400 + 1}),
    ],
)
def test_a_rule_that_does_not_hold_fails_alone_and_blocks(name, changes):
    decision = decide(with_(changes))
    assert decision["outcome"] == "fail"
    failed = {one["id"]: one["outcome"] for one in decision["rules"] if one["outcome"] != "pass"}
    assert failed == {name: "fail"}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("pass_rate", {"evals.wilson_bp": 9000}),
        ("pass_rate", {"evals.total": 30}),
        ("eval_fresh", {"evals.age_seconds": 30 * 86_400}),
        ("eval_fresh", {"evals.age_seconds": 0}),
        ("forecast", {"cost.forecast_cents": 500_000}),
        ("spend", {"cost.mtd_cents": 500_000}),
        ("spend", {"cost.mtd_cents": -150}),
        ("spend", {"cost.age_seconds": 7 * 86_400}),
    ],
)
def test_a_rule_passes_exactly_at_its_limit(name, changes):
    assert rule(with_(changes), name)["outcome"] == "pass"


def test_too_few_cases_are_not_enough_however_well_they_went():
    found = rule(with_({"evals.total": 29, "evals.wilson_bp": 10_000}), "pass_rate")
    assert found["outcome"] == "not_enough"
    assert found["reason"] == "29 cases are too few to decide; the policy asks for 30"
    assert decide(with_({"evals.total": 29}))["outcome"] == "fail"


@pytest.mark.parametrize(("name", "path"), READS)
@pytest.mark.parametrize("given_", ["missing", None, "", [], {}, {"unknown": "nobody measured it."}])
def test_a_rule_whose_input_is_not_known_is_unknown_and_blocks(name, path, given_):
    facts = without(path) if given_ == "missing" else with_({path: given_})
    found = rule(facts, name)
    assert found["outcome"] == "unknown"
    assert found["reason"].startswith("Unknown: ")
    assert path not in found.get("measured", {})
    assert decide(facts)["outcome"] == "fail"


@pytest.mark.parametrize(("name", "path"), READS)
def test_the_reason_of_an_unknown_is_given_in_its_own_words(name, path):
    assert rule(with_({path: {"unknown": "The billing export is late."}}), name)["reason"] == (
        "Unknown: The billing export is late."
    )


@pytest.mark.parametrize("room", ["packet", "sign_offs", "evals", "cost"])
@pytest.mark.parametrize("given_", ["missing", None, {}, {"unknown": "not asked"}, [], "text", 7])
def test_a_whole_room_that_is_not_known_never_passes(room, given_):
    facts = copy.deepcopy(GOOD)
    if given_ == "missing":
        del facts[room]
    else:
        facts[room] = given_
    decision = decide(facts)
    assert decision["outcome"] == "fail"
    concerned = {name for name, path in READS if path.startswith(room)}
    assert {one["outcome"] for one in decision["rules"] if one["id"] in concerned} == {"unknown"}


@pytest.mark.parametrize(("name", "path"), READS)
@pytest.mark.parametrize("given_", ["7", "true", [1], {"value": 1}])
def test_an_input_of_another_type_never_passes(name, path, given_):
    assert rule(with_({path: given_}), name)["outcome"] != "pass"


@pytest.mark.parametrize("given_", [1, "true", "yes", [True]])
def test_only_exactly_true_passes(given_):
    assert rule(with_({"evals.pins_match": given_}), "eval_pins")["outcome"] == "unknown"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(READS), JSON)
def test_whatever_stands_at_an_input_the_gate_answers_and_an_unknown_never_passes(read, value):
    name, path = read
    found = rule(with_({path: value}), name)
    assert found["outcome"] in {"pass", "fail", "unknown", "not_enough"}
    if not isinstance(value, int | str | bool) or value == "":
        assert found["outcome"] != "pass"


@settings(max_examples=150, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            path: st.integers(-(2**53) + 1, 2**53 - 1) | st.booleans() | st.text(max_size=6) | st.just({"unknown": "x"})
            for _, path in READS
        },
    ),
    st.sampled_from(CLASSES),
)
def test_the_same_policy_and_input_give_the_same_bytes_again(changes, risk_class):
    policy, facts = dumps(builtin.policy(risk_class)), json.dumps(with_(changes)).encode()
    first = gate.evaluate(policy, facts)
    again = gate.evaluate(json.dumps(json.loads(policy), indent=1).encode(), json.dumps(json.loads(facts)).encode())
    assert first == again == gate.evaluate(policy, facts)
    outcomes = [one["outcome"] for one in json.loads(first)["rules"]]
    assert (json.loads(first)["outcome"] == "pass") == all(outcome == "pass" for outcome in outcomes)


class TestWords:
    """What a decision says to people."""

    def test_reasons_are_written_with_figures_and_limits(self):
        facts = with_({"evals.critical_failed": 1, "evals.critical_missing": 1, "evals.critical_open": ["a", "b"]})
        assert rule(facts, "critical_cases")["reason"] == "1 of 4 failed, 1 without a result in suite: a, b"
        assert rule(GOOD, "pass_rate")["reason"] == "Wilson lower bound 91.2% over 40 cases, limit 90.0%"
        assert rule(GOOD, "forecast")["reason"] == "EUR 4,800.00 a month; budget 5,000.00"
        assert rule(GOOD, "eval_fresh")["reason"] == "1 h old, limit 30 d"

    def test_an_amount_below_zero_is_written_as_one(self):
        assert rule(with_({"cost.mtd_cents": -150}), "spend")["reason"] == "EUR -1.50 of 5,000.00 in 2026-11"

    def test_a_rule_shows_what_it_measured_its_limits_its_age_and_a_link(self):
        found = rule(GOOD, "pass_rate")
        assert found["measured"] == {"evals.wilson_bp": 9124, "evals.total": 40}
        assert found["limits"] == {"pass_rate_bp": 9000, "min_cases": 30}
        assert (found["evidence"], found["age"]) == ("/runs/1/", 3600)

    def test_braces_in_a_value_are_not_taken_for_a_path(self):
        facts = with_({"evals.pins_match": False, "evals.pins_reason": "made on {cost.currency} } {"})
        assert rule(facts, "eval_pins")["reason"] == "made on {cost.currency} } {"


def policy_with(**changes):
    body = builtin.policy("high")
    body["rules"][0] = {**body["rules"][0], **changes}
    return body


def outcome_of(body, facts=GOOD):
    return json.loads(gate.evaluate(dumps(body), dumps(facts)))["outcome"]


class TestPolicies:
    """What a policy may say."""

    def test_an_advisory_rule_that_fails_does_not_block(self):
        facts = with_({"packet.sections_complete": 9})
        assert outcome_of(policy_with(mode="advisory"), facts) == "pass"
        assert outcome_of(policy_with(mode="blocking"), facts) == "fail"

    def test_a_mode_that_nobody_knows_blocks(self):
        assert outcome_of(policy_with(mode="Advisory"), with_({"packet.sections_complete": 9})) == "fail"

    def test_a_policy_without_rules_lets_nothing_through(self):
        assert outcome_of({"v": 1, "limits": {}, "rules": []}) == "fail"

    @pytest.mark.parametrize("risk_class", CLASSES)
    def test_the_built_in_policies_are_sound(self, risk_class):
        assert gate.lint(builtin.policy(risk_class)) == []
        assert {one["mode"] for one in builtin.policy(risk_class)["rules"]} == {"blocking"}

    def test_a_higher_risk_class_never_has_a_softer_limit(self):
        high, limited, minimal = (builtin.LIMITS[one] for one in CLASSES)
        for stricter, softer in ((high, limited), (limited, minimal)):
            assert stricter["pass_rate_bp"] >= softer["pass_rate_bp"]
            assert stricter["min_cases"] >= softer["min_cases"]
            assert stricter["eval_age"] <= softer["eval_age"]
            assert stricter["cost_age"] <= softer["cost_age"]

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"reads": []}, "must name the inputs"),
            ({"pass": "input.packet.sections_complete =="}, "packet_complete"),
            ({"pass": "input.packet.sections_complete > 1 || input.packet.waved"}, "does not name it under reads"),
            ({"pass": "input.packet.sections_complete > limits.cases"}, "does not name it under limits"),
            ({"limits": ["no_such"]}, "sets no limit no_such"),
            ({"mode": "Blocking"}, "blocking or advisory"),
            ({"words": {"pass": "ok"}}, "fail"),
            ({"enough": "true"}, "not_enough"),
        ],
    )
    def test_a_faulty_policy_is_found_before_it_is_published(self, changes, words):
        problems = gate.lint(policy_with(**changes))
        assert any(words in problem for problem in problems), problems

    def test_missing_or_true_is_unknown_although_cel_says_true(self):
        body = policy_with(**{"pass": "input.packet.gone || true", "reads": ["packet.gone"]})
        found = json.loads(gate.evaluate(dumps(body), dumps(GOOD)))["rules"][0]
        assert found["outcome"] == "unknown"

    @pytest.mark.parametrize(
        "expression", ["input.packet.sections_total / 0 > 1", "input.packet.gone > 1", "1 + 'a' == 2", "'true'", "1"]
    )
    def test_an_expression_that_cannot_be_evaluated_is_unknown(self, expression):
        found = json.loads(gate.evaluate(dumps(policy_with(**{"pass": expression})), dumps(GOOD)))["rules"][0]
        assert found["outcome"] == "unknown"
