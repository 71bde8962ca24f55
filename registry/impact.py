"""What is hit if a data source, a tool, a model or an agent goes away: directly, and through agents that call each other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.http import urlencode

from accounts.models import Person
from registry import upkeep
from registry.models import Agent, DataSource, Packet, Tool
from registry.panels import Running, releases_in_force
from registry.sections.s02_data import DataGrant
from registry.sections.s03_versions import ModelPin
from registry.sections.s06_tools import ToolGrant

KINDS = {"data": "Data source", "tool": "Tool", "model": "Model", "agent": "Agent"}
SUGGESTED = 20
"""How many objects are offered to choose from at once."""


@dataclass(frozen=True)
class Thing:
    """What may go away. `id` is a slug, or of a model "provider/name"."""

    kind: str
    id: str
    name: str
    url: str = ""

    @property
    def kind_name(self) -> str:
        """Its kind in words."""
        return KINDS[self.kind]

    @property
    def impact_url(self) -> str:
        """The page that says what depends on it."""
        return impact_url(self.kind, self.id)


@dataclass
class Dependant:
    """An agent that is hit: by packets of its own, by calling the thing itself, or through other agents."""

    agent: Agent
    packets: list[Packet] = field(default_factory=list)
    held: list[Running] = field(default_factory=list)
    through: list[Agent] = field(default_factory=list)
    """The agents that it calls on the shortest way to the thing, nearest first; empty where it is hit directly."""


@dataclass(frozen=True)
class Impact:
    """Who is hit. The hidden ones are counted: their packets are not this person's to see."""

    thing: Thing
    direct: list[Dependant]
    indirect: list[Dependant]
    hidden_direct: int
    hidden_indirect: int

    @property
    def sentences(self) -> list[str]:
        """The answer in words."""
        first = len(self.direct) + self.hidden_direct
        if not first:
            return [
                f"Nothing here depends on {self.thing.name}: no packet that counts names it, and no agent calls it."
            ]
        if self.thing.kind == "agent":
            said = [f"If {self.thing.name} goes away, {_agents(first)} that call it lose it."]
        else:
            said = [f"If {self.thing.name} goes away, {_agents(first)} that use it {_are(first)} hit directly."]
        running = [one for one in self.direct if one.held]
        if running:
            said.append(f"In force now: {_names(running)}.")
        if waiting := [one for one in self.direct if not one.held]:
            said.append(f"Not in force: {_names(waiting)}.")
        if further := len(self.indirect) + self.hidden_indirect:
            said.append(f"{_more(further)} {_are(further)} hit through agents that they call.")
        if hidden := self.hidden_direct + self.hidden_indirect:
            said.append(f"Of these, {_agents(hidden)} {_are(hidden)} counted only: the packets are not yours to see.")
        return said


def impact_url(kind: str, id: str) -> str:
    """The page that says what depends on an object."""
    return f"{reverse('impact')}?{urlencode({'kind': kind, 'id': id})}"


def find(kind: str, id: str, user: Person) -> Thing | None:
    """The object, if there is one that `user` may know by name. A model is what people say it is."""
    if kind == "data":
        source = DataSource.objects.visible_to(user).filter(slug=id).first()
        return Thing(kind, source.slug, source.name, reverse("data_detail", args=[source.pk])) if source else None
    if kind == "tool":
        tool = Tool.objects.visible_to(user).filter(slug=id).first()
        return Thing(kind, tool.slug, tool.slug, reverse("tool_detail", args=[tool.pk])) if tool else None
    if kind == "agent":
        agent = Agent.objects.visible_to(user).filter(slug=id).first()
        return Thing(kind, agent.slug, agent.name, reverse("agent_detail", args=[agent.slug])) if agent else None
    if kind == "model" and "/" in id.strip("/"):
        return Thing(kind, id, id)
    return None


def suggested(kind: str, words: str, user: Person) -> list[Thing]:
    """Objects of `kind` whose name holds `words`, to choose from. Of models those that visible packets pin."""
    if kind == "model":
        pins = ModelPin.objects.filter(packet__in=_counting().filter(pk__in=Packet.objects.visible_to(user)))
        pins = pins.filter(Q(provider__icontains=words) | Q(model_id__icontains=words)).exclude(model_id="")
        pairs = pins.order_by("provider", "model_id").values_list("provider", "model_id").distinct()[:SUGGESTED]
        return [Thing(kind, f"{provider}/{model}", f"{provider}/{model}") for provider, model in pairs]
    models: dict[str, Any] = {"data": DataSource, "tool": Tool, "agent": Agent}
    rows = models[kind].objects.all().visible_to(user)
    rows = rows.filter(Q(name__icontains=words) | Q(slug__icontains=words)).order_by("name", "pk")[:SUGGESTED]
    return [Thing(kind, row.slug, row.slug if kind == "tool" else row.name) for row in rows]


