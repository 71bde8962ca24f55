"""Keeping an eval run: its cases over their epochs, and the agent that its log names."""

import datetime as dt
from collections import defaultdict
from pathlib import Path

from django.db import connection, transaction

from registry.models import Agent
from signals.models import CaseResult, EvalRun, Pull, Source
from signals.readers import ReadError
from signals.readers.inspect import EvalLog, SampleResult, read_log
from work import clock

AHEAD = dt.timedelta(minutes=10)
"""How far another machine's clock may be ahead of ours."""


def load_run(pull: Pull, relative: str, path: Path, digest: str) -> None:
    """Keep the run of the log at `path`; the same log again changes nothing.

    Raises ReadError where it cannot be read, comes from the future, or tells a run that has ended otherwise than before.
    """
    log = read_log(path)
    now = clock.now()
    if max(log.created, log.completed or log.created) > now + AHEAD:
        raise ReadError(
            f"The log is dated {(log.completed or log.created):%d %b %Y %H:%M} UTC, which is still to come. "
            "A run from the future would never grow old: check the clock of the machine that ran the eval."
        )
    cases = _cases(log.samples)
    pull.rows_read += len(log.samples)
    with transaction.atomic():
        known = EvalRun.objects.select_for_update().filter(source_id=pull.source_id, eval_id=log.eval_id).first()
        if known and known.results_sha256 == log.results_sha256:
            return
        if known and known.completed_at:
            raise ReadError(
                f"The log tells eval {log.eval_id} otherwise than it was pulled on {known.received_at:%d %b %Y}. "
                "Results of a run that has ended are kept as they were: run the eval again."
            )
        run = known or EvalRun(source_id=pull.source_id, eval_id=log.eval_id)
        _fill(run, log, cases)
        run.received_at, run.file, run.file_sha256 = now, relative, digest
        run.save()
        run.cases.all().delete()
        CaseResult.objects.bulk_create([_with_run(case, run) for case in cases], batch_size=2000)
    pull.rows_new += len(log.samples)


def _fill(run: EvalRun, log: EvalLog, cases: list[CaseResult]) -> None:
    run.agent_named, run.version = log.agent[:100], log.version[:50]
    run.agent = Agent.objects.filter(slug=log.agent).first() if log.agent else None
    run.run_id, run.task, run.model, run.status = log.run_id, log.task, log.model, log.status
    run.invalidated, run.error = log.invalidated, log.error
    run.started_at, run.completed_at, run.metadata = log.created, log.completed, log.metadata
    run.results_sha256 = log.results_sha256
    run.total = len(cases)
    run.passed = sum(case.outcome == CaseResult.Outcome.PASS for case in cases)
    run.errored = sum(case.outcome == CaseResult.Outcome.ERROR for case in cases)
    run.failed = run.total - run.passed - run.errored


def _with_run(case: CaseResult, run: EvalRun) -> CaseResult:
    case.run = run
    return case


def _cases(samples: list[SampleResult]) -> list[CaseResult]:
    """One result a case. A majority of epochs passes it; a tie does not; an errored epoch is no pass."""
    by_case: dict[str, list[SampleResult]] = defaultdict(list)
    for sample in samples:
        by_case[sample.id].append(sample)
    results = []
    for case_id, epochs in by_case.items():
        passed, errored = sum(s.passed for s in epochs), sum(bool(s.error) for s in epochs)
        if passed * 2 > len(epochs):
            outcome = CaseResult.Outcome.PASS
        else:
            outcome = (
                CaseResult.Outcome.ERROR if errored and passed + errored == len(epochs) else CaseResult.Outcome.FAIL
            )
        results.append(
            CaseResult(
                case_id=case_id,
                epochs=len(epochs),
                passed_epochs=passed,
                errored_epochs=errored,
                outcome=outcome,
                critical=any(s.critical for s in epochs),
                error=next((s.error for s in epochs if s.error), ""),
                scores=[{"epoch": s.epoch, "passed": s.passed, "scores": s.scores} for s in epochs],
            )
        )
    return results


def match_runs(source: Source) -> int:
    """Give runs that belong to no agent to the one that their log names, else to the one that a rule says; returns how
    many. A rule on the name that the log gives comes before one on its task, which holds only where it names nobody."""
    matched = 0
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE signals_evalrun r SET agent_id = a.id FROM registry_agent a"
            " WHERE r.source_id = %s AND r.agent_id IS NULL AND r.agent_named <> '' AND a.slug = r.agent_named",
            [source.pk],
        )
        matched += cursor.rowcount
        cursor.execute(
            "UPDATE signals_evalrun r SET agent_id = e.agent_id FROM signals_evalrule e"
            " WHERE r.source_id = %s AND r.agent_id IS NULL"
            " AND ((e.field = 'agent' AND e.value = r.agent_named)"
            " OR (e.field = 'task' AND r.agent_named = '' AND e.value = r.task))",
            [source.pk],
        )
        return matched + cursor.rowcount
