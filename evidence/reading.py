"""Reading the ledger: which entries a person may see, filtered, page by page, with names for ids."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import F, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat

from accounts.models import Person
from ledger.kinds import sentence
from ledger.models import LedgerEntry
from registry.models import Agent, Packet

PAGE = 50


def _as_streams(prefix: str, rows: QuerySet[Any]) -> QuerySet[Any]:
    return (
        rows.order_by()
        .annotate(stream=Concat(Value(prefix), Cast(F("pk"), TextField()), output_field=TextField()))
        .values("stream")
    )


def visible_entries(user: Person) -> QuerySet[LedgerEntry]:
    """The entries that `user` may see: auditors and platform admins all; everyone else those of the agents and
    packets that they may see, and of themselves."""
    rows = LedgerEntry.objects.all()
    if not user.is_authenticated:
        return rows.none()
    if user.sees_all:
        return rows
    own = rows.filter(stream=f"user:{user.pk}")
    agents = rows.filter(stream__in=_as_streams("agent:", Agent.objects.detail_visible_to(user)))
    packets = rows.filter(stream__in=_as_streams("packet:", Packet.objects.visible_to(user)))
    return own | agents | packets


def of_agent(rows: QuerySet[LedgerEntry], agent: Agent) -> QuerySet[LedgerEntry]:
    """Those of `rows` in the streams of `agent` and its packets."""
    packets = Packet.objects.filter(agent=agent).values_list("pk", flat=True)
    return rows.filter(stream__in=[f"agent:{agent.pk}", *(f"packet:{pk}" for pk in packets)])


@dataclass
class Line:
    """One entry as pages show it."""

    entry: LedgerEntry
    names: dict[str, str]

    @cached_property
    def record(self) -> dict[str, Any]:
        """The payload, parsed once."""
        return self.entry.record

    @property
    def actor(self) -> str:
        """Who acted: a name, "The portal", or the id of somebody unknown."""
        found = self.record["actor"]["id"]
        return "The portal" if found == "system" else self.names.get(found, found)

    @property
    def words(self) -> str:
        """What was done, in words."""
        return sentence(self.entry.kind, self.record["data"])

    @property
    def subject(self) -> str:
        """What the stream is about: an agent's or packet's name, else the stream itself."""
        return self.names.get(self.entry.stream.partition(":")[2], self.entry.stream)

    @property
    def at(self) -> str:
        """When it was done, as the record says."""
        return self.record["at"]


def lines(entries: Iterable[LedgerEntry], user: Person) -> list[Line]:
    """`entries` with the names that `user` may see, in three queries whatever their number."""
    rows = list(entries)
    about: dict[str, set[str]] = {"agent": set(), "packet": set(), "user": {row.record["actor"]["id"] for row in rows}}
    for row in rows:
        kind, _, subject = row.stream.partition(":")
        about.get(kind, set()).add(subject)
    names: dict[str, str] = {}
    for person in Person.objects.visible_to(user).filter(pk__in=_ids(about["user"])):
        names[str(person.pk)] = person.name
    for agent in Agent.objects.visible_to(user).filter(pk__in=_ids(about["agent"])):
        names[str(agent.pk)] = agent.name
    for packet in Packet.objects.visible_to(user).filter(pk__in=_ids(about["packet"])).select_related("agent"):
        names[str(packet.pk)] = f"{packet.agent.name} {packet.version}"
    return [Line(entry, names) for entry in rows]


def _ids(found: Iterable[str]) -> list[uuid.UUID]:
    ids = []
    for text in found:
        try:
            ids.append(uuid.UUID(text))
        except ValueError:
            continue  # "system", which is nobody
    return ids
