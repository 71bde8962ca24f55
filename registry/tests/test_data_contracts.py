"""Data contracts: read from other people's schemas, published once, compared, and shown whole."""

import html
import json
import re
import unicodedata

import pytest
import yaml
from django.db import IntegrityError, ProgrammingError, transaction
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.tokens import add_service_account
from registry import contracts, upkeep
from registry.imports.contract import MAX_TEXT, read_contract
from registry.imports.reading import Unreadable
from registry.models import DataContract, DataSource
from registry.sections import section
from work.acts import Conflict, Denied, Invalid

FIELDS = b'{"version": "4", "fields": [{"name": "iban", "type": "string", "meaning": "Account", "sensitive": true}]}'
NESTED = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "required": ["id"],
    "properties": {
        "id": {"type": "string", "format": "uuid", "description": "Number"},
        "payer": {"$ref": "#/$defs/party"},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"amount": {"type": ["number", "null"]}}}},
        "state": {"enum": ["open", "closed"], "x-sensitive": False},
    },
    "$defs": {
        "party": {
            "type": "object",
            "properties": {"iban": {"type": "string", "x-pii": True}, "agent": {"$ref": "#/$defs/party"}},
        }
    },
}
ODCS_3 = b"""
kind: DataContract
apiVersion: v3.0.2
version: 2.10
schema:
  - name: payments
    properties:
      - name: iban
        logicalType: string
        physicalType: varchar(34)
        required: true
        classification: restricted
        description: |
          The payer's
          account.
      - name: tags
        logicalType: array
        physicalType: array<string>
        classification: public
      - {name: address, logicalType: object, properties: [{name: street}]}
"""
ODCS_2 = b"""
kind: DataContract
apiVersion: v2.2.2
dataset:
  - table: payments
    columns: [{column: iban, logicalType: string, isNullable: false, classification: confidential}]
"""


def rows(data):
    return {
        field.name: field
        for field in read_contract(data if isinstance(data, bytes) else json.dumps(data).encode()).fields
    }


class TestReading:
    def test_a_json_schema_gives_its_properties_at_every_depth(self):
        found = rows(NESTED)
        assert list(found) == [
            "id", "payer", "payer.iban", "payer.agent", "lines", "lines[].amount", "state",
        ]  # fmt: skip
        assert (found["id"].type, found["id"].meaning, found["id"].required) == ("string, uuid", "Number", True)
        assert (found["payer.iban"].sensitive, found["id"].sensitive, found["state"].sensitive) == (True, None, False)
        assert found["lines[].amount"].type == "number or null" and found["lines"].type == "array of object"
        assert found["state"].type == 'one of "open", "closed"'

    def test_the_open_data_contract_standard_is_read_in_both_versions(self):
        found = rows(ODCS_3)
        assert list(found) == ["iban", "tags", "address", "address.street"]
        assert (found["iban"].type, found["iban"].meaning) == ("string, varchar(34)", "The payer's account.")
        assert (found["iban"].sensitive, found["tags"].sensitive, found["address"].sensitive) == (True, False, None)
        assert found["tags"].type == "array, array<string>" and read_contract(ODCS_3).version == "2.10"
        (old,) = rows(ODCS_2).values()
        assert (old.name, old.required, old.sensitive) == ("iban", True, True)

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"", "nothing in it"),
            (b"{", "no YAML"),
            (b"[1]", "expected fields"),
            (b'"x"', "Expected a schema"),
            (b'{"a": 1}', "no JSON Schema"),
            (b'{"fields": []}', "describes no field"),
            (b'{"fields": [{"name": ""}]}', "has no name"),
            (b'{"fields": [{"name": "a"}, {"name": "a"}]}', "stands twice"),
            (b'{"fields": [{"name": "a", "sensitive": "yes"}]}', "expected true or false"),
            (b'{"fields": [{"name": "a", "colour": "red"}]}', "is no field here"),
            (b'{"properties": {"a": {"$ref": "https://elsewhere.example/x"}}}', "points outside the file"),
            (b'{"properties": {"a": {"$ref": "#/$defs/none"}}}', "points to nothing"),
            (b'{"properties": {"a": 7}}', "expected a schema"),
            (b"a: &x 1\nb: *x", "anchor or alias"),
            (b'{"fields": [{"name": "' + b"a" * MAX_TEXT + b'"}]}', "larger than"),
        ],
    )
    def test_what_cannot_be_read_is_said_with_its_place(self, data, words):
        with pytest.raises(Unreadable) as refusal:
            read_contract(data)
        assert words in str(refusal.value)

    @pytest.mark.parametrize("branch", ["allOf", "anyOf"])
    def test_a_schema_that_stands_for_endlessly_many_is_refused_soon(self, branch):
        defs = {
            f"d{i}": {branch: [{"$ref": f"#/$defs/d{i + 1}"}, {"$ref": f"#/$defs/d{i + 1}"}]} for i in range(60)
        } | {"d60": {"type": "string"}}
        bomb = {"properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": defs}
        try:
            assert len(rows(bomb)) == 1
        except Unreadable as refusal:
            assert "stand for far more" in str(refusal)

    def test_a_schema_that_holds_itself_ends(self):
        assert list(rows({"properties": {"a": {"$ref": "#"}}})) == ["a", "a.a"]
        assert rows({"properties": {"a": {"type": "array", "items": {"$ref": "#/properties/a"}}}})["a"].type


