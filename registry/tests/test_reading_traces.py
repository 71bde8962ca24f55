"""OTLP/JSON in, the ten parts of a trail out: every form in which messages are written, every fault with its path."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical import nfc, sha256
from registry.imports.otlp import read_trace
from registry.imports.reading import Unreadable
from registry.imports.redaction import CARD, EMAIL, IBAN, PHONE, TOKEN, Redactor
from registry.imports.trail import LONGEST, read_trail
from registry.sections.s05_trail import ELEMENTS
from registry.tests.traces import INSTRUCTIONS, START, TRACE, export, run, span, text


def trail(*spans, prompts=None):
    return read_trail(read_trace(export(*spans)), prompts)


def parts(*spans):
    return {name: part.text for name, part in trail(*spans).parts.items()}


def faults(data, trace_id=""):
    with pytest.raises(Unreadable) as refusal:
        read_trace(data, trace_id)
    return [str(one) for one in refusal.value.faults]


@pytest.mark.parametrize("structured", [True, False])
def test_all_ten_parts_are_found_whether_messages_are_structured_or_text(structured):
    digest = sha256(nfc(INSTRUCTIONS).encode())
    made = trail(*run(structured), prompts={digest: "system 14"})
    assert list(made.parts) == list(ELEMENTS)
    said = {name: part.text for name, part in made.parts.items()}
    assert said["sanitised_input"] == "What does loan 7 cost? Write to [e-mail address] or call [phone number]."
    assert said["instructions"] == INSTRUCTIONS
    assert said["retrieved_sources"] == 'tariffs-7, asked: loan 7\n- {"id": "tariff-2025-11", "score": 0.95}'
    assert said["tool_calls"] == 'tariffs.read {"loan": 7, "card": "[card number]"} (call_1)'
    assert said["approvals"] == "tariffs.read: portcullis.approval = not needed"
    assert (
        said["model_version"]
        == "anthropic: claude-sonnet-4-20250514, asked for as claude-sonnet-4 (2 calls, 104 tokens in, 34 out)"
    )
    assert said["prompt_version"].startswith("system 14, with the very text that section 3 pins")
    assert said["output"] == "Loan 7 costs 2.9%, tariff of 1 November."
    assert said["eval_checks"] == "groundedness: pass, 0.9"
    assert said["human_override"] == "human_review: portcullis.human_override = none"
    assert made.parts["sanitised_input"].spans == (("chat claude-sonnet-4", f"{3:016x}"),)
    assert made.redacted == {CARD: 1, EMAIL: 1, PHONE: 1}


def test_it_covers_the_time_of_its_spans():
    made = trail(*run())
    assert made.covers_from.isoformat() == "2025-11-20T09:04:33.123456+00:00"
    assert (made.covers_to - made.covers_from).total_seconds() == 9
    assert (made.trace_id, made.spans) == (TRACE, 6)


def test_what_is_not_in_the_trace_is_missing():
    assert list(parts(span("chat gpt-4o", 1, {"gen_ai.request.model": "gpt-4o"}))) == ["model_version"]
    assert parts(span("GET /", 1)) == {}


OLDER = {
    "events": {
        "events": [
            ("gen_ai.system.message", {"content": "Be brief."}),
            ("gen_ai.user.message", {"content": "Weather in Paris?"}),
            ("gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": json.dumps({"content": "Rainy."})}),
        ]
    },
    "events of plain words": {
        "events": [
            ("gen_ai.system.message", {"content": "Be brief."}),
            ("gen_ai.user.message", {"content": "Weather in Paris?"}),
            ("gen_ai.choice", {"message": {"role": "assistant", "content": "Rainy."}}),
        ]
    },
    "the event of details": {
        "events": [
            (
                "gen_ai.client.inference.operation.details",
                {
                    "gen_ai.input.messages": [text("system", "Be brief."), text("user", "Weather in Paris?")],
                    "gen_ai.output.messages": [text("assistant", "Rainy.")],
                },
            )
        ]
    },
    "prompt and completion": {
        "said": {
            "gen_ai.prompt": json.dumps(
                [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather in Paris?"}]
            ),
            "gen_ai.completion": json.dumps([{"role": "assistant", "content": "Rainy."}]),
        }
    },
    "numbered": {
        "said": {
            "gen_ai.prompt.0.role": "system", "gen_ai.prompt.0.content": "Be brief.",
            "gen_ai.prompt.1.role": "user", "gen_ai.prompt.1.content": "Weather in Paris?",
            "gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.content": "Rainy.",
        }
    },
}  # fmt: skip


@pytest.mark.parametrize("how", OLDER)
def test_older_ways_to_write_messages_are_read(how):
    said = {"gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o", **OLDER[how].get("said", {})}
    found = parts(span("chat gpt-4o", 1, said, events=OLDER[how].get("events", ())))
    assert (found["instructions"], found["sanitised_input"], found["output"]) == (
        "Be brief.", "Weather in Paris?", "Rainy.",
    )  # fmt: skip


def test_older_ways_to_write_tool_calls_are_read():
    message = {
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "w", "arguments": '{"iban": "x"}'}}]
    }
    found = parts(
        span("chat", 1, {"gen_ai.request.model": "m"}, events=[("gen_ai.choice", {"message": json.dumps(message)})])
    )
    assert found["tool_calls"] == 'w {"iban": "x"} (c1)'
    numbered = {
        "gen_ai.request.model": "m",
        "gen_ai.completion.0.tool_calls.0.name": "w",
        "gen_ai.completion.0.tool_calls.0.arguments": "{}",
    }
    assert parts(span("chat", 1, numbered))["tool_calls"] == "w {}"
    lone = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "w", "gen_ai.tool.call.arguments": "[1]"}
    assert parts(span("execute_tool w", 1, lone))["tool_calls"] == "w [1]"


def test_ids_in_base64_are_the_same_as_in_hexadecimal():
    one = span("chat", 7)
    plain = read_trace(export(one))
    for name in ("traceId", "spanId"):
        one[name] = base64.b64encode(bytes.fromhex(one[name])).decode()
    assert read_trace(export(one)) == plain and plain[0].trace_id == TRACE


def test_json_lines_are_one_trace():
    lines = b"\n".join(export(one) for one in run()) + b"\n"
    assert read_trace(lines) == read_trace(export(*run()))


def test_of_several_traces_one_is_chosen():
    other = "0" * 31 + "1"
    both = export(span("a", 1), span("b", 2, trace=other))
    assert faults(both) == [f"It holds 2 traces: {TRACE}, {other}. Name the one that you want as trace id."]
    assert [one.name for one in read_trace(both, other.upper())] == ["b"]
    assert "there is no such trace" in faults(both, "f" * 32)[0]


def broken(**more):
    return export({**span("a", 1), **more})


HERE = "resourceSpans[0].scopeSpans[0].spans[0]"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "There is nothing in it."),
        (b"\xff\xfe", "This is no UTF-8 text: byte 1"),
        (b"no", "This is no JSON: line 1, column 1"),
        (b"[]", "export: expected fields with values, got a list"),
        (b"{}", "resourceSpans: expected a list, as OTLP/JSON names it; the object holds nothing"),
        (b'{"resource_spans": []}', 'the object holds "resource_spans"'),
        (b'{"resourceSpans": []}', "There is no span in it."),
        (b'{"resourceSpans": {}}', "resourceSpans: expected a list, got an object"),
        (b'{"resourceSpans": [{"scopeSpans": 3}]}', "resourceSpans[0].scopeSpans: expected a list, got 3"),
        (broken(traceId="xyz"), f'{HERE}.traceId: expected 32 hexadecimal digits that are not all 0, got "xyz"'),
        (broken(traceId="0" * 32), f"{HERE}.traceId: expected 32"),
        (broken(spanId=None), f"{HERE}.spanId: expected 16 hexadecimal digits that are not all 0, got nothing"),
        (broken(startTimeUnixNano="1763629473"), f"{HERE}.startTimeUnixNano: expected nanoseconds since 1970"),
        (broken(endTimeUnixNano=str(START - 1)), f"{HERE}.endTimeUnixNano: is before startTimeUnixNano"),
        (broken(attributes=[{"key": 3, "value": {}}]), f"{HERE}.attributes[0].key: expected words, got 3"),
        (broken(attributes=[{"key": "a", "value": {"strValue": "x"}}]), f"{HERE}.attributes[0].value: expected a value such"),
        (broken(events=[3]), f"{HERE}.events[0]: expected fields with values, got 3"),
        (export(span("a", 1)) + b"\n{", "line 2: This is no JSON: column 2"),
        (export(span("a", 1)) + b"\n{}", "line 2: resourceSpans: expected a list"),
        (export(*(span("a", i) for i in range(1, 10_002))), "It holds more than 10,000 spans."),
        (b" " * (10 * 1024 * 1024 + 1), "The file is larger than 10 MB."),
        (b'{"resourceSpans": ' + b"[" * 200 + b"]" * 200 + b"}", "It is nested deeper than 80 levels."),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_with_its_path(data, words):
    assert any(words in fault for fault in faults(data)), faults(data)


NAMES = st.sampled_from(["resourceSpans", "scopeSpans", "spans", "attributes", "key", "value", "traceId", "events"])
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
)


@given(ANY_JSON)
def test_no_json_breaks_the_reader(value):
    with pytest.raises(Unreadable):
        read_trace(json.dumps(value).encode())


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("ana.ruiz+loans@mail.example.org", EMAIL),
        ("4111 1111 1111 1111", CARD),
        ("5500-0000-0000-0004", CARD),
        ("4111\u200b111111111111", CARD),
        ("４１１１１１１１１１１１１１１１", CARD),
        ("DE89 3704 0044 0532 0130 00", IBAN),
        ("gb82west12345698765432", IBAN),
        ("+49 (30) 1234-567", PHONE),
        ("0049 30 1234567", PHONE),
        ("030 1234567", PHONE),
        ("(555) 123-4567", PHONE),
        ("sk-proj-abcdefghijklmnopqrstuvwx", TOKEN),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", TOKEN),
        ("AKIAIOSFODNN7EXAMPLE", TOKEN),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", TOKEN),
        ("-----BEGIN PRIVATE KEY-----\nMIIEvQ that was cut", TOKEN),
    ],
)
def test_what_must_not_be_kept_is_taken_out_wherever_it_stands(words, kind):
    for around in ("{}", "before {} after", "a\n{}\nb", "\\n{}\\n", "<{}>", '"{}",'):
        redactor = Redactor()
        kept = redactor.text(around.format(words))
        assert f"[{kind}]" in kept and redactor.counts[kind] == 1, kept
        assert words not in kept
        assert redactor.text(kept) == kept and sum(redactor.counts.values()) == 1


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("password: hunter22", "password: [key or token]"),
        ('{"api_key": "abcd1234"}', '{"api_key": "[key or token]"}'),
        ("Authorization: Bearer abcdefgh12345", "Authorization: [key or token]"),
        ("https://ana:pa55word@host/x", "https://[key or token]@host/x"),
    ],
)
def test_of_a_named_secret_the_name_stays(given, kept):
    assert Redactor().text(given) == kept


@pytest.mark.parametrize(
    "words",
    [
        "20 November 2025, 09:14", "2026-11-20T09:14:33Z", "1763629473123 ms", "claim 2026-1120-33", "4111 1111 1111 1112",
        "DE89 3704 0044 0532 0130 01", "max_tokens=800", "tokens: 1234567", "12.02.2026", "€ 1,200.00", "loan 7 at 2.9%",
    ],
)  # fmt: skip
def test_what_only_looks_like_it_stays(words):
    redactor = Redactor()
    assert redactor.text(words) == words and not redactor.counts


def test_arguments_are_redacted_by_their_names_and_as_numbers():
    kept = Redactor().json({"password": "x", "card": 4111111111111111, "n": 3, "deep": [{"to": "a@b.example"}]})
    assert json.loads(kept) == {
        "password": "[key or token]", "card": "[card number]", "n": 3, "deep": [{"to": "[e-mail address]"}],
    }  # fmt: skip


def test_a_part_is_cut_to_what_its_field_holds_and_says_so():
    made = parts(span("chat", 1, {"gen_ai.request.model": "m", "gen_ai.system_instructions": "word " * 5000}))
    assert len(made["instructions"]) <= LONGEST
    assert made["instructions"].endswith("… (cut: 25,000 characters in the trace)")


def test_names_of_spans_are_redacted_too():
    said = {"gen_ai.request.model": "m", "gen_ai.output.messages": [text("assistant", "Hi")]}
    [(name, _)] = trail(span("chat for ana@example.org", 1, said)).parts["output"].spans
    assert name == "chat for [e-mail address]"
