"""OTLP/JSON: the spans of one trace out of an export (`TracesData`, or JSON lines of it), with every fault's path."""

import base64
import binascii
import datetime as dt
import re
from dataclasses import dataclass, field
from typing import Any

from registry.imports.reading import MAX_BYTES, Fields, NoJson, Unreadable, decoded, quoted, read_json, refuse

DEPTH = 80
"""Levels of nesting: a list of messages as attribute values is some 30 deep, since each value is an object of its own."""
MAX_SPANS = 10_000
EARLIEST, LATEST = 10**9 * 946_684_800, 10**9 * 4_102_444_800
"""2000 and 2100, in nanoseconds: what lies outside was written in another unit."""
HEX = re.compile(r"[0-9a-fA-F]+")


@dataclass(frozen=True)
class Event:
    """Something that happened within a span."""

    name: str
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Span:
    """One span, its attributes as plain values."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    start: dt.datetime
    end: dt.datetime
    attributes: dict[str, Any]
    events: tuple[Event, ...] = field(default=())
    error: str = ""
    """What went wrong, where its status says that something did."""


def read_trace(data: bytes, trace_id: str = "") -> list[Span]:
    """The spans of one trace in an OTLP/JSON export of at most 10 MB, by their start. `trace_id` chooses where the export
    holds several. Raises Unreadable with every fault and its path."""
    wanted, fields = trace_id.strip().lower(), Fields()
    found: dict[str, list[Span]] = {}
    for where, value in _documents(data):
        for span in _spans(fields, value, where):
            found.setdefault(span.trace_id, []).append(span)
    fields.done()
    if wanted:
        if wanted not in found:
            refuse(f"there is no such trace in this export; there are {_some(found)}.", "trace_id")
        found = {wanted: found[wanted]}
    if not found:
        refuse("There is no span in it. Export the trace of one run as OTLP/JSON.")
    if len(found) > 1:
        refuse(f"It holds {len(found):,} traces: {_some(found)}. Name the one that you want as trace id.")
    [spans] = found.values()
    return sorted(spans, key=lambda span: (span.start, span.span_id))


def _some(found: dict[str, list[Span]]) -> str:
    return ", ".join(list(found)[:5]) + (" and others" if len(found) > 5 else "")


def _documents(data: bytes) -> list[tuple[str, Any]]:
    """The export's objects with the path that each begins with: one, or one a line."""
    try:
        return [("", read_json(data, depth=DEPTH))]
    except NoJson as whole:
        lines = [(i, line) for i, line in enumerate(decoded(data).split("\n"), 1) if line.strip()]
        if len(lines) < 2 or len(data) > MAX_BYTES or not lines[0][1].rstrip().endswith("}"):
            raise
        made = []
        for i, line in lines:
            try:
                made.append((f"line {i}: ", read_json(line.encode(), depth=DEPTH)))
            except NoJson as error:
                if i == lines[0][0]:
                    raise whole from error
                reason = error.faults[0].reason.replace("line 1, ", "")
                raise Unreadable(type(error.faults[0])(f"line {i}", reason)) from error
        return made


def _spans(fields: Fields, value: Any, where: str) -> list[Span]:
    top = fields.mapping(value, where or "export")
    if isinstance(value, dict) and "resourceSpans" not in top:
        got = ", ".join(quoted(key) for key in list(top)[:5]) or "nothing"
        fields.fault(f"{where}resourceSpans", f"expected a list, as OTLP/JSON names it; the object holds {got}")
        return []
    made: list[Span] = []
    for i, resource in enumerate(_list(fields, top.get("resourceSpans"), f"{where}resourceSpans")):
        path = f"{where}resourceSpans[{i}]"
        scopes = _list(fields, fields.mapping(resource, path).get("scopeSpans"), f"{path}.scopeSpans")
        for j, scope in enumerate(scopes):
            inner = f"{path}.scopeSpans[{j}]"
            rows = _list(fields, fields.mapping(scope, inner).get("spans"), f"{inner}.spans")
            for k, row in enumerate(rows):
                if len(made) >= MAX_SPANS:
                    refuse(f"It holds more than {MAX_SPANS:,} spans. Export the trace of one run.")
                span = _span(fields, row, f"{inner}.spans[{k}]")
                made += [span] if span else []
    return made


