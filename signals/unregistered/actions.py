"""Answering a sighting: mapped to an agent, registered as one, claimed for one, or ignored until a day."""

import datetime as dt
import hashlib
import secrets
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from accounts.actors import a_person
from accounts.models import Person
from registry.actions import SLUG, register_agent
from registry.models import Agent
from signals import entries
from signals.actions.costs import add_cost_rule, remove_cost_rule
from signals.actions.evals import match_runs
from signals.models import CostRule, EvalRun, Source
from signals.unregistered.counting import count_source
from signals.unregistered.models import EvalRule, Sighting
from work import clock
from work.acts import Conflict, Denied, Invalid, record

LONGEST_IGNORED = dt.timedelta(days=366)
NEVER = "says whose costs and evals are whose"
COST_FIELD = {"tag": "tag", "key": "tag", "sub_account": "sub_account", "project": "project", "service": "service"}
"""Which field of a cost rule ties the lines of a sighting, by the sighting's kind."""
EVAL_FIELD = {"eval_agent": EvalRule.Field.AGENT, "eval_task": EvalRule.Field.TASK}


def answer_bar(sighting: Sighting, by: Person) -> str:
    """Why `by` may not map or ignore the sighting, as a sentence; empty where they may."""
    if sighting.answerable_by(by):
        return ""
    who = "Finance and platform admins say" if sighting.of_costs else "Only platform admins say"
    what = "which costs are whose, and which are ignored" if sighting.of_costs else "whose evals these are"
    return f"{who} {what}. Ask one of them, or claim it for an agent of your team."


@transaction.atomic
def map_sighting(*, sighting: Sighting, agent: Agent, by: Person) -> Sighting:
    """Say that what was seen is `agent`'s: adds the rule that ties its cost lines, or its eval runs, from here on.

    Cost lines already pulled are tied by follow-up work, runs at once. Raises Denied, Invalid for a retired agent, and
    Conflict where somebody has mapped it before.
    """
    a_person(by, NEVER)
    sighting = _locked(sighting)
    if bar := answer_bar(sighting, by):
        raise Denied(bar)
    _map(sighting, agent, by)
    return sighting


@transaction.atomic
def ignore_sighting(*, sighting: Sighting, reason: str, until: dt.date, by: Person) -> Sighting:
    """Leave it out of the list up to and with the day `until`; after that it is back by itself.

    Raises Denied, Invalid (no reason, a day that has passed or is more than a year ahead), Conflict where it is mapped.
    """
    a_person(by, NEVER)
    sighting = _locked(sighting)
    if bar := answer_bar(sighting, by):
        raise Denied(bar)
    reason, today = reason.strip(), clock.now().date()
    problems = []
    if not reason:
        problems.append("Say why it is ignored, in a sentence: whoever sees it next reads it.")
    if len(reason) > 500:
        problems.append("Give the reason in at most 500 characters.")
    if not today < until <= today + LONGEST_IGNORED:
        problems.append("Choose an end after today and within a year: nothing is ignored for ever.")
    if problems:
        raise Invalid(*problems)
    sighting.state, sighting.reason, sighting.ignored_until = Sighting.State.IGNORED, reason, until
    _decided(sighting, by)
    # Salted, because a short reason could be guessed from its digest.
    digest = hashlib.sha256(secrets.token_bytes(16) + reason.encode()).hexdigest()
    entry = entries.SightingIgnored(**_named(sighting), until=until.isoformat(), reason_sha256=digest)
    record(sighting.stream, entry, by=by)
    return sighting


@transaction.atomic
def reopen_sighting(*, sighting: Sighting, by: Person) -> Sighting:
    """Stop ignoring it before its end. Raises Denied, or Conflict where it is not ignored."""
    a_person(by, NEVER)
    sighting = Sighting.objects.select_for_update().get(pk=sighting.pk)
    if bar := answer_bar(sighting, by):
        raise Denied(bar)
    if sighting.state != Sighting.State.IGNORED:
        raise Conflict(f"{sighting} is not ignored.")
    sighting.state, sighting.reason, sighting.ignored_until = Sighting.State.OPEN, "", None
    sighting.decided_by = sighting.decided_at = None
    sighting.save()
    record(sighting.stream, entries.SightingReopened(**_named(sighting)), by=by)
    return sighting


@transaction.atomic
def unmap_sighting(*, sighting: Sighting, by: Person) -> Sighting:
    """Take a mapping back: removes the rule, and what it tied is tied by the next rule that fits, or belongs to no agent.

    Runs are untied at once, cost lines by follow-up work. Raises Denied, and Conflict where it is not mapped.
    """
    a_person(by, NEVER)
    sighting = Sighting.objects.select_related("agent").get(pk=sighting.pk)
    if bar := answer_bar(sighting, by):
        raise Denied(bar)
    if sighting.state != Sighting.State.MAPPED:
        raise Conflict(f"{sighting} is not mapped.")
    if sighting.of_costs:
        # The rule's lock comes first, as everywhere, and whoever removes the rule unmaps what it mapped.
        rule = CostRule.objects.filter(field=COST_FIELD[sighting.kind], key=sighting.name, value=sighting.value).first()
        if rule is None:
            raise Conflict(f"Somebody took back before that {sighting} is {sighting.agent.name}.")  # type: ignore[union-attr]
        remove_cost_rule(rule=rule, by=by)
    else:
        locked = Sighting.objects.select_for_update().get(pk=sighting.pk)
        if locked.state != Sighting.State.MAPPED:
            raise Conflict(f"Somebody took back before that {sighting} is an agent’s.")
        _untie_runs(locked)
        _unmap(locked, by)
    sighting.refresh_from_db()
    return sighting


