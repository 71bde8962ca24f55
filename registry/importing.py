"""What importing would do, line by line, before it is done: the preview's plan, and what the act holds itself to."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.db.models.functions import Lower

from accounts.models import Person, Team
from accounts.roles import Role
from ledger.canonical import dumps, nfc, sha256
from registry.fields import CARD, SOURCE, TOOL, label, value_of, words
from registry.filling import Change, Coming, Sections, faults_in_words, nothing_written, plan_sections
from registry.imports.agentcard import AgentCard
from registry.imports.manifest import Manifest, SourceClaim, ToolClaim
from registry.imports.mcp import ToolList
from registry.models import Agent, DataSource, ImportedManifest, Packet, Tool
from registry.proposals import History, Suggestion, history, standing, standing_of
from registry.sections import section
from registry.vocabulary import EDITABLE, ENDED, Classification, Effect, PacketState, ToolTag

MANIFEST, MCP, CARD_SOURCE = "manifest", "mcp", "card"
"""Kinds of sources of proposals."""

LAPSE = "Sign-offs that were given for another one no longer count."
PERSONS = "Somebody wrote this in the portal, so it is not overwritten"
SHARED = "The catalogue is shared, so an import does not change it"
KEPT = {
    "new": "It becomes a proposal, to accept or dismiss.",
    "open": "It is proposed already, and waits for an answer.",
    "dismissed": "It was proposed and dismissed, so it is not proposed again.",
}
"""What becomes of a value that is not taken over, by where its proposal stands."""


@dataclass(frozen=True)
class Line:
    """One thing that an import says. `outcome` is new, changed, proposed, kept, same, gone or left."""

    what: str
    outcome: str
    before: str = ""
    after: str = ""
    why: str = ""

    @property
    def verdict(self) -> str:
        """How the outcome looks."""
        return {
            "new": "pass", "changed": "hold", "gone": "hold", "proposed": "hold", "kept": "warn", "left": "warn",
        }.get(self.outcome, "wait")  # fmt: skip

    @property
    def words(self) -> str:
        """The outcome in words."""
        return {
            "new": "Will be added",
            "changed": "Will change",
            "proposed": "Will be proposed",
            "kept": "Kept as it is",
            "same": "As it is",
            "gone": "Will be taken out",
            "left": "Left out",
        }[self.outcome]

    @property
    def acts(self) -> bool:
        """Whether importing changes something here."""
        return self.outcome in ("new", "changed", "gone", "proposed")


@dataclass
class Plan:
    """What importing a manifest would do, now. `problems` stand in its way; each says what to do."""

    manifest: Manifest
    agent: Agent | None
    team: Team | None = None
    owner: Person | None = None
    last: ImportedManifest | None = None
    parts: list[tuple[str, list[Line]]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    """Fields of the card to write."""
    calls: list[Agent] | None = None
    tools: list[ToolClaim] = field(default_factory=list)
    sources: list[SourceClaim] = field(default_factory=list)
    """What is new to the catalogue."""
    said: list[Suggestion] = field(default_factory=list)
    """What the manifest says of fields that have a value already."""
    past: History = field(default_factory=dict)
    packet: Packet | None = None
    """The open packet that the manifest fills, if there is one of its version."""
    starts: bool = False
    """Whether importing starts that packet."""

    @property
    def fills(self) -> bool:
        """Whether importing fills a packet."""
        return self.packet is not None or self.starts

    @property
    def packet_before(self) -> Sections:
        """What the last manifest said of its packet: where it still stands, it is the manifest's to change."""
        sections = ((self.last.content if self.last else {}).get("packet") or {}).get("sections") or {}
        return {int(number): one for number, one in sections.items()}

    @property
    def digest(self) -> str:
        """Equal for two plans that would do the same, so that nobody confirms what they have not seen."""
        lines = [
            [title, [line.what, line.outcome, line.before, line.after]] for title, part in self.parts for line in part
        ]
        said = {"manifest": self.manifest.document(), "agent": str(self.agent and self.agent.pk), "lines": lines}
        return sha256(dumps(nfc({**said, "problems": self.problems})))

    @property
    def acts(self) -> bool:
        """Whether importing would change anything but the manifest that is kept."""
        return self.agent is None or any(line.acts for _, part in self.parts for line in part)

    @property
    def claims(self) -> list[ToolClaim]:
        """New tools that are said to do less than the worst."""
        return [tool for tool in self.tools if below_worst(tool.effect)]


