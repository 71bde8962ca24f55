"""Acts on proposals: making them, accepting and dismissing them. What a person filled changes by nobody else's act."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, cast

from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts.actors import a_person
from accounts.models import Person
from registry import entries, fields, upkeep
from registry.actions import change_agent, write_section
from registry.contents import PART, content_of, plain_content, value_at
from registry.models import Agent, DataSource, Packet, Proposal, Tool
from registry.sections import section
from registry.settling import column_of, ended, said_of, stream_of, tell_end
from registry.vocabulary import ProposalState
from work import clock
from work.acts import Conflict, Denied, Invalid, record

ORDER = (Agent, DataSource, Tool, Packet)
Key = tuple[Any, int, str, str]
"""The field that something is about: target's id, section, part, name."""
History = dict[Key, Proposal]
ANSWERED = "This proposal is answered already. Look at what the field says now."


@dataclass(frozen=True)
class Origin:
    """The source of a suggestion: its kind (`manifest`), which of them, its name for people, the digest of what was read,
    and where in the portal it can be looked at."""

    kind: str
    key: str
    label: str
    sha256: str
    path: str = ""


@dataclass(frozen=True)
class Suggestion:
    """What a source says of one field: `value` as plain JSON. Of a packet, `section` and `part` (`sheet`, `prompt[0]`)."""

    target: Agent | DataSource | Tool | Packet
    field: str
    value: Any
    section: int = 0
    part: str = ""
    taken: bool = False
    """Whether the act that brings it writes it itself, as an import does with an empty field."""
    content: Mapping[str, Any] | None = None
    """Of a packet: what the section says, where it has been read."""

    @property
    def key(self) -> Key:
        """Which field it is about."""
        return (self.target.pk, self.section, self.part, self.field)

    @property
    def now(self) -> Any:
        """What the field says now."""
        if isinstance(self.target, Packet):
            content = plain_content(section(self.section), self.target) if self.content is None else self.content
            if (said := value_at(content, self.part, self.field)) is None:
                raise Invalid(_gone(self.part, self.field))
            return said
        return fields.value_of(self.target, self.field)

    @property
    def agrees(self) -> bool:
        """Whether the field says so already, or will."""
        return self.taken or bool(fields.merged(self.field, self.now, self.value) == self.now)


class Shown(NamedTuple):
    """A proposal on a page: who answers it where the person who looks may not, the page of its source if they may see it,
    and the page of what it is about, if another."""

    proposal: Proposal
    may: bool
    whose: str
    source: str
    address: str = ""


@dataclass
class Filed:
    """Proposals that were written and ended, and are still to be recorded."""

    made: list[Proposal] = field(default_factory=list)
    ended: list[Proposal] = field(default_factory=list)


def history(kind: str, key: str) -> History:
    """The newest proposal of one source for each field."""
    rows = Proposal.objects.filter(source_kind=kind, source_key=key).order_by("proposed_at", "pk")
    return {_key(row): row for row in rows}


def standing(one: Suggestion, past: History) -> str:
    """What proposing it would do: nothing, since the field says the `same`, it is `open` already, or it was `dismissed`
    and the source has said nothing else since; else it is `new`."""
    return "same" if one.agrees else standing_of(past.get(one.key), one.value)


def standing_of(last: Proposal | None, value: Any) -> str:
    """What proposing a `value` that the field does not say would do, by the source's `last` proposal for it."""
    if last is not None and last.state in (ProposalState.OPEN, ProposalState.DISMISSED):
        return str(last.state) if last.value_sha256 == fields.digest(value) else "new"
    return "new"


@transaction.atomic
def propose(*, said: Iterable[Suggestion], origin: Origin, by: Person | None) -> list[Proposal]:
    """Make proposals of what `origin` says, where fields say something else; returns the new ones. Give all that it says:
    an older proposal of the same source ends where it now says something else, or what the field says.

    A value that was dismissed is not proposed again by the same source until that says something else.
    `by` is None for the portal itself. Whether `by` may import is the caller's to check; proposing changes no field.
    """
    filed = file(said=said, origin=origin, by=by)
    tell(filed, by=by)
    return filed.made


