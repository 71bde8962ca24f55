"""The risk questionnaire: which class answers give, what is kept, and what the card may then say."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.tokens import add_service_account
from registry import risk
from registry.actions import change_agent
from registry.models import RiskAnswers
from work.acts import Conflict, Denied, Invalid


@pytest.fixture
def as_person(client):
    def sign_in(person):
        client.force_login(person)
        return client

    return sign_in


def said(**values):
    return {**dict.fromkeys(risk.QUESTIONS, "no"), **values}


def given(**values):
    return risk.judge(said(**values)).risk_class


class TestWhichClass:
    def test_no_to_everything_is_minimal(self):
        assert given() == "minimal"

    @pytest.mark.parametrize("key", [one.key for one in risk.QUESTIONS.values() if one.leads_to])
    def test_each_question_leads_to_its_class_by_yes_and_by_not_knowing(self, key):
        wanted = risk.QUESTIONS[key].leads_to
        assert given(**{key: "yes"}) == given(**{key: "unknown"}) == wanted
        assert risk.QUESTIONS[key].article in risk.judge(said(**{key: "unknown"})).reasons[0]

    def test_the_highest_counts(self):
        assert given(talks_to_people="yes", employment="yes") == "high"
        assert given(talks_to_people="yes", employment="yes", social_scoring="yes") == "prohibited"

    def test_not_knowing_anything_is_prohibited(self):
        assert risk.judge(dict.fromkeys(risk.QUESTIONS, "unknown")).risk_class == "prohibited"

    @pytest.mark.parametrize(
        ("narrow", "profiles", "wanted"),
        [
            ("yes", "no", "minimal"), ("yes", "yes", "high"), ("yes", "unknown", "high"),
            ("no", "no", "high"), ("unknown", "no", "high"),
        ],
    )  # fmt: skip
    def test_a_narrow_task_takes_out_of_annex_iii_only_without_profiling(self, narrow, profiles, wanted):
        assert given(essential_services="yes", narrow_task=narrow, profiling=profiles) == wanted

    def test_a_narrow_task_changes_nothing_for_products_and_prohibited_practices(self):
        assert given(product="yes", narrow_task="yes") == "high"
        assert given(face_or_feeling="yes", narrow_task="yes") == "prohibited"

    def test_no_answer_ever_lowers_by_not_knowing(self):
        """Turning any one no into a don't know never gives a lower class, whatever the others say."""
        for base in ({}, {"essential_services": "yes"}, {"essential_services": "yes", "narrow_task": "yes"}):
            for key in risk.QUESTIONS:
                if key not in base:
                    assert not risk.lower(given(**base, **{key: "unknown"}), given(**base)), (base, key)


class TestAnswering:
    def test_it_sets_the_class_and_records_both_in_one_act(self, world):
        row = risk.answer(agent=world.agent, answers=said(talks_to_people="yes"), by=world.member)
        assert (row.number, row.result, world.agent.risk_class) == (1, "limited", "limited")
        changed, answered = world.entries(world.agent)[-2:]
        assert changed["data"]["fields"] == ["risk_class"]
        assert answered["kind"] == "agent.risk_answered" and answered["data"]["sha256"] == row.digest

    def test_each_answering_is_a_row_of_its_own(self, world):
        risk.answer(agent=world.agent, answers=said(), by=world.member)
        row = risk.answer(agent=world.agent, answers=said(employment="unknown"), by=world.owner)
        assert (row.number, world.agent.risk_class, world.agent.risk_answers.count()) == (2, "high", 2)

    @pytest.mark.parametrize("gap", [{"employment": ""}, {"employment": "maybe"}, {"unheard_of": "no"}])
    def test_every_question_wants_an_answer_and_no_other_counts(self, world, gap):
        with pytest.raises(Invalid):
            risk.answer(agent=world.agent, answers=said(**gap), by=world.member)
        assert not RiskAnswers.objects.exists() and world.agent.risk_class == "high"

    def test_a_lower_class_needs_a_reason(self, world):
        answers = said(employment="yes")
        with pytest.raises(Invalid, match="say why"):
            risk.answer(agent=world.agent, answers=answers, risk_class="limited", by=world.member)
        with pytest.raises(Invalid, match="say why"):
            risk.answer(agent=world.agent, answers=answers, risk_class="limited", reason="no", by=world.member)
        reason = "Art. 6(3)(a): it sorts mail by date."
        row = risk.answer(agent=world.agent, answers=answers, risk_class="limited", reason=reason, by=world.member)
        assert (row.result, row.chosen, world.agent.risk_class) == ("high", "limited", "limited")

    def test_a_higher_class_needs_none(self, world):
        risk.answer(agent=world.agent, answers=said(), risk_class="high", by=world.member)
        assert world.agent.risk_class == "high"

    def test_who_answers(self, world):
        service = add_service_account(team=world.team, name="Build", purpose="Registers", by=world.member).person
        for by in (world.outsider, world.auditor, world.security, service):
            with pytest.raises(Denied):
                risk.answer(agent=world.agent, answers=said(), by=by)
        for by in (world.member, world.owner, world.deputy):
            risk.answer(agent=world.agent, answers=said(), by=by)

    def test_answers_given_meanwhile_are_not_passed_over(self, world):
        risk.answer(agent=world.agent, answers=said(), by=world.member, seen=0)
        with pytest.raises(Conflict):
            risk.answer(agent=world.agent, answers=said(), by=world.owner, seen=0)
        risk.answer(agent=world.agent, answers=said(), by=world.owner, seen=1)


