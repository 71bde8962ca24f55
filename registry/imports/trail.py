"""The ten parts of a run's trail, found in its spans by the OpenTelemetry GenAI conventions, and redacted.

Read are the current names (`gen_ai.input.messages`, `gen_ai.output.messages`, `gen_ai.system_instructions`, as text or as
structure, on spans or on the event `gen_ai.client.inference.operation.details`), the events of before (`gen_ai.user.message`,
`gen_ai.choice`, …), and the attributes of before those (`gen_ai.prompt`, `gen_ai.completion`, also numbered).
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ledger.canonical import nfc, sha256
from registry.imports.otlp import Span
from registry.imports.reading import normal, unstacked
from registry.imports.redaction import READ, Redactor, parsed
from registry.imports.usage import model_calls, tokens

LONGEST = 4000
"""Characters that a part of the trail holds."""
LONGEST_PROMPT = 100_000
"""Characters of instructions that are compared with the prompts: twice what section 3 pins."""
EVENT_ROLES = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool"}
NUMBERED = re.compile(
    r"gen_ai\.(prompt|completion)\.([0-9]{1,4})\.(role|content|tool_calls\.[0-9]{1,3}\.(?:name|arguments|id))"
)
DECISION = re.compile(
    r"(?:^|[._])(?:approval|approved|approved_by|approver|blocked|block_reason|denied|disposition|guardrail)(?:[._]|$)"
)
HUMAN = re.compile(r"(?:^|[._])(?:human|human_override|override|overridden|human_review|reviewer)(?:[._]|$)")
Row = tuple[str, Span]
"""One line of a part, and the span that says so."""


@dataclass
class Message:
    """What was said to a model or by it."""

    role: str
    texts: list[str] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its texts as one."""
        return "\n".join(one for one in self.texts if one.strip())


@dataclass
class Said:
    """What one span says that a model was given and answered."""

    instructions: list[str] = field(default_factory=list)
    inputs: list[Message] = field(default_factory=list)
    outputs: list[Message] = field(default_factory=list)


@dataclass(frozen=True)
class Part:
    """One part of the trail that was found: its redacted text, and names and ids of the spans that it came from."""

    text: str
    spans: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Trail:
    """A run as its trace tells it. What `parts` lacks is missing from the trace."""

    trace_id: str
    covers_from: datetime
    covers_to: datetime
    spans: int
    parts: dict[str, Part]
    redacted: dict[str, int]
    """How many were taken out of what is kept, by kind."""


def read_trail(spans: list[Span], prompts: dict[str, str] | None = None) -> Trail:
    """The trail in the `spans` of one trace, in their order. `prompts` names known prompts by the SHA-256 of their text
    (UTF-8, Unicode form C, line feeds), so that instructions in the trace can be told by their version. Raises Unreadable where
    there is more to redact than is looked at."""
    redactor = Redactor()
    said = [(_said(span), span) for span in spans]
    finders: dict[str, Callable[[], Iterable[Row]]] = {
        "sanitised_input": lambda: _input(said),
        "instructions": lambda: _instructions(said),
        "retrieved_sources": lambda: _sources(spans, redactor),
        "tool_calls": lambda: _calls(said, redactor),
        "approvals": lambda: _marked(spans, DECISION, redactor),
        "model_version": lambda: _models(spans),
        "prompt_version": lambda: _prompts(said, prompts or {}),
        "output": lambda: _output(said),
        "eval_checks": lambda: _checks(spans, redactor),
        "human_override": lambda: _marked(spans, HUMAN, redactor),
    }
    parts = {name: part for name, find in finders.items() if (part := _part(find(), redactor))}
    return Trail(
        trace_id=spans[0].trace_id,
        covers_from=min(span.start for span in spans),
        covers_to=max(span.end for span in spans),
        spans=len(spans),
        parts=parts,
        redacted=dict(sorted(redactor.counts.items())),
    )


def _part(rows: Iterable[Row], redactor: Redactor) -> Part | None:
    """The rows as one text of at most LONGEST characters, each line once."""
    texts: dict[str, Span] = {}
    length = 0
    for text, span in rows:
        if text.strip() and text not in texts:
            texts[text] = span
            length += min(len(text), READ)
        if length > LONGEST:
            break
    if not texts:
        return None
    made = _clean("\n".join(redactor.text(text) for text in texts))
    if len(made) > LONGEST:
        note = f"\n… (cut: {sum(map(len, texts)):,} characters in the trace)"
        made = made[: LONGEST - len(note)].rstrip() + note
    spans = dict.fromkeys((_clean(redactor.text(span.name))[:120], span.span_id) for span in texts.values())
    return Part(made, tuple(spans)[:20]) if made else None


