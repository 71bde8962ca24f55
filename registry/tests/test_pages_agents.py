"""The list of agents, registering one, and the catalogue."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from registry.models import Agent, DataSource, Tool


@pytest.fixture
def as_person(client):
    def sign_in(person):
        client.force_login(person)
        return client

    return sign_in


def _form(world, **values):
    given = {
        "name": "Tariff helper",
        "summary": "Quotes tariffs to borrowers",
        "team": world.team.pk,
        "owner": world.owner.pk,
        "deputy": world.deputy.pk,
        "relationship": "tool_for_teams",
        "autonomy": 2,
        "risk_class": "high",
        "support_path": "#tariffs",
        "next_review": "2027-01-14",
    }
    return {**given, **values}


def test_everyone_signed_in_sees_every_card(world, as_person):
    page = as_person(world.bystander).get(reverse("agent_list")).content.decode()
    assert "Lending assistant" in page and "Register an agent" not in page


def test_who_is_not_signed_in_is_sent_to_sign_in(world, client):
    assert client.get(reverse("agent_list"))["Location"].startswith(reverse("account_login"))


def test_filters_stand_in_the_address(world, as_person):
    world.register("Zebra counter", risk_class="minimal")
    visitor = as_person(world.owner)
    page = visitor.get(reverse("agent_list"), {"risk": "minimal"}).content.decode()
    assert "Zebra counter" in page and "Lending assistant" not in page
    assert '<option value="minimal" selected>' in page
    page = visitor.get(reverse("agent_list"), {"q": "no such thing"}).content.decode()
    assert "No agent fits" in page


def test_a_filter_that_is_no_choice_is_ignored(world, as_person):
    page = as_person(world.owner).get(reverse("agent_list"), {"status": "'); drop", "team": "nope", "page": "x"})
    assert page.status_code == 200 and "Lending assistant" in page.content.decode()


def test_htmx_gets_the_rows_alone(world, as_person):
    response = as_person(world.owner).get(reverse("agent_list"), headers={"HX-Request": "true"})
    page = response.content.decode()
    assert "Lending assistant" in page and "<html" not in page
    assert "HX-Request" in response["Vary"]


def test_the_list_makes_as_many_queries_for_many_agents_as_for_one(world, as_person):
    visitor = as_person(world.owner)
    visitor.get(reverse("agent_list"))
    with CaptureQueriesContext(
        connection,
    ) as few:
        visitor.get(reverse("agent_list"))
    for i in range(12):
        world.register(f"Helper {i}")
    with CaptureQueriesContext(connection) as many:
        visitor.get(reverse("agent_list"))
    assert len(many) == len(few)


def test_a_team_member_registers_an_agent(world, as_person):
    response = as_person(world.member).post(reverse("agent_new"), _form(world))
    agent = Agent.objects.get(slug="tariff-helper")
    assert response["Location"] == reverse("agent_detail", args=["tariff-helper"])
    assert (agent.owner, agent.deputy, str(agent.next_review)) == (world.owner, world.deputy, "2027-01-14")


def test_nothing_typed_is_lost_when_the_deputy_is_the_owner(world, as_person):
    response = as_person(world.member).post(reverse("agent_new"), _form(world, deputy=world.owner.pk))
    page = response.content.decode()
    assert response.status_code == 422
    assert "someone else than the owner" in page
    assert 'value="Tariff helper"' in page and 'value="2027-01-14"' in page
    assert not Agent.objects.filter(slug="tariff-helper").exists()


def test_a_name_that_is_taken_is_a_conflict_on_the_form(world, as_person):
    response = as_person(world.member).post(reverse("agent_new"), _form(world, name="Lending assistant"))
    assert response.status_code == 409 and "Choose another name" in response.content.decode()


def test_somebody_elses_team_is_not_offered(world, as_person):
    response = as_person(world.outsider).post(reverse("agent_new"), _form(world))
    assert response.status_code == 422
    assert not Agent.objects.filter(slug="tariff-helper").exists()


def test_the_catalogue_takes_a_data_source_and_a_tool(world, as_person):
    visitor = as_person(world.member)
    visitor.post(reverse("data_new"), {"name": "Branch diary", "classification": "internal", "contract_version": "1"})
    visitor.post(
        reverse("tool_new"),
        {"slug": "diary.write", "name": "Write the diary", "effect": "write", "tags": ["customer_data"]},
    )
    assert DataSource.objects.get(slug="branch-diary").classification == "internal"
    assert Tool.objects.get(slug="diary.write").tags == ["customer_data"]
    assert "diary.write" in visitor.get(reverse("tool_list")).content.decode()
    assert "Branch diary" in visitor.get(reverse("data_list"), {"q": "branch"}).content.decode()


@pytest.mark.parametrize("who", ["bystander", "auditor"])
def test_the_catalogue_refuses_who_files_no_packets(world, as_person, who):
    response = as_person(world.person(who)).post(reverse("data_new"), {"name": "Branch diary"})
    assert response.status_code == 403
    assert 'value="Branch diary"' in response.content.decode()
    assert not DataSource.objects.filter(slug="branch-diary").exists()
