"""Acts on agents, the catalogue and packets."""

import datetime as dt
import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from accounts.actors import behind
from accounts.models import Person, Team
from accounts.roles import Role
from ledger.canonical import dumps, nfc, sha256
from registry import entries
from registry.case_import import merged
from registry.contents import content_of, plain_content
from registry.costing import PRICE_LIST_CURRENCY
from registry.documents import digests, document
from registry.merging import follow_merges
from registry.models import (
    Agent,
    AnswerUse,
    Attachment,
    Contribution,
    DataSource,
    Packet,
    Proposal,
    Revision,
    SectionState,
    StoredFile,
    TeamAnswerVersion,
    Tool,
)
from registry.models.risk import ORDER
from registry.moved import hold_named, keep_signed
from registry.sections import SECTIONS, Section, section
from registry.sections.base import saying
from registry.sections.forms import SectionForms, form_data
from registry.sections.s08_cost import price_of
from registry.settling import settle, settle_section, tell_end
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


@transaction.atomic
def start_packet(
    *,
    agent: Agent,
    version: str,
    by: Person | None,
    renews: Packet | None = None,
    copies: Packet | None = None,
    empty: bool = False,
) -> Packet:
    """Start a packet for a candidate version: a copy of `copies`, else of the last approved one; nothing where it is to be
    `empty`, or none was approved.

    `renews` is the approved packet of the same version that it is to take over from; rooms above check that it may be
    renewed. `by` None is the portal itself, which starts renewals only. Raises Denied, Conflict for a version that has a
    packet, Invalid for a packet that is another agent's or that somebody still changes.
    """
    agent = Agent.objects.select_for_update().get(pk=agent.pk)
    if by is not None:
        may_edit(agent, by)
    version = nfc(version.strip())
    if not 0 < len(version) <= 50:
        raise Invalid("Say which version the packet is for in at most 50 characters, for example 1.0.0.")
    # Not the highest number: a packet started earlier may have been approved later, and superseded that one.
    approved = agent.packets.filter(state=PacketState.APPROVED).order_by("-number").first()
    last = renews or copies or (None if empty else approved)
    if last is not None and (last.agent_id != agent.pk or not agent.packets.copyable().filter(pk=last.pk).exists()):
        raise Invalid(
            f"Choose a packet of {agent.name} that is in review or at its end: what is being changed is not copied."
        )
    number = (agent.packets.order_by("-number").values_list("number", flat=True).first() or 0) + 1
    try:
        with transaction.atomic():
            packet = Packet.objects.create(
                agent=agent,
                number=number,
                version=version,
                created_by=by,
                copied_from=last,
                renews=renews,
                created_at=clock.now(),
            )
    except IntegrityError as error:
        raise Conflict(f"Version {version} has a packet already. Open it, or name another version.") from error
    persons = set(last.section_states.filter(by_a_person=True).values_list("number", flat=True)) if last else set()
    SectionState.objects.bulk_create(
        SectionState(packet=packet, number=one.number, by_a_person=one.number in persons) for one in SECTIONS
    )
    for one in SECTIONS:
        if last:
            one.copy(last, packet)
        elif one.seed:
            one.seed(packet)
    if last:
        copy_attachments(last, packet)
    if by is not None:
        contributed(packet, by)
    if last and not last.was_approved:
        # Nobody but its writers has vouched for what is copied, so they are behind this packet too (four eyes).
        writers = {row.person_id for row in last.contributions.all()} - ({by.pk} if by else set())
        Contribution.objects.bulk_create(
            Contribution(packet=packet, revision=packet.revision, person_id=person) for person in sorted(writers)
        )
    if agent.status not in (AgentStatus.LIVE, AgentStatus.SUSPENDED):
        set_summary(agent, status=status_by_packets(agent))
    record(
        packet.stream,
        entries.PacketStarted(
            packet=str(packet.pk),
            agent=str(agent.pk),
            number=number,
            version=version,
            copied_from=str(last.pk) if last else None,
        ),
        by=by,
    )
    follow_merges(packet, by)
    return packet


