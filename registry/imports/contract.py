"""A data contract's fields, read from a JSON Schema, an Open Data Contract Standard file, or a plain list of fields."""

import json
from dataclasses import dataclass
from typing import Any

from registry.imports.reading import Fields, NoJson, quoted, read_json, read_yaml, refuse

MAX_FIELDS = 1000
MAX_TEXT = 500_000
MAX_STEPS = 20_000
"""Of following references and naming types: few fields can be written so that they stand for endlessly many."""
NAME, TYPE, MEANING = 200, 200, 1000
KEYS = ("name", "type", "meaning", "sensitive", "required")
HARMLESS = frozenset({"public", "internal", "none", "non-sensitive", "not sensitive"})
"""Classifications of a field that say it is not sensitive; any other that is written says that it is."""


@dataclass(frozen=True)
class Field:
    """One field of a contract; None where the schema does not say."""

    name: str
    type: str
    meaning: str
    sensitive: bool | None
    required: bool | None

    def row(self) -> dict[str, Any]:
        """The field as a contract keeps it."""
        return {key: getattr(self, key) for key in KEYS}


@dataclass(frozen=True)
class Read:
    """What was read: in which format, what it says of its own version, and its fields in order."""

    format: str
    version: str
    fields: list[Field]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The fields as a contract keeps them."""
        return [field.row() for field in self.fields]


def read_contract(data: bytes) -> Read:
    """Read a contract. Raises Unreadable with each fault and its path."""
    if len(data) > MAX_TEXT:
        refuse(f"The schema is larger than {MAX_TEXT // 1000} kB. Publish what agents may read of it.")
    try:
        value = read_json(data)
    except NoJson:
        value = read_yaml(data)
    if isinstance(value, list):
        value = {"fields": value}
    reader = _Reader()
    if not isinstance(value, dict):
        refuse(f"Expected a schema, got {quoted(value)}.")
    if value.get("kind") == "DataContract" or "dataset" in value:
        made = reader.odcs(value)
    elif "properties" in value or "$schema" in value or "$defs" in value or "allOf" in value or "items" in value:
        made = reader.json_schema(value)
    elif "fields" in value:
        made = reader.plain(value)
    else:
        refuse(
            "This is no JSON Schema (properties), no Open Data Contract Standard file (kind), and no list of fields."
        )
    reader.checks.done()
    if not made.fields:
        refuse("It describes no field. A contract says at least what one field means.")
    return made


class _Reader:
    """Gathers fields and faults of one schema."""

    def __init__(self) -> None:
        self.checks = Fields()
        self.fields: list[Field] = []
        self.names: set[str] = set()
        self.steps = 0

    def step(self) -> None:
        """Count one step of work, and refuse a schema that takes too many."""
        self.steps += 1
        if self.steps > MAX_STEPS:
            refuse("Its references stand for far more than it holds. Write the fields out.")

    def add(self, path: str, name: str, kind: Any, meaning: Any, sensitive: bool | None, required: bool | None) -> None:
        """Keep one field. A name stands once."""
        if len(self.fields) >= MAX_FIELDS:
            refuse(f"It describes more than {MAX_FIELDS:,} fields. Split the source.")
        said = self.words(name, f"{path}.name", NAME)
        if not said:
            self.checks.fault(path, "has no name")
        elif said in self.names:
            self.checks.fault(path, f"the field {quoted(said)} stands twice. Keep one")
        self.names.add(said)
        words = self.words(meaning, f"{path}.meaning", MEANING)
        self.fields.append(Field(said, self.words(kind, f"{path}.type", TYPE), words, sensitive, required))

    def words(self, value: Any, path: str, most: int) -> str:
        """One line of text: line breaks become spaces. Types such as array<string> are text too."""
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            self.checks.fault(path, f"expected words, got {quoted(value)}")
            return ""
        said = self.checks.normal(" ".join(str(value).split()), path, most)
        if not said.isprintable():
            self.checks.fault(path, f"holds control or hidden characters: {quoted(said)}")
            return ""
        return said

    def plain(self, value: dict[str, Any]) -> Read:
        """The portal's own form: {"version": …, "fields": [{"name", "type", "meaning", "sensitive", "required"}]}."""
        for i, one in enumerate(self.checks.listing(value["fields"], "fields", MAX_FIELDS)):
            path = f"fields[{i}]"
            row = self.checks.mapping(one, path, KEYS)
            flags = [self.checks.flag(row.get(key), f"{path}.{key}") for key in ("sensitive", "required")]
            self.add(path, row.get("name", ""), row.get("type"), row.get("meaning"), *flags)
        return Read("fields", self.words(value.get("version"), "version", 50), self.fields)

    # Open Data Contract Standard

    def odcs(self, value: dict[str, Any]) -> Read:
        """Version 3 (schema, properties) or 2 (dataset, columns)."""
        three = "schema" in value
        tables = self.checks.listing(value.get("schema" if three else "dataset"), "schema" if three else "dataset", 200)
        for i, one in enumerate(tables):
            path = f"{'schema' if three else 'dataset'}[{i}]"
            table = self.checks.mapping(one, path)
            name = str(table.get("name" if three else "table") or "")
            within = f"{name}." if len(tables) > 1 and name else ""
            self._columns(table.get("properties" if three else "columns"), path, within, three)
        return Read("odcs", self.words(value.get("version"), "version", 50), self.fields)

    def _columns(self, columns: Any, path: str, within: str, three: bool) -> None:
        inner = "properties" if three else "columns"
        for i, one in enumerate(self.checks.listing(columns, f"{path}.{inner}", MAX_FIELDS)):
            self._column(self.checks.mapping(one, f"{path}.{inner}[{i}]"), f"{path}.{inner}[{i}]", within, three)

    def _column(self, row: dict[str, Any], path: str, within: str, three: bool) -> None:
        name = str(row.get("name" if three else "column") or "")
        kinds = [row.get("logicalType"), row.get("physicalType")]
        kind = ", ".join(dict.fromkeys(str(one) for one in kinds if one))
        required = self.checks.flag(row.get("required"), f"{path}.required")
        if not three and row.get("isNullable") is not None:
            nullable = self.checks.flag(row.get("isNullable"), f"{path}.isNullable")
            required = None if nullable is None else not nullable
        meaning = row.get("description") or row.get("businessName")
        self.add(path, within + name if name else "", kind, meaning, self._sensitive(row, path), required)
        if three and "properties" in row:
            self._columns(row["properties"], path, f"{within}{name}.", three)
        if three and isinstance(row.get("items"), dict) and "properties" in row["items"]:
            self._columns(row["items"]["properties"], f"{path}.items", f"{within}{name}[].", three)

    def _sensitive(self, row: dict[str, Any], path: str) -> bool | None:
        said = row.get("classification", row.get("x-classification"))
        for key in ("x-sensitive", "x-pii", "sensitive", "pii"):
            if key in row:
                return self.checks.flag(row[key], f"{path}.{key}")
        if said is None or said == "":
            return None
        return self.words(said, f"{path}.classification", NAME).lower() not in HARMLESS

    # JSON Schema

    def json_schema(self, value: dict[str, Any]) -> Read:
        """Properties at every depth: `address.street`, `lines[].amount`. References within the file are followed."""
        self._object(value, "", "", value, ())
        version = value.get("version", value.get("x-version"))
        return Read("json_schema", self.words(version, "version", 50), self.fields)

    def _object(self, schema: Any, path: str, within: str, root: dict[str, Any], seen: tuple[str, ...]) -> None:
        schema, seen = self._resolved(schema, path, root, seen)
        needed = schema.get("required")
        needed = [one for one in needed if isinstance(one, str)] if isinstance(needed, list) else []
        for i, part in enumerate(self.checks.listing(schema.get("allOf"), _at(path, "allOf"), 100)):
            self._object(part, f"{_at(path, 'allOf')}[{i}]", within, root, seen)
        if not within and isinstance(schema.get("items"), dict) and "properties" not in schema:
            self._object(schema["items"], _at(path, "items"), within, root, seen)
        properties = schema.get("properties")
        for name, one in self.checks.mapping(properties, _at(path, "properties")).items() if properties else ():
            here = _at(path, f"properties.{name}")
            self._property(name, one, here, within, name in needed, root, seen)

    def _property(
        self,
        name: str,
        schema: Any,
        path: str,
        within: str,
        required: bool,
        root: dict[str, Any],
        seen: tuple[str, ...],
    ) -> None:
        if isinstance(schema, bool):
            schema = {}
        if not isinstance(schema, dict):
            self.checks.fault(path, f"expected a schema, got {quoted(schema)}")
            return
        own = schema
        schema, inner = self._resolved(schema, path, root, seen)
        meaning = own.get("description") or schema.get("description") or own.get("title") or schema.get("title")
        sensitive = self._sensitive(own, path) if own is schema else self._sensitive({**schema, **own}, path)
        self.add(path, within + name, self._type(schema, root), meaning, sensitive, required)
        for branch in [schema, *_branches(schema)]:
            self._inside(branch, path, f"{within}{name}", root, inner)

    def _inside(
        self, schema: dict[str, Any], path: str, name: str, root: dict[str, Any], seen: tuple[str, ...]
    ) -> None:
        if any(key in schema for key in ("properties", "allOf", "$ref")):
            self._object(schema, path, f"{name}.", root, seen)
        if isinstance(schema.get("items"), dict):
            items, inner = self._resolved(schema["items"], f"{path}.items", root, seen)
            self._inside(items, f"{path}.items", f"{name}[]", root, inner)

    def _resolved(
        self, schema: Any, path: str, root: dict[str, Any], seen: tuple[str, ...]
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The schema that `$ref` points to, within the file; a reference to what is being read already ends there."""
        self.step()
        schema = self.checks.mapping(schema, path)
        while isinstance(schema, dict) and "$ref" in schema:
            ref = str(schema["$ref"])
            if not ref.startswith("#"):
                self.checks.fault(
                    f"{path}.$ref", f"points outside the file: {quoted(ref)}. Put what it names into $defs"
                )
                return {}, seen
            if ref in seen:
                return {"type": "as above"}, seen
            seen, found = (*seen, ref), _pointed(root, ref)
            if not isinstance(found, dict):
                self.checks.fault(f"{path}.$ref", f"points to nothing: {quoted(ref)}")
                return {}, seen
            schema = found
        return schema, seen

    def _type(self, schema: dict[str, Any], root: dict[str, Any], depth: int = 4) -> str:
        """The type in words: `string, date`, `array of number`, `string or null`, `one of "a", "b"`."""
        self.step()
        kinds = schema.get("type")
        said = " or ".join(str(one) for one in kinds) if isinstance(kinds, list) else str(kinds or "")
        if "enum" in schema or "const" in schema:
            values = schema.get("enum", [schema.get("const")])
            values = values if isinstance(values, list) else [values]
            words = f"one of {', '.join(json.dumps(one, ensure_ascii=False) for one in values)}"
            return words if len(words) <= TYPE else said or "one of many"
        if not said and depth:
            inner = [self._type(_follow(one, root), root, depth - 1) for one in _branches(schema)]
            said = " or ".join(dict.fromkeys(one for one in inner if one))
        if depth and isinstance(schema.get("items"), dict):
            of = self._type(_follow(schema["items"], root), root, depth - 1)
            said = f"array of {of}" if of else "array"
        if not said and "properties" in schema:
            said = "object"
        if schema.get("format"):
            said = f"{said}, {schema['format']}"
        return said if len(said) <= TYPE else f"{said[: TYPE - 1]}…"


def _at(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _branches(schema: dict[str, Any]) -> list[dict[str, Any]]:
    found = [schema.get(key) for key in ("anyOf", "oneOf")]
    return [one for some in found if isinstance(some, list) for one in some if isinstance(one, dict)]


def _follow(schema: dict[str, Any], root: dict[str, Any], steps: int = 8) -> dict[str, Any]:
    while steps and isinstance(schema.get("$ref"), str) and schema["$ref"].startswith("#"):
        found = _pointed(root, schema["$ref"])
        schema, steps = found if isinstance(found, dict) else {}, steps - 1
    return schema


def _pointed(root: Any, ref: str) -> Any:
    """What a JSON Pointer (RFC 6901) in a fragment points to; None for nothing."""
    found = root
    for step in ref.removeprefix("#").strip("/").split("/") if ref.strip("#/") else ():
        key = step.replace("~1", "/").replace("~0", "~")
        found = found.get(key) if isinstance(found, dict) else None
    return found
