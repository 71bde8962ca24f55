"""What differs between two canonical documents, section by section, in words and values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

NAMES = ("case_id", "slug", "risk", "name", "model_id", "index", "text", "audience")
"""What a row of a list is called by, in this order of preference; a row without any is called by its number."""


@dataclass(frozen=True)
class Difference:
    """One value that was added, removed or changed. `where` is a path in words; None means not there."""

    where: str
    old: str | None
    new: str | None


def differences(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> list[Difference]:
    """The differences from `old` to `new`, in the order of `new`, then what only `old` had."""
    before, after = dict(_flat(old or {})), dict(_flat(new))
    found = [Difference(path, before.get(path), value) for path, value in after.items() if before.get(path) != value]
    return found + [Difference(path, value, None) for path, value in before.items() if path not in after]


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    match value:
        case {"unknown": why}:
            yield path, f"unknown: {why}"
        case dict():
            for key, item in value.items():
                yield from _flat(item, f"{path} › {_words(key)}" if path else _words(key))
        case list():
            seen: dict[str, int] = {}
            for item in value:
                name = _name(item)
                seen[name] = seen.get(name, 0) + 1
                label = name if seen[name] == 1 else f"{name} ({seen[name]})"
                yield from _flat(item, f"{path} › {label}" if isinstance(item, dict) else f"{path} {seen[name]}")
        case bool():
            yield path, "yes" if value else "no"
        case _:
            yield path, str(value)


def _name(item: Any) -> str:
    if not isinstance(item, dict):
        return ""
    for part in (item, *(inner for inner in item.values() if isinstance(inner, dict))):
        for key in NAMES:
            if isinstance(part.get(key), str) and part[key]:
                return part[key] if len(part[key]) <= 60 else part[key][:57] + "…"
    return "row"


def _words(key: str) -> str:
    return key.replace("_", " ")
