#!/usr/bin/env python3
"""Verify an evidence bundle of Portcullis, offline, without the portal and without trust in the bundle.

    python3 verify.py BUNDLE.zip --key evidence.pem [--json]

Take this file and evidence.pem from somewhere else than the bundle: a bundle that is checked with what it carries
itself proves only that it is whole. Needs Python 3.9 or newer, and either the package `cryptography` or the
command `openssl` 3. Reads the zip in place: nothing is unpacked, nothing in it is run, no network is used.

Exit status: 0 verified; 1 refused; 2 verified but incomplete (no --key given, or packets were withheld from
the person who exported); 3 the command was used wrongly or something needed is missing.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

FORMAT = "portcullis-evidence/1"
MAX_FILE = 10_000_000  # bytes of one attachment
MAX_BYTES, MAX_MEMBERS, MAX_JSON, MAX_LINE = 2**31, 60_000, 64 * 2**20, 65_534
MAX_INT = 2**53 - 1
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
STREAM = re.compile(r"system|[a-z]+:[0-9a-z-]{1,80}")
KEY_PREFIX = bytes.fromhex("302a300506032b6570032100")  # RFC 8410: an Ed25519 public key is this and 32 bytes
SUMS, SIGNATURE, LEDGER = "SHA256SUMS", "SHA256SUMS.sig", "ledger/entries.jsonl"
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# Every file that a bundle may hold. What is not named here has no business in one, however well it is signed.
REQUIRED = {
    "README.html",
    SUMS,
    SIGNATURE,
    "keys/evidence.pem",
    LEDGER,
    "manifest.json",
    "releases.json",
    "verify.py",
}
LAYOUT = {
    "document": re.compile(r"packets/(\d+)-r(\d+)/document\.json"),
    "signoff": re.compile(rf"signoffs/({UUID})\.json"),
    "decision": re.compile(rf"decisions/({UUID})\.(input|output)\.json"),
    "policy": re.compile(r"policies/([a-z0-9_-]+@\d+)\.json"),
    "checklist": re.compile(r"checklists/([a-z0-9_-]+@\d+)\.json"),
    "attachment": re.compile(r"attachments/([0-9a-f]{64})"),
    "grant": re.compile(r"grants/([0-9a-f]{64})\.json"),
}


class Refused(Exception):
    """The bundle does not hold; the message is a sentence that says where."""


class Usage(Exception):
    """The command cannot be carried out; the message says what is missing."""


def need(condition: Any, sentence: str) -> None:
    """Raise Refused with `sentence` unless `condition` holds."""
    if not condition:
        raise Refused(sentence)


# ---------------------------------------------------------------------------------------------- the container


class Bundle:
    """A zip exactly as the portal writes it: members stored, sorted, one time, one header, not a byte between them.

    Python's `zipfile` is lenient (it skips what it does not know, and believes one of two headers), so the
    structure is read here, and every byte of it must be the one expected.
    """

    LOCAL, CENTRAL, END = struct.Struct("<4s2B4HL2L2H"), struct.Struct("<4s4B4HL2L5H2L"), struct.Struct("<4s4H2LH")
    ORDINARY = 0o100644 << 16

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.size = file.seek(0, os.SEEK_END)
        self.members: dict[str, tuple[int, int, int]] = {}  # name: where its bytes begin, how many, CRC-32
        need(self.size <= MAX_BYTES, f"The file has {self.size:,} bytes; a bundle has at most {MAX_BYTES:,}.")
        need(self.size >= self.END.size, "The file is too short to be a bundle.")
        end = self.END.unpack(self.at(self.size - self.END.size, self.END.size))
        need(end[0] == b"PK\5\6", "The file does not end as a bundle does: it was cut short, or something was added.")
        count, length, start = end[4], end[5], end[6]
        need(
            end[1:4] == (0, 0, count) and end[7] == 0 and start + length + self.END.size == self.size,
            "The zip's end contradicts itself: it was cut short, or something was added.",
        )
        need(0 < count <= MAX_MEMBERS, f"The zip claims {count:,} files; a bundle has 1 to {MAX_MEMBERS:,}.")
        self._read(self.at(start, length), count, start)

    def _read(self, directory: bytes, count: int, start: int) -> None:
        place, here, last = 0, 0, ""
        for _ in range(count):
            need(place + self.CENTRAL.size <= len(directory), "The zip's directory is cut short.")
            row = self.CENTRAL.unpack_from(directory, place)
            place += self.CENTRAL.size
            name = directory[place : place + row[12]].decode("ascii", "backslashreplace")
            place += row[12]
            method, crc, packed, size, attributes = row[6], row[9], row[10], row[11], row[17]
            need(name not in self.members, f"The file {name} is there twice.")
            parts = name.split("/")
            need(not {"", ".", ".."} & set(parts) and "\\" not in name, f"The path {name!r} leads out of the bundle.")
            need(
                (attributes >> 16) & 0o170000 in (0, 0o100000),
                f"{name} is not an ordinary file but a link or a device.",
            )
            need(method == 0 and packed == size, f"{name} is compressed; a bundle stores its files as they are.")
            need(name in REQUIRED or kind_of(name), f"{name} is no file that a bundle holds.")
            need(name > last, f"{name} stands in the wrong place; a bundle's files are sorted.")
            raw = name.encode()
            fixed = (0, 0, 0, 33, crc, size, size, len(raw))  # 33: 1 January 1980, where zip's calendar begins
            central = (b"PK\1\2", 20, 3, 20, 0, *fixed, 0, 0, 0, 0, self.ORDINARY, here)
            need(row == central, f"The zip's directory describes {name} as the portal never does.")
            need(here + self.LOCAL.size + len(raw) + size <= start, f"{name} claims more bytes than the zip holds.")
            local = self.LOCAL.pack(b"PK\3\4", 20, 0, *fixed, 0) + raw
            need(self.at(here, len(local)) == local, f"The two headers of {name} in the zip contradict each other.")
            here += len(local)
            self.members[name], last = (here, size, crc), name
            here += size
        need(here == start and place == len(directory), "The zip holds bytes that belong to no file.")

    def at(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`."""
        self.file.seek(offset)
        data = self.file.read(length)
        need(len(data) == length, "The file ends too early.")
        return data

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of one file, a megabyte at a time, against its CRC-32."""
        offset, left, crc = self.members[name]
        found = 0
        while left:
            data = self.at(offset, min(left, 2**20))
            offset, left, found = offset + len(data), left - len(data), zlib.crc32(data, found)
            yield data
        need(found == crc, f"{name} has changed (CRC-32).")

    def read(self, name: str, limit: int = MAX_JSON) -> bytes:
        """All bytes of a file that must be there and small."""
        need(name in self.members, f"{name} is missing.")
        need(self.members[name][1] <= limit, f"{name} has more than {limit:,} bytes.")
        return b"".join(self.chunks(name))

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a file of any size, without their line feed."""
        rest = b""
        for chunk in self.chunks(name):
            *whole, rest = (rest + chunk).split(b"\n")
            yield from whole
            need(len(rest) <= MAX_LINE, f"{name} has a line of more than {MAX_LINE:,} bytes.")
        need(not rest, f"{name} ends in the middle of a line.")

    def names(self, kind: str) -> Iterator[tuple[str, re.Match[str]]]:
        """The files of one kind, with their names taken apart."""
        for name in self.members:
            match = LAYOUT[kind].fullmatch(name)
            if match:
                yield name, match


