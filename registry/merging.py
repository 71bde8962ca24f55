"""Duplicates in the catalogue: finding likely ones, and merging two entries into the one that stays."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Any, TypeVar, cast

from django.db import connection, transaction
from django.db.models import F

from accounts.actors import a_person
from accounts.models import Person
from ledger.canonical import dumps, sha256
from registry import entries
from registry.lineage import hold, move_links
from registry.models import DataSource, Packet, Tool
from registry.models.agents import CatalogueQuerySet
from registry.sections import section
from registry.sections.s02_data import DataGrant
from registry.sections.s06_tools import ToolGrant
from registry.upkeep import granted_agents, may_keep
from registry.vocabulary import EDITABLE, ENDED, PacketState
from work import clock
from work.acts import Conflict, Invalid, record

E = TypeVar("E", DataSource, Tool)

GRANTS: tuple[tuple[int, type[DataGrant] | type[ToolGrant], str], ...] = (
    (2, DataGrant, "source"),
    (6, ToolGrant, "tool"),
)
"""Where packets name entries: the section's number, its rows, and the column."""
MAX_PAIRS = 20


def alike(rows: CatalogueQuerySet) -> list[tuple[Any, Any]]:
    """Pairs of entries in use that look like one thing twice; at most MAX_PAIRS. Two queries.

    Alike are two of the same name but for case, punctuation, a plural's s and the order of its words, and two tools of
    one system whose short names are so.
    """
    tools = rows.model is Tool
    names = ("pk", "slug", "name", "system") if tools else ("pk", "slug", "name")
    groups: dict[tuple[str, ...], list[Any]] = {}
    for pk, slug, name, *system in rows.in_use().order_by("created_at", "pk").values_list(*names):
        keys = {("name", *_key(name))}
        if tools:
            keys.add(("slug", _plain(system[0]), *_key(slug)))
        for key in keys:
            if len(key) > 1:
                groups.setdefault(key, []).append(pk)
    pairs = list(dict.fromkeys((some[0], other) for some in groups.values() for other in some[1:]))[:MAX_PAIRS]
    found = rows.select_related("owner").in_bulk({pk for pair in pairs for pk in pair})
    return [(found[one], found[other]) for one, other in pairs]


def _plain(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text).casefold() if c.isalnum())


def _key(text: str) -> tuple[str, ...]:
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+|[^\W\d_]+", text)
    return tuple(sorted(filter(None, (_singular(_plain(word)) for word in words))))


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") else word


@transaction.atomic
def merge(*, goes: E, stays: E, by: Person, agents_seen: int) -> E:
    """Make one entry of two: `goes` is retired and points to `stays`, by whoever keeps both. Returns `stays`.

    Grants in packets that are open for editing move along. That is upkeep of the catalogue and no edit of the packet: no
    word of it changes, nobody becomes a contributor. Frozen documents keep what they say. `agents_seen` is how many
    agents the page said are hit. Raises Conflict where that moved on, Invalid where the two are not to be merged.
    """
    a_person(by, "merges entries of the catalogue")
    if type(goes) is not type(stays) or goes.pk == stays.pk:
        raise Invalid("Choose two different entries of one kind.")
    # Packets first, as a save takes them; then the entries, which makes a grant that is being written wait.
    packets = _open(goes)
    hold()
    kind = cast(Any, type(goes)).objects
    rows = {row.pk: row for row in kind.select_for_update().filter(pk__in=[goes.pk, stays.pk]).order_by("pk")}
    goes, stays = rows[goes.pk], rows[stays.pk]
    may_keep(goes, by)
    may_keep(stays, by)
    for row in (goes, stays):
        if row.retired_at:
            raise Conflict(f"{row} was retired already. Choose two entries that are in use.")
    hit = granted_agents(goes)
    if hit != agents_seen or set(packets) != set(_granting_open(goes)):
        raise Conflict(
            f"{hit} agents are granted {goes} now, which is not what you were shown. Look who they are, then merge."
        )
    goes.retired_at, goes.retired_by, goes.merged_into = clock.now(), by, stays
    goes.save(update_fields=["retired_at", "retired_by", "merged_into"])
    kind.filter(merged_into=goes).update(merged_into=stays)
    if isinstance(goes, DataSource) and isinstance(stays, DataSource):
        move_links(goes, stays)
    moved = sum(follow_merges(packet, by, saved=True) for packet in packets.values() if packet.state in EDITABLE)
    said = {
        "slug": goes.slug.lower(),
        "into": str(stays.pk),
        "into_slug": stays.slug.lower(),
        "agents": hit,
        "drafts": moved,
    }
    if isinstance(goes, DataSource):
        record("system", entries.SourceMerged(source=str(goes.pk), **said), by=by)
    else:
        record("system", entries.ToolMerged(tool=str(goes.pk), **said), by=by)
    return stays


def follow_merges(packet: Packet, by: Person | None, *, saved: bool = False) -> bool:
    """Let the packet's grants name the entries that stay, wherever theirs was merged away. Returns whether any did.

    The packet's row is locked and open for editing. With `saved` the section counts as saved by `by`, so that somebody
    who has it open is shown both instead of overwriting; elsewhere the act that opens or saves the packet sees to that.
    """
    any_moved = False
    for number, model, column in GRANTS:
        if not saved:
            _hold_entries(packet, model, column)
        rows = cast(Any, model).objects.filter(packet=packet, **{f"{column}__merged_into__isnull": False})
        moved = {}
        for row in rows.select_related(column):
            entry = getattr(row, column)
            moved[str(entry.pk)] = str(entry.merged_into_id)
            setattr(row, f"{column}_id", entry.merged_into_id)
            row.save(update_fields=[column])
        if not moved:
            continue
        any_moved = True
        if saved:
            packet.section_states.filter(number=number).update(
                version=F("version") + 1, saved_at=clock.now(), saved_by=by
            )
        record(
            packet.stream,
            entries.GrantsMoved(
                packet=str(packet.pk),
                revision=packet.revision,
                section=number,
                moved=moved,
                digest=sha256(dumps(section(number).document(packet))),
            ),
            by=by,
        )
    return any_moved


def _hold_entries(packet: Packet, model: Any, column: str) -> None:
    # Foreign keys are checked at commit, so a grant that was written just now holds nothing yet. This waits for a merge
    # that is under way, and lets one that comes later wait; grants of others are not in its way.
    entries_table = model._meta.get_field(column).related_model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT id FROM {entries_table} WHERE id IN (
                    SELECT {column}_id FROM {model._meta.db_table} WHERE packet_id = %s
                ) ORDER BY id FOR KEY SHARE""",
            [packet.pk],
        )


def _granting_open(entry: DataSource | Tool) -> Iterable[Any]:
    # Those in review too: one that is sent back for changes meanwhile waits, and then finds where its grant went.
    states = [state for state in PacketState.values if state not in (*ENDED, PacketState.SUPERSEDED)]
    states.remove(PacketState.APPROVED)
    grants = cast(Any, entry).grants.values("packet")
    return Packet.objects.filter(state__in=states, pk__in=grants).values_list("pk", flat=True)


def _open(entry: DataSource | Tool) -> dict[Any, Packet]:
    rows = Packet.objects.select_for_update(of=("self",)).select_related("agent").order_by("pk")
    return {packet.pk: packet for packet in rows.filter(pk__in=list(_granting_open(entry)))}
