"""Handing an agent over: who offers, who accepts, and that until then nothing changes hands."""

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts import actions as accounts
from registry import ownership
from registry.actions import change_agent
from registry.models import Handover
from work.acts import Conflict, Denied, Invalid


@pytest.fixture
def offered(world):
    return ownership.offer(
        agent=world.agent, to=world.bystander, by=world.owner, note="The pilot runs in two branches."
    )


@pytest.fixture
def as_person(client):
    def sign_in(person):
        client.force_login(person)
        return client

    return sign_in


class TestOffering:
    @pytest.mark.parametrize("who", ["deputy", "member", "outsider", "bystander", "admin", "auditor", "security"])
    def test_only_the_owner_offers(self, world, who):
        with pytest.raises(Denied, match="Ana Ruiz, the owner"):
            ownership.offer(agent=world.agent, to=world.bystander, by=world.person(who))
        assert not Handover.objects.exists()

    @pytest.mark.parametrize("who", ["deputy", "member", "owner", "auditor", "security"])
    def test_once_the_owner_has_left_only_a_platform_admin_offers(self, world, who):
        person = world.person(who)
        accounts.deactivate(person=world.owner, by=world.admin)
        if who == "owner":
            person = world.owner
        with pytest.raises(Denied, match="A platform admin offers"):
            ownership.offer(agent=world.agent, to=world.bystander, by=person)
        assert ownership.offer(agent=world.agent, to=world.bystander, by=world.admin).offered_by == world.admin

    def test_offering_changes_nothing_but_is_recorded(self, world, offered):
        agent = world.agent
        assert (agent.owner, agent.deputy) == (world.owner, world.deputy)
        entry = world.entries(agent)[-1]
        assert (entry["kind"], entry["actor"]["id"]) == ("agent.handover_offered", str(world.ids["owner"]))
        assert entry["data"] == {
            "agent": str(agent.pk),
            "handover": str(offered.pk),
            "previous": str(world.ids["owner"]),
            "to": str(world.ids["bystander"]),
        }

    def test_one_offer_waits_at_a_time(self, world, offered):
        with pytest.raises(Conflict, match="Withdraw that offer first"):
            ownership.offer(agent=world.agent, to=world.member, by=world.owner)
        with pytest.raises(IntegrityError, match="one_open_handover"), transaction.atomic():
            Handover.objects.create(agent=world.agent, previous=world.owner, to=world.member, offered_by=world.owner)

    def test_it_is_offered_to_somebody_else_who_is_here_and_may_act(self, world):
        accounts.deactivate(person=world.member, by=world.admin)
        for to, words in ((world.owner, "owns"), (world.member, "has left"), (world.auditor, "auditor")):
            with pytest.raises(Invalid, match=words):
                ownership.offer(agent=world.agent, to=to, by=world.owner)
        with pytest.raises(IntegrityError, match="someone_else"), transaction.atomic():
            Handover.objects.create(agent=world.agent, previous=world.owner, to=world.owner, offered_by=world.owner)

    def test_a_service_account_owns_nothing(self, world):
        from accounts.models import Person

        robot = Person.objects.create(
            email="robot@bank.example", name="Robot", kind=Person.Kind.SERVICE, password="!nothing"
        )
        with pytest.raises(Invalid, match="service account"):
            ownership.offer(agent=world.agent, to=robot, by=world.owner)
        with pytest.raises(Denied, match="service account"):
            ownership.offer(agent=world.agent, to=world.bystander, by=robot)


