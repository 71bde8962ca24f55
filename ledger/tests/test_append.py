"""The ledger: once written, for ever; each stream a chain; exact bytes."""

import datetime as dt
import hashlib
import json
import threading
import uuid
from typing import Any, ClassVar

import pytest
from django.db import DatabaseError, connection, connections, transaction
from pydantic import ValidationError

from ledger.actions import append
from ledger.canonical import NotCanonical, dumps
from ledger.kinds import KINDS, Entry, Id, sentence
from ledger.models import LedgerEntry, StreamHead

AT = dt.datetime(2026, 11, 21, 10, 0, 0, 123456, dt.UTC)


class Noted(Entry):
    kind = "test.noted"
    sentence = "noted {person}"
    person: Id


def entry():
    return Noted(person=str(uuid.uuid4()))


@pytest.fixture
def stream(db):
    return f"user:{uuid.uuid4()}"


def written(stream):
    return list(LedgerEntry.objects.filter(stream=stream).order_by("stream_seq"))


def refused(statement, values=(), words="append-only|can only follow"):
    with pytest.raises(DatabaseError, match=words), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.mark.parametrize("role", ["DEFAULT", "replica"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger.entry SET kind = 'other'",
        "UPDATE ledger.entry SET payload = payload",
        "DELETE FROM ledger.entry",
        "TRUNCATE ledger.entry",
        "TRUNCATE ledger.entry, ledger.stream_head CASCADE",
        "DELETE FROM ledger.stream_head",
        "TRUNCATE ledger.stream_head",
        "UPDATE ledger.stream_head SET seq = seq + 1",
        "UPDATE ledger.stream_head SET seq = 0, hash = ''",
        "UPDATE ledger.stream_head SET hash = '\\x00'",
        "UPDATE ledger.stream_head SET stream = 'user:other'",
    ],
)
def test_the_database_refuses_to_change_what_was_written(stream, role, statement):
    append(stream, entry(), actor="system", at=AT)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL session_replication_role = {role}")
        refused(statement)
    assert len(written(stream)) == 1


def test_a_deleting_queryset_is_refused_too(stream):
    append(stream, entry(), actor="system", at=AT)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        LedgerEntry.objects.filter(stream=stream).delete()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        LedgerEntry.objects.filter(stream=stream).update(kind="x")


def test_a_stream_is_a_chain_of_leaf_hashes(stream):
    for _ in range(4):
        append(stream, entry(), actor="system", at=AT)
    previous = b""
    for number, one in enumerate(written(stream), 1):
        payload = bytes(one.payload)
        assert (one.stream_seq, one.record["seq"]) == (number, number)
        assert bytes(one.prev_hash) == previous
        assert one.record["prev"] == previous.hex()
        previous = hashlib.sha256(b"\x00" + payload).digest()
        assert bytes(one.leaf_hash) == previous
    head = StreamHead.objects.get(stream=stream)
    assert (head.seq, bytes(head.hash)) == (4, previous)


def test_an_entry_says_who_when_and_what_in_canonical_bytes(stream):
    one = entry()
    append(stream, one, actor="someone", at=AT.astimezone(dt.timezone(dt.timedelta(hours=5))))
    append(stream, one, actor="system", at=AT)
    first, second = written(stream)
    record = first.record
    assert set(record) == {"v", "kind", "stream", "seq", "prev", "at", "actor", "data", "nonce"}
    assert record["at"] == "2026-11-21T10:00:00.123456Z"
    assert record["actor"] == {"id": "someone"}
    assert record["data"] == {"person": one.person}
    assert first.kind == record["kind"] == "test.noted"
    assert dumps(record) == bytes(first.payload)
    assert len(record["nonce"]) == 32
    assert "nonce" not in second.record


def test_an_entry_outside_a_transaction_is_refused(transactional_db):
    stream = f"user:{uuid.uuid4()}"
    with pytest.raises(RuntimeError, match="in the transaction of the act"):
        append(stream, entry(), actor="system", at=AT)
    assert not StreamHead.objects.filter(stream=stream).exists()


def test_an_entry_is_gone_with_the_act_that_failed(stream):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        append(stream, entry(), actor="system", at=AT)
        raise ZeroDivisionError
    assert written(stream) == []
    append(stream, entry(), actor="system", at=AT)
    assert [one.stream_seq for one in written(stream)] == [1]


def raw(stream, seq, prev, kind, payload):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT ledger.append(%s, %s, %s, %s, %s)", [stream, seq, prev, kind, payload])


def record_of(stream, seq=2, prev="", kind="test.noted", **more):
    return {"v": 1, "kind": kind, "stream": stream, "seq": seq, "prev": prev, "data": {}, **more}


@pytest.fixture
def begun(stream):
    append(stream, entry(), actor="system", at=AT)
    return stream, bytes(StreamHead.objects.get(stream=stream).hash)


def test_the_function_takes_what_follows_the_head(begun):
    stream, head = begun
    raw(stream, 2, head, "test.noted", dumps(record_of(stream, prev=head.hex())))
    assert len(written(stream)) == 2


