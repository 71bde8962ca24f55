"""Cost lines, the rules that tie them to agents, and budgets."""

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Max

from accounts.models import Person, Team
from accounts.roles import Role
from registry.models import Agent
from signals import entries
from signals.models import Budget, CostRule, Pull, PulledFile
from signals.readers.focus import CostRow, Rejection, read_costs
from signals.unregistered.counting import count_costs
from work import clock
from work.acts import Conflict, Denied, Invalid, later, record

RULES_STREAM = "costs:rules"
CHUNK = 20_000
COLUMNS = CostRow._fields[1:]  # the row's number is the file's, not the charge's

# One statement ties lines, both when they come and when the rules change, so that the two cannot differ.
_AGENT_OF = """(
    SELECT r.agent_id FROM signals_costrule r
    WHERE r.value = CASE r.field
        WHEN 'tag' THEN {line}.tags ->> r.key
        WHEN 'sub_account' THEN {line}.sub_account_id
        WHEN 'project' THEN {line}.sub_account_name
        WHEN 'service' THEN {line}.service_name
        WHEN 'resource' THEN {line}.resource_id END
    ORDER BY r.position LIMIT 1)"""
_TYING = "SELECT {lock}(hashtextextended('signals.tying', 0))"


def load_costs(
    pull: Pull, relative: str, path: Path, values: dict[str, Any], reject: Callable[[int, str], None]
) -> int:
    """Keep the charges of the export at `path`; those already kept change nothing. Returns how many rows were rejected.

    Rows go by COPY into a temporary table, so that neither they nor their digests are held in memory. A file that was
    overwritten restates the time it covers, in the billing periods it holds: charges of its earlier content that it no
    longer has are withdrawn, unless some of its rows were rejected. Raises ReadError.
    """
    rejected = 0
    _execute("DROP TABLE IF EXISTS incoming")
    # No rows, but the very types of the columns that the rows are for.
    _execute(f"CREATE TEMPORARY TABLE incoming AS SELECT 0 AS row, {', '.join(COLUMNS)} FROM signals_costline LIMIT 0")
    try:
        chunk: list[CostRow] = []
        for item in read_costs(path):
            pull.rows_read += 1
            if isinstance(item, Rejection):
                rejected += 1
                reject(item.row, f"{item.column}: {item.reason}" if item.column else item.reason)
                continue
            chunk.append(item)
            if len(chunk) == CHUNK:
                _copy(chunk)
                chunk = []
                # Committed while the file is still being read: the page shows how far it is.
                Pull.objects.filter(pk=pull.pk).update(rows_read=pull.rows_read)
        _copy(chunk)
        with transaction.atomic():
            file, _ = PulledFile.objects.update_or_create(
                source_id=pull.source_id, path=relative, defaults={**values, "rejected": rejected}
            )
            _number()
            if not rejected:
                pull.rows_withdrawn += _withdraw(file)
            pull.rows_new += _keep(pull, file)
    finally:
        if not connection.needs_rollback:
            _execute("DROP TABLE IF EXISTS incoming, numbered")
    return rejected


def _execute(sql: str, values: list[Any] | None = None) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.rowcount


def _copy(rows: list[CostRow]) -> None:
    if not rows:
        return
    sql = f"COPY incoming (row, {', '.join(COLUMNS)}) FROM STDIN"
    with transaction.atomic(), connection.cursor() as cursor, cursor.copy(sql) as copy:
        for row in rows:
            copy.write_row((*row[:-1], json.dumps(row.tags)))


def _number() -> None:
    _execute(
        "CREATE TEMPORARY TABLE numbered AS"
        " SELECT *, row_number() OVER (PARTITION BY row_sha256 ORDER BY row) - 1 AS ordinal FROM incoming"
    )
    # Without both the planner, which knows nothing of a table this new, reads all of it for every line withdrawn.
    _execute("CREATE INDEX ON numbered (row_sha256, ordinal)")
    _execute("ANALYZE numbered")


