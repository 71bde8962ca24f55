"""Hostile bytes in, plain values or faults out: limits first, then one field at a time, each fault with its path."""

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml

MAX_BYTES = 10 * 1024 * 1024
MAX_DEPTH = 24
MAX_YAML_NODES = 50_000
MAX_JSON_MARKS = 1_000_000
"""Commas and opening brackets: an upper bound of the values in a JSON text, counted before it is parsed."""
MAX_FAULTS = 50
MARKS = 30
"""Accents upon one letter: what the stream-safe text format allows (UAX #15). Ordering more takes quadratic time."""

HTML = re.compile(r"<[a-zA-Z/!?]")
BIDI = frozenset("\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff")
NULLS = frozenset({"", "~", "null", "Null", "NULL"})
TRUE, FALSE = frozenset({"true", "True", "TRUE"}), frozenset({"false", "False", "FALSE"})
WHOLE = re.compile(r"[-+]?[0-9]{1,15}")


@dataclass(frozen=True)
class Fault:
    """What does not hold, and where: `tools[3].annotations.readOnlyHint`, `expected true or false, got "yes"`."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason


class Unreadable(Exception):
    """The text as a whole, or parts of it, cannot be taken. `faults` says each with its path."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = list(faults)


class NoJson(Unreadable):
    """The text is no JSON at all; it may still be YAML."""


def refuse(reason: str, path: str = "") -> NoReturn:
    """Raise Unreadable with one fault."""
    raise Unreadable(Fault(path, reason))


def decoded(data: bytes) -> str:
    """The text, UTF-8 with or without a byte order mark. Raises Unreadable where it is too large, empty or no text."""
    if len(data) > MAX_BYTES:
        refuse(f"The file is larger than {MAX_BYTES // 1024 // 1024} MB. Import a smaller one.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        refuse(f"This is no UTF-8 text: byte {error.start + 1} does not fit. Save the file as UTF-8.")
    if not text.strip():
        refuse("There is nothing in it.")
    if "\0" in text:
        refuse("This is no text: it holds NUL bytes.")
    return text


def read_json(data: bytes, *, depth: int = MAX_DEPTH) -> Any:
    """The JSON value in `data` (RFC 8259, no duplicate keys, no NaN), nested at most `depth` levels. Raises Unreadable."""
    text = decoded(data)
    if text.count(",") + text.count("[") + text.count("{") > MAX_JSON_MARKS:
        refuse(f"It holds more than {MAX_JSON_MARKS:,} values. Import a smaller one.")
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        words = f"This is no JSON: line {error.lineno}, column {error.colno}: {error.msg}."
        raise NoJson(Fault("", words)) from error
    except RecursionError:
        refuse(f"It is nested deeper than {depth} levels.")
    except ValueError as error:  # a number of thousands of digits
        refuse(f"This is no JSON that can be read: {str(error)[:100]}.")
    _shallow(value, depth)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                refuse(f"The key {quoted(key)} stands twice in one object. Keep one.")
            seen.add(key)
    return made


def _no_constant(name: str) -> NoReturn:
    refuse(f"{name} is no JSON value.")


def _shallow(value: Any, most: int) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > most:
            refuse(f"It is nested deeper than {most} levels.")
        level = [
            inner
            for one in level
            if isinstance(one, (dict, list))
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, (dict, list))
        ]


def read_yaml(data: bytes) -> Any:
    """The YAML value in `data`: one document of mappings, lists and scalars. Raises Unreadable.

    Read event by event, so that neither depth nor number of nodes can grow past its limit. Anchors, aliases and tags
    are refused: a manifest needs none, and a bomb is made of them. Scalars follow YAML 1.2's core schema without floats
    and dates: `no` is a word, 1.10 is a version.
    """
    text = decoded(data)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    events = iter(yaml.parse(text, Loader=loader))
    try:
        return _Builder(events).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        refuse(f"This is no YAML: {where}{error.problem or error.context or 'it cannot be read'}.")
    except yaml.YAMLError as error:
        refuse(f"This is no YAML: {str(error).splitlines()[0][:200]}.")
    except RecursionError:
        refuse(f"It is nested deeper than {MAX_DEPTH} levels.")