def _clean(text: str) -> str:
    """Text that a field keeps as it is: line feeds, no other control characters, nothing around it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return normal("".join(c if c in "\n\t" or c.isprintable() else " " if c.isspace() else "" for c in text).strip())


def _operation(span: Span) -> str:
    return str(span.attributes.get("gen_ai.operation.name") or "")


def _structure(value: Any) -> Any:
    """A structured value, also where it was written as JSON text, as exporters do that know texts only."""
    return parsed(value) if isinstance(value, str) else value


def _messages(value: Any, role: str = "user") -> list[Message]:
    value = _structure(value)
    if isinstance(value, str):
        return [Message(role, [value])] if value.strip() else []
    return [_message(one, role) for one in (value if isinstance(value, list) else [value]) if one is not None]


def _message(value: Any, role: str) -> Message:
    if not isinstance(value, dict):
        return Message(role, [str(value)])
    made = Message(str(value.get("role") or role))
    inner = value.get("parts", value.get("content"))
    for part in inner if isinstance(inner, list) else [inner]:
        _take(made, part)
    calls = _structure(value.get("tool_calls"))
    for call in calls if isinstance(calls, list) else [calls] if calls else ():
        _take(made, {"type": "tool_call", **(call if isinstance(call, dict) else {"name": str(call)})})
    return made


def _take(message: Message, part: Any) -> None:
    """One part of a message: text, a call that is asked for, or the name of what is not text."""
    if part is None:
        return
    if not isinstance(part, dict):
        message.texts.append(str(part))
    elif part.get("type") in ("tool_call", "function", "tool_use"):
        inner = part.get("function")
        call = inner if isinstance(inner, dict) else part
        arguments = call.get("arguments", call.get("input"))
        message.calls.append({"name": str(call.get("name") or ""), "arguments": arguments, "id": part.get("id")})
    elif part.get("type") in ("tool_call_response", "reasoning", "thinking"):
        return
    elif isinstance(said := part.get("content", part.get("text")), str) and part.get("type") != "blob":
        message.texts.append(said)
    elif part.get("type"):
        message.texts.append(f"({part.get('modality') or part['type']})")


def _said(span: Span) -> Said:
    made = Said()
    _take_all(made, span.attributes)
    _take_numbered(made, span.attributes)
    for event in span.events:
        _take_all(made, event.attributes)
        kind, _, last = event.name.partition("gen_ai.")[2].partition(".")
        if event.name == "gen_ai.choice":
            content = _structure(event.attributes.get("message", event.attributes))
            made.outputs += _messages(content if isinstance(content, dict) else str(content), "assistant")
        elif last == "message" and kind in EVENT_ROLES:
            one = _message({**event.attributes, "role": event.attributes.get("role") or kind}, kind)
            made.inputs.append(one)
    for message in made.inputs:
        if message.role in ("system", "developer") and message.text:
            made.instructions.append(message.text)
    return made


def _take_all(made: Said, attributes: dict[str, Any]) -> None:
    instructions = _messages(attributes.get("gen_ai.system_instructions"), "system")
    if text := "\n".join(one.text for one in instructions if one.text):
        made.instructions.append(text)
    for name in ("gen_ai.input.messages", "gen_ai.prompt"):
        made.inputs += _messages(attributes.get(name))
    for name in ("gen_ai.output.messages", "gen_ai.completion"):
        made.outputs += _messages(attributes.get(name), "assistant")


def _take_numbered(made: Said, attributes: dict[str, Any]) -> None:
    """`gen_ai.prompt.0.content` and the like, of instrumentations before there were messages."""
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    for key, value in attributes.items():
        if found := NUMBERED.fullmatch(key):
            row = rows.setdefault((found[1], int(found[2])), {})
            if found[3].startswith("tool_calls."):
                _, number, name = found[3].split(".")
                row.setdefault("tool_calls", {}).setdefault(int(number), {})[name] = value
            else:
                row[found[3]] = _structure(value) if found[3] == "content" else value
    for (kind, _), row in sorted(rows.items()):
        row["tool_calls"] = [call for _, call in sorted(row.get("tool_calls", {}).items())]
        if kind == "prompt":
            made.inputs.append(_message(row, "user"))
        else:
            made.outputs.append(_message(row, "assistant"))


def _input(said: list[tuple[Said, Span]]) -> Iterator[Row]:
    """What the person asked: the newest words of a user in the first span that holds any."""
    for one, span in said:
        asked = [message.text for message in one.inputs if message.role in ("user", "human") and message.text]
        if asked:
            yield asked[-1], span
            return


def _instructions(said: list[tuple[Said, Span]]) -> Iterator[Row]:
    for one, span in said:
        for text in one.instructions:
            yield text, span


def _output(said: list[tuple[Said, Span]]) -> Iterator[Row]:
    """What it answered: the words of the outermost agent's span, else of the last model call."""
    answered = [(text, span) for one, span in said if (text := "\n".join(out.text for out in one.outputs if out.text))]
    agents = [row for row in answered if _operation(row[1]) in ("invoke_agent", "invoke_workflow")]
    if answered:
        yield agents[0] if agents else max(answered, key=lambda row: row[1].end)


