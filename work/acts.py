"""What every action uses: recording the act, promising work that follows, and refusing."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, TypeVar

from celery import Task, current_app
from django.db import transaction

from ledger.actions import append
from ledger.kinds import Entry
from web.errors import Conflict, Denied, Invalid
from work import clock
from work.models import FollowUp

__all__ = ["Conflict", "Denied", "Invalid", "later", "record", "refused"]

P = ParamSpec("P")
R = TypeVar("R")


class Actor(Protocol):
    """Whoever acts: anything with an id that the ledger may keep."""

    pk: Any


def record(stream: str, entry: Entry, *, by: Actor | None) -> int:
    """Append `entry` as the last statement of the current transaction, at the clock's time.

    `by` is the person who acted; None means the portal itself. Returns the entry's id.
    """
    return append(stream, entry, actor=str(by.pk) if by else "system", at=clock.now())


def refused(stream: str, entry: Entry, *, by: Actor) -> None:
    """Record a refusal in a transaction of its own, since the act that was refused rolls back."""
    with transaction.atomic():
        record(stream, entry, by=by)


def later(task: Task, *args: str | int) -> None:
    """Promise that `task(*args)` runs after this transaction commits.

    The row is the promise; `on_commit` only starts the work at once. A process killed between the two has
    published nothing, so `work.tasks.sweep` finishes every row that stays open. The task must be idempotent.
    """
    row = FollowUp.objects.create(task=task.name, args=list(args), created_at=clock.now())
    transaction.on_commit(lambda: current_app.send_task("work.tasks.finish", [row.pk]), robust=True)


def with_refusal(
    *, stream: Callable[..., str], entry: Callable[..., Entry]
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate an action so that its Denied is recorded once its transaction has rolled back, then raised again.

    `stream` and `entry` are called with the Denied and the action's own arguments.
    """

    def decorate(act: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(act)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return act(*args, **kwargs)
            except Denied as denial:
                by = kwargs["by"]
                refused(stream(*args, **kwargs), entry(denial, *args, **kwargs), by=by)  # type: ignore[arg-type]
                raise

        return run

    return decorate
