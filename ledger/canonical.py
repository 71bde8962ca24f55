"""Canonical JSON (RFC 8785), with the rules that RFC leaves to us.

`rfc8785` takes 1.0, null, and text that is not NFC. A record must not hold them: a float has no single
decimal form in the reader's head, null hides why a value is missing, and two spellings of one name have two hashes.
"""

import datetime as dt
import hashlib
import unicodedata
from typing import Any

import rfc8785


class NotCanonical(ValueError):
    """A value that canonical JSON of ours does not hold; the message names its path."""


def check(value: Any, path: str = "$") -> None:
    """Raise NotCanonical unless `value` is made of NFC text, integers within 2^53 - 1, booleans, lists and dicts."""
    match value:
        case bool():
            pass
        case str():
            if not unicodedata.is_normalized("NFC", value):
                raise NotCanonical(f"{path}: text is not in Unicode normal form C")
        case int():
            if abs(value) >= 2**53:
                raise NotCanonical(f"{path}: {value} is outside the integers that JSON readers agree on")
        case list() | tuple():
            for i, item in enumerate(value):
                check(item, f"{path}[{i}]")
        case dict():
            for key, item in value.items():
                if not isinstance(key, str):
                    raise NotCanonical(f"{path}: key {key!r} is not text")
                check(key, f"{path} key")
                check(item, f"{path}.{key}")
        case _:
            raise NotCanonical(f"{path}: {type(value).__name__} is not allowed; write text, an integer or a reason")


def nfc(value: Any) -> Any:
    """The same value with every text in Unicode normal form C: for what people typed, before it is frozen."""
    match value:
        case str():
            return unicodedata.normalize("NFC", value)
        case list() | tuple():
            return [nfc(item) for item in value]
        case dict():
            return {nfc(key): nfc(item) for key, item in value.items()}
    return value


def dumps(value: Any) -> bytes:
    """The RFC 8785 bytes of `value`. Raises NotCanonical for what `check` refuses."""
    check(value)
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as error:
        raise NotCanonical(str(error)) from error


def sha256(data: bytes) -> str:
    """SHA-256 of `data`, in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def timestamp(at: dt.datetime) -> str:
    """`at` as `YYYY-MM-DDTHH:MM:SS.ffffffZ`. Raises NotCanonical for a naive time."""
    if at.tzinfo is None:
        raise NotCanonical(f"{at} has no time zone")
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
