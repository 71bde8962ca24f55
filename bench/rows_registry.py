"""The list of agents as people see it, at 100, 10,000 and 100,000 agents: it must not grow slower with the registry."""

from __future__ import annotations

import functools
import itertools
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.conf import settings

from bench.ground import Visitor, median_ms, row, signed_in, web_server
from bench.many import many
from bench.rows_api import bare_per_second

SIZES = (100, 10_000, 100_000)
ROUNDS, WARM = 400, 40
WORDS = ("helper", "loan", "question matter", "ticket 77", "fraud 5", "nothing has this", "Mortgage enquiry", "a")
# A word that all share, one of five, one of a thousand, two that few share, none at all, one agent's name, one letter.
PAGES = {
    "registry.list": ["/agents/"],
    "registry.search": [f"/{page}?q={said.replace(' ', '+')}" for said in WORDS for page in ("agents/", "search")],
    "registry.filter": [
        f"/agents/?{said}"
        for said in (
            "status=live", "status=suspended&gate=fail", "risk=prohibited&status=live", "autonomy=5&risk=high&gate=fail",
            "owner=me", "team=retail-lending&status=in_review", "gate=unknown&q=claims", "status=changes_requested",
        )
    ],
}  # fmt: skip


@dataclass
class Taken:
    """What was seen: p95 by row and size, queries by row and size, and pages a second at the largest size."""

    p95: dict[tuple[str, int], float] = field(default_factory=dict)
    queries: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    pages: float = 0
    bare: float = 0


@functools.cache
def taken() -> Taken:
    """Every size once, for all rows."""
    email = next(iter(json.loads((settings.VAR_DIR / "demo-sign-ins.json").read_text()).values()))["email"]
    seen = Taken()
    with many(SIZES[0]):
        for size in SIZES:
            with many(size), web_server() as port:
                visitor = signed_in(port, email)
                for name, pages in PAGES.items():
                    seen.p95[name, size] = _p95_ms(visitor, pages)
                    seen.queries[name, size] = _queries(email, pages)
                if size == SIZES[-1]:
                    seen.pages = 1000 / median_ms(lambda visitor=visitor: visitor.get("/agents/"))  # type: ignore[misc]
        seen.bare = bare_per_second()
    return seen


def _p95_ms(visitor: Visitor, pages: Sequence[str]) -> float:
    turns = itertools.cycle(pages)
    for _ in range(WARM):
        visitor.get(next(turns))
    durations = []
    for _ in range(ROUNDS):
        page = next(turns)
        begun = time.perf_counter()
        visitor.get(page)
        durations.append((time.perf_counter() - begun) * 1000)
    return statistics.quantiles(durations, n=20)[-1]


def _queries(email: str, pages: Sequence[str]) -> list[int]:
    """How many queries each of `pages` makes."""
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(headers={"Host": "localhost"})
    client.force_login(get_user_model().objects.get(email=email), settings.AUTHENTICATION_BACKENDS[0])
    counts = []
    for page in pages:
        with CaptureQueriesContext(connection) as made:
            client.get(page)
        counts.append(len(made))
    return counts


def _ratio(name: str) -> tuple[float, float]:
    seen = taken()
    middle = seen.p95[name, SIZES[1]]
    counts = [seen.queries[name, size] for size in SIZES]
    print(f"  {name}: p95 {middle:.2f} ms at {SIZES[1]:,} agents; queries {counts[0]}", end="")
    print(", as many at every size" if counts.count(counts[0]) == len(SIZES) else f", then {counts[1:]}")
    return seen.p95[name, SIZES[2]], seen.p95[name, SIZES[0]]


@row("registry.list", "ms", "p95 of the same page with 100 agents")
def listed() -> tuple[float, float]:
    """p95 of the list's first page at 100,000 agents."""
    return _ratio("registry.list")


@row("registry.search", "ms", "p95 of the same searches with 100 agents")
def searched() -> tuple[float, float]:
    """p95 of searching the list, and everything, for words common and rare, at 100,000 agents."""
    return _ratio("registry.search")


@row("registry.filter", "ms", "p95 of the same filters with 100 agents")
def filtered() -> tuple[float, float]:
    """p95 of the list with filters that leave many, few and no agents, at 100,000 agents."""
    return _ratio("registry.filter")


@row("registry.page", "requests/s", "a bare psycopg-to-JSON application with the same 50 rows on the same server")
def pages() -> tuple[float, float]:
    """The list's page of 50 of 100,000 agents, one request after another on one connection."""
    return taken().pages, taken().bare