def kind_of(name: str) -> str:
    """Which kind of file `name` is by LAYOUT; empty for none."""
    return next((kind for kind, path in LAYOUT.items() if path.fullmatch(name)), "")


# --------------------------------------------------------------------------------------------- canonical JSON


def jcs(value: Any) -> bytes:
    """RFC 8785 bytes of text, integers, booleans, lists and dicts. Raises ValueError for anything else."""
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int):
        if abs(value) > MAX_INT:
            raise ValueError(f"the integer {value} is beyond 2^53 - 1")
        return str(value).encode()
    if isinstance(value, str):
        if not unicodedata.is_normalized("NFC", value):
            raise ValueError(f"the text {value[:40]!r} is not in Unicode normal form C")
        return json.dumps(value, ensure_ascii=False).encode()
    if isinstance(value, list):
        return b"[" + b",".join(map(jcs, value)) + b"]"
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return b"{" + b",".join(jcs(key) + b":" + jcs(value[key]) for key in keys) + b"}"
    raise ValueError("null is not allowed")


def strict(data: bytes, where: str) -> Any:
    """Parse canonical JSON. Refuses duplicate keys, floats, nulls, and any spelling but the canonical one."""

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in found}) < len(found):
            raise ValueError("a key is there twice")
        return dict(found)

    def integer(text: str) -> int:
        if len(text) > 17:
            raise ValueError(f"the integer {text[:20]}… is beyond 2^53 - 1")
        return int(text)

    def no_number(text: str) -> Any:
        raise ValueError(f"the number {text[:20]} is not an integer")

    try:
        value = json.loads(
            data.decode(), object_pairs_hook=pairs, parse_int=integer, parse_float=no_number, parse_constant=no_number
        )
        canonical = jcs(value) == data
    except (ValueError, RecursionError) as error:  # JSON and Unicode errors are ValueErrors
        raise Refused(f"{where} is not the JSON that the portal writes: {error}.") from None
    need(canonical and isinstance(value, (dict, list)), f"{where} is not in canonical form (RFC 8785).")
    return value