def below_worst(effect: str) -> bool:
    """Whether the effect is one that somebody has to vouch for."""
    return effect not in ("", Effect.IRREVERSIBLE)


def effect_words(claim: ToolClaim) -> str:
    """A tool's effect and tags as the plan shows them."""
    tags = [str(ToolTag(tag).label) for tag in claim.tags]
    return ", ".join([str(Effect(claim.effect or Effect.IRREVERSIBLE).label), *tags])


def plan_manifest(manifest: Manifest, by: Person, *, cautious: bool = False) -> Plan:
    """What importing `manifest` would do if `by` confirmed it. `cautious`: nobody vouches for what new tools are said to
    do, so they count as irreversible, and what the manifest says of them is proposed."""
    agent = Agent.objects.visible_to(by).select_related("team", "owner", "deputy").filter(slug=manifest.slug).first()
    plan = Plan(manifest, agent, past=history(MANIFEST, manifest.slug))
    if agent:
        plan.last = agent.manifests.first()
    _people(plan, by)
    _card(plan, by)
    _catalogue(plan, by, cautious)
    _calls(plan, by)
    _declared(plan)
    _packet(plan)
    plan.parts = [(title, lines) for title, lines in plan.parts if lines]
    return plan


def _person(email: str, by: Person) -> Person | None:
    return Person.objects.visible_to(by).people().filter(email=email, is_active=True).first()


def _people(plan: Plan, by: Person) -> None:
    """Who answers for it: for a new agent everything is needed, for one that is registered nothing changes here."""
    said, lines, agent = plan.manifest, [], plan.agent
    plan.team = agent.team if agent else Team.objects.visible_to(by).filter(slug=said.team).first()
    plan.owner = agent.owner if agent else _person(said.owner, by)
    if agent:
        if said.team != agent.team.slug:
            lines.append(Line("Team", "kept", agent.team.slug, said.team, "An import moves no agent to another team."))
        if said.owner != agent.owner.email:
            why = "An agent changes hands by a hand-over, which the new owner accepts."
            lines.append(Line("Owner", "kept", agent.owner.email, said.owner, why))
        if not agent.editable_by(by):
            plan.problems.append(
                f"{agent.name} is registered already, and only its owner, its deputy and members of {agent.team.name} "
                "change it. Ask one of them, or give your agent another slug."
            )
    else:
        if plan.team is None:
            plan.problems.append(f"agent.team: there is no team {said.team}. Write the short name of a team.")
        elif by.is_auditor or not by.in_team(plan.team):
            plan.problems.append(f"agent.team: only members of {plan.team.name} register its agents. Ask one of them.")
        if plan.owner is None:
            plan.problems.append(f"agent.owner: nobody signs in as {said.owner}. Write the e-mail of an active person.")
        elif plan.owner.holds(Role.AUDITOR):
            plan.problems.append(
                f"agent.owner: {plan.owner.name} is an auditor, who changes nothing. Name someone else."
            )
        if not said.summary:
            plan.problems.append("agent.summary: say in one sentence what the agent is for.")
        lines.append(Line("Team", "new", after=plan.team.name if plan.team else said.team))
        lines.append(Line("Owner", "new", after=plan.owner.name if plan.owner else said.owner))
    plan.parts.append(("Who answers for it", lines))


