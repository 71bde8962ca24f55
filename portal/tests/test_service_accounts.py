"""A service account registers, drafts and has sources pulled. It decides nothing, in the actions and in the database."""

import datetime as dt

import pytest
from django.contrib.auth import authenticate
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts import actions as accounts
from accounts import tokens
from accounts.models import Person, RoleGrant, ServiceAccount
from accounts.reauth import Proof
from approvals import actions as approvals
from approvals.models import SignOff
from registry import actions as registry
from registry.models import Agent, Contribution
from releases import actions as releases
from releases.models import Release
from work import clock
from work.acts import Conflict, Denied, Invalid


@pytest.fixture
def service(world):
    return tokens.add_service_account(team=world.team, name="Build server", purpose="CI", by=world.member)


@pytest.fixture
def machine(world, service):
    """The service account as it acts: with a token that the member made."""
    made = tokens.make_token(
        person=service.person, name="CI", scopes=["packets:write"], days=30, by=world.security_in_team
    )
    return tokens.bearer(made.secret).person


@pytest.fixture(autouse=True)
def security_in_team(world):
    """A security approver who is also a member of the team: the one who could try to approve their own work."""
    accounts.join_team(person=world.security, team=world.team, by=world.admin)
    world.security_in_team = world.security


class TestMaking:
    @pytest.mark.parametrize("key", ["outsider", "bystander", "risk", "auditor"])
    def test_only_the_team_and_admins_make_equip_and_retire_one(self, world, service, key):
        by = world.person(key)
        with pytest.raises(Denied, match="members of Lending"):
            tokens.add_service_account(team=world.team, name="x", purpose="y", by=by)
        with pytest.raises(Denied, match="members of Lending"):
            tokens.make_token(person=service.person, name="x", scopes=["registry:read"], days=1, by=by)
        with pytest.raises(Denied, match="members of Lending"):
            tokens.retire_service_account(service=service, by=by)

    @pytest.mark.parametrize("values", [{"name": ""}, {"purpose": "  "}, {"name": "n" * 151}, {"purpose": "p" * 301}])
    def test_what_does_not_hold_is_refused(self, world, values):
        given = {"name": "CI", "purpose": "Registers", **values}
        with pytest.raises(Invalid):
            tokens.add_service_account(team=world.team, **given, by=world.member)

    def test_retiring_ends_its_tokens_at_once(self, world, service):
        made = tokens.make_token(person=service.person, name="x", scopes=["registry:read"], days=1, by=world.admin)
        tokens.retire_service_account(service=service, by=world.admin)
        with pytest.raises(Denied, match="has left"):
            tokens.bearer(made.secret)
        with pytest.raises(Conflict):
            tokens.retire_service_account(service=service, by=world.admin)
        with pytest.raises(Conflict):
            tokens.make_token(person=service.person, name="x", scopes=["registry:read"], days=1, by=world.admin)

    def test_a_machine_makes_no_machine(self, world, machine):
        with pytest.raises(Denied, match="service account"):
            tokens.add_service_account(team=world.team, name="x", purpose="y", by=machine)

    def test_it_is_recorded(self, world, service):
        (entry,) = world.entries(f"user:{service.pk}")
        assert entry["kind"] == "service_account.added" and entry["actor"] == {"id": str(world.ids["member"])}

    def test_other_teams_do_not_see_it(self, world, service):
        assert not ServiceAccount.objects.visible_to(world.outsider).exists()
        assert ServiceAccount.objects.visible_to(world.auditor).exists()


class TestNeverSomebody:
    """It never signs in, holds no role, owns nothing."""

    def test_it_has_no_password_and_can_get_none(self, world, service):
        assert not service.person.has_usable_password()
        assert authenticate(email=service.person.email, password="") is None
        with pytest.raises(IntegrityError, match="service_never_signs_in"), transaction.atomic():
            service.person.set_password(world.password)
            service.person.save()
        with pytest.raises(IntegrityError, match="service_never_signs_in"), transaction.atomic():
            Person.objects.filter(pk=service.pk).update(is_superuser=True)

    def test_it_never_becomes_a_person(self, service):
        with pytest.raises(IntegrityError, match="kind_stays"), transaction.atomic():
            Person.objects.filter(pk=service.pk).update(kind="person")

    def test_it_holds_no_role(self, world, service):
        with pytest.raises(Conflict, match="holds no role"):
            accounts.grant_role(person=service.person, role="security", by=world.admin)
        with pytest.raises(IntegrityError, match="only_people"), transaction.atomic():
            RoleGrant.objects.create(
                person=service.person, role="admin", granted_by=world.admin, granted_at=clock.now()
            )

    def test_it_keeps_its_team(self, world, service):
        with pytest.raises(Conflict, match="one team"):
            accounts.join_team(person=service.person, team=world.other_team, by=world.admin)
        with pytest.raises(Conflict, match="Retire it"):
            accounts.leave_team(person=service.person, team=world.team, by=world.admin)

    def test_it_owns_and_deputises_nothing(self, world, service):
        for duty in ("owner", "deputy"):
            with pytest.raises(Invalid, match="answers for nothing"):
                world.register("Machine-owned", **{duty: service.person})
            with pytest.raises(IntegrityError, match="only_people"), transaction.atomic():
                Agent.objects.filter(pk=world.agent_id).update(**{duty: service.person})

    def test_it_is_not_among_people(self, world, service):
        assert service.person not in Person.objects.visible_to(world.admin).people()
        client = Client()
        client.force_login(world.admin, backend="django.contrib.auth.backends.ModelBackend")
        assert "Build server" not in client.get(reverse("people_list")).content.decode()
        assert client.get(reverse("person_detail", args=[service.pk])).url == reverse(
            "service_detail", args=[service.pk]
        )


