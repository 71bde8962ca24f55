"""The list of packets, starting one, the task list, and a section's page: who sees it, what is kept, who comes second."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from registry import actions
from registry.models import Packet
from registry.sections import SECTIONS
from registry.sections.s01_use import NonUseCase, UseCase
from registry.sections.s08_cost import CostEstimate

HTMX = {"HX-Request": "true"}


@pytest.fixture
def as_person(client):
    def sign_in(person):
        client.force_login(person)
        return client

    return sign_in


@pytest.fixture
def packet(world):
    """An empty draft of the team Lending."""
    return actions.start_packet(agent=world.agent, version="3.0.0", by=world.author)


def _address(packet, number):
    return reverse("packet_section", args=[packet.pk, number])


def _uses(packet, *texts, seen=0, refusal="I cannot say.", **more):
    """What a browser posts for section 1 with one new row a text."""
    data = {"seen": seen, "use-TOTAL_FORMS": len(texts), "use-INITIAL_FORMS": 0}
    data |= {f"use-{i}-text": text for i, text in enumerate(texts)}
    data |= {"non_use-TOTAL_FORMS": 1, "non_use-INITIAL_FORMS": 0}
    return {**data, "non_use-0-text": "Advice", "non_use-0-refusal": refusal, **more}


def test_starting_a_packet_leads_to_its_task_list(world, as_person):
    visitor = as_person(world.member)
    response = visitor.post(reverse("packet_new", args=[world.agent.slug]), {"version": "3.0.0"})
    packet = Packet.objects.get(agent=world.agent, version="3.0.0")
    assert response["Location"] == reverse("packet_detail", args=[packet.pk])
    page = visitor.get(response["Location"]).content.decode()
    for one in SECTIONS:
        assert one.title in page
    assert f"{_address(packet, 1)}#id_use-0-text" in page
    assert "0 of 10 complete" in page


def test_a_section_that_was_copied_is_not_called_unsaved(world, packet, as_person):
    said = as_person(world.member).get(_address(packet, 1)).content.decode()
    assert "Not saved yet" in said
    Packet.objects.filter(pk=packet.pk).update(
        copied_from=actions.start_packet(agent=packet.agent, version="2", by=world.author)
    )
    said = as_person(world.member).get(_address(packet, 1)).content.decode()
    assert "As in the packet it was copied from" in said and "Not saved yet" not in said


def test_a_version_that_has_a_packet_is_a_conflict_on_the_form(world, packet, as_person):
    response = as_person(world.member).post(reverse("packet_new", args=[world.agent.slug]), {"version": "3.0.0"})
    assert response.status_code == 409
    assert 'value="3.0.0"' in response.content.decode()


@pytest.mark.parametrize("who", ["outsider", "auditor", "security"])
def test_who_works_elsewhere_starts_no_packet(world, as_person, who):
    response = as_person(world.person(who)).post(reverse("packet_new", args=[world.agent.slug]), {"version": "9"})
    assert response.status_code == 403 and "Only the owner, the deputy and members" in response.content.decode()
    assert not Packet.objects.filter(version="9").exists()


@pytest.mark.parametrize(("who", "status"), [("owner", 200), ("auditor", 200), ("outsider", 404), ("security", 404)])
def test_a_draft_is_the_teams_and_the_auditors(world, packet, as_person, who, status):
    visitor = as_person(world.person(who))
    assert visitor.get(reverse("packet_detail", args=[packet.pk])).status_code == status
    assert visitor.get(_address(packet, 1)).status_code == status
    assert (packet.version in visitor.get(reverse("packet_list")).content.decode()) is (status == 200)


def test_an_auditor_reads_but_has_no_form(world, packet, as_person):
    visitor = as_person(world.auditor)
    assert "section-form" not in visitor.get(_address(packet, 1)).content.decode()
    assert visitor.post(_address(packet, 1), _uses(packet, "Mine")).status_code == 403
    assert not UseCase.objects.filter(packet=packet).exists()


def test_every_section_opens_and_none_asks_for_a_number_beyond_ten(world, packet, as_person):
    visitor = as_person(world.owner)
    for one in SECTIONS:
        assert visitor.get(_address(packet, one.number)).status_code == 200
    assert visitor.get(_address(packet, 11)).status_code == 404


def test_a_section_is_saved_without_javascript(world, packet, as_person):
    visitor = as_person(world.member)
    response = visitor.post(_address(packet, 1), _uses(packet, "Borrowers ask."))
    assert response.status_code == 302
    page = visitor.get(response["Location"]).content.decode()
    assert "Borrowers ask." in page and "Mina Okafor" in page and "This section is complete." in page


def test_save_and_go_on_leads_to_the_next_section_and_at_last_to_the_packet(world, packet, as_person):
    visitor = as_person(world.member)
    response = visitor.post(_address(packet, 1), _uses(packet, "Borrowers ask.", then="next"))
    assert response["Location"] == _address(packet, 2)
    page = visitor.get(_address(packet, 9)).content.decode()
    seen = re.search(r'id="seen" value="(\d+)"', page).group(1)
    assert visitor.post(_address(packet, 9), {"seen": seen, "then": "next"})["Location"] == _address(packet, 10)
    ten = {"seen": 0, "then": "next", "stage-TOTAL_FORMS": 0, "stage-INITIAL_FORMS": 0}
    assert visitor.post(_address(packet, 10), ten)["Location"] == reverse("packet_detail", args=[packet.pk])


def test_add_another_saves_and_brings_an_empty_row(world, packet, as_person):
    visitor = as_person(world.member)
    response = visitor.post(_address(packet, 1), _uses(packet, "Borrowers ask.", add="use"))
    page = visitor.get(response["Location"]).content.decode()
    assert 'name="use-1-text"' in page and 'name="use-TOTAL_FORMS" value="2"' in page
    assert "Borrowers ask." in page


def test_a_number_that_cannot_be_read_is_kept_beside_its_error(world, packet, as_person):
    response = as_person(world.member).post(
        _address(packet, 8),
        {"seen": 0, "sheet-currency": "EUR", "sheet-tokens_in": "many", "sheet-stop_rule": "At 110%"},
    )
    page = response.content.decode()
    assert response.status_code == 422
    assert 'value="many"' in page and "At 110%" in page
    assert 'aria-invalid="true"' in page and 'aria-describedby="id_sheet-tokens_in_error"' in page
    assert not CostEstimate.objects.filter(packet=packet).exists()


def test_a_date_that_was_saved_comes_back_as_browsers_write_it(world, packet, as_person):
    visitor = as_person(world.member)
    ten = {"seen": 0, "stage-TOTAL_FORMS": 0, "stage-INITIAL_FORMS": 0, "sheet-review_on": "2027-02-28"}
    visitor.post(_address(packet, 10), ten)
    assert 'value="2027-02-28"' in visitor.get(_address(packet, 10)).content.decode()


def test_who_comes_second_sees_both_and_loses_nothing(world, packet, as_person):
    visitor = as_person(world.member)
    visitor.post(_address(packet, 1), _uses(packet, "Borrowers ask."))
    row = UseCase.objects.get(packet=packet)
    other = NonUseCase.objects.get(packet=packet)
    actions.write_section(
        packet=packet, number=1, by=world.author,
        content={"use": [{"text": "Only staff ask."}], "non_use": [{"text": "Advice", "refusal": "Ask an adviser."}]},
    )  # fmt: skip
    mine = {
        "seen": 1, "use-TOTAL_FORMS": 1, "use-INITIAL_FORMS": 1, "use-0-id": row.pk, "use-0-text": "Borrowers and staff ask.",
        "non_use-TOTAL_FORMS": 1, "non_use-INITIAL_FORMS": 1, "non_use-0-id": other.pk,
        "non_use-0-text": "Advice", "non_use-0-refusal": "I cannot say.",
    }  # fmt: skip
    response = visitor.post(_address(packet, 1), mine)
    page = response.content.decode()
    assert response.status_code == 409 and "Ari Lind saved this section after you opened it" in page
    # Theirs, and mine beside it as a row of its own, since my row is gone.
    assert "Only staff ask." in page and "Borrowers and staff ask." in page
    assert UseCase.objects.get(packet=packet).text == "Only staff ask."


def test_a_field_that_both_changed_shows_the_saved_value_beneath_and_saves_mine_at_the_second_try(
    world, packet, as_person
):
    visitor = as_person(world.member)
    visitor.post(_address(packet, 9), {"seen": 0, "sheet-runbook": "old", "sheet-support_hours": "8 to 18"})
    visitor.post(_address(packet, 9), {"seen": 1, "sheet-runbook": "theirs", "sheet-support_hours": "8 to 18"})
    mine = {"sheet-runbook": "mine", "sheet-support_hours": "8 to 18"}
    response = visitor.post(_address(packet, 9), {"seen": 1, **mine})
    page = response.content.decode()
    assert response.status_code == 409
    assert 'value="mine"' in page
    assert re.findall(r"Saved meanwhile:</strong> (.*?)</p>", page) == ["theirs"]
    seen = re.search(r'id="seen" value="(\d+)"', page).group(1)
    assert visitor.post(_address(packet, 9), {"seen": seen, **mine}).status_code == 302
    assert 'value="mine"' in visitor.get(_address(packet, 9)).content.decode()


def test_typing_on_is_saved_quietly_with_only_the_marks_drawn_again(world, packet, as_person):
    response = as_person(world.member).post(_address(packet, 1), _uses(packet, "Borrowers ask."), headers=HTMX)
    page = response.content.decode()
    row = UseCase.objects.get(packet=packet)
    assert response["HX-Reswap"] == "none"
    assert f'name="use-0-id" value="{row.pk}"' in page and 'name="use-INITIAL_FORMS" value="1"' in page
    assert 'id="seen" value="1"' in page and "Saved" in page
    assert "<textarea" not in page


def test_a_removed_row_draws_the_form_again(world, packet, as_person):
    visitor = as_person(world.member)
    visitor.post(_address(packet, 1), _uses(packet, "Borrowers ask."))
    row, other = UseCase.objects.get(packet=packet), NonUseCase.objects.get(packet=packet)
    data = {
        "seen": 1, "use-TOTAL_FORMS": 1, "use-INITIAL_FORMS": 1, "use-0-id": row.pk, "use-0-text": row.text,
        "use-0-DELETE": "on", "non_use-TOTAL_FORMS": 1, "non_use-INITIAL_FORMS": 1, "non_use-0-id": other.pk,
        "non_use-0-text": other.text, "non_use-0-refusal": other.refusal,
    }  # fmt: skip
    response = visitor.post(_address(packet, 1), data, headers=HTMX)
    assert response["HX-Retarget"] == "#section-form"
    assert "Borrowers ask." not in response.content.decode()
    assert not UseCase.objects.filter(packet=packet).exists()


def test_a_quiet_save_that_cannot_be_read_says_so_and_leaves_the_form(world, packet, as_person):
    response = as_person(world.member).post(_address(packet, 8), {"seen": 0, "sheet-currency": "eur"}, headers=HTMX)
    assert response.status_code == 422 and response["HX-Retarget"] == "#section-problems"
    assert "three capital letters" in response.content.decode()


def test_words_for_a_packet_that_was_closed_meanwhile_are_given_back(world, submitted, as_person):
    page = as_person(world.owner).post(
        _address(submitted, 9), {"seen": 1, "sheet-authority": "May stop it at any hour."}
    )
    assert page.status_code == 409
    text = page.content.decode()
    assert "May stop it at any hour." in text and "nothing of it is saved" in text and 'value="stay"' not in text


def test_a_submitted_packet_shows_its_words_and_digest_and_no_form(world, submitted, as_person):
    visitor = as_person(world.security)
    page = visitor.get(reverse("packet_detail", args=[submitted.pk])).content.decode()
    assert submitted.current.digest in page and "its sections are closed" in page
    for one in SECTIONS:
        page = visitor.get(_address(submitted, one.number)).content.decode()
        assert "section-form" not in page and "What was submitted" in page


def test_the_pages_make_a_fixed_number_of_queries(world, packet, as_person):
    visitor = as_person(world.owner)

    def queries(address):
        visitor.get(address)
        with CaptureQueriesContext(connection) as caught:
            visitor.get(address)
        return len(caught)

    pages = [
        reverse("packet_list"),
        reverse("packet_detail", args=[packet.pk]),
        *(_address(packet, n) for n in (1, 2, 6)),
    ]
    content = world.sections()
    for number in (1, 2, 6):
        actions.write_section(packet=packet, number=number, content=content[number], by=world.author)
    few = [queries(address) for address in pages]
    for number, kinds in {1: ["use", "non_use"], 2: ["grant", "never"], 6: ["grant"]}.items():
        many = {**content[number], **{kind: content[number][kind] * 5 for kind in kinds}}
        actions.write_section(packet=packet, number=number, content=many, by=world.author)
    for i in range(5):
        actions.start_packet(agent=world.agent, version=f"4.{i}", by=world.author)
    assert [queries(address) for address in pages] == few


def test_a_section_of_a_copied_packet_has_begun(world, as_person):
    draft = world.draft(version="3.0.0")
    world.submit(draft)
    world.sign_all(draft)
    following = actions.start_packet(agent=draft.agent, version="4.0.0", by=world.member)
    page = as_person(world.member).get(reverse("packet_detail", args=[following.pk])).content.decode()
    assert "has not accepted yet" in page and "Not begun" not in page