def _keep(pull: Pull, file: PulledFile) -> int:
    _execute(_TYING.format(lock="pg_advisory_xact_lock_shared"))
    names = ", ".join(COLUMNS)
    return _execute(
        f"INSERT INTO signals_costline (source_id, file_id, agent_id, received_at, ordinal, {names})"
        f" SELECT %s, %s, {_AGENT_OF.format(line='n')}, %s, n.ordinal, {names} FROM numbered n"
        " ORDER BY n.row ON CONFLICT (source_id, row_sha256, ordinal) DO NOTHING",
        [pull.source_id, file.pk, clock.now()],
    )


def _withdraw(file: PulledFile) -> int:
    return _execute(
        "DELETE FROM signals_costline l"
        " USING (SELECT min(charge_period_start) AS low, max(charge_period_start) AS high FROM numbered) span"
        " WHERE l.file_id = %s AND l.charge_period_start BETWEEN span.low AND span.high"
        " AND l.billing_period_start = ANY (ARRAY(SELECT DISTINCT billing_period_start FROM numbered))"
        " AND NOT EXISTS (SELECT FROM numbered n WHERE n.row_sha256 = l.row_sha256 AND n.ordinal = l.ordinal)",
        [file.pk],
    )


@transaction.atomic
def retie_costs() -> int:
    """Tie every cost line anew by the rules as they are; returns how many lines changed hands."""
    # Waits for pulls that are inserting by the old rules, so that none of their lines is missed.
    _execute(_TYING.format(lock="pg_advisory_xact_lock"))
    changed = _execute(
        f"UPDATE signals_costline l SET agent_id = tied.agent_id"
        f" FROM (SELECT c.id, {_AGENT_OF.format(line='c')} AS agent_id FROM signals_costline c) tied"
        " WHERE tied.id = l.id AND tied.agent_id IS DISTINCT FROM l.agent_id"
    )
    if changed:
        count_costs()
        record(RULES_STREAM, entries.CostsTied(lines=changed), by=None)
    return changed


def _may_rule(by: Person) -> None:
    if not (by.holds(Role.FINANCE) or by.holds(Role.ADMIN)):
        raise Denied("Only finance and platform admins decide which costs are whose. Ask one of them.")


def _lock_rules() -> None:
    _execute("SELECT pg_advisory_xact_lock(hashtextextended('signals.rules', 0))")


def _follow_up() -> None:
    from signals.tasks import retie  # tasks call actions

    later(retie)


@transaction.atomic
def add_cost_rule(*, field: str, value: str, agent: Agent, by: Person, key: str = "", position: int = 0) -> CostRule:
    """Tie lines whose `field` is `value` (for a tag, whose `key` is) to `agent`. `position` counts from 1; 0 is the end.

    Lines already pulled are tied anew by follow-up work. Raises Denied, Invalid, Conflict.
    """
    _may_rule(by)
    value, key = value.strip(), key.strip()
    problems = []
    if field not in CostRule.Field.values:
        problems.append("Choose what the rule looks at.")
    if not value:
        problems.append("Say which value ties a line to the agent.")
    if (field == CostRule.Field.TAG) != bool(key):
        problems.append("Name the tag's key." if field == CostRule.Field.TAG else "Only a rule on a tag has a key.")
    if problems:
        raise Invalid(*problems)
    _lock_rules()
    same = CostRule.objects.filter(field=field, key=key, value=value).select_related("agent").first()
    if same:
        raise Conflict(f"Rule {same.position} says that already, for {same.agent.name}.")
    last = CostRule.objects.aggregate(last=Max("position"))["last"] or 0
    position = min(position or last + 1, last + 1)
    CostRule.objects.filter(position__gte=position).update(position=F("position") + 1)
    rule = CostRule.objects.create(position=position, field=field, key=key, value=value, agent=agent, added_by=by)
    _follow_up()
    entry = entries.CostRuleAdded(
        rule=str(rule.pk), agent=str(agent.pk), position=position, field=field, key=key, value=value
    )
    record(RULES_STREAM, entry, by=by)
    return rule


