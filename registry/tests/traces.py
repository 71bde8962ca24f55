"""Traces as exporters write them: OTLP/JSON, made of plain values."""

import json

START = 1_763_629_473_123_456_000
"""20 November 2025, 09:04:33.123456 UTC, in nanoseconds."""
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def any_value(value):
    """A value as OTLP writes it."""
    match value:
        case None:
            return {}
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case str():
            return {"stringValue": value}
        case list():
            return {"arrayValue": {"values": [any_value(one) for one in value]}}
        case dict():
            return {"kvlistValue": {"values": attributes(value)}}
    raise TypeError(value)


def attributes(values):
    return [{"key": key, "value": any_value(value)} for key, value in values.items()]


def span(name, number, said=None, *, parent=0, events=(), trace=TRACE, at=0, seconds=1, **more):
    """One span; `number` is its id, `events` are pairs of name and values."""
    return {
        "traceId": trace,
        "spanId": f"{number:016x}",
        "parentSpanId": f"{parent:016x}" if parent else "",
        "name": name,
        "kind": 3,
        "startTimeUnixNano": str(START + at * 10**9),
        "endTimeUnixNano": str(START + (at + seconds) * 10**9),
        "attributes": attributes(said or {}),
        "events": [
            {"name": one, "timeUnixNano": str(START), "attributes": attributes(values)} for one, values in events
        ],
        "status": {},
        **more,
    }


def export(*spans):
    """A `TracesData` with these spans, as bytes."""
    scope = {"scope": {"name": "agent"}, "spans": list(spans)}
    resource = {"attributes": attributes({"service.name": "lending-assistant"})}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}).encode()


def text(role, words):
    return {"role": role, "parts": [{"type": "text", "content": words}]}


INSTRUCTIONS = "You answer questions about loans.\nQuote the tariff in force, with its date."
ASKED = "What does loan 7 cost? Write to ana.ruiz@example.org or call +49 30 1234567."
CALL = {
    "type": "tool_call",
    "id": "call_1",
    "name": "tariffs.read",
    "arguments": {"loan": 7, "card": "4111 1111 1111 1111"},
}


def run(structured=True):
    """The spans of one run that has all ten parts; messages structured, or as JSON text."""
    kept = (lambda value: value) if structured else json.dumps
    model = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-sonnet-4",
        "gen_ai.response.model": "claude-sonnet-4-20250514",
        "gen_ai.usage.input_tokens": 52,
        "gen_ai.usage.output_tokens": 17,
    }
    first = {
        **model,
        "gen_ai.system_instructions": kept([{"type": "text", "content": INSTRUCTIONS}]),
        "gen_ai.input.messages": kept([text("user", ASKED)]),
        "gen_ai.output.messages": kept([{"role": "assistant", "parts": [CALL], "finish_reason": "tool_call"}]),
    }
    answer = {"type": "tool_call_response", "id": "call_1", "response": "2.9%"}
    second = {
        **model,
        "gen_ai.input.messages": kept(
            [text("user", ASKED), {"role": "assistant", "parts": [CALL]}, {"role": "tool", "parts": [answer]}]
        ),
        "gen_ai.output.messages": kept(
            [{**text("assistant", "Loan 7 costs 2.9%, tariff of 1 November."), "finish_reason": "stop"}]
        ),
    }
    retrieval = {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.data_source.id": "tariffs-7",
        "gen_ai.retrieval.query.text": "loan 7",
        "gen_ai.retrieval.documents": kept([{"id": "tariff-2025-11", "score": 0.95}]),
    }
    tool = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "tariffs.read",
        "gen_ai.tool.call.id": "call_1",
        "gen_ai.tool.call.arguments": kept({"loan": 7}),
        "portcullis.approval": "not needed",
    }
    evaluation = {
        "gen_ai.evaluation.name": "groundedness",
        "gen_ai.evaluation.score.label": "pass",
        "gen_ai.evaluation.score.value": 0.9,
    }
    return [
        span("invoke_agent lending", 1, {"gen_ai.operation.name": "invoke_agent"}, seconds=9),
        span("retrieval tariffs", 2, retrieval, parent=1, at=1),
        span("chat claude-sonnet-4", 3, first, parent=1, at=2),
        span("execute_tool tariffs.read", 4, tool, parent=1, at=4),
        span("chat claude-sonnet-4", 5, second, parent=1, at=5, events=[("gen_ai.evaluation.result", evaluation)]),
        span("human_review", 6, {"portcullis.human_override": "none"}, parent=1, at=7),
    ]  # fmt: skip
