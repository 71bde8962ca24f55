"""Acts that import: a manifest for an agent, a server's tools into the catalogue. All or nothing, in one transaction."""

from dataclasses import dataclass, replace

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.actors import a_person
from accounts.models import Person, Team
from ledger.canonical import dumps, nfc, sha256
from registry import entries, proposals
from registry.actions import change_agent, register_agent, start_packet
from registry.filling import fill
from registry.importing import CARD_SOURCE, MANIFEST, MCP, Plan, below_worst, compare_server, plan_card, plan_manifest
from registry.imports.agentcard import AgentCard
from registry.imports.manifest import Manifest, SourceClaim, ToolClaim
from registry.imports.mcp import ToolList
from registry.models import Agent, DataSource, ImportedManifest, Packet, Proposal, Tool
from registry.proposals import Origin, Suggestion
from registry.vocabulary import EDITABLE, Effect, ToolTag
from work import clock
from work.acts import Conflict, Denied, Invalid, record

EFFECTS = ("", *Effect.values)
TAGS = frozenset(ToolTag.values)
MOVED = "Something has changed since this was shown. Look at it again, then import it."
VOUCH = "Say that you looked at what each tool does, or import them as irreversible."


@transaction.atomic
def import_agent(
    *, manifest: Manifest, seen: str, by: Person, looked: bool = False, cautious: bool = False
) -> ImportedManifest:
    """Register or update an agent from its manifest. `seen` is the digest of the plan that the person was shown;
    `looked` that they vouch for new tools that are said to do less than the worst; `cautious` that nobody does, so that
    those count as irreversible and the claim is proposed.

    Raises Denied, Invalid (the plan's problems), or Conflict where the plan is another by now. Fields that a person
    filled stay; see `registry.importing`.
    """
    _may_import(by)
    Agent.objects.select_for_update().filter(slug=manifest.slug).first()
    if manifest.packet:  # before the catalogue's rows, as whoever saves a section takes them
        open_ = Packet.objects.filter(agent__slug=manifest.slug, version=manifest.packet.version, state__in=EDITABLE)
        open_.select_for_update(of=("self",)).first()
    plan = plan_manifest(manifest, by, cautious=cautious)
    if (plan.agent and not plan.agent.editable_by(by)) or (plan.team and not plan.agent and not by.in_team(plan.team)):
        raise Denied(plan.problems[0])
    if plan.problems:
        raise Invalid(*plan.problems)
    if seen != plan.digest:
        raise Conflict(MOVED)
    _vouched(plan.tools, looked, by)
    content = manifest.document()
    number, digest = (plan.last.number if plan.last else 0) + 1, sha256(dumps(content))
    path = reverse("agent_manifest", args=[manifest.slug])
    label = f"Manifest {number} of {plan.agent.name if plan.agent else manifest.name}"
    origin = Origin(MANIFEST, manifest.slug, label, digest, path)
    filed = proposals.file(said=plan.said, origin=origin, by=by)
    added = _add(plan.tools, plan.sources, origin, by)
    agent = _written(plan, by)
    proposals.tell(filed, by=by)
    _tell(added, by)
    _fill(plan, agent, origin, by)
    made = ImportedManifest.objects.create(
        agent=agent,
        number=number,
        content=content,
        sha256=digest,
        imported_by=by,
        imported_at=clock.now(),
    )
    record(
        f"agent:{agent.pk}",
        entries.ManifestImported(
            agent=str(agent.pk),
            manifest=str(made.pk),
            number=made.number,
            sha256=made.sha256,
            fields=sorted(plan.values),
        ),
        by=by,
    )
    return made


@transaction.atomic
def import_tools(
    *, found: ToolList, by: Person, looked: bool = False, cautious: bool = False, seen: str = ""
) -> tuple[list[Tool], list[Proposal]]:
    """Add a server's tools to the catalogue, with the effects that the person chose (`chosen`). Those that it holds stay
    as they are; where the server says otherwise, that is proposed. Returns the new tools and the new proposals.

    `looked` says that the person vouches for each effect below irreversible; `cautious` that nobody does, so that those
    count as irreversible and the claim is proposed. Raises Denied, Invalid, or Conflict where `seen` is not the digest of
    what importing does by now.
    """
    _may_import(by)
    claims = found.tools
    problems = [f"{claim.slug}: choose read, write or irreversible." for claim in claims if claim.effect not in EFFECTS]
    problems += [f"{claim.slug}: {tag} is no tag." for claim in claims for tag in claim.tags if tag not in TAGS]
    if problems:
        raise Invalid(*problems)
    compared = compare_server(found, by, cautious=cautious)
    if seen and seen != compared.digest:
        raise Conflict(MOVED)
    _vouched(compared.new, looked, by)
    origin = Origin(MCP, found.server, f"MCP server {found.server}", sha256(dumps(nfc(found.document))))
    filed = proposals.file(said=compared.said, origin=origin, by=by)
    added = _add(compared.new, [], origin, by)
    proposals.tell(filed, by=by)
    _tell(added, by)
    return added.tools, [*filed.made, *added.filed.made]


