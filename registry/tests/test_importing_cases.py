"""Eval cases from CSV and JSONL files: what is read, what is refused with its line, what happens to cases that are there."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from registry.case_import import COLUMNS, read_cases
from registry.sections import section
from registry.sections.s04_evals import EvalCase
from web.errors import Invalid

HEAD = ",".join(COLUMNS)


def faults(name, body):
    with pytest.raises(Invalid) as refusal:
        read_cases(name, body if isinstance(body, bytes) else body.encode())
    return refusal.value.problems


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("sign", [",", ";"])
def test_a_csv_is_read_with_either_sign_and_with_a_mark(start, sign):
    body = f"{start}{HEAD}\na1,Prompt injection,red-team,Ignore it,Refuses,yes,\n".replace(",", sign)
    assert read_cases("c.csv", body.encode()) == [
        {"case_id": "a1", "failure_mode": "prompt_injection", "origin": "red_team", "input": "Ignore it",
         "expected": "Refuses", "critical": True, "note": ""}
    ]  # fmt: skip


def test_a_jsonl_is_read_with_inspects_names():
    (row,) = read_cases("c.jsonl", json.dumps({"id": 7, "input": "Hi", "target": "Bye", "critical": True}).encode())
    assert (row["case_id"], row["expected"], row["critical"], row["failure_mode"]) == ("7", "Bye", True, "")


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("c.csv", f"{HEAD}\n,x,,,,,\n", "Line 2: case_id is empty."),
        ("c.csv", f"{HEAD}\na,x,,,,,\n", "Line 2: failure_mode: expected one of"),
        ("c.csv", f"{HEAD}\na,,,,,maybe,\n", "Line 2: critical: expected true or false, got maybe."),
        ("c.csv", f"{HEAD}\na,,,,,,,more\n", "Line 2: there are more values than columns."),
        ("c.csv", "case_id,colour\na,red\n", "c.csv: there is no column colour here"),
        ("c.csv", f"{HEAD}\na,,,,,,\na,,,,,,\n", "The case id a is there twice."),
        ("c.csv", HEAD, "c.csv holds no case."),
        ("c.csv", b"\xff\xfe", "c.csv is not UTF-8 text: byte 0."),
        ("c.csv", "a\0b", "c.csv holds a NUL character."),
        ("c.jsonl", '{"id": 1}\n[1]', "c.jsonl, line 2: expected an object, got list."),
        ("c.jsonl", "{", "c.jsonl, line 1: this is no JSON"),
        ("c.jsonl", "[" * 100_000, "c.jsonl, line 1: this is no JSON"),
        ("c.jsonl", '{"id": 1, "input": {"a": 1}}', "Line 1: input: expected text, got dict."),
        ("c.jsonl", '{"id": 1, "shape": 2}', "c.jsonl, line 1: there is no field shape here."),
        ("c.jsonl", "\n".join(f'{{"id": {i}}}' for i in range(1001)), "There are 1001 cases; a packet holds at most 1000."),
        ("c.csv", b"a" * 2_000_001, "c.csv is larger than 2 MB."),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_with_its_line(name, body, words):
    assert any(fault.startswith(words) for fault in faults(name, body)), faults(name, body)


def _post(client, draft, name, body):
    return client.post(reverse("packet_cases", args=[draft.pk]), {"cases": SimpleUploadedFile(name, body.encode())})


def test_an_import_replaces_by_id_and_removes_nothing(world, client):
    draft = world.draft(version="7.0.0")
    before = list(EvalCase.objects.filter(packet=draft).order_by("pk").values_list("case_id", flat=True))
    client.force_login(world.member)
    response = _post(client, draft, "c.jsonl", json.dumps({"id": before[0], "input": "New"}) + '\n{"id": "more"}')
    assert response["Location"] == reverse("packet_section", args=[draft.pk, 4])
    after = EvalCase.objects.filter(packet=draft).order_by("pk")
    assert [case.case_id for case in after] == [*before, "more"] and after[0].input == "New"
    assert draft.section_states.get(number=4).saved_by == world.member


def test_what_is_refused_changes_nothing(world, client):
    draft = world.draft(version="7.0.0")
    client.force_login(world.member)
    before = section(4).document(draft)
    answer = _post(client, draft, "c.csv", f"{HEAD}\nok,,,,,,\n,,,,,,\n")
    assert section(4).document(draft) == before
    assert answer.status_code == 422 and '<details class="entry" id="import-cases" open>' in answer.content.decode()
    none = client.post(reverse("packet_cases", args=[draft.pk]))
    assert none.status_code == 422 and b"Choose a CSV or JSONL file with the cases." in none.content


def test_a_failure_mode_without_a_case_is_advice(world):
    draft = world.draft(version="7.0.0")
    modes = set(EvalCase.objects.filter(packet=draft).values_list("failure_mode", flat=True))
    advice = " ".join(one.text for one in section(4).advice(draft))
    assert ("prompt injection" in advice) is ("prompt_injection" not in modes)
    assert "stale document" in advice or "stale_document" in modes
