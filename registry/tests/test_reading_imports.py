"""The readers of manifests, tools/list answers and AgentCards: a result, or faults with path and reason; never a crash."""

import json
import time

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.imports import manifest as m
from registry.imports.agentcard import read_card
from registry.imports.contract import read_contract
from registry.imports.manifest import read_manifest
from registry.imports.mcp import read_tools
from registry.imports.reading import MARKS, MAX_BYTES, Unreadable, read_json, read_yaml
from registry.imports.schema import schema
from registry.vocabulary import Classification, Effect, Relationship, RiskClass, ToolTag

BASE = {"portcullis": 1, "agent": {"name": "A", "slug": "a", "team": "t", "owner": "o@x.org"}}
READERS = {"manifest": read_manifest, "tools": lambda data: read_tools(data, "git"), "card": read_card}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
)
words = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789-_", max_size=12)


def near(**parts):
    """Objects that come near to what is wanted: each key may be missing, right, or anything."""
    return st.fixed_dictionaries({}, optional={key: part | scalars | values for key, part in parts.items()})


rows = st.lists(near(slug=words, name=words, effect=st.sampled_from(m.EFFECTS), tags=st.lists(st.sampled_from(m.TAGS)),
                     path=words, sha256=st.just("a" * 64), model=words, provider=words), max_size=4)  # fmt: skip
manifests = near(
    portcullis=st.just(1),
    agent=near(name=words, slug=words, team=words, owner=st.just("o@x.org"), summary=words, autonomy=st.integers(0, 6)),
    tools=rows, data_sources=rows, models=rows, prompts=rows, calls=st.lists(words, max_size=4),
)  # fmt: skip
hints = near(readOnlyHint=st.booleans(), destructiveHint=st.booleans(), idempotentHint=st.booleans(), title=words)
lists = near(tools=st.lists(near(name=words, title=words, annotations=hints), max_size=5), nextCursor=words)
cards = near(
    name=words, description=st.text(max_size=500), url=st.just("https://a.example/x"), skills=rows, version=words
)


def faults(read, data):
    with pytest.raises(Unreadable) as caught:
        read(data)
    return [str(fault) for fault in caught.value.faults]


def yaml_of(**agent):
    return json.dumps({**BASE, "agent": {**BASE["agent"], **agent}}).encode()


