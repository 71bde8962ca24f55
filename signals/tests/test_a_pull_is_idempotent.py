import datetime as dt
from decimal import Decimal

from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from samples.stage import stage
from signals import actions
from signals.actions.costs import CHUNK
from signals.models import CaseResult, CostLine, EvalRun, Pull, PulledFile
from signals.tests.conftest import NOW, cost_row, log_of, sample, write_costs, write_log
from work import clock


def counts(pull):
    return (pull.state, pull.rows_read, pull.rows_new, pull.rows_withdrawn, pull.rows_rejected)


def test_the_demos_files_pulled_twice_change_nothing(evals, costs, root):
    stage(root, NOW)
    with clock.at(NOW):
        first = [actions.pull(source=source) for source in (evals, costs)]
        before = (EvalRun.objects.count(), CaseResult.objects.count(), CostLine.objects.count())
        assert all(pull.state == "done" and pull.rows_new == pull.rows_read > 0 for pull in first)
        PulledFile.objects.update(mtime_ns=0, sha256="0" * 64)  # as if every file had been touched and changed
        second = [actions.pull(source=source) for source in (evals, costs)]
    assert all(pull.rows_new == pull.rows_withdrawn == 0 for pull in second)
    assert (EvalRun.objects.count(), CaseResult.objects.count(), CostLine.objects.count()) == before


def test_an_unchanged_file_is_not_read_again(costs, root):
    write_costs(root / "focus" / "a.csv", [cost_row()])
    assert counts(actions.pull(source=costs)) == ("done", 1, 1, 0, 0)
    assert counts(actions.pull(source=costs)) == ("done", 0, 0, 0, 0)


def test_a_second_longer_export_adds_only_what_is_new(costs, root):
    rows = [cost_row(SubAccountId=str(n)) for n in range(5)]
    write_costs(root / "focus" / "day1.csv", rows[:3])
    actions.pull(source=costs)
    write_costs(root / "focus" / "day2.csv", rows)
    assert counts(actions.pull(source=costs)) == ("done", 5, 2, 0, 0)
    assert CostLine.objects.count() == 5


def test_rows_that_are_equal_in_one_file_all_count(costs, root):
    write_costs(root / "focus" / "a.csv", [cost_row()] * 3)
    actions.pull(source=costs)
    write_costs(root / "focus" / "b.csv", [cost_row()] * 4)
    actions.pull(source=costs)
    assert sorted(CostLine.objects.values_list("ordinal", flat=True)) == [0, 1, 2, 3]


def test_an_overwritten_file_restates_its_period_instead_of_doubling_it(costs, root):
    path = root / "focus" / "month.csv"
    write_costs(path, [cost_row(SubAccountId="a"), cost_row(SubAccountId="b")])
    actions.pull(source=costs)
    write_costs(path, [cost_row(SubAccountId="a"), cost_row(SubAccountId="b", BilledCost="9", EffectiveCost="9")])
    assert counts(actions.pull(source=costs)) == ("done", 2, 1, 1, 0)
    assert CostLine.objects.aggregate(sum=Sum("effective_cost"))["sum"] == Decimal("10.5")


def test_a_file_that_rolls_on_to_the_next_month_keeps_the_last(costs, root):
    path = root / "focus" / "latest.csv"
    write_costs(path, [cost_row()])
    actions.pull(source=costs)
    write_costs(path, [cost_row(BillingPeriodStart="2026-12-01T00:00:00Z", BillingPeriodEnd="2027-01-01T00:00:00Z",
                                ChargePeriodStart="2026-12-01T00:00:00Z", ChargePeriodEnd="2026-12-02T00:00:00Z")])  # fmt: skip
    assert counts(actions.pull(source=costs)) == ("done", 1, 1, 0, 0)
    assert CostLine.objects.count() == 2


amounts = st.sampled_from(["0.01", "2", "-3.5"])
rows_given = st.lists(st.tuples(st.sampled_from("abc"), amounts), max_size=8)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows_given, more=rows_given, order=st.randoms())
def test_any_rows_pulled_again_in_any_order_and_length_count_once(costs, root, rows, more, order):
    CostLine.objects.all().delete()
    PulledFile.objects.all().delete()
    made = [cost_row(SubAccountId=name, BilledCost=cost, EffectiveCost=cost) for name, cost in rows]
    longer = made + [cost_row(SubAccountId=name, BilledCost=cost, EffectiveCost=cost) for name, cost in more]
    order.shuffle(longer)
    for name, content in (("a", made), ("b", longer), ("c", longer[::-1])):
        write_costs(root / "focus" / f"{name}.csv", content)
        actions.pull(source=costs)
    total = sum((Decimal(row["EffectiveCost"]) for row in longer), Decimal(0))
    assert CostLine.objects.count() == len(longer)
    assert (CostLine.objects.aggregate(sum=Sum("effective_cost"))["sum"] or 0) == total


