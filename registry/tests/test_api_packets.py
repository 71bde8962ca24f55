"""A packet as a whole over the API: written, filled, validated, its trail filled from a trace."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from django.urls import reverse

from accounts.tokens import add_service_account
from registry import actions
from registry.contents import content_of
from registry.demands import DEMANDS
from registry.imports.manifest import read_manifest
from registry.imports.schema import schema
from registry.models import Proposal
from registry.sections import SECTIONS, section
from registry.tests.test_api import Caller, problem
from registry.tests.traces import export, run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def call(world):
    return Caller(world.member)


@pytest.fixture
def packet(world):
    return actions.start_packet(agent=world.agent, version="4.0.0", by=world.author)


def route(packet, name, *more):
    return reverse(f"api_packet_{name}", args=[packet.pk, *more])


def sections(world):
    made = world.sections()
    made[2]["grant"][0]["source"] = "tariffs"
    made[6]["grant"][0]["tool"] = "tariffs.read"
    return {str(number): one for number, one in made.items()}


def test_a_whole_packet_is_written_validated_and_submitted(world, call, packet):
    before = call("GET", route(packet, "sections"))
    missing = call("GET", route(packet, "validate")).json()
    assert missing["ready"] is False
    assert {"section": 4, "text": "Name the eval suite and its version.", "pointer": "/sections/4/sheet/name",
            "page": f"{reverse('packet_section', args=[packet.pk, 4])}#id_sheet-name"} in missing["problems"]  # fmt: skip
    written = call("PUT", route(packet, "sections"), {"sections": sections(world)}, If_Match=before["ETag"])
    assert written.status_code == 200, written.content
    assert [one["number"] for one in written.json()["sections"] if one["problems"]] == [9]
    world.accept(packet)
    assert call("GET", route(packet, "validate")).json()["problems"] == []
    read = call("GET", route(packet, "sections"))
    assert read["ETag"] == written["ETag"]
    again = call("PUT", route(packet, "sections"), read.json(), If_Match=read["ETag"])
    assert again["ETag"] == read["ETag"]
    versions = set(packet.section_states.values_list("version", flat=True))
    assert versions == {1}  # what was read and is written back changes nothing
    assert call("POST", route(packet, "submit"), {}).status_code == 201


@pytest.mark.parametrize("number", range(1, 11))
def test_every_problem_points_to_a_field_that_there_is(world, call, packet, number):
    """Each pointer with a field names one that the section's content has, or would have in a new row."""
    for one in call("GET", route(packet, "validate")).json()["problems"]:
        found = re.fullmatch(r"/sections/(\d+)(?:/(\w+)(?:/(\d+))?/(\w+))?", one["pointer"])
        assert found, one
        if found[2] and int(found[1]) == number:
            forms = section(number).forms(packet)
            kinds = {rows.prefix: formset.empty_form for rows, formset in forms.formsets}
            names = (forms.sheet if found[2] == "sheet" else kinds[found[2]]).fields
            assert found[4] in names, one


def test_writing_needs_what_was_read(world, call, packet):
    problem(call("PUT", route(packet, "sections"), {"sections": {}}), 428)
    problem(call("PUT", route(packet, "sections"), {"sections": {}}, If_Match='"old"'), 412)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"11": {}}, "sections.11"),
        ({"8": {"sheet": {"currency": "euro"}}}, "sections.8.sheet.currency"),
        ({"8": {"sheet": {"colour": "red"}}}, "sections.8.sheet.colour"),
        ({"1": {"use": "all"}}, "sections.1.use"),
        ({"1": {"use": [{"text": {}}]}}, "sections.1.use[0].text"),
        ({"2": {"grant": [{"source": "nowhere"}]}}, "sections.2.grant[0].source"),
        ({"9": None}, "sections.9"),
        ({"9": {"sheet": {"runbook": "ok"}}, "10": {"stage": [{"percent": 101}]}}, "sections.10.stage[0].percent"),
    ],
)
def test_one_fault_and_nothing_is_written(call, packet, given, path):
    answer = call("PUT", route(packet, "sections"), {"sections": given}, If_Match="*")
    assert path in problem(answer, 422)["errors"]
    assert set(packet.section_states.values_list("version", flat=True)) == {0}


