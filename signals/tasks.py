"""Pulling by schedule and by button, and tying costs anew."""

import datetime as dt

from celery import Task, shared_task
from django.db import transaction

from signals import actions
from signals.actions.pulling import PASSING
from signals.actions.sources import start_pull
from signals.models import Pull, Source
from work import clock
from work.acts import Conflict

LOST = dt.timedelta(seconds=60)
"""How long a pull may wait for a worker before its message counts as lost."""


@shared_task(bind=True, soft_time_limit=3000, time_limit=3060, max_retries=5)
def pull_source(self: Task, source_id: str, pull_id: str = "") -> str:
    """Run the pull `pull_id`, or a new one of the source. Tries again, ever later, what may pass; nothing else."""
    try:
        if pull_id:
            pull = Pull.objects.select_related("source").get(pk=pull_id)
        else:
            pull = start_pull(source=Source.objects.get(pk=source_id), by=None)
        return actions.run_pull(pull).state
    except Conflict:
        return "another pull is going on"
    except PASSING as fault:
        # Each try is a Pull of its own, so that the page shows what happened.
        raise self.retry(exc=fault, args=(source_id,), kwargs={}, countdown=15 * 2**self.request.retries) from fault


@shared_task(time_limit=30)
def launch_pull(pull_id: str) -> None:
    """Follow-up of a request: hands the pull to the worker for long tasks, once this transaction is committed."""
    pull = Pull.objects.filter(pk=pull_id, state=Pull.State.RUNNING, begun_at=None).first()
    if pull:
        args = (str(pull.source_id), pull_id)
        transaction.on_commit(lambda: pull_source.apply_async(args, queue="long"))


@shared_task(time_limit=50)
def pull_due() -> int:
    """Beat's task: ends pulls whose worker is gone, sends again those no worker got, starts what is due. Returns how many."""
    now, started = clock.now(), 0
    for source in Source.objects.filter(enabled=True):
        last = source.pulls.order_by("-started_at").first()
        if last and last.state == Pull.State.RUNNING:
            if last.begun_at is None:
                if now - last.started_at > LOST:
                    launch_pull(str(last.pk))
                continue
            if not actions.recover_pull(last):
                continue
        elif last and now - last.started_at < dt.timedelta(minutes=source.interval_minutes):
            continue
        try:
            actions.request_pull(source=source, by=None)
        except Conflict:
            continue  # someone pressed the button in between
        started += 1
    return started


@shared_task(time_limit=280)
def retie() -> int:
    """Follow-up of a changed rule: ties every cost line anew."""
    return actions.retie_costs()