@transaction.atomic
def move_cost_rule(*, rule: CostRule, position: int, by: Person) -> CostRule:
    """Put `rule` at `position` (from 1); those between move by one. Lines are tied anew by follow-up work."""
    _may_rule(by)
    _lock_rules()
    rule = CostRule.objects.select_for_update().get(pk=rule.pk)
    was, count = rule.position, CostRule.objects.count()
    position = max(1, min(position, count))
    if position == was:
        return rule
    if position < was:
        CostRule.objects.filter(position__gte=position, position__lt=was).update(position=F("position") + 1)
    else:
        CostRule.objects.filter(position__gt=was, position__lte=position).update(position=F("position") - 1)
    rule.position = position
    rule.save(update_fields=["position"])
    _follow_up()
    record(RULES_STREAM, entries.CostRuleMoved(rule=str(rule.pk), was=was, position=position), by=by)
    return rule


@transaction.atomic
def remove_cost_rule(*, rule: CostRule, by: Person) -> None:
    """Take `rule` away; those after it move up. Its lines go to the next rule that fits, or to no agent, by follow-up work.

    What was seen and mapped by this rule waits for an answer again. Raises Denied, and Conflict where it is gone.
    """
    _may_rule(by)
    _lock_rules()
    found = CostRule.objects.select_for_update().filter(pk=rule.pk).first()
    if found is None:
        raise Conflict("Somebody removed that rule before.")
    CostRule.objects.filter(pk=found.pk).delete()
    CostRule.objects.filter(position__gt=found.position).update(position=F("position") - 1)
    _follow_up()
    from signals.unregistered.actions import unmap_with_rule  # which adds rules

    unmap_with_rule(found, by)
    entry = entries.CostRuleRemoved(
        rule=str(found.pk),
        agent=str(found.agent_id),
        position=found.position,
        field=found.field,
        key=found.key,
        value=found.value,
    )
    record(RULES_STREAM, entry, by=by)


@transaction.atomic
def set_budget(
    *, amount: Decimal, currency: str, starts: dt.date, by: Person, agent: Agent | None = None, team: Team | None = None
) -> Budget:
    """Set what `agent` or `team` may cost a month from the month of `starts` on; the same month again replaces it.

    Raises Denied for who is not finance, Invalid for an amount, currency or subject that does not hold.
    """
    if not by.holds(Role.FINANCE):
        raise Denied("Only finance sets budgets. Ask a finance approver.")
    problems = []
    if (agent is None) == (team is None):
        problems.append("Choose an agent or a team, one of the two.")
    amount = Decimal(amount)
    if not amount.is_finite() or amount <= 0 or amount != amount.quantize(Decimal("0.01")):
        problems.append("Give an amount above zero with at most two decimals.")
    elif amount >= Decimal(10) ** 12:
        problems.append("Give an amount below a million million.")
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()):
        problems.append("Give the currency as three capitals, such as EUR.")
    if problems:
        raise Invalid(*problems)
    starts = starts.replace(day=1)
    subject = {"agent": agent} if agent else {"team": team}
    # The row may not be there yet to be locked: its agent or team is.
    (Agent if agent else Team).objects.select_for_update().get(pk=(agent or team).pk)  # type: ignore[union-attr]
    budget = Budget.objects.filter(**subject, starts=starts).first() or Budget(**subject, starts=starts)
    budget.amount, budget.currency, budget.set_by, budget.set_at = amount, currency, by, clock.now()
    budget.save()
    entry = entries.BudgetSet(
        budget=str(budget.pk),
        agent=str(agent.pk) if agent else None,
        team=str(team.pk) if team else None,
        cents=int(amount * 100),
        currency=currency,
        month=f"{starts:%Y-%m}",
    )
    record(f"agent:{agent.pk}" if agent else f"team:{team.pk}", entry, by=by)  # type: ignore[union-attr]
    return budget