def _span(fields: Fields, value: Any, path: str) -> Span | None:
    before = len(fields.faults)
    row = fields.mapping(value, path)
    trace_id = _id(fields, row.get("traceId"), f"{path}.traceId", 16)
    span_id = _id(fields, row.get("spanId"), f"{path}.spanId", 8)
    parent = row.get("parentSpanId")
    parent_id = _id(fields, parent, f"{path}.parentSpanId", 8) if parent else ""
    start = _time(fields, row.get("startTimeUnixNano"), f"{path}.startTimeUnixNano")
    end = _time(fields, row.get("endTimeUnixNano"), f"{path}.endTimeUnixNano")
    if start and end and end < start:
        fields.fault(f"{path}.endTimeUnixNano", "is before startTimeUnixNano")
    events = []
    for i, one in enumerate(_list(fields, row.get("events"), f"{path}.events")):
        event = fields.mapping(one, f"{path}.events[{i}]")
        attributes = _attributes(fields, event.get("attributes"), f"{path}.events[{i}].attributes")
        events.append(Event(_text(fields, event.get("name"), f"{path}.events[{i}].name"), attributes))
    attributes = _attributes(fields, row.get("attributes"), f"{path}.attributes")
    name = _text(fields, row.get("name"), f"{path}.name")
    if len(fields.faults) > before or start is None or end is None:
        return None
    return Span(trace_id, span_id, parent_id, name, start, end, attributes, tuple(events), _error(row.get("status")))


def _error(status: Any) -> str:
    if not isinstance(status, dict) or status.get("code") not in (2, "STATUS_CODE_ERROR"):
        return ""
    return str(status.get("message") or "error")


def _list(fields: Fields, value: Any, path: str) -> list[Any]:
    if value is None or isinstance(value, list):
        return value or []
    fields.fault(path, f"expected a list, got {quoted(value)}")
    return []


def _text(fields: Fields, value: Any, path: str) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    fields.fault(path, f"expected words, got {quoted(value)}")
    return ""


def _id(fields: Fields, value: Any, path: str, size: int) -> str:
    """An id of `size` bytes in lower-case hexadecimal: OTLP writes it so, a plain conversion from protobuf in base64."""
    if isinstance(value, str):
        if len(value) == 2 * size and HEX.fullmatch(value):
            made = value.lower()
        else:
            try:
                made = base64.b64decode(value, validate=True).hex()
            except (binascii.Error, ValueError):
                made = ""
        if len(made) == 2 * size and made.strip("0"):
            return made
    fields.fault(path, f"expected {2 * size} hexadecimal digits that are not all 0, got {quoted(value)}")
    return ""


def _time(fields: Fields, value: Any, path: str) -> dt.datetime | None:
    said = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(said, str) and re.fullmatch(r"[0-9]{1,20}", said) and EARLIEST <= int(said) <= LATEST:
        seconds, rest = divmod(int(said), 10**9)
        return dt.datetime.fromtimestamp(seconds, dt.UTC) + dt.timedelta(microseconds=rest // 1000)
    fields.fault(path, f"expected nanoseconds since 1970, between the years 2000 and 2100, got {quoted(value)}")
    return None


def _attributes(fields: Fields, value: Any, path: str) -> dict[str, Any]:
    made = {}
    for i, one in enumerate(_list(fields, value, path)):
        row = fields.mapping(one, f"{path}[{i}]")
        key = _text(fields, row.get("key"), f"{path}[{i}].key")
        made[key] = _value(fields, row.get("value"), f"{path}[{i}].value")
    return made


def _value(fields: Fields, value: Any, path: str) -> Any:
    """An `AnyValue`; one that holds nothing is None."""
    if value is None or value == {}:
        return None
    row = fields.mapping(value, path)
    match next(iter(row.items()), ("", None)):
        case "stringValue", str(said):
            return said
        case "boolValue", bool(said):
            return said
        case "intValue", (int() | str()) as said if re.fullmatch(r"-?[0-9]{1,20}", str(said)):
            return int(said)
        case "doubleValue", (int() | float() | "NaN" | "Infinity" | "-Infinity") as said:
            return said
        case "bytesValue", str(said):
            return f"({len(said) * 3 // 4} bytes)"
        case "arrayValue", dict(said):
            values = _list(fields, said.get("values"), f"{path}.arrayValue.values")
            return [_value(fields, one, f"{path}.arrayValue.values[{i}]") for i, one in enumerate(values)]
        case "kvlistValue", dict(said):
            return _attributes(fields, said.get("values"), f"{path}.kvlistValue.values")
        case name, said:
            if isinstance(value, dict):
                fields.fault(path, f"expected a value such as stringValue, got {quoted(name)} with {quoted(said)}")
    return None
