"""Views that people save: their own, shared with a team, opened again, removed."""

import pytest
from django.urls import reverse

from registry import saved_views
from registry.models import SavedView
from work.acts import Conflict, Denied, Invalid


@pytest.fixture
def as_person(client):
    def sign_in(person):
        client.force_login(person)
        return client

    return sign_in


def save(visitor, **said):
    return visitor.post(reverse("agent_view_new"), {"name": "Risky ones", "query": "risk=high", **said})


def test_a_view_is_saved_and_opens_the_same_list(world, as_person):
    world.register("Zebra", risk_class="minimal")
    visitor = as_person(world.member)
    answer = save(visitor, query="risk=minimal&q=zeb&page=7&status=nonsense&csrfmiddlewaretoken=x")
    view = SavedView.objects.get()
    assert view.query == "q=zeb&risk=minimal" and answer["Location"] == f"{reverse('agent_list')}?{view.query}"
    page = visitor.get(answer["Location"]).content.decode()
    assert "Risky ones" in page and "Zebra" in page and "Lending assistant" not in page
    assert 'aria-current="page">Risky ones' in page


def test_a_shared_view_is_found_by_the_team_and_nobody_else(world, as_person):
    save(as_person(world.member), team=world.team.pk)
    assert "Risky ones" in as_person(world.author).get(reverse("agent_list")).content.decode()
    for person in (world.outsider, world.admin):
        assert "Risky ones" not in as_person(person).get(reverse("agent_list")).content.decode()
        assert "Risky ones" not in as_person(person).get(reverse("agent_view_list")).content.decode()


def test_mine_in_a_shared_view_means_whoever_opens_it(world, as_person):
    save(as_person(world.owner), query="owner=me", team=world.team.pk)
    address = f"{reverse('agent_list')}?{SavedView.objects.get().query}"
    assert "Lending assistant" in as_person(world.owner).get(address).content.decode()
    assert "No agent fits" in as_person(world.member).get(address).content.decode()


def test_only_who_saved_a_view_removes_it(world, as_person):
    save(as_person(world.member), team=world.team.pk)
    view = SavedView.objects.get()
    assert as_person(world.author).post(reverse("agent_view_remove", args=[view.pk])).status_code == 403
    assert as_person(world.outsider).post(reverse("agent_view_remove", args=[view.pk])).status_code == 404
    as_person(world.member).post(reverse("agent_view_remove", args=[view.pk]))
    assert not SavedView.objects.exists()


def test_a_name_is_taken_once_a_person_and_the_words_stay(world, as_person):
    visitor = as_person(world.member)
    save(visitor)
    again = save(visitor, query="gate=fail")
    assert again.status_code == 409 and "You have a view named Risky ones already." in again.content.decode()
    assert save(as_person(world.owner)).status_code == 302


def test_what_cannot_be_saved_is_said(world):
    for given, error in (
        ({"query": ""}, Invalid), ({"name": " "}, Invalid), ({"query": "q=" + "x" * 3000}, Invalid),
        ({"team": world.team, "by": world.outsider}, Denied), ({"team": world.team, "by": world.auditor}, Denied),
    ):  # fmt: skip
        with pytest.raises(error):
            saved_views.save_view(**{"name": "Mine", "query": "gate=fail", "by": world.member, **given})


def test_a_person_keeps_a_bounded_number(world, monkeypatch):
    monkeypatch.setattr(saved_views, "MOST", 2)
    for name in "ab":
        saved_views.save_view(name=name, query="gate=fail", by=world.member)
    with pytest.raises(Conflict, match="Remove one first"):
        saved_views.save_view(name="c", query="gate=fail", by=world.member)