@pytest.mark.parametrize("name", READERS)
@given(data=st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
@settings(max_examples=150, deadline=None)
def test_any_bytes_end_in_a_result_or_in_faults(name, data):
    try:
        READERS[name](data)
    except Unreadable as error:
        assert error.faults and all(fault.reason for fault in error.faults)


@pytest.mark.parametrize(("name", "made"), [("manifest", manifests), ("tools", lists), ("card", cards)])
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_anything_near_ends_in_a_result_or_in_faults(name, made, data):
    value = data.draw(made)
    try:
        READERS[name](json.dumps(value).encode())
    except Unreadable as error:
        assert error.faults and all(str(fault).isprintable() for fault in error.faults)


@given(manifests)
@settings(max_examples=200, deadline=None)
def test_what_was_read_reads_the_same_again_and_fits_the_schema(value):
    try:
        said = read_manifest(json.dumps(value).encode())
    except Unreadable:
        return
    again = said.document()
    assert read_manifest(json.dumps(again).encode()) == said
    assert read_manifest(yaml.safe_dump(again).encode()) == said
    jsonschema.validate(again, schema("https://portal.example/schema"), jsonschema.Draft202012Validator)


@given(st.text(max_size=100))
@settings(max_examples=200, deadline=None)
def test_yaml_made_by_others_reads_as_it_was_meant(text):
    made = yaml.safe_dump({"a": [text, {"b": text}], "c": 7}, allow_unicode=True).encode("utf-8", "surrogatepass")
    try:
        value = read_yaml(made)
    except Unreadable:
        return
    assert value == yaml.safe_load(made)


class TestLimits:
    """Bombs and giants end quickly, by depth, count or size."""

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"a: &a [x]\nb: [*a, *a]", "anchor or alias"),
            (b"a: &a\n  <<: *a", "anchor or alias"),
            (b"portcullis: 1\nportcullis: 1", 'The key "portcullis" stands twice'),
            (b'{"a": 1, "a": 2}', 'The key "a" stands twice'),
            (b"x: !!python/object/apply:os.system [ls]", "holds a tag"),
            (b"[" * 200_000, "nested deeper"),
            (b"- " * 200_000, "nested deeper"),
            (b'{"a":' * 100_000, "nested deeper"),
            (b"a: 1\n---\nb: 2", "second document"),
            (b"? [a]\n: b", "list or mapping as a key"),
            (b"- a\n" * 60_000, "more than 50,000 values"),
            (b"a\0b", "NUL"),
            (b"\xff\xfe", "no UTF-8"),
            (b"", "nothing in it"),
            (b"# only a comment", "nothing in it"),
            (b"#" * (MAX_BYTES + 1), "larger than 10 MB"),
            (b"a: [1", "no YAML: line"),
        ],
        ids=lambda value: str(value)[:24],
    )
    def test_a_manifest(self, data, words):
        begun = time.process_time()
        assert words in faults(read_manifest, data)[0]
        assert time.process_time() - begun < 2

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b'{"tools": [' + b"[" * 100_000, "nested deeper"),
            (b'{"tools": [' + b"0," * 1_100_000 + b"0]}", "more than 1,000,000 values"),
            (b'{"tools": NaN}', "NaN is no JSON value"),
            (b'{"tools": ' + b"9" * 10_000 + b"}", "no JSON that can be read"),
            (b'{"tools": [}', "line 1, column 12"),
            (b"[" + b",".join([b"{}"] * 501) + b"]", "at most 500, got 501"),
        ],
        ids=lambda value: str(value)[:24],
    )
    def test_a_list_of_tools(self, data, words):
        assert words in faults(READERS["tools"], data)[0]

    def test_lines_without_end_are_read_in_time(self):
        begun = time.process_time()
        for data in (b"a: " + b"x" * 9_000_000, b'"' + b"y\n" * 4_000_000 + b'"', b"#" + b" z" * 4_000_000 + b"\na: 1"):
            faults(read_manifest, data)
        assert time.process_time() - begun < 5


