"""An agent's map: what it reads, calls and is built of, who answers for it, and where something is missing."""

from dataclasses import dataclass, field
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Q
from django.urls import reverse

from accounts.models import Person
from registry import impact, upkeep
from registry.models import Agent, Packet
from registry.sections.s02_data import DataGrant
from registry.sections.s03_versions import ModelPin, PromptPin, RetrievalPin
from registry.sections.s06_tools import ToolGrant
from registry.vocabulary import AgentStatus, Effect, PacketState

OPEN = (PacketState.DRAFT, PacketState.IN_REVIEW, PacketState.CHANGES, PacketState.APPROVED)
WHEN = {
    "live": "Live",
    "proposed": "Proposed",
    "both": "Live, and stays",
    "leaving": "Live, the proposal drops it",
    "card": "On the card",
    "missing": "Missing",
}
"""What a node's place in time is, in words."""
LANES = {
    "caller": "Called by",
    "data": "Data",
    "retrieval": "Retrieval",
    "person": "Answers for it",
    "model": "Models",
    "prompt": "Prompts",
    "tool": "Tools",
    "call": "Calls",
}
"""What kinds of things there are, in the order in which they are read."""
NOUNS = {
    "data": ("data source", "data sources"),
    "tool": ("tool", "tools"),
    "model": ("model", "models"),
    "prompt": ("prompt", "prompts"),
    "retrieval": ("index", "indexes"),
}


@dataclass
class Node:
    """One thing that the agent is tied to. `gaps` are sentences about what is missing there."""

    lane: str
    key: str
    title: str
    sub: str = ""
    url: str = ""
    when: str = "card"
    gaps: list[str] = field(default_factory=list)
    impact_url: str = ""

    @property
    def lane_name(self) -> str:
        """Its kind in words."""
        return LANES[self.lane]

    @property
    def when_words(self) -> str:
        """Whether it is live or proposed, in words."""
        return WHEN[self.when]

    @property
    def verdict(self) -> str:
        """How its time looks."""
        return {"live": "pass", "both": "pass", "proposed": "hold", "leaving": "warn", "missing": "fail"}.get(
            self.when, "plain"
        )

    @property
    def said(self) -> str:
        """All of it in a sentence, for a title that is read aloud."""
        parts = [f"{self.lane_name}: {self.title}", self.sub, self.when_words, *self.gaps]
        return ". ".join(part.rstrip(".") for part in parts if part) + "."


@dataclass(frozen=True)
class Map:
    """What is drawn. `hidden` counts what stands in packets that the person may not see."""

    agent: Agent
    nodes: list[Node]
    live: Packet | None
    proposed: Packet | None
    hidden: dict[str, int]

    @property
    def gaps(self) -> list[tuple[Node, str]]:
        """Every gap with the node that it is at."""
        return [(node, gap) for node in self.nodes for gap in node.gaps]

    @property
    def hidden_words(self) -> str:
        """What is counted only, in words; empty where nothing is hidden."""
        said = [f"{count} {NOUNS[lane][count != 1]}" for lane, count in self.hidden.items() if count]
        if len(said) > 1:
            said = [", ".join(said[:-1]) + " and " + said[-1]]
        return said[0] if said else ""

    def lane(self, name: str) -> list[Node]:
        """The nodes of one kind."""
        return [node for node in self.nodes if node.lane == name]


def of(agent: Agent, user: Person) -> Map:
    """The map of `agent` (with owner and deputy joined) as `user` may see it, with a fixed number of queries."""
    live, proposed, hidden = _packets(agent, user)
    shown = [packet for packet in (live, proposed) if packet]
    nodes = _callers(agent) + _people(agent) + _calls(agent)
    if shown:
        nodes += _granted(shown, live, proposed)
        nodes += _pinned(shown, live, proposed)
    nodes.sort(key=lambda node: list(LANES).index(node.lane))
    return Map(agent, nodes, live, proposed, _counted(hidden))


