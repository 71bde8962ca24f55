"""Proposals: what an import says of a field that somebody filled waits for an answer, and overwrites nothing."""

import json

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import actions as accounts
from accounts.tokens import add_service_account
from registry import upkeep
from registry.actions import change_agent
from registry.import_actions import import_agent, import_tools
from registry.importing import plan_manifest
from registry.imports.manifest import read_manifest
from registry.imports.mcp import read_tools
from registry.models import Proposal, Tool
from registry.proposals import Origin, Suggestion, accept, dismiss, propose
from work.acts import Conflict, Denied, Invalid

ORIGIN = Origin("scan", "nightly", "Nightly scan", "a" * 64)


def bring(world, rest=None, by=None, **agent):
    """Import a manifest of the bank's first agent, which a person registered by form."""
    by = by or world.member
    mine = {"name": "Lending assistant", "slug": world.agent.slug, "team": "lending", "owner": "owner@bank.example"}
    said = read_manifest(json.dumps({"portcullis": 1, "agent": {**mine, **agent}, **(rest or {})}).encode())
    return import_agent(manifest=said, seen=plan_manifest(said, by).digest, looked=True, by=by)


def tools(world, *rows):
    listed = [{"name": name, "annotations": hints} for name, hints in rows]
    return import_tools(found=read_tools(json.dumps({"tools": listed}).encode(), "git"), by=world.member, looked=True)


def states(**about):
    return list(Proposal.objects.filter(**about).order_by("proposed_at", "field").values_list("field", "state"))


def only(**about):
    return Proposal.objects.told().get(**about)


def test_a_manifest_that_differs_proposes_and_changes_nothing(world):
    before = world.agent
    made = bring(world, summary="Answers everybody", risk_class="minimal")
    agent = world.agent
    assert (agent.summary, agent.risk_class) == (before.summary, before.risk_class)
    assert states(agent=agent) == [("risk_class", "open"), ("summary", "open")]
    one = only(agent=agent, field="summary")
    assert (one.before, one.value, one.source_kind) == (before.summary, "Answers everybody", "manifest")
    assert one.source_label == "Manifest 1 of Lending assistant" and one.source_sha256 == made.sha256
    assert one.source_path == reverse("agent_manifest", args=[agent.slug]) and one.proposed_by == world.member
    kinds = [entry["kind"] for entry in world.entries(agent)]
    assert kinds[-3:] == ["proposal.made", "proposal.made", "agent.manifest_imported"]


def test_accepting_changes_the_field_by_the_act_that_changes_it(world):
    bring(world, summary="Answers everybody")
    accept(proposal=only(field="summary"), by=world.owner)
    assert world.agent.summary == "Answers everybody" and states() == [("summary", "accepted")]
    assert [one["kind"] for one in world.entries(world.agent)][-2:] == ["agent.changed", "proposal.ended"]
    assert only(field="summary").ended_by == world.owner


def test_dismissing_needs_a_reason_and_is_not_proposed_again(world):
    bring(world, summary="Answers everybody")
    with pytest.raises(Invalid, match="why the field stays"):
        dismiss(proposal=only(field="summary"), reason=" ", by=world.owner)
    dismiss(proposal=only(field="summary"), reason="Only borrowers ask it.", by=world.owner)
    bring(world, summary="Answers everybody")
    assert states() == [("summary", "dismissed")]
    bring(world, summary="Answers all of us")
    assert states() == [("summary", "dismissed"), ("summary", "open")]


def test_a_newer_manifest_replaces_what_the_older_one_proposed(world):
    bring(world, summary="Answers everybody")
    bring(world, summary="Answers all of us")
    assert states() == [("summary", "superseded"), ("summary", "open")]
    bring(world, summary=world.agent.summary)
    assert states() == [("summary", "superseded"), ("summary", "superseded")]


def test_the_same_is_asked_once_whoever_says_it(world):
    bring(world, summary="Answers everybody")
    assert propose(said=[Suggestion(world.agent, "summary", "Answers everybody")], origin=ORIGIN, by=None) == []
    bring(world, summary="Answers everybody")
    assert states() == [("summary", "open")]


def test_another_source_may_propose_what_one_was_told_no_for(world):
    bring(world, summary="Answers everybody")
    dismiss(proposal=only(), reason="No.", by=world.owner)
    [made] = propose(said=[Suggestion(world.agent, "summary", "Answers everybody")], origin=ORIGIN, by=None)
    assert made.source_label == "Nightly scan" and made.proposed_by is None
    assert world.entries(world.agent)[-1]["actor"]["id"] == "system"


def test_a_person_who_writes_it_by_hand_settles_it(world):
    bring(world, summary="Answers everybody")
    change_agent(agent=world.agent, by=world.owner, summary="Answers everybody")
    assert states() == [("summary", "superseded")]
    with pytest.raises(Conflict, match="answered already"):
        accept(proposal=only(), by=world.owner)


