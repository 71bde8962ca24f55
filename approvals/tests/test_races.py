"""Rules C1 to C5 with real threads and real transactions: two acts at the same instant."""

import pytest
from django.db import OperationalError, connection, transaction

from approvals.actions import evaluate, submit_packet
from approvals.models import GateDecision, SignOff
from approvals.standing import standings
from registry.actions import write_section
from registry.models import Agent, Packet, Revision
from registry.vocabulary import PacketState
from work import clock
from work.acts import Conflict


@pytest.fixture
def world(committed_world):
    return committed_world


@pytest.fixture
def packet(world):
    return world.complete_packet()


def errors(outcomes):
    return [one.error for one in outcomes if one.error]


def test_one_person_who_clicks_five_times_signs_once(world, packet, at_once):
    outcomes = at_once(*[lambda: world.sign(packet, "risk")] * 5)
    assert sum(one.error is None for one in outcomes) == 1
    assert all(isinstance(error, Conflict) for error in errors(outcomes)), errors(outcomes)
    assert SignOff.objects.filter(packet=packet).count() == 1
    assert len(world.entries(packet, "signoff.recorded")) == 1


def test_of_two_approvers_of_one_role_at_the_same_instant_one_signs(world, packet, at_once):
    outcomes = at_once(lambda: world.sign(packet, "risk"), lambda: world.sign(packet, "risk", by=world.risk_two))
    assert len(errors(outcomes)) == 1
    assert isinstance(errors(outcomes)[0], Conflict)
    assert SignOff.objects.filter(packet=packet, role="risk").count() == 1


def test_the_last_two_approvers_at_the_same_instant_approve_the_packet_once(world, packet, at_once):
    world.sign_all(packet, but=("data", "finance"))
    outcomes = at_once(lambda: world.sign(packet, "data"), lambda: world.sign(packet, "finance"))
    assert errors(outcomes) == []
    assert world.fresh(packet).state == PacketState.APPROVED
    moved = [entry["data"]["state"] for entry in world.entries(packet, "packet.moved")]
    assert moved == ["approved"]


def test_two_packets_of_one_agent_are_not_both_approved(world, packet, at_once):
    other = world.complete_packet(packet.agent, "2.0.0")
    for one in (packet, other):
        world.sign_all(one, but=("finance",))
    outcomes = at_once(
        lambda: world.sign(packet, "finance"), lambda: world.sign(other, "finance", by=world.finance_two)
    )
    assert errors(outcomes) == []
    assert sorted(world.fresh(one).state for one in (packet, other)) == ["approved", "superseded"]


def test_a_packet_is_submitted_once_by_five_who_do_it_together(world, at_once):
    draft = world.draft()
    outcomes = at_once(*[lambda: submit_packet(packet=draft, by=world.author)] * 5)
    assert sum(one.error is None for one in outcomes) == 1
    assert all(isinstance(error, Conflict) for error in errors(outcomes)), errors(outcomes)
    assert Revision.objects.filter(packet=draft).count() == 1


def test_what_is_edited_while_it_is_signed_is_never_what_was_approved(world, at_once):
    """Edit, submit and sign at once, again and again: a valid sign-off always names the digest that it read."""
    packet = world.complete_packet(world.register("Small", risk_class="minimal"))

    def send_back():
        return world.sign(packet, "risk", by=world.risk_two, decision="request_changes")

    def edit_and_submit(i):
        values = world.sections()[8]
        values["sheet"]["runs_per_day"] = 100 + i
        write_section(packet=packet, number=8, content=values, by=world.author)
        submit_packet(packet=world.fresh(packet), by=world.author)

    for i in range(4):
        shown = world.fresh(packet).current.digest
        outcomes = at_once(
            send_back,
            lambda i=i: edit_and_submit(i),
            lambda shown=shown: world.sign(packet, "owner", digest=shown),
            lambda shown=shown: world.sign(packet, "risk", digest=shown),
        )
        assert all(isinstance(error, Conflict) for error in errors(outcomes)), errors(outcomes)
        now = world.fresh(packet)
        for one in standings(now, now.current, clock.now()):
            if one.valid:
                digests = now.current.section_digests
                assert all(one.sign_off.bound[part] == digests[part] for part in ("core", *one.sections))
        if now.state != PacketState.IN_REVIEW:
            if now.state == PacketState.APPROVED:
                break
            submit_packet(packet=now, by=world.author)
    for sign_off in SignOff.objects.filter(packet=packet).select_related("revision"):
        assert sign_off.bound["core"] == sign_off.revision.section_digests["core"]


def test_an_edit_and_a_submission_at_once_freeze_either_all_of_the_edit_or_none(world, at_once):
    draft = world.draft()
    values = world.sections()[8]
    values["sheet"] |= {"runs_per_day": 777, "runs_high": 1000}
    edit, frozen = at_once(
        lambda: write_section(packet=draft, number=8, content=values, by=world.member),
        lambda: submit_packet(packet=draft, by=world.author),
    )
    assert frozen.error is None
    assert edit.error is None or isinstance(edit.error, Conflict)
    figure = world.fresh(draft).current.content["sections"]["8"]["runs_per_day"]
    assert figure == (777 if edit.error is None else 100)


def test_acts_on_a_packet_take_the_agent_first_so_that_two_never_wait_for_each_other(world, packet, at_once):
    """Promotion takes agent, then packet; whoever takes the packet first would meet it in a deadlock."""
    import threading
    import time

    from django.db import connections

    with transaction.atomic():
        Agent.objects.select_for_update().get(pk=packet.agent_id)

        def act():
            try:
                evaluate(packet=packet, by=None)
            finally:
                connections.close_all()

        thread = threading.Thread(target=act)
        thread.start()
        deadline = time.monotonic() + 10
        with connection.cursor() as cursor:
            waiting = 0
            while not waiting and time.monotonic() < deadline:
                cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
                waiting = cursor.fetchone()[0]
        assert waiting, "evaluating never asked for the agent"
        try:
            Packet.objects.select_for_update(nowait=True).get(pk=packet.pk)
        except OperationalError:
            pytest.fail("the packet is held by who waits for the agent")
    thread.join(20)
    assert GateDecision.objects.filter(packet=packet).exists()


def test_of_two_promotions_at_the_same_instant_one_goes_live(world, at_once):
    packet = world.promotable()
    outcomes = at_once(lambda: world.promote(packet), lambda: world.promote(packet, by=world.deputy))
    assert len(errors(outcomes)) == 1
    assert isinstance(errors(outcomes)[0], Conflict)
    assert packet.releases.filter(ended_at=None).count() == 1