@transaction.atomic
def import_card(*, card: AgentCard, seen: str, by: Person, team: Team | None, owner: Person | None) -> Agent:
    """Register an agent from its AgentCard, for `team` and `owner`; or, where its name's slug is registered, propose what
    the card says otherwise. `seen` is the digest of the plan that was shown. Raises Denied, Invalid, Conflict."""
    _may_import(by)
    Agent.objects.select_for_update().filter(slug=card.slug).first()
    plan = plan_card(card, by)
    if plan.agent and not plan.agent.editable_by(by):
        raise Denied(f"{plan.agent.name} is registered already, and only {plan.agent.team.name} imports for it.")
    if seen != plan.digest:
        raise Conflict(MOVED)
    if plan.agent is None:
        if team is None or owner is None:
            raise Invalid("Name the agent's team and owner: the card says neither.")
        return register_agent(name=card.name, summary=card.summary, slug=card.slug, team=team, owner=owner, by=by)
    host = f" at {card.host}" if card.host else ""
    digest = sha256(dumps(nfc(card.document())))
    proposals.propose(said=plan.said, origin=Origin(CARD_SOURCE, card.slug, f"AgentCard{host}", digest), by=by)
    return plan.agent


def may_import(person: Person) -> bool:
    """Whether the person may import at all; for which team is asked later."""
    return person.is_active and not person.is_auditor and (person.is_admin or bool(person.team_ids))


def _may_import(by: Person) -> None:
    if not may_import(by):
        raise Denied("Only members of a team and platform admins import. A platform admin adds you to a team.")


def _vouched(tools: list[ToolClaim], looked: bool, by: Person) -> None:
    if any(below_worst(tool.effect) for tool in tools):
        a_person(by, "says what a tool does")
        if not looked:
            raise Invalid(VOUCH)


def _written(plan: Plan, by: Person) -> Agent:
    """The agent, registered or changed as the plan says."""
    values = dict(plan.values)
    if plan.agent is None:
        if plan.team is None or plan.owner is None:  # would be among the plan's problems
            raise Invalid("Name the agent's team and owner.")
        agent = register_agent(slug=plan.manifest.slug, team=plan.team, owner=plan.owner, by=by, **values)
        return change_agent(agent=agent, by=by, calls=plan.calls) if plan.calls else agent
    if plan.calls is not None:
        values["calls"] = plan.calls
    return change_agent(agent=plan.agent, by=by, **values) if values else plan.agent


def _fill(plan: Plan, agent: Agent, origin: Origin, by: Person) -> None:
    """Fill the packet of the manifest's version; start it, where there is none."""
    said = plan.manifest.packet
    if said is None or not plan.fills:
        return
    packet = plan.packet or start_packet(agent=agent, version=said.version, by=by)
    fill(packet=packet, given=said.sections, origin=origin, by=by, before=plan.packet_before)


@dataclass
class Added:
    """New rows of the catalogue that are still to be recorded, and what is proposed for them."""

    tools: list[Tool]
    sources: list[DataSource]
    filed: proposals.Filed


def _add(tools: list[ToolClaim], sources: list[SourceClaim], origin: Origin, by: Person) -> Added:
    """Add rows to the catalogue. All rows first, sorted, then the ledger (`_tell`): two imports at once then wait for each
    other's rows, and never for rows and the ledger's head at the same time."""
    at = clock.now()
    made_tools = [
        Tool(
            slug=claim.slug,
            name=claim.name or claim.slug,
            system=claim.system,
            effect=claim.effect or Effect.IRREVERSIBLE,
            tags=list(claim.tags),
            created_at=at,
        )
        for claim in sorted(tools, key=lambda claim: claim.slug)
    ]
    made_sources = [
        DataSource(
            slug=claim.slug,
            name=claim.name or claim.slug,
            description=claim.description,
            classification=claim.classification,
            contract_version=claim.contract_version,
            created_at=at,
        )
        for claim in sorted(sources, key=lambda claim: claim.slug)
    ]
    rows: list[Tool | DataSource] = [*made_tools, *made_sources]
    for row in rows:
        try:
            row.clean_fields()
        except ValidationError as error:
            raise Invalid(*(f"{row.slug}: {text}" for text in error.messages)) from error
    try:
        with transaction.atomic():
            Tool.objects.bulk_create(made_tools)
            DataSource.objects.bulk_create(made_sources)
    except IntegrityError as error:
        raise Conflict(MOVED) from error
    claimed = {claim.slug: claim.claimed for claim in tools if claim.claimed}
    said = [Suggestion(tool, "effect", claimed[tool.slug]) for tool in made_tools if tool.slug in claimed]
    return Added(made_tools, made_sources, proposals.file(said=said, origin=origin, by=by))


def _tell(added: Added, by: Person) -> None:
    for source in added.sources:
        record("system", entries.SourceCatalogued(source=str(source.pk), slug=source.slug), by=by)
    for tool in added.tools:
        entry = entries.ToolCatalogued(tool=str(tool.pk), slug=tool.slug.lower(), effect=tool.effect)
        record("system", entry, by=by)
    proposals.tell(added.filed, by=by)


def chosen(found: ToolList, effects: dict[str, str], tags: dict[str, list[str]]) -> ToolList:
    """The list with what a person chose for the tools that they were shown, instead of what the server said of them."""
    return replace(
        found,
        tools=tuple(
            replace(tool, effect=effects[tool.slug], tags=tuple(tags.get(tool.slug, [])))
            if tool.slug in effects
            else tool
            for tool in found.tools
        ),
    )
