"""Keeping the catalogue true: changing, confirming and retiring its entries, and who is granted them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.actors import a_person, in_person
from accounts.models import Person
from accounts.roles import Role
from ledger.canonical import dumps, nfc, sha256
from registry import entries, panels
from registry.models import Agent, CatalogueEntry, DataSource, Packet, Tool
from registry.settling import settle, tell_end
from registry.vocabulary import Effect, PacketState, ToolTag
from work import clock
from work.acts import Conflict, Denied, Invalid, record

E = TypeVar("E", bound=CatalogueEntry)

SOURCE_FIELDS = (
    "name",
    "description",
    "owner",
    "classification",
    "contract_version",
    "fresh_on",
    "fresh_days",
    "never_leaves",
)
TOOL_FIELDS = ("name", "system", "owner")
"""What a tool does (effect and tags) is not among them: that is confirmed, not edited."""
GRANTING = (PacketState.APPROVED, PacketState.IN_REVIEW, PacketState.CHANGES, PacketState.DRAFT)
"""States of packets whose grants count for "who may touch this?", beside packets in force. What ended grants nothing."""


def mark(entry: DataSource | Tool) -> str:
    """What the entry says, as a digest: a form keeps it, so that a save in between is seen."""
    names = SOURCE_FIELDS if isinstance(entry, DataSource) else (*TOOL_FIELDS, "effect", "tags")
    values = {name: str(getattr(entry, "owner_id" if name == "owner" else name)) for name in names}
    return sha256(dumps(nfc(values)))


@transaction.atomic
def change_source(*, source: DataSource, by: Person, seen: str = "", **values: Any) -> DataSource:
    """Change a data source's fields, by its owner or a platform admin. Conflict where `seen` is not its `mark` any more."""
    source = locked(source)
    may_keep(source, by)
    if fields := _changed(source, SOURCE_FIELDS, values, seen):
        settled = settle(source)
        record("system", entries.SourceChanged(source=str(source.pk), slug=_slug(source), fields=fields), by=by)
        for proposal in settled:
            tell_end(proposal, by)
    return source


@transaction.atomic
def change_tool(*, tool: Tool, by: Person, seen: str = "", **values: Any) -> Tool:
    """Change a tool's names, system and owner, by its owner or a platform admin. What it does is `confirm_tool`'s."""
    tool = locked(tool)
    may_keep(tool, by)
    if fields := _changed(tool, TOOL_FIELDS, values, seen):
        settled = settle(tool)
        record("system", entries.ToolChanged(tool=str(tool.pk), slug=_slug(tool), fields=fields), by=by)
        for proposal in settled:
            tell_end(proposal, by)
    return tool


@transaction.atomic
def confirm_tool(*, tool: Tool, effect: str, tags: Iterable[str], by: Person, seen: str = "") -> Tool:
    """Say what a call of the tool does and touches: by a security approver or the tool's owner, nobody else.

    Packets that were submitted keep what their document says; the next revision takes this.
    """
    in_person(by, "confirms what a tool does")
    tool = locked(tool)
    # Asked of the database: a role that was revoked since the page was drawn confirms nothing.
    if not (by.is_active and not by.is_auditor and (by.pk == tool.owner_id or by.holds(Role.SECURITY))):
        owner = f", or {tool.owner.name}, who owns it" if tool.owner else ""
        raise Denied(f"What {tool.slug} does is confirmed by a security approver{owner}.")
    if seen and seen != mark(tool):
        raise Conflict("Somebody changed this tool after you opened it. Compare both, then confirm again.")
    chosen = sorted(set(tags))
    problems = [] if effect in Effect.values else [f"{effect} is no effect: choose read, write or irreversible."]
    problems += [f"{tag} is nothing that a tool is said to touch." for tag in chosen if tag not in ToolTag.values]
    if problems:
        raise Invalid(*problems)
    tool.effect, tool.tags, tool.confirmed_at, tool.confirmed_by = effect, chosen, clock.now(), by
    tool.save(update_fields=["effect", "tags", "confirmed_at", "confirmed_by"])
    settled = settle(tool)
    record(
        "system",
        entries.ToolConfirmed(tool=str(tool.pk), slug=_slug(tool), effect=effect, tags=chosen),
        by=by,
    )
    for proposal in settled:
        tell_end(proposal, by)
    return tool