@pytest.mark.parametrize(
    "lie",
    [
        {"stream": "user:other"}, {"seq": 3}, {"seq": 1}, {"kind": "role.granted"}, {"prev": "00" * 32}, {"prev": ""},
        {"stream": None}, {"seq": None}, {"kind": None}, {"prev": None},
    ],
)  # fmt: skip
def test_a_payload_that_contradicts_its_place_is_refused(begun, lie):
    stream, head = begun
    record = {**record_of(stream, prev=head.hex()), **lie}
    record = {key: value for key, value in record.items() if value is not None}
    with pytest.raises(DatabaseError, match="contradicts its place"):
        raw(stream, 2, head, "test.noted", dumps(record))
    assert len(written(stream)) == 1


@pytest.mark.parametrize(("seq", "prev"), [(1, None), (3, None), (2, b""), (2, b"\x00" * 32)])
def test_an_entry_that_does_not_follow_the_head_is_refused(begun, seq, prev):
    stream, head = begun
    prev = head if prev is None else prev
    with pytest.raises(DatabaseError, match="does not follow the head"):
        raw(stream, seq, prev, "test.noted", dumps(record_of(stream, seq=seq, prev=prev.hex())))
    assert len(written(stream)) == 1


@pytest.mark.parametrize("payload", [b"not json", b"\xff\xfe", b'{"stream": "a\\u0000b"}'])
def test_a_payload_that_is_no_json_is_refused(begun, payload):
    stream, head = begun
    with pytest.raises(DatabaseError):
        raw(stream, 2, head, "test.noted", payload)


def test_a_payload_larger_than_a_tile_holds_is_refused(begun):
    stream, head = begun
    large = record_of(stream, prev=head.hex(), text="x" * 65_536)
    with pytest.raises(DatabaseError):
        raw(stream, 2, head, "test.noted", dumps(large))


@pytest.mark.parametrize("name", ["", "user", "User:1", "user:with space", "user:" + "x" * 81, "other"])
def test_a_stream_has_a_room_and_an_id(db, name):
    with pytest.raises(DatabaseError), transaction.atomic():
        append(name, entry(), actor="system", at=AT)


def test_a_naive_time_is_refused(stream):
    with pytest.raises(NotCanonical, match="no time zone"):
        append(stream, entry(), actor="system", at=AT.replace(tzinfo=None))


def test_text_in_another_normal_form_is_refused(stream):
    class Odd(Entry):
        kind: ClassVar[str] = "test.odd"
        sentence: ClassVar[str] = "did something odd"
        text: Any

    try:
        for value in ("cafe\u0301", 1.5, [None], 2**53, {"a": {"b": 0.1}}, "\ud800"):
            with pytest.raises((NotCanonical, ValueError)), transaction.atomic():
                append(stream, Odd(text=value), actor="system", at=AT)
        assert written(stream) == []
    finally:
        KINDS.pop("test.odd")


class TestKinds:
    """What an entry may say is closed."""

    def test_a_field_that_the_kind_does_not_know_is_refused(self):
        with pytest.raises(ValidationError):
            Noted(person=str(uuid.uuid4()), email="a@b.c")

    @pytest.mark.parametrize(
        "person", ["", "ana", "3C659801-EA8C-4D18-B89B-3410E186B21C", "b6349fd5-2442-4900-8f33-c97d31f40fc3\n"]
    )
    def test_an_id_is_an_id(self, person):
        with pytest.raises(ValidationError):
            Noted(person=person)

    def test_an_entry_is_not_changed_after_it_was_made(self):
        one = entry()
        with pytest.raises(ValidationError):
            one.person = str(uuid.uuid4())

    def test_a_kind_has_one_schema(self):
        with pytest.raises(TypeError, match="has a schema already"):
            type("Again", (Entry,), {"kind": "test.noted", "sentence": "again", "__module__": __name__})

    def test_every_kind_has_a_sentence_that_its_fields_fill(self):
        for kind, schema in KINDS.items():
            data = dict.fromkeys(schema.model_fields, "x")
            assert sentence(kind, data) != kind, kind

    def test_a_kind_that_a_later_version_no_longer_knows_is_shown_by_its_name(self):
        assert sentence("gone.kind", {}) == "gone.kind"
        assert sentence("test.noted", {}) == "test.noted"
        assert sentence("test.noted", {"person": "x"}) == "noted x"


def test_many_writers_on_one_stream_give_one_chain(transactional_db):
    stream, each, writers = f"packet:{uuid.uuid4()}", 8, 6
    errors = []

    def write():
        try:
            for _ in range(each):
                with transaction.atomic():
                    append(stream, entry(), actor="system", at=AT)
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write) for _ in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    rows = written(stream)
    assert [one.stream_seq for one in rows] == list(range(1, each * writers + 1))
    for before, after in zip(rows, rows[1:], strict=False):
        assert bytes(after.prev_hash) == bytes(before.leaf_hash)
        assert after.id > before.id
        assert json.loads(bytes(after.payload))["prev"] == bytes(before.leaf_hash).hex()


def test_a_writer_on_another_stream_does_not_wait(transactional_db, at_once):
    def one(stream):
        with transaction.atomic():
            append(stream, entry(), actor="system", at=AT)

    mine, other = (f"packet:{uuid.uuid4()}" for _ in range(2))
    with transaction.atomic():
        append(mine, entry(), actor="system", at=AT)
        (outcome,) = at_once(lambda: one(other))
        assert outcome.error is None
        assert len(written(other)) == 1


def test_a_stream_cannot_be_made_to_start_in_the_middle(db):
    with (
        pytest.raises(DatabaseError, match="starts before its first entry"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("INSERT INTO ledger.stream_head VALUES ('user:later', 7, '\\x00')")
