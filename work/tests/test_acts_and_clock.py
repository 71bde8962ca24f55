"""What was refused is recorded although the act was rolled back; the clock tells one time."""

import datetime as dt
import threading

import pytest
from django.db import transaction

from ledger.kinds import Entry, Id
from work import clock
from work.acts import Denied, record, with_refusal
from work.models import Heartbeat


class Noted(Entry):
    kind = "test.act_noted"
    sentence = "noted {person}"
    person: Id


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
