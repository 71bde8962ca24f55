"""Reading eval cases from a CSV or JSONL file into section 4's rows."""

import csv
import io
import json
from typing import Any

from registry.sections.s04_evals import EvalCase
from web.errors import Invalid

LARGEST, MOST = 2_000_000, 1000
"""Bytes of a file, and cases in it."""
COLUMNS = ("case_id", "failure_mode", "origin", "input", "expected", "critical", "note")
TRUE, FALSE = ("true", "yes", "1", "x"), ("false", "no", "0", "")


def read_cases(name: str, body: bytes) -> list[dict[str, Any]]:
    """The cases of a file, as section 4's rows. `name` ends with .csv or .jsonl.

    CSV has a header line and commas or semicolons; JSONL one object a line. Columns are those of `COLUMNS`; `id` and
    `target` (Inspect's names) do for `case_id` and `expected`. Raises Invalid with every fault and its line.
    """
    if len(body) > LARGEST:
        raise Invalid(f"{name} is larger than {LARGEST // 1_000_000} MB. Split it.")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"{name} is not UTF-8 text: byte {error.start}. Save it as UTF-8.") from error
    if "\0" in text:
        raise Invalid(f"{name} holds a NUL character. Save it as UTF-8 text.")
    lines = _csv(name, text) if name.lower().endswith(".csv") else _jsonl(name, text)
    faults: list[str] = []
    found = [row for number, values in lines if (row := _case(number, values, faults)) is not None]
    ids = [row["case_id"] for row in found]
    faults += [f"The case id {one} is there twice." for one in sorted({one for one in ids if ids.count(one) > 1})[:20]]
    if len(found) > MOST:
        faults.append(f"There are {len(found)} cases; a packet holds at most {MOST}.")
    if not found and not faults:
        faults.append(f"{name} holds no case. Write one a line, with the columns {', '.join(COLUMNS)}.")
    if faults:
        raise Invalid(*faults[:50])
    return found


def merged(before: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows afterwards: a case whose id is there already is replaced in its place, the others come after."""
    by_id = {row["case_id"]: row for row in new}
    kept = [by_id.pop(row["case_id"], row) for row in before]
    return kept + list(by_id.values())


def _csv(name: str, text: str) -> list[tuple[int, dict[str, Any]]]:
    head = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=";" if head.count(";") > head.count(",") else ",")
    try:
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise Invalid(f"{name}, line {reader.line_num}: {error}.") from error
    known = {*COLUMNS, "id", "target"}
    if unknown := [column for column in reader.fieldnames or () if column and column.strip().lower() not in known]:
        raise Invalid(f"{name}: there is no column {unknown[0]} here; known are {', '.join(COLUMNS)}.")
    return [(number, {(key or "").strip().lower(): value for key, value in row.items()}) for number, row in rows]


def _jsonl(name: str, text: str) -> list[tuple[int, dict[str, Any]]]:
    found, faults = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            faults.append(f"{name}, line {number}: this is no JSON ({str(error)[:80]}).")
            continue
        if not isinstance(value, dict):
            faults.append(f"{name}, line {number}: expected an object, got {type(value).__name__}.")
            continue
        unknown = set(value) - {*COLUMNS, "id", "target"}
        faults += [f"{name}, line {number}: there is no field {one[:60]} here." for one in sorted(unknown)]
        found.append((number, value))
    if faults:
        raise Invalid(*faults[:50])
    return found


def _case(number: int, values: dict[str, Any], faults: list[str]) -> dict[str, Any] | None:
    said = dict(values)
    said.setdefault("case_id", said.pop("id", None))
    said.setdefault("expected", said.pop("target", None))
    if "" in said:
        faults.append(f"Line {number}: there are more values than columns.")
        return None
    row: dict[str, Any] = {}
    for column in COLUMNS:
        value = said.get(column)
        if column == "critical":
            word = str(value if value is not None else "").strip().lower()
            if word not in TRUE + FALSE:
                faults.append(f"Line {number}: critical: expected true or false, got {str(value)[:40]}.")
            row[column] = word in TRUE
        elif value is None or isinstance(value, str | int):
            row[column] = "" if value is None else str(value).strip()
        else:
            faults.append(f"Line {number}: {column}: expected text, got {type(value).__name__}.")
    if not row.get("case_id"):
        faults.append(f"Line {number}: case_id is empty.")
    for column, choices in (("failure_mode", EvalCase.FailureMode), ("origin", EvalCase.Origin)):
        value = str(row.get(column, "")).lower().replace(" ", "_").replace("-", "_")
        if value and value not in choices.values:
            faults.append(f"Line {number}: {column}: expected one of {', '.join(choices.values)}, got {value[:40]}.")
        row[column] = value
    return row
