"""The one act of this room: appending an entry."""

import datetime as dt
import secrets

from django.db import connection

from ledger.canonical import dumps, timestamp
from ledger.kinds import Entry


def append(stream: str, entry: Entry, *, actor: str, at: dt.datetime) -> int:
    """Append `entry` to `stream` inside the caller's transaction, as its last statement.

    `actor` is a person's id, or "system"; `at` is when the act happened, aware.
    Returns the entry's id. Raises RuntimeError outside a transaction: an entry without its act, or an act
    without its entry, must not be possible. The row lock is on this stream's head alone.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a ledger entry is written in the transaction of the act that it records")
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq, hash FROM ledger.lock_head(%s)", [stream])
        seq, prev = cursor.fetchone()
        record = {
            "v": 1,
            "kind": entry.kind,
            "stream": stream,
            "seq": seq + 1,
            "prev": bytes(prev).hex(),
            "at": timestamp(at),
            "actor": {"id": actor},
            "data": entry.model_dump(mode="json", exclude_none=True),
        }
        if seq == 0:
            # Otherwise the hash of a first entry, which says little, could be guessed.
            record["nonce"] = secrets.token_hex(16)
        cursor.execute("SELECT ledger.append(%s, %s, %s, %s, %s)", [stream, seq + 1, prev, entry.kind, dumps(record)])
        return cursor.fetchone()[0]
