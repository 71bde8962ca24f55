"""Submitting, withdrawing, requesting changes, vetoing: a packet's way through review."""

import pytest

from accounts import actions as accounts
from approvals.actions import evaluate, submit_packet, withdraw_packet
from approvals.models import Checklist, SignOff
from registry.actions import start_packet, write_section
from registry.models import Revision
from registry.vocabulary import PacketState
from work.acts import Conflict, Denied, Invalid
from work.models import FollowUp


@pytest.mark.parametrize("key", ["outsider", "admin", "auditor", "security", "bystander"])
def test_only_those_who_work_on_the_packet_submit_it(world, draft, key):
    with pytest.raises(Denied):
        submit_packet(packet=draft, by=world.person(key))
    assert world.fresh(draft).state == "draft"


@pytest.mark.parametrize("key", ["outsider", "admin", "auditor", "security", "bystander"])
def test_only_those_who_work_on_the_packet_withdraw_it(world, submitted, key):
    with pytest.raises(Denied):
        withdraw_packet(packet=submitted, by=world.person(key))


@pytest.mark.parametrize("key", ["owner", "deputy", "member"])
def test_the_team_the_owner_and_the_deputy_submit(world, draft, key):
    revision = submit_packet(packet=draft, by=world.person(key))
    assert (revision.number, revision.submitted_by_id) == (1, world.ids[key])
    packet = world.fresh(draft)
    assert (packet.state, packet.agent.status) == ("in_review", "in_review")
    assert packet.roles_asked == ["owner", "security", "data", "risk", "finance", "operations"]
    entry = world.entries(packet, "packet.submitted")[-1]
    assert entry["data"]["digest"] == revision.digest
    assert entry["actor"]["id"] == str(world.ids[key])
    assert FollowUp.objects.filter(task="approvals.tasks.evaluate_packet", args=[str(packet.pk)]).exists()


def test_a_second_submission_of_the_same_packet_is_a_conflict(world, submitted):
    with pytest.raises(Conflict, match="cannot be submitted again"):
        submit_packet(packet=submitted, by=world.author)
    assert Revision.objects.filter(packet=submitted).count() == 1


def test_an_incomplete_packet_is_refused_with_every_gap_named(world, draft):
    values = world.sections()
    values[8]["sheet"]["price_in"] = ""
    values[1]["use"] = []
    write_section(packet=draft, number=8, content=values[8], by=world.author)
    write_section(packet=draft, number=1, content=values[1], by=world.author)
    with pytest.raises(Invalid) as refusal:
        submit_packet(packet=draft, by=world.author)
    assert {text.split(":")[0] for text in refusal.value.problems} == {"Section 1", "Section 8"}
    assert not Revision.objects.filter(packet=draft).exists()


def test_a_prohibited_use_is_never_reviewed(world):
    packet = world.draft(world.register("Social scoring", risk_class="prohibited"))
    with pytest.raises(Denied, match="prohibited"):
        submit_packet(packet=packet, by=world.author)


@pytest.mark.parametrize(
    ("risk_class", "roles"),
    [("limited", ["owner", "security", "risk", "finance"]), ("minimal", ["owner", "risk"])],
)
def test_a_lower_risk_class_asks_fewer_roles_but_never_the_owner_alone(world, risk_class, roles):
    packet = world.complete_packet(world.register("Lighter", risk_class=risk_class))
    assert packet.roles_asked == roles
    assert world.fresh(packet).current.content["core"]["checklist"]["sha256"] == (
        Checklist.objects.get(risk_class=risk_class).sha256
    )


class TestQuorum:
    """A packet that nobody could sign is refused when it is submitted, not left to wait for ever."""

    def test_a_role_without_holders_is_refused(self, world, draft):
        world.revoke("finance", "finance")
        world.revoke("finance_two", "finance")
        with pytest.raises(Invalid, match="Nobody can sign as Finance"):
            submit_packet(packet=draft, by=world.author)

    def test_a_role_held_only_by_who_left_is_refused(self, world, draft):
        for key in ("finance", "finance_two"):
            accounts.deactivate(person=world.person(key), by=world.admin)
        with pytest.raises(Invalid, match="Nobody can sign as Finance"):
            submit_packet(packet=draft, by=world.author)

    def test_a_role_held_only_by_contributors_is_refused(self, world, draft):
        world.revoke("finance", "finance")
        world.revoke("finance_two", "finance")
        world.grant("author", "finance")
        with pytest.raises(Invalid, match="Nobody can sign as Finance"):
            submit_packet(packet=draft, by=world.member)

    def test_a_role_held_only_by_who_submits_is_refused(self, world, draft):
        world.revoke("finance", "finance")
        world.revoke("finance_two", "finance")
        world.grant("member", "finance")
        with pytest.raises(Invalid, match="Nobody can sign as Finance"):
            submit_packet(packet=draft, by=world.member)
        assert submit_packet(packet=draft, by=world.author)

    def test_one_person_cannot_be_the_only_holder_of_two_roles(self, world, draft):
        for role in ("finance", "data"):
            world.revoke(role, role)
            world.revoke(f"{role}_two", role)
            world.grant("bystander", role)
        with pytest.raises(Invalid, match="Nobody can sign as (Finance|Data)"):
            submit_packet(packet=draft, by=world.author)

    def test_who_must_own_it_cannot_be_the_only_holder_of_a_role(self, world, draft):
        world.revoke("finance", "finance")
        world.revoke("finance_two", "finance")
        world.grant("owner", "finance")
        with pytest.raises(Invalid, match="Nobody can sign as"):
            submit_packet(packet=draft, by=world.author)

    def test_two_holders_who_share_two_roles_are_enough(self, world, draft):
        for role in ("finance", "data"):
            world.revoke(role, role)
            world.revoke(f"{role}_two", role)
            for key in ("bystander", "outsider"):
                world.grant(key, role)
        packet = submit_packet(packet=draft, by=world.author).packet
        world.sign(packet, "data", by=world.bystander)
        assert world.sign(packet, "finance", by=world.outsider)


