"""Promised work is done, also when a process dies between promising and starting."""

import datetime as dt

import pytest
from celery import shared_task
from django.db import transaction

from work import clock, tasks
from work.acts import later
from work.models import FollowUp, Heartbeat

DONE = []


@shared_task(name="work.tests.note")
def note(value):
    DONE.append(value)


@shared_task(name="work.tests.break_down")
def break_down():
    Heartbeat.objects.create(name="half done", at=clock.now())
    raise ZeroDivisionError("as told")


@pytest.fixture(autouse=True)
def nothing_done():
    DONE.clear()


@pytest.fixture
def sent(monkeypatch):
    """The ids that `sweep` handed to the broker: the one boundary that is cut here."""
    ids = []
    monkeypatch.setattr(tasks.finish, "delay", ids.append)
    return ids


def promise(task, *args):
    with transaction.atomic():
        later(task, *args)
    return FollowUp.objects.latest("pk")


def test_a_promise_is_kept_once_however_often_it_is_started(db):
    row = promise(note, "a")
    for _ in range(3):
        tasks.finish(row.pk)
    row.refresh_from_db()
    assert DONE == ["a"]
    assert (row.attempts, row.error, row.done_at is not None) == (1, "", True)


def test_a_promise_is_gone_with_the_act_that_failed(db):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        later(note, "a")
        raise ZeroDivisionError
    assert not FollowUp.objects.exists()


def test_a_task_that_fails_leaves_nothing_half_done_and_says_why(db):
    row = promise(break_down)
    tasks.finish(row.pk)
    row.refresh_from_db()
    assert not Heartbeat.objects.filter(name="half done").exists()
    assert (row.done_at, row.attempts, row.error) == (None, 1, "ZeroDivisionError: as told")


def test_a_task_that_is_not_known_any_more_says_so(db):
    row = FollowUp.objects.create(task="gone.task", args=[], created_at=clock.now())
    tasks.finish(row.pk)
    row.refresh_from_db()
    assert row.done_at is None
    assert row.error


def test_the_sweep_starts_what_was_never_started_and_backs_off(db, sent):
    row = promise(note, "a")
    made = row.created_at
    sent.clear()
    for seconds, attempts, expected in [(20, 0, 0), (21, 0, 1), (21, 1, 0), (41, 1, 1), (80, 2, 0), (81, 2, 1)]:
        FollowUp.objects.update(attempts=attempts)
        with clock.at(made + dt.timedelta(seconds=seconds)):
            assert tasks.sweep() == expected, (seconds, attempts)
    assert set(sent) == {row.pk}


def test_the_sweep_leaves_what_is_done_and_gives_up_at_last(db, sent):
    row = promise(note, "a")
    FollowUp.objects.update(attempts=tasks.GIVE_UP_AFTER)
    with clock.at(row.created_at + dt.timedelta(days=400)):
        assert tasks.sweep() == 0
        FollowUp.objects.update(attempts=0, done_at=clock.now())
        assert tasks.sweep() == 0


def test_two_workers_with_one_promise_keep_it_once(transactional_db, at_once):
    row = promise(note, "a")
    outcomes = at_once(lambda: tasks.finish(row.pk), lambda: tasks.finish(row.pk))
    assert [one.error for one in outcomes] == [None, None]
    assert DONE == ["a"]


def test_a_real_worker_keeps_what_was_promised(celery_worker_process, eventually):
    with transaction.atomic():
        later(tasks.worker_heartbeat)
    row = FollowUp.objects.get()
    eventually(lambda: FollowUp.objects.filter(pk=row.pk, done_at__isnull=False).exists())