class TestWhatTheDatabaseHolds:
    def test_a_row_never_changes_and_never_goes(self, world):
        row = risk.answer(agent=world.agent, answers=said(), by=world.member)
        for act in (lambda: RiskAnswers.objects.filter(pk=row.pk).update(reason="x"), row.delete):
            with pytest.raises(DatabaseError, match="refuse|never|append"), transaction.atomic():
                act()

    def test_a_lower_class_without_a_reason_is_refused(self, world):
        values = {"agent": world.agent, "edition": "1", "answers": {}, "answered_by": world.member}
        for number, (result, chosen) in enumerate(
            [("high", "limited"), ("prohibited", "high"), ("limited", "minimal")]
        ):
            with pytest.raises(IntegrityError, match="lower_risk_class_says_why"), transaction.atomic():
                RiskAnswers.objects.create(number=number, result=result, chosen=chosen, **values)
        RiskAnswers.objects.create(number=9, result="minimal", chosen="high", **values)


class TestTheCard:
    def test_it_may_not_go_below_the_answers_but_above(self, world):
        risk.answer(agent=world.agent, answers=said(talks_to_people="yes"), by=world.member)
        with pytest.raises(Invalid, match="on the page Risk class"):
            change_agent(agent=world.agent, by=world.member, risk_class="minimal")
        change_agent(agent=world.agent, by=world.member, risk_class="high")
        change_agent(agent=world.agent, by=world.member, risk_class="limited")
        assert world.agent.risk_class == "limited"

    def test_a_class_lowered_with_its_reason_may_be_set_again(self, world):
        reason = "Art. 6(3)(a): it sorts mail by date."
        answers = said(employment="yes")
        risk.answer(agent=world.agent, answers=answers, risk_class="limited", reason=reason, by=world.member)
        change_agent(agent=world.agent, by=world.member, risk_class="high")
        change_agent(agent=world.agent, by=world.member, risk_class="limited")
        with pytest.raises(Invalid):
            change_agent(agent=world.agent, by=world.member, risk_class="minimal")

    def test_an_agent_that_was_never_asked_is_free(self, world):
        change_agent(agent=world.agent, by=world.member, risk_class="minimal")

    def test_its_form_leads_to_the_questions(self, world, as_person):
        page = as_person(world.member).get(reverse("agent_edit", args=[world.agent.slug])).content.decode()
        assert reverse("agent_risk", args=[world.agent.slug]) in page


class TestThePage:
    def url(self, world):
        return reverse("agent_risk", args=[world.agent.slug])

    def test_the_class_is_shown_first_and_set_when_confirmed(self, world, as_person):
        visitor = as_person(world.member)
        answers = said(talks_to_people="yes")
        page = visitor.post(self.url(world), {**answers, "seen": 0, "act": "judge"}).content.decode()
        assert "These answers give: Limited risk" in page and "Art. 50(1): yes" in page
        assert world.agent.risk_class == "high" and not RiskAnswers.objects.exists()
        confirm = {**answers, "seen": 0, "judged": "limited", "risk_class": "limited", "act": "confirm"}
        assert visitor.post(self.url(world), confirm).status_code == 302
        assert world.agent.risk_class == "limited"

    def test_answers_changed_after_they_were_judged_are_judged_again(self, world, as_person):
        form = {**said(employment="yes"), "seen": 0, "judged": "limited", "risk_class": "limited", "act": "confirm"}
        page = as_person(world.member).post(self.url(world), form).content.decode()
        assert "These answers give: High risk" in page and not RiskAnswers.objects.exists()

    def test_a_missing_answer_is_asked_for(self, world, as_person):
        response = as_person(world.member).post(self.url(world), {"employment": "yes", "act": "judge"})
        assert response.status_code == 422 and "Answer yes, no or don’t know." in response.content.decode()

    def test_who_may_not_answer_reads(self, world, as_person):
        risk.answer(agent=world.agent, answers=said(talks_to_people="yes"), by=world.member)
        page = as_person(world.bystander).get(self.url(world)).content.decode()
        assert "What was answered" in page and "Confirm" not in page and '<form method="post" class="stack"' not in page

    def test_many_rows_cost_no_more_queries_than_one(self, world, as_person):
        visitor = as_person(world.member)
        risk.answer(agent=world.agent, answers=said(), by=world.member)
        visitor.get(self.url(world))
        with CaptureQueriesContext(connection) as few:
            visitor.get(self.url(world))
        for _ in range(5):
            risk.answer(agent=world.agent, answers=said(), by=world.member)
        with CaptureQueriesContext(connection) as many:
            visitor.get(self.url(world))
        assert len(many) == len(few) <= 13


class TestTheApi:
    def test_questions_answers_and_answering(self, world, as_person):
        visitor, url = as_person(world.member), reverse("api_agent_risk", args=[world.agent.slug])
        body = visitor.get(url).json()
        assert len(body["questions"]) == len(risk.QUESTIONS) and body["answers"] == []
        sent = {"edition": body["edition"], "answers": said(talks_to_people="unknown")}
        response = visitor.post(url, sent, content_type="application/json")
        assert response.status_code == 201 and response.json()["result"] == "limited"
        assert visitor.get(url).json()["risk_class"] == "limited"

    def test_answers_to_another_edition_or_half_of_them_are_refused(self, world, as_person):
        visitor, url = as_person(world.member), reverse("api_agent_risk", args=[world.agent.slug])
        for sent in (
            {"edition": "1999", "answers": said()},
            {"edition": risk.EDITION, "answers": {"employment": "no"}},
        ):
            assert visitor.post(url, sent, content_type="application/json").status_code == 422
