"""Rules S1 to S7: who may sign, and that nobody approves their own work."""

import datetime as dt

import pytest

from accounts import actions as accounts
from accounts.reauth import Proof
from approvals.actions import sign, submit_packet
from approvals.models import SignOff
from approvals.standing import contributors, standings
from registry.actions import write_section
from work import clock
from work.acts import Conflict, Denied, Invalid


def refusals(world, packet):
    return world.entries(packet, "signoff.refused")


def test_the_owner_accepts_responsibility_also_for_what_they_wrote_and_submitted(world):
    packet = world.complete_packet(by=world.owner)
    sign_off = world.sign(packet, "owner")
    assert sign_off.decision == "approve"
    assert standing(world, packet, "owner").valid


def standing(world, packet, role, at=None):
    packet = world.fresh(packet)
    return next(one for one in standings(packet, packet.current, at or clock.now()) if one.role == role)


def test_only_the_agents_owner_signs_as_owner(world, submitted):
    for key in ("deputy", "member", "admin", "security"):
        with pytest.raises(Denied):
            world.sign(submitted, "owner", by=world.person(key))


@pytest.mark.parametrize("role", ["security", "data", "risk", "finance", "operations"])
def test_only_a_holder_of_the_role_signs_in_it(world, submitted, role):
    other = "risk" if role != "risk" else "data"
    for key in (other, "owner", "admin", "auditor", "member", "outsider", "bystander"):
        with pytest.raises(Denied):
            world.sign(submitted, role, by=world.person(key))
    assert world.sign(submitted, role).person_id == world.ids[role]


def test_who_submitted_may_not_approve(world):
    world.grant("author", "risk")
    packet = world.complete_packet()
    with pytest.raises(Denied, match="four eyes"):
        world.sign(packet, "risk", by=world.author)
    assert refusals(world, packet)[-1]["data"]["role"] == "risk"


def test_who_saved_a_section_may_not_approve(world):
    packet = world.draft()
    world.grant("member", "finance")
    world.change(packet, 8, by=world.member, runs_per_day=101)
    submit_packet(packet=packet, by=world.author)
    with pytest.raises(Denied, match="four eyes"):
        world.sign(packet, "finance", by=world.member)
    assert world.sign(packet, "finance").decision == "approve"


def test_who_only_opened_the_packet_and_changed_nothing_may_approve(world):
    packet = world.draft()
    world.grant("member", "finance")
    same = world.sections()[8]
    before = set(contributors(packet))
    write_section(packet=packet, number=8, content=same, by=world.member)
    assert set(contributors(packet)) == before
    submit_packet(packet=packet, by=world.author)
    assert world.sign(packet, "finance", by=world.member).decision == "approve"


def test_who_changed_the_first_revision_may_not_approve_the_second(world):
    packet = world.draft()
    world.grant("member", "finance")
    world.change(packet, 8, by=world.member, runs_per_day=101)
    submit_packet(packet=packet, by=world.author)
    world.sign(packet, "risk", decision="request_changes")
    submit_packet(packet=packet, by=world.author)
    assert world.fresh(packet).revision == 2
    with pytest.raises(Denied, match="four eyes"):
        world.sign(packet, "finance", by=world.member)


def test_an_approval_lapses_when_its_signer_later_changes_the_packet(world, submitted):
    accounts.join_team(person=world.finance, team=world.team, by=world.admin)
    world.sign(submitted, "finance")
    world.sign(submitted, "risk", decision="request_changes")
    world.change(submitted, 5, by=world.finance, trace_id="another")
    submit_packet(packet=submitted, by=world.author)
    lapsed = standing(world, submitted, "finance")
    assert (lapsed.status, "changed this packet since" in lapsed.why) == ("lapsed", True)


def test_one_person_signs_in_one_role(world, submitted):
    world.grant("security", "data")
    world.sign(submitted, "security")
    with pytest.raises(Denied, match="One person signs in one role"):
        world.sign(submitted, "data", by=world.security)


def test_the_owner_does_not_also_sign_as_an_approver(world, submitted):
    world.grant("owner", "risk")
    world.sign(submitted, "owner")
    with pytest.raises(Denied, match="One person signs in one role"):
        world.sign(submitted, "risk", by=world.owner)


def test_one_person_signs_in_one_role_also_across_revisions(world, submitted):
    world.grant("security", "data")
    world.sign(submitted, "security")
    world.sign(submitted, "risk", decision="request_changes")
    submit_packet(packet=submitted, by=world.author)
    assert standing(world, submitted, "security").valid
    with pytest.raises(Denied, match="One person signs in one role"):
        world.sign(submitted, "data", by=world.security)


def test_a_double_sign_is_one_signature(world, submitted):
    world.sign(submitted, "risk")
    with pytest.raises(Conflict, match="signed already"):
        world.sign(submitted, "risk")
    assert SignOff.objects.filter(packet=submitted, role="risk").count() == 1


def test_a_second_holder_cannot_approve_what_the_role_has_approved(world, submitted):
    world.sign(submitted, "risk")
    with pytest.raises(Conflict, match="signed already"):
        world.sign(submitted, "risk", by=world.risk_two)


