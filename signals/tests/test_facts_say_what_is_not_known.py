import datetime as dt
from decimal import Decimal
from types import SimpleNamespace

import pytest

from signals import actions
from signals.facts import COST_KEYS, EVAL_KEYS, cost_facts, eval_facts
from signals.models import Pull
from signals.tests.conftest import NOW, cost_row, log_of, sample, write_costs, write_log
from work import clock

PROMPT = "ab" * 32


def document(cases=(("one", True), ("two", False)), prompts=(PROMPT,), snapshot="20250929"):
    return {
        "sections": {
            "3": {
                "models": [{"provider": "anthropic", "model_id": "claude-sonnet-4-5", "snapshot": snapshot}],
                "prompts": [{"name": "system", "version": "1", "sha256": digest} for digest in prompts],
            },
            "4": {"cases": [{"case_id": name, "critical": critical} for name, critical in cases]},
        }
    }


GOOD = {"portcullis_model": "anthropic/claude-sonnet-4-5-20250929", "portcullis_prompts": [PROMPT]}


@pytest.fixture
def facts(evals, root, bank):
    """`facts(log, …)`: what is known after these logs were pulled."""

    def after(*logs, doc=None, at=NOW):
        with clock.at(NOW):
            for n, log in enumerate(logs):
                write_log(root / "inspect" / f"{n}.eval", log)
            actions.pull(source=evals)
        return eval_facts(SimpleNamespace(agent=bank.agent, version="1.0"), doc or document(), at)

    return after


def test_a_good_run_is_known_in_every_key(facts):
    known = facts(log_of([sample("one"), sample("two", "I")], metadata=GOOD))
    assert set(known) == set(EVAL_KEYS)
    assert not any(isinstance(value, dict) for value in known.values())
    assert (known["total"], known["passed"], known["failed"], known["errored"]) == (2, 1, 1, 0)
    assert (known["pass_rate_bp"], known["wilson_bp"]) == (5000, 945)
    assert (known["critical_total"], known["critical_failed"], known["critical_missing"]) == (1, 0, 0)
    assert known["taken_at"] == "2026-11-20T09:00:00Z" and known["age_seconds"] == 9 * 3600
    assert known["pins_match"] is True and known["run_url"].endswith(known["run"] + "/")


@pytest.mark.parametrize(
    ("log", "why"),
    [
        (None, "No eval run of Mortgage helper was pulled"),
        ({"metadata": {"portcullis_version": "0.9"}}, "the newest run is of version 0.9"),
        ({"metadata": {"portcullis_agent": "other"}}, "No eval run"),
        ({"status": "error", "error": {"message": "no disk"}}, "status error: no disk"),
        ({"status": "cancelled"}, "status cancelled"),
        ({"invalidated": True}, "marked invalid"),
        ({"samples": []}, "no cases"),
        ({"status": "started", "stats": {}}, "has ended yet"),
    ],
)
def test_without_a_completed_successful_run_nothing_is_known_and_it_says_why(facts, log, why):
    known = facts() if log is None else facts(log_of(**{"samples": [sample("one")], **log}))
    for key in ("total", "wilson_bp", "critical_failed", "critical_missing"):
        assert why in known[key]["unknown"], (key, known[key])


def test_the_newest_run_counts_also_when_an_older_one_is_better(facts):
    older = log_of([sample("one")], eval_id="a", completed="2026-11-19T09:00:00+00:00")
    newer = log_of([sample("one", "I")], eval_id="b")
    assert facts(newer, older)["critical_failed_ids"] == ["one"]


def test_a_newer_run_that_crashed_hides_the_older_success(facts):
    older = log_of([sample("one")], eval_id="a", completed="2026-11-19T09:00:00+00:00")
    assert "unknown" in facts(older, log_of([], eval_id="b", status="error"))["wilson_bp"]


def test_an_errored_critical_case_and_one_epoch_that_fails_are_not_passes(facts):
    samples = [
        sample("one", scores={}, error={"message": "x"}),
        sample("two"),
        sample("two", "C", 2),
        sample("two", "I", 3),
    ]
    known = facts(log_of(samples), doc=document((("one", True), ("two", True))))
    assert known["critical_failed_ids"] == ["one", "two"]
    assert (known["passed"], known["errored"]) == (1, 1)


def test_a_critical_case_without_a_result_is_counted_as_missing(facts):
    known = facts(log_of([sample("one")]), doc=document((("one", True), ("gone", True), ("side", False))))
    assert (known["critical_total"], known["critical_missing"], known["critical_missing_ids"]) == (2, 1, ["gone"])
    assert known["cases_missing"] == 2 and known["critical_open"] == ["gone"]


def test_a_log_can_add_a_critical_case_and_never_take_one_away(facts):
    samples = [sample("one", "I", metadata={"critical": False}), sample("two", "I", metadata={"critical": True})]
    assert facts(log_of(samples))["critical_failed_ids"] == ["one", "two"]