def unmap_with_rule(rule: CostRule, by: Person) -> None:
    """What `rule`, which is being removed, had mapped waits for an answer again. Inside the transaction of the removal."""
    kinds = [kind for kind, field in COST_FIELD.items() if field == rule.field]
    mapped = Sighting.objects.select_for_update().filter(
        kind__in=kinds, name=rule.key, value=rule.value, state=Sighting.State.MAPPED
    )
    for sighting in mapped.order_by("pk"):
        _unmap(sighting, by)


@transaction.atomic
def claim_sighting(*, sighting: Sighting, agent: Agent, by: Person) -> Sighting:
    """Say for an agent of one's own that this is it. Nothing is tied until finance or a platform admin maps it.

    Raises Denied for who may not change the agent, Conflict where it is mapped.
    """
    a_person(by, NEVER)
    sighting = _locked(sighting)
    if not agent.editable_by(by):
        raise Denied(f"Only the owner, the deputy and members of {agent.team.name} claim something for {agent.name}.")
    _not_retired(agent)
    _claim(sighting, agent, by)
    return sighting


@transaction.atomic
def register_sighting(*, sighting: Sighting, by: Person, **values: Any) -> Agent:
    """Register an agent for what was seen, and map it to that agent in the same transaction where `by` may do so.

    Where `by` may not, the sighting stays claimed for the new agent until finance or a platform admin maps it. `values`
    are those of `register_agent`; raises what that raises.
    """
    a_person(by, NEVER)
    sighting = _locked(sighting)
    agent = register_agent(**values, by=by)
    if sighting.answerable_by(by):
        _map(sighting, agent, by)
    else:
        _claim(sighting, agent, by)
        if not sighting.of_costs:
            _match_at_once()
    return agent


def _locked(sighting: Sighting) -> Sighting:
    # The row is what two people who answer at once wait for; the second reads what the first did.
    row = Sighting.objects.select_for_update().get(pk=sighting.pk)
    if row.state == Sighting.State.MAPPED:
        raise Conflict(f"{row.decided_by} mapped {row} to {row.agent} before.")
    return row


def _not_retired(agent: Agent) -> None:
    if agent.retired_at is not None:
        raise Invalid(f"{agent.name} is retired. Take it back first, or choose the agent that runs now.")


def _map(sighting: Sighting, agent: Agent, by: Person) -> None:
    _not_retired(agent)
    if sighting.of_costs:
        rule = str(
            add_cost_rule(
                field=COST_FIELD[sighting.kind], key=sighting.name, value=sighting.value, agent=agent, by=by
            ).pk
        )
    else:
        rule = _eval_rule(sighting, agent, by)
    sighting.state, sighting.agent, sighting.reason, sighting.ignored_until = Sighting.State.MAPPED, agent, "", None
    _decided(sighting, by)
    record(sighting.stream, entries.SightingMapped(**_named(sighting), agent=str(agent.pk), rule=rule), by=by)


def _eval_rule(sighting: Sighting, agent: Agent, by: Person) -> str:
    field, value = EVAL_FIELD[sighting.kind], sighting.value[:200]
    same = EvalRule.objects.filter(field=field, value=value).select_related("agent").first()
    if same:
        raise Conflict(f"A rule says already that {same} is {same.agent.name}.")
    rule = EvalRule.objects.create(field=field, value=value, agent=agent, added_by=by, added_at=clock.now())
    _match_at_once()
    return str(rule.pk)


def _untie_runs(sighting: Sighting) -> None:
    field, value = EVAL_FIELD[sighting.kind], sighting.value[:200]
    EvalRule.objects.filter(field=field, value=value).delete()
    named = Q(agent_named=value) if field == EvalRule.Field.AGENT else Q(agent_named="", task=value)
    # A run whose log names an agent by its slug is that agent's whatever a rule says.
    by_name = Agent.objects.filter(pk=OuterRef("agent"), slug=OuterRef("agent_named"))
    EvalRun.objects.filter(named).exclude(Exists(by_name)).update(agent=None)
    for source in Source.objects.filter(kind=Source.Kind.INSPECT).order_by("pk"):
        match_runs(source)
        count_source(source)


def _unmap(sighting: Sighting, by: Person) -> None:
    was = str(sighting.agent_id)
    sighting.state, sighting.agent = Sighting.State.OPEN, None
    sighting.decided_by = sighting.decided_at = None
    sighting.save(update_fields=["state", "agent", "decided_by", "decided_at"])
    record(sighting.stream, entries.SightingUnmapped(**_named(sighting), agent=was), by=by)


def _match_at_once() -> None:
    for source in Source.objects.filter(kind=Source.Kind.INSPECT).order_by("pk"):
        if match_runs(source):
            count_source(source)


def _claim(sighting: Sighting, agent: Agent, by: Person) -> None:
    sighting.claimed_for, sighting.claimed_by, sighting.claimed_at = agent, by, clock.now()
    sighting.save(update_fields=["claimed_for", "claimed_by", "claimed_at"])
    record(sighting.stream, entries.SightingClaimed(**_named(sighting), agent=str(agent.pk)), by=by)


def _decided(sighting: Sighting, by: Person) -> None:
    sighting.decided_by, sighting.decided_at = by, clock.now()
    sighting.save(update_fields=["state", "agent", "reason", "ignored_until", "decided_by", "decided_at"])


def _named(sighting: Sighting) -> dict[str, str]:
    return {"sighting": str(sighting.pk), "seen_as": sighting.kind, "value": str(sighting)}


def slug_for(sighting: Sighting) -> str:
    """The slug that an agent registered for it gets: what evals call it, so that their runs are tied by it; else none."""
    if sighting.kind != Sighting.Kind.EVAL_AGENT or not SLUG.fullmatch(sighting.value):
        return ""
    return "" if Agent.objects.filter(slug=sighting.value).exists() else sighting.value
