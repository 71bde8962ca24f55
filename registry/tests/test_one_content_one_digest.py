"""The same content through the form, the API and a manifest gives the same document; the digest tells any two apart."""

import json
from types import SimpleNamespace

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.tokens import make_token
from ledger.canonical import dumps, nfc, sha256
from registry.actions import save_section, start_packet
from registry.contents import content_of
from registry.import_actions import import_agent
from registry.importing import plan_manifest
from registry.imports.manifest import read_manifest
from registry.models import Packet
from registry.sections import SECTIONS, section
from registry.sections.catalogue import CatalogueChoice
from registry.sections.forms import form_data
from web.media import dumps as api_json

NUMBERS = [one.number for one in SECTIONS]
# What a person can type: no control characters, nothing around it, and something that is not a space.
WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")), max_size=12
).map(str.strip)
TEXTS = st.lists(WORDS, max_size=3).map("\n".join).map(str.strip)


def leaf(field, bank):
    """What a field takes: as an API or a manifest writes it."""
    kind = type(field).__name__
    if isinstance(field, CatalogueChoice) or kind == "ModelChoiceField":
        return st.sampled_from([bank[field.queryset.model.__name__]])
    if hasattr(field, "choices"):
        return st.sampled_from([key for key, _ in field.choices])
    if kind == "BooleanField":
        return st.booleans()
    if kind == "DecimalField":
        return (
            st.decimals(0, 99, places=field.decimal_places).map(lambda d: f"{d:f}") | st.integers(0, 99) | st.just("")
        )
    if kind == "IntegerField":
        # The model's own limit, which the form's field does not know before it validates.
        least = 100 if str(field.label).startswith("Tokens a run if") else 0
        return st.integers(least, least + 99) | st.just("")
    if kind == "DateTimeField":
        return st.datetimes().map(lambda at: at.replace(year=2026, microsecond=0).isoformat() + "Z") | st.just("")
    if kind == "DateField":
        return st.dates().map(lambda day: day.replace(year=2026, day=min(day.day, 28)).isoformat()) | st.just("")
    if field.label == "Currency":
        return st.sampled_from(["", "EUR", "USD"])
    longest = field.max_length or 100
    return (TEXTS if type(field.widget).__name__ == "Textarea" else WORDS).filter(lambda text: len(text) <= longest)


def contents(number, bank):
    """Content of a section, of any shape that its forms take."""
    one = section(number)

    def row(form):
        names = {name: leaf(field, bank) for name, field in form.base_fields.items()}
        return st.fixed_dictionaries(names)

    parts = {"sheet": row(one.sheet)} if one.sheet else {}
    for rows in one.rows:
        size = {"min_size": rows.fixed, "max_size": rows.fixed} if rows.fixed else {"max_size": 2}
        made = row(rows.form)
        # A manifest tells rows by their key, so each has one, and another.
        if not rows.fixed:
            key = rows.key
            unique = {} if key in ("tool", "source") else {"unique_by": lambda row, key=key: nfc(str(row[key]))}
            size = {"max_size": 1} if key in ("tool", "source") else size
            made = made.filter(lambda row, key=key: str(row[key]).strip() != "")
            parts[rows.prefix] = st.lists(made, **size, **unique)
        else:
            parts[rows.prefix] = st.lists(made, **size)
    return st.fixed_dictionaries(parts)


@pytest.fixture
def desk(world):
    """A packet for each of the three ways, and the caller of the API."""
    agent = world.register("Third assistant")
    packets = [start_packet(agent=world.agent, version=version, by=world.author) for version in ("form", "api")]
    secret = make_token(
        person=world.author, name="t", scopes=["packets:write", "registry:read"], days=7, by=world.author
    )
    bank = {"Tool": str(world.tool.pk), "DataSource": str(world.source.pk)}
    return SimpleNamespace(world=world, agent=agent, form=packets[0], api=packets[1], secret=secret.secret, bank=bank)


