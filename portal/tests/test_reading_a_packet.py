"""What who signs a packet reads of it: what is worth a second look, and documents in words rather than in codes."""

import pytest
from django.urls import reverse

from registry import actions
from registry.contents import content_of
from registry.sections import section

pytestmark = pytest.mark.django_db


def _read(client, person, name, key, **query):
    client.force_login(person)
    response = client.get(reverse(name, args=[key]), query)
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def doubted(world):
    """In review; section 7 says that a leak of the prompt does not apply, though section 3 pins one."""
    draft = world.draft(version="4.0.0")
    content = content_of(section(7), draft)
    leak = content["threat"][6]
    leak |= {"applies": "no", "threat": "Nobody asks for it."}
    actions.write_section(packet=draft, number=7, content=content, by=world.author)
    return world.submit(draft).packet


def test_who_signs_sees_what_is_worth_a_second_look(world, doubted, client):
    page = _read(client, world.security, "review_detail", doubted.pk, section=7)
    assert "Worth a second look" in page
    assert "LLM07:2025 System Prompt Leakage seems to apply: section 3 pins a prompt" in page


def test_a_draft_that_moved_on_gives_no_advice_on_what_was_submitted(world, doubted, client):
    world.sign(doubted, "security", decision="request_changes", comment="Look at LLM07 again.")
    assert "Worth a second look" not in _read(client, world.security, "review_detail", doubted.pk, section=7)


def test_risks_are_named_and_a_run_is_read_from_input_to_answer(world, doubted, client):
    page = _read(client, world.security, "packet_read", doubted.pk)
    assert "Vector and Embedding Weaknesses" in page and "Rogue Agents" in page
    trail = page.index("Sanitised input"), page.index("Tool calls requested"), page.index("Eval checks")
    assert list(trail) == sorted(trail)


def test_a_new_packet_says_where_it_begins(world, doubted, client):
    page = _read(client, world.member, "packet_new", doubted.agent.slug)
    assert f"a copy of packet {doubted.number}, 4.0.0: in review" in page and "may not approve it" in page
    world.sign_all(doubted)
    page = _read(client, world.member, "packet_new", doubted.agent.slug)
    assert f"a copy of packet {doubted.number}, 4.0.0: approved" in page and "ten empty sections" in page


def test_a_copy_of_a_vetoed_packet_is_chosen_on_the_page_and_said_to_its_reviewers(world, doubted, client):
    world.sign(doubted, "risk", decision="veto", comment="It promises a rate.")
    client.force_login(world.member, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("packet_new", args=[doubted.agent.slug])
    assert client.post(address, {"version": "4.1.0", "begins": "nonsense"}).status_code == 422
    client.post(address, {"version": "4.1.0", "begins": str(doubted.pk)})
    copy = doubted.agent.packets.get(version="4.1.0")
    assert copy.copied_from_id == doubted.pk
    world.accept(copy)
    world.submit(copy, by=world.member)
    page = _read(client, world.security, "review_detail", copy.pk)
    assert "which is vetoed and was never approved" in page
    client.force_login(world.member, backend="django.contrib.auth.backends.ModelBackend")
    client.post(address, {"version": "4.2.0", "begins": "empty"})
    assert doubted.agent.packets.get(version="4.2.0").copied_from is None
