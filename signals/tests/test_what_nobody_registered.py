"""What costs and evals name and no agent claims: found, counted, guessed at, answered."""

import datetime as dt
from decimal import Decimal

import pytest

from accounts import actions as people
from accounts.models import Person
from ledger.models import LedgerEntry
from signals import actions
from signals.models import CostLine, CostRule, EvalRun
from signals.tests.conftest import NOW, cost_row, log_of, sample, write_costs, write_log
from signals.unregistered import actions as answers
from signals.unregistered import queries
from signals.unregistered.models import EvalRule, KeyUse, Sighting, SightingTally
from work import clock
from work.acts import Conflict, Denied, Invalid

TODAY = NOW.date()


@pytest.fixture(autouse=True)
def at_noon():
    with clock.at(NOW):
        yield


@pytest.fixture
def pulled(bank, root, costs):
    """Pulls rows of a cost file: `pulled({...}, {...})` gives the sightings by their value."""

    def pull(*rows, name="a.csv"):
        write_costs(
            root / "focus" / name,
            [cost_row(**row) for row in rows],
            [
                "SubAccountName",
                *dict.fromkeys(key for row in rows for key in cost_row(**row) if key != "SubAccountName"),
            ],
        )
        assert actions.pull(source=costs).state == "done"
        return {str(one): one for one in Sighting.objects.seen()}

    return pull


def seen(sighting, user):
    (one,) = queries.described([sighting], user)
    return one


class TestFinding:
    def test_each_line_counts_in_the_most_telling_thing_that_it_names_and_in_no_other(self, pulled, bank):
        found = pulled(
            {"Tags": '{"Agent": "ghost", "api_key_id": "k-1"}', "SubAccountId": "acc", "BilledCost": "1"},
            {"Tags": '{"env": "prod", "api_key_id": "k-1"}', "SubAccountId": "acc"},
            {"Tags": "", "SubAccountId": "acc", "SubAccountName": "Platform"},
            {"Tags": "", "SubAccountName": "Platform"},
            {"Tags": ""},
        )
        assert {(one.kind, str(one)) for one in found.values()} == {
            ("tag", "Agent=ghost"), ("key", "api_key_id=k-1"), ("sub_account", "acc"), ("project", "Platform"),
            ("service", "Inference"),
        }  # fmt: skip
        assert sum(one.lines for one in found.values()) == CostLine.objects.filter(agent=None).count() == 5

    def test_a_line_of_an_agent_is_no_sighting(self, pulled, bank):
        actions.add_cost_rule(field="tag", key="agent", value="mortgage", agent=bank.agent, by=bank.finance)
        assert pulled({}) == {}

    def test_it_says_first_and_last_seen_and_spend_by_currency_never_summed(self, pulled, bank):
        day = {"ChargePeriodStart": "2026-11-03T00:00:00Z", "ChargePeriodEnd": "2026-11-04T00:00:00Z"}
        ghost = {"Tags": '{"agent": "ghost"}'}
        found = pulled({**ghost, **day}, {**ghost, "EffectiveCost": "0.25"}, {**ghost, "BillingCurrency": "USD"})
        one = found["agent=ghost"]
        assert (one.first_seen.day, one.last_seen.day, one.lines) == (3, 19, 3)
        assert seen(one, bank.finance).sums == {"EUR": Decimal("1.75"), "USD": Decimal("1.50")}
        assert not seen(one, bank.finance).single
        assert seen(one, bank.member).sums == {}, "what nobody claims was spent is for those who see all costs"
        assert seen(one, bank.finance).sources == ["Costs"]

    def test_what_a_file_no_longer_holds_is_no_longer_seen(self, pulled, bank):
        assert "agent=ghost" in pulled({"Tags": '{"agent": "ghost"}'})
        assert "agent=ghost" not in pulled({"Tags": '{"agent": "other"}'})

    def test_pulling_the_same_again_counts_nothing_twice(self, pulled, bank):
        row = {"Tags": '{"agent": "ghost"}'}
        assert pulled(row)["agent=ghost"].lines == pulled(row)["agent=ghost"].lines == 1
        assert SightingTally.objects.count() == 1

    def test_evals_name_agents_and_tasks(self, bank, root, evals):
        log = log_of([sample("a")], metadata={"portcullis_agent": "ghost"})
        write_log(root / "inspect" / "a.json", log)
        write_log(
            root / "inspect" / "b.json",
            log_of([sample("a")], metadata={"portcullis_agent": ""}, eval_id="eval-two"),
        )
        actions.pull(source=evals)
        assert {(one.kind, one.value, one.lines) for one in Sighting.objects.seen()} == {
            ("eval_agent", "ghost", 1), ("eval_task", "suite", 1),
        }  # fmt: skip

    def test_keys_that_two_agents_share_are_noted(self, pulled, bank):
        other = answers.register_agent(
            name="Other", summary="x", team=bank.team, owner=bank.member, by=bank.member, slug="other"
        )
        for agent in (bank.agent, other):
            actions.add_cost_rule(field="tag", key="agent", value=agent.slug, agent=agent, by=bank.finance)
        pulled(
            {"Tags": '{"agent": "mortgage", "api_key_id": "k"}'},
            {"Tags": '{"agent": "other", "api_key_id": "k"}'},
            {"Tags": '{"agent": "other", "api_key_id": "own"}'},
        )
        uses = sorted(KeyUse.objects.values_list("value", "agent__slug"))
        assert uses == [("k", "mortgage"), ("k", "other"), ("own", "other")]


