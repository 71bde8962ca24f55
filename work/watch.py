"""Reading the ledger to react to another room's act, each reader with a cursor of its own."""

from collections.abc import Collection

from django.db import transaction
from django.db.models.expressions import RawSQL
from django.db.models.fields import BooleanField

from ledger.models import LedgerEntry
from work.models import Cursor


@transaction.atomic
def new_entries(name: str, kinds: Collection[str], most: int = 1000) -> list[LedgerEntry]:
    """The entries of `kinds` that came since the reader `name` last asked, oldest first; moves its cursor on.

    Only entries older than every running transaction are given: an id is drawn before its transaction commits, so a
    lower one may still appear, and would be passed over. The cursor moves with the caller's transaction.
    """
    Cursor.objects.get_or_create(name=name)
    cursor = Cursor.objects.select_for_update().get(name=name)
    settled = RawSQL("xid < pg_snapshot_xmin(pg_current_snapshot())", [], output_field=BooleanField())
    entries = LedgerEntry.objects.alias(settled=settled).filter(settled=True, pk__gt=cursor.entry_id).order_by("pk")
    found = list(entries[:most])
    if found:
        cursor.entry_id = found[-1].pk
        cursor.save(update_fields=["entry_id"])
    return [entry for entry in found if entry.kind in kinds]