class TestManifest:
    """Its fields, one by one."""

    @pytest.mark.parametrize(
        ("values", "fault"),
        [
            (
                {"slug": "../etc"},
                'agent.slug: expected a short name of a to z, 0 to 9, - and _, at most 80, got "../etc"',
            ),
            ({"slug": "<script>"}, "agent.slug: expected a short name"),
            ({"slug": "a" * 81}, "agent.slug: expected a short name"),
            ({"slug": "a\n"}, "agent.slug: expected a short name"),
            ({"name": "<b>A</b>"}, "agent.name: holds HTML"),
            ({"name": "A\u202eB"}, "agent.name: holds control or hidden characters"),
            ({"name": "A\x1b[31m"}, "agent.name: holds control or hidden characters"),
            ({"name": "x" * 151}, "agent.name: expected at most 150 characters, got 151"),
            ({"name": ""}, "agent.name: say what people call the agent"),
            ({"name": ["A"]}, "agent.name: expected words, got a list"),
            ({"owner": "Ana Ruiz"}, 'agent.owner: expected an e-mail address, got "Ana Ruiz"'),
            ({"owner": ""}, "agent.owner: expected an e-mail address, got nothing"),
            ({"deputy": "O@x.org"}, "agent.deputy: must be someone else than the owner"),
            ({"autonomy": 6}, "agent.autonomy: expected a level from 1 to 5, got 6"),
            ({"autonomy": True}, "agent.autonomy: expected a level from 1 to 5, got true"),
            ({"risk_class": "low"}, 'agent.risk_class: expected prohibited, high, limited or minimal, got "low"'),
            ({"status": "live"}, "agent.status: is no field here"),
        ],
    )
    def test_what_does_not_hold_is_said_with_its_path(self, values, fault):
        assert any(found.startswith(fault) for found in faults(read_manifest, yaml_of(**values)))

    def test_all_faults_come_at_once_and_not_thousands(self):
        bad = {**BASE, "tools": [{"slug": "?"}] * 400}
        assert len(faults(read_manifest, json.dumps(bad).encode())) == 50

    @pytest.mark.parametrize(
        ("key", "rows", "fault"),
        [
            ("tools", [{"slug": "a"}, {"slug": "A"}], 'tools[1].slug: the tool "A" stands twice'),
            ("tools", [{"slug": "a", "tags": ["customer_data", "fun"]}], "tools[0].tags[1]: expected customer_data"),
            (
                "tools",
                [{"slug": "a", "effect": False}],
                "tools[0].effect: expected read, write or irreversible, got false",
            ),
            ("tools", {"slug": "a"}, "tools: expected a list, got an object"),
            ("tools", ["a"], 'tools[0]: expected fields with values, got "a"'),
            (
                "prompts",
                [{"path": "../x", "sha256": "a" * 64}],
                "prompts[0].path: expected a path inside the repository",
            ),
            ("prompts", [{"path": "/etc/x", "sha256": "a" * 64}], "prompts[0].path: expected a path inside"),
            ("prompts", [{"path": "x", "sha256": "A" * 64}], "prompts[0].sha256: expected a SHA-256 digest"),
            ("models", [{"provider": "x"}], "models[0].model: name the model"),
            (
                "data_sources",
                [{"slug": "x", "classification": "top"}],
                "data_sources[0].classification: expected public",
            ),
            ("calls", ["a", "b", "a"], 'calls[2]: the agent "a" stands twice'),
            ("colour", "red", "colour: is no field here"),
        ],
    )
    def test_rows(self, key, rows, fault):
        assert faults(read_manifest, json.dumps({**BASE, key: rows}).encode())[0].startswith(fault)

    def test_yaml_words_stay_words(self):
        data = b"portcullis: 1\nagent: {name: No, slug: on, team: 12, owner: o@x.org}\nmodels: [{model: m, snapshot: 1.10}]"
        said = read_manifest(data)
        assert (said.name, said.slug, said.team, said.models[0].snapshot) == ("No", "on", "12", "1.10")

    def test_a_flow_mapping_that_is_no_json_is_yaml(self):
        data = b"{portcullis: 1, agent: {name: A, slug: a, team: t, owner: o@x.org, autonomy: L4}}"
        assert read_manifest(data).autonomy == 4

    def test_names_are_in_unicode_form_c(self):
        assert read_manifest(yaml_of(name="Cafe\u0301")).name == "Caf\u00e9"

    def test_the_words_are_those_of_the_registry(self):
        assert set(m.EFFECTS) == set(Effect.values)
        assert set(m.TAGS) == set(ToolTag.values)
        assert set(m.RISK_CLASSES) == set(RiskClass.values)
        assert set(m.RELATIONSHIPS) == set(Relationship.values)
        assert set(m.CLASSIFICATIONS) == set(Classification.values)

    @given(manifests)
    @settings(max_examples=150, deadline=None)
    def test_the_schema_and_the_reader_agree_on_what_is_taken(self, value):
        try:
            read_manifest(json.dumps(value).encode())
        except Unreadable:
            return
        # Whole floats are integers to JSON Schema, control characters aside the schema is no stricter than the reader.
        jsonschema.validate(value, schema("https://portal.example/schema"), jsonschema.Draft202012Validator)

    def test_the_schema_is_one(self):
        jsonschema.Draft202012Validator.check_schema(schema("https://portal.example/schema"))


def tool(**given):
    return json.dumps({"tools": [{"name": "run", **given}]}).encode()