def test_what_the_page_showed_must_still_be_so(world):
    bring(world, summary="Answers everybody")
    seen = only().mark
    change_agent(agent=world.agent, by=world.owner, summary="Answers some")
    with pytest.raises(Conflict, match="changed after you opened"):
        accept(proposal=only(), by=world.owner, seen=seen)
    assert world.agent.summary == "Answers some" and only().state == "open"
    accept(proposal=only(), by=world.owner, seen=only().mark)
    assert world.agent.summary == "Answers everybody"


def test_a_deputy_who_left_meanwhile_is_not_taken_over(world):
    bring(world, deputy="author@bank.example")
    assert (only().now, only().value) == ("deputy@bank.example", "author@bank.example")
    accounts.deactivate(person=world.author, by=world.admin)
    with pytest.raises(Invalid, match="Nobody who is active signs in as author@bank.example"):
        accept(proposal=only(), by=world.owner)
    assert only().state == "open"


@pytest.mark.parametrize("key", ["bystander", "outsider", "auditor", "admin", "security"])
def test_who_may_not_change_the_card_answers_nothing(world, key):
    bring(world, summary="Answers everybody")
    with pytest.raises(Denied, match="members of Lending"):
        accept(proposal=only(), by=world.person(key))
    with pytest.raises(Denied, match="members of Lending"):
        dismiss(proposal=only(), reason="No.", by=world.person(key))
    assert not Proposal.objects.answerable_by(world.person(key)).exists()


def test_a_service_account_proposes_and_never_answers(world):
    service = add_service_account(team=world.team, name="Pipeline", purpose="CI", by=world.member).person
    bring(world, by=service, summary="Answers everybody")
    assert only().proposed_by == service
    for act in (lambda: accept(proposal=only(), by=service), lambda: dismiss(proposal=only(), reason="x", by=service)):
        with pytest.raises(Denied, match="never (accepts|dismisses) a proposal"):
            act()
    assert not Proposal.objects.answerable_by(service).exists()


