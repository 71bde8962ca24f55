"""Tampering with a bundle's bytes, container, signature and JSON, each of which verify.py must refuse."""

import io
import random
import struct
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence.tests.made import OTHER_KEY, Made, check, pem, refused, uid

WHOLE = Made().seal()


def test_every_flipped_byte():
    # Each byte of structure and signature, and of the rest one in 37: the bytes of a stored member are all alike.
    start = WHOLE.index(b"PK\1\2")
    places = {*range(start, len(WHOLE)), *range(0, start, 37)}
    places |= {place + i for place in _all(b"PK\3\4") for i in range(60)}
    places |= {WHOLE.index(b"SHA256SUMS.sig") + i for i in range(78)}
    for place in sorted(places):
        body = bytearray(WHOLE)
        body[place] ^= 0xFF
        assert check(bytes(body))["exit"] == 1, place


def _all(mark):
    place = WHOLE.find(mark)
    while place >= 0:
        yield place
        place = WHOLE.find(mark, place + 1)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 7))
def test_any_flipped_bit(place, bit):
    body = bytearray(WHOLE)
    body[place] ^= 1 << bit
    assert check(bytes(body))["exit"] == 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(WHOLE) - 1))
def test_any_truncation(length):
    assert check(WHOLE[:length])["exit"] == 1


def test_appended_and_prepended_bytes():
    assert check(WHOLE + b"\0")["exit"] == 1
    assert check(b"\0" + WHOLE)["exit"] == 1


def test_noise():
    noise = random.Random(1)
    for size in (0, 1, 21, 22, 23, 1000):
        assert check(noise.randbytes(size))["exit"] == 1


# ------------------------------------------------------------------ the container


def rezipped(change=lambda name, info, body: [(info, body)], **kwargs):
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(WHOLE)) as old, zipfile.ZipFile(out, "w", **kwargs) as new:
        for info in old.infolist():
            for each, body in change(info.filename, info, old.read(info)):
                new.writestr(each, body)
    return out.getvalue()


def named(name, attributes=0o100644 << 16):
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.create_system, info.external_attr = 3, attributes
    return info


def test_rezipping_as_the_portal_does_changes_nothing():
    assert rezipped() == WHOLE


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/etc/passwd", "ledger//x", "./x", "C:\\x"])
def test_a_path_that_leads_out(name):
    def change(old, info, body):
        return [(info, body)] + ([(named(name), b"x")] if old == "verify.py" else [])

    assert "leads out" in refused(rezipped(change), "hygiene")


def test_a_symbolic_link():
    link = named("verify.py", 0o120777 << 16)
    assert "link" in refused(
        rezipped(lambda name, info, body: [(link if name == "verify.py" else info, body)]), "hygiene"
    )


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_twice():
    twice = rezipped(lambda name, info, body: [(named(name), body)] + [(info, body)] * (name == "manifest.json"))
    assert "twice" in refused(twice, "hygiene")


def test_a_zip_bomb():
    def change(name, info, body):
        if name != "verify.py":
            return [(info, body)]
        info.compress_type = zipfile.ZIP_DEFLATED
        return [(info, bytes(5_000_000))]

    bomb = rezipped(change)
    assert len(bomb) < len(WHOLE) + 20_000
    assert "compressed" in refused(bomb, "hygiene")


def test_a_claimed_size_beyond_the_file():
    body = bytearray(WHOLE)
    place = WHOLE.index(b"PK\1\2")
    body[place + 20 : place + 28] = struct.pack("<LL", 2**31, 2**31)
    assert "more bytes than the zip holds" in refused(bytes(body), "hygiene")


def test_a_claimed_number_of_files():
    body = WHOLE[:-22] + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, *struct.unpack("<2L", WHOLE[-10:-2]), 0)
    assert "65,535 files" in refused(body, "hygiene")


def test_a_file_that_belongs_in_no_bundle():
    made = Made()
    made.files["attachments.json"] = b"{}"
    assert "no file that a bundle holds" in refused(made.seal(), "hygiene")


def test_an_unlisted_file():
    extra = named(f"signoffs/{uid('extra')}.json")

    def change(name, info, body):
        return [(extra, b"{}"), (info, body)] if name == "verify.py" else [(info, body)]

    # Sorted into its place, so that only the sums can tell.
    out = sorted(
        (pair for name in zipfile.ZipFile(io.BytesIO(WHOLE)).infolist() for pair in change(name.filename, name, b"")),
        key=lambda pair: pair[0].filename,
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(WHOLE)) as old, zipfile.ZipFile(packed, "w") as new:
        for info, body in out:
            new.writestr(info, body or old.read(info))
    assert "does not list" in refused(packed.getvalue(), "sums")


def test_a_missing_file():
    assert "Missing" in refused(rezipped(lambda n, i, b: [] if n.startswith("signoffs") else [(i, b)]), "sums")
    assert "Missing" in refused(rezipped(lambda n, i, b: [] if n == "releases.json" else [(i, b)]), "hygiene")


# ------------------------------------------------------------------ signature and keys


def test_a_bundle_signed_by_a_stranger_with_their_own_key_inside():
    made = Made()
    made.key, made.files["keys/evidence.pem"] = OTHER_KEY, pem(OTHER_KEY)
    assert "another key" in refused(made.seal(), "signature")


def test_a_strangers_signature_with_the_right_key_inside():
    made = Made()
    made.key = OTHER_KEY
    assert "not a signature" in refused(made.seal(), "signature")


def test_a_key_that_is_none():
    made = Made()
    made.files["keys/evidence.pem"] = b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
    assert "not an Ed25519 public key" in refused(made.seal(), "signature")


# ------------------------------------------------------------------ JSON


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'[{"a":1,"a":1}]', "twice"),
        (b'[{"a":1.0}]', "not an integer"),
        (b'[{"a":1e2}]', "not an integer"),
        (b'[{"a":NaN}]', "not an integer"),
        (b'[{"a":9007199254740992}]', "beyond"),
        (b'[{"a":' + b"9" * 5000 + b"}]", "beyond"),
        (b'[{"a":null}]', "null"),
        (b'[{"a":"\\ud800"}]', "not the JSON"),
        (b'["\xff"]', "not the JSON"),
        (b'["e\xcc\x81"]', "normal form"),
        (b'[{"a":1 }]', "canonical"),
        (b'[{"b":1,"a":1}]', "canonical"),
        (b'["\\u0041"]', "canonical"),
        (b"[-0]", "canonical"),
        (b"1", "canonical"),
        (b"", "not the JSON"),
        (b"[" * 100_000, "not the JSON"),
    ],
)
def test_json_that_is_not_the_portals(body, words):
    made = Made()
    made.files["releases.json"] = body
    assert words in refused(made.seal(), "json")


def test_a_line_of_the_ledger_that_is_not_canonical():
    made = Made()
    made.seal()
    made.lines[0] = made.lines[0].replace(b'"v":1', b'"v":1.0')
    assert "not an integer" in refused(made.seal(), "ledger")