def of(thing: Thing, user: Person) -> Impact:
    """What depends on `thing`, with a number of queries that does not grow with it."""
    packets: dict[UUID, list[Packet]] = {}
    if thing.kind == "agent":
        target = Agent.objects.get(slug=thing.id)
        every = set(Agent.objects.filter(calls=target).values_list("pk", flat=True))
        seen = every
    else:
        target = None
        rows = _naming(thing).select_related("agent").order_by("agent__name", "agent_id", "-number")
        every = set(_naming(thing).order_by().values_list("agent", flat=True))
        for packet in rows.filter(pk__in=Packet.objects.visible_to(user)):
            packets.setdefault(packet.agent_id, []).append(packet)
        seen = set(packets)
    gone = {target.pk} if target else set()
    edges = _callers_edges(every | gone)
    all_further = _reached(every, edges) - every - gone
    # A hidden agent that also calls a visible one is named for that: everybody sees who calls whom.
    ways = _ways(seen, edges, gone)
    agents = (
        Agent.objects.visible_to(user)
        .select_related("team", "owner")
        .in_bulk(seen | set(ways) | {pk for way in ways.values() for pk in way})
    )
    direct = [Dependant(agents[pk], packets.get(pk, [])) for pk in seen]
    indirect = [Dependant(agents[pk], through=[agents[one] for one in way]) for pk, way in ways.items()]
    _hold(direct + indirect)
    return Impact(
        thing,
        sorted(direct, key=_by_name),
        sorted(indirect, key=lambda one: (len(one.through), one.agent.name)),
        len(every) - len(seen),
        len(all_further - set(ways)),
    )


def _naming(thing: Thing) -> "QuerySet[Packet]":
    if thing.kind == "data":
        named: QuerySet[Any] = DataGrant.objects.filter(source__slug=thing.id)
    elif thing.kind == "tool":
        named = ToolGrant.objects.filter(tool__slug=thing.id)
    else:
        provider, _, model = thing.id.partition("/")
        named = ModelPin.objects.filter(provider__iexact=provider, model_id__iexact=model)
    return _counting().filter(pk__in=named.values("packet"))


def _counting() -> "QuerySet[Packet]":
    return Packet.objects.filter(Q(state__in=upkeep.GRANTING) | upkeep.running())


def _callers_edges(start: set[UUID]) -> dict[UUID, set[UUID]]:
    """Called agent → its callers, for all that can be reached from `start` upwards. One query; cycles end by UNION."""
    if not start:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH RECURSIVE hit(id) AS (
                   SELECT unnest(%s::uuid[])
                   UNION SELECT c.from_agent_id FROM registry_agent_calls c JOIN hit ON c.to_agent_id = hit.id)
               SELECT c.to_agent_id, c.from_agent_id FROM registry_agent_calls c JOIN hit ON c.to_agent_id = hit.id""",
            [list(start)],
        )
        edges: dict[UUID, set[UUID]] = {}
        for called, caller in cursor.fetchall():
            edges.setdefault(called, set()).add(caller)
    return edges


def _reached(start: Iterable[UUID], edges: Mapping[UUID, set[UUID]]) -> set[UUID]:
    found, waiting = set(start), list(start)
    while waiting:
        for caller in edges.get(waiting.pop(), ()):
            if caller not in found:
                found.add(caller)
                waiting.append(caller)
    return found


def _ways(start: Iterable[UUID], edges: Mapping[UUID, set[UUID]], apart: set[UUID]) -> dict[UUID, list[UUID]]:
    """The shortest way from each further agent to one of `start`: the agents on it, the nearest first."""
    ways: dict[UUID, list[UUID]] = {pk: [] for pk in start}
    level = sorted(ways, key=str)
    while level:
        following = []
        for called in level:
            for caller in sorted(edges.get(called, ()), key=str):
                if caller not in ways and caller not in apart:
                    ways[caller] = [called, *ways[called]]
                    following.append(caller)
        level = following
    return {pk: way for pk, way in ways.items() if way}


def _hold(dependants: list[Dependant]) -> None:
    """Tell of each what an environment holds: of the packets that name the thing, else of any of the agent's."""
    own = {one.agent.pk for one in dependants if not one.packets}
    rows = Packet.objects.filter(upkeep.running(), agent__in=own).values_list("pk", "agent")
    of_agent: dict[UUID, list[UUID]] = {}
    for packet, agent in rows:
        of_agent.setdefault(agent, []).append(packet)
    ids = {packet.pk for one in dependants for packet in one.packets} | {
        pk for some in of_agent.values() for pk in some
    }
    for each in releases_in_force:
        found = each(ids)
        for one in dependants:
            for pk in [packet.pk for packet in one.packets] or of_agent.get(one.agent.pk, []):
                one.held.extend(found.get(pk, []))


def _by_name(one: Dependant) -> tuple[str, str]:
    return one.agent.name, str(one.agent.pk)


def _names(dependants: list[Dependant]) -> str:
    return ", ".join(one.agent.name for one in dependants)


def _agents(count: int) -> str:
    return "one agent" if count == 1 else f"{count} agents"


def _more(count: int) -> str:
    return "One more agent" if count == 1 else f"{count} more agents"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