def test_a_log_that_grows_while_the_eval_runs_ends_as_one_run(evals, root):
    path = root / "inspect" / "log.eval"
    with clock.at(NOW):
        write_log(path, log_of([sample("one")], status="started", stats={}))
        actions.pull(source=evals)
        write_log(path, log_of([sample("one"), sample("two", "I")]))
        actions.pull(source=evals)
    run = EvalRun.objects.get()
    assert (run.status, run.total, run.passed) == ("success", 2, 1)


def test_results_of_a_run_that_has_ended_cannot_be_changed_afterwards(evals, root):
    path = root / "inspect" / "log.eval"
    with clock.at(NOW):
        write_log(path, log_of([sample("one", "I")]))
        actions.pull(source=evals)
        write_log(path, log_of([sample("one", "C")]))
        pull = actions.pull(source=evals)
    assert pull.state == "failed" and "run the eval again" in pull.rejections[0]["reason"]
    assert EvalRun.objects.get().passed == 0


def test_a_run_from_the_future_is_refused(evals, root):
    write_log(root / "inspect" / "log.eval", log_of([sample("one")], completed="2026-11-21T09:00:00+00:00"))
    with clock.at(NOW):
        pull = actions.pull(source=evals)
    assert pull.state == "failed" and "still to come" in pull.rejections[0]["reason"] and not EvalRun.objects.exists()
    with clock.at(dt.datetime(2026, 11, 21, 10, tzinfo=dt.UTC)):
        assert actions.pull(source=evals).state == "done"
    assert EvalRun.objects.count() == 1


def test_epochs_count_a_case_once_by_majority_and_a_tie_fails(evals, root):
    marks = {"all": "CCC", "most": "CCI", "few": "CII", "tie": "CI"}
    samples = [sample(case, mark, n) for case, row in marks.items() for n, mark in enumerate(row, 1)]
    samples += [sample("crash", scores={}, error={"message": "boom"}, epoch=n) for n in (1, 2)]
    write_log(root / "inspect" / "log.eval", log_of(samples))
    with clock.at(NOW):
        actions.pull(source=evals)
    outcomes = dict(CaseResult.objects.values_list("case_id", "outcome"))
    assert outcomes == {"all": "pass", "most": "pass", "few": "fail", "tie": "fail", "crash": "error"}


def test_a_bad_file_fails_the_pull_and_keeps_what_the_others_hold(costs, root):
    write_costs(root / "focus" / "a.csv", [cost_row()])
    (root / "focus" / "b.csv").write_text("name,age\n")
    pull = actions.pull(source=costs)
    assert pull.state == "failed" and pull.error.startswith("1 of 2 files") and pull.rows_new == 1
    assert pull.rejections[0]["file"] == "b.csv" and "FOCUS" in pull.rejections[0]["reason"]
    again = actions.pull(source=costs)
    assert again.state == "failed" and again.rejections == pull.rejections  # it is still there, and still bad
    (root / "focus" / "b.csv").unlink()
    assert actions.pull(source=costs).state == "done"


def test_rejected_rows_are_kept_up_to_a_limit_with_their_total(costs, root):
    write_costs(root / "focus" / "a.csv", [cost_row(BilledCost="x")] * 250 + [cost_row()])
    pull = actions.pull(source=costs)
    assert (pull.state, pull.rows_rejected, len(pull.rejections), pull.rows_new) == ("done", 250, 200, 1)
    assert pull.rejections[0] == {"file": "a.csv", "row": 2, "reason": "BilledCost: 'x' is not a number"}


def test_a_missing_folder_and_a_link_fail_with_what_to_do(costs, root, tmp_path):
    outside = write_costs(tmp_path / "outside.csv", [cost_row()])
    (root / "focus" / "link.csv").symlink_to(outside)
    pull = actions.pull(source=costs)
    assert pull.state == "failed" and "symbolic link" in pull.rejections[0]["reason"] and not CostLine.objects.exists()
    (root / "focus" / "link.csv").unlink()
    (root / "focus").rmdir()
    assert "Create it" in actions.pull(source=costs).error
    (root / "focus").symlink_to(tmp_path)
    assert "symbolic link" in actions.pull(source=costs).error
    assert Pull.objects.filter(state="failed").count() == 3


def test_an_unmatched_run_is_given_to_its_agent_once_that_is_registered(evals, root, bank):
    from registry.actions import register_agent

    write_log(root / "inspect" / "log.eval", log_of([sample("one")], metadata={"portcullis_agent": "later"}))
    with clock.at(NOW):
        actions.pull(source=evals)
        assert EvalRun.objects.get().agent is None
        register_agent(name="Later", slug="later", summary="x", team=bank.team, owner=bank.member, by=bank.member)
        actions.pull(source=evals)
    assert EvalRun.objects.get().agent.slug == "later"


def test_a_file_of_more_than_one_chunk_is_kept_whole(costs, root):
    rows = [cost_row(SubAccountId=str(n), ChargePeriodStart="2026-11-01T00:00:00Z") for n in range(CHUNK + 1)]
    write_costs(root / "focus" / "big.csv", rows)
    pull = actions.pull(source=costs)
    assert (pull.rows_read, pull.rows_new) == (CHUNK + 1, CHUNK + 1)