def _sources(spans: list[Span], redactor: Redactor) -> Iterator[Row]:
    for span in spans:
        attributes = span.attributes
        documents = _structure(attributes.get("gen_ai.retrieval.documents"))
        source = attributes.get("gen_ai.data_source.id")
        if _operation(span) != "retrieval" and not documents and not source:
            continue
        query = attributes.get("gen_ai.retrieval.query.text")
        head = f"{source or span.name}{f', asked: {query}' if query else ''}"
        yield head, span
        for one in documents if isinstance(documents, list) else ():
            yield f"- {redactor.json(one)}", span


def _calls(said: list[tuple[Said, Span]], redactor: Redactor) -> Iterator[Row]:
    """Which tools the model asked for, and those that ran without being seen to be asked for."""
    seen: set[str] = set()
    for one, span in said:
        for call in (call for message in one.outputs for call in message.calls):
            seen.add(str(call["id"] or ""))
            yield _call(call["name"], call["arguments"], call["id"], redactor), span
    asked = {row for row in seen if row}
    for _, span in said:
        name, call_id = span.attributes.get("gen_ai.tool.name"), span.attributes.get("gen_ai.tool.call.id")
        if _operation(span) != "execute_tool" and not name:
            continue
        if str(call_id or "") in asked:
            continue
        name = name or span.name.removeprefix("execute_tool ")
        yield _call(str(name), span.attributes.get("gen_ai.tool.call.arguments"), call_id, redactor), span


def _call(name: str, arguments: Any, call_id: Any, redactor: Redactor) -> str:
    shown = "" if arguments is None else f" {redactor.json(arguments)}"
    return f"{name}{shown}{f' ({call_id})' if call_id else ''}"


def _models(spans: list[Span]) -> Iterator[Row]:
    calls: dict[str, list[Span]] = {}
    for span in model_calls(spans):
        said = span.attributes
        asked, answered = said.get("gen_ai.request.model"), said.get("gen_ai.response.model")
        provider = said.get("gen_ai.provider.name") or said.get("gen_ai.system")
        words = f"{answered or asked}" + (f", asked for as {asked}" if asked and answered and asked != answered else "")
        calls.setdefault(f"{provider}: {words}" if provider else words, []).append(span)
    for words, made in calls.items():
        taken = {way: sum(tokens(span, way) or 0 for span in made) for way in ("input", "output")}
        used = f", {taken['input']:,} tokens in, {taken['output']:,} out" if any(taken.values()) else ""
        times = f"{len(made)} calls" if len(made) > 1 else "1 call"
        yield f"{words} ({times}{used})", made[0]


def _prompts(said: list[tuple[Said, Span]], prompts: dict[str, str]) -> Iterator[Row]:
    for one, span in said:
        name, version = span.attributes.get("gen_ai.prompt.name"), span.attributes.get("gen_ai.prompt.version")
        if name or version:
            yield " ".join(str(word) for word in (name, version) if word), span
        for text in one.instructions:
            if len(text) > LONGEST_PROMPT or unstacked(text) != text:
                continue
            digest = sha256(nfc(text.replace("\r\n", "\n")).encode("utf-8", "replace"))
            if digest in prompts:
                yield f"{prompts[digest]}, with the very text that section 3 pins (SHA-256 {digest[:12]}…)", span


def _checks(spans: list[Span], redactor: Redactor) -> Iterator[Row]:
    for span in spans:
        for said in (span.attributes, *(event.attributes for event in span.events)):
            name = said.get("gen_ai.evaluation.name")
            if not name:
                continue
            label, score = said.get("gen_ai.evaluation.score.label"), said.get("gen_ai.evaluation.score.value")
            result = ", ".join(str(one) for one in (label, score) if one is not None) or "no result"
            why = said.get("gen_ai.evaluation.explanation")
            yield f"{name}: {result}{f' ({why})' if why else ''}", span


def _marked(spans: list[Span], names: re.Pattern[str], redactor: Redactor) -> Iterator[Row]:
    """What attributes and events of these names say. The conventions have none for this yet, so each says it its own way."""
    for span in spans:
        for holder, said in (("", span.attributes), *((event.name, event.attributes) for event in span.events)):
            told = {key: value for key, value in said.items() if names.search(key)}
            whole = bool(names.search(holder))
            shown = said if whole else told
            if whole or told:
                words = ", ".join(f"{key} = {redactor.json(value, key)}" for key, value in shown.items())
                yield f"{_about(span)}: {holder + ': ' if holder and words else holder}{words}", span


def _about(span: Span) -> str:
    return str(span.attributes.get("gen_ai.tool.name") or span.name)