@transaction.atomic
def retire(*, entry: E, by: Person, agents_seen: int) -> E:
    """End an entry: no packet can be granted it anew, and those that were say so. Nothing is deleted.

    `agents_seen` is how many agents the page said are hit: another number is a Conflict, so that nobody retires
    what was granted again meanwhile without knowing.
    """
    a_person(by, "retires an entry of the catalogue, or takes one back")
    entry = locked(entry)
    may_keep(entry, by)
    if entry.retired_at:
        raise Conflict(f"{entry} was retired already.")
    hit = granted_agents(entry)
    if hit != agents_seen:
        raise Conflict(
            f"{hit} agents are granted {entry} now, which is not what the page said. Look who they are, then retire it."
        )
    entry.retired_at, entry.retired_by = clock.now(), by
    entry.save(update_fields=["retired_at", "retired_by"])
    if isinstance(entry, DataSource):
        record("system", entries.SourceRetired(source=str(entry.pk), slug=_slug(entry), agents=hit), by=by)
    else:
        record("system", entries.ToolRetired(tool=str(entry.pk), slug=_slug(entry), agents=hit), by=by)
    return entry


@transaction.atomic
def restore(*, entry: E, by: Person) -> E:
    """Take a retired entry back into use, by its owner or a platform admin."""
    a_person(by, "retires an entry of the catalogue, or takes one back")
    entry = locked(entry)
    may_keep(entry, by)
    if not entry.retired_at:
        raise Conflict(f"{entry} is in use.")
    entry.retired_at = entry.retired_by = cast(Any, entry).merged_into = None
    entry.save(update_fields=["retired_at", "retired_by", "merged_into"])
    if isinstance(entry, DataSource):
        record("system", entries.SourceRestored(source=str(entry.pk), slug=_slug(entry)), by=by)
    else:
        record("system", entries.ToolRestored(tool=str(entry.pk), slug=_slug(entry)), by=by)
    return entry


@dataclass(frozen=True)
class Touch:
    """One agent that may touch an entry, or asks to: its packet that grants it, and where that runs."""

    agent: Agent
    packet: Packet
    runs: panels.Running | None = None
    """None of a packet that is proposed: draft, in review, approved."""


@dataclass(frozen=True)
class Touching:
    """Who may touch an entry, as far as one person may see the packets."""

    in_force: list[Touch]
    proposed: list[Touch]
    hidden: int
    """How many more agents there are."""

    @property
    def agents(self) -> list[Agent]:
        """Every agent that is named, once, by name."""
        found = {touch.agent.pk: touch.agent for touch in (*self.in_force, *self.proposed)}
        return sorted(found.values(), key=lambda agent: (agent.name.lower(), str(agent.pk)))

    @property
    def hit(self) -> int:
        """How many agents there are, named or not."""
        return len(self.agents) + self.hidden


def whose(entry: CatalogueEntry) -> str:
    """Who may change the entry, for whoever may not."""
    keepers = f"{entry.owner.name}, who owns it, or a platform admin" if entry.owner else "a platform admin"
    return f"{entry} is shared by all agents, so only {keepers} changes it. Ask them."


def granting(entry: CatalogueEntry) -> "QuerySet[Packet]":
    """The packets that grant `entry` and have not ended: in force, approved, in review, drafts.

    A frozen packet that names what was merged into `entry` grants `entry`.
    """
    rows: Any = type(entry)
    known = rows.objects.filter(Q(pk=entry.pk) | Q(merged_into=entry.pk))
    grants = rows._meta.get_field("grants").related_model.objects.filter(
        **{f"{rows._meta.get_field('grants').field.name}__in": known}
    )
    return Packet.objects.filter(Q(state__in=GRANTING) | running(), pk__in=grants.values("packet"))


