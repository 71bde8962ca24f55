"""Adding sources, asking for a pull, and ending one whose worker is gone."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, connection, transaction

from accounts.models import Person
from accounts.roles import Role
from signals import entries, folders
from signals.models import Pull, Source
from signals.readers import ReadError
from work import clock
from work.acts import Conflict, Denied, Invalid, later, record

STOPPED = "The worker was stopped before it was done. What it had read is kept; the next pull goes on from there."


@transaction.atomic
def add_source(*, name: str, kind: str, folder: str, interval_minutes: int = 15, by: Person) -> Source:
    """Watch `folder` (relative to settings.SIGNALS_ROOT) for files of `kind`, every `interval_minutes`.

    Raises Denied for who is no platform admin, Invalid for a folder outside the root or watched already.
    """
    if not by.holds(Role.ADMIN):
        raise Denied("Only a platform admin adds sources. Ask one of them.")
    problems = []
    if not name.strip():
        problems.append("Name the source, such as Nightly evals.")
    if kind not in Source.Kind.values:
        problems.append(f"Choose what the files are: {', '.join(str(label) for label in Source.Kind.labels)}.")
    if not 1 <= interval_minutes <= 10_080:
        problems.append("Pull at least once a week and at most once a minute: 1 to 10080 minutes.")
    try:
        folder = folders.cleaned(folder)
    except ReadError as error:
        problems.append(str(error))
    # Two sources of one kind, one folder inside the other's, would count the same rows twice. The lock on the
    # table's rows would not see a row being added, hence one lock for all who add.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('signals.add_source', 0))")
    for other in Source.objects.filter(kind=kind):
        if _overlap(other.folder, folder):
            problems.append(f"The folder {folder} overlaps with {other.folder}, which {other.name} watches.")
    if problems:
        raise Invalid(*problems)
    try:
        with transaction.atomic():
            source = Source.objects.create(
                name=name.strip(), kind=kind, folder=folder, interval_minutes=interval_minutes, created_by=by
            )
    except IntegrityError as error:
        raise Conflict(f"There is a source named {name.strip()} already.") from error
    entry = entries.SourceAdded(source=str(source.pk), source_kind=kind, interval_minutes=interval_minutes)
    record(source.stream, entry, by=by)
    return source


def _overlap(one: str, other: str) -> bool:
    mine, theirs = ([] if path == "." else path.split("/") for path in (one, other))
    shorter = min(len(mine), len(theirs))
    return mine[:shorter] == theirs[:shorter]


def request_pull(*, source: Source, by: Person | None) -> Pull:
    """Start a pull by a worker; its row is there at once. `by` None is the schedule.

    Raises Denied for who only reads, Conflict while another pull of the source is going on.
    """
    with transaction.atomic():
        pull = start_pull(source=source, by=by)
        from signals.tasks import launch_pull  # tasks call actions

        later(launch_pull, str(pull.pk))
    return pull


@transaction.atomic
def start_pull(*, source: Source, by: Person | None) -> Pull:
    """The row of a pull that begins. Its end is what the ledger records."""
    if by is not None and (by.is_auditor or not (by.roles or by.team_ids)):
        raise Denied("Pulling needs a team or a role; an auditor only reads. Ask a platform admin.")
    source = Source.objects.select_for_update().get(pk=source.pk)
    if not source.enabled:
        raise Conflict(f"{source.name} is switched off.")
    running = source.pulls.filter(state=Pull.State.RUNNING).first()
    if running and not recover_pull(running):
        raise Conflict(f"A pull of {source.name} is going on. Wait for it to end, or look at its progress.")
    return Pull.objects.create(source=source, asked_by=by, started_at=clock.now())


def recover_pull(pull: Pull) -> bool:
    """End `pull` as failed if a worker took it up and is gone. Returns whether it was ended."""
    if pull.begun_at is None:
        return False
    with alone(pull.source_id) as got_it, transaction.atomic():
        if not got_it:
            return False
        pull = Pull.objects.select_for_update().get(pk=pull.pk)
        if pull.state == Pull.State.RUNNING:
            finish(pull, error=STOPPED, why="worker_stopped")
    return True


@contextmanager
def alone(source_id: uuid.UUID) -> Iterator[bool]:
    """Whether this connection holds the source's lock inside. PostgreSQL frees it when the process dies."""
    key = f"signals.pull:{source_id}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [key])
        got_it = cursor.fetchone()[0]
    try:
        yield got_it
    finally:
        if got_it and not connection.needs_rollback and connection.connection is not None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [key])


MAX_FILES_LISTED = 200


def finish(pull: Pull, *, error: str = "", why: str = "", files: list[entries.FileRead] | None = None) -> None:
    """End `pull`, inside a transaction: done, or failed with `error` in words and `why` in one."""
    files = files or []
    pull.state = Pull.State.FAILED if error else Pull.State.DONE
    pull.error, pull.finished_at = error, max(clock.now(), pull.started_at)
    pull.save()
    counts = {
        "source": str(pull.source_id),
        "pull": str(pull.pk),
        "rows_read": pull.rows_read,
        "rows_new": pull.rows_new,
        "rows_withdrawn": pull.rows_withdrawn,
        "rows_rejected": pull.rows_rejected,
        "files": files[:MAX_FILES_LISTED],
        "files_not_listed": max(0, len(files) - MAX_FILES_LISTED),
    }
    entry = entries.PullFailed(**counts, why=why) if error else entries.PullFinished(**counts)
    record(f"connector:{pull.source_id}", entry, by=pull.asked_by)
