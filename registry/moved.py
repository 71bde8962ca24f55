"""What was signed beside what it is now: where the catalogue, the agent's card or a pin has moved since a revision froze.

The signed document is never touched. What it names of the catalogue is kept in columns when it freezes (`keep_signed`), so
that one condition finds the packets that no longer match, however many there are.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q
from django.urls import reverse

from ledger.canonical import dumps, sha256
from ledger.models import LedgerEntry
from registry.costing import PRICE_LIST_CURRENCY, listed
from registry.models import DataSource, Packet, Revision, SignedCard, SignedSource, SignedTool, Tool
from registry.panels import Moved, moved_elsewhere
from registry.sections import SECTIONS
from registry.sections.s02_data import DataGrant
from registry.sections.s06_tools import ToolGrant
from registry.vocabulary import Autonomy, Classification, Effect, PacketState, RiskClass, ToolTag
from web.words import day

FROZEN = (PacketState.IN_REVIEW, PacketState.APPROVED, PacketState.SUPERSEDED)
"""States in which what was submitted is held against what is now. What was withdrawn or vetoed binds nobody."""
LIST = re.compile(r"^genai-prices (?P<version>\S+), \S+, list price$")


def hold_named(packet: Packet) -> tuple[list[DataSource], list[Tool]]:
    """The entries of the catalogue that the packet grants, held so that none moves while its revision is being frozen."""
    sources = DataSource.objects.filter(pk__in=DataGrant.objects.filter(packet=packet).values("source")).order_by("pk")
    tools = Tool.objects.filter(pk__in=ToolGrant.objects.filter(packet=packet).values("tool")).order_by("pk")
    return list(sources.select_for_update(no_key=True)), list(tools.select_for_update(no_key=True))


def keep_signed(revision: Revision, sources: list[DataSource], tools: list[Tool]) -> None:
    """Keep what the catalogue and the card say as `revision` freezes. For `registry.actions.freeze`."""
    SignedSource.objects.bulk_create(
        SignedSource(
            revision=revision,
            source=one,
            owner_id=one.owner_id,
            **{name: getattr(one, name) for name in (*SOURCE_WORDS, "fresh_on", "fresh_days")},
        )
        for one in sources
    )
    SignedTool.objects.bulk_create(
        SignedTool(
            revision=revision,
            tool=one,
            tags=sorted(one.tags),
            owner_id=one.owner_id,
            **{name: getattr(one, name) for name in TOOL_WORDS},
        )
        for one in tools
    )
    agent = revision.packet.agent
    SignedCard.objects.create(
        revision=revision,
        owner_id=agent.owner_id,
        deputy_id=agent.deputy_id,
        team_id=agent.team_id,
        risk_class=agent.risk_class,
        autonomy=agent.autonomy,
    )


SOURCE_WORDS = ("name", "classification", "contract_version", "never_leaves")
TOOL_WORDS = ("name", "system", "effect")
CARD_WORDS = ("owner", "deputy", "team", "risk_class", "autonomy")


class Differs(Func):
    """Whether two columns say different things, where nothing is a thing too."""

    template = "(%(expressions)s)"
    arg_joiner = " IS DISTINCT FROM "
    output_field = BooleanField()


def _differ(prefix: str, *names: str) -> Q:
    found = Q(pk__in=[])
    for name in names:
        found |= Q(Differs(F(name), F(f"{prefix}__{name}")))
    return found


SOURCE_MOVED = _differ("source", *SOURCE_WORDS, "owner") | Q(source__retired_at__isnull=False)
TOOL_MOVED = (
    _differ("tool", *TOOL_WORDS, "owner")
    | Q(tool__retired_at__isnull=False)
    | ~Q(tags__contains=F("tool__tags"), tags__contained_by=F("tool__tags"))
)
CARD_MOVED = _differ("revision__packet__agent", *CARD_WORDS)


def catalogue_moved() -> Q:
    """The packets whose newest revision names an entry of the catalogue, or a card, that says something else by now."""
    here = {"revision__packet": OuterRef("pk"), "revision__number": OuterRef("revision")}
    return (
        Q(Exists(SignedSource.objects.filter(SOURCE_MOVED, **here)))
        | Q(Exists(SignedTool.objects.filter(TOOL_MOVED, **here)))
        | Q(Exists(SignedCard.objects.filter(CARD_MOVED, **here)))
    )


def moved(revision: Revision, at: dt.datetime) -> list[Moved]:
    """Everything that `revision` says and that is otherwise at `at`, by section. A fixed number of queries."""
    content = revision.content
    found = [*_card(revision), *_sources(revision), *_models(revision, content), *_tools(revision)]
    found += _prices(revision, content)
    for elsewhere in moved_elsewhere:
        found += elsewhere(revision, content, at)
    return sorted(found, key=lambda one: one.section)


@dataclass(frozen=True)
class Beside:
    """What stands beside a packet's sections: what moved since `since`, when it was signed or, before that, submitted.

    Of a frozen packet it is held against its own newest revision; of an open renewal, against what it renews.
    """

    revision: Revision
    since: dt.datetime
    approved: bool
    found: list[Moved]
    renewal: bool = False
    """Whether it stands beside a renewal that is still open."""
    unchanged: frozenset[int] = frozenset()
    """Sections of an open renewal that need no work: they say what was signed, and nothing beside them moved."""

    def of(self, number: int) -> list[Moved]:
        """What moved of one section."""
        return [one for one in self.found if one.section == number]


def beside(packet: Packet, at: dt.datetime) -> Beside | None:
    """What stands beside the packet at `at`; None for a draft that renews nothing, and for what ended unsigned."""
    signed = packet.renews if packet.editable and packet.renews else packet
    revision = signed.current if signed.state in FROZEN else None
    if revision is None:
        return None
    revision.packet = signed
    approved, found = approved_at(signed), moved(revision, at)
    since = approved or revision.submitted_at
    if signed is packet:
        return Beside(revision, since, approved is not None, found)
    kept = unchanged(packet, revision) - {one.section for one in found}
    return Beside(revision, since, approved is not None, found, True, frozenset(kept))


def approved_at(packet: Packet) -> dt.datetime | None:
    """When the packet was approved, as the ledger says; None where it never was."""
    entries = LedgerEntry.objects.filter(stream=packet.stream, kind="packet.moved").order_by("stream_seq")
    records = [entry.record for entry in entries]
    times = [one["at"] for one in records if one["data"]["state"] == PacketState.APPROVED]
    return dt.datetime.fromisoformat(times[0]) if times else None


def unchanged(packet: Packet, signed: Revision) -> set[int]:
    """The sections of `packet` that say, to the letter, what `signed` says."""
    said = {one.number: sha256(dumps(one.document(packet))) for one in SECTIONS}
    return {number for number, digest in said.items() if digest == signed.section_digests[str(number)]}


def _card(revision: Revision) -> Iterator[Moved]:
    row = SignedCard.objects.select_related("owner", "deputy", "team").filter(revision=revision).first()
    if row is None:
        return
    agent = revision.packet.agent
    url = reverse("agent_detail", args=[agent.slug])
    for name, section, what in (
        ("team", 0, "team"),
        ("risk_class", 0, "risk class"),
        ("autonomy", 0, "autonomy"),
        ("owner", 9, "owner"),
        ("deputy", 9, "deputy"),
    ):
        column = f"{name}_id" if name in ("team", "owner", "deputy") else name
        if getattr(row, column) != getattr(agent, column):
            signed, now = _said(name, getattr(row, name)), _said(name, getattr(agent, name))
            yield Moved(section, f"agent.{name}", agent.name, what, signed, now, url)


def _sources(revision: Revision) -> Iterator[Moved]:
    rows = SignedSource.objects.filter(revision=revision)
    for row in rows.select_related("source__owner", "source__merged_into", "owner"):
        source, url = row.source, reverse("data_detail", args=[row.source_id])
        yield from _entry(row, source, "source", 2, url, (*SOURCE_WORDS, "owner"))
        if source.stale and not _was_stale(row, revision.submitted_at.date()):
            signed = f"of {day(row.fresh_on)}" if row.fresh_on else "no limit was set"
            yield Moved(2, "source.freshness", row.name, "freshness", signed, source.stale, url)


def _tools(revision: Revision) -> Iterator[Moved]:
    rows = SignedTool.objects.filter(revision=revision)
    for row in rows.select_related("tool__owner", "tool__merged_into", "owner"):
        tool, url = row.tool, reverse("tool_detail", args=[row.tool_id])
        yield from _entry(row, tool, "tool", 6, url, (*TOOL_WORDS, "owner"))
        if sorted(row.tags) != sorted(tool.tags):
            yield Moved(6, "tool.tags", tool.slug, "tags", _said("tags", row.tags), _said("tags", tool.tags), url)


def _entry(row: Any, entry: Any, kind: str, section: int, url: str, names: tuple[str, ...]) -> Iterator[Moved]:
    about = row.name if kind == "source" else entry.slug
    if entry.retired_at:
        into = f", merged into {entry.merged_into}" if entry.merged_into else ""
        yield Moved(
            section, f"{kind}.retired", about, "use", "in use", f"retired on {day(entry.retired_at)}{into}", url
        )
    for name in names:
        old, new = getattr(row, name), getattr(entry, name)
        if old != new:
            yield Moved(
                section, f"{kind}.{name}", about, name.replace("_", " "), _said(name, old), _said(name, new), url
            )


def _was_stale(row: SignedSource, on: dt.date) -> bool:
    if row.fresh_days is None:
        return False
    return row.fresh_on is None or (on - row.fresh_on).days > row.fresh_days


def _models(revision: Revision, content: Mapping[str, Any]) -> Iterator[Moved]:
    for pin in content["sections"]["3"]["models"]:
        provider, model = pin["provider"], pin["model_id"]
        price = listed(provider, model) if isinstance(provider, str) and isinstance(model, str) else None
        if price and price.withdrawn:
            now = f"withdrawn, or soon will be, says {price.source.partition(',')[0]}"
            url = reverse("packet_section", args=[revision.packet_id, 3])
            yield Moved(3, "model.withdrawn", f"{provider}/{model}", "model", "pinned", now, url)


def _prices(revision: Revision, content: Mapping[str, Any]) -> Iterator[Moved]:
    said, models = content["sections"]["8"], content["sections"]["3"]["models"]
    source = said["price_source"]
    taken = LIST.match(source) if isinstance(source, str) else None
    price = listed(models[0]["provider"], models[0]["model_id"]) if taken and models else None
    version = price and LIST.match(price.source)
    if not taken or not price or not version or version["version"] == taken["version"]:
        return
    url = reverse("packet_section", args=[revision.packet_id, 8])
    yield Moved(8, "price.list", price.model, "price list", taken["version"], version["version"], url)
    for name, what in (("price_in", "tokens in"), ("price_cached", "cached tokens in"), ("price_out", "tokens out")):
        now = f"{getattr(price, name).normalize():f}"
        if said["currency"] == PRICE_LIST_CURRENCY and said[name] != now:
            words = [f"{PRICE_LIST_CURRENCY} {amount} a million" for amount in (said[name], now)]
            yield Moved(8, f"price.{name}", price.model, f"price of {what}", words[0], words[1], url)


def _said(name: str, value: Any) -> str:
    """A column's value in words."""
    match name:
        case "classification":
            return str(Classification(value).label) if value else "not classified"
        case "contract_version":
            return value or "no contract"
        case "never_leaves":
            return "; ".join(value) or "nothing named"
        case "effect":
            return str(Effect(value).label)
        case "tags":
            return ", ".join(str(ToolTag(tag).label) for tag in sorted(value)) or "none"
        case "risk_class":
            return str(RiskClass(value).label)
        case "autonomy":
            return str(Autonomy(value).label)
        case "owner" | "deputy":
            return value.name if value else "nobody"
    return str(value) or "nothing"
