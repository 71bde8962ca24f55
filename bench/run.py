"""`make bench`, `make bench ONLY=prefix`: takes every row, prints a table, writes bench/results.json."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent


def main(prefix: str = "") -> int:
    """Runs the rows whose name starts with `prefix` on a fresh demo organisation. Returns the exit code."""
    with tempfile.TemporaryDirectory(prefix="portcullis-bench-") as folder:
        # Before Django: its settings read the folder from here.
        os.environ.update(VAR_DIR=folder, DJANGO_SETTINGS_MODULE="bench.settings", DEMO="true")
        for name in ("DATABASE_URL", "CELERY_BROKER_URL"):
            os.environ.pop(name, None)
        Path(folder, "static").mkdir()
        from portal import embedded

        with embedded.Server(Path(folder)):
            return _take(prefix)


def _take(prefix: str) -> int:
    import django
    from django.core.management import call_command
    from django.db import connections

    from bench.ground import ROWS

    django.setup()
    for path in sorted(FOLDER.glob("rows_*.py")):
        importlib.import_module(f"bench.{path.stem}")
    rows = [row for row in ROWS if row.name.startswith(prefix)]
    if not rows:
        print(f"No row starts with {prefix}; there are {', '.join(row.name for row in ROWS)}.", file=sys.stderr)
        return 1
    print("Loading the demo organisation", flush=True)
    call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)
    call_command("load_demo")
    taken = []
    print(f"\n{'name':<24}{'figure':>12}{'baseline':>12}  {'unit':<14}{'ratio':>8}  held against")
    for row in rows:
        figure, baseline = row.take()
        ratio = figure / baseline
        print(
            f"{row.name:<24}{figure:>12.2f}{baseline:>12.2f}  {row.unit:<14}{ratio:>8.2f}  {row.baseline}", flush=True
        )
        taken.append(_result(row.name, figure, row.unit, baseline, ratio))
    connections.close_all()
    _write(taken)
    return 0


def _result(name: str, figure: float, unit: str, baseline: float, ratio: float) -> dict[str, Any]:
    numbers = {"figure": figure, "baseline": baseline, "ratio": ratio}
    return {
        "name": name,
        "unit": unit,
        **{key: round(value, 3) for key, value in numbers.items()},
        "machine": _machine(),
    }


def _write(taken: list[dict[str, Any]]) -> None:
    """Rows that this run did not take keep the figures of before."""
    path = FOLDER / "results.json"
    known = {one["name"]: one for one in json.loads(path.read_text())} if path.exists() else {}
    known.update({one["name"]: one for one in taken})
    path.write_text(json.dumps(sorted(known.values(), key=lambda one: one["name"]), indent=1) + "\n")


def _machine() -> str:
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