def sha256(data: bytes) -> str:
    """SHA-256, in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def public_key(pem: bytes, where: str) -> bytes:
    """The 32 bytes of an Ed25519 public key in PEM. Raises ValueError for anything else."""
    match = re.fullmatch(rb"\s*-----BEGIN PUBLIC KEY-----\s+([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*", pem)
    try:
        der = base64.b64decode(re.sub(rb"\s", b"", match[1]), validate=True) if match else b""
    except binascii.Error:
        der = b""
    if len(der) != 44 or not der.startswith(KEY_PREFIX):
        raise ValueError(f"{where} is not an Ed25519 public key in PEM.")
    return der[12:]


def signed(key: bytes, data: bytes, signature: bytes) -> bool:
    """Whether `signature` is the Ed25519 signature of `data` under `key` (RFC 8032)."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return signed_by_openssl(key, data, signature)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, data)
    except InvalidSignature:
        return False
    return True


def signed_by_openssl(key: bytes, data: bytes, signature: bytes) -> bool:
    """The same through the command `openssl`, which reads Ed25519 input only from files."""
    pem = b"-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(KEY_PREFIX + key) + b"\n-----END PUBLIC KEY-----\n"
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder, name) for name in ("key", "data", "sig")}
        paths["key"].write_bytes(pem)
        paths["data"].write_bytes(data)
        paths["sig"].write_bytes(signature)
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(paths["key"]), "-rawin"]
        command += ["-in", str(paths["data"]), "-sigfile", str(paths["sig"])]
        try:
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
        except FileNotFoundError:
            raise Usage(
                "Install the Python package cryptography, or OpenSSL 3, so that signatures can be read."
            ) from None


# ------------------------------------------------------------------------------------------------- the checks


class Facts:
    """What the checks hand to each other. Of the ledger only what later checks ask for is kept."""

    def __init__(self, bundle: Bundle, pinned: bytes | None) -> None:
        self.bundle, self.pinned = bundle, pinned
        self.manifest: dict[str, Any] = {}
        self.heads: dict[str, tuple[int, str]] = {}  # stream: sequence number and hash of its last entry
        self.export: dict[str, Any] = {}
        self.documents: dict[tuple[str, int], dict[str, Any]] = {}  # (packet, revision): parts, digest, content
        self.submitted: dict[tuple[str, int], dict[str, Any]] = {}  # (packet, revision): the entry
        self.changed_by: dict[
            str, dict[str, int]
        ] = {}  # packet: who wrote or submitted, and their first entry's number
        self.signed: dict[str, dict[str, Any]] = {}  # sign-off's id: the entry
        self.decided: dict[str, dict[str, Any]] = {}  # decision's id: the entry
        self.released: dict[str, dict[str, Any]] = {}  # release's id: the entry of its promotion
        self.resumed: list[dict[str, Any]] = []
        self.owners: list[tuple[str, str]] = []  # (since when, who), in order: whoever owned the agent
        self.statements: dict[str, dict[str, Any]] = {}  # sign-off's id: what was signed
        self.checklists: dict[str, dict[str, Any]] = {}  # SHA-256: the checklist


def check_sums(facts: Facts) -> str:
    """SHA256SUMS names every file but itself and its signature, and each has the digest named."""
    bundle = facts.bundle
    named: dict[str, str] = {}
    for line in bundle.read(SUMS).decode("utf-8", "replace").split("\n")[:-1]:
        match = re.fullmatch(r"([0-9a-f]{64})  ([ -~]+)", line)
        if not match:
            raise Refused(f"{SUMS} has a line that is not a digest and a path: {line[:80]!r}.")
        need(match[2] not in named, f"{SUMS} names {match[2]} twice.")
        named[match[2]] = match[1]
    need(bundle.read(SUMS).endswith(b"\n"), f"{SUMS} is cut short.")
    held = set(bundle.members) - {SUMS, SIGNATURE}
    need(not held - set(named), f"{SUMS} does not list {', '.join(sorted(held - set(named))[:3])}.")
    need(not set(named) - held, f"Missing from the bundle: {', '.join(sorted(set(named) - held)[:3])}.")
    for name, digest in named.items():
        found = hashlib.sha256()
        for chunk in bundle.chunks(name):
            found.update(chunk)
        need(found.hexdigest() == digest, f"{name} has changed: its SHA-256 is not the one in {SUMS}.")
    return f"{len(named)} files have the SHA-256 digests that {SUMS} names, and none is unlisted"


