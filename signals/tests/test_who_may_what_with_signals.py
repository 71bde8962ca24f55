import datetime as dt
from decimal import Decimal

import pytest

from ledger.models import LedgerEntry
from registry.models import Agent
from signals import actions
from signals.models import Budget, CostLine, CostRule, EvalRun, Source
from signals.tests.conftest import NOW, cost_row, log_of, sample, write_costs, write_log
from work import clock
from work.acts import Conflict, Denied, Invalid
from work.models import FollowUp

BUDGET = {"amount": Decimal("10.00"), "currency": "EUR", "starts": dt.date(2026, 11, 20)}


def kinds(stream: str) -> list[str]:
    return list(LedgerEntry.objects.filter(stream=stream).order_by("stream_seq").values_list("kind", flat=True))


@pytest.mark.parametrize("who", ["finance", "auditor", "security", "member", "stranger"])
def test_only_a_platform_admin_adds_a_source(bank, root, who):
    with pytest.raises(Denied, match="platform admin"):
        actions.add_source(name="X", kind="focus", folder="focus", by=getattr(bank, who))
    assert not Source.objects.exists()


@pytest.mark.parametrize("who", ["admin", "auditor", "security", "member", "stranger"])
def test_only_finance_sets_a_budget(bank, who):
    with pytest.raises(Denied, match="finance"):
        actions.set_budget(**BUDGET, agent=bank.agent, by=getattr(bank, who))
    assert not Budget.objects.exists()


@pytest.mark.parametrize("who", ["auditor", "security", "member", "stranger"])
def test_only_finance_and_platform_admins_tie_costs(bank, who):
    with pytest.raises(Denied, match="whose"):
        actions.add_cost_rule(field="service", value="x", agent=bank.agent, by=getattr(bank, who))


@pytest.mark.parametrize("who", ["auditor", "stranger"])
def test_who_only_reads_or_belongs_nowhere_pulls_nothing(bank, costs, who):
    with pytest.raises(Denied, match="platform admin"):
        actions.request_pull(source=costs, by=getattr(bank, who))
    assert not costs.pulls.exists()


@pytest.mark.parametrize("folder", ["../etc", "/etc", "a/../../b", "..", "a\\..\\..\\b", "x\x00y"])
def test_a_folder_outside_the_root_is_refused(bank, root, folder):
    with pytest.raises(Invalid, match="below the server"):
        actions.add_source(name="X", kind="focus", folder=folder, by=bank.admin)


@pytest.mark.parametrize("folder", ["focus", "focus/", "./focus", "focus/2026", "."])
def test_folders_that_overlap_would_count_costs_twice(bank, costs, folder):
    with pytest.raises(Invalid, match="overlaps"):
        actions.add_source(name="X", kind="focus", folder=folder, by=bank.admin)


@pytest.mark.parametrize(
    "change",
    [{"amount": Decimal(0)}, {"amount": Decimal("-1")}, {"amount": Decimal("1.001")}, {"amount": Decimal("NaN")},
     {"currency": "eur"}, {"currency": "EURO"}, {"amount": Decimal("1e13")}],
)  # fmt: skip
def test_a_budget_that_does_not_hold_is_refused(bank, change):
    with pytest.raises(Invalid):
        actions.set_budget(**{**BUDGET, **change}, agent=bank.agent, by=bank.finance)


def test_a_budget_is_an_agents_or_a_teams_and_one_a_month(bank):
    for subject in ({}, {"agent": bank.agent, "team": bank.team}):
        with pytest.raises(Invalid, match="one of the two"):
            actions.set_budget(**BUDGET, **subject, by=bank.finance)
    actions.set_budget(**BUDGET, team=bank.team, by=bank.finance)
    actions.set_budget(**BUDGET, agent=bank.agent, by=bank.finance)
    actions.set_budget(**{**BUDGET, "amount": Decimal(20)}, agent=bank.agent, by=bank.finance)
    assert sorted(Budget.objects.values_list("amount", flat=True)) == [10, 20]
    assert set(Budget.objects.values_list("starts", flat=True)) == {dt.date(2026, 11, 1)}
    assert kinds(f"agent:{bank.agent.pk}")[-2:] == ["budget.set", "budget.set"]