class TestAnswering:
    def test_mapping_ties_the_lines_by_a_rule_like_any_other(self, pulled, bank):
        ghost = pulled({"Tags": '{"agent": "ghost"}'}, {})["agent=ghost"]
        answers.map_sighting(sighting=ghost, agent=bank.agent, by=bank.finance)
        actions.retie_costs()
        assert CostLine.objects.get(tags__agent="ghost").agent == bank.agent
        ghost.refresh_from_db()
        assert (ghost.state, ghost.agent, ghost.lines) == ("mapped", bank.agent, 0)
        assert ghost not in Sighting.objects.waiting()
        assert LedgerEntry.objects.filter(stream=ghost.stream).values_list("kind", flat=True)[0] == "sighting.mapped"

    @pytest.mark.parametrize(
        ("row", "field", "key"),
        [
            ({"Tags": '{"api_key": "v"}'}, "tag", "api_key"),
            ({"Tags": "", "SubAccountId": "v"}, "sub_account", ""),
            ({"Tags": "", "SubAccountName": "v"}, "project", ""),
            ({"Tags": "", "ServiceName": "v"}, "service", ""),
        ],
    )
    def test_every_kind_of_cost_is_tied_by_its_own_rule(self, pulled, bank, row, field, key):
        (one,) = pulled(row).values()
        answers.map_sighting(sighting=one, agent=bank.agent, by=bank.admin)
        rule = bank.agent.cost_rules.get()
        assert (rule.field, rule.key, rule.value) == (field, key, "v")
        assert actions.retie_costs() == 1 and not Sighting.objects.seen().exists()

    def test_mapping_evals_ties_the_runs_at_once_and_those_to_come(self, bank, root, evals):
        for i, task in enumerate(("ghost", "")):
            log = log_of([sample("a")], metadata={"portcullis_agent": task}, eval_id=f"eval-{i}")
            write_log(root / "inspect" / f"{i}.json", log)
        actions.pull(source=evals)
        for one in list(Sighting.objects.seen()):
            answers.map_sighting(sighting=one, agent=bank.agent, by=bank.admin)
        assert not EvalRun.objects.filter(agent=None).exists() and not Sighting.objects.seen().exists()
        write_log(
            root / "inspect" / "9.json", log_of([sample("a")], metadata={"portcullis_agent": "ghost"}, eval_id="x")
        )
        actions.pull(source=evals)
        assert EvalRun.objects.get(eval_id="x").agent == bank.agent and EvalRule.objects.count() == 2

    def test_a_task_rule_leaves_runs_that_name_another_agent_alone(self, bank, root, evals):
        for i, named in enumerate(("", "ghost")):
            write_log(
                root / "inspect" / f"{i}.json",
                log_of([sample("a")], metadata={"portcullis_agent": named}, eval_id=str(i)),
            )
        actions.pull(source=evals)
        answers.map_sighting(sighting=Sighting.objects.get(kind="eval_task"), agent=bank.agent, by=bank.admin)
        assert EvalRun.objects.get(agent_named="ghost").agent is None

    def test_ignored_until_a_day_and_back_by_itself(self, pulled, bank):
        one = pulled({"Tags": '{"agent": "ghost"}'})["agent=ghost"]
        until = TODAY + dt.timedelta(days=7)
        answers.ignore_sighting(sighting=one, reason="A trial", until=until, by=bank.finance)
        assert one not in Sighting.objects.waiting(until) and one in Sighting.objects.ignored(until)
        assert one in Sighting.objects.waiting(until + dt.timedelta(days=1))
        with clock.at(NOW + dt.timedelta(days=8)):
            one.refresh_from_db()
            assert one.was_ignored and one.waits

    @pytest.mark.parametrize(("reason", "days"), [(" ", 7), ("A trial", 0), ("A trial", 367), ("x" * 501, 7)])
    def test_ignoring_needs_a_reason_and_an_end_within_a_year(self, pulled, bank, reason, days):
        one = pulled({"Tags": '{"agent": "ghost"}'})["agent=ghost"]
        with pytest.raises(Invalid):
            answers.ignore_sighting(sighting=one, reason=reason, until=TODAY + dt.timedelta(days=days), by=bank.admin)

    def test_ignoring_can_be_stopped_early(self, pulled, bank):
        one = pulled({"Tags": '{"agent": "ghost"}'})["agent=ghost"]
        with pytest.raises(Conflict):
            answers.reopen_sighting(sighting=one, by=bank.admin)
        answers.ignore_sighting(sighting=one, reason="A trial", until=TODAY + dt.timedelta(days=7), by=bank.admin)
        answers.reopen_sighting(sighting=one, by=bank.admin)
        assert one in Sighting.objects.waiting()

    @pytest.mark.parametrize("who", ["member", "stranger", "auditor", "security"])
    def test_costs_are_for_finance_and_admins_to_answer(self, pulled, bank, who):
        one = pulled({"Tags": '{"agent": "ghost"}'})["agent=ghost"]
        by = getattr(bank, who)
        with pytest.raises(Denied):
            answers.map_sighting(sighting=one, agent=bank.agent, by=by)
        with pytest.raises(Denied):
            answers.ignore_sighting(sighting=one, reason="No", until=TODAY + dt.timedelta(days=7), by=by)

    def test_evals_are_for_admins_alone_to_answer(self, bank, root, evals):
        write_log(root / "inspect" / "a.json", log_of([sample("a")], metadata={"portcullis_agent": "ghost"}))
        actions.pull(source=evals)
        with pytest.raises(Denied, match="Only platform admins"):
            answers.map_sighting(sighting=Sighting.objects.get(), agent=bank.agent, by=bank.finance)

    def test_a_team_claims_it_and_finance_maps_it(self, pulled, bank):
        one = pulled({"Tags": '{"agent": "ghost"}'})["agent=ghost"]
        with pytest.raises(Denied):
            answers.claim_sighting(sighting=one, agent=bank.agent, by=bank.stranger)
        one = answers.claim_sighting(sighting=one, agent=bank.agent, by=bank.member)
        assert (one.state, one.claimed_for, one.claimed_by) == ("open", bank.agent, bank.member)
        assert queries.waiting_figures(bank.finance)["claimed"] == queries.count_waiting(bank.finance) == 1
        assert queries.count_waiting(bank.member) == 0

    def test_registering_claims_and_where_the_same_person_may_it_maps_too(self, pulled, bank):
        found = pulled({"Tags": '{"agent": "ghost"}'}, {"Tags": '{"agent": "spook"}'})
        values = {"summary": "x", "team": bank.team, "owner": bank.member}
        agent = answers.register_sighting(sighting=found["agent=ghost"], name="Ghost", by=bank.member, **values)
        assert Sighting.objects.get(value="ghost").claimed_for == agent
        people.join_team(person=bank.finance, team=bank.team, by=bank.admin)
        finance = Person.objects.get(pk=bank.finance.pk)
        agent = answers.register_sighting(sighting=found["agent=spook"], name="Spook", by=finance, **values)
        assert Sighting.objects.get(value="spook").agent == agent

    def test_registering_under_the_name_that_evals_give_ties_their_runs(self, bank, root, evals):
        write_log(root / "inspect" / "a.json", log_of([sample("a")], metadata={"portcullis_agent": "ghost"}))
        actions.pull(source=evals)
        one = Sighting.objects.get()
        agent = answers.register_sighting(
            sighting=one, name="Ghost writer", slug=answers.slug_for(one), summary="x", team=bank.team,
            owner=bank.member, by=bank.member,
        )  # fmt: skip
        assert EvalRun.objects.get().agent == agent and not Sighting.objects.seen().exists()

    def test_a_mapping_of_costs_is_taken_back_with_its_rule(self, pulled, bank):
        ghost = pulled({"Tags": '{"agent": "ghost"}'}, {})["agent=ghost"]
        answers.map_sighting(sighting=ghost, agent=bank.agent, by=bank.finance)
        actions.retie_costs()
        with pytest.raises(Denied):
            answers.unmap_sighting(sighting=ghost, by=bank.member)
        answers.unmap_sighting(sighting=ghost, by=bank.finance)
        actions.retie_costs()
        ghost.refresh_from_db()
        assert (ghost.state, ghost.agent, ghost.lines) == ("open", None, 1) and ghost in Sighting.objects.waiting()
        assert CostLine.objects.get(tags__agent="ghost").agent is None and not bank.agent.cost_rules.exists()
        kinds = LedgerEntry.objects.filter(stream=ghost.stream).order_by("stream_seq").values_list("kind", flat=True)
        assert list(kinds) == ["sighting.mapped", "sighting.unmapped"]
        with pytest.raises(Conflict, match="not mapped"):
            answers.unmap_sighting(sighting=ghost, by=bank.finance)
        answers.map_sighting(sighting=ghost, agent=bank.agent, by=bank.finance)

    def test_who_removes_the_rule_takes_back_what_it_mapped_and_the_next_rule_ties(self, pulled, bank):
        ghost = pulled({"Tags": '{"agent": "ghost"}'})["agent=ghost"]
        answers.map_sighting(sighting=ghost, agent=bank.agent, by=bank.finance)
        other = answers.register_agent(
            name="Other", summary="x", team=bank.team, owner=bank.member, by=bank.member, slug="other"
        )
        actions.add_cost_rule(field="service", value="Inference", agent=other, by=bank.finance)
        with pytest.raises(Denied):
            actions.remove_cost_rule(rule=bank.agent.cost_rules.get(), by=bank.member)
        rule = bank.agent.cost_rules.get()
        actions.remove_cost_rule(rule=rule, by=bank.finance)
        with pytest.raises(Conflict, match="before"):
            actions.remove_cost_rule(rule=rule, by=bank.finance)
        actions.retie_costs()
        ghost.refresh_from_db()
        assert ghost.state == "open" and CostLine.objects.get(tags__agent="ghost").agent == other
        assert [one.position for one in CostRule.objects.all()] == [1]

    def test_a_mapping_of_evals_is_taken_back_but_what_a_log_names_stays(self, bank, root, evals):
        for i, named in enumerate(("ghost", bank.agent.slug)):
            log = log_of([sample("a")], metadata={"portcullis_agent": named}, eval_id=f"eval-{i}")
            write_log(root / "inspect" / f"{i}.json", log)
        actions.pull(source=evals)
        one = Sighting.objects.get()
        answers.map_sighting(sighting=one, agent=bank.agent, by=bank.admin)
        assert EvalRun.objects.filter(agent=bank.agent).count() == 2
        with pytest.raises(Denied, match="Only platform admins"):
            answers.unmap_sighting(sighting=one, by=bank.finance)
        answers.unmap_sighting(sighting=one, by=bank.admin)
        assert [run.eval_id for run in EvalRun.objects.filter(agent=bank.agent)] == ["eval-1"]
        one.refresh_from_db()
        assert (one.state, one.lines) == ("open", 1) and not EvalRule.objects.exists()

    def test_what_is_mapped_is_not_answered_again(self, pulled, bank):
        one = pulled({"Tags": '{"agent": "ghost"}'})["agent=ghost"]
        answers.map_sighting(sighting=one, agent=bank.agent, by=bank.finance)
        for act in (
            lambda: answers.map_sighting(sighting=one, agent=bank.agent, by=bank.admin),
            lambda: answers.ignore_sighting(
                sighting=one, reason="No", until=TODAY + dt.timedelta(days=7), by=bank.admin
            ),
            lambda: answers.claim_sighting(sighting=one, agent=bank.agent, by=bank.member),
        ):
            with pytest.raises(Conflict, match="Finance mapped"):
                act()