def _packets(agent: Agent, user: Person) -> tuple[Packet | None, Packet | None, list[Packet]]:
    """The packet in force and the newest open one, as far as `user` sees them, and those that are hidden."""
    rows = agent.packets.filter(upkeep.running() | Q(state__in=OPEN)).order_by("-number")
    rows = rows.annotate(running=ExpressionWrapper(upkeep.running(), output_field=BooleanField()))
    found: list[Any] = list(rows)
    seen = set(Packet.objects.visible_to(user).filter(agent=agent).values_list("pk", flat=True))
    live = next((packet for packet in found if packet.running), None)
    newer = [packet for packet in found if not packet.running and (live is None or packet.number > live.number)]
    proposed = newer[0] if newer else None
    hidden = [packet for packet in (live, proposed) if packet and packet.pk not in seen]
    return (
        live if live and live.pk in seen else None,
        proposed if proposed and proposed.pk in seen else None,
        hidden,
    )


def _counted(hidden: list[Packet]) -> dict[str, int]:
    if not hidden:
        return {}
    rows: dict[str, tuple[Any, tuple[str, ...]]] = {
        "data": (DataGrant, ("source",)),
        "tool": (ToolGrant, ("tool",)),
        "model": (ModelPin, ("provider", "model_id")),
        "prompt": (PromptPin, ("name",)),
        "retrieval": (RetrievalPin, ("index",)),
    }
    return {
        lane: model.objects.filter(packet__in=hidden).order_by().values(*names).distinct().count()
        for lane, (model, names) in rows.items()
    }


def _callers(agent: Agent) -> list[Node]:
    return [_agent_node("caller", other) for other in agent.called_by.order_by("name", "pk")]


def _calls(agent: Agent) -> list[Node]:
    nodes = []
    for other in agent.calls.order_by("name", "pk"):
        node = _agent_node("call", other)
        if other.status != AgentStatus.LIVE:
            node.gaps.append("It is called, but is not live.")
        nodes.append(node)
    return nodes


def _agent_node(lane: str, other: Agent) -> Node:
    return Node(
        lane,
        other.slug,
        other.name,
        other.get_status_display(),
        reverse("agent_map", args=[other.slug]),
        impact_url=impact.impact_url("agent", other.slug),
    )


def _people(agent: Agent) -> list[Node]:
    owner = Node("person", "owner", agent.owner.name, "Owner", reverse("agent_handover", args=[agent.slug]))
    if not agent.owner.is_active:
        owner.gaps.append("The owner has left: nobody answers for it.")
    card = f"{reverse('agent_edit', args=[agent.slug])}#id_deputy"
    if agent.deputy is None:
        gap = "Nobody answers while the owner is away."
        return [owner, Node("person", "deputy", "No deputy", "Deputy", card, "missing", [gap])]
    deputy = Node("person", "deputy", agent.deputy.name, "Deputy", card)
    if not agent.deputy.is_active:
        deputy.gaps.append("The deputy has left.")
    return [owner, deputy]


def _granted(shown: list[Packet], live: Packet | None, proposed: Packet | None) -> list[Node]:
    rows: dict[tuple[str, str], Node] = {}
    packets: dict[tuple[str, str], set[Any]] = {}
    for data in DataGrant.objects.filter(packet__in=shown).select_related("source").order_by("source__name", "pk"):
        source = data.source
        key = ("data", source.slug)
        packets.setdefault(key, set()).add(data.packet_id)
        if key in rows:
            continue
        sub = source.get_classification_display() or "Not classified"
        node = Node("data", source.slug, source.name, sub, reverse("data_detail", args=[source.pk]))
        if not source.classification:
            node.gaps.append("Nobody has said how sensitive it is.")
        if not source.contract_version:
            node.gaps.append("It has no data contract.")
        if source.retired_at:
            node.gaps.append("It was retired from the catalogue.")
        rows[key] = node
    for grant in ToolGrant.objects.filter(packet__in=shown).select_related("tool").order_by("tool__slug", "pk"):
        tool = grant.tool
        key = ("tool", tool.slug)
        packets.setdefault(key, set()).add(grant.packet_id)
        if key not in rows:
            node = Node("tool", tool.slug, tool.slug, tool.get_effect_display(), reverse("tool_detail", args=[tool.pk]))
            if tool.confirmed_at is None:
                node.gaps.append("Nobody has confirmed what a call does.")
            if tool.retired_at:
                node.gaps.append("It was retired from the catalogue.")
            rows[key] = node
        free = grant.environment != ToolGrant.Environment.SANDBOX and grant.approval != ToolGrant.Approval.CALL
        ungated = "A call cannot be undone, and no person approves each."
        if tool.effect == Effect.IRREVERSIBLE and free and ungated not in rows[key].gaps:
            rows[key].gaps.append(ungated)
    return _timed(rows, packets, live, proposed)