class TestSendingBack:
    """Requesting changes opens the next revision; a veto ends the packet."""

    def test_requesting_changes_opens_the_next_revision(self, world, submitted):
        world.sign(submitted, "risk", decision="request_changes", comment="Add refunds.")
        packet = world.fresh(submitted)
        assert (packet.state, packet.revision, packet.agent.status) == ("changes_requested", 2, "changes_requested")
        world.change(packet, 8, runs_per_day=90)
        assert submit_packet(packet=packet, by=world.author).number == 2

    @pytest.mark.parametrize("role", ["owner", "security", "data", "risk", "finance", "operations"])
    def test_a_veto_of_any_required_role_ends_the_packet(self, world, submitted, role):
        world.sign(submitted, role, decision="veto")
        packet = world.fresh(submitted)
        assert (packet.state, packet.agent.status) == ("vetoed", "registered")
        for act in (submit_packet, withdraw_packet):
            with pytest.raises(Conflict):
                act(packet=packet, by=world.author)
        with pytest.raises(Conflict):
            world.sign(packet, "risk", by=world.risk_two)
        with pytest.raises(Conflict):
            world.change(packet, 8, runs_per_day=90)

    def test_a_new_packet_may_follow_a_veto_under_the_same_version(self, world, submitted):
        world.sign(submitted, "risk", decision="veto")
        assert start_packet(agent=submitted.agent, version=submitted.version, by=world.author).number == 2

    @pytest.mark.parametrize("decision", ["request_changes", "veto"])
    @pytest.mark.parametrize("comment", ["", "  \n"])
    def test_a_refusal_says_why(self, world, submitted, decision, comment):
        with pytest.raises(Invalid, match="Say why"):
            world.sign(submitted, "risk", decision=decision, comment=comment or " ")
        assert not SignOff.objects.filter(packet=submitted).exists()

    def test_an_unknown_decision_is_refused(self, world, submitted):
        with pytest.raises(Invalid, match="Choose"):
            world.sign(submitted, "risk", decision="abstain", comment="x")

    def test_an_approval_confirms_every_item(self, world, submitted):
        with pytest.raises(Invalid, match="The eval cases come from real failures"):
            world.sign(submitted, "risk", attested=["risk-1", "risk-3", "owner-2"])

    def test_an_approved_packet_takes_no_veto_any_more(self, world, promotable):
        with pytest.raises(Conflict, match="approved already"):
            world.sign(promotable, "risk", by=world.risk_two, decision="veto")

    def test_a_withdrawn_packet_is_closed_and_stays_readable(self, world, submitted):
        withdraw_packet(packet=submitted, by=world.member)
        packet = world.fresh(submitted)
        assert (packet.state, packet.agent.status) == (PacketState.WITHDRAWN, "registered")
        assert packet.current.content["packet"]["id"] == str(packet.pk)
        with pytest.raises(Conflict):
            submit_packet(packet=packet, by=world.member)
        with pytest.raises(Conflict):
            withdraw_packet(packet=packet, by=world.member)

    def test_an_approved_packet_is_not_withdrawn(self, world, promotable):
        with pytest.raises(Conflict):
            withdraw_packet(packet=promotable, by=world.member)


def test_the_last_missing_approval_approves_the_packet(world, submitted):
    world.sign_all(submitted, but=("data",))
    assert world.fresh(submitted).state == "in_review"
    world.sign(submitted, "data")
    packet = world.fresh(submitted)
    assert (packet.state, packet.agent.status) == ("approved", "approved")
    assert world.entries(packet)[-1]["kind"] == "packet.moved"


def test_approving_a_newer_packet_supersedes_the_older(world, promotable):
    newer = world.complete_packet(promotable.agent, "2.0.0")
    assert newer.copied_from_id == promotable.pk
    world.sign_all(newer)
    assert (world.fresh(promotable).state, world.fresh(newer).state) == ("superseded", "approved")


@pytest.mark.parametrize(
    "table", ["approvals_signoff", "approvals_gatedecision", "approvals_policy", "approvals_checklist"]
)
@pytest.mark.parametrize("statement", ["UPDATE {0} SET id = id", "DELETE FROM {0}"])
def test_the_database_refuses_to_change_what_was_signed_decided_or_published(world, promotable, table, statement):
    from django.db import DatabaseError, connection, transaction

    evaluate(packet=promotable, by=None)
    for role in ("DEFAULT", "replica"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL session_replication_role = {role}")
            cursor.execute(statement.format(table))
