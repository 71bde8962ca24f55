"""The one act of this room: exporting the evidence of an agent."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from django.db import connection, transaction

from accounts.models import Person
from evidence import keys
from evidence.bundle import finish, gather
from evidence.container import Draft
from evidence.entries import ExportCreated
from ledger.models import LedgerEntry
from registry.models import Agent
from work.acts import Denied, Invalid, record

MAX_STREAMS = 400
"""Heads of more streams than this do not fit into one ledger entry (64 KiB)."""


@dataclass(frozen=True)
class Export:
    """A sealed bundle: `file` is open at its beginning and gone once closed."""

    file: IO[bytes]
    name: str
    entry: LedgerEntry


def export_agent(agent: Agent, *, by: Person) -> Export:
    """Seal what `by` may see of `agent` as a signed zip, and record that they did.

    Raises Denied for who may not see the agent's packets, Invalid for more than one bundle holds.
    """
    if not by.is_active or not agent.detail_visible_to(by):
        raise Denied(
            f"The evidence of {agent.name} is for its team, owner and deputy, for approvers who are asked, for "
            "auditors and for platform admins. Ask the owner or an auditor."
        )
    keys.private_key()  # a missing key must not leave an export recorded that never was
    with Draft() as draft:
        with snapshot():
            story = gather(draft, agent, by)
        if len(story.heads) > MAX_STREAMS:
            raise Invalid(f"{agent.name} has {len(story.heads) - 1} packets; one bundle holds {MAX_STREAMS - 1}.")
        with transaction.atomic():
            said = ExportCreated(agent=str(agent.pk), heads=story.heads, withheld=story.withheld)
            entry = LedgerEntry.objects.get(pk=record("system", said, by=by))
        file = tempfile.TemporaryFile()  # noqa: SIM115 (closed by whoever reads it)
        try:
            finish(draft, story, entry, by, file)
        except BaseException:
            file.close()
            raise
    file.seek(0)
    when = entry.record["at"].replace("-", "").replace(":", "")[:15]
    return Export(file, f"evidence-{agent.slug}-{when}Z.zip", entry)


@contextmanager
def snapshot() -> Iterator[None]:
    """A transaction that sees one moment of the database. Inside another transaction, that one's rules hold."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
