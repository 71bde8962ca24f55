"""People, teams and roles: granted by others, counted after a wait, ended at once."""

import datetime as dt
import uuid

import pytest
from django.db import IntegrityError, transaction

from accounts import actions
from accounts.models import Person, RoleGrant
from accounts.roles import APPROVER_ROLES, Role
from work import clock
from work.acts import Conflict, Denied, Invalid

NOT_ADMINS = ["owner", "member", "security", "auditor", "outsider", "bystander"]


def grant_row(world, **values):
    return RoleGrant.objects.create(
        **{"person": world.bystander, "role": "risk", "granted_by": world.admin, "granted_at": clock.now(), **values}
    )


@pytest.mark.parametrize("key", NOT_ADMINS)
@pytest.mark.parametrize(
    "act",
    [
        lambda w, by: actions.add_person(email="new@bank.example", name="New", password=w.password, by=by),
        lambda w, by: actions.add_team(name="New team", by=by),
        lambda w, by: actions.join_team(person=w.bystander, team=w.team, by=by),
        lambda w, by: actions.leave_team(person=w.member, team=w.team, by=by),
        lambda w, by: actions.grant_role(person=w.bystander, role="risk", by=by),
        lambda w, by: actions.revoke_role(person=w.risk, role="risk", by=by),
        lambda w, by: actions.deactivate(person=w.risk, by=by),
    ],
    ids=["add_person", "add_team", "join_team", "leave_team", "grant_role", "revoke_role", "deactivate"],
)
def test_only_a_platform_admin_manages_people_teams_and_roles(world, key, act):
    with pytest.raises(Denied, match="Only a platform admin"):
        act(world, world.person(key))


class TestNobodyActsOnThemselves:
    """No self-grant, in the action and in the database."""

    @pytest.mark.parametrize("role", Role.values)
    def test_nobody_grants_to_themselves(self, world, role):
        with pytest.raises(Denied, match="themselves"):
            actions.grant_role(person=world.admin, role=role, by=world.admin)

    def test_the_database_refuses_a_self_grant(self, world):
        with pytest.raises(IntegrityError, match="no_self_grant"), transaction.atomic():
            grant_row(world, granted_by=world.bystander)

    def test_nobody_revokes_or_deactivates_themselves(self, world):
        with pytest.raises(Denied):
            actions.revoke_role(person=world.admin, role="admin", by=world.admin)
        with pytest.raises(Denied):
            actions.deactivate(person=world.admin, by=world.admin)
        assert world.admin.holds("admin")


def test_the_door_stays_shut_after_the_first_admin_has_lost_the_role(world):
    actions.revoke_role(person=world.admin, role="admin", by=world.other_admin)
    with pytest.raises(Conflict):
        actions.bootstrap_admin(email="second@bank.example", name="Second", password=world.password)


class TestAuditor:
    """S7: an auditor holds nothing else and belongs to no team."""

    @pytest.mark.parametrize("role", [*APPROVER_ROLES, Role.ADMIN])
    def test_an_auditor_is_granted_nothing_else(self, world, role):
        with pytest.raises(Conflict, match="holds no other role"):
            world.grant("auditor", role)

    @pytest.mark.parametrize("key", [*APPROVER_ROLES, "other_admin"])
    def test_who_holds_a_role_does_not_become_auditor(self, world, key):
        with pytest.raises(Conflict, match="holds no other role"):
            world.grant(str(key), "auditor")

    @pytest.mark.parametrize("role", [*APPROVER_ROLES, Role.ADMIN])
    def test_the_database_refuses_an_auditor_who_holds_something_else(self, world, role):
        with pytest.raises(IntegrityError, match="auditor_holds_nothing_else"), transaction.atomic():
            grant_row(world, person=world.auditor, role=role)
        grant_row(world, role=role)
        with pytest.raises(IntegrityError, match="auditor_holds_nothing_else"), transaction.atomic():
            grant_row(world, role="auditor")

    def test_an_auditor_joins_no_team_and_a_member_does_not_become_auditor(self, world):
        with pytest.raises(Conflict, match="belongs to no team"):
            actions.join_team(person=world.auditor, team=world.team, by=world.admin)
        with pytest.raises(Conflict, match="belongs to a team"):
            world.grant("member", "auditor")

    def test_after_all_else_has_ended_one_may_become_auditor(self, world):
        world.revoke("risk", "risk")
        assert world.grant("risk", "auditor").role == "auditor"