def test_every_act_is_in_the_ledger_also_a_pull_that_failed(bank, costs, root):
    actions.pull(source=costs, by=bank.finance)
    (root / "focus").rmdir()
    actions.pull(source=costs)
    assert kinds(costs.stream) == ["source.added", "pull.finished", "pull.failed"]
    records = [entry.record for entry in LedgerEntry.objects.filter(stream=costs.stream).order_by("stream_seq")]
    assert [record["actor"]["id"] for record in records] == [str(bank.admin.pk), str(bank.finance.pk), "system"]


def test_a_pulls_entry_names_the_files_by_digest(bank, costs, root):
    import hashlib

    path = write_costs(root / "focus" / "a.csv", [cost_row()])
    actions.pull(source=costs)
    data = LedgerEntry.objects.filter(stream=costs.stream).order_by("-stream_seq").first().record["data"]
    assert data["files"][0]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest() and data["rows_new"] == 1


def test_the_first_rule_that_matches_wins_and_moving_one_ties_anew(bank, costs, root):
    from registry.actions import register_agent

    other = register_agent(name="Other", slug="other", summary="x", team=bank.team, owner=bank.member, by=bank.member)
    rows = [cost_row(SubAccountId="p1"), cost_row(SubAccountId="p2", Tags=""), cost_row(ServiceName="Search", Tags="")]
    write_costs(root / "focus" / "a.csv", rows)
    actions.pull(source=costs)
    assert CostLine.objects.filter(agent=None).count() == 3
    actions.add_cost_rule(field="tag", key="agent", value="mortgage", agent=bank.agent, by=bank.finance)
    rule = actions.add_cost_rule(field="sub_account", value="p1", agent=other, by=bank.admin)
    actions.add_cost_rule(field="service", value="Search", agent=other, by=bank.finance)
    assert FollowUp.objects.filter(task="signals.tasks.retie", done_at=None).count() == 3
    assert actions.retie_costs() == 2 and actions.retie_costs() == 0
    assert CostLine.objects.get(sub_account_id="p1").agent == bank.agent
    actions.move_cost_rule(rule=rule, position=1, by=bank.finance)
    assert list(CostRule.objects.values_list("position", "field")) == [(1, "sub_account"), (2, "tag"), (3, "service")]
    assert actions.retie_costs() == 1
    assert CostLine.objects.get(sub_account_id="p1").agent == other
    write_costs(root / "focus" / "b.csv", [cost_row(SubAccountId="p1", BilledCost="7")])
    actions.pull(source=costs)
    assert CostLine.objects.get(billed_cost=7).agent == other  # rules tie new lines as they come
    assert kinds("costs:rules")[-3:] == ["costs.tied", "cost_rule.moved", "costs.tied"]


def test_a_rule_that_says_the_same_is_refused_and_a_tag_needs_its_key(bank):
    actions.add_cost_rule(field="service", value="x", agent=bank.agent, by=bank.finance)
    with pytest.raises(Conflict, match="Rule 1 says that already"):
        actions.add_cost_rule(field="service", value="x", agent=bank.agent, by=bank.finance)
    with pytest.raises(Invalid, match="key"):
        actions.add_cost_rule(field="tag", value="x", agent=bank.agent, by=bank.finance)


def test_each_sees_what_is_theirs(bank, evals, costs, root):
    write_costs(root / "focus" / "a.csv", [cost_row(), cost_row(Tags="")])
    write_log(root / "inspect" / "a.eval", log_of([sample("one")]))
    write_log(root / "inspect" / "b.eval", log_of([sample("x")], eval_id="b", metadata={"portcullis_agent": ""}))
    with clock.at(NOW):
        actions.add_cost_rule(field="tag", key="agent", value="mortgage", agent=bank.agent, by=bank.finance)
        actions.set_budget(**BUDGET, agent=bank.agent, by=bank.finance)
        actions.pull(source=evals)
        actions.pull(source=costs)

    def seen(who):
        return tuple(model.objects.visible_to(who).count() for model in (EvalRun, CostLine, Budget))

    assert seen(bank.member) == (1, 1, 1)
    assert seen(bank.finance) == (0, 2, 1)
    assert seen(bank.auditor) == seen(bank.admin) == (2, 2, 1)
    assert seen(bank.security) == seen(bank.stranger) == (0, 0, 0)
    packet = Agent.objects.get().packets.create(
        number=1, version="1.0", created_by=bank.member, roles_asked=["security"]
    )
    assert seen(type(bank.security).objects.get(pk=bank.security.pk)) == (1, 1, 1)
    assert packet.agent == bank.agent
