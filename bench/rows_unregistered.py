"""What nobody registered, among many cost lines: the page reads counts, held against grouping the lines themselves."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.ground import row

LINES = 500_000
_FILL = """
INSERT INTO signals_costline (source_id, file_id, billed_cost, effective_cost, billing_currency, charge_category,
    charge_class, charge_description, charge_period_start, charge_period_end, billing_period_start, billing_period_end,
    provider_name, service_name, sub_account_id, sub_account_name, resource_id, sku_id, consumed_unit, tags, row_sha256,
    ordinal, received_at)
SELECT %s, %s, 1.25, 1.25, 'EUR', 'Usage', '', '', now() - n %% 90 * interval '1 day',
    now() - n %% 90 * interval '1 day' + interval '1 hour', now() - interval '90 days', now(), 'Vendor', 'Inference',
    'acc-' || n %% 40, '', '', '', '', jsonb_build_object('agent', 'ghost-' || n %% 200, 'env', 'prod'),
    lpad(n::text, 64, '0'), 0, now()
FROM generate_series(1, %s) n"""


def _best(read: Callable[[], object], rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        begun = time.perf_counter()
        read()
        best = min(best, time.perf_counter() - begun)
    return 1 / best


@row("signals.unregistered", "pages/s", "grouping the untied lines themselves by tag and currency, no owners")
def unregistered() -> tuple[float, float]:
    """The first page of 25 names with sums and likely owners, where 500,000 lines belong to no agent."""
    from django.db import connection, transaction

    from accounts.models import Person, RoleGrant
    from signals.models import PulledFile, Source
    from signals.unregistered import queries
    from signals.unregistered.counting import count_source
    from work import clock

    admin = Person.objects.get(pk=RoleGrant.objects.filter(role="admin").values("person")[:1])
    with transaction.atomic(), connection.cursor() as cursor:
        source = Source.objects.create(
            name=f"Bench {time.time_ns()}", kind="focus", folder="bench-unseen", created_by=admin
        )
        file = PulledFile.objects.create(
            source=source, path="a.csv", sha256="0" * 64, size=1, mtime_ns=1, read_at=clock.now()
        )
        cursor.execute(_FILL, [source.pk, file.pk, LINES])
        cursor.execute("ANALYZE signals_costline")
        begun = time.perf_counter()
        count_source(source)
        print(f"  counting {LINES:,} untied lines once took {time.perf_counter() - begun:.2f} s")

        def page() -> object:
            rows = queries.sightings(admin)
            return rows.count(), queries.described(list(rows[:25]), admin)

        def plain() -> object:
            cursor.execute(
                "SELECT tags ->> 'agent', billing_currency, count(*), sum(effective_cost), min(charge_period_start),"
                " max(charge_period_start) FROM signals_costline WHERE agent_id IS NULL GROUP BY 1, 2"
            )
            return cursor.fetchall()

        figures = _best(page, 10), _best(plain, 2)
        transaction.set_rollback(True)
    return figures