def _pinned(shown: list[Packet], live: Packet | None, proposed: Packet | None) -> list[Node]:
    rows: dict[tuple[str, str], Node] = {}
    packets: dict[tuple[str, str], set[Any]] = {}
    pinned = set()

    def add(node: Node, packet: Any) -> None:
        rows.setdefault((node.lane, node.key), node)
        packets.setdefault((node.lane, node.key), set()).add(packet)

    for pin in ModelPin.objects.filter(packet__in=shown).order_by("pk"):
        if not pin.model_id:
            continue
        pinned.add(pin.packet_id)
        name = f"{pin.provider}/{pin.model_id}"
        node = Node("model", f"{name}@{pin.snapshot}", name, pin.snapshot or "No snapshot", _section(pin.packet_id, 3))
        node.impact_url = impact.impact_url("model", name)
        if not pin.snapshot:
            node.gaps.append("Its name is not pinned to a snapshot.")
        add(node, pin.packet_id)
    for prompt in PromptPin.objects.filter(packet__in=shown).order_by("pk"):
        title, sub = prompt.name or "A prompt without a name", f"Version {prompt.version or 'not stated'}"
        node = Node("prompt", f"{prompt.name}@{prompt.version}", title, sub, _section(prompt.packet_id, 3))
        if not prompt.text:
            node.gaps.append("Its text is not kept.")
        add(node, prompt.packet_id)
    for index in RetrievalPin.objects.filter(packet__in=shown).order_by("pk"):
        sub = f"Newest document {index.corpus_date:%-d %b %Y}" if index.corpus_date else "Corpus date not stated"
        add(Node("retrieval", index.index, index.index, sub, _section(index.packet_id, 3)), index.packet_id)
    nodes = _timed(rows, packets, live, proposed)
    for packet in shown:
        if packet.pk not in pinned:
            gap = f"Packet {packet.number} ({packet.version}) pins no model, so nothing says what was tested."
            nodes.append(
                Node("model", f"none-{packet.number}", "No model pinned", packet.version, _section(packet.pk, 3),
                     "missing", [gap])
            )  # fmt: skip
    return nodes


def _timed(
    rows: dict[tuple[str, str], Node],
    packets: dict[tuple[str, str], set[Any]],
    live: Packet | None,
    proposed: Packet | None,
) -> list[Node]:
    for key, node in rows.items():
        now = live is not None and live.pk in packets[key]
        then = proposed is not None and proposed.pk in packets[key]
        if now:
            node.when = "both" if then else "leaving" if proposed else "live"
        else:
            node.when = "proposed"
        if node.lane in ("data", "tool"):
            node.impact_url = impact.impact_url(node.lane, node.key)
    return list(rows.values())


def _section(packet: Any, number: int) -> str:
    return reverse("packet_section", args=[packet, number])


def as_json(found: Map) -> dict[str, Any]:
    """The map for the API."""
    return {
        "agent": found.agent.slug,
        "live": _version(found.live),
        "proposed": _version(found.proposed),
        "nodes": [_node_json(node) for node in found.nodes],
        "hidden": found.hidden,
    }


def _version(packet: Packet | None) -> dict[str, Any] | None:
    return {"packet": packet.pk, "version": packet.version, "state": packet.state} if packet else None


def _node_json(node: Node) -> dict[str, Any]:
    return {
        "kind": node.lane,
        "id": node.key,
        "name": node.title,
        "note": node.sub,
        "when": node.when,
        "gaps": node.gaps,
    }