def test_the_database_keeps_answers_and_lets_only_people_give_them(world):
    service = add_service_account(team=world.team, name="Pipeline", purpose="CI", by=world.member).person
    bring(world, summary="Answers everybody", autonomy=4)
    accept(proposal=only(field="summary"), by=world.owner)
    done, waits = Proposal.objects.filter(field="summary"), Proposal.objects.filter(field="autonomy")
    at = only(field="summary").ended_at
    for act in (
        lambda: done.update(state="open", ended_by=None, ended_at=None),
        lambda: waits.update(state="accepted", ended_by=service, ended_at=at),
        lambda: waits.update(state="accepted", ended_at=at),
        lambda: waits.update(state="dismissed", ended_at=at, ended_by=world.owner),
        lambda: waits.update(data_source=world.source),
        lambda: done.delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()


class TestCatalogue:
    def test_annotations_that_say_otherwise_wait_for_who_confirms_tools(self, world):
        tools(world, ("status", {"readOnlyHint": True}))
        tools(world, ("status", {"readOnlyHint": False, "openWorldHint": True}))
        tool = Tool.objects.get(slug="git.status")
        assert tool.effect == "read" and states(tool=tool) == [("effect", "open"), ("tags", "open")]
        for key in ("admin", "member", "owner"):
            with pytest.raises(Denied, match="confirmed by a security approver"):
                accept(proposal=only(field="effect"), by=world.person(key))
        accept(proposal=only(field="effect"), by=world.security)
        tool.refresh_from_db()
        assert (tool.effect, tool.confirmed_by, tool.tags) == ("irreversible", world.security, [])
        assert only(field="tags").state == "open"

    def test_accepted_tags_are_added_to_what_people_said(self, world):
        upkeep.confirm_tool(tool=world.tool, effect="read", tags=["customer_data"], by=world.security)
        said = [Suggestion(world.tool, "tags", ["untrusted_input"])]
        [made] = propose(said=said, origin=ORIGIN, by=None)
        assert made.after == ["customer_data", "untrusted_input"]
        accept(proposal=only(), by=world.security)
        assert Tool.objects.get(pk=world.tool.pk).tags == ["customer_data", "untrusted_input"]

    def test_a_data_source_is_its_stewards(self, world):
        rest = {"data_sources": [{"slug": "tariffs", "classification": "restricted", "contract_version": "4.0"}]}
        bring(world, rest)
        assert states(data_source=world.source) == [("classification", "open"), ("contract_version", "open")]
        with pytest.raises(Denied, match="shared by all agents"):
            accept(proposal=only(field="classification"), by=world.member)
        accept(proposal=only(field="classification"), by=world.owner)
        dismiss(proposal=only(field="contract_version"), reason="3.2 is what runs.", by=world.admin)
        world.source.refresh_from_db()
        assert (world.source.classification, world.source.contract_version) == ("restricted", "3.2")

    def test_two_agents_that_differ_over_a_tool_are_two_questions(self, world):
        other = world.register("Second assistant")
        for agent, effect in ((world.agent, "write"), (other, "irreversible")):
            rest = {"tools": [{"slug": "tariffs.read", "effect": effect}]}
            bring(world, rest, name=agent.name, slug=agent.slug)
        assert states(tool=world.tool) == [("effect", "open"), ("effect", "open")]

    def test_of_what_was_retired_nothing_is_proposed(self, world):
        upkeep.retire(entry=world.tool, by=world.admin, agents_seen=0)
        bring(world, {"tools": [{"slug": "tariffs.read", "effect": "write"}]})
        assert states() == []


class TestSection:
    def test_a_field_of_a_drafts_section_is_changed_through_the_section(self, world, draft):
        said = [
            Suggestion(draft, "runbook", "https://new.example", section=9, part="sheet"),
            Suggestion(draft, "version", "9", section=3, part="prompt[0]"),
        ]
        made = propose(said=said, origin=ORIGIN, by=None)
        assert [str(one.section) for one in made] == ["3", "9"] and made[1].before
        for one in made:
            accept(proposal=only(pk=one.pk), by=world.member)
        assert [one.now for one in said] == ["https://new.example", "9"]
        assert draft.contributions.filter(person=world.member).exists()

    def test_what_is_in_review_is_closed(self, world, submitted):
        [made] = propose(
            said=[Suggestion(submitted, "runbook", "https://new.example", section=9, part="sheet")],
            origin=ORIGIN, by=None,
        )  # fmt: skip
        with pytest.raises(Denied, match="in review, so nothing in it changes"):
            accept(proposal=only(pk=made.pk), by=world.member)

    def test_a_row_that_is_gone_is_said(self, world, draft):
        with pytest.raises(Invalid, match=r"no prompt\[7\].version"):
            propose(said=[Suggestion(draft, "version", "9", section=3, part="prompt[7]")], origin=ORIGIN, by=None)


class TestPages:
    def test_the_agents_page_shows_before_after_source_and_answers(self, world, client):
        bring(world, summary="Answers everybody", autonomy=4)
        client.force_login(world.owner)
        address = reverse("agent_detail", args=[world.agent.slug])
        page = client.get(address).content.decode()
        assert "Answers borrowers" in page and "Answers everybody" in page and "L4 · acts, a person watches" in page
        assert "Manifest 1 of Lending assistant" in page and "brought by Mina Okafor" in page
        one = only(field="summary")
        answer = client.post(reverse("proposal_answer", args=[one.pk]), {"answer": "accept", "seen": one.mark})
        assert answer.url == address and world.agent.summary == "Answers everybody"
        other = only(field="autonomy")
        client.post(reverse("proposal_answer", args=[other.pk]), {"answer": "dismiss", "reason": "", "seen": ""})
        assert only(field="autonomy").state == "open"
        client.post(reverse("proposal_answer", args=[other.pk]), {"answer": "dismiss", "reason": "Not yet."})
        assert only(field="autonomy").reason == "Not yet."
        assert 'id="proposals"' not in client.get(address).content.decode()

    def test_the_agents_page_tells_strangers_nothing_of_them(self, world, client):
        bring(world, summary="Answers everybody")
        client.force_login(world.bystander)
        assert "Answers everybody" not in client.get(reverse("agent_detail", args=[world.agent.slug])).content.decode()
        assert "Answers everybody" not in client.get(reverse("proposal_list")).content.decode()

    def test_home_names_what_waits_for_whom(self, world, client):
        bring(world, summary="Answers everybody", autonomy=4)
        tools(world, ("status", {"readOnlyHint": True}))
        tools(world, ("status", {"readOnlyHint": False}))
        client.force_login(world.owner)
        page = client.get(reverse("home")).content.decode()
        said = "Manifest 1 of Lending assistant says otherwise: how far it acts alone, what it is for."
        assert said in page and "git.status" not in page
        client.force_login(world.security)
        page = client.get(reverse("home")).content.decode()
        assert said not in page and "MCP server git says otherwise: effect." in page

    def test_the_list_filters_and_asks_a_fixed_number_of_questions(self, world, client, django_assert_max_num_queries):
        bring(world, summary="Answers everybody", autonomy=4)
        client.force_login(world.owner)
        client.get(reverse("proposal_list"))
        with CaptureQueriesContext(connection) as few:
            client.get(reverse("proposal_list"))
        for i in range(5):
            agent = world.register(f"Assistant {i}")
            bring(world, name=agent.name, slug=agent.slug, summary=f"Words {i}", deputy="author@bank.example")
        with django_assert_max_num_queries(len(few)):
            page = client.get(reverse("proposal_list")).content.decode()
        assert "Words 4" in page
        page = client.get(reverse("proposal_list"), {"q": "Assistant 3"}).content.decode()
        assert "Words 3" in page and "Words 4" not in page
        dismiss(proposal=only(value="Words 3"), reason="Not so.", by=world.owner)
        assert "Not so." in client.get(reverse("proposal_list"), {"state": "dismissed"}).content.decode()
        assert "Words 4" in client.get(reverse("proposal_list"), {"state": "mine"}).content.decode()
        client.force_login(world.auditor)
        page = client.get(reverse("proposal_list"), {"state": "all"}).content.decode()
        assert "Words 3" in page and 'value="accept"' not in page