@transaction.atomic
def save_section(*, forms: SectionForms, seen: int, by: Person, using: TeamAnswerVersion | None = None) -> SectionState:
    """Save a section's valid forms. `seen` is the section's version that the form was made from; `using` is the version of
    a team answer that a field was filled from.

    Raises Conflict when someone saved in between, or the packet is not open for editing; nothing is overwritten.
    """
    packet = to_fill(forms.packet, by)
    state = packet.section_states.select_related("saved_by").get(number=forms.section.number)
    if state.version != seen:
        who = state.saved_by.name if state.saved_by else "Someone"
        raise Conflict(f"{who} saved this section after you opened it. Compare both below, then save again.")
    if not forms.is_valid():
        raise Invalid(*forms.errors())
    if by.is_service and forms.not_applicable.has_changed():
        raise Denied("Only a person says that something does not apply, and signs for the reason with their name.")
    if using is not None and packet.answer_uses.filter(section=state.number, version=using).exists():
        using = None
    if not forms.has_changed() and using is None:
        return state
    asked = Proposal.objects.open().filter(packet=packet, section=state.number).exists()
    before = plain_content(forms.section, packet) if asked else {}
    forms.save(by)
    if using is not None:
        AnswerUse.objects.create(packet=packet, section=state.number, version=using, name=using.answer.name)
        # Whose words stand in the packet has contributed to it, whoever put them there.
        contributed(packet, using.written_by)
    _forget_answers(forms.section, packet)
    settled = settle_section(packet, state.number, before) if asked else []
    # What was chosen may have been merged away while this waited for its row.
    follow_merges(packet, by)
    state = section_saved(packet, state.number, by)
    for proposal in settled:
        tell_end(proposal, by)
    return state


def section_saved(packet: Packet, number: int, by: Person) -> SectionState:
    """Count and record that a section of a locked packet was changed. Called once all its rows are written."""
    state = packet.section_states.get(number=number)
    state.version, state.saved_at, state.saved_by = state.version + 1, clock.now(), by
    state.by_a_person = state.by_a_person or not by.is_service
    state.save(update_fields=["version", "saved_at", "saved_by", "by_a_person"])
    contributed(packet, by)
    digest = sha256(dumps(section(number).document(packet)))
    said = entries.SectionSaved(packet=str(packet.pk), revision=packet.revision, section=number, digest=digest)
    record(packet.stream, said, by=by)
    return state


def _forget_answers(one: Section, packet: Packet) -> None:
    # What no field of the section says any more is no longer used.
    uses = list(packet.answer_uses.filter(section=one.number).select_related("version"))
    places = one.places(packet) if uses else []
    for use in uses:
        if not saying(places, use.version.text):
            use.delete()


def write_section(
    *, packet: Packet, number: int, content: Mapping[str, Any], by: Person, using: TeamAnswerVersion | None = None
) -> SectionState:
    """Save a section from values instead of a browser's form: {"sheet": {…}, rows prefix: [{…}, …]}. `using` as in
    `save_section`.

    Goes through the same forms and rules. Raises Invalid with each fault as a sentence.
    """
    one: Section = section(number)
    seen = packet.section_states.get(number=number).version  # before the rows are read, so that a save in between shows
    data = form_data(one.forms(packet), content)
    return save_section(forms=one.forms(packet, data), seen=seen, by=by, using=using)


def replace_section(*, packet: Packet, number: int, content: Mapping[str, Any], by: Person) -> SectionState:
    """Replace all of a section's content, as `write_section` does. A service account replaces nothing that a person saved
    in this packet: Conflict, which says what to do instead."""
    if by.is_service and packet.section_states.filter(number=number, by_a_person=True).exists():
        raise Conflict(
            f"A person has written section {number}, and a service account overwrites nothing of that. Send it to the "
            "packet's route fill instead: what is empty is filled, and what differs becomes a proposal."
        )
    return write_section(packet=packet, number=number, content=content, by=by)


def take_list_prices(*, packet: Packet, by: Person) -> SectionState:
    """Put the list prices of the packet's first pinned model into section 8, with their source. Saved as a section is.

    Raises Invalid where the list does not know the model, or the estimate is in another currency than the list.
    """
    may_edit(packet.agent, by)
    price = price_of(packet)
    if price is None:
        raise Invalid("The price list does not know the model that section 3 pins first. Write its prices yourself.")
    one = section(8)
    content = content_of(one, packet)
    sheet = content["sheet"]
    if sheet["currency"] not in (None, "", PRICE_LIST_CURRENCY):
        raise Invalid(
            f"The list is in {PRICE_LIST_CURRENCY} and this estimate in {sheet['currency']}. Portcullis converts no "
            "money: write the prices in your currency, and with which rate."
        )
    prices = {"price_in": price.price_in, "price_cached": price.price_cached, "price_out": price.price_out}
    taken = {"currency": PRICE_LIST_CURRENCY, "price_source": price.source}
    sheet |= taken | {name: str(value) for name, value in prices.items()}
    return write_section(packet=packet, number=8, content=content, by=by)