class _Builder:
    """Makes the value out of the parser's events."""

    def __init__(self, events: Iterator[Any]) -> None:
        self.events = events
        self.nodes = 0

    def document(self) -> Any:
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                break
        else:
            refuse("There is nothing in it.")
        value = self.value(next(self.events), 1)
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                refuse("There is a second document (---). Keep one.")
        return value

    def value(self, event: Any, depth: int) -> Any:
        line = event.start_mark.line + 1
        self.nodes += 1
        if self.nodes > MAX_YAML_NODES:
            refuse(f"It holds more than {MAX_YAML_NODES:,} values. Import a smaller one.")
        if depth > MAX_DEPTH:
            refuse(f"It is nested deeper than {MAX_DEPTH} levels, in line {line}.")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            refuse(f"Line {line} holds an anchor or alias (& or *). They are not read: write the value out.")
        if getattr(event, "tag", None) not in (None, "!"):
            refuse(f"Line {line} holds a tag (!). Tags are not read: write a plain value.")
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return list(self.items(depth, yaml.SequenceEndEvent))
        return self.mapping(depth)

    def items(self, depth: int, end: type) -> Iterator[Any]:
        while not isinstance(event := next(self.events), end):
            yield self.value(event, depth + 1)

    def mapping(self, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            if not isinstance(event, yaml.ScalarEvent):
                self.value(event, depth + 1)  # says what is wrong with an alias or a bomb first
                refuse(f"Line {line} has a list or mapping as a key. Keys are words.")
            self.value(event, depth + 1)
            if event.value in made:
                refuse(f"The key {quoted(event.value)} stands twice in one mapping, again in line {line}. Keep one.")
            made[event.value] = self.value(next(self.events), depth + 1)
        return made


def _scalar(event: Any) -> Any:
    text = event.value
    if event.style or not event.implicit[0]:  # quoted
        return text
    if text in NULLS:
        return None
    if text in TRUE or text in FALSE:
        return text in TRUE
    return int(text) if WHOLE.fullmatch(text) else text


def quoted(value: Any) -> str:
    """What was got, short and printable: "yes", 7, a list."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)[:40] if abs(value) < 1e15 else "a huge number"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = "".join(c if c.isprintable() and c not in BIDI else "�" for c in str(value)[:61])
    return f'"{text[:60]}…"' if len(text) > 60 else f'"{text}"'


def unstacked(text: str) -> str:
    """`text` with at most MARKS accents upon one letter, as it must be before it is normalised."""
    if text.isascii():
        return text
    kept, run = [], 0
    for letter in text:
        run = run + 1 if unicodedata.combining(letter) else 0
        if run <= MARKS:
            kept.append(letter)
    return "".join(kept)


def normal(text: str) -> str:
    """`text` in Unicode form C, in a time that grows with its length only."""
    return unicodedata.normalize("NFC", unstacked(text))


class Fields:
    """Reads fields of parsed values and gathers the faults. What has a fault comes back empty."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def fault(self, path: str, reason: str) -> None:
        """Note one fault."""
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(Fault(path, reason))

    def done(self) -> None:
        """Raise Unreadable if there was any fault."""
        if self.faults:
            raise Unreadable(*self.faults)

    def mapping(self, value: Any, path: str, known: tuple[str, ...] | None = None) -> dict[str, Any]:
        """An object; with `known`, one that holds no other keys."""
        if not isinstance(value, dict):
            self.fault(path, f"expected fields with values, got {quoted(value)}")
            return {}
        for key in value if known else ():
            if key not in (known or ()):
                here = f"{path}.{_key(key)}" if path else _key(key)
                self.fault(here, f"is no field here; there are {', '.join(known or ())}")
        return value

    def listing(self, value: Any, path: str, most: int) -> list[Any]:
        """A list of at most `most`; nothing is an empty one."""
        if value is None:
            return []
        if not isinstance(value, list):
            self.fault(path, f"expected a list, got {quoted(value)}")
            return []
        if len(value) > most:
            self.fault(path, f"expected at most {most}, got {len(value):,}")
            return []
        return value

    def text(self, value: Any, path: str, most: int, *, needed: str = "") -> str:
        """One line of plain words in Unicode form C. `needed` says what to write where it is missing."""
        if value is None or (isinstance(value, str) and not value.strip()):
            if needed:
                self.fault(path, needed)
            return ""
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            self.fault(path, f"expected words, got {quoted(value)}")
            return ""
        said = self.normal(str(value).strip(), path, most)
        if not all(c.isprintable() and c not in BIDI for c in said):
            self.fault(path, f"holds control or hidden characters: {quoted(said)}")
        elif HTML.search(said):
            self.fault(path, f"holds HTML, which is not taken: {quoted(said)}")
        else:
            return said
        return ""

    def normal(self, said: str, path: str, most: int) -> str:
        """`said` in Unicode form C, at most `most` characters; empty where it has a fault. Measured before it is brought
        into that form, which takes long for a long text and for many accents upon one letter."""
        if len(said) <= 4 * most:  # form C is no shorter than that
            if unstacked(said) != said:
                self.fault(path, f"holds more than {MARKS} accents upon one letter")
                return ""
            said = unicodedata.normalize("NFC", said)
        if len(said) > most:
            self.fault(path, f"expected at most {most:,} characters, got {len(said):,}")
            return ""
        return said

    def matching(self, value: Any, path: str, pattern: re.Pattern[str], expected: str, *, needed: bool = True) -> str:
        """A text that `pattern` matches wholly; `expected` says in words what it looks like."""
        if value is None or value == "":
            if needed:
                self.fault(path, f"expected {expected}, got nothing")
            return ""
        said = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(said, str) or not pattern.fullmatch(said):
            self.fault(path, f"expected {expected}, got {quoted(value)}")
            return ""
        return said

    def one_of(self, value: Any, path: str, choices: tuple[str, ...]) -> str:
        """One of `choices`, or empty for nothing."""
        if value is None or value == "":
            return ""
        if not isinstance(value, str) or value not in choices:
            self.fault(path, f"expected {_or(choices)}, got {quoted(value)}")
            return ""
        return value

    def flag(self, value: Any, path: str) -> bool | None:
        """true, false, or None for nothing."""
        if value is None or isinstance(value, bool):
            return value
        self.fault(path, f"expected true or false, got {quoted(value)}")
        return None

    def once(self, value: str, path: str, seen: set[str], what: str) -> None:
        """Note a fault where `value` was `seen` before, upper and lower case alike."""
        if value and value.lower() in seen:
            self.fault(path, f"{what} {quoted(value)} stands twice. Keep one")
        seen.add(value.lower())


def _key(key: str) -> str:
    return key if re.fullmatch(r"[\w-]{1,40}", key) else quoted(key)


def _or(choices: tuple[str, ...]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]}" if len(choices) > 1 else choices[0]
