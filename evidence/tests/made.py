"""A bundle made by hand, without a database: what the portal would export, and well signed forgeries of it."""

import hashlib
import io
import json
import uuid
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evidence import verify
from evidence.container import Draft
from ledger.canonical import dumps, sha256

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


def pem(key: Ed25519PrivateKey = KEY) -> bytes:
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, spki)


def uid(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def at(minute: int) -> str:
    return f"2026-11-{1 + minute // 1440:02d}T{minute // 60 % 24:02d}:{minute % 60:02d}:00.000000Z"


class Made:
    """One agent, one packet, signed by owner and risk, decided on and released. Change it, then `seal`."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {
            "verify.py": b"#",
            "README.html": b"<!doctype html>",
            "keys/evidence.pem": pem(),
        }
        self.lines: list[bytes] = []
        self.heads: dict[str, tuple[int, str]] = {}
        self.minute = 0
        self.key, self.withheld, self.demo = KEY, 0, True
        self.agent, self.packet = uid("agent"), uid("packet")
        self.owner, self.author, self.approver = uid("owner"), uid("author"), uid("approver")
        self.story()

    def story(self) -> None:
        self.give_role(self.approver)
        self.act(
            "agent", "agent.registered", self.author, agent=self.agent, slug="helper", team=uid("t"), owner=self.owner
        )
        self.act("packet", "packet.started", self.author, packet=self.packet, agent=self.agent, number=1, version="1.0")
        self.act(
            "packet", "packet.section_saved", self.author, packet=self.packet, revision=1, section=1, digest="0" * 64
        )
        self.submit()
        self.sign("owner", self.owner)
        self.sign("risk", self.approver)
        self.decide()
        self.release()

    def give_role(self, person: str) -> None:
        """The risk role's grant: an entry of a stream that is not exported as a whole."""
        self.minute += 1
        record = {
            "v": 1,
            "kind": "role.granted",
            "stream": f"user:{person}",
            "seq": 3,
            "prev": "1" * 64,
            "at": at(self.minute),
            "actor": {"id": uid("admin")},
            "data": {"person": person, "role": "risk", "grant": 1},
        }
        self.grant = sha256(b"\0" + dumps(record))
        self.files[f"grants/{self.grant}.json"] = dumps(record)

    def act(self, stream: str, kind: str, actor: str, **data: Any) -> None:
        name = f"{stream}:{getattr(self, stream)}"
        seq, prev = self.heads.get(name, (0, ""))
        self.minute += 1
        record = {
            "v": 1,
            "kind": kind,
            "stream": name,
            "seq": seq + 1,
            "prev": prev,
            "at": at(self.minute),
            "actor": {"id": actor},
            "data": data,
        }
        if seq == 0:
            record["nonce"] = "ab" * 16
        line = dumps(record)
        self.lines.append(line)
        self.heads[name] = (seq + 1, hashlib.sha256(b"\0" + line).hexdigest())

    def submit(self, by: str = "") -> None:
        checklist = dumps(
            {
                "v": 1,
                "risk_class": "high",
                "roles": [
                    {"role": "owner", "sections": ["2"], "items": []},
                    {"role": "risk", "sections": ["1"], "items": []},
                ],
            }
        )
        policy = dumps({"v": 1, "key": "production-high", "rules": [], "limits": {}})
        self.files["checklists/high@1.json"], self.files["policies/production-high@1.json"] = checklist, policy
        self.core = {
            "agent": {"id": self.agent, "slug": "helper"},
            "risk_class": "high",
            "checklist": {"version": 1, "sha256": sha256(checklist), "risk_class": "high"},
            "policy": {"key": "production-high", "version": 1, "sha256": sha256(policy)},
        }
        sections = {"1": {"uses": ["Größe, 数, \U0001f600"]}, "2": {"sources": [], "count": 3}}
        self.files["packets/1-r1/document.json"] = dumps(
            {"v": 1, "packet": {"id": self.packet, "number": 1, "revision": 1}, "core": self.core, "sections": sections}
        )
        self.parts = {number: sha256(dumps(section)) for number, section in sections.items()}
        core = sha256(dumps(self.core))
        self.digest = sha256(dumps({"core": core, "sections": self.parts}))
        self.parts = {"core": core, **self.parts}
        self.act(
            "packet",
            "packet.submitted",
            by or self.author,
            packet=self.packet,
            agent=self.agent,
            revision=1,
            digest=self.digest,
            sections=self.parts,
        )

    def statement(self, role: str, person: str, **changes: Any) -> dict[str, Any]:
        said = {
            "v": 1,
            "id": uid(role),
            "packet": {"id": self.packet, "number": 1},
            "revision": 1,
            "digest": self.digest,
            "bound": {part: self.parts[part] for part in ("core", "2" if role == "owner" else "1")},
            "role": role,
            "decision": "approve",
            "comment": "",
            "signer": {"id": person, "name": role},
            "signed_at": at(self.minute),
            "expires_at": "2027-01-01T00:00:00.000000Z",
        }
        if role != "owner":
            said["role_grant"] = self.grant
        return {**said, **changes}

    def sign(self, role: str, person: str, **changes: Any) -> None:
        said = self.statement(role, person, **changes)
        body = dumps(said)
        self.files[f"signoffs/{said['id']}.json"] = body
        self.act(
            "packet",
            "signoff.recorded",
            person,
            packet=self.packet,
            sign_off=said["id"],
            revision=1,
            role=role,
            decision=said["decision"],
            digest=self.digest,
            statement_sha256=sha256(body),
        )

    def decide(self, **changes: Any) -> None:
        roles = []
        for role, person in (("owner", self.owner), ("risk", self.approver)):
            body = self.files[f"signoffs/{uid(role)}.json"]
            roles.append(
                {
                    "role": role,
                    "status": "valid",
                    "sign_off": uid(role),
                    "statement_sha256": sha256(body),
                    "person": person,
                    "expires_at": json.loads(body)["expires_at"],
                }
            )
        given = {
            "v": 1,
            "now": at(self.minute),
            "environment": "production",
            "packet": {"id": self.packet, "digest": self.digest, "risk_class": "high"},
            "sign_offs": {"required": 2, "valid": 2, "roles": roles},
            **changes,
        }
        out = {
            "v": 1,
            "outcome": "pass",
            "rules": [{"id": "a", "title": "A", "mode": "blocking", "outcome": "pass", "reason": "Two"}],
        }
        self.files[f"decisions/{uid('decision')}.input.json"] = dumps(given)
        self.files[f"decisions/{uid('decision')}.output.json"] = dumps(out)
        self.act(
            "packet",
            "gate.decided",
            "system",
            packet=self.packet,
            decision=uid("decision"),
            revision=1,
            environment="production",
            policy="production-high@1",
            outcome="pass",
            input_sha256=sha256(dumps(given)),
            output_sha256=sha256(dumps(out)),
        )

    def release(self, by: str = "") -> None:
        by = by or self.owner
        self.act(
            "agent",
            "release.promoted",
            by,
            agent=self.agent,
            packet=self.packet,
            release=uid("release"),
            decision=uid("decision"),
            environment="production",
            version="1.0",
        )
        self.files["releases.json"] = dumps(
            [
                {
                    "id": uid("release"),
                    "packet": self.packet,
                    "environment": "production",
                    "decision": uid("decision"),
                    "state": "live",
                    "promoted_by": by,
                    "promoted_at": at(self.minute),
                }
            ]
        )

    def export(self) -> None:
        """Write the export's own entry and what names it."""
        self.minute += 1
        heads = [{"stream": name, "seq": seq, "hash": digest} for name, (seq, digest) in sorted(self.heads.items())]
        data = {"agent": self.agent, "heads": heads, "withheld": self.withheld}
        line = dumps(
            {
                "v": 1,
                "kind": "export.created",
                "stream": "system",
                "seq": 9,
                "prev": "2" * 64,
                "at": at(self.minute),
                "actor": {"id": uid("auditor")},
                "data": data,
            }
        )
        self.lines.append(line)
        self.files["manifest.json"] = dumps(
            {
                "v": 1,
                "format": verify.FORMAT,
                "agent": {"id": self.agent, "slug": "helper", "name": "Helper"},
                "exported_at": at(self.minute),
                "exported_by": uid("auditor"),
                "withheld": self.withheld,
                "demo": self.demo,
                "entry": {"stream": "system", "seq": 9, "hash": hashlib.sha256(b"\0" + line).hexdigest()},
            }
        )

    def seal(self, export: bool = True) -> bytes:
        """The signed zip. A second call gives the same bytes."""
        if export and "manifest.json" not in self.files:
            self.export()
        self.files["ledger/entries.jsonl"] = b"".join(line + b"\n" for line in self.lines)
        out = io.BytesIO()
        with Draft() as draft:
            for name, body in self.files.items():
                draft.add(name, body)
            draft.seal(self.key, out)
        return out.getvalue()


def check(bundle: bytes, key: bytes | None = None) -> dict[str, Any]:
    """verify.py's result with the right key pinned, or with `key`."""
    return verify.verify(io.BytesIO(bundle), pem() if key is None else key)


def refused(bundle: bytes, name: str) -> str:
    """The sentence of the check `name`, which must be the one that refuses."""
    result = check(bundle)
    last = result["checks"][-1]
    assert (result["exit"], last["check"], last["result"]) == (1, name, "refused"), result["checks"]
    return last["sentence"]
