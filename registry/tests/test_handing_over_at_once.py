"""Answers to one offer at the same instant."""

import threading
import time

import pytest
from django.db import transaction

from registry import ownership
from work.acts import Conflict, Denied


@pytest.mark.parametrize("first", range(3))
def test_answers_at_once_end_it_once(committed_world, at_once, first):
    bank = committed_world
    handover = ownership.offer(agent=bank.agent, to=bank.bystander, by=bank.owner)
    bystander, owner = bank.bystander, bank.owner
    calls = [
        lambda: ownership.accept(handover=handover, by=bystander),
        lambda: ownership.withdraw(handover=handover, by=owner),
        lambda: ownership.decline(handover=handover, by=bystander),
    ]
    outcomes = at_once(*calls[first:], *calls[:first])
    refused = [one.error for one in outcomes if one.error]
    assert len(refused) == 2 and all(isinstance(one, (Conflict, Denied)) for one in refused), refused
    ends = [one["kind"] for one in bank.entries(bank.agent)][2:]
    assert len(ends) == 1 and ends[0] in ("agent.owner_changed", "agent.handover_ended")


def test_who_waits_for_the_lock_while_the_owner_changes_is_told_so(committed_world, at_once):
    bank = committed_world
    handover = ownership.offer(agent=bank.agent, to=bank.bystander, by=bank.owner)
    bystander, owner, accepted = bank.bystander, bank.owner, threading.Event()

    def accept():
        with transaction.atomic():
            ownership.accept(handover=handover, by=bystander)
            accepted.set()
            time.sleep(0.5)  # the other waits for the lock meanwhile

    def withdraw():
        accepted.wait(20)
        ownership.withdraw(handover=handover, by=owner)

    first, second = at_once(accept, withdraw)
    assert first.error is None and isinstance(second.error, Conflict), second.error