def _card(plan: Plan, by: Person) -> None:
    said, agent, lines = plan.manifest, plan.agent, []
    before = (plan.last.content if plan.last else {}).get("agent", {})
    for name, title in CARD.items():
        value: Any = getattr(said, name)
        if not value:
            continue
        shown = words(name, value)
        if name == "deputy":
            deputy = _person(said.deputy, by)
            if deputy is None:
                plan.problems.append(
                    f"agent.deputy: nobody signs in as {said.deputy}. Write an active person's e-mail."
                )
                continue
            if deputy == plan.owner or deputy.holds(Role.AUDITOR):
                plan.problems.append(
                    f"agent.deputy: {deputy.name} cannot be the deputy: name someone else, no auditor."
                )
                continue
            value, shown = deputy, deputy.name
        if agent is None:
            plan.values[name] = value
            lines.append(Line(title, "new", after=shown))
            continue
        plain, now = getattr(said, name), value_of(agent, name)
        was = agent.deputy.name if name == "deputy" and agent.deputy else words(name, now)
        one = Suggestion(agent, name, plain)
        if not now or (now != plain and name in before and before[name] == now):
            one = Suggestion(agent, name, plain, taken=True)
            plan.values[name] = value
            why = LAPSE if now and name in ("autonomy", "risk_class") else ""
            lines.append(Line(title, "changed" if now else "new", was, shown, why))
        elif now != plain:
            where = standing(one, plan.past)
            outcome = "proposed" if where == "new" else "kept"
            lines.append(Line(title, outcome, was, shown, f"{PERSONS}. {KEPT[where]}"))
        plan.said.append(one)
    plan.parts.append(("Its card", lines))


def _catalogue(plan: Plan, by: Person, cautious: bool) -> None:
    found = compare_tools(plan.manifest.tools, by, plan.past, tuple(TOOL), cautious=cautious)
    plan.tools = found.new
    plan.said += found.said
    plan.parts.append(("Tools", found.lines))
    lines = []
    known = {row.slug: row for row in DataSource.objects.visible_to(by).select_related("merged_into").filter(
        slug__in=[claim.slug for claim in plan.manifest.data_sources]
    )}  # fmt: skip
    for claim in plan.manifest.data_sources:
        row = known.get(claim.slug)
        if row is None:
            plan.sources.append(claim)
            level = str(Classification(claim.classification).label) if claim.classification else "not classified"
            lines.append(Line(claim.slug, "new", after=", ".join(filter(None, [claim.name, level]))))
            continue
        said = _said(row, claim, tuple(SOURCE))
        plan.said += said
        lines.append(_known(claim.slug, row, said, plan.past))
    plan.parts.append(("Data sources", lines))


def _said(row: Tool | DataSource, claim: ToolClaim | SourceClaim, names: tuple[str, ...]) -> list[Suggestion]:
    """What a claim says of a row that the catalogue holds; nothing of one that was retired, or where it is silent."""
    if row.retired_at:
        return []
    given = {name: getattr(claim, name) for name in names if getattr(claim, name)}
    return [Suggestion(row, name, list(value) if name == "tags" else value) for name, value in given.items()]


def _known(slug: str, row: Tool | DataSource, said: list[Suggestion], past: History) -> Line:
    into: Any = row.merged_into
    if into is not None:
        return Line(slug, "kept", why=f"It was merged into {into.slug}; name that in the manifest.")
    if row.retired_at:
        return Line(slug, "kept", why="It was retired from the catalogue; no packet can be granted it.")
    where = [(one, standing(one, past)) for one in said if not one.agrees]
    if not where:
        return Line(slug, "same", why="In the catalogue already.")
    differs = "; ".join(_differs(one) for one, _ in where)
    standings = {standing for _, standing in where}
    leading = next(one for one in ("new", "open", "dismissed") if one in standings)
    outcome = "proposed" if leading == "new" else "kept"
    return Line(slug, outcome, why=f"{differs}. {SHARED}. {KEPT[leading]}")


def _differs(one: Suggestion) -> str:
    if one.field == "tags":
        more = [tag for tag in one.value if tag not in one.now]
        return f"this says that it also touches {words('tags', more).lower()}"
    now, value = words(one.field, one.now) or "nothing", words(one.field, one.value)
    if one.field in ("effect", "classification"):
        now, value = now.lower(), value.lower()
    return f"{label(one.target, one.field)}: the catalogue says {now}, this says {value}"


@dataclass
class Compared:
    """A list of tools held against the catalogue: what is new to it, a line for each, and what is said of the others."""

    new: list[ToolClaim] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    said: list[Suggestion] = field(default_factory=list)

    @property
    def acts(self) -> bool:
        """Whether importing the list would change or propose anything."""
        return any(line.acts for line in self.lines)

    @property
    def digest(self) -> str:
        """Equal for two lists that would do the same, so that nobody confirms what they have not seen."""
        return sha256(dumps(nfc([[line.what, line.outcome, line.after, line.why] for line in self.lines])))


