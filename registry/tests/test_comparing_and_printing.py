"""Two packets against each other, and a packet as PDF and JSON: who may, what it says, that nothing vanishes."""

import io
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pypdf import PdfReader

from registry import actions, comparing, paper
from registry.documents import document

USE = {"use": [{"text": "Answer questions"}], "non_use": [{"text": "Advice", "refusal": "Ask a person."}]}


@pytest.fixture
def draft(world):
    packet = actions.start_packet(agent=world.agent, version="3.0.0", by=world.author)
    actions.write_section(packet=packet, number=1, content=USE, by=world.author)
    packet.refresh_from_db()
    return packet


@pytest.fixture
def other(world, draft):
    packet = actions.start_packet(agent=world.agent, version="3.1.0", by=world.author)
    more = {**USE, "use": [{"text": "Answer questions"}, {"text": "Draft letters"}]}
    actions.write_section(packet=packet, number=1, content=more, by=world.author)
    packet.refresh_from_db()
    return packet


def text_of(pdf):
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def test_a_difference_is_said_in_its_section_and_nowhere_else(draft, other):
    parts = comparing.compared(comparing.said(draft), comparing.said(other))
    assert [part.number for part in parts] == [0, 1]  # the core names the version
    assert [(one.old, one.new) for one in parts[1].found] == [(None, "Draft letters")]


def test_what_is_held_against_itself_differs_in_nothing(draft):
    assert comparing.compared(comparing.said(draft), comparing.said(draft)) == []


def test_the_page_shows_what_was_added_and_offers_every_packet(world, draft, other, client):
    client.force_login(world.member)
    page = client.get(reverse("packet_compare", args=[other.pk]), {"old": str(draft.pk)}).content.decode()
    assert "Draft letters" in page and "3.0.0, draft as it stands" in page


def test_the_page_asks_a_fixed_number_of_queries(world, draft, other, client):
    client.force_login(world.member)
    counts = []
    for version in ("4", "5", "6"):
        with CaptureQueriesContext(
            connection,
        ) as seen:
            client.get(reverse("packet_compare", args=[other.pk]), {"old": str(draft.pk)})
        counts.append(len(seen))
        actions.start_packet(agent=world.agent, version=version, by=world.author)
    assert len(set(counts[1:])) == 1


def test_the_page_leads_to_the_same_as_json(world, draft, other, client):
    client.force_login(world.member)
    page = client.get(reverse("packet_compare", args=[other.pk]), {"old": str(draft.pk)}).content.decode()
    address = f"{reverse('api_packet_compare', args=[other.pk])}?old={draft.pk}&new={other.pk}"
    assert address.replace("&", "&amp;") in page
    said = client.get(address).json()
    assert (said["old"]["version"], said["new"]["version"]) == ("3.0.0", "3.1.0")


def test_a_first_packet_is_held_against_nothing_until_somebody_chooses(world, draft, client):
    client.force_login(world.member)
    page = client.get(reverse("packet_compare", args=[draft.pk])).content.decode()
    assert '<option value="">Choose</option>' in page and "JSON" not in page


@pytest.mark.parametrize("name", ["packet_compare", "packet_pdf", "packet_json"])
@pytest.mark.parametrize(("who", "status"), [("member", 200), ("auditor", 200), ("outsider", 404), ("security", 404)])
def test_a_draft_is_the_teams_and_the_auditors(world, draft, client, name, who, status):
    client.force_login(world.person(who))
    assert client.get(reverse(name, args=[draft.pk])).status_code == status


@pytest.mark.parametrize("old", ["x", "00000000-0000-0000-0000-000000000000", "{pk}:7", "{pk}:99999999999999999999"])
def test_what_is_not_there_is_not_found(world, draft, client, old):
    client.force_login(world.member)
    assert client.get(reverse("packet_compare", args=[draft.pk]), {"old": old.format(pk=draft.pk)}).status_code == 404


def test_the_paper_holds_every_section_and_what_was_typed(draft):
    printed = text_of(paper.printed(comparing.said(draft)))
    assert "Answer questions" in printed and "10 · Rollout" in printed and "not stated" in printed


def test_the_paper_is_read_in_the_order_of_the_pages_and_names_risks(world):
    packet = world.complete_packet()
    printed = " ".join(text_of(paper.printed(comparing.said(packet))).split())
    for first, then in (
        ("Use cases", "Non use cases"), ("Threat", "Mitigation"), ("Sanitised input", "Eval checks"),
        ("Runs per day", "Net per month"), ("Rollback target", "Kill mechanism"),
    ):  # fmt: skip
        assert 0 < printed.index(first) < printed.index(then), (first, then)
    assert "LLM01:2025 Prompt Injection" in printed


def test_every_name_of_a_document_has_its_place_on_paper(world):
    def names(value):
        rows = value if isinstance(value, list) else [value] if isinstance(value, dict) else []
        return {
            name for row in rows if isinstance(row, dict) for key, part in row.items() for name in {key} | names(part)
        }

    packet = world.complete_packet()
    for number, part in packet.current.content["sections"].items():
        known = {*paper.READ[int(number)].split(), *paper.AFTER.split(), "unknown"}
        parameters = {"temperature", "max_tokens"}  # whatever a team gives a model
        assert names(part) - known - parameters == set(), f"section {number}"


def test_a_long_word_breaks_within_its_column(world):
    packet = world.complete_packet()
    digest = packet.current.content["sections"]["3"]["prompts"][0]["sha256"]
    printed = text_of(paper.printed(comparing.said(packet))).replace("\u200b", "")
    assert digest not in printed, "in one piece it would stand over the next column"
    assert digest in "".join(printed.split())


@pytest.mark.parametrize(("why", "shown"), [("not needed", "not needed"), ("not stated", "unknown: not stated")])
def test_what_nobody_asks_for_is_not_called_unknown(why, shown):
    assert paper._value({"unknown": why})["text"] == shown


def test_the_same_document_gives_the_same_bytes(draft):
    assert paper.printed(comparing.said(draft)) == paper.printed(comparing.said(draft))


def test_what_the_font_lacks_is_written_as_its_code_point(world, draft):
    content = {**USE, "use": [{"text": "Say 中文 and 😀 #set *bold* $x$ <b>"}]}
    actions.write_section(packet=draft, number=1, content=content, by=world.author)
    draft.refresh_from_db()
    printed = text_of(paper.printed(comparing.said(draft))).replace("\n", "")
    assert "Say [U+4E2D][U+6587] and [U+1F600] #set *bold* $x$ <b>" in printed


def test_json_of_a_frozen_packet_is_the_document_byte_for_byte(world, client):
    packet = world.complete_packet()
    client.force_login(world.member)
    response = client.get(reverse("packet_json", args=[packet.pk]))
    assert response.content == bytes(packet.current.document)
    assert "attachment" in response["Content-Disposition"]


def test_json_of_a_draft_is_the_document_as_it_stands(world, draft, client):
    client.force_login(world.member)
    assert json.loads(client.get(reverse("packet_json", args=[draft.pk])).content) == document(draft, {})
