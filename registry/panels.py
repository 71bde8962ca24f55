"""What rooms above add to the registry's pages, from their `AppConfig.ready()`. The registry itself knows none of them."""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from accounts.models import Person
from registry.models import Agent, Packet, Revision


@dataclass(frozen=True)
class Panel:
    """A part of a page: a template and what it needs."""

    template: str
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Act:
    """Something that can be done with a packet: a button that posts to `url`, or a link where `link` is set.

    Where it is not `ready`, `why` says what has to happen first.
    """

    label: str
    url: str
    ready: bool = True
    why: str = ""
    danger: bool = False
    link: bool = False
    aside: bool = False
    """Whether it can wait: the button is not the page's first."""


@dataclass(frozen=True)
class Fill:
    """Something that an open packet can be filled from. `acts` gets the packet and a person who may fill it, and is asked on
    the packet's page and on those of the `sections` that it fills."""

    sections: tuple[int, ...]
    acts: Callable[[Packet, Person], Iterable[Act]]


@dataclass(frozen=True)
class Running:
    """Where a packet runs: the environment and the state in words, and since when."""

    environment: str
    state: str
    verdict: str
    since: dt.datetime


@dataclass(frozen=True)
class Cell:
    """What one column says of one agent. `verdict` is pass, warn, fail, hold, wait or "" for plain words."""

    text: str
    verdict: str = ""
    sub: str = ""


@dataclass(frozen=True)
class Column:
    """A column of the list of agents. `cells` gets the agents of one page and the person who looks, and must
    need a fixed number of queries; it gives a cell for each agent that the person may see one for."""

    title: str
    cells: Callable[[list[Agent], Person], Mapping[UUID, Cell]]
    numeric: bool = False


@dataclass(frozen=True)
class Moved:
    """One thing that a frozen revision says, and that is otherwise now. `section` 0 is the agent's card.

    `key` is for scripts ("tool.effect"), the rest are words; `url` is the page where it is as it is now.
    """

    section: int
    key: str
    about: str
    what: str
    signed: str
    now: str
    url: str


def fills_of(packet: Packet, person: Person, section: int = 0) -> list[Act]:
    """What `person` can fill the packet from, or one section of it; nothing where they may not, or it is closed."""
    if not packet.editable or not packet.agent.editable_by(person):
        return []
    asked = [fill for fill in packet_fills if not section or section in fill.sections]
    return [act for fill in asked for act in fill.acts(packet, person)]


agent_panels: list[Callable[[Agent, Person], Panel | None]] = []
agent_columns: list[Column] = []
packet_panels: list[Callable[[Packet, Person], Panel | None]] = []
packet_acts: list[Callable[[Packet, Person, int], Iterable[Act]]] = []
"""Each gets the packet, the person, and how many things are still missing; gives what can be done."""
packet_fills: list[Fill] = []
moved_elsewhere: list[Callable[[Revision, Mapping[str, Any], dt.datetime], list[Moved]]] = []
"""Each gets a frozen revision, its document and the time, and says what the room's own evidence says otherwise by then.
With a fixed number of queries."""
packets_in_force: list[Callable[[], Any]] = []
"""Each gives a queryset of the ids of packets that run somewhere now, so that the catalogue counts what they grant."""
releases_in_force: list[Callable[[Collection[UUID]], Mapping[UUID, list[Running]]]] = []
"""Each gets ids of packets, and says with one query where those of them run that do."""