class TestPublishing:
    @pytest.mark.parametrize("who", ["owner", "admin"])
    def test_whoever_keeps_the_source_publishes_and_the_newest_is_its_contract(self, world, who):
        made = contracts.publish(source=world.source, version="", data=FIELDS, by=world.person(who))
        assert (made.version, world.fresh(world.source).contract_version) == ("4", "4")
        entry = world.entries("system")[-1]
        assert (entry["kind"], entry["data"]["version"]) == ("data_source.contract_published", "4")
        contracts.publish(source=world.source, version="5", data=FIELDS, by=world.owner)
        assert world.fresh(world.source).contract_version == "5"

    @pytest.mark.parametrize("who", ["member", "deputy", "outsider", "bystander", "auditor", "security", "data"])
    def test_others_do_not(self, world, who):
        with pytest.raises(Denied):
            contracts.publish(source=world.source, version="4", data=FIELDS, by=world.person(who))

    def test_nor_does_a_service_account(self, world):
        service = add_service_account(team=world.team, name="Build", purpose="CI", by=world.member).person
        with pytest.raises(Denied, match="never publishes a data contract"):
            contracts.publish(source=world.source, version="4", data=FIELDS, by=service)
        made = contracts.publish(source=world.source, version="4", data=FIELDS, by=world.owner)
        with pytest.raises(IntegrityError), transaction.atomic():
            DataContract.objects.create(
                source=made.source, number=2, version="6", format="fields", fields=[], text="", sha256="0" * 64,
                published_by=service,
            )  # fmt: skip

    def test_a_version_is_published_once_and_never_changes(self, world):
        made = contracts.publish(source=world.source, version="4", data=FIELDS, by=world.owner)
        with pytest.raises(Conflict, match="published already"):
            contracts.publish(source=world.source, version="4", data=FIELDS, by=world.owner)
        for change in (lambda row: row.update(version="9"), lambda row: row.delete()):
            with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
                change(DataContract.objects.filter(pk=made.pk))

    def test_the_version_is_not_typed_over_once_a_contract_is_published(self, world, client):
        contracts.publish(source=world.source, version="4", data=FIELDS, by=world.owner)
        with pytest.raises(Invalid, match="Publish the next version"):
            upkeep.change_source(source=world.source, by=world.owner, contract_version="9")
        with pytest.raises(IntegrityError, match="newest published"), transaction.atomic():
            DataSource.objects.filter(pk=world.source.pk).update(contract_version="9")
        client.force_login(world.owner)
        assert (
            'name="contract_version"' not in client.get(reverse("data_detail", args=[world.source.pk])).content.decode()
        )

    @pytest.mark.parametrize(("version", "data"), [("", b'[{"name": "a"}]'), ("x" * 51, FIELDS), ("4", b"nonsense")])
    def test_what_does_not_hold_is_refused(self, world, version, data):
        with pytest.raises(Invalid):
            contracts.publish(source=world.source, version=version, data=data, by=world.owner)
        assert not DataContract.objects.exists()

    def test_a_submitted_document_keeps_the_version_and_the_next_takes_the_new_one(self, world, submitted):
        before = bytes(submitted.current.document)
        contracts.publish(source=world.source, version="4", data=FIELDS, by=world.owner)
        assert bytes(world.fresh(submitted).current.document) == before
        assert section(2).document(submitted)["grants"][0]["source"]["contract_version"] == "4"