def test_a_second_holder_of_the_role_can_still_veto(world, submitted):
    # V1: a veto by a holder of a required role ends the packet, whatever a colleague thought.
    world.sign(submitted, "risk")
    world.sign(submitted, "risk", by=world.risk_two, decision="veto")
    assert world.fresh(submitted).state == "vetoed"


def test_an_administrator_has_no_way_round_the_roles(world, submitted):
    for role in submitted.roles_asked:
        with pytest.raises(Denied):
            world.sign(submitted, role, by=world.admin)


def test_a_role_that_is_not_asked_for_is_refused_and_recorded(world):
    packet = world.complete_packet(world.register("Small", risk_class="minimal"))
    with pytest.raises(Denied, match="not asked"):
        world.sign(packet, "finance")
    assert refusals(world, packet)[-1]["data"]["role"] == "finance"


@pytest.mark.parametrize("role", ["", "Chief Officer", "auditor"])
def test_a_role_that_does_not_exist_is_refused(world, submitted, role):
    with pytest.raises((Denied, Invalid)):
        world.sign(submitted, role, by=world.security)


def test_a_new_grant_does_not_count_before_its_wait_is_over(world, submitted, settings):
    settings.GRANT_WAIT_HOURS = 24
    now = clock.now()
    with clock.at(now + dt.timedelta(hours=30)):
        world.grant("bystander", "risk")
    with clock.at(now + dt.timedelta(hours=53, minutes=59)), pytest.raises(Denied, match="too new"):
        world.sign(submitted, "risk", by=world.bystander)
    with clock.at(now + dt.timedelta(hours=54)):
        assert world.sign(submitted, "risk", by=world.bystander).decision == "approve"


def test_the_statement_carries_the_hash_of_the_entry_that_granted_the_role(world, submitted):
    import json

    from ledger.models import LedgerEntry

    statement = json.loads(bytes(world.sign(submitted, "risk").statement))
    entry = LedgerEntry.objects.get(stream=f"user:{world.ids['risk']}", kind="role.granted")
    assert statement["role_grant"] == bytes(entry.leaf_hash).hex()
    assert "role_grant" not in json.loads(bytes(world.sign(submitted, "owner").statement))


def test_a_deactivated_person_does_not_sign(world, submitted):
    stale = world.risk  # as a request that began before holds it
    accounts.deactivate(person=world.risk, by=world.admin)
    with pytest.raises(Denied):
        world.sign(submitted, "risk", by=stale)


def test_a_deactivated_owner_does_not_sign(world, submitted):
    stale = world.owner
    accounts.deactivate(person=world.owner, by=world.admin)
    with pytest.raises(Denied):
        world.sign(submitted, "owner", by=stale)


def test_an_auditor_does_not_sign_even_as_owner(world, submitted):
    with pytest.raises(Denied):
        world.sign(submitted, "risk", by=world.auditor)


class TestProof:
    """Signing asks for the password again."""

    def test_anothers_proof_is_refused(self, world, submitted):
        with pytest.raises(Denied, match="password"):
            world.sign(submitted, "risk", proof=world.proof(world.risk_two))

    def test_a_proof_counts_for_two_minutes_and_not_longer(self, world, submitted):
        now = clock.now()
        proof = Proof(world.risk, "password", now)
        with clock.at(now + dt.timedelta(minutes=2, microseconds=1)), pytest.raises(Denied, match="password"):
            world.sign(submitted, "risk", proof=proof)
        with clock.at(now + dt.timedelta(minutes=2)):
            assert world.sign(submitted, "risk", proof=proof)

    def test_a_proof_from_the_future_is_refused(self, world, submitted):
        proof = Proof(world.risk, "password", clock.now() + dt.timedelta(seconds=30))
        with pytest.raises(Denied, match="password"):
            world.sign(submitted, "risk", proof=proof)

    def test_where_approvers_need_a_code_a_password_alone_is_refused(self, world, submitted, settings):
        settings.REQUIRE_APPROVER_MFA = True
        with pytest.raises(Denied, match="one-time code"):
            world.sign(submitted, "risk")
        assert world.sign(submitted, "risk", proof=world.proof(world.risk, "password+totp"))

    def test_the_refusal_is_recorded_although_the_act_rolled_back(self, world, submitted):
        before = SignOff.objects.count()
        with pytest.raises(Denied):
            world.sign(submitted, "risk", by=world.data)
        (refusal,) = refusals(world, submitted)
        assert refusal["actor"]["id"] == str(world.ids["data"])
        assert refusal["data"] == {"packet": str(submitted.pk), "role": "risk", "reason": "denied"}
        assert SignOff.objects.count() == before


def test_signing_without_a_submission_is_refused(world):
    packet = world.draft()
    with pytest.raises(Conflict, match="nothing to sign"):
        sign(
            packet=packet,
            role="risk",
            decision="approve",
            digest="",
            by=world.risk,
            proof=world.proof(world.risk),
        )