def compare_server(found: ToolList, by: Person, *, cautious: bool = False) -> Compared:
    """An MCP server's list against the catalogue. The system is the importer's word, not the server's."""
    return compare_tools(found.tools, by, history(MCP, found.server), ("name", "effect", "tags"), cautious=cautious)


def compare_tools(
    claims: Iterable[ToolClaim], by: Person, past: History, names: tuple[str, ...], *, cautious: bool
) -> Compared:
    """`claims` against the catalogue; of known tools the fields `names` are compared."""
    claims = list(claims)
    # Upper and lower case alike: `Git.Push` beside `git.push` would be a trap, not a second tool.
    wanted = {claim.slug.lower() for claim in claims}
    rows = (
        Tool.objects.visible_to(by).select_related("merged_into").annotate(lower=Lower("slug")).filter(lower__in=wanted)
    )
    known = {row.slug.lower(): row for row in rows}
    made = Compared()
    for claim in claims:
        row = known.get(claim.slug.lower())
        if row is None:
            claim = _worst(claim) if cautious and below_worst(claim.effect) else claim
            made.new.append(claim)
            made.lines.append(Line(claim.slug, "new", after=effect_words(claim), why=claim.note))
            continue
        said = _said(row, claim, names)
        made.said += said
        made.lines.append(_known(claim.slug, row, said, past))
    return made


def _worst(claim: ToolClaim) -> ToolClaim:
    said = words("effect", claim.effect).lower()
    note = f"It is said to {said} only; it counts as irreversible, and {said} becomes a proposal, until somebody confirms it."
    return replace(claim, effect=Effect.IRREVERSIBLE, claimed=claim.effect, note=f"{claim.note} {note}".strip())


def _calls(plan: Plan, by: Person) -> None:
    """Agents that it calls: what the last manifest brought and this one does not is taken out, what people added stays."""
    said = set(plan.manifest.calls)
    before = set((plan.last.content if plan.last else {}).get("calls", []))
    now = {row.slug: row for row in plan.agent.calls.all()} if plan.agent else {}
    known = {row.slug: row for row in Agent.objects.visible_to(by).filter(slug__in=said)}
    lines, wanted = [], dict(now)
    for slug in plan.manifest.calls:
        if slug == plan.manifest.slug:
            lines.append(Line(slug, "left", why="An agent does not call itself."))
        elif slug in now:
            lines.append(Line(slug, "same"))
        elif slug in known:
            wanted[slug] = known[slug]
            lines.append(Line(slug, "new", after=known[slug].name))
        else:
            lines.append(Line(slug, "left", why="No such agent is registered. Import again once it is."))
    for slug in sorted((before & set(now)) - said):
        del wanted[slug]
        lines.append(Line(slug, "gone", before=now[slug].name))
    if wanted.keys() != now.keys():
        plan.calls = list(wanted.values())
    plan.parts.append(("Agents that it calls", lines))


def _declared(plan: Plan) -> None:
    """Models and prompts: kept with the manifest, shown against the last one."""
    before = plan.last.content if plan.last else {}
    now = plan.manifest.document()

    def models(content: dict[str, Any]) -> dict[str, str]:
        rows = content.get("models", [])
        return {
            "/".join(filter(None, [row.get("provider"), row["model"]])): row.get("snapshot", "no snapshot")
            for row in rows
        }

    def prompts(content: dict[str, Any]) -> dict[str, str]:
        return {row["path"]: row["sha256"][:12] for row in content.get("prompts", [])}

    for title, read in (("Models", models), ("Prompts", prompts)):
        old, new, lines = read(before), read(now), []
        for key, value in new.items():
            if key not in old:
                lines.append(Line(key, "new", after=value))
            elif old[key] != value:
                lines.append(Line(key, "changed", old[key], value))
            else:
                lines.append(Line(key, "same", after=value))
        lines += [Line(key, "gone", before=value) for key, value in old.items() if key not in new]
        plan.parts.append((title, lines))