def check_signature(facts: Facts) -> str:
    """One Ed25519 signature over SHA256SUMS, by the pinned key where one is given."""
    bundle = facts.bundle
    data, signature = bundle.read(SUMS), bundle.read(SIGNATURE, 64)
    need(len(signature) == 64, f"{SIGNATURE} is not an Ed25519 signature: it has {len(signature)} bytes, not 64.")
    try:
        own = public_key(bundle.read("keys/evidence.pem", 4096), "keys/evidence.pem")
    except ValueError as error:
        raise Refused(str(error)) from None
    need(facts.pinned in (None, own), "The bundle was signed with another key than the one you gave.")
    need(signed(facts.pinned or own, data, signature), f"{SIGNATURE} is not a signature of {SUMS} by this key.")
    fingerprint = sha256(KEY_PREFIX + own)
    if facts.pinned is None:
        return f"{SUMS} is signed by the key that the bundle itself carries (fingerprint {fingerprint})"
    return f"{SUMS} is signed by the key that you gave (fingerprint {fingerprint})"


def check_json(facts: Facts) -> str:
    """Every JSON file is canonical: no duplicate keys, no floats, no nulls, one spelling."""
    count = 0
    for name in facts.bundle.members:
        if name.endswith(".json"):
            value, count = strict(facts.bundle.read(name), name), count + 1
            need(isinstance(value, (dict, list)), f"{name} is neither an object nor a list.")
            if name == "manifest.json":
                facts.manifest = value
    need(facts.manifest.get("format") == FORMAT, f"manifest.json does not say {FORMAT}: another verify.py reads it.")
    return f"{count} JSON files are canonical (RFC 8785), without duplicate keys, floats or nulls"


def check_ledger(facts: Facts) -> str:
    """Each stream is one chain from its first entry, and every entry says where it stands."""
    count = 0
    for line in facts.bundle.lines(LEDGER):
        count += 1
        record = strict(line, f"Line {count} of {LEDGER}")
        try:
            stream, seq, prev, kind = record["stream"], record["seq"], record["prev"], record["kind"]
            actor, data, at = record["actor"]["id"], record["data"], record["at"]
            first = {"nonce"} if seq == 1 else set()
            shape = set(record) == {"v", "kind", "stream", "seq", "prev", "at", "actor", "data"} | first
            shape = shape and record["v"] == 1 and type(seq) is int and isinstance(kind, str) and isinstance(data, dict)
            shape = bool(shape and STREAM.fullmatch(stream) and TIME.fullmatch(at) and isinstance(actor, str))
        except (KeyError, TypeError):
            shape = False
        need(shape, f"Line {count} of {LEDGER} is not a ledger entry.")
        need(not facts.export, f"Line {count} of {LEDGER} comes after the export's own entry, which is always last.")
        digest = sha256(b"\0" + line)  # RFC 9162, 2.1.1
        if kind == "export.created":
            need(stream == "system", "The export's entry is not in the stream system.")
            facts.export = {**data, "seq": seq, "at": at, "actor": actor, "hash": digest}
            continue
        last, head = facts.heads.get(stream, (0, ""))
        need(seq == last + 1, f"Stream {stream}: entry {seq} follows entry {last}; one in between was left out.")
        need(prev == head, f"Stream {stream}: entry {seq} does not name the hash of the entry before it.")
        facts.heads[stream] = (seq, digest)
        try:
            collect(facts, kind, stream, actor, at, data)
        except (KeyError, TypeError):
            raise Refused(f"Line {count} of {LEDGER}, a {kind} entry, lacks what such an entry says.") from None
    return f"{count} entries in {len(facts.heads)} streams follow one another without a gap, by hash"


def collect(facts: Facts, kind: str, stream: str, actor: str, at: str, data: dict[str, Any]) -> None:
    """Keep of one entry what later checks compare with files."""
    entry = {**data, "kind": kind, "actor": actor, "at": at, "seq": facts.heads[stream][0]}
    if kind in ("packet.started", "packet.section_saved", "packet.submitted", "signoff.recorded", "gate.decided"):
        need(stream == f"packet:{data['packet']}", f"A {kind} entry stands in {stream}, which is not its packet's.")
    if kind in ("packet.started", "packet.section_saved", "packet.submitted"):
        facts.changed_by.setdefault(data["packet"], {}).setdefault(actor, entry["seq"])
    table: dict[Any, dict[str, Any]]
    key: Any
    if kind == "packet.submitted":
        table, key = facts.submitted, (data["packet"], data["revision"])
    elif kind == "signoff.recorded":
        table, key = facts.signed, data["sign_off"]
    elif kind == "gate.decided":
        table, key = facts.decided, data["decision"]
    elif kind == "release.promoted":
        table, key = facts.released, data["release"]
    else:
        if kind == "agent.registered":
            facts.owners.append((at, data["owner"]))
        elif kind == "agent.owner_changed":
            need(stream == f"agent:{data['agent']}", f"An {kind} entry stands in {stream}, which is not its agent's.")
            need(actor == data["owner"], f"In {stream} somebody else than the new owner accepted the agent.")
            held = facts.owners and facts.owners[-1][1] == data["previous"] and facts.owners[-1][0] <= at
            need(held, f"In {stream} the agent is handed over by someone who did not own it.")
            facts.owners.append((at, data["owner"]))
        elif kind == "release.resumed":
            facts.resumed.append(entry)
        return
    need(key not in table, f"Two {kind} entries in {stream} are about the same thing.")
    table[key] = entry


