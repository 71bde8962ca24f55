"""What goes into the evidence of one agent: gathered from one snapshot, told in README.html, sealed as a zip."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.template.loader import render_to_string

from accounts.models import Person
from approvals.models import Checklist, GateDecision, Policy, SignOff
from evidence import keys, verify
from evidence.container import Draft
from evidence.entries import Head
from ledger.canonical import dumps, nfc, sha256, timestamp
from ledger.models import LedgerEntry, StreamHead
from registry.models import Agent, Packet, Revision, StoredFile
from releases.models import Release

VERIFIER = Path(verify.__file__)


@dataclass
class Story:
    """What one export holds, as the README tells it; the files themselves are in the draft."""

    agent: Agent
    withheld: int
    heads: list[Head]
    packets: list[Packet]
    revisions: list[Revision] = field(default_factory=list)
    sign_offs: list[SignOff] = field(default_factory=list)
    decisions: list[GateDecision] = field(default_factory=list)
    releases: list[Release] = field(default_factory=list)
    ledger: list[bytes] = field(default_factory=list)


def streams(agent: Agent, packets: list[Packet]) -> list[str]:
    """The ledger streams that concern an agent."""
    return [f"agent:{agent.pk}", *(packet.stream for packet in packets)]


def gather(draft: Draft, agent: Agent, by: Person) -> Story:
    """Add to `draft` all that `by` may see of `agent`, and return what there is.

    Everything is read in the caller's transaction, which should be one snapshot: an act that came between the ledger
    and its documents would look like a forgery.
    """
    packets = list(Packet.objects.visible_to(by).filter(agent=agent).order_by("number"))
    wanted = streams(agent, packets)
    story = Story(
        agent=agent,
        withheld=Packet.objects.filter(agent=agent).count() - len(packets),
        heads=[
            Head(stream=head.stream, seq=head.seq, hash=bytes(head.hash).hex())
            for head in StreamHead.objects.filter(stream__in=wanted, seq__gt=0).order_by("stream")
        ],
        packets=packets,
    )
    _documents(draft, story)
    _sign_offs(draft, story)
    _decisions(draft, story)
    _releases(draft, story, by)
    draft.add_stream("ledger/stream", _lines(wanted))
    return story


def _documents(draft: Draft, story: Story) -> None:
    checklists, files = set(), set()
    rows = Revision.objects.filter(packet__in=story.packets).select_related("packet", "submitted_by")
    for revision in rows.order_by("packet__number", "number").iterator(100):
        draft.add(f"packets/{revision.packet.number}-r{revision.number}/document.json", bytes(revision.document))
        content = revision.content
        core = content["core"]
        files |= {one["sha256"] for part in content["sections"].values() for one in part.get("attachments", ())}
        checklists.add((core["risk_class"], core["checklist"]["version"]))
        # The bytes are on disk now; the README needs only who and when.
        revision.document = b""
        story.revisions.append(revision)
    for digest in sorted(files):
        draft.add(f"attachments/{digest}", bytes(StoredFile.objects.get(pk=digest).body))
    for risk_class, version in sorted(checklists):
        body = Checklist.objects.get(risk_class=risk_class, version=version).body
        draft.add(f"checklists/{risk_class}@{version}.json", bytes(body))


def _sign_offs(draft: Draft, story: Story) -> None:
    rows = SignOff.objects.filter(packet__in=story.packets).select_related("packet", "revision", "person")
    for sign_off in rows.defer("revision__document").order_by("signed_at", "pk").iterator(500):
        draft.add(f"signoffs/{sign_off.pk}.json", bytes(sign_off.statement))
        story.sign_offs.append(sign_off)
        if (grant := json.loads(bytes(sign_off.statement)).get("role_grant")) and f"grants/{grant}.json" not in draft:
            # The one entry that shows the role was held; the rest of a person's stream is nobody's business here.
            rows_of_person = LedgerEntry.objects.filter(
                stream=f"user:{sign_off.person_id}", leaf_hash=bytes.fromhex(grant)
            )
            draft.add(f"grants/{grant}.json", bytes(rows_of_person.get().payload))


def _decisions(draft: Draft, story: Story) -> None:
    policies: dict[int, Policy] = {}
    rows = GateDecision.objects.filter(packet__in=story.packets).select_related("packet", "revision", "policy", "by")
    for decision in rows.defer("revision__document").order_by("decided_at", "pk").iterator(200):
        draft.add(f"decisions/{decision.pk}.input.json", bytes(decision.input))
        draft.add(f"decisions/{decision.pk}.output.json", bytes(decision.output))
        policies[decision.policy_id] = decision.policy
        decision.input = b""
        story.decisions.append(decision)
    for policy in policies.values():
        draft.add(f"policies/{policy.key}@{policy.version}.json", bytes(policy.body))


def _releases(draft: Draft, story: Story, by: Person) -> None:
    rows = Release.objects.visible_to(by).filter(agent=story.agent, packet__in=story.packets)
    story.releases = list(rows.select_related("packet", "promoted_by", "suspended_by").order_by("promoted_at", "pk"))
    draft.add("releases.json", dumps([_release(release) for release in story.releases]))


def _release(release: Release) -> dict[str, Any]:
    said = {
        "id": str(release.pk),
        "packet": str(release.packet_id),
        "environment": release.environment,
        "decision": str(release.decision_id),
        "state": release.state,
        "promoted_by": str(release.promoted_by_id),
        "promoted_at": timestamp(release.promoted_at),
    }
    # Canonical JSON of ours has no null: what did not happen is not there.
    if release.suspended_at:
        said |= {"suspended_by": str(release.suspended_by_id), "suspended_at": timestamp(release.suspended_at)}
    if release.reason:
        said["reason"] = nfc(release.reason)
    if release.ended_at:
        said["ended_at"] = timestamp(release.ended_at)
    return said


def _lines(wanted: list[str]) -> Iterator[bytes]:
    rows = LedgerEntry.objects.filter(stream__in=wanted).order_by("id").values_list("payload", flat=True)
    for payload in rows.iterator(2000):
        yield bytes(payload) + b"\n"


def finish(draft: Draft, story: Story, entry: LedgerEntry, by: Person, out: IO[bytes]) -> None:
    """Add the export's own ledger `entry`, the manifest and the words for people, then sign and seal to `out`."""
    draft.extend("ledger/stream", "ledger/entries.jsonl", bytes(entry.payload) + b"\n")
    record = entry.record
    manifest = {
        "v": 1,
        "format": verify.FORMAT,
        "agent": {"id": str(story.agent.pk), "slug": story.agent.slug, "name": nfc(story.agent.name)},
        "exported_at": record["at"],
        "exported_by": str(by.pk),
        "entry": {"stream": entry.stream, "seq": entry.stream_seq, "hash": bytes(entry.leaf_hash).hex()},
        "withheld": story.withheld,
        "demo": settings.DEMO,
        "ledger": "signed, not witnessed; application owns its ledger",
        "counts": {
            "packets": len(story.packets),
            "documents": len(story.revisions),
            "sign_offs": len(story.sign_offs),
            "decisions": len(story.decisions),
            "releases": len(story.releases),
            "entries": sum(head.seq for head in story.heads) + 1,
        },
    }
    draft.add("manifest.json", dumps(manifest))
    draft.add("keys/evidence.pem", keys.public_pem())
    draft.add("verify.py", VERIFIER.read_bytes())
    context = {
        "story": story,
        "manifest": manifest,
        "by": by,
        "demo": settings.DEMO,
        "fingerprint": keys.fingerprint(),
        "verifier_sha256": sha256(VERIFIER.read_bytes()),
    }
    draft.add("README.html", render_to_string("evidence/readme.html", context).encode())
    draft.seal(keys.private_key(), out)