def file(*, said: Iterable[Suggestion], origin: Origin, by: Person | None) -> Filed:
    """The rows of `propose`, without the ledger: for an act that writes further rows before it records. Locks targets."""
    given = sorted(said, key=lambda one: (ORDER.index(type(one.target)), *map(str, one.key)))
    fresh = _locked(given)
    read: dict[tuple[Any, int], Any] = {}
    for one in given:
        if one.section and (one.target.pk, one.section) not in read:
            read[one.target.pk, one.section] = plain_content(section(one.section), fresh[one.target.pk])
    given = [replace(one, target=fresh[one.target.pk], content=read.get((one.target.pk, one.section))) for one in given]
    past = history(origin.kind, origin.key)
    others = _open_values(given)
    filed, at = Filed(), clock.now()
    for one in given:
        outcome, last = standing(one, past), past.get(one.key)
        if outcome in ("same", "new") and last is not None and last.state == ProposalState.OPEN:
            filed.ended.append(ended(last, ProposalState.SUPERSEDED))
        if outcome == "new" and (*one.key, fields.digest(one.value)) not in others:
            filed.made.append(_row(one, origin, by, at))
    try:
        with transaction.atomic():
            Proposal.objects.bulk_create(filed.made)
    except IntegrityError as error:
        raise Conflict("Somebody proposed the same just now. Look at it again.") from error
    return filed


def tell(filed: Filed, *, by: Person | None) -> None:
    """Record what `file` wrote."""
    for row in filed.ended:
        tell_end(row, by)
    for row in filed.made:
        entry = entries.Proposed(
            **said_of(row), value=row.value_sha256, source_kind=row.source_kind, source=row.source_sha256
        )
        record(stream_of(row), entry, by=by)


@transaction.atomic
def accept(*, proposal: Proposal, by: Person, seen: str = "") -> Proposal:
    """Take the proposed value over, by whoever may change the field, through the act that changes it: so its rules hold,
    and what has to lapse lapses.

    `seen` is the proposal's `mark` that a page showed: Conflict where the field says something else by now.
    """
    proposal = _open(proposal, by, "accepts a proposal")
    change = Suggestion(proposal.target, proposal.field, proposal.value, proposal.section, proposal.part)
    now = change.now
    if seen and seen != fields.mark(now):
        raise Conflict("The field was changed after you opened this page. Compare both, then accept or dismiss it.")
    ended(proposal, ProposalState.ACCEPTED, by)
    _take_over(change, fields.merged(proposal.field, now, proposal.value), by)
    tell_end(proposal, by)
    return proposal


@transaction.atomic
def dismiss(*, proposal: Proposal, reason: str, by: Person) -> Proposal:
    """Leave the field as it is, for a reason that stays on record."""
    proposal = _open(proposal, by, "dismisses a proposal")
    reason = reason.strip()
    if not 0 < len(reason) <= 500:
        raise Invalid("Say in at most 500 characters why the field stays as it is.")
    ended(proposal, ProposalState.DISMISSED, by, reason)
    tell_end(proposal, by)
    return proposal


def waiting(target: Agent | DataSource | Tool, user: Person) -> list[Shown]:
    """The open proposals about `target` that `user` may see, oldest first, with one query."""
    rows = Proposal.objects.visible_to(user).open().filter(**{column_of(target): target}).told()
    return [shown(row, user) for row in rows.order_by("proposed_at", "field", "pk")]


def waiting_in(packet: Packet, number: int, user: Person) -> list[Shown]:
    """The open proposals about section `number` of `packet` that `user` may see, oldest first."""
    rows = Proposal.objects.visible_to(user).open().filter(packet=packet, section=number).told()
    found = list(rows.order_by("proposed_at", "part", "field", "pk"))
    read_sections(found)
    return [shown(row, user) for row in found]


def read_sections(rows: Iterable[Proposal]) -> None:
    """Read what the sections say that open proposals are about, each section once."""
    read: dict[tuple[Any, int], dict[str, Any]] = {}
    for row in rows:
        if row.packet is not None and row.state == ProposalState.OPEN:
            key = (row.packet_id, row.section)
            if key not in read:
                read[key] = plain_content(section(row.section), row.packet)
            row.content = read[key]


def shown(row: Proposal, user: Person, address: str = "") -> Shown:
    """A proposal as `user` sees it."""
    may = row.answerable_by(user)
    # Who sees a proposal for an agent or a packet sees its details; of the catalogue's, the source may be another team's.
    source = row.source_path if row.agent_id or row.packet_id or user.sees_all or row.proposed_by == user else ""
    return Shown(row, may, "" if may or row.state != ProposalState.OPEN else whose(row), source, address)


def _gone(part: str, name: str) -> str:
    return f"The section has no {part}.{name} any more, so nothing can be proposed or taken over there."


