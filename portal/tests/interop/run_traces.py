"""Runs in .venv-interop: one run of an agent, traced by the current OpenTelemetry SDK, in each of the ways to write OTLP/JSON."""

import json
import sys
import time
from pathlib import Path

from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.json.file import FileSpanExporter
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

INSTRUCTIONS = "You answer questions about loans."
ASKED = "What does loan 7 cost? I am ana.ruiz@example.org."


def traced(provider: TracerProvider) -> None:
    """The run: an agent that looks something up, calls a tool, answers, and is judged."""
    tracer = provider.get_tracer("agent", "1.0")
    said = [{"role": "user", "parts": [{"type": "text", "content": ASKED}]}]
    call = {"type": "tool_call", "id": "call_1", "name": "tariffs.read", "arguments": {"loan": 7}}
    with tracer.start_as_current_span("invoke_agent lending", attributes={"gen_ai.operation.name": "invoke_agent"}):
        with tracer.start_as_current_span("retrieval tariffs") as span:
            span.set_attribute("gen_ai.operation.name", "retrieval")
            span.set_attribute("gen_ai.data_source.id", "tariffs-7")
            span.set_attribute("gen_ai.retrieval.documents", json.dumps([{"id": "tariff-2025-11", "score": 0.95}]))
        with tracer.start_as_current_span("chat claude-sonnet-4") as span:
            model(span)
            span.set_attribute("gen_ai.system_instructions", json.dumps([{"type": "text", "content": INSTRUCTIONS}]))
            span.set_attribute("gen_ai.input.messages", json.dumps(said))
            output = [{"role": "assistant", "parts": [call], "finish_reason": "tool_call"}]
            span.set_attribute("gen_ai.output.messages", json.dumps(output))
        with tracer.start_as_current_span("execute_tool tariffs.read") as span:
            span.set_attribute("gen_ai.operation.name", "execute_tool")
            span.set_attribute("gen_ai.tool.name", "tariffs.read")
            span.set_attribute("gen_ai.tool.call.id", "call_1")
            span.set_attribute("portcullis.approval", "not needed")
        with tracer.start_as_current_span("chat claude-sonnet-4") as span:
            model(span)
            span.set_attribute("gen_ai.response.finish_reasons", ["stop"])
            span.add_event("gen_ai.choice", {"message": json.dumps({"role": "assistant", "content": "It costs 2.9%."})})
            result = {"gen_ai.evaluation.name": "groundedness", "gen_ai.evaluation.score.value": 0.9}
            span.add_event("gen_ai.evaluation.result", result)
            time.sleep(0.01)


def model(span) -> None:
    """What every call of the model says."""
    span.set_attribute("gen_ai.operation.name", "chat")
    span.set_attribute("gen_ai.provider.name", "anthropic")
    span.set_attribute("gen_ai.request.model", "claude-sonnet-4")
    span.set_attribute("gen_ai.response.model", "claude-sonnet-4-20250514")
    span.set_attribute("gen_ai.usage.input_tokens", 52)
    span.set_attribute("gen_ai.usage.output_tokens", 17)


def main(folder: Path) -> None:
    """Writes the SDK's own OTLP/JSON lines, and the same spans through protobuf's JSON, whose ids are base64."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": "lending-assistant"}))
    lines = FileSpanExporter(path=str(folder / "lines.jsonl"))
    for exporter in (kept, lines):
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    traced(provider)
    provider.shutdown()
    spans = kept.get_finished_spans()
    (folder / "protobuf.json").write_text(json.dumps(MessageToDict(encode_spans(spans))))
    (folder / "expected.json").write_text(
        json.dumps({"trace_id": f"{spans[0].context.trace_id:032x}", "spans": len(spans)})
    )


main(Path(sys.argv[1]))
