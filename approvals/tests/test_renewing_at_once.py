"""Two workers that draft the same renewal, and a person who starts it at that moment: there is one."""

import datetime as dt

from approvals.renewing import renew_if_due, start_renewal
from registry.models import Packet
from work import clock
from work.acts import Conflict


def test_two_workers_at_once_draft_one_renewal(committed_world, at_once):
    packet = committed_world.approved_packet()
    later = clock.now() + dt.timedelta(days=61)

    def work():
        with clock.at(later):
            return renew_if_due(str(packet.pk))

    outcomes = at_once(work, work)
    assert [one.error for one in outcomes] == [None, None]
    assert sum(one.value is not None for one in outcomes) == 1
    assert Packet.objects.filter(renews=packet).count() == 1


def test_a_person_and_a_worker_at_once(committed_world, at_once):
    packet, owner = committed_world.approved_packet(), committed_world.owner
    later = clock.now() + dt.timedelta(days=61)

    def work():
        with clock.at(later):
            return renew_if_due(str(packet.pk))

    worker, person = at_once(work, lambda: start_renewal(packet=packet, by=owner))
    assert worker.error is None
    assert (person.error is None) != (worker.value is not None)
    assert person.error is None or isinstance(person.error, Conflict)
    assert Packet.objects.filter(renews=packet).count() == 1
