"""A merge and a save at the same instant: no grant is lost, and none is left on the entry that went."""

import threading
import time

import pytest
from django.db import connection, transaction

from registry import actions, merging
from registry.sections.s02_data import DataGrant
from work.acts import Conflict, Invalid


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("first", ["merge", "save"])
def test_a_merge_and_a_save_at_the_same_instant_lose_nothing(committed_world, first):
    world = committed_world
    stays = actions.catalogue_source(name="Tariff", by=world.member, owner=world.owner, classification="internal")
    packet = actions.start_packet(agent=world.agent, version="1.0.0", by=world.author)
    content, goes, admin, author = world.sections()[2], world.source, world.admin, world.author
    begun, errors = threading.Event(), {}

    def run(name, act):
        try:
            if name != first:
                begun.wait(20)
            with transaction.atomic():
                act()
                begun.set()
                if name == first:
                    time.sleep(0.5)  # the other comes now, and waits or goes round
        except Exception as error:
            errors[name] = error
        finally:
            begun.set()
            connection.close()

    def save():
        actions.write_section(packet=packet, number=2, content=content, by=author)

    def join():
        merging.merge(goes=goes, stays=stays, by=admin, agents_seen=0)

    threads = [threading.Thread(target=run, args=pair) for pair in (("save", save), ("merge", join))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    grants = [grant.source_id for grant in DataGrant.objects.filter(packet=packet)]
    if first == "save":
        # The save was there first: the merge was not shown that agent, and says so.
        assert grants == [goes.pk] and isinstance(errors.pop("merge"), Conflict)
        merging.merge(goes=goes, stays=stays, by=admin, agents_seen=1)
    elif "save" in errors:
        # The merge was there first, and the form offered the entry no more.
        assert isinstance(errors.pop("save"), Invalid) and grants == []
        return
    assert not errors
    assert [grant.source_id for grant in DataGrant.objects.filter(packet=packet)] == [stays.pk]