class TestTools:
    """An MCP server's tools."""

    @pytest.mark.parametrize(
        ("annotations", "effect", "tags"),
        [
            (None, "", ()),
            ({}, "", ()),
            ({"title": "Run"}, "", ()),
            ({"readOnlyHint": True}, "read", ()),
            ({"readOnlyHint": True, "destructiveHint": False}, "read", ()),
            ({"readOnlyHint": True, "openWorldHint": True}, "read", ("untrusted_input",)),
            ({"readOnlyHint": True, "destructiveHint": True}, "irreversible", ()),
            ({"readOnlyHint": False}, "irreversible", ()),
            ({"destructiveHint": True}, "irreversible", ()),
            ({"readOnlyHint": False, "destructiveHint": False}, "write", ()),
            ({"destructiveHint": False, "openWorldHint": True}, "write", ("untrusted_input", "external_communication")),
            ({"idempotentHint": True}, "irreversible", ()),
            ({"openWorldHint": False}, "irreversible", ()),
        ],
    )
    def test_annotations_become_a_suggestion_in_doubt_the_worse(self, annotations, effect, tags):
        [claim] = read_tools(tool(annotations=annotations), "git").tools
        assert (claim.slug, claim.system, claim.effect, claim.tags) == ("git.run", "git", effect, tags)
        assert claim.note

    @pytest.mark.parametrize(
        ("data", "fault"),
        [
            (
                tool(annotations={"readOnlyHint": "yes"}),
                'tools[0].annotations.readOnlyHint: expected true or false, got "yes"',
            ),
            (tool(annotations=[1]), "tools[0].annotations: expected fields with values, got a list"),
            (
                tool(name="a b"),
                'tools[0].name: expected a tool\'s name of letters, digits, _ . and -, at most 80, got "a b"',
            ),
            (tool(name="<img>"), "tools[0].name: expected a tool's name"),
            (tool(name="x" * 79), "tools[0].name: is too long"),
            (tool(title="<b>"), "tools[0].title: holds HTML"),
            (b'{"tools": [{"name": "a"}, {"name": "A"}]}', 'tools[1].name: the tool "git.A" stands twice'),
            (b'{"error": {"message": "no such method"}}', 'error: the server answered with an error: "no such method"'),
            (b'{"resources": []}', "tools: expected a list of tools, got nothing"),
            (b"7", "the list: expected fields with values, got 7"),
        ],
    )
    def test_what_does_not_hold_is_said_with_its_path(self, data, fault):
        assert faults(READERS["tools"], data)[0].startswith(fault)

    def test_a_result_its_envelope_and_the_bare_list_are_alike(self):
        one = [{"name": "run", "inputSchema": {"type": "object"}, "annotations": None}]
        forms = [{"tools": one}, {"jsonrpc": "2.0", "id": 1, "result": {"tools": one}}, one]
        assert len({read_tools(json.dumps(form).encode(), "git").tools for form in forms}) == 1

    def test_more_pages_are_told(self):
        assert read_tools(b'{"tools": [], "nextCursor": "x"}', "git").partial

    @pytest.mark.parametrize("server", ["", "Git", "../x", "a b", "x" * 41])
    def test_a_server_needs_a_short_name(self, server):
        with pytest.raises(Unreadable, match="^server: expected a short name"):
            read_tools(b"[]", server)

    @given(lists)
    @settings(max_examples=100, deadline=None)
    def test_what_is_kept_between_preview_and_confirmation_reads_the_same(self, value):
        try:
            found = read_tools(json.dumps(value).encode(), "git")
        except Unreadable:
            return
        assert read_tools(json.dumps(found.document).encode(), "git") == found


class TestCard:
    """An A2A AgentCard."""

    def test_what_it_gives(self):
        card = read_card(
            json.dumps(
                {
                    "protocolVersion": "0.3.0", "name": "Café finder", "description": "Finds cafés.\nQuickly.",
                    "url": "https://key@cafe.example/a2a?token=x", "version": "1.2", "provider": {"organization": "Bank"},
                    "skills": [{"id": "find", "name": "Find", "description": "Finds one", "tags": []}],
                }
            ).encode()
        )  # fmt: skip
        assert (card.slug, card.summary, card.host) == ("cafe-finder", "Finds cafés. Quickly.", "cafe.example")
        assert (card.version, card.provider, card.skills[0].name) == ("1.2", "Bank", "Find")

    def test_the_newer_form_of_the_address(self):
        data = b'{"name": "A", "supportedInterfaces": [{"url": "https://a.example:8443/x", "protocolBinding": "GRPC"}]}'
        assert read_card(data).host == "a.example"

    def test_a_long_description_is_cut_after_a_sentence(self):
        card = read_card(
            json.dumps({"name": "A", "description": "Answers borrowers' questions. " + "More. " * 80}).encode()
        )
        assert card.summary == "Answers borrowers' questions." and card.shortened

    @pytest.mark.parametrize(
        ("card", "fault"),
        [
            ({}, "name: expected the agent's name, got nothing"),
            ({"name": "A", "description": "<script>x</script>"}, "description: holds HTML"),
            ({"name": "A", "url": "javascript:alert(1)"}, "url: expected an address like"),
            ({"name": "A", "skills": {"id": 1}}, "skills: expected a list, got an object"),
            ({"name": "A", "skills": [7]}, "skills[0]: expected fields with values, got 7"),
            ({"name": "A", "provider": "Bank"}, 'provider: expected fields with values, got "Bank"'),
        ],
    )
    def test_what_does_not_hold_is_said_with_its_path(self, card, fault):
        assert faults(read_card, json.dumps(card).encode())[0].startswith(fault)


