"""Where the data of a source comes from and where it goes: links between sources, without circles."""

from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from accounts.actors import a_person
from accounts.models import Person
from ledger.canonical import nfc
from registry import entries
from registry.models import DataSource, SourceLink
from registry.upkeep import whose
from work import clock
from work.acts import Conflict, Denied, Invalid, record

MAX_LINKS = 100
"""Of one source, each way: more is a warehouse, which is to be split."""


@transaction.atomic
def link(*, upstream: DataSource, downstream: DataSource, by: Person, note: str = "") -> SourceLink:
    """Say that `upstream` feeds `downstream`, by whoever keeps either. A circle is refused, and named."""
    a_person(by, "says where data comes from")
    hold()
    rows = DataSource.objects.in_bulk([upstream.pk, downstream.pk])
    upstream, downstream = rows[upstream.pk], rows[downstream.pk]
    _may_link(upstream, downstream, by)
    if upstream.pk == downstream.pk:
        raise Invalid(f"{upstream} cannot feed itself. Name another source.")
    for source in (upstream, downstream):
        if source.retired_at:
            raise Conflict(f"{source} was retired. Name a source that is in use.")
    if SourceLink.objects.filter(upstream=upstream, downstream=downstream).exists():
        raise Conflict(f"{upstream} feeds {downstream} already.")
    if way := path(downstream, upstream):
        names = ", which feeds ".join(str(source) for source in way)
        raise Invalid(f"{upstream} cannot feed {downstream}, since {names}. Data does not flow in a circle.")
    for source, links in ((upstream, upstream.feeds), (downstream, downstream.fed_by)):
        if links.count() >= MAX_LINKS:
            raise Invalid(f"{source} has {MAX_LINKS} links already. Describe its parts as sources of their own.")
    note = nfc(note.strip())
    if len(note) > 200:
        raise Invalid("Say in at most 200 characters how the data gets there.")
    made = SourceLink.objects.create(
        upstream=upstream, downstream=downstream, note=note, added_by=by, added_at=clock.now()
    )
    record("system", entries.SourceLinked(**_ends(made)), by=by)
    return made


@transaction.atomic
def unlink(*, link: SourceLink, by: Person) -> None:
    """Take a link back, by whoever keeps either of its sources."""
    a_person(by, "says where data comes from")
    row = SourceLink.objects.select_for_update().filter(pk=link.pk).first()
    if row is None:
        raise Conflict("Somebody took this link back already.")
    _may_link(row.upstream, row.downstream, by)
    entry = entries.SourceUnlinked(**_ends(row))
    row.delete()
    record("system", entry, by=by)


def hold() -> None:
    """Let nobody else change the lineage until this transaction ends; the lock is the one of the table's trigger."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('registry_sourcelink'))")


def move_links(goes: DataSource, stays: DataSource) -> None:
    """Give the links of an entry that is merged away to the one that stays. Raises Invalid where that makes a circle."""
    # Between the two is nothing left to say.
    SourceLink.objects.filter(Q(upstream=goes, downstream=stays) | Q(upstream=stays, downstream=goes)).delete()
    for one, other in ((goes, stays), (stays, goes)):
        if way := path(one, other):
            names = ", which feeds ".join(str(source) for source in way)
            raise Invalid(f"{names}: as one entry they would feed themselves. Take back one of these links first.")
    goes.feeds.filter(downstream__in=stays.feeds.values("downstream")).delete()
    goes.fed_by.filter(upstream__in=stays.fed_by.values("upstream")).delete()
    goes.feeds.update(upstream=stays)
    goes.fed_by.update(downstream=stays)


def path(start: DataSource, end: DataSource) -> list[DataSource]:
    """A way that data takes from `start` to `end`, both included; empty where there is none. One query a step."""
    came: dict[Any, Any] = {start.pk: None}
    edge = [start.pk]
    while edge and end.pk not in came:
        rows = SourceLink.objects.filter(upstream__in=edge).values_list("upstream_id", "downstream_id")
        edge = []
        for one, other in rows:
            if other not in came:
                came[other] = one
                edge.append(other)
    if end.pk not in came:
        return []
    way, here = [], end.pk
    while here is not None:
        way.append(here)
        here = came[here]
    sources = DataSource.objects.in_bulk(way)
    return [sources[pk] for pk in reversed(way)]


def _may_link(upstream: DataSource, downstream: DataSource, by: Person) -> None:
    if not (upstream.kept_by(by) or downstream.kept_by(by)):
        raise Denied(whose(downstream))


def _ends(link: SourceLink) -> dict[str, str]:
    one, other = link.upstream, link.downstream
    return {
        "source": str(one.pk),
        "slug": one.slug.lower(),
        "into": str(other.pk),
        "into_slug": other.slug.lower(),
    }