@pytest.mark.parametrize(
    ("metadata", "doc", "match", "words"),
    [
        (GOOD, document(), True, "with the pinned prompts"),
        (
            GOOD | {"portcullis_model": "anthropic/claude-sonnet-4-5"},
            document(),
            False,
            "packet pins anthropic/claude-sonnet-4-5-20250929",
        ),
        (GOOD | {"portcullis_model": "claude-sonnet-4-5@20250929"}, document(), True, ""),
        (
            GOOD | {"portcullis_model": ["anthropic/claude-sonnet-4-5-20250929", "openai/x"]},
            document(),
            False,
            "openai/x",
        ),
        (GOOD | {"portcullis_prompts": None}, document(), "unknown", "does not say which prompts"),
        (GOOD | {"portcullis_prompts": ["cd" * 32]}, document(), False, "other text for the prompt system"),
        (GOOD | {"portcullis_prompts": [PROMPT.upper()]}, document(), True, ""),
        (GOOD | {"portcullis_prompts": [PROMPT, "cd" * 32]}, document(), False, "does not pin"),
        ({"portcullis_model": "anthropic/claude-sonnet-4-5-20250929"}, document(prompts=()), True, ""),
        ({}, document(), False, "made on mockllm/model"),
        (GOOD, {"sections": {"3": {"models": []}, "4": {"cases": []}}}, "unknown", "pins no model"),
        (GOOD, document(snapshot={"unknown": "not given"}), False, ""),
    ],
)
def test_the_run_is_held_against_the_packets_pins(facts, metadata, doc, match, words):
    known = facts(log_of([sample("one")], metadata=metadata), doc=doc)
    assert known["pins_match"] == match if match != "unknown" else "unknown" in known["pins_match"]
    assert words in known["pins_reason"]


@pytest.fixture
def spent(costs, root, bank):
    """`spent(rows, …)`: what is known of the agent's costs after these rows were pulled."""

    def after(rows=(), budget="100", currency="EUR", rule=True, at=NOW):
        with clock.at(NOW):
            if rule:
                actions.add_cost_rule(field="tag", key="agent", value="mortgage", agent=bank.agent, by=bank.finance)
            if budget:
                actions.set_budget(
                    agent=bank.agent, amount=Decimal(budget), currency=currency, starts=NOW.date(), by=bank.finance
                )
            if rows:
                write_costs(root / "focus" / "a.csv", rows)
                actions.pull(source=costs)
        return cost_facts(bank.agent, {}, at)

    return after


def test_spend_is_known_in_every_key_with_credits_taken_off_and_cents_rounded_up(spent):
    known = spent(
        [
            cost_row(EffectiveCost="10.001"),
            cost_row(EffectiveCost="-2", ChargeCategory="Credit"),
            cost_row(BilledCost="500", EffectiveCost="0", ChargeCategory="Purchase"),
        ]
    )
    assert set(known) == set(COST_KEYS)
    assert known == {
        "currency": "EUR",
        "budget_cents": 10000,
        "mtd_cents": 801,
        "month": "2026-11",
        "lines": 3,
        "mtd_through": "2026-11-20T00:00:00Z",
        "age_seconds": 18 * 3600,
    }


def test_a_charge_of_last_month_is_not_this_months(spent):
    october = {"ChargePeriodStart": "2026-10-31T23:00:00Z", "ChargePeriodEnd": "2026-11-01T00:00:00Z"}
    assert spent([cost_row(), cost_row(**october)])["mtd_cents"] == 150


@pytest.mark.parametrize(
    ("given", "key", "why"),
    [
        ({}, "mtd_cents", "No cost file was pulled"),
        ({"rows": [cost_row()], "budget": ""}, "budget_cents", "No budget is set for Mortgage helper in November 2026"),
        ({"rows": [cost_row()], "rule": False}, "mtd_cents", "No cost line was ever tied"),
        ({"rows": [cost_row(), cost_row(BillingCurrency="USD")]}, "mtd_cents", "EUR and USD"),
        ({"rows": [cost_row()], "currency": "USD"}, "mtd_cents", "the budget is in USD"),
        ({"rows": [cost_row(), cost_row(BilledCost="x")]}, "mtd_cents", "1 rows of a.csv could not be read"),
        (
            {"rows": [cost_row()], "at": dt.datetime(2026, 12, 5, tzinfo=dt.UTC)},
            "mtd_cents",
            "No usage of December 2026",
        ),
    ],
)
def test_what_makes_the_spend_unknown_is_said(spent, given, key, why):
    assert why in spent(**given)[key]["unknown"]


def test_a_pull_that_failed_does_not_make_old_figures_look_fresh(spent, costs, root, bank):
    spent([cost_row()])
    later = NOW + dt.timedelta(days=3)
    with clock.at(later):
        (root / "focus" / "a.csv").unlink()
        (root / "focus").rmdir()
        actions.pull(source=costs)
    assert Pull.objects.order_by("-started_at").first().state == "failed"
    assert cost_facts(bank.agent, {}, later)["age_seconds"] == 3 * 86_400 + 18 * 3600


def test_a_later_budget_replaces_an_earlier_one_from_its_month_on(spent, bank):
    spent([cost_row()])
    actions.set_budget(
        agent=bank.agent, amount=Decimal(7), currency="EUR", starts=dt.date(2026, 12, 1), by=bank.finance
    )
    assert cost_facts(bank.agent, {}, NOW)["budget_cents"] == 10000
    assert cost_facts(bank.agent, {}, dt.datetime(2027, 1, 5, tzinfo=dt.UTC))["budget_cents"] == 700
