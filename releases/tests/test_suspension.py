"""One stops, two start: suspending and resuming."""

import pytest

from accounts import actions as accounts
from releases.actions import ask_to_resume, promote, resume, suspend
from work.acts import Conflict, Denied, Invalid


@pytest.fixture
def live(world, promotable):
    return promote(packet=promotable, by=world.owner)


@pytest.fixture
def stopped(world, live):
    return suspend(agent=live.agent, reason="It quoted last year's tariff.", by=world.security)


@pytest.mark.parametrize("key", ["owner", "deputy", "security", "security_two", "admin", "other_admin"])
def test_who_may_stop_stops_alone_and_at_once(world, live, key):
    release = suspend(agent=live.agent, reason=" Wrong tariffs ", by=world.person(key))
    assert (release.state, release.reason, release.suspended_by_id) == ("suspended", "Wrong tariffs", world.ids[key])
    assert world.fresh(live.agent).status == "suspended"
    entry = world.entries(live.agent, "release.suspended")[-1]
    assert "Wrong" not in str(entry)


@pytest.mark.parametrize(
    "key", ["member", "author", "data", "risk", "finance", "operations", "auditor", "outsider", "bystander"]
)
def test_nobody_else_stops_it_and_the_refusal_is_recorded(world, live, key):
    with pytest.raises(Denied):
        suspend(agent=live.agent, reason="Because", by=world.person(key))
    assert world.fresh(live).state == "live"
    assert world.entries(live.agent, "release.suspension_refused")[-1]["actor"]["id"] == str(world.ids[key])


def test_who_left_stops_nothing(world, live):
    stale = {key: world.person(key) for key in ("owner", "security")}
    for key in stale:
        accounts.deactivate(person=world.person(key), by=world.admin)
    for person in stale.values():
        with pytest.raises(Denied):
            suspend(agent=live.agent, reason="Because", by=person)


@pytest.mark.parametrize("reason", ["", " \n "])
def test_a_stop_says_why(world, live, reason):
    with pytest.raises(Invalid, match="Say why"):
        suspend(agent=live.agent, reason=reason, by=world.owner)


def test_what_is_not_live_is_not_stopped(world, stopped):
    with pytest.raises(Conflict, match="not live"):
        suspend(agent=stopped.agent, reason="Again", by=world.owner)
    with pytest.raises(Conflict, match="not live"):
        suspend(agent=world.agent, reason="Never was", by=world.owner)


class TestResuming:
    """The owner or deputy asks, a security approver or platform admin confirms, and the gate must pass."""

    @pytest.mark.parametrize("first", ["owner", "deputy"])
    @pytest.mark.parametrize("second", ["security", "admin"])
    def test_two_people_start_it_again(self, world, stopped, first, second):
        ask_to_resume(release=stopped, by=world.person(first))
        release = resume(release=stopped, by=world.person(second))
        assert (release.state, release.resume_asked_by_id) == ("live", None)
        assert world.fresh(stopped.agent).status == "live"
        kinds = [entry["kind"] for entry in world.entries(stopped.agent)][-2:]
        assert kinds == ["release.resume_asked", "release.resumed"]
        assert release.decision.by_id == world.ids[second]

    @pytest.mark.parametrize("key", ["member", "security", "admin", "risk", "auditor", "outsider"])
    def test_only_the_owner_or_the_deputy_asks(self, world, stopped, key):
        with pytest.raises(Denied):
            ask_to_resume(release=stopped, by=world.person(key))

    @pytest.mark.parametrize("key", ["owner", "deputy", "member", "risk", "auditor", "outsider"])
    def test_only_security_or_a_platform_admin_confirms(self, world, stopped, key):
        ask_to_resume(release=stopped, by=world.owner)
        with pytest.raises(Denied):
            resume(release=stopped, by=world.person(key))
        assert world.fresh(stopped).state == "suspended"

    def test_one_person_with_both_rights_does_not_do_both(self, world, stopped):
        world.grant("owner", "security")
        ask_to_resume(release=stopped, by=world.owner)
        with pytest.raises(Denied, match="One person stops, two start"):
            resume(release=stopped, by=world.owner)

    def test_without_being_asked_nobody_confirms(self, world, stopped):
        with pytest.raises(Conflict, match="must ask"):
            resume(release=stopped, by=world.security_two)

    def test_what_is_live_is_neither_asked_for_nor_confirmed(self, world, live):
        with pytest.raises(Conflict):
            ask_to_resume(release=live, by=world.owner)
        with pytest.raises(Conflict):
            resume(release=live, by=world.security)

    def test_a_gate_that_does_not_pass_keeps_it_stopped_and_keeps_the_decision(self, world, stopped):
        ask_to_resume(release=stopped, by=world.owner)
        world.revoke("risk", "risk")
        decisions = stopped.packet.decisions.count()
        with pytest.raises(Conflict, match="stays suspended"):
            resume(release=stopped, by=world.security)
        assert world.fresh(stopped).state == "suspended"
        assert stopped.packet.decisions.count() == decisions + 1

    def test_a_second_suspension_forgets_the_first_request(self, world, stopped):
        ask_to_resume(release=stopped, by=world.owner)
        resume(release=stopped, by=world.security)
        suspend(agent=stopped.agent, reason="Again", by=world.owner)
        with pytest.raises(Conflict, match="must ask"):
            resume(release=stopped, by=world.security)