class TestGuesses:
    def test_a_like_name_a_team_tag_an_owner_tag_and_a_cost_centre(self, pulled, bank):
        found = pulled(
            {"Tags": '{"agent": "mortgage-nightly", "team": "lending", "cost_centre": "4711"}'},
            {"Tags": '{"agent": "zzz", "owner": "STRANGER@bank.example"}'},
            {"Tags": '{"agent": "qqq"}'},
        )

        def names(value):
            return [one.name for one in seen(found[value], bank.finance).owners]

        assert names("agent=mortgage-nightly") == ["Mortgage helper", "Lending", "Cost centre 4711"]
        assert names("agent=zzz") == ["Stranger"] and names("agent=qqq") == []
        assert "name is like that of the agent" in seen(found["agent=mortgage-nightly"], bank.admin).owners[0].reason

    def test_the_team_that_most_lines_of_the_account_belong_to(self, pulled, bank):
        actions.add_cost_rule(field="tag", key="agent", value="mortgage", agent=bank.agent, by=bank.finance)
        found = pulled(
            {"SubAccountId": "acc"}, {"SubAccountId": "acc", "EffectiveCost": "9"},
            {"SubAccountId": "acc", "Tags": '{"agent": "qqq"}'},
        )  # fmt: skip
        (guess,) = seen(found["agent=qqq"], bank.finance).owners
        assert guess.name == "Lending" and guess.reason.startswith("2 of 2 lines of its account acc")


def test_more_sightings_cost_no_more_queries(pulled, bank, django_assert_max_num_queries):
    pulled(*({"Tags": f'{{"agent": "ghost-{i}", "team": "lending"}}', "SubAccountId": f"a{i}"} for i in range(30)))
    with django_assert_max_num_queries(8):
        assert len(queries.described(queries.sightings(bank.finance), bank.finance)) == 30
