"""The Celery app: queues, schedule, and a beat that leaves a sign of life.

Rooms declare tasks with `@shared_task` and never import this module. Short tasks go to the queue `celery`; pulls and
exports say `queue="long"` and have a worker of their own, since the short one fetches many messages ahead.
"""

from __future__ import annotations

import logging
import os
import time
from typing import Any

from celery import Celery
from celery.beat import PersistentScheduler
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

logger = logging.getLogger(__name__)

app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.task_queues = [Queue("celery"), Queue("long")]
app.conf.beat_schedule = {
    # `expires`: while no worker runs, ticks must not pile up for it.
    "gates": {"task": "approvals.tasks.follow_the_ledger", "schedule": 15, "options": {"expires": 15}},
    "worker-heartbeat": {"task": "work.tasks.worker_heartbeat", "schedule": 10, "options": {"expires": 10}},
    "sweep": {"task": "work.tasks.sweep", "schedule": 15, "options": {"expires": 15}},
    "agent-counts": {"task": "registry.tasks.fold_counts", "schedule": 600, "options": {"expires": 600}},
    "renewals": {"task": "approvals.tasks.draft_renewals", "schedule": 3600, "options": {"expires": 3600}},
    "pull-due": {"task": "signals.tasks.pull_due", "schedule": 60, "options": {"expires": 60}},
}

WORKER_FLAGS = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
"""Talk between workers, which nothing here listens to and which costs a database round trip a message."""

SHORT_PREFETCH = 32
LONG_VISIBILITY_SECONDS = 3600


def follow(database: dict[str, Any]) -> None:
    """Points the broker at another database (Django's settings of it), such as a test's."""
    from portal.broker import conninfo

    let_go()
    app.conf.broker_transport_options = {**app.conf.broker_transport_options, "conn_string": conninfo(database)}


def let_go() -> None:
    """Closes the broker's connections; the next publish opens them again, with the options of then."""
    pool: Any = app.pool
    pool.force_close_all()
    parts: Any = app
    parts._pool = parts.amqp._producer_pool = None  # the app keeps both once made


class BeatingScheduler(PersistentScheduler):
    """Beat that writes its heartbeat, so that `/healthz` can tell a stopped one."""

    EVERY_SECONDS = 10
    max_interval = EVERY_SECONDS  # sleeps no longer than that, however rare the tasks are

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._beaten = float("-inf")
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """One round of the scheduler, and the heartbeat when it is due."""
        if time.monotonic() - self._beaten >= self.EVERY_SECONDS:
            self._beaten = time.monotonic()
            self._beat()
        return min(super().tick(*args, **kwargs), self.EVERY_SECONDS)

    def _beat(self) -> None:
        from django.db import Error, close_old_connections

        from work import clock
        from work.models import Heartbeat

        try:
            close_old_connections()
            Heartbeat.objects.update_or_create(name="beat", defaults={"at": clock.now()})
        except Error as error:  # beat outlives a database that restarts
            logger.warning("Heartbeat of beat not written: %s", error)
