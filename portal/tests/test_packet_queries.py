"""Opening, saving, comparing and submitting a packet ask as many queries for 50 rows a section as for 5."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from approvals.actions import submit_packet
from portal.tests.content import stretched
from registry.actions import catalogue_source, catalogue_tool, start_packet, write_section
from registry.models import Packet
from registry.pages import rebased
from registry.sections import SECTIONS, section

FEW, MANY = 5, 50
BACKEND = "django.contrib.auth.backends.ModelBackend"


def posted(packet, number):
    """What a browser posts when nothing was typed: the section's forms as they were drawn."""
    forms = section(number).forms(packet)
    data = {f"sheet-{name}": forms.sheet[name].value() for name in forms.sheet.fields} if forms.sheet else {}
    data = {key: value for key, value in data.items() if value is not None}
    return {**data, **rebased(forms, {}), "seen": packet.section_states.get(number=number).version}


@pytest.fixture(scope="module")
def _wide(_built, django_db_blocker):
    from portal.tests.world import _copy, _fast

    with django_db_blocker.unblock(), _fast():
        bank = _copy(_built)
        sources = [
            catalogue_source(
                name=f"Source {i}", by=bank.member, classification="internal", contract_version="1", owner=bank.owner
            ).pk
            for i in range(MANY)
        ]
        tools = [catalogue_tool(slug=f"tool.{i}", by=bank.member, effect="read").pk for i in range(MANY)]
        made = {}
        for rows in (FEW, MANY):
            packet = start_packet(agent=bank.register(f"Agent of {rows} rows"), version="1.0.0", by=bank.author)
            for number, page in stretched(bank.sections(), rows, sources, tools).items():
                write_section(packet=packet, number=number, content=page, by=bank.author)
            bank.accept(packet)
            made[rows] = packet.pk
        return made


@pytest.fixture
def wide(world, _wide):
    """Two complete packets, with 5 and with 50 rows of each kind in every section."""
    return {rows: Packet.objects.select_related("agent").get(pk=pk) for rows, pk in _wide.items()}


def asked(call):
    """The queries that a call makes, once it was made before."""
    with CaptureQueriesContext(connection) as seen:
        call()
    return [one["sql"] for one in seen.captured_queries]


def same(few, many):
    """Whether both made as many queries; says which kinds came more often."""
    if len(few) != len(many):
        extra = [
            sql for sql in many if sum(sql[:60] == one[:60] for one in many) > sum(sql[:60] == one[:60] for one in few)
        ]
        pytest.fail(f"{len(few)} queries for {FEW} rows, {len(many)} for {MANY}, such as {extra[0][:300]}")


def test_the_packets_are_what_they_are_said_to_be(wide):
    for rows, packet in wide.items():
        part = section(4).document(packet)
        assert len(part["cases"]) == rows
        assert not any(one.problems(packet) for one in SECTIONS)


@pytest.mark.parametrize("name", ["packet_detail", "packet_read", "packet_compare", "packet_json"])
def test_opening_the_packet(client, world, wide, name):
    client.force_login(world.author, backend=BACKEND)
    client.get(reverse(name, args=[wide[FEW].pk]))
    same(*(asked(lambda packet=packet: client.get(reverse(name, args=[packet.pk]))) for packet in wide.values()))


@pytest.mark.parametrize("number", range(1, 11))
def test_opening_a_section(client, world, wide, number):
    client.force_login(world.author, backend=BACKEND)
    client.get(reverse("packet_section", args=[wide[FEW].pk, number]))
    same(
        *(
            asked(lambda packet=packet: client.get(reverse("packet_section", args=[packet.pk, number])))
            for packet in wide.values()
        )
    )


@pytest.mark.parametrize("how", ["typing", "button"])
@pytest.mark.parametrize("number", range(1, 11))
def test_saving_a_section_in_which_one_value_changed(client, world, wide, number, how):
    client.force_login(world.author, backend=BACKEND)
    headers = {"HX-Request": "true"} if how == "typing" else {}
    counts = []
    for packet in (wide[FEW], *wide.values()):
        data = posted(packet, number)
        key = next(
            key for key, value in reversed(data.items()) if isinstance(value, str) and " " in value and key != "seen"
        )
        data[key] = f"{data[key]} indeed"
        before = packet.section_states.get(number=number).version
        address = reverse("packet_section", args=[packet.pk, number])
        counts.append(asked(lambda address=address, data=data: client.post(address, data, headers=headers)))
        assert packet.section_states.get(number=number).version == before + 1
    same(*counts[1:])


def test_what_differs_between_two_packets(client, world, wide):
    client.force_login(world.author, backend=BACKEND)
    counts = []
    for packet in wide.values():
        address = reverse("packet_compare", args=[packet.pk]) + f"?old={wide[FEW].pk}"
        client.get(address)
        counts.append(asked(lambda address=address: client.get(address)))
    same(*counts)


def test_submitting(world, wide):
    same(*(asked(lambda packet=packet: submit_packet(packet=packet, by=world.author)) for packet in wide.values()))
