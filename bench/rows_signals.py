"""Pulling, held against the readers that the files' own makers or Python ship."""

from __future__ import annotations

import csv
import datetime as dt
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.ground import ROOT, row

LOG = ROOT / "samples" / "signals" / "inspect" / "kyc-document-check-2.1.0.eval"
COST_ROWS = 100_000


def _rate(count: int, read: Callable[[], object], rounds: int) -> float:
    """The best of `rounds`, as `count` a second."""
    best = float("inf")
    for _ in range(rounds):
        begun = time.perf_counter()
        read()
        best = min(best, time.perf_counter() - begun)
    return count / best


@row("pull.inspect", "samples/s", "parsing every member of the same log with zipfile and json, unchecked")
def inspect() -> tuple[float, float]:
    """Reading a real eval log of 60 samples, limits and all. inspect_ai itself is no requirement of the portal."""
    import json
    import sys

    from signals.readers.inspect import read_log

    if sys.version_info >= (3, 14):
        import zipfile
    else:
        from backports.zstd import zipfile

    def plain() -> list[object]:
        with zipfile.ZipFile(LOG) as archive:
            return [json.loads(archive.read(name)) for name in archive.namelist()]

    count = len(read_log(LOG).samples)
    return _rate(count, lambda: read_log(LOG), 30), _rate(count, plain, 30)


def _export(path: Path) -> None:
    from samples import make_focus

    first = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    rows = [
        make_focus._row(
            first,
            first + dt.timedelta(days=n % 28),
            first + dt.timedelta(days=n % 28 + 1),
            provider="Vendor",
            BillingCurrency="EUR",
            BilledCost=f"{n % 977}.{n % 89:02d}",
            ServiceName="Model inference",
            SubAccountId=f"proj-{n}",
            Tags={"agent": f"agent-{n % 40}", "env": "prod"},
        )
        for n in range(COST_ROWS)
    ]
    make_focus.write(path, "1.2", rows)


@row("pull.focus.read", "rows/s", "csv.DictReader on the same file")
def focus_read() -> tuple[float, float]:
    """Reading 100,000 charges: every column checked, money as Decimal, a digest a row."""
    from signals.readers.focus import read_costs

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "costs.csv"
        _export(path)

        def plain() -> int:
            with path.open(encoding="utf-8-sig", newline="") as file:
                return sum(1 for _ in csv.DictReader(file))

        return _rate(COST_ROWS, lambda: sum(1 for _ in read_costs(path)), 2), _rate(COST_ROWS, plain, 2)


@row("pull.focus", "rows/s", "csv.DictReader on the same file, kept nowhere")
def focus() -> tuple[float, float]:
    """A whole pull of 100,000 charges into PostgreSQL: read, tied to agents by the demo's rules, kept once."""
    from django.conf import settings

    from accounts.models import Person, RoleGrant
    from signals import actions

    admin = Person.objects.get(pk=RoleGrant.objects.filter(role="admin").values("person")[:1])
    folder = Path(settings.SIGNALS_ROOT) / "bench-focus"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        path = folder / "costs.csv"
        _export(path)
        source = actions.add_source(name=f"Bench {time.time_ns()}", kind="focus", folder="bench-focus", by=admin)
        begun = time.perf_counter()
        pull = actions.pull(source=source)
        took = time.perf_counter() - begun
        if pull.rows_new != COST_ROWS:
            raise RuntimeError(f"{pull.rows_new} of {COST_ROWS} rows were kept: {pull.error}")

        def plain() -> int:
            with path.open(encoding="utf-8-sig", newline="") as file:
                return sum(1 for _ in csv.DictReader(file))

        return COST_ROWS / took, _rate(COST_ROWS, plain, 2)
    finally:
        shutil.rmtree(folder)
