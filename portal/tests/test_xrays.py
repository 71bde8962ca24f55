"""X-rays: each kind of finding, what trips it and what does not, where it leads, and who sees it."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import actions as accounts
from portal.xrays import COST_DAYS, EVAL_DAYS, EXPIRY_DAYS, KINDS, Findings, Scope, of_agent
from registry import actions as registry
from registry import risk, upkeep
from registry.models import Agent, DataSource
from releases.models import Release
from signals.models import CostLine, EvalRun
from work import clock

KIND = {kind.key: kind for kind in KINDS}
URL = reverse("xrays")


def found(key, user, **where):
    """The subjects of the findings of one kind."""
    return [str(row) for row in KIND[key].found(Scope(user, clock.now()), **where)]


def told(key, user, subject):
    """The finding of one kind about `subject`."""
    scope = Scope(user, clock.now())
    rows = KIND[key].found(scope)
    (one,) = [one for one in Findings([(KIND[key], rows, rows.count())], scope)[:] if one.subject == subject]
    return one


@pytest.fixture
def as_person(client):
    def sign_in(person):
        client.force_login(person)
        return client

    return sign_in


def answered(world, agent):
    """The risk questionnaire, with a class that stays as the card says."""
    answers = dict.fromkeys(risk.QUESTIONS, "no")
    risk.answer(agent=agent, answers=answers, risk_class=agent.risk_class, by=world.member)


@pytest.fixture
def live(world, promotable):
    """A live agent, promoted long ago."""
    release = world.promote(promotable)
    Release.objects.filter(pk=release.pk).update(promoted_at=clock.now() - dt.timedelta(days=90))
    return release.agent


def test_a_healthy_agent_has_no_finding(world, live):
    answered(world, live)
    assert of_agent(live, world.owner) == []


class TestAgents:
    def test_no_deputy(self, world):
        world.register("Alone", deputy=None)
        assert found("no_deputy", world.owner) == ["Alone"]
        one = told("no_deputy", world.owner, "Alone")
        assert (one.url, one.action) == (reverse("agent_edit", args=["alone"]) + "#id_deputy", "Mend")

    def test_who_cannot_mend_is_told_whom_to_ask(self, world):
        world.register("Alone", deputy=None)
        for who in ("bystander", "outsider", "auditor", "security"):
            one = told("no_deputy", world.person(who), "Alone")
            assert (one.url, one.action, one.who) == (reverse("agent_detail", args=["alone"]), "Look", "Ana Ruiz")

    def test_departed_owner(self, world):
        other = world.register("Other", owner=world.member)
        assert found("owner_left", world.admin) == []
        accounts.deactivate(person=world.member, by=world.admin)
        assert found("owner_left", world.admin) == ["Other"]
        hand_over = reverse("agent_handover", args=[other.slug])
        assert told("owner_left", world.admin, "Other").url == hand_over
        assert told("owner_left", world.owner, "Other").action == "Look"

    def test_departed_deputy(self, world):
        world.register("Other", deputy=world.bystander)
        assert found("deputy_left", world.owner) == []
        accounts.deactivate(person=world.bystander, by=world.admin)
        assert found("deputy_left", world.owner) == ["Other"]
        assert "Bea Nobody, its deputy, has left" in told("deputy_left", world.owner, "Other").sentence

    def test_owner_without_the_team(self, world):
        world.register("Other", owner=world.bystander)
        assert found("owner_outside_team", world.owner) == ["Other"]
        one = told("owner_outside_team", world.admin, "Other")
        assert one.url == reverse("person_detail", args=[world.ids["bystander"]])
        assert told("owner_outside_team", world.bystander, "Other").url == reverse("agent_handover", args=["other"])
        accounts.join_team(person=world.bystander, team=world.other_team, by=world.admin)
        assert found("owner_outside_team", world.owner) == ["Other"], "another team is not this one"
        accounts.join_team(person=world.bystander, team=world.team, by=world.admin)
        assert found("owner_outside_team", world.owner) == []

    def test_an_owner_who_left_is_not_also_without_the_team(self, world):
        world.register("Other", owner=world.bystander)
        accounts.deactivate(person=world.bystander, by=world.admin)
        assert found("owner_outside_team", world.owner) == []

    @pytest.mark.parametrize(("days", "overdue"), [(-1, True), (0, False), (1, False), (None, False)])
    def test_review_overdue(self, world, days, overdue):
        due = None if days is None else clock.now().date() + dt.timedelta(days=days)
        world.register("Other", next_review=due)
        assert (found("review_overdue", world.owner) == ["Other"]) == overdue

    def test_agents_of_the_same_name(self, world):
        assert found("same_name", world.owner) == []
        other = world.register("Lending  assistant", slug="second")
        assert found("same_name", world.owner) == []
        registry.change_agent(agent=other, by=world.member, name="LENDING assistant")
        answered(world, other)
        assert sorted(found("same_name", world.owner)) == ["LENDING assistant", "Lending assistant"]
        assert [one.kind.key for one in of_agent(world.fresh(other), world.owner)] == ["same_name"]


class TestLiveAgents:
    def test_the_gate_of_a_live_agent_fails(self, world, live):
        assert found("gate_fails", world.owner) == []
        Agent.objects.filter(pk=live.pk).update(gate="fail")
        assert found("gate_fails", world.owner) == ["Ready assistant"]
        Agent.objects.filter(pk=live.pk).update(status="suspended")
        assert found("gate_fails", world.owner) == []

    @pytest.mark.parametrize(("days", "unseen"), [(EVAL_DAYS - 1, False), (EVAL_DAYS + 1, True)])
    def test_not_seen_in_evals(self, world, live, days, unseen):
        EvalRun.objects.filter(agent=live).update(completed_at=clock.now() - dt.timedelta(days=days))
        assert (found("not_in_evals", world.owner) == [live.name]) == unseen

    def test_an_eval_that_failed_is_no_evidence(self, world, live):
        EvalRun.objects.filter(agent=live).update(status="error")
        assert found("not_in_evals", world.owner) == [live.name]

    def test_what_is_not_live_need_not_be_seen(self, world):
        assert world.agent.name not in found("not_in_evals", world.owner) + found("without_costs", world.owner)

    @pytest.mark.parametrize(("days", "without"), [(COST_DAYS - 1, False), (COST_DAYS + 1, True)])
    def test_without_costs(self, world, live, days, without):
        start = clock.now() - dt.timedelta(days=days)
        CostLine.objects.filter(agent=live).update(
            charge_period_start=start, charge_period_end=start + dt.timedelta(hours=1)
        )
        assert (found("without_costs", world.owner) == [live.name]) == without

    def test_a_newly_promoted_agent_is_given_time_to_appear_in_costs(self, world, live):
        CostLine.objects.filter(agent=live).delete()
        assert found("without_costs", world.owner) == [live.name]
        Release.objects.filter(agent=live).update(promoted_at=clock.now())
        assert found("without_costs", world.owner) == []

    def test_runs_and_costs_are_for_those_who_see_the_detail(self, world, live):
        EvalRun.objects.filter(agent=live).delete()
        CostLine.objects.filter(agent=live).delete()
        for key in ("not_in_evals", "without_costs"):
            for who, seen in (("owner", True), ("auditor", True), ("risk", True), ("outsider", False)):
                assert (found(key, world.person(who)) == [live.name]) == seen, (key, who)


class TestSignOffs:
    def test_sign_offs_that_expire_soon(self, world, promotable):
        answered(world, promotable.agent)
        assert found("sign_offs_expire", world.owner) == []
        first = min(one.expires_at for one in promotable.sign_offs.all())
        with clock.at(first - dt.timedelta(days=EXPIRY_DAYS + 1)):
            assert found("sign_offs_expire", world.owner) == []
        with clock.at(first - dt.timedelta(days=EXPIRY_DAYS - 1)):
            assert found("sign_offs_expire", world.owner) == [str(promotable)]
            one = told("sign_offs_expire", world.owner, str(promotable))
            assert "sign-off expires on" in one.sentence
            assert one.url == reverse("review_detail", args=[promotable.pk])
            assert [one.kind.key for one in of_agent(promotable.agent, world.owner)] == ["sign_offs_expire"]
        with clock.at(first + dt.timedelta(days=1)):
            assert "expired on" in told("sign_offs_expire", world.owner, str(promotable)).sentence

    def test_a_packet_that_ended_is_not_asked_for_again(self, world, promotable):
        type(promotable).objects.filter(pk=promotable.pk).update(state="withdrawn")
        with clock.at(clock.now() + dt.timedelta(days=3000)):
            assert found("sign_offs_expire", world.owner) == []

    def test_a_superseded_packet_that_still_runs_is(self, world, live):
        live.packets.update(state="superseded")
        with clock.at(clock.now() + dt.timedelta(days=3000)):
            assert len(found("sign_offs_expire", world.owner)) == 1

    def test_those_who_may_not_see_the_packet_do_not_see_it(self, world, promotable):
        with clock.at(clock.now() + dt.timedelta(days=3000)):
            assert found("sign_offs_expire", world.outsider) == []


class TestCatalogue:
    @pytest.mark.parametrize(
        ("key", "wrong", "right"),
        [
            ("source_unclassified", {"classification": ""}, {"classification": "public"}),
            ("source_no_contract", {"contract_version": ""}, {"contract_version": "1"}),
            (
                "source_stale",
                {"fresh_days": 5, "fresh_on": dt.date(2020, 1, 1)},
                {"fresh_days": 5, "fresh_on": dt.date(2999, 1, 1)},
            ),
            (
                "source_stale",
                {"fresh_days": 5, "fresh_on": None},
                {"fresh_days": None, "fresh_on": dt.date(2020, 1, 1)},
            ),
        ],
    )
    def test_sources(self, world, key, wrong, right):
        upkeep.change_source(source=world.source, by=world.owner, **wrong)
        assert found(key, world.bystander) == ["Tariffs"]
        page = reverse("data_detail", args=[world.source.pk])
        assert told(key, world.owner, "Tariffs").url.startswith(page + "#id_")
        assert told(key, world.member, "Tariffs").url == page
        upkeep.retire(entry=world.source, by=world.owner, agents_seen=upkeep.granted_agents(world.source))
        assert found(key, world.bystander) == []
        upkeep.restore(entry=world.source, by=world.owner)
        upkeep.change_source(source=world.source, by=world.owner, **right)
        assert found(key, world.bystander) == []

    @pytest.mark.parametrize(("age", "stale"), [(5, False), (6, True)])
    def test_the_page_and_the_query_agree_on_the_day(self, world, age, stale):
        fresh_on = clock.now().date() - dt.timedelta(days=age)
        upkeep.change_source(source=world.source, by=world.owner, fresh_days=5, fresh_on=fresh_on)
        assert bool(found("source_stale", world.owner)) == bool(world.fresh(world.source).stale) == stale

    def test_a_source_without_owner_or_whose_owner_left(self, world):
        source = registry.catalogue_source(name="Diary", by=world.member, owner=world.bystander)
        assert found("source_no_owner", world.admin) == []
        accounts.deactivate(person=world.bystander, by=world.admin)
        assert found("source_no_owner", world.admin) == ["Diary"]
        DataSource.objects.filter(pk=source.pk).update(owner=None)
        assert told("source_no_owner", world.admin, "Diary").action == "Mend"
        assert told("source_no_owner", world.owner, "Diary").who == "a platform admin"

    def test_a_tool_that_nobody_confirmed(self, world):
        assert found("tool_unconfirmed", world.bystander) == ["tariffs.read"]
        assert told("tool_unconfirmed", world.security, "tariffs.read").action == "Mend"
        assert told("tool_unconfirmed", world.admin, "tariffs.read").action == "Look"
        upkeep.confirm_tool(tool=world.tool, effect="read", tags=[], by=world.security)
        assert found("tool_unconfirmed", world.bystander) == []


class TestThePage:
    def test_filters_stand_in_the_address(self, world, as_person):
        world.register("Alone", deputy=None)
        for agent in Agent.objects.all():
            answered(world, agent)
        visitor = as_person(world.owner)

        def subjects(**given):
            return [one.subject for one in visitor.get(URL, given).context["rows"]]

        assert {"Alone", "tariffs.read"} <= set(subjects())
        assert "Alone" not in subjects(kind="tool_unconfirmed") and "tariffs.read" in subjects(kind="tool_unconfirmed")
        assert subjects(severity="serious") == []
        assert "Alone" in subjects(severity="important")
        assert subjects(team="lending") == ["Alone"] and subjects(team="claims") == []
        assert subjects(mine="1") == ["Alone"]
        assert subjects(mine="1", kind="tool_unconfirmed") == []
        assert "Alone" in subjects(kind="nonsense", severity="'); drop", team="x", page="y")

    def test_an_auditor_mends_nothing(self, world, as_person):
        world.register("Alone", deputy=None)
        rows = as_person(world.auditor).get(URL).context["rows"]
        assert rows and {one.action for one in rows} == {"Look"}

    def test_every_finding_stands_on_one_page_only(self, world, as_person):
        for i in range(60):
            world.register(f"Alone {i:02}", deputy=None)
        visitor = as_person(world.owner)
        seen = []
        for number in (1, 2, 3):
            rows = visitor.get(URL, {"page": number}).context["rows"]
            seen += [(one.kind.key, one.subject) for one in rows]
        assert len(seen) == len(set(seen)) == visitor.get(URL).context["rows"].paginator.count

    def test_it_makes_no_more_queries_for_many_findings_than_for_few(self, world, as_person):
        visitor = as_person(world.owner)

        def plant(count, start):
            for i in range(start, start + count):
                agent = world.register(
                    f"Alone {i}", deputy=None, owner=world.bystander, next_review=dt.date(2020, 1, 1)
                )
                Agent.objects.filter(pk=agent.pk).update(status="live", gate="fail")
                registry.catalogue_source(name=f"Diary {i}", by=world.member, fresh_days=3)
                registry.catalogue_tool(slug=f"diary.{i}", by=world.member)

        plant(1, 0)
        visitor.get(URL)
        with CaptureQueriesContext(connection) as few:
            visitor.get(URL)
        plant(5, 1)
        with CaptureQueriesContext(connection) as many:
            page = visitor.get(URL).content.decode()
        assert page.count("Alone 3") >= 3 and len(many) <= len(few)

    def test_the_rail_and_the_agents_page_lead_there(self, world, as_person):
        world.register("Alone", deputy=None)
        visitor = as_person(world.owner)
        page = visitor.get(reverse("agent_detail", args=["alone"])).content.decode()
        assert f'href="{URL}"' in page and "It has no deputy" in page
        assert f'href="{reverse("agent_edit", args=["alone"])}#id_deputy"' in page

    def test_nothing_wrong_says_so(self, world, as_person):
        for agent in Agent.objects.all():
            answered(world, agent)
        upkeep.confirm_tool(tool=world.tool, effect="read", tags=world.tool.tags, by=world.security)
        assert "Nothing is wrong" in as_person(world.owner).get(URL).content.decode()
