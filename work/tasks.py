"""Tasks that keep promises: finishing follow-ups, sweeping up those left open, signs of life."""

import datetime as dt
import logging

from celery import current_app, shared_task
from django.db import transaction
from django.db.models import F

from work import clock
from work.models import FollowUp, Heartbeat

log = logging.getLogger(__name__)

GRACE = dt.timedelta(seconds=20)
"""How long a follow-up may stay open before the sweep takes it up: longer than a busy broker needs to start it."""
GIVE_UP_AFTER = 20


@shared_task(soft_time_limit=300, time_limit=330)
def finish(row_id: int) -> None:
    """Run the follow-up `row_id` unless another worker has it or it is done. Errors stay on the row for the sweep."""
    # Counted first and committed, so that a task which kills its worker is not tried for ever.
    if not FollowUp.objects.filter(pk=row_id, done_at=None).update(attempts=F("attempts") + 1):
        return
    with transaction.atomic():
        row = FollowUp.objects.select_for_update(skip_locked=True).filter(pk=row_id, done_at=None).first()
        if row is None:
            return
        try:
            with transaction.atomic():
                current_app.tasks[row.task].run(*row.args)
        except Exception as error:
            log.exception("follow-up %s failed, attempt %s", row, row.attempts)
            row.error = f"{type(error).__name__}: {error}"[:2000]
        else:
            row.done_at, row.error = clock.now(), ""
        row.save(update_fields=["done_at", "error"])


@shared_task(time_limit=60)
def sweep() -> int:
    """Start every follow-up that is open longer than GRACE; returns how many. Backs off by the attempts made."""
    started = 0
    for row in FollowUp.objects.filter(done_at=None, attempts__lt=GIVE_UP_AFTER).order_by("attempts", "pk")[:500]:
        if clock.now() - row.created_at > GRACE * 2**row.attempts:
            finish.delay(row.pk)
            started += 1
    return started


@shared_task(time_limit=10)
def worker_heartbeat() -> None:
    """Say that a worker is alive: it took this task from the broker and wrote the database."""
    Heartbeat.objects.update_or_create(name="worker", defaults={"at": dt.datetime.now(dt.UTC)})
