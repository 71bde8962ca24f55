"""Registering and changing agents and entries of the catalogue, and the live summary of an agent."""

import datetime as dt
import re
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from accounts.models import Person, Team
from accounts.roles import Role
from ledger.canonical import dumps, nfc, sha256
from registry import entries
from registry.models import (
    Agent,
    DataSource,
    Tool,
)
from registry.models.risk import ORDER
from registry.settling import settle, tell_end
from registry.upkeep import rules
from registry.vocabulary import (
    AgentStatus,
    Effect,
    PacketState,
    Relationship,
    RiskClass,
)
from work import clock
from work.acts import Conflict, Denied, Invalid, record

SLUG = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,79}")
STATUS_OF = {
    PacketState.IN_REVIEW: AgentStatus.IN_REVIEW,
    PacketState.CHANGES: AgentStatus.CHANGES,
    PacketState.DRAFT: AgentStatus.DRAFT,
    PacketState.APPROVED: AgentStatus.APPROVED,
}
CARD = ("name", "summary", "deputy", "relationship", "autonomy", "risk_class", "support_path", "next_review", "calls")


@transaction.atomic
def register_agent(
    *,
    name: str,
    summary: str,
    team: Team,
    owner: Person,
    by: Person,
    deputy: Person | None = None,
    slug: str = "",
    relationship: str = Relationship.TOOL,
    autonomy: int = 1,
    risk_class: str = RiskClass.HIGH,
    support_path: str = "",
    next_review: dt.date | None = None,
) -> Agent:
    """Register an agent. Only a member of its team may; the owner must be active and is someone else than the deputy.

    Raises Denied, Invalid (what to write instead), or Conflict for a name that is taken.
    """
    if by.is_auditor or not by.in_team(team):
        raise Denied(f"Only members of {team.name} register its agents. Ask one of them, or choose your own team.")
    problems = []
    if not name.strip():
        problems.append("Give the agent a name.")
    problems += _bars(owner, "owner") + _bars(deputy, "deputy")
    if not summary.strip():
        problems.append("Say in one sentence what the agent is for.")
    if deputy == owner:
        problems.append("The deputy must be someone else than the owner.")
    slug = slug.lower() or slugify(name)
    if not slug:
        problems.append("The name needs letters or digits that an address can be made of.")
    if problems:
        raise Invalid(*problems)
    agent = Agent(
        slug=slug,
        name=name.strip(),
        summary=summary.strip(),
        team=team,
        owner=owner,
        deputy=deputy,
        relationship=relationship,
        autonomy=autonomy,
        risk_class=risk_class,
        support_path=support_path,
        next_review=next_review,
        created_at=clock.now(),
    )
    _readable(agent)
    try:
        with transaction.atomic():
            agent.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(f"There is an agent {slug} already. Choose another name.") from error
    record(
        f"agent:{agent.pk}",
        entries.AgentRegistered(agent=str(agent.pk), slug=slug, team=str(team.pk), owner=str(owner.pk)),
        by=by,
    )
    return agent


@transaction.atomic
def change_agent(*, agent: Agent, by: Person, seen: str = "", **values: Any) -> Agent:
    """Change fields of the agent's card (name, summary, deputy, relationship, autonomy, risk_class, support_path,
    next_review, calls). A raised risk class shows in the next revision's core, so sign-offs on the old one lapse.

    `seen` is `card_mark(agent)` of the card that a form was made from: Conflict where somebody saved it since.
    """
    agent = Agent.objects.select_for_update().get(pk=agent.pk)
    may_edit(agent, by)
    if unknown := set(values) - set(CARD):
        raise Invalid(f"These cannot be changed here: {', '.join(sorted(unknown))}.")
    if seen and seen != card_mark(agent):
        raise Conflict("Somebody saved this card after you opened it. Compare both, then save again.")
    if values.get("deputy") == agent.owner:
        raise Invalid("The deputy must be someone else than the owner.")
    if values.get("deputy") != agent.deputy and (bars := _bars(values.get("deputy"), "deputy")):
        raise Invalid(*bars)
    calls = _called(agent, values.pop("calls", None))
    fields = sorted(name for name, value in values.items() if getattr(agent, name) != value)
    if "risk_class" in fields:
        _not_below_the_answers(agent, values["risk_class"])
    for name in fields:
        setattr(agent, name, values[name])
    if fields:
        _readable(agent)
        agent.save(update_fields=fields)
    if calls is not None:
        agent.calls.set(calls)
        fields = sorted([*fields, "calls"])
    if fields:
        settled = settle(agent)
        record(f"agent:{agent.pk}", entries.AgentChanged(agent=str(agent.pk), fields=fields), by=by)
        for proposal in settled:
            tell_end(proposal, by)
    return agent


