"""Logs of the current release of Inspect say here what they say to Inspect itself."""

import json
import shutil
from pathlib import Path

import pytest
from django.conf import settings

from signals import actions
from signals.models import CaseResult, EvalRun
from signals.readers.inspect import read_log

pytestmark = pytest.mark.interop
HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def logs(program, tmp_path_factory):
    """A folder of logs, and what Inspect reads in each: file name → what run_inspect.py wrote."""
    folder = tmp_path_factory.mktemp("logs")
    program("python", HERE / "run_inspect.py", folder)
    known = json.loads((folder / "as_inspect_reads_them.json").read_text())
    (folder / "as_inspect_reads_them.json").unlink()
    return folder, known


def outcome(sample):
    """What a sample of Inspect's comes to, by the rule of docs/pulling-evals-and-costs.md."""
    if sample["error"] or not sample["scores"]:
        return "error"
    return "pass" if set(sample["scores"].values()) == {"C"} else "fail"


def by_case(samples):
    """Case → pass, fail or error: the majority of epochs, a tie fails; an error in all epochs is an error."""
    epochs = {}
    for sample in samples:
        epochs.setdefault(sample["id"], []).append(outcome(sample))
    return {
        case: "pass"
        if 2 * came.count("pass") > len(came)
        else "error"
        if "error" in came and came.count("fail") == 0
        else "fail"
        for case, came in epochs.items()
    }


def test_every_sample_reads_as_inspect_reads_it(logs):
    folder, known = logs
    assert {Path(name).suffix for name in known} == {".eval", ".json"}
    for name, theirs in known.items():
        ours = read_log(folder / name)
        assert (ours.eval_id, ours.status, ours.task, ours.model) == tuple(
            theirs[key] for key in ("eval_id", "status", "task", "model")
        ), name
        assert ours.agent == theirs["metadata"].get("portcullis_agent", "")
        assert {
            (one.id, one.epoch): "error" if one.error else "pass" if one.passed else "fail" for one in ours.samples
        } == {(one["id"], one["epoch"]): outcome(one) for one in theirs["samples"]}, name


def test_the_logs_hold_what_makes_reading_hard(logs):
    """Else the other tests would agree about nothing."""
    _, known = logs
    samples = [sample for theirs in known.values() for sample in theirs["samples"]]
    assert {outcome(sample) for sample in samples} == {"pass", "fail", "error"}
    assert {theirs["status"] for theirs in known.values()} == {"success", "error"}
    assert max(sample["epoch"] for sample in samples) == 3
    assert any(not theirs["metadata"].get("portcullis_agent") for theirs in known.values())


@pytest.mark.parametrize("suffix", [".eval", ".json"])
def test_a_pull_counts_as_inspect_counts(world, logs, suffix):
    folder, known = logs
    name = f"interop{suffix}"
    watched = Path(settings.SIGNALS_ROOT) / name
    watched.mkdir(parents=True)
    try:
        chosen = {log: theirs for log, theirs in known.items() if log.endswith(suffix)}
        for log in chosen:
            shutil.copy(folder / log, watched)
        source = actions.add_source(name=name, kind="inspect", folder=name, by=world.admin)
        pull = actions.pull(source=source)
        assert (pull.state, pull.error, pull.rejections) == ("done", "", [])
        assert EvalRun.objects.filter(source=source).count() == len(chosen) == pull.files_done
        for theirs in chosen.values():
            run = EvalRun.objects.get(source=source, eval_id=theirs["eval_id"])
            expected = by_case(theirs["samples"])
            assert dict(CaseResult.objects.filter(run=run).values_list("case_id", "outcome")) == expected
            counts = [list(expected.values()).count(word) for word in ("pass", "fail", "error")]
            assert [run.total, run.passed, run.failed, run.errored] == [len(expected), *counts]
            if theirs["status"] == "success" and all(sample["epoch"] == 1 for sample in theirs["samples"]):
                scored = run.passed + run.failed  # Inspect leaves errored samples out of its accuracy
                assert theirs["accuracy"] == pytest.approx(run.passed / scored)
        again = actions.pull(source=source)
        assert (again.state, again.rows_new) == ("done", 0)
    finally:
        shutil.rmtree(watched)