def owners_at(facts: Facts, at: str) -> set[str]:
    """Who owned the agent at that moment; both, where it changed hands in the very same microsecond."""
    before = [who for since, who in facts.owners if since < at]
    return {*before[-1:], *(who for since, who in facts.owners if since == at)}


def check_completeness(facts: Facts) -> str:
    """The export's own entry names the head of every stream, so that no last entry can be left out."""
    export, manifest = facts.export, facts.manifest
    need(export, f"{LEDGER} lacks the export's own entry, so that its end could have been cut off.")
    heads = {head["stream"]: (head["seq"], head["hash"]) for head in export["heads"]}
    for stream in sorted(set(heads) | set(facts.heads)):
        need(stream in facts.heads, f"Stream {stream}, which the export's entry names, is missing.")
        need(stream in heads, f"Stream {stream} is not one that the export's entry names.")
        need(
            heads[stream] == facts.heads[stream],
            f"Stream {stream} ends at entry {facts.heads[stream][0]}, but its last entry at the export was "
            f"{heads[stream][0]}, or another one than this.",
        )
    for name, said, found in (
        ("agent", manifest.get("agent", {}).get("id"), export["agent"]),
        ("time", manifest.get("exported_at"), export["at"]),
        ("person", manifest.get("exported_by"), export["actor"]),
        ("entry", manifest.get("entry"), {"hash": export["hash"], "seq": export["seq"], "stream": "system"}),
        ("withheld packets", manifest.get("withheld"), export["withheld"]),
    ):
        need(said == found, f"manifest.json and the export's ledger entry differ on the export's {name}.")
    return f"the export's own entry (system {export['seq']}) names the same {len(heads)} stream heads"


def check_documents(facts: Facts) -> str:
    """Each frozen document has the digests under which it was submitted and its files, and none is missing."""
    attached: set[str] = set()
    for name, match in facts.bundle.names("document"):
        content = strict(facts.bundle.read(name), name)
        try:
            packet, number, revision = (
                content["packet"]["id"],
                content["packet"]["number"],
                content["packet"]["revision"],
            )
            parts = {key: sha256(jcs(part)) for key, part in content["sections"].items()}
            core = sha256(jcs(content["core"]))
            agent = content["core"]["agent"]["id"]
            files = {one["sha256"] for part in content["sections"].values() for one in part.get("attachments", ())}
        except (KeyError, TypeError, AttributeError):
            raise Refused(f"{name} is not a packet's document.") from None
        attached |= files
        for digest in sorted(files):
            body = facts.bundle.read(f"attachments/{digest}", MAX_FILE)
            need(sha256(body) == digest, f"attachments/{digest} is not the file that {name} names.")
        need((str(number), str(revision)) == match.groups(), f"{name} is the document of another revision.")
        need(agent == facts.export["agent"], f"{name} is the document of another agent.")
        digest = sha256(jcs({"core": core, "sections": parts}))
        entry = facts.submitted.get((packet, revision))
        need(entry, f"{name} was never submitted: the ledger has no entry for it.")
        assert entry is not None
        need(entry["sections"] == {"core": core, **parts}, f"{name}: a section differs from what the ledger recorded.")
        need(entry["digest"] == digest, f"{name}: the packet's digest is not the one that the ledger recorded.")
        facts.documents[packet, revision] = {
            "number": number,
            "parts": entry["sections"],
            "digest": digest,
            "core": content["core"],
        }
    loose = {match[1] for _, match in facts.bundle.names("attachment")} - attached
    need(not loose, f"attachments/{min(loose, default='')} belongs to no document.")
    missing = set(facts.submitted) - set(facts.documents)
    need(not missing, f"The document of revision {min(missing)[1] if missing else 0} of a packet is missing.")
    pinned = {one["core"]["checklist"]["sha256"] for one in facts.documents.values()}
    for name, _ in facts.bundle.names("checklist"):
        body = facts.bundle.read(name)
        need(sha256(body) in pinned, f"{name} is not the checklist that a document names.")
        facts.checklists[sha256(body)] = strict(body, name)
    need(set(facts.checklists) == pinned, "A checklist that a document names is missing.")
    return f"{len(facts.documents)} documents have the section and packet digests that the ledger recorded"