def running(prefix: str = "") -> Q:
    """That a packet runs somewhere; `prefix` leads to the packet, such as "grants__packet__"."""
    # Rooms above know what runs: a packet that a newer one superseded still does until that one is promoted.
    found = Q(pk__in=[])
    for ids in panels.packets_in_force:
        found |= Q(**{f"{prefix}pk__in": ids()})
    return found


def granted_agents(entry: CatalogueEntry) -> int:
    """How many agents are granted `entry`, or ask to be."""
    return granting(entry).values("agent").distinct().count()


def touching(entry: CatalogueEntry, user: Person) -> Touching:
    """Who may touch `entry`: in force, and proposed, by the agents' names. A fixed number of queries."""
    rows = granting(entry).visible_to(user).select_related("agent__team", "agent__owner")  # type: ignore[attr-defined]
    packets = list(rows.order_by("agent__name", "agent_id", "-number"))
    where: dict[Any, list[panels.Running]] = {}
    for ask in panels.releases_in_force:
        for pk, some in ask([packet.pk for packet in packets]).items():
            where.setdefault(pk, []).extend(some)
    in_force = [Touch(one.agent, one, runs) for one in packets for runs in where.get(one.pk, ())]
    proposed = [Touch(one.agent, one) for one in packets if one.pk not in where]
    named = len({packet.agent_id for packet in packets})
    return Touching(in_force, proposed, granted_agents(entry) - named)


def rules(lines: Iterable[str]) -> list[str]:
    """What may never leave, rule by rule: no empty one, none twice."""
    return list(dict.fromkeys(words for line in lines if (words := nfc(" ".join(line.split())))))


def _slug(entry: CatalogueEntry) -> str:
    return str(cast(Any, entry).slug).lower()


def locked(entry: E) -> E:
    """The entry as it is now, its row held until the transaction ends."""
    # Without a join to the owner, who may be changed while this waits for the lock.
    return cast(Any, type(entry)).objects.select_for_update().get(pk=entry.pk)


def may_keep(entry: CatalogueEntry, by: Person) -> None:
    """Raise Denied, saying whom to ask, where `by` may not change the entry."""
    if not entry.kept_by(by):
        raise Denied(whose(entry))


def _changed(entry: DataSource | Tool, allowed: tuple[str, ...], values: dict[str, Any], seen: str) -> list[str]:
    if unknown := set(values) - set(allowed):
        raise Invalid(f"These cannot be changed here: {', '.join(sorted(unknown))}.")
    if seen and seen != mark(entry):
        raise Conflict("Somebody changed this entry after you opened it. Compare both, then save again.")
    owner = values.get("owner")
    if owner is not None and owner.pk != entry.owner_id:
        if not owner.is_active:
            raise Invalid(f"{owner.name} has left. Name someone else as owner.")
        if owner.is_service:
            raise Invalid(f"{owner.name} is a service account, which answers for nothing. Name a person as owner.")
        if owner.holds(Role.AUDITOR):
            raise Invalid(f"{owner.name} is an auditor, who changes nothing. Name someone else as owner.")
    if "never_leaves" in values:
        values["never_leaves"] = rules(values["never_leaves"])
    fields = sorted(name for name, value in values.items() if getattr(entry, name) != value)
    if "contract_version" in fields and cast(Any, entry).contracts.exists():
        raise Invalid(
            f"The contract of {entry} is the newest that was published, {cast(Any, entry).contract_version}. "
            "Publish the next version instead."
        )
    for name in fields:
        setattr(entry, name, values[name])
    if fields:
        try:
            entry.clean_fields(exclude=["id", "slug"])
        except ValidationError as error:
            labels = {name: str(entry._meta.get_field(name).verbose_name).capitalize() for name in error.message_dict}  # type: ignore[union-attr]
            raise Invalid(
                *(f"{labels[n]}: {text}" for n, texts in error.message_dict.items() for text in texts)
            ) from error
        entry.save(update_fields=fields)
    return fields