def card_mark(agent: Agent) -> str:
    """What the agent's card says, as a digest: a form keeps it, so that a save in between is seen."""
    values = {name: str(getattr(agent, "deputy_id" if name == "deputy" else name)) for name in CARD if name != "calls"}
    calls = sorted(str(pk) for pk in agent.calls.values_list("pk", flat=True))
    return sha256(dumps(nfc({**values, "calls": calls})))


def _not_below_the_answers(agent: Agent, wanted: str) -> None:
    answers = agent.risk_answers.order_by("-number").first()
    ranks = [str(one) for one in ORDER]
    if answers and wanted in ranks and ranks.index(wanted) < ranks.index(answers.floor):
        raise Invalid(
            f"The questionnaire gives {answers.get_result_display().lower()}. Set a lower class on the page Risk class, "
            "with the reason."
        )


def _called(agent: Agent, wanted: Iterable[Agent] | None) -> list[Agent] | None:
    # The agents that it is to call from now on; None where nothing about them changes.
    if wanted is None:
        return None
    chosen = list(wanted)
    if agent in chosen:
        raise Invalid(f"{agent.name} cannot call itself: leave it out of the agents that it calls.")
    return None if set(chosen) == set(agent.calls.all()) else chosen


@transaction.atomic
def catalogue_source(*, name: str, by: Person, **values: Any) -> DataSource:
    """Add a data source to the shared catalogue. Anyone who files packets or administers may."""
    _may_catalogue(by)
    values["never_leaves"] = rules(values.get("never_leaves", ()))
    source = DataSource(slug=slugify(name), name=name.strip(), created_at=clock.now(), **values)
    _create(source, f"a data source {name}")
    record("system", entries.SourceCatalogued(source=str(source.pk), slug=source.slug), by=by)
    return source


@transaction.atomic
def catalogue_tool(*, slug: str, by: Person, effect: str = Effect.IRREVERSIBLE, **values: Any) -> Tool:
    """Add a tool to the shared catalogue. Without a stated effect it counts as irreversible."""
    _may_catalogue(by)
    tool = Tool(slug=slug.strip(), effect=effect, created_at=clock.now(), **{"name": slug, **values})
    _create(tool, f"a tool {slug}")
    record("system", entries.ToolCatalogued(tool=str(tool.pk), slug=tool.slug.lower(), effect=effect), by=by)
    return tool


def set_summary(agent: Agent, **values: str) -> None:
    """Write the live summary (status, stage, gate) that lists filter by. For rooms above, inside their transaction."""
    Agent.objects.filter(pk=agent.pk).update(**values)
    for name, value in values.items():
        setattr(agent, name, value)


def status_by_packets(agent: Agent) -> str:
    """The status that the agent's packets give, as long as nothing of it is live: what most people wait for first."""
    states = set(agent.packets.values_list("state", flat=True))
    for state, status in STATUS_OF.items():
        if state in states:
            return status
    return AgentStatus.REGISTERED


def may_edit(agent: Agent, by: Person) -> None:
    """Raises Denied unless `by` may change the agent and its packets."""
    if not agent.editable_by(by):
        raise Denied(f"Only the owner, the deputy and members of {agent.team.name} change {agent.name}.")
    if agent.retired_at is not None:
        raise Conflict(f"{agent.name} is retired. Its owner takes it back into use first.")


def _may_catalogue(by: Person) -> None:
    if by.is_auditor or not (by.is_admin or by.team_ids):
        raise Denied("Only members of a team and platform admins add to the catalogue.")


def _bars(person: Person | None, what: str) -> list[str]:
    if person is None:
        return []
    if person.is_service:
        return [f"{person.name} is a service account, which answers for nothing. Name a person as {what}."]
    if not person.is_active:
        return [f"{person.name} has left. Name someone else as {what}."]
    if person.holds(Role.AUDITOR):
        return [f"{person.name} is an auditor, who changes nothing. Name someone else as {what}."]
    return []


def _readable(row: Agent | DataSource | Tool) -> None:
    # The ledger's slugs; a name that the column cannot hold would otherwise fail later, and less clearly.
    problems = [] if SLUG.fullmatch(row.slug) else [f"{row.slug} is no short name: use a to z, 0 to 9, - and _."]
    try:
        row.clean_fields()
    except ValidationError as error:
        for name, messages in error.message_dict.items():
            label = str(row._meta.get_field(name).verbose_name).capitalize()  # type: ignore[union-attr]
            problems += [f"{label}: {message}" for message in messages]
    if problems:
        raise Invalid(*problems)


def _create(row: DataSource | Tool, what: str) -> None:
    if not row.slug:
        raise Invalid("Give it a name with letters or digits.")
    _readable(row)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(f"The catalogue holds {what} already.") from error