class TestAnswering:
    def test_accepting_makes_the_new_owner(self, world, offered):
        ownership.accept(handover=offered, by=world.bystander)
        agent = world.agent
        assert (agent.owner, agent.deputy) == (world.bystander, world.deputy)
        entry = world.entries(agent)[-1]
        assert (entry["kind"], entry["actor"]["id"]) == ("agent.owner_changed", str(world.ids["bystander"]))
        assert entry["data"] == {
            "agent": str(agent.pk),
            "handover": str(offered.pk),
            "previous": str(world.ids["owner"]),
            "owner": str(world.ids["bystander"]),
            "deputy_left_empty": False,
        }

    @pytest.mark.parametrize("who", ["owner", "deputy", "member", "admin", "auditor", "security", "outsider"])
    def test_nobody_else_accepts_or_declines_for_them(self, world, offered, who):
        for answer in (ownership.accept, ownership.decline):
            with pytest.raises(Denied, match="Only Bea Nobody"):
                answer(handover=offered, by=world.person(who))
        assert world.agent.owner == world.owner and world.fresh(offered).state == "open"

    def test_a_deputy_who_accepts_leaves_that_place_empty_and_the_entry_says_so(self, world):
        handover = ownership.offer(agent=world.agent, to=world.deputy, by=world.owner)
        ownership.accept(handover=handover, by=world.deputy)
        assert (world.agent.owner, world.agent.deputy) == (world.deputy, None)
        assert world.entries(world.agent)[-1]["data"]["deputy_left_empty"] is True

    @pytest.mark.parametrize("end", ["accept", "decline", "withdraw"])
    def test_an_offer_is_answered_once(self, world, offered, end):
        who = world.owner if end == "withdraw" else world.bystander
        getattr(ownership, end)(handover=offered, by=who)
        before = len(world.entries(world.agent))
        for again, by in (("accept", "bystander"), ("decline", "bystander"), ("withdraw", "owner")):
            with pytest.raises(Conflict, match="before"):
                getattr(ownership, again)(handover=offered, by=world.person(by))
        assert len(world.entries(world.agent)) == before

    @pytest.mark.parametrize(
        ("end", "who", "state"), [("decline", "bystander", "declined"), ("withdraw", "owner", "withdrawn")]
    )
    def test_declined_or_withdrawn_the_owner_stays_and_may_offer_again(self, world, offered, end, who, state):
        getattr(ownership, end)(handover=offered, by=world.person(who))
        assert world.agent.owner == world.owner
        entry = world.entries(world.agent)[-1]
        assert (entry["kind"], entry["data"]["state"]) == ("agent.handover_ended", state)
        assert ownership.offer(agent=world.agent, to=world.member, by=world.owner).state == "open"

    @pytest.mark.parametrize("who", ["bystander", "deputy", "member", "admin", "security"])
    def test_only_who_may_offer_withdraws(self, world, offered, who):
        with pytest.raises(Denied):
            ownership.withdraw(handover=offered, by=world.person(who))

    def test_who_left_or_became_an_auditor_since_cannot_accept(self, world, offered):
        bystander = world.bystander
        world.grant("bystander", "auditor")
        with pytest.raises(Invalid, match="auditor"):
            ownership.accept(handover=offered, by=bystander)
        world.revoke("bystander", "auditor")
        accounts.deactivate(person=bystander, by=world.admin)
        with pytest.raises(Invalid, match="has left"):
            ownership.accept(handover=offered, by=world.bystander)
        assert world.agent.owner == world.owner

    def test_a_new_deputy_meanwhile_who_accepts_is_not_both(self, world, offered):
        change_agent(agent=world.agent, by=world.member, deputy=world.bystander)
        ownership.accept(handover=offered, by=world.bystander)
        assert (world.agent.owner, world.agent.deputy) == (world.bystander, None)


class TestThePages:
    def test_from_the_offer_to_the_click(self, world, as_person):
        url = reverse("agent_handover", args=[world.agent.slug])
        visitor = as_person(world.owner)
        assert "Offer it to a new owner" in visitor.get(url).content.decode()
        response = visitor.post(url, {"to": world.bystander.pk, "note": "Two branches."}, follow=True)
        page = response.content.decode()
        assert "Offered to Bea Nobody" in page and "Withdraw the offer" in page and "Accept: I" not in page
        handover = Handover.objects.get()
        visitor = as_person(world.bystander)
        page = visitor.get(url).content.decode()
        assert "Accept: I answer for it" in page and "Two branches." in page and "Withdraw the offer" not in page
        visitor.post(reverse("handover_answer", args=[handover.pk]), {"answer": "accept"})
        assert world.agent.owner == world.bystander

    def test_others_see_the_offer_and_no_button(self, world, as_person, offered):
        page = as_person(world.member).get(reverse("agent_handover", args=[world.agent.slug])).content.decode()
        assert "Only Bea Nobody can accept" in page and 'name="answer"' not in page

    @pytest.mark.parametrize("answer", ["accept", "decline"])
    def test_the_owner_cannot_post_the_answer(self, world, as_person, offered, answer):
        response = as_person(world.owner).post(reverse("handover_answer", args=[offered.pk]), {"answer": answer})
        assert response.status_code == 403 and world.agent.owner == world.owner

    def test_an_answer_that_is_none_changes_nothing(self, world, as_person, offered):
        as_person(world.bystander).post(reverse("handover_answer", args=[offered.pk]), {"answer": "maybe"})
        assert world.fresh(offered).state == "open"

    def test_nothing_typed_is_lost(self, world, as_person):
        url = reverse("agent_handover", args=[world.agent.slug])
        visitor = as_person(world.owner)
        response = visitor.post(url, {"to": world.auditor.pk, "note": "Two branches run it."})
        assert response.status_code == 422
        assert "is an auditor" in response.content.decode() and "Two branches run it." in response.content.decode()
