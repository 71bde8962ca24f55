"""Prompt texts: which versions of one prompt the agent's packets pin, and what differs line by line."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any
from uuid import UUID

from django.db.models import F, Func, TextField, Value
from django.db.models.functions import Replace

from accounts.models import Person
from ledger.canonical import nfc
from registry.imports.reading import MARKS, unstacked
from registry.models import Packet, Revision
from registry.sections.s03_versions import PromptPin
from registry.vocabulary import PacketState
from work.acts import Invalid

CONTEXT = 3
"""Lines shown around what differs."""
MOST_PAIRS = 50_000
"""Of equal lines in what differs at all, each with each: beyond it, matching them takes seconds and tells nothing."""
LARGEST = 200_000
"""Bytes of an uploaded prompt; the section takes 50,000 characters."""


@dataclass(frozen=True)
class Line:
    """One line of a diff: `kind` is same, del, add, or skip, whose `text` says how many lines are left out."""

    kind: str
    text: str


@dataclass(frozen=True)
class PromptChange:
    """A prompt that the new document pins, and what differs from the old document's prompt of that name."""

    name: str
    version: str
    old_version: str
    """Empty where the old document pins no prompt of that name."""
    lines: list[Line]
    added: int
    removed: int

    @property
    def same(self) -> bool:
        """Whether both say the same, to the letter."""
        return not self.lines


@dataclass(frozen=True)
class PinnedVersion:
    """A version of a prompt as some packet of the agent pins it now."""

    name: str
    version: str
    sha256: str
    packet: UUID
    packet_version: str
    state: str
    state_name: str


def approved_before(packet: Packet) -> Revision | None:
    """The approved revision that a packet is held against: the agent's approved one, else what it was copied from."""
    open_ = packet.editable or packet.state == PacketState.IN_REVIEW
    others = Packet.objects.filter(agent=packet.agent_id, state=PacketState.APPROVED).exclude(pk=packet.pk)
    found = others.order_by("-number").first() if open_ else None
    found = found or packet.approved_origin
    return found.current if found else None


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[PromptChange]:
    """What differs between the prompts of two documents' section 3, for each prompt of the new one that has a text."""
    before = {_said(one["name"]): one for one in old.get("prompts", ())}
    found = []
    for one in new.get("prompts", ()):
        was = before.get(_said(one["name"]))
        lines = list(line_diff(_said(was["text"]) if was else "", _said(one["text"])))
        added, removed = (sum(line.kind == kind for line in lines) for kind in ("add", "del"))
        version = _said(was["version"]) if was else ""
        found.append(PromptChange(_said(one["name"]), _said(one["version"]), version, lines, added, removed))
    return found


def line_diff(old: str, new: str) -> Iterator[Line]:
    """What differs between two texts, with three lines around it; nothing where they are the same."""
    before, after = old.split("\n") if old else [], new.split("\n") if new else []
    head = 0
    while head < min(len(before), len(after)) and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    old_end, new_end = len(before) - tail, len(after) - tail
    often = Counter(after[head:new_end])
    if sum(often[line] for line in before[head:old_end]) > MOST_PAIRS:
        steps = [("replace", head, old_end, head, new_end)]
    else:
        middle = SequenceMatcher(None, before[head:old_end], after[head:new_end], autojunk=False).get_opcodes()
        steps = [(kind, a + head, b + head, c + head, d + head) for kind, a, b, c, d in middle]
    if not any(kind != "equal" for kind, *_ in steps):
        return
    steps = [("equal", 0, head, 0, head), *steps, ("equal", old_end, len(before), new_end, len(after))]
    for place, (kind, a, b, c, d) in enumerate(steps):
        if kind == "equal":
            yield from _around(before[a:b], first=place == 0, last=place == len(steps) - 1)
        else:
            yield from (Line("del", text) for text in before[a:b])
            yield from (Line("add", text) for text in after[c:d])


def _around(lines: list[str], *, first: bool, last: bool) -> Iterator[Line]:
    start, end = 0 if first else CONTEXT, 0 if last else CONTEXT
    hidden = len(lines) - start - end
    if hidden <= 0:
        yield from (Line("same", text) for text in lines)
        return
    yield from (Line("same", text) for text in lines[:start])
    yield Line("skip", f"{hidden} line{'s' if hidden != 1 else ''} the same")
    yield from (Line("same", text) for text in lines[len(lines) - end :])


def versions(packet: Packet, user: Person) -> dict[str, list[PinnedVersion]]:
    """By the name of each prompt of `packet`: what the agent's packets that `user` may see pin of it, newest first."""
    digest = Func(
        Replace(F("text"), Value("\r\n"), Value("\n")),
        # As `PromptPin.sha256`, in the database: fifty texts need not travel for their digests.
        template="encode(sha256(convert_to(normalize(%(expressions)s, NFC), 'UTF8')), 'hex')",
        output_field=TextField(),
    )
    names = PromptPin.objects.filter(packet=packet).exclude(name="").values("name")
    rows = PromptPin.objects.filter(packet__in=Packet.objects.visible_to(user), packet__agent=packet.agent_id)
    rows = rows.filter(name__in=names).exclude(text="").annotate(digest=digest).order_by("-packet__number", "pk")
    found: dict[str, list[PinnedVersion]] = {}
    for name, version, sha, pk, packet_version, state in rows.values_list(
        "name", "version", "digest", "packet", "packet__version", "packet__state"
    )[:200]:
        row = PinnedVersion(name, version, sha, pk, packet_version, state, PacketState(state).label)
        found.setdefault(name, []).append(row)
    return found


def read_prompt(name: str, body: bytes) -> str:
    """The text of an uploaded prompt, with line feeds. Raises Invalid for what is no UTF-8 text or too long."""
    try:
        text = body.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise Invalid(f"{name} is not UTF-8 text. Save it as UTF-8.") from error
    if not text.strip():
        raise Invalid(f"{name} is empty.")
    if "\0" in text:
        raise Invalid(f"{name} is no text.")
    if unstacked(text) != text:
        raise Invalid(f"{name} holds more than {MARKS} accents upon one letter. Take some away.")
    if len(text) > 50_000:
        raise Invalid(f"{name} is longer than 50,000 characters. Split the prompt, or attach it as a file.")
    return text


def kept_text(packet: Packet, digest: str) -> str | None:
    """The text of this digest that the packet pins, now or in a revision; None where it never did."""
    for pin in PromptPin.objects.filter(packet=packet):
        if pin.text and pin.sha256 == digest:
            return nfc(pin.text.replace("\r\n", "\n"))
    for revision in packet.revisions.order_by("-number"):
        for one in revision.content["sections"]["3"].get("prompts", ()):
            if one["sha256"] == digest:
                return str(one["text"])
    return None


def _said(value: Any) -> str:
    return value if isinstance(value, str) else ""