def test_filling_overwrites_nothing(world, call, packet):
    mine = {"sheet": {"runbook": "https://mine.example"}}
    actions.write_section(packet=packet, number=9, content=mine, by=world.author)
    given = {"9": {"sheet": {"runbook": "https://theirs.example", "support_hours": "8 to 18"}}}
    body = call("POST", route(packet, "fill"), {"sections": given, "origin": "Build 7"}).json()
    assert body["proposals"] == 1
    assert {(one["pointer"], one["outcome"]) for one in body["lines"]} == {
        ("/sections/9/sheet/runbook", "proposed"), ("/sections/9/sheet/support_hours", "new"),
    }  # fmt: skip
    sheet = content_of(section(9), packet)["sheet"]
    assert (sheet["runbook"], sheet["support_hours"]) == ("https://mine.example", "8 to 18")
    assert Proposal.objects.get().source_label == "Build 7"


def test_a_machine_replaces_nothing_that_a_person_saved(world, packet):
    service = add_service_account(team=world.team, name="Pipeline", purpose="CI", by=world.member).person
    machine = Caller(service, by=world.member)
    first = machine("PUT", route(packet, "section", 9), {"content": {"sheet": {"runbook": "a"}}}, If_Match="*")
    assert first.status_code == 200
    content = {"sheet": {"runbook": "a", "support_hours": "8 to 18"}}
    actions.write_section(packet=packet, number=9, content=content, by=world.author)
    for path, body in (
        (route(packet, "section", 9), {"content": {"sheet": {"runbook": "b"}}}),
        (route(packet, "sections"), {"sections": {"9": {"sheet": {"runbook": "b"}}}}),
    ):
        assert "A person has written section 9" in problem(machine("PUT", path, body, If_Match="*"), 409)["detail"]
    filled = machine("POST", route(packet, "fill"), {"sections": {"9": {"sheet": {"runbook": "b"}}}, "origin": "CI"})
    assert filled.json()["proposals"] == 1
    assert content_of(section(9), packet)["sheet"]["runbook"] == "a"
    assert problem(machine("POST", route(packet, "submit"), {}), 403)


def test_a_trace_over_the_api(call, packet):
    text = export(*run()).decode()
    body = call("POST", route(packet, "trace"), {"text": text}).json()
    assert body["sha256"] == hashlib.sha256(text.encode()).hexdigest() and "output" in body["filled"]
    assert body["covers_from"].startswith("2025-11-20T09:04:33.123456")
    assert body["redacted"] == {"card number": 1, "e-mail address": 1, "phone number": 1}
    errors = problem(call("POST", route(packet, "trace"), {"text": '{"resourceSpans": 3}'}), 422)["errors"]
    assert errors == {"resourceSpans": ["expected a list, got 3"]}


def test_the_schema_knows_every_field_of_every_section():
    made = schema("https://portal.example/schemas/portcullis-v1.json")["properties"]["packet"]["properties"]["sections"]
    for one in SECTIONS:
        parts = made["properties"][str(one.number)]["properties"]
        kinds = {**({"sheet": one.sheet} if one.sheet else {}), **{rows.prefix: rows.form for rows in one.rows}}
        waivable = {demand.key for demand in DEMANDS[one.number] if demand.waivable}
        assert set(parts) == {*kinds, *(["not_applicable"] if waivable else [])}
        assert set(parts.get("not_applicable", {}).get("properties", ())) == waivable
        for name, form in kinds.items():
            row = parts[name] if name == "sheet" else parts[name]["items"]
            assert set(row["properties"]) == set(form.base_fields) and row["additionalProperties"] is False


def test_what_the_docs_show_is_a_manifest(world):
    text = (ROOT / "docs" / "manifest.md").read_text().partition("```yaml\n")[2].partition("```")[0]
    found = read_manifest(text.encode())
    assert found.packet.version == "1.2.0" and set(found.packet.sections) == {1, 6, 9}
    assert json.loads(json.dumps(found.document()))["packet"]["sections"]["9"]["sheet"]["runbook"].startswith(
        "https://"
    )
