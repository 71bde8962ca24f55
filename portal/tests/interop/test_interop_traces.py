"""A run traced by the current OpenTelemetry SDK is read from its own OTLP/JSON, and from protobuf's, and fills section 5."""

import json
from pathlib import Path

import pytest

from registry.actions import start_packet
from registry.imports.otlp import read_trace
from registry.imports.trail import read_trail
from registry.sections import section
from registry.tracing import fill_from_trace

pytestmark = pytest.mark.interop
SCRIPT = Path(__file__).with_name("run_traces.py")


@pytest.fixture(scope="session")
def written(program, tmp_path_factory):
    """The folder with the run in both encodings, and what the SDK says of it."""
    folder = tmp_path_factory.mktemp("traces")
    program("python", SCRIPT, folder)
    return folder


@pytest.mark.parametrize("name", ["lines.jsonl", "protobuf.json"])
def test_a_run_of_the_real_sdk_reads_well(written, name):
    spans = read_trace((written / name).read_bytes())
    expected = json.loads((written / "expected.json").read_text())
    made = read_trail(spans)
    assert (made.trace_id, made.spans) == (expected["trace_id"], expected["spans"])
    root = next(span for span in spans if not span.parent_id)
    assert root.name == "invoke_agent lending" and {span.parent_id for span in spans} == {"", root.span_id}
    assert (made.covers_from, made.covers_to) == (root.start, root.end) and root.start < root.end
    said = {part: found.text for part, found in made.parts.items()}
    assert set(said) == {
        "sanitised_input", "instructions", "retrieved_sources", "tool_calls", "approvals", "model_version", "output",
        "eval_checks",
    }  # fmt: skip
    assert said["sanitised_input"] == "What does loan 7 cost? I am [e-mail address]."
    assert said["tool_calls"] == 'tariffs.read {"loan": 7} (call_1)' and said["output"] == "It costs 2.9%."
    assert said["retrieved_sources"].startswith("tariffs-7\n- ") and said["eval_checks"] == "groundedness: 0.9"
    assert "(2 calls, 104 tokens in, 34 out)" in said["model_version"]


def test_both_encodings_are_the_same_run(written):
    made = [read_trail(read_trace((written / name).read_bytes())) for name in ("lines.jsonl", "protobuf.json")]
    assert made[0] == made[1]


def test_it_fills_the_section(world, written):
    packet = start_packet(agent=world.agent, version="5.0.0", by=world.author)
    made = fill_from_trace(packet=packet, data=(written / "lines.jsonl").read_bytes(), by=world.member)
    assert "output" in made.filled and made.trail.redacted == {"e-mail address": 1}
    missing = {one.text for one in section(5).problems(packet)}
    assert missing == {"Prompt version is missing from the trail.", "Human override is missing from the trail."}