def check_sign_offs(facts: Facts) -> str:
    """Each statement is one that the ledger names, says what its entry says, and is bound to the document's digests."""
    grants = {match[1]: facts.bundle.read(name) for name, match in facts.bundle.names("grant")}
    used = set()
    for name, match in facts.bundle.names("signoff"):
        body = facts.bundle.read(name)
        said, entry = strict(body, name), facts.signed.get(match[1])
        if entry is None:
            raise Refused(f"{name} is an orphan: no ledger entry names this sign-off.")
        need(entry["statement_sha256"] == sha256(body), f"{name} is not the statement that the ledger recorded.")
        document = facts.documents.get((entry["packet"], entry["revision"]))
        if document is None:
            raise Refused(f"{name} signs a revision that was never submitted.")
        same = (
            (said["id"], match[1]),
            (said["packet"]["id"], entry["packet"]),
            (said["revision"], entry["revision"]),
            (said["role"], entry["role"]),
            (said["decision"], entry["decision"]),
            (said["signer"]["id"], entry["actor"]),
            (said["digest"], entry["digest"]),
            (said["digest"], document["digest"]),
        )
        need(
            all(a == b for a, b in same),
            f"{name} and its ledger entry differ on what was signed, by whom, or in what role.",
        )
        bound = {part: document["parts"].get(part) for part in said["bound"]}
        need(bound == said["bound"] and "core" in bound, f"{name} is bound to sections that are not the document's.")
        need(said["signed_at"] < said["expires_at"], f"{name} expires before it was signed.")
        if said["role"] == "owner":
            need(
                entry["actor"] in owners_at(facts, entry["at"]),
                f"{name} is signed as owner by someone who is not the agent's owner.",
            )
        else:
            _grant(grants.get(said["role_grant"], b""), said, name)
            used.add(said["role_grant"])
        facts.statements[match[1]] = said
    missing = set(facts.signed) - set(facts.statements)
    need(not missing, f"The ledger names {len(missing)} sign-offs whose statements are missing.")
    need(used == set(grants), "The bundle holds a role grant that no sign-off names.")
    return f"{len(facts.statements)} sign-off statements and their ledger entries name each other and the documents"


def _grant(payload: bytes, said: dict[str, Any], name: str) -> None:
    need(sha256(b"\0" + payload) == said["role_grant"], f"The role grant that {name} names is missing or has changed.")
    grant = strict(payload, "A role grant")
    need(
        (grant["kind"], grant["data"]["person"], grant["data"]["role"])
        == ("role.granted", said["signer"]["id"], said["role"])
        and grant["at"] <= said["signed_at"],
        f"The role grant that {name} names is another person's, another role's, or later than the signature.",
    )


def check_decisions(facts: Facts) -> str:
    """Each gate decision has the input and output that the ledger recorded, and its outcome follows from its rules."""
    held: dict[str, set[str]] = {}
    for _, match in facts.bundle.names("decision"):
        held.setdefault(match[1], set()).add(match[2])
    policies = {match[1]: sha256(facts.bundle.read(name)) for name, match in facts.bundle.names("policy")}
    pins = {f"{p['key']}@{p['version']}": p["sha256"] for p in (d["core"]["policy"] for d in facts.documents.values())}
    for key, entry in facts.decided.items():
        need(held.pop(key, None) == {"input", "output"}, f"The input or output of decision {key} is missing.")
        given, output = (facts.bundle.read(f"decisions/{key}.{part}.json") for part in ("input", "output"))
        need(
            sha256(given) == entry["input_sha256"],
            f"The input of decision {key} is not the one that the ledger recorded.",
        )
        need(
            sha256(output) == entry["output_sha256"],
            f"The output of decision {key} is not the one that the ledger recorded.",
        )
        read, out = strict(given, "A decision's input"), strict(output, "A decision's output")
        about = facts.documents.get((entry["packet"], entry["revision"]))
        if about is None:
            raise Refused(f"Decision {key} is about a revision that was never submitted.")
        need(
            read["packet"]["id"] == entry["packet"] and read["packet"]["digest"] == about["digest"],
            f"Decision {key} was made on another document than its ledger entry says.",
        )
        through = {"pass", "waived", "not_applicable"}
        blocked = [rule for rule in out["rules"] if rule["mode"] == "blocking" and rule["outcome"] not in through]
        outcome = "fail" if blocked or not out["rules"] else "pass"
        need(
            out["outcome"] == entry["outcome"] == outcome,
            f"The outcome of decision {key} does not follow from its rules.",
        )
        pin = entry.get("policy_sha256", pins.get(entry["policy"]))
        need(pin and policies.get(entry["policy"]) == pin, f"The policy {entry['policy']} is missing or has changed.")
        entry["input"] = {
            "now": read["now"],
            "sign_offs": read["sign_offs"],
            "risk_class": read["packet"]["risk_class"],
        }
    need(not held, f"{len(held)} decisions are orphans: no ledger entry names them.")
    need(
        set(policies) <= {entry["policy"] for entry in facts.decided.values()},
        "A policy is there that no decision used.",
    )
    return f"{len(facts.decided)} gate decisions have the recorded input, output and policy, and outcomes that follow"


