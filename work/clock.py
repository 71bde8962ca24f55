"""The time that actions go by, so that tests and the demo organisation can tell a history truthfully, in order."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_told: ContextVar[dt.datetime | None] = ContextVar("told", default=None)


def now() -> dt.datetime:
    """The current time, aware, in UTC; inside `at`, the time told there."""
    return _told.get() or dt.datetime.now(dt.UTC)


@contextmanager
def at(moment: dt.datetime) -> Iterator[None]:
    """Let actions inside happen at `moment` (aware)."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    token = _told.set(moment.astimezone(dt.UTC))
    try:
        yield
    finally:
        _told.reset(token)