def import_cases(*, packet: Packet, cases: list[dict[str, Any]], by: Person) -> SectionState:
    """Add eval cases to section 4; one whose id is there already is replaced. Saved as a section is."""
    one = section(4)
    content = content_of(one, packet)
    content["case"] = merged(content["case"], cases)
    return write_section(packet=packet, number=4, content=content, by=by)


def import_prompt(*, packet: Packet, name: str, version: str, text: str, by: Person) -> SectionState:
    """Pin a prompt's text in section 3; the prompt of that name, if there is one, gets it. Saved as a section is."""
    name, version = name.strip(), version.strip()
    if not name or not version:
        raise Invalid("Say which prompt it is, and which version of it.")
    one = section(3)
    content = content_of(one, packet)
    row = {"name": name, "version": version, "text": text}
    others = [pin for pin in content["prompt"] if pin["name"] != name]
    place = next((i for i, pin in enumerate(content["prompt"]) if pin["name"] == name), len(others))
    content["prompt"] = [*others[:place], row, *others[place:]]
    return write_section(packet=packet, number=3, content=content, by=by)


def freeze(packet: Packet, *, core: Mapping[str, Any], roles: list[str], by: Person) -> Revision:
    """Freeze the packet as it stands as its next revision, in review. For `approvals.actions.submit_packet`, which holds
    the packet's row lock and has checked that it may be submitted; writes the ledger entry."""
    entries_named = hold_named(packet)
    content = document(packet, core)
    digest, parts = digests(content)
    contributed(packet, by)
    revision = Revision.objects.create(
        packet=packet,
        number=packet.revision,
        document=dumps(content),
        digest=digest,
        section_digests=parts,
        submitted_by=by,
        submitted_at=clock.now(),
    )
    keep_signed(revision, *entries_named)
    StoredFile.objects.filter(attachments__packet=packet, kept=False).update(kept=True)
    packet.state, packet.roles_asked = PacketState.IN_REVIEW, roles
    packet.save(update_fields=["state", "roles_asked"])
    record(
        packet.stream,
        entries.PacketFrozen(
            packet=str(packet.pk), agent=str(packet.agent_id), revision=revision.number, digest=digest, sections=parts
        ),
        by=by,
    )
    return revision


def move(packet: Packet, state: str, *, by: Person | None) -> None:
    """Move a locked packet to `state`. For rooms above, inside their act's transaction."""
    packet.state = state
    if state == PacketState.CHANGES:
        packet.revision += 1
    packet.save(update_fields=["state", "revision"])
    record(packet.stream, entries.PacketMoved(packet=str(packet.pk), state=state), by=by)
    if state == PacketState.CHANGES:
        follow_merges(packet, by)


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


def copy_attachments(source: Packet, target: Packet) -> None:
    """A new packet starts with the files of the one that it copies, each with what it covers."""
    copies = []
    for row in source.attachments.all():
        row.pk, row.packet = uuid.uuid4(), target
        row._state.adding = True
        copies.append(row)
    Attachment.objects.bulk_create(copies)


def contributed(packet: Packet, by: Person) -> None:
    """Keep that `by` changed something in the packet's revision, and so may not approve it."""
    for person in behind(by):
        Contribution.objects.get_or_create(packet=packet, revision=packet.revision, person=person)


def may_edit(agent: Agent, by: Person) -> None:
    """Raises Denied unless `by` may change the agent and its packets."""
    if not agent.editable_by(by):
        raise Denied(f"Only the owner, the deputy and members of {agent.team.name} change {agent.name}.")
    if agent.retired_at is not None:
        raise Conflict(f"{agent.name} is retired. Its owner takes it back into use first.")


def may_fill(packet: Packet, by: Person) -> None:
    """Raises Denied unless `by` may change the packet's sections, and Conflict where they are closed."""
    may_edit(packet.agent, by)
    if not packet.editable:
        raise Conflict(f"This packet is {packet.get_state_display().lower()}, so its sections are closed.")


def to_fill(packet: Packet, by: Person) -> Packet:
    """The packet with its row locked until the transaction ends, for `by` to change its sections. Raises as `may_fill`."""
    packet = Packet.objects.select_for_update(of=("self",)).select_related("agent__team").get(pk=packet.pk)
    may_fill(packet, by)
    return packet


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