def check_four_eyes(facts: Facts) -> str:
    """Whoever signed in another role than the owner's had not written or submitted the packet, and signed in one."""
    roles: dict[tuple[str, int, str], str] = {}
    for key, entry in facts.signed.items():
        wrote = facts.changed_by.get(entry["packet"], {}).get(entry["actor"])
        need(
            entry["role"] == "owner" or wrote is None or wrote > entry["seq"],
            f"Sign-off {key} as {entry['role']} is by someone who had written or submitted this packet.",
        )
        who = (entry["packet"], entry["revision"], entry["actor"])
        need(who not in roles, f"Sign-off {key}: one person signed the same revision in two roles.")
        roles[who] = entry["role"]
    return f"none of {len(facts.signed)} sign-offs is by an author of the packet, the owner's acceptance aside"


def check_validity(facts: Facts) -> str:
    """Where a decision counted a sign-off, that was an approval, in force, of exactly the sections decided on."""
    counted = 0
    for key, entry in facts.decided.items():
        given, parts = entry["input"], facts.documents[entry["packet"], entry["revision"]]
        checklist = facts.checklists[parts["core"]["checklist"]["sha256"]]
        asked = {one["role"]: {"core", *one["sections"]} for one in checklist["roles"]}
        sign_offs = given["sign_offs"]
        found = {one["role"]: one for one in sign_offs["roles"]}
        need(set(found) == set(asked), f"Decision {key} did not look at the roles that the checklist asks for.")
        valid = [one for one in found.values() if one["status"] == "valid"]
        need(
            sign_offs["required"] == len(asked) and sign_offs["valid"] == len(valid),
            f"Decision {key} miscounts its sign-offs.",
        )
        need(len({one["person"] for one in valid}) == len(valid), f"Decision {key} counts one person in two roles.")
        for one in valid:
            counted += 1
            said, signed_entry = facts.statements.get(one["sign_off"], {}), facts.signed.get(one["sign_off"], {})
            where = f"Decision {key} counts a sign-off as {one['role']} that"
            need(
                said
                and said["packet"]["id"] == entry["packet"]
                and signed_entry["seq"] < entry["seq"]
                and (said["role"], said["signer"]["id"]) == (one["role"], one["person"])
                and signed_entry["statement_sha256"] == one["statement_sha256"],
                f"{where} did not exist then.",
            )
            need(said["decision"] == "approve", f"{where} was no approval.")
            need(given["now"] < said["expires_at"] == one["expires_at"], f"{where} had expired.")
            bound = {part: parts["parts"].get(part) for part in asked[one["role"]]}
            need(said["bound"] == bound, f"{where} was given on other sections.")
            wrote = facts.changed_by.get(entry["packet"], {}).get(one["person"], entry["seq"])
            need(one["role"] == "owner" or wrote >= entry["seq"], f"{where} is by an author of the packet.")
            need(
                one["role"] != "owner" or one["person"] in owners_at(facts, entry["at"]),
                f"{where} is by someone who did not own the agent any more.",
            )
    return f"{counted} times a decision counted a sign-off, each an approval in force of exactly those sections"


def check_releases(facts: Facts) -> str:
    """Each release followed a decision that passed, and for high risk was not by who had submitted or approved."""
    listed = {one["id"]: one for one in strict(facts.bundle.read("releases.json"), "releases.json")}
    packets = {packet for packet, _ in facts.submitted}
    for key, entry in facts.released.items():
        if entry["packet"] not in packets and facts.export["withheld"]:
            continue  # a packet that this person may not see; the summary says that some were withheld
        decision, one = facts.decided.get(entry["decision"]), listed.pop(key, {})
        need(one, f"Release {key} is missing from releases.json.")
        need(
            decision
            and (decision["packet"], decision["environment"]) == (entry["packet"], entry["environment"])
            and decision["outcome"] == "pass"
            and one["packet"] == entry["packet"]
            and one["environment"] == entry["environment"]
            and one["promoted_by"] == entry["actor"],
            f"Release {key} was promoted without a passing decision on its packet, or is told otherwise here.",
        )
        assert decision is not None
        if decision["input"]["risk_class"] == "high":
            submitter = facts.submitted[entry["packet"], decision["revision"]]["actor"]
            approvers = {
                signed_entry["actor"]
                for signed_entry in facts.signed.values()
                if signed_entry["packet"] == entry["packet"]
                and signed_entry["role"] != "owner"
                and signed_entry["decision"] == "approve"
                and signed_entry["at"] <= entry["at"]
            }
            need(
                entry["actor"] not in {submitter, *approvers},
                f"Release {key} was promoted by who submitted or approved it.",
            )
    for entry in facts.resumed:
        decision = facts.decided.get(entry["decision"])
        need(facts.export["withheld"] or decision and decision["outcome"] == "pass", "An agent resumed without a pass.")
    need(not listed, f"{len(listed)} releases are orphans: no ledger entry names their promotion.")
    return f"{len(facts.released)} releases were promoted on decisions that passed"