def _packet(plan: Plan) -> None:
    """What becomes of the packet's sections: what is empty is filled, what somebody wrote is proposed."""
    said, agent = plan.manifest.packet, plan.agent
    if said is None:
        return
    title = f"Packet for version {said.version}"
    packets = agent.packets.select_related("agent__team") if agent else Packet.objects.none()
    living = packets.filter(version=said.version).exclude(state__in=ENDED).first()
    approved = packets.filter(state=PacketState.APPROVED).order_by("-number").first()
    if living and not living.editable:
        why = f"It is {living.get_state_display().lower()}, so its sections are closed. Name the next version."
        plan.parts.append((title, [Line("Packet", "left", why=why)]))
        return
    plan.packet, plan.starts = living, living is None
    if living:
        plan.parts.append((title, [Line("Packet", "same", f"number {living.number}", f"number {living.number}")]))
    else:
        of = f"a copy of {approved.version}, then filled" if approved else "filled with the below"
        plan.parts.append((title, [Line("Packet", "new", after=of)]))
    coming: Coming = {Tool: {claim.slug for claim in plan.tools}, DataSource: {claim.slug for claim in plan.sources}}
    # An agent that the manifest registers is asked what its risk class asks for.
    said_of = {name: getattr(plan.manifest, name) for name in ("autonomy", "risk_class")}
    new = Agent(**{name: value for name, value in said_of.items() if value})
    target = living or approved or nothing_written(agent or new)
    made = plan_sections(said.sections, target, before=plan.packet_before, coming=coming)
    plan.problems += [f"packet.{fault}" for fault in faults_in_words(made)]
    for one in made:
        about = section(one.number)
        lines = [_change(change, living, plan.past) for change in one.changes if change.outcome != "same"]
        lines = lines or [Line(about.short, "same")]
        plan.parts.append((f"Section {one.number}: {about.title}", lines))


def open_packet(manifest: Manifest, by: Person) -> UUID | None:
    """The id of the open packet that `manifest` fills, if it fills one."""
    version = manifest.packet.version if manifest.packet else ""
    rows = Packet.objects.visible_to(by).filter(agent__slug=manifest.slug, version=version, state__in=EDITABLE)
    return rows.values_list("pk", flat=True).first()


def _change(one: Change, living: Packet | None, past: History) -> Line:
    outcome, why = one.outcome, ""
    if outcome == "proposed":
        where = "new"
        if living:
            last = past.get((living.pk, one.number, one.part, one.name))
            where = standing_of(last, one.value)
        outcome, why = "proposed" if where == "new" else "kept", f"{PERSONS}. {KEPT[where]}"
    if outcome == "left":
        why = f"{PERSONS}."
    what = one.label.partition(": ")[2] or one.label
    row = one.label.partition(": ")[0].partition(", ")[2]
    return Line(f"{row}: {what}" if row else what, outcome, _start(one.now_words), _start(one.value_words), why)


def _start(words: str) -> str:
    """The beginning of a long text."""
    return words if len(words) <= 300 else f"{words[:280]}… ({len(words):,} characters)"


@dataclass
class CardPlan:
    """What importing an AgentCard would do: register an agent, or propose what it says otherwise."""

    card: AgentCard
    agent: Agent | None
    lines: list[Line] = field(default_factory=list)
    said: list[Suggestion] = field(default_factory=list)

    @property
    def acts(self) -> bool:
        """Whether importing would change or propose anything."""
        return any(line.acts for line in self.lines)

    @property
    def digest(self) -> str:
        """Equal for two plans that would do the same, so that nobody confirms what they have not seen."""
        lines = [[line.what, line.outcome, line.before, line.after] for line in self.lines]
        return sha256(dumps(nfc({"slug": self.card.slug, "agent": str(self.agent and self.agent.pk), "lines": lines})))


def plan_card(card: AgentCard, by: Person) -> CardPlan:
    """What importing `card` would do. An agent that is registered already is known by the slug that the name makes."""
    plan = CardPlan(card, Agent.objects.visible_to(by).select_related("team").filter(slug=card.slug).first())
    past = history(CARD_SOURCE, card.slug)
    for name in ("name", "summary"):
        value = getattr(card, name)
        if plan.agent is None:
            plan.lines.append(Line(CARD[name], "new", after=value))
        elif value:
            one = Suggestion(plan.agent, name, value)
            plan.said.append(one)
            where = standing(one, past)
            outcome = {"same": "same", "new": "proposed"}.get(where, "kept")
            why = "" if where == "same" else f"{PERSONS}. {KEPT[where]}"
            plan.lines.append(Line(CARD[name], outcome, one.now, value, why))
    return plan
