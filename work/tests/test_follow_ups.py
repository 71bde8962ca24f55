"""Promised work is done, also when a process dies between promising and starting; the clock tells one time."""

import datetime as dt
import threading

import pytest
from celery import shared_task
from django.db import transaction

from ledger.kinds import Entry, Id
from work import clock, tasks
from work.acts import Denied, later, record, with_refusal
from work.models import FollowUp, Heartbeat

DONE = []


class Noted(Entry):
    kind = "test.act_noted"
    sentence = "noted {person}"
    person: Id


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


class TestRefusals:
    """What was refused is in the ledger although the act rolled back."""

    def test_a_refusal_is_recorded_and_the_act_is_not(self, world):
        stream = f"user:{world.ids['member']}"
        entry = Noted(person=str(world.ids["member"]))
        before = len(world.entries(stream))

        @with_refusal(stream=lambda **kwargs: stream, entry=lambda denial, **kwargs: entry)
        @transaction.atomic
        def act(*, by):
            Heartbeat.objects.create(name="half done", at=clock.now())
            record(stream, entry, by=by)
            raise Denied("no")

        with pytest.raises(Denied, match="no"):
            act(by=world.member)
        assert not Heartbeat.objects.filter(name="half done").exists()
        assert len(world.entries(stream)) == before + 1

    def test_an_act_is_recorded_at_the_clocks_time_by_whom(self, world):
        stream = f"user:{world.ids['member']}"
        with clock.at(dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)), transaction.atomic():
            record(stream, Noted(person=str(world.ids["member"])), by=None)
        last = world.entries(stream)[-1]
        assert (last["at"], last["actor"]["id"]) == ("2026-01-02T03:04:05.000000Z", "system")


class TestClock:
    """One time for all that happens inside."""

    def test_the_time_told_holds_inside_and_only_there(self):
        told = dt.datetime(2026, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=2)))
        before = clock.now()
        with clock.at(told):
            assert clock.now() == told
            assert clock.now().utcoffset() == dt.timedelta(0)
            with clock.at(told + dt.timedelta(days=1)):
                assert clock.now() == told + dt.timedelta(days=1)
            assert clock.now() == told
        assert clock.now() >= before

    def test_it_is_told_back_also_after_an_error(self):
        with pytest.raises(ZeroDivisionError), clock.at(dt.datetime(2026, 1, 1, tzinfo=dt.UTC)):
            raise ZeroDivisionError
        assert clock.now().year >= 2026
        assert clock.now() != dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

    def test_a_time_without_a_zone_is_refused(self):
        with pytest.raises(ValueError, match="no time zone"), clock.at(dt.datetime(2026, 1, 1)):
            pass

    def test_another_thread_has_its_own_time(self):
        seen = []
        with clock.at(dt.datetime(2001, 1, 1, tzinfo=dt.UTC)):
            thread = threading.Thread(target=lambda: seen.append(clock.now()))
            thread.start()
            thread.join()
        assert seen[0].year > 2001