class TestGrants:
    """A grant counts after its wait and until it is revoked."""

    def test_a_grant_counts_from_the_end_of_its_wait_to_the_moment_of_its_revocation(self, world, settings):
        settings.GRANT_WAIT_HOURS = 24
        start = clock.now() + dt.timedelta(days=2)
        with clock.at(start):
            world.grant("bystander", "risk")
        end = start + dt.timedelta(days=30)
        with clock.at(end):
            world.revoke("bystander", "risk")
        person, tick, day = world.bystander, dt.timedelta(microseconds=1), dt.timedelta(hours=24)
        held = [
            person.holds("risk", at) for at in (start, start + day - tick, start + day, end - tick, end, end + tick)
        ]
        assert held == [False, False, True, True, False, False]

    def test_a_role_is_granted_once_at_a_time(self, world):
        with pytest.raises(Conflict, match="already"):
            world.grant("risk", "risk")
        world.revoke("risk", "risk")
        assert not world.risk.holds("risk")
        with pytest.raises(Conflict, match="does not hold"):
            world.revoke("risk", "risk")
        world.grant("risk", "risk")
        assert RoleGrant.objects.filter(person=world.risk, role="risk").count() == 2

    @pytest.mark.parametrize("role", ["owner", "", "superuser"])
    def test_a_role_that_is_not_granted_is_refused(self, world, role):
        with pytest.raises(Invalid, match="no role"):
            world.grant("bystander", role)
        with pytest.raises(IntegrityError, match="role_is_known"), transaction.atomic():
            grant_row(world, role=role)

    def test_a_grant_and_its_end_are_recorded_in_the_persons_stream(self, world):
        grant = world.grant("bystander", "risk")
        world.revoke("bystander", "risk")
        kinds = [(one["kind"], one["data"]["grant"]) for one in world.entries(f"user:{world.ids['bystander']}")[-2:]]
        assert kinds == [("role.granted", grant.pk), ("role.revoked", grant.pk)]

    def test_a_role_gives_membership_of_its_group_and_its_end_takes_it(self, world):
        assert world.risk.groups.filter(name="role:risk").exists()
        world.revoke("risk", "risk")
        assert not world.risk.groups.filter(name="role:risk").exists()


class TestLeaving:
    """A person who is deactivated holds nothing and works for nobody."""

    def test_deactivation_ends_every_role_and_team_at_once(self, world):
        stale = world.owner
        assert stale.in_team(world.team)
        world.grant("owner", "risk")
        actions.deactivate(person=world.owner, by=world.admin)
        person = world.owner
        assert not person.holds("risk")
        assert not person.in_team(world.team)
        assert not stale.holds("risk"), "an object that was read before still says that it holds the role"
        assert person not in Person.objects.holding("risk")
        assert (person.is_active, person.deactivated_at is not None) == (False, True)

    def test_nobody_is_deactivated_twice_or_granted_to_afterwards(self, world):
        actions.deactivate(person=world.risk, by=world.admin)
        with pytest.raises(Conflict):
            actions.deactivate(person=world.risk, by=world.admin)
        with pytest.raises(Conflict, match="deactivated"):
            world.grant("risk", "data")

    def test_leaving_a_team_ends_the_right_to_act_for_it(self, world):
        assert world.member.in_team(world.team)
        assert not world.member.in_team(world.other_team)
        actions.leave_team(person=world.member, team=world.team, by=world.admin)
        assert not world.member.in_team(world.team)
        with pytest.raises(Conflict):
            actions.leave_team(person=world.member, team=world.team, by=world.admin)


class TestPeople:
    """Accounts."""

    def add(self, world, **values):
        return actions.add_person(
            **{"email": "new@bank.example", "name": "New One", "password": world.password, "by": world.admin, **values}
        )

    def test_an_address_has_one_account_however_it_is_written(self, world):
        assert self.add(world, email="New@Bank.Example").email == "new@bank.example"
        with pytest.raises(Conflict, match="account already"):
            self.add(world, email="NEW@BANK.example")

    def test_the_database_holds_addresses_in_lower_case(self, world):
        with pytest.raises(IntegrityError, match="email_is_lower_case"), transaction.atomic():
            Person.objects.filter(pk=world.ids["member"]).update(email="Member@bank.example")

    @pytest.mark.parametrize(
        "values",
        [{"name": "  "}, {"name": "n" * 151}, {"password": "short"}, {"password": "password1234"}, {"email": "nobody"},
         {"email": ""}],
    )  # fmt: skip
    def test_what_does_not_hold_is_refused(self, world, values):
        with pytest.raises(Invalid):
            self.add(world, **values)

    def test_the_ledger_names_the_person_by_id_alone(self, world):
        person = self.add(world)
        (entry,) = world.entries(f"user:{person.pk}")
        assert entry["data"] == {"person": str(person.pk)}
        assert "New One" not in str(entry)
        assert "bank.example" not in str(entry)

    def test_two_teams_have_two_names(self, world):
        with pytest.raises(Conflict):
            actions.add_team(name="Lending", by=world.admin)
        with pytest.raises(Invalid):
            actions.add_team(name="???", by=world.admin)

    def test_joining_twice_is_joining_once(self, world):
        before = len(world.entries(f"user:{world.ids['member']}"))
        actions.join_team(person=world.member, team=world.team, by=world.admin)
        assert len(world.entries(f"user:{world.ids['member']}")) == before

    def test_an_id_is_never_a_name(self, world):
        assert isinstance(world.member.pk, uuid.UUID)
