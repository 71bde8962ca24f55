"""Lists as CSV, row by row as they are read, safe to open in a spreadsheet."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.http import StreamingHttpResponse

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a cell begins with that a spreadsheet takes for a formula; the last four are the wide forms of the first."""


class _Line:
    def write(self, line: str) -> str:
        return line


def harmless(value: Any) -> str:
    """The cell's text. Where a spreadsheet would run it, an apostrophe stands in front, so that it shows it instead."""
    text = "" if value is None else str(value)
    # Some skip blanks in front, or an apostrophe-less quote of their own; so does this test.
    return f"'{text}" if text.lstrip(" \u00a0\ufeff").startswith(FORMULA) or text.startswith(FORMULA) else text


def csv_file(name: str, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> StreamingHttpResponse:
    """A download of `rows` below `heads`. Every cell is quoted, so that no separator of any country splits one."""
    writer = csv.writer(_Line(), quoting=csv.QUOTE_ALL)

    def lines() -> Iterator[str]:
        yield writer.writerow(heads)
        for row in rows:
            yield writer.writerow([harmless(value) for value in row])

    return StreamingHttpResponse(
        lines(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"},
    )
