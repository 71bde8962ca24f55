"""Whether the portal's parts are at work: for probes, for the supervisor, for `manage.py doctor`."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection, transaction
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal import broker
from portal.celery import app
from work.models import Heartbeat

STALE_AFTER = dt.timedelta(seconds=45)
"""Heartbeats come every 10 seconds; a worker busy with a full prefetch may be late by some."""
TIMEOUT_SECONDS = 2


@login_not_required
@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """Each part `ok` or why not; 503 if one is not. Names no host, no version and no person, so it needs no sign-in."""
    parts = report()
    return JsonResponse(parts, status=200 if set(parts.values()) == {"ok"} else 503)


def report() -> dict[str, str]:
    """The state of database, broker, worker and beat: `ok`, or the reason in words."""
    try:
        # LOCAL needs a transaction, and keeps the short patience out of the requests that share this connection.
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = '{TIMEOUT_SECONDS}s'")
            seen = dict(Heartbeat.objects.values_list("name", "at"))
            cursor.execute("SELECT statement_timestamp(), to_regclass('pgmq.meta') IS NOT NULL")
            now, has_queue = cursor.fetchone()
    except Error as error:
        reason = "the database does not answer" if connection.connection is None else f"{type(error).__name__}"
        unknown = "unknown while the database fails"
        return {"database": reason, "broker": unknown, "worker": unknown, "beat": unknown}
    return {
        "database": "ok",
        "broker": _broker(has_queue),
        **{name: _heartbeat(seen.get(name), now) for name in ("worker", "beat")},
    }


def _heartbeat(at: dt.datetime | None, now: dt.datetime) -> str:
    if at is None:
        return "not seen yet"
    age = now - at
    return "ok" if age < STALE_AFTER else f"last seen {int(age.total_seconds())} s ago"


def _broker(has_queue: bool) -> str:
    if broker.on_database():
        return "ok" if has_queue else "PGMQ is not installed in the database: run `python manage.py migrate`"
    try:
        with app.connection_for_read(connect_timeout=TIMEOUT_SECONDS) as link:
            link.ensure_connection(max_retries=1, timeout=TIMEOUT_SECONDS)
    except Exception as error:  # each transport has errors of its own, and every one means the same
        return f"does not answer ({type(error).__name__})"
    return "ok"