def test_json_is_not_read_twice_over():
    assert read_json(b'\xef\xbb\xbf{"a": [1, true, null, "x"]}') == {"a": [1, True, None, "x"]}


def _packet(text):
    return {**BASE, "packet": {"version": "1", "sections": {"1": {"use": [{"text": text}]}}}}


TEXTS = {
    "agent.name": (read_manifest, 150, lambda text: {**BASE, "agent": {**BASE["agent"], "name": text}}),
    "agent.summary": (read_manifest, 300, lambda text: {**BASE, "agent": {**BASE["agent"], "summary": text}}),
    "tools[0].name": (read_manifest, 150, lambda text: {**BASE, "tools": [{"slug": "a", "name": text}]}),
    "packet.sections.1.use[0].text": (read_manifest, m.MAX_TEXT, _packet),
    "tools[0].title": (READERS["tools"], 150, lambda text: {"tools": [{"name": "a", "title": text}]}),
    "name": (read_card, 150, lambda text: {"name": text}),
    "description": (read_card, 5000, lambda text: {"name": "A", "description": text}),
    "skills[0].description": (read_card, 5000, lambda text: {"name": "A", "skills": [{"description": text}]}),
    "fields[0].name": (read_contract, 200, lambda text: {"fields": [{"name": text}]}),
    "fields[0].meaning": (read_contract, 1000, lambda text: {"fields": [{"name": "a", "meaning": text}]}),
    "version": (read_contract, 50, lambda text: {"version": text, "fields": [{"name": "a"}]}),
    "properties.a.meaning": (read_contract, 1000, lambda text: {"properties": {"a": {"description": text}}}),
}


@pytest.mark.parametrize("path", TEXTS)
def test_every_readers_texts_are_measured_before_they_are_normalised(path):
    read, most, document = TEXTS[path]
    letters = most // MARKS
    for text, fault in (
        ("e\u0301" * most, ""),
        ("a" + "\u0301\u0316" * 15 + "b", ""),
        ("e\u0301" * most + "a", f"expected at most {most:,} characters, got "),
        ("a" * (most + 1), f"expected at most {most:,} characters, got {most + 1:,}"),
        (
            "a" + "\u0301\u0316" * max(2 * most, 100_000),
            f"expected at most {most:,} characters, got {max(4 * most, 200_000) + 1:,}",
        ),
        ("a" + "\u0301\u0316" * 16, f"holds more than {MARKS} accents upon one letter"),
        (("a" + "\u0301\u0316" * 15) * letters + "\u0301", f"holds more than {MARKS} accents upon one letter"),
    ):
        data, started = json.dumps(document(text), ensure_ascii=False).encode(), time.perf_counter()
        if not fault:
            read(data)
        else:
            with pytest.raises(Unreadable) as refusal:
                read(data)
            assert [str(one) for one in refusal.value.faults if fault in str(one)], refusal.value.faults
            assert str(refusal.value.faults[0]).startswith(f"{path}: ")
        assert time.perf_counter() - started < 0.5


def test_a_card_with_accents_gets_a_plain_slug():
    card = read_card(json.dumps({"name": "Ce\u0301dric \u00dcber \ufb01n"}).encode())
    assert (card.name, card.slug) == ("C\u00e9dric \u00dcber \ufb01n", "cedric-uber-fin")
