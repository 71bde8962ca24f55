"""A pull: reads what is new in a source's folder, file by file, and says what came of it."""

import hashlib
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError, transaction
from django.db.models import Max

from accounts.models import Person
from signals import entries, folders
from signals.actions.costs import load_costs
from signals.actions.evals import load_run, match_runs
from signals.actions.sources import STOPPED, alone, finish, start_pull
from signals.models import MAX_REJECTIONS_KEPT, CostLine, Pull, PulledFile, Source
from signals.readers import ReadError
from signals.unregistered.counting import count_source
from work import clock

log = logging.getLogger(__name__)

PASSING = (OperationalError, OSError)
"""Faults that may be gone at the next try: the database restarts, a network drive is away."""


def pull(*, source: Source, by: Person | None = None) -> Pull:
    """Pull `source` now, in this process. Always returns the Pull, also a failed one; raises as `request_pull` does."""
    return run_pull(start_pull(source=source, by=by))


def run_pull(pull: Pull) -> Pull:
    """Do the work of `pull`, and return the Pull that was ended: itself, or its successor where its worker was killed.

    A fault of the files ends it as failed and is not raised; one of PASSING ends it as failed and is raised, so that
    the task can try again.
    """
    with alone(pull.source_id) as got_it:
        pull.refresh_from_db()
        if not got_it or pull.state != Pull.State.RUNNING:
            return pull  # another worker has it, or has ended it: a message may be delivered twice
        if pull.begun_at is not None:
            with transaction.atomic():
                finish(pull, error=STOPPED, why="worker_stopped")
            pull = Pull.objects.create(source=pull.source, asked_by=pull.asked_by, started_at=clock.now())
        pull.begun_at = clock.now()
        pull.save(update_fields=["begun_at"])
        done = _Files(pull)
        error, why = "", ""
        try:
            done.read_all()
        except ReadError as fault:
            error, why = str(fault), "folder"
        except SoftTimeLimitExceeded:
            error, why = (
                "It took longer than a pull may. Files read until then are kept; the next pull goes on.",
                "time",
            )
        except PASSING as fault:
            _end(
                pull,
                done,
                f"The server could not read on ({type(fault).__name__}: {fault}). It is tried again.",
                "server",
            )
            raise
        except Exception as fault:
            log.exception("pull %s of %s", pull.pk, pull.source)
            error = f"An unexpected fault ({type(fault).__name__}: {fault}). The server's log has the details."
            why = "unexpected"
        if not error and pull.files_refused:
            of = "The file" if pull.files_seen == 1 else f"{pull.files_refused} of {pull.files_seen} files"
            error = f"{of} could not be read; the reasons are below. What could be read is kept."
            why = "files_refused"
        _end(pull, done, error, why)
    return pull


@transaction.atomic
def _end(pull: Pull, done: "_Files", error: str, why: str) -> None:
    if pull.source.kind == Source.Kind.FOCUS:
        newest = CostLine.objects.filter(source=pull.source, charge_category="Usage").aggregate(
            at=Max("charge_period_end")
        )
        if newest["at"]:
            pull.covers_through = min(newest["at"], clock.now())
    elif pull.source.kind == Source.Kind.INSPECT:
        pull.covers_through = pull.source.runs.aggregate(at=Max("completed_at"))["at"]
    if done.matched or pull.rows_new or pull.rows_withdrawn or not pull.source.tallies.exists():
        count_source(pull.source)
    finish(pull, error=error, why=why, files=done.read)


class _Files:
    """Works through the folder; counts on the Pull as it goes, so that its page shows how far it is."""

    def __init__(self, pull: Pull) -> None:
        self.pull, self.source = pull, pull.source
        self.read: list[entries.FileRead] = []
        self.known = {row.path: row for row in self.source.files.all()}
        self.matched = 0

    def read_all(self) -> None:
        """Read every file that is new or changed."""
        folder = folders.resolved(self.source.folder)
        found = list(folders.files(folder, self.source.kind))
        self.pull.files_seen = len(found)
        self.pull.save(update_fields=["files_seen"])
        for relative, path in found:
            self._read(relative, path)
            self.pull.files_done += 1
            self.pull.save()
        # A file that was taken away no longer holds anything that could not be read.
        gone = self.source.files.exclude(path__in=[relative for relative, _ in found])
        gone.exclude(refused="", rejected=0).update(refused="", rejected=0)
        if self.source.kind == Source.Kind.INSPECT:
            self.matched = match_runs(self.source)

    def _read(self, relative: str, path: Path) -> None:
        try:
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                raise ReadError("This is a symbolic link or no ordinary file, and is not followed. Copy the file here.")
            if len(relative) > 500:
                raise ReadError("The path is longer than 500 characters. Use a shorter name.")
        except FileNotFoundError:
            return  # taken away since the folder was listed
        except ReadError as fault:
            self.pull.files_refused += 1
            self._reject(relative[:500], None, str(fault))
            return
        known = self.known.get(relative)
        # What was refused is tried again each time: a log "from the future" can be read tomorrow.
        read = known if known and not known.refused else None
        if read and (read.size, read.mtime_ns) == (status.st_size, status.st_mtime_ns):
            return
        digest = _digest(path)
        if read and read.sha256 == digest:
            self.source.files.filter(pk=read.pk).update(mtime_ns=status.st_mtime_ns)
            return
        self._load(relative, path, status, digest)

    def _load(self, relative: str, path: Path, status: os.stat_result, digest: str) -> None:
        before = (self.pull.rows_read, self.pull.rows_new, self.pull.rows_withdrawn, self.pull.rows_rejected)
        kept = list(self.pull.rejections)
        rejected = 0
        values: dict[str, Any] = {
            "sha256": digest,
            "size": status.st_size,
            "mtime_ns": status.st_mtime_ns,
            "read_at": clock.now(),
            "refused": "",
        }
        try:
            if self.source.kind == Source.Kind.FOCUS:
                rejected = load_costs(self.pull, relative, path, values, self._reject_row(relative))
            else:
                load_run(self.pull, relative, path, digest)
        except ReadError as fault:
            # All of the file or nothing: the counts go back to what they were before it.
            self.pull.rows_read, self.pull.rows_new, self.pull.rows_withdrawn, self.pull.rows_rejected = before
            self.pull.rejections = kept
            self.pull.files_refused += 1
            self._reject(relative, None, str(fault))
            rejected, values["refused"] = 0, str(fault)
        values["rejected"] = rejected
        if _digest(path) != digest:
            values["mtime_ns"] = 0  # it changed while it was read: the next pull reads it again
        PulledFile.objects.update_or_create(source=self.source, path=relative, defaults=values)
        refused = bool(values["refused"])
        self.read.append(entries.FileRead(sha256=digest, size=status.st_size, rejected=rejected, refused=refused))

    def _reject_row(self, relative: str) -> Callable[[int, str], None]:
        def reject(row: int, reason: str) -> None:
            self.pull.rows_rejected += 1
            self._reject(relative, row, reason)

        return reject

    def _reject(self, file: str, row: int | None, reason: str) -> None:
        if len(self.pull.rejections) < MAX_REJECTIONS_KEPT:
            self.pull.rejections.append({"file": file, "row": row, "reason": reason})


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
