"""The ledger's rows as Django reads them. Unmanaged: their SQL is `schema.sql`, and no flush may touch them."""

import json
from typing import Any, ClassVar

from django.db import models


class LedgerEntry(models.Model):
    """Who did what to which object, when, with which digests. Written only by `ledger.actions.append`."""

    id = models.BigAutoField(primary_key=True)
    stream = models.TextField()
    stream_seq = models.BigIntegerField()
    kind = models.TextField()
    payload = models.BinaryField()
    prev_hash = models.BinaryField()
    leaf_hash = models.BinaryField()
    inserted_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = '"ledger"."entry"'
        verbose_name_plural = "ledger entries"

    def __str__(self) -> str:
        return f"{self.stream} {self.stream_seq}: {self.kind}"

    @property
    def record(self) -> dict[str, Any]:
        """The payload, parsed. What is hashed is always the bytes, never this."""
        return json.loads(bytes(self.payload))


class StreamHead(models.Model):
    """Where a stream stands: its last sequence number and that entry's leaf hash."""

    stream = models.TextField(primary_key=True)
    seq = models.BigIntegerField()
    hash = models.BinaryField()

    class Meta:
        managed = False
        db_table = '"ledger"."stream_head"'

    def __str__(self) -> str:
        return f"{self.stream} at {self.seq}"

    objects: ClassVar[models.Manager["StreamHead"]]
