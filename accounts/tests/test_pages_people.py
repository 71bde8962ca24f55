"""The pages on people, teams and roles, and one's own account."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Person, Team

PASSWORD = "correct horse battery staple"


@pytest.fixture
def as_person(client):
    def sign_in(person):
        client.force_login(person)
        return client

    return sign_in


def test_signing_in_by_the_form_leads_home(world, client):
    form = {"login": "owner@bank.example", "password": PASSWORD}
    response = client.post(reverse("account_login"), form)
    assert response["Location"] == reverse("home")


def test_a_wrong_password_says_so_and_keeps_the_address(world, client):
    page = client.post(reverse("account_login"), {"login": "owner@bank.example", "password": "no"}).content.decode()
    assert "owner@bank.example" in page and "no" not in page.split('name="password"')[1].split(">")[0]


def test_nobody_signs_up(client, db):
    assert "Nobody signs up here" in client.get(reverse("account_signup")).content.decode()


def test_everyone_sees_who_is_who_but_only_an_admin_is_offered_to_change_it(world, as_person):
    page = as_person(world.bystander).get(reverse("people_list")).content.decode()
    assert "Ana Ruiz" in page and "Lending" in page and "Add a person" not in page
    page = as_person(world.bystander).get(reverse("person_detail", args=[world.security.pk])).content.decode()
    assert "Security approver" in page and "Revoke" not in page and "Grant a role" not in page


def test_people_are_found_by_name_and_role(world, as_person):
    visitor = as_person(world.admin)
    assert "Otto Stranger" not in visitor.get(reverse("people_list"), {"q": "Ana"}).content.decode()
    page = visitor.get(reverse("people_list"), {"role": "auditor"}).content.decode()
    assert "Aude Kessler" in page and "Ana Ruiz" not in page


def test_the_list_makes_a_fixed_number_of_queries(world, as_person):
    visitor = as_person(world.admin)

    def queries(**query):
        with CaptureQueriesContext(connection) as caught:
            visitor.get(reverse("people_list"), query)
        return len(caught)

    assert queries(q="One") == queries()


def test_an_admin_adds_a_person_to_a_team(world, as_person):
    form = {"name": "Nia New", "email": "Nia@bank.example", "password": PASSWORD, "team": world.team.pk}
    response = as_person(world.admin).post(reverse("person_new"), form)
    person = Person.objects.get(email="nia@bank.example")
    assert response["Location"] == reverse("person_detail", args=[person.pk])
    assert person.in_team(world.team)


def test_a_weak_password_is_refused_and_the_rest_kept_but_not_the_password(world, as_person):
    form = {"name": "Nia New", "email": "nia@bank.example", "password": "password"}
    response = as_person(world.admin).post(reverse("person_new"), form)
    page = response.content.decode()
    assert response.status_code == 422
    assert 'value="Nia New"' in page and 'value="nia@bank.example"' in page and 'value="password"' not in page
    assert not Person.objects.filter(email="nia@bank.example").exists()


def test_an_address_in_use_is_a_conflict(world, as_person):
    form = {"name": "Nia New", "email": "owner@bank.example", "password": PASSWORD}
    response = as_person(world.admin).post(reverse("person_new"), form)
    assert response.status_code == 409 and "has an account already" in response.content.decode()


@pytest.mark.parametrize("name", ["person_new", "team_new"])
def test_only_an_admin_opens_these_forms(world, as_person, name):
    for who in ("owner", "auditor", "security"):
        assert as_person(world.person(who)).get(reverse(name)).status_code == 403


def test_a_role_is_granted_and_revoked(world, as_person):
    visitor, address = as_person(world.admin), reverse("person_role", args=[world.bystander.pk])
    visitor.post(address, {"role": "risk"})
    assert world.bystander.holds("risk")
    visitor.post(address, {"role": "risk", "revoke": "1"})
    assert not world.bystander.holds("risk")


@pytest.mark.parametrize("who", ["owner", "auditor", "security"])
def test_nobody_else_grants_a_role(world, as_person, who):
    response = as_person(world.person(who)).post(reverse("person_role", args=[world.bystander.pk]), {"role": "risk"})
    assert response.status_code == 403
    assert not world.bystander.holds("risk")


def test_a_grant_that_does_not_fit_is_said_on_the_persons_page(world, as_person):
    visitor, address = as_person(world.admin), reverse("person_role", args=[world.auditor.pk])
    page = visitor.post(address, {"role": "risk"}, follow=True)
    assert "An auditor holds no other role" in page.content.decode()


def test_nobody_grants_a_role_to_themselves(world, as_person):
    response = as_person(world.admin).post(reverse("person_role", args=[world.admin.pk]), {"role": "risk"})
    assert response.status_code == 403 and "Nobody grants a role to themselves" in response.content.decode()


def test_teams_are_made_joined_and_left(world, as_person):
    visitor = as_person(world.admin)
    visitor.post(reverse("team_new"), {"name": "Cards"})
    team, address = Team.objects.get(slug="cards"), reverse("person_team", args=[world.bystander.pk])
    visitor.post(address, {"team": team.pk})
    assert world.bystander.in_team(team)
    visitor.post(address, {"team": team.pk, "leave": "1"})
    assert not world.bystander.in_team(team)


def test_a_deactivated_person_is_signed_out_and_hidden_from_colleagues(world, as_person):
    as_person(world.admin).post(reverse("person_deactivate", args=[world.bystander.pk]))
    assert not world.bystander.is_active
    visitor = as_person(world.owner)
    visitor.get(reverse("people_list"))  # shows the admin's message, which the cookie still carries
    assert "Bea Nobody" not in visitor.get(reverse("people_list")).content.decode()
    assert "Has left" in as_person(world.auditor).get(reverse("people_list")).content.decode()


@pytest.mark.parametrize("name", ["mfa_index", "account_change_password", "account_logout", "person_me"])
def test_account_pages_stand_in_the_portals_frame(world, as_person, name):
    page = as_person(world.security).get(reverse(name)).content.decode()
    assert 'class="rail"' in page and "portal.css" in page
