"""Charts as plain numbers for an SVG made in a template: stacked bars a day."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

WIDTH, TOP, BOTTOM, LEFT, RIGHT = 720, 12, 170, 56, 712
SERIES = 3
"""How many parts a bar has at most; the smallest are summed up as the last."""


@dataclass
class Bar:
    """One part of one day's bar, in the SVG's units."""

    series: int
    x: float
    y: float
    width: float
    height: float


@dataclass
class Chart:
    """What the template draws, and the table of the same numbers."""

    names: list[str] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    ticks: list[tuple[float, str]] = field(default_factory=list)
    days: list[tuple[dt.date, list[Decimal], Decimal]] = field(default_factory=list)
    first: dt.date | None = None
    last: dt.date | None = None
    total: Decimal = Decimal(0)

    @property
    def legend(self) -> list[tuple[int, int, int, str]]:
        """For each part of a bar: where its square and its name stand, which part it is, its name."""
        return [(x := LEFT + n * 220, x + 16, n + 1, name) for n, name in enumerate(self.names)]


def by_day(rows: Iterable[tuple[dt.date, str, Decimal]], days: list[dt.date]) -> Chart:
    """Stacked bars of `rows` (day, name, amount) over `days`. Days below zero show no bar; the table has the number."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    cells: dict[tuple[dt.date, str], Decimal] = defaultdict(Decimal)
    for day, name, amount in rows:
        sums[name] += amount
        cells[day, name] += amount
    ranked = sorted(sums, key=lambda name: (-sums[name], name))
    shown, rest = (ranked, []) if len(ranked) <= SERIES else (ranked[: SERIES - 1], ranked[SERIES - 1 :])
    chart = Chart(names=[*shown, f"{len(rest)} others"] if rest else shown, total=sum(sums.values(), Decimal(0)))
    if not days:
        return chart
    chart.first, chart.last = days[0], days[-1]
    for day in days:
        parts = [cells[day, name] for name in shown]
        if rest:
            parts.append(sum((cells[day, name] for name in rest), Decimal(0)))
        chart.days.append((day, parts, sum(parts, Decimal(0))))
    top = max((sum(max(part, Decimal(0)) for part in parts) for _, parts, _ in chart.days), default=Decimal(0))
    scale = (BOTTOM - TOP) / float(top) if top > 0 else 0.0
    step = (RIGHT - LEFT) / len(days)
    for n, (_, parts, _) in enumerate(chart.days):
        y = float(BOTTOM)
        for series, part in enumerate(parts, start=1):
            height = float(max(part, Decimal(0))) * scale
            y -= height
            if height >= 0.05:
                bar = Bar(series, round(LEFT + n * step, 1), round(y, 1), round(step * 0.72, 1), round(height, 1))
                chart.bars.append(bar)
    if top > 0:
        chart.ticks = [(round(BOTTOM - float(top * part) * scale, 1), f"{top * part:,.0f}")
                       for part in (Decimal(1), Decimal("0.5"))]  # fmt: skip
    return chart