class TestActs:
    """What it may."""

    def test_it_registers_and_drafts_and_is_named(self, world, machine):
        agent = world.register("By machine", by=machine)
        packet = world.draft(agent, by=machine)
        assert world.entries(agent)[0]["actor"] == {"id": str(machine.pk)}
        assert packet.section_states.filter(saved_by=machine).count() == 10

    def test_for_no_other_team(self, world, machine):
        with pytest.raises(Denied):
            world.register("Elsewhere", team=world.other_team, by=machine)

    def test_who_made_its_token_counts_as_author_of_what_it_wrote(self, world, machine):
        packet = world.draft(world.agent, version="7.0.0", by=machine)
        assert set(Contribution.objects.filter(packet=packet).values_list("person", flat=True)) == {
            machine.pk,
            world.ids["security"],
        }
        approvals.submit_packet(packet=packet, by=world.author)
        packet = world.fresh(packet)
        with pytest.raises(Denied, match="four eyes"):
            world.sign(packet, "security")


class TestDecidesNothing:
    """What it may never, each with its reason; the same for people who come with a token where signing is meant."""

    def test_it_never_submits_or_withdraws(self, world, machine, draft):
        with pytest.raises(Denied, match="never submits a packet"):
            approvals.submit_packet(packet=draft, by=machine)
        with pytest.raises(Denied, match="never withdraws"):
            approvals.withdraw_packet(packet=draft, by=machine)
        assert world.fresh(draft).state == "draft"

    def sign(self, world, packet, by):
        return approvals.sign(
            packet=packet,
            role="security",
            decision="approve",
            digest=packet.current.digest,
            by=by,
            proof=Proof(by, "password", clock.now()),
            attested=["security-1", "security-2"],
        )

    def as_token(self, world, key):
        person = world.person(key)
        made = tokens.make_token(person=person, name="x", scopes=["packets:write"], days=1, by=person)
        return tokens.bearer(made.secret).person

    def test_nothing_but_a_person_at_the_portal_signs(self, world, machine, submitted):
        with pytest.raises(Denied, match="service account.*never signs"):
            self.sign(world, submitted, machine)
        with pytest.raises(Denied, match="An API token never signs"):
            self.sign(world, submitted, self.as_token(world, "security_two"))
        assert not SignOff.objects.filter(packet=submitted).exists()
        assert self.sign(world, submitted, world.security_two)

    def test_the_database_takes_no_signature_of_it(self, world, machine, submitted):
        sign_off = self.sign(world, submitted, world.security_two)
        with pytest.raises(IntegrityError, match="only_people"), transaction.atomic():
            sign_off.pk, sign_off.person, sign_off.role = None, machine, "risk"
            sign_off.save(force_insert=True)

    def test_nothing_but_a_person_at_the_portal_promotes(self, world, machine, promotable):
        with pytest.raises(Denied, match="service account.*never promotes"):
            releases.promote(packet=promotable, by=machine)
        with pytest.raises(Denied, match="An API token never promotes"):
            releases.promote(packet=promotable, by=self.as_token(world, "owner"))
        assert not Release.objects.filter(packet=promotable).exists()

    def test_nothing_but_a_person_at_the_portal_stops_and_resumes(self, world, machine, promotable):
        release = releases.promote(packet=promotable, by=world.owner)
        with pytest.raises(Denied, match="never suspends"):
            releases.suspend(agent=promotable.agent, reason="x", by=machine)
        releases.suspend(agent=promotable.agent, reason="Wrong", by=world.owner)
        for by in (machine, self.as_token(world, "owner")):
            with pytest.raises(Denied, match="never resumes"):
                releases.ask_to_resume(release=release, by=by)
        releases.ask_to_resume(release=release, by=world.owner)
        for by in (machine, self.as_token(world, "security_two")):
            with pytest.raises(Denied, match="never resumes"):
                releases.resume(release=release, by=by)
        assert world.fresh(release).state == "suspended"

    def test_it_has_no_gate_decided(self, machine, submitted):
        with pytest.raises(Denied, match="never has a gate decided"):
            approvals.evaluate(packet=submitted, by=machine)


def test_a_token_outlives_a_role_but_not_its_force(world):
    """What a token may is what its holder may at that moment."""
    made = tokens.make_token(person=world.member, name="x", scopes=["registry:write"], days=1, by=world.member)
    accounts.leave_team(person=world.member, team=world.team, by=world.admin)
    with clock.at(clock.now() + dt.timedelta(seconds=1)), pytest.raises(Denied):
        registry.register_agent(
            name="Late", summary="s", team=world.team, owner=world.owner, by=tokens.bearer(made.secret).person
        )
