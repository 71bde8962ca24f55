"""Canonical JSON is RFC 8785, byte for byte, and holds nothing that reads two ways."""

import datetime as dt
import hashlib
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical import NotCanonical, dumps, nfc, sha256, timestamp

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NFC = TEXT.map(lambda text: unicodedata.normalize("NFC", text))
WHOLE = st.integers(-(2**53) + 1, 2**53 - 1)


def values(text):
    return st.recursive(
        st.booleans() | WHOLE | text,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
        max_leaves=20,
    )


def by_the_book(value):
    """RFC 8785, written again: members in the order of their names' UTF-16 code units, no space, fewest escapes."""
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be"))
        return "{" + ",".join(f"{by_the_book(name)}:{by_the_book(one)}" for name, one in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(by_the_book, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


@given(values(NFC))
def test_the_bytes_are_rfc_8785_to_the_byte(value):
    assert dumps(value) == by_the_book(value).encode()


@given(values(NFC))
def test_what_is_read_back_gives_the_same_bytes(value):
    assert dumps(json.loads(dumps(value))) == dumps(value)


@given(values(TEXT))
def test_text_in_any_form_is_brought_into_one(value):
    once = nfc(value)
    assert nfc(once) == once
    dumps(once)


def test_members_are_ordered_by_utf_16_not_by_code_point():
    assert dumps({"\uff21": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\uff21":1}'.encode()


@pytest.mark.parametrize(
    "value",
    [1.0, 0.5, float("nan"), float("inf"), -0.0, None, 2**53, -(2**53), "e\u0301", {"e\u0301": 1}, {1: "a"}, b"bytes",
     {"a", "b"}, dt.datetime(2026, 1, 1), "\ud800"],
)  # fmt: skip
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {"deep": [{"in": v}]}])
def test_what_reads_two_ways_is_refused_wherever_it_stands(value, wrap):
    with pytest.raises(NotCanonical):
        dumps(wrap(value))


def test_the_refusal_names_the_place():
    with pytest.raises(NotCanonical, match=r"\$\.a\[1\]\.b"):
        dumps({"a": [1, {"b": 1.5}]})


def test_the_largest_whole_numbers_are_held():
    assert dumps([2**53 - 1, -(2**53) + 1]) == b"[9007199254740991,-9007199254740991]"


@given(st.binary(max_size=40))
def test_a_digest_is_sha_256_in_lower_case(data):
    assert sha256(data) == hashlib.sha256(data).hexdigest()


@given(st.datetimes(min_value=dt.datetime(1900, 1, 2), timezones=st.just(dt.UTC)), st.integers(-14, 14))
def test_a_time_is_written_in_utc_with_microseconds_whatever_its_zone(moment, hours):
    text = timestamp(moment.astimezone(dt.timezone(dt.timedelta(hours=hours))) if moment.year < 9999 else moment)
    assert dt.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=dt.UTC) == moment
    assert len(text) == 27


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(NotCanonical):
        timestamp(dt.datetime(2026, 1, 1))