def by_form(desk, number, content):
    """As a browser posts it: with carriage returns, and nothing for a box that is not ticked."""
    one, packet = section(number), desk.form
    data = QueryDict(mutable=True)
    for name, value in form_data(one.forms(packet), content).items():
        if value is not False:
            data[name] = "on" if value is True else "" if value is None else str(value).replace("\n", "\r\n")
    state = packet.section_states.get(number=number)
    save_section(forms=one.forms(packet, data), seen=state.version, by=desk.world.author)
    return packet


def by_api(desk, number, content):
    address = reverse("api_packet_section", args=[desk.api.pk, number])
    headers = {"Authorization": f"Bearer {desk.secret}", "If-Match": "*"}
    answer = Client().put(address, api_json({"content": content}), content_type="application/json", headers=headers)
    assert answer.status_code == 200, answer.content
    return desk.api


def by_manifest(desk, number, content):
    agent, world = desk.agent, desk.world
    desk.times = getattr(desk, "times", 0) + 1
    card = {"name": agent.name, "slug": agent.slug, "team": "lending", "owner": "owner@bank.example"}
    block = {"version": f"m{desk.times}", "sections": {str(number): content}}
    manifest = read_manifest(json.dumps({"portcullis": 1, "agent": card, "packet": block}).encode())
    seen = plan_manifest(manifest, world.author).digest
    import_agent(manifest=manifest, seen=seen, by=world.author, looked=True)
    return Packet.objects.get(agent=agent, version=f"m{desk.times}")


SLOW = settings(
    max_examples=4, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
def test_form_api_and_manifest_give_the_same_document_and_digest(desk, number):
    one = section(number)

    @SLOW
    @given(content=contents(number, desk.bank))
    def check(content):
        made = [dumps(one.document(way(desk, number, content))) for way in (by_form, by_api, by_manifest)]
        assert made[0] == made[1]
        assert made[1] == made[2]

    check()


@pytest.mark.parametrize("number", NUMBERS)
def test_a_document_that_becomes_a_form_and_a_document_again_loses_nothing(desk, number):
    one = section(number)

    @SLOW
    @given(content=contents(number, desk.bank))
    def check(content):
        packet = by_api(desk, number, content)
        before, state = dumps(one.document(packet)), packet.section_states.get(number=number).version
        again = json.loads(api_json(content_of(one, packet)))
        by_api(desk, number, again)
        assert dumps(one.document(packet)) == before
        assert packet.section_states.get(number=number).version == state
        by_form(desk, number, again)
        assert dumps(one.document(desk.form)) == before

    check()


@pytest.mark.parametrize("number", NUMBERS)
def test_the_digest_changes_exactly_when_the_content_does(desk, number):
    one = section(number)
    strategy = contents(number, desk.bank)

    @SLOW
    @given(first=strategy, second=strategy)
    def check(first, second):
        left, right = by_api(desk, number, first), by_form(desk, number, second)
        said = [one.document(packet) for packet in (left, right)]
        digests = [sha256(dumps(document)) for document in said]
        plain = [json.loads(api_json(content_of(one, packet))) for packet in (left, right)]
        assert (digests[0] == digests[1]) == (_words(number, plain[0]) == _words(number, plain[1]))

    check()


def _words(number, content):
    """What the content says: texts in Unicode form C, nothing and an empty text alike; of parameters what they set, and of a
    risk that does not apply nothing but why."""

    def row(values):
        made = {
            name: nfc(value) if isinstance(value, str) else ("" if value is None else value)
            for name, value in values.items()
        }
        if "parameters" in made:
            pairs = (line.partition("=") for line in made["parameters"].splitlines() if line.strip())
            made["parameters"] = {name.strip(): value.strip() for name, _, value in pairs}
        if number == 7 and made["applies"] != "yes":
            made = {name: made[name] for name in ("applies", "threat")}
        return made

    return {part: [row(one) for one in rows] if isinstance(rows, list) else row(rows) for part, rows in content.items()}