CHECKS: tuple[tuple[str, Callable[[Facts], str]], ...] = (
    ("sums", check_sums),
    ("signature", check_signature),
    ("json", check_json),
    ("ledger", check_ledger),
    ("completeness", check_completeness),
    ("documents", check_documents),
    ("sign-offs", check_sign_offs),
    ("decisions", check_decisions),
    ("four-eyes", check_four_eyes),
    ("validity", check_validity),
    ("releases", check_releases),
)


def verify(file: BinaryIO, pinned: bytes | None = None) -> dict[str, Any]:
    """Check a bundle; `pinned` is the PEM of the public key that the auditor trusts.

    Returns {"verdict", "exit", "checks": [{"check", "result", "sentence"}], "notes", "bundle"}. Raises Usage for a
    key that is none.
    """
    try:
        key = public_key(pinned, "The key that you gave") if pinned is not None else None
    except ValueError as error:
        raise Usage(str(error)) from None
    results: list[dict[str, str]] = []
    facts: Facts | None = None
    for name, check in (("hygiene", None), *CHECKS):
        try:
            if check is None:
                facts = Facts(Bundle(file), key)
                absent = REQUIRED - set(facts.bundle.members)
                need(not absent, f"Missing from the bundle: {', '.join(sorted(absent))}.")
                sentence = f"{len(facts.bundle.members)} files, each an ordinary one that belongs in a bundle"
            else:
                assert facts is not None
                sentence = check(facts)
        except Refused as refusal:
            results.append({"check": name, "result": "refused", "sentence": str(refusal)})
            break
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
            # What is signed and canonical may still not have the shape that this version knows.
            sentence = f"Something does not have the form that this verify.py knows ({type(error).__name__}: {error})."
            results.append({"check": name, "result": "refused", "sentence": sentence})
            break
        results.append({"check": name, "result": "ok", "sentence": sentence})
    return _verdict(facts, results, key is not None)


def _verdict(facts: Facts | None, results: list[dict[str, str]], pinned: bool) -> dict[str, Any]:
    notes: list[str] = []
    about = dict(facts.manifest) if facts else {}
    if results[-1]["result"] == "refused":
        return {"verdict": "refused", "exit": 1, "checks": results, "notes": notes, "bundle": about}
    if not pinned:
        notes.append(
            "No --key was given, so this shows only that the bundle is whole and agrees with itself. Anyone could have "
            "made it. Get the portal's evidence.pem from someone you trust and give it with --key."
        )
    if about["withheld"]:
        notes.append(f"Packets of this agent withheld from the person who exported: {about['withheld']}.")
    incomplete = bool(notes)
    notes.append("Signed, not witnessed: the application owns its ledger, and could have rewritten all of it before.")
    if about["demo"]:
        notes.append("This is evidence of a demo organisation, under softer rules than production's.")
    verdict = "verified but incomplete" if incomplete else "verified"
    return {"verdict": verdict, "exit": 2 if incomplete else 0, "checks": results, "notes": notes, "bundle": about}


def show(result: dict[str, Any]) -> str:
    """The result in words."""
    lines = [f"{check['result']:8} {check['check']:13} {check['sentence']}" for check in result["checks"]]
    left = [name for name, _ in CHECKS[max(0, len(lines) - 1) :]] if result["exit"] == 1 else []
    if left:
        lines.append(f"{'skipped':8} {', '.join(left)}")
    about = result["bundle"]
    if "agent" in about and result["exit"] != 1:
        lines.append(
            f"\nEvidence of {about['agent']['name']}, exported {about['exported_at']} by {about['exported_by']}."
        )
    return "\n".join([*lines, *(f"Note: {note}" for note in result["notes"]), f"\n{result['verdict'].upper()}"])


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="verify.py", description="Verify an evidence bundle of Portcullis, offline.")
    parser.add_argument("bundle", help="the zip, as it was downloaded")
    parser.add_argument("--key", help="the portal's public evidence key (PEM), from elsewhere than the bundle")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    try:
        asked = parser.parse_args(arguments)
        pinned = None
        if asked.key:
            with Path(asked.key).open("rb") as file:
                pinned = file.read(65536)
        with Path(asked.bundle).open("rb") as file:
            result = verify(file, pinned)
    except SystemExit as stop:  # argparse says 2 for wrong usage, which here means something else
        return 3 if stop.code else 0
    except (OSError, Usage) as error:
        print(f"verify.py: {error}", file=sys.stderr)
        return 3
    print(json.dumps(result, indent=2, ensure_ascii=False) if asked.json else show(result))
    return int(result["exit"])


if __name__ == "__main__":
    sys.exit(main())