class TestComparing:
    def test_each_field_that_was_added_removed_or_changed_is_named(self):
        def row(name, **values):
            return {"name": name, "type": "string", "meaning": "", "sensitive": None, "required": None, **values}

        found = contracts.compare([row("a"), row("b"), row("c")], [row("a"), row("b", sensitive=True), row("d")])
        assert [(one.name, one.kind) for one in found] == [("b", "changed"), ("d", "added"), ("c", "removed")]
        assert (found[0].was, found[0].now) == ([("Sensitive", "Not said")], [("Sensitive", "Yes")])


WORDS = st.text(
    st.characters(categories=("L", "N", "P", "S"), exclude_characters="\ufeff"), min_size=1, max_size=20
).map(lambda text: " ".join(unicodedata.normalize("NFC", text).split()))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "name": WORDS.filter(lambda name: name.isprintable()),
            "type": st.sampled_from(["string", "number", "array<string>"]),
            "meaning": WORDS.filter(lambda words: words.isprintable()),
            "sensitive": st.sampled_from([True, False]),
            "required": st.booleans(),
        }
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda row: row["name"],
)


def as_fields(wanted):
    return json.dumps({"fields": wanted}).encode()


def as_json_schema(wanted):
    properties = {
        row["name"]: {"type": row["type"], "description": row["meaning"], "x-sensitive": row["sensitive"]}
        for row in wanted
    }
    return json.dumps(
        {"properties": properties, "required": [row["name"] for row in wanted if row["required"]]}
    ).encode()


def as_odcs(wanted):
    columns = [
        {
            "name": row["name"],
            "logicalType": row["type"],
            "description": row["meaning"],
            "required": row["required"],
            "classification": "restricted" if row["sensitive"] else "public",
        }
        for row in wanted
    ]
    schema = {"kind": "DataContract", "apiVersion": "v3.0.2", "schema": [{"name": "t", "properties": columns}]}
    return yaml.safe_dump(schema, allow_unicode=True, sort_keys=False).encode()


@pytest.mark.parametrize("written", [as_fields, as_json_schema, as_odcs])
@given(wanted=ROWS)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_schema_that_is_read_kept_and_shown_loses_nothing(world, client, written, wanted):
    with transaction.atomic():
        made = contracts.publish(source=world.source, version="4", data=written(wanted), by=world.owner)
        kept = DataContract.objects.get(pk=made.pk)
        client.force_login(world.member)
        page = client.get(reverse("contract_detail", args=[world.source.pk, made.number])).content.decode()
        transaction.set_rollback(True)
    assert kept.fields == wanted
    assert kept.text.encode() == written(wanted)
    table = page[page.index("<tbody>") : page.index("</tbody>")]
    cells = [html.unescape(re.sub("<[^>]+>", "", cell)).strip() for cell in re.findall("<td>(.*?)</td>", table, re.S)]
    shown = [cells[i : i + 5] for i in range(0, len(cells), 5)]
    said = [(row[0], row[1], row[2], "Sensitive" in row[3], row[4] == "Yes") for row in shown]
    assert said == [(r["name"], r["type"], r["meaning"], r["sensitive"], r["required"]) for r in wanted]


class TestThePages:
    def test_from_the_schema_to_the_contract(self, world, client):
        client.force_login(world.owner)
        url = reverse("contract_new", args=[world.source.pk])
        contracts.publish(source=world.source, version="4", data=FIELDS, by=world.owner)
        refused = client.post(url, {"version": "5", "text": "{"})
        assert refused.status_code == 422 and "no YAML" in refused.content.decode()
        preview = client.post(url, {"text": ODCS_3.decode()}).content.decode()
        assert (
            "Contract 2.10" in preview and "What changes since 4" in preview and "The payer&#x27;s account." in preview
        )
        assert DataContract.objects.count() == 1
        client.post(url, {"version": "5", "note": "More", "text": ODCS_3.decode(), "confirm": "1"})
        page = client.get(reverse("contract_detail", args=[world.source.pk, 2]) + "?against=1").content.decode()
        assert "Against 4" in page and "address.street" in page and "Added" in page
        assert "Contract 5" not in client.get(reverse("contract_detail", args=[world.source.pk, 1])).content.decode()
        assert client.get(reverse("contract_detail", args=[world.source.pk, 9])).status_code == 404
        assert client.get(reverse("contract_detail", args=[world.source.pk, 1]) + "?against=x9").status_code == 200