def place_in(content: dict[str, Any], part: str, name: str) -> dict[str, Any]:
    """The sheet or row of a section's content that has the field. Raises Invalid where there is no such place."""
    row = content.get("sheet") if part == "sheet" else None
    if found := PART.fullmatch(part):
        rows = content.get(found[1], [])
        row = rows[int(found[2])] if int(found[2]) < len(rows) else None
    if row is None or name not in row:
        raise Invalid(_gone(part, name))
    return row


def _take_over(change: Suggestion, value: Any, by: Person) -> None:
    target, name = change.target, change.field
    if isinstance(target, Packet):
        content = content_of(section(change.section), target)
        place_in(content, change.part, name)[name] = value
        write_section(packet=target, number=change.section, content=content, by=by)
    elif isinstance(target, Agent):
        values: dict[str, Any] = {name: _deputy(value, by) if name == "deputy" else value}
        change_agent(agent=target, by=by, **values)
    elif isinstance(target, DataSource):
        upkeep.change_source(source=target, by=by, **{name: value})
    elif name in ("effect", "tags"):
        said = {"effect": target.effect, "tags": target.tags, name: value}
        upkeep.confirm_tool(tool=target, by=by, **said)
    else:
        upkeep.change_tool(tool=target, by=by, **{name: value})


def _deputy(email: str, by: Person) -> Person:
    found = Person.objects.visible_to(by).people().filter(email=email, is_active=True).first()
    if found is None:
        raise Invalid(f"Nobody who is active signs in as {email}. Dismiss the proposal, or name a deputy on the card.")
    return found


def _open(proposal: Proposal, by: Person, never: str) -> Proposal:
    a_person(by, never)
    # Lock what it is about before the proposal, as an import does.
    _locked([Suggestion(proposal.target, proposal.field, None, proposal.section, proposal.part)])
    Proposal.objects.select_for_update().get(pk=proposal.pk)
    proposal = Proposal.objects.told().get(pk=proposal.pk)
    if proposal.state != ProposalState.OPEN:
        raise Conflict(ANSWERED)
    if not proposal.answerable_by(by):
        raise Denied(whose(proposal))
    return proposal


def whose(proposal: Proposal) -> str:
    """Who may answer, for whoever may not."""
    if proposal.packet is not None:
        packet = proposal.packet
        if not packet.editable:
            return f"Packet {packet.number} is {packet.get_state_display().lower()}, so nothing in it changes."
        return f"Only the owner, the deputy and members of {packet.agent.team.name} answer proposals for this packet."
    if proposal.agent is not None:
        agent = proposal.agent
        return f"Only the owner, the deputy and members of {agent.team.name} answer proposals for {agent.name}."
    if proposal.tool is not None and proposal.field in ("effect", "tags"):
        owner = f", or {proposal.tool.owner.name}, who owns it" if proposal.tool.owner else ""
        return f"What {proposal.tool.slug} does is confirmed by a security approver{owner}. Ask one of them."
    return upkeep.whose(proposal.target)


def _locked(said: list[Suggestion]) -> dict[Any, Any]:
    """The targets, locked kind by kind in the order of their ids, so that two imports never wait for each other."""
    found: dict[Any, Any] = {}
    for kind in ORDER:
        ids = {one.target.pk for one in said if isinstance(one.target, kind)}
        if ids:
            rows = cast(Any, kind).objects.select_for_update().filter(pk__in=ids).order_by("pk")
            found |= {row.pk: row for row in rows}
    return found


def _open_values(said: list[Suggestion]) -> set[tuple[Any, ...]]:
    """What is proposed for these targets now, by whatever source: the same twice would be one question asked twice."""
    ids = [one.target.pk for one in said]
    about = Q(agent__in=ids) | Q(data_source__in=ids) | Q(tool__in=ids) | Q(packet__in=ids)
    return {(*_key(row), row.value_sha256) for row in Proposal.objects.open().filter(about)}


def _row(one: Suggestion, origin: Origin, by: Person | None, at: Any) -> Proposal:
    about: dict[str, Any] = {column_of(one.target): one.target}
    return Proposal(
        **about,
        section=one.section,
        part=one.part,
        field=one.field,
        value=one.value,
        value_sha256=fields.digest(one.value),
        before=one.now,
        source_kind=origin.kind,
        source_key=origin.key,
        source_label=origin.label,
        source_sha256=origin.sha256,
        source_path=origin.path,
        proposed_by=by,
        proposed_at=at,
    )


def _key(row: Proposal) -> Key:
    return (row.target_id, row.section, row.part, row.field)
