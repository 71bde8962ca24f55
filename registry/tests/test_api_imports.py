"""Importing and answering proposals by the API: what would be done is said first, and only that is done."""

import json

import pytest
from django.urls import reverse

from accounts.tokens import add_service_account, make_token
from registry.models import Agent, Proposal, Tool

MANIFEST = """portcullis: 1
agent: {name: Gift agent, slug: gift-agent, summary: Sends gifts., team: lending, owner: owner@bank.example}
tools: [{slug: gifts.list, effect: read}, {slug: gifts.send}]
"""
SCOPES = ["registry:read", "registry:write"]


@pytest.fixture
def ask(client):
    """`ask(person, name, data, *args)`: a POST with a token of the person, as status and body."""

    def run(person, name, data=None, *args, by=None):
        secret = make_token(person=person, name="test", scopes=SCOPES, days=7, by=by or person).secret
        headers = {"Authorization": f"Bearer {secret}"}
        url = reverse(name, args=args)
        sent = client.get(url, headers=headers) if data is None else client.post(
            url, json.dumps(data), content_type="application/json", headers=headers
        )  # fmt: skip
        return sent.status_code, sent.json()

    return run


@pytest.fixture
def service(world):
    """A build server of the team Lending."""
    return add_service_account(team=world.team, name="Pipeline", purpose="CI", by=world.member).person


def test_a_preview_writes_nothing_and_its_digest_applies_it(world, ask):
    status, plan = ask(world.member, "api_import_manifest", {"text": MANIFEST, "looked": True})
    assert status == 200 and not plan["applied"] and plan["acts"] and plan["problems"] == []
    assert {"part": "Tools", "what": "gifts.list", "outcome": "new", "before": "", "after": "Read", "why": ""} in plan[
        "lines"
    ]
    assert not Agent.objects.filter(slug="gift-agent").exists()
    said = {"text": MANIFEST, "looked": True, "apply": True}
    status, refused = ask(world.member, "api_import_manifest", said)
    assert status == 422 and "Ask without apply first" in refused["errors"]["seen"][0]
    status, done = ask(world.member, "api_import_manifest", {**said, "seen": plan["digest"]})
    assert status == 201 and done["applied"] and Tool.objects.get(slug="gifts.list").effect == "read"


def test_what_changed_since_the_preview_is_not_applied(world, ask):
    _, plan = ask(world.member, "api_import_manifest", {"text": MANIFEST})
    other = MANIFEST.replace("Sends gifts", "Sells gifts")
    status, body = ask(world.member, "api_import_manifest", {"text": other, "apply": True, "seen": plan["digest"]})
    assert status == 409 and "has changed since" in body["detail"]


def test_a_service_account_imports_at_the_worst_and_the_claim_is_proposed(world, ask, service):
    _, plan = ask(service, "api_import_manifest", {"text": MANIFEST}, by=world.member)
    [line] = [one for one in plan["lines"] if one["what"] == "gifts.list"]
    assert line["after"] == "Irreversible" and "read becomes a proposal" in line["why"]
    said = {"text": MANIFEST, "apply": True, "seen": plan["digest"]}
    assert ask(service, "api_import_manifest", said, by=world.member)[0] == 201
    tool = Tool.objects.get(slug="gifts.list")
    proposal = Proposal.objects.get()
    assert tool.effect == "irreversible" and (proposal.tool, proposal.field, proposal.value) == (tool, "effect", "read")
    _, again = ask(service, "api_import_manifest", {"text": MANIFEST}, by=world.member)
    assert not again["acts"]
    _, plan = ask(
        service, "api_import_manifest", {"text": MANIFEST.replace("gifts.", "more."), "looked": True}, by=world.member
    )
    said = {"text": MANIFEST.replace("gifts.", "more."), "looked": True, "apply": True, "seen": plan["digest"]}
    status, body = ask(service, "api_import_manifest", said, by=world.member)
    assert status == 403 and "never says what a tool does" in body["detail"]


def test_a_servers_tools(world, ask):
    text = json.dumps({"tools": [{"name": "status", "annotations": {"readOnlyHint": True}}]})
    _, plan = ask(world.member, "api_import_tools", {"server": "git", "text": text})
    assert [one["after"] for one in plan["lines"]] == ["Irreversible"]
    said = {"server": "git", "text": text, "apply": True, "seen": plan["digest"]}
    assert ask(world.member, "api_import_tools", said)[0] == 201
    assert Tool.objects.get(slug="git.status").effect == "irreversible" and Proposal.objects.get().value == "read"


def test_a_card_registers_then_proposes(world, ask):
    card = json.dumps({"name": "Rate finder", "description": "Finds rates."})
    _, plan = ask(world.member, "api_import_card", {"text": card})
    said = {"text": card, "apply": True, "seen": plan["digest"]}
    status, body = ask(world.member, "api_import_card", said)
    assert status == 422 and "team and owner" in body["detail"]
    said |= {"team": "lending", "owner_email": "owner@bank.example"}
    assert ask(world.member, "api_import_card", said)[0] == 201
    assert Agent.objects.get(slug="rate-finder").summary == "Finds rates."
    card = json.dumps({"name": "Rate finder", "description": "Finds all rates."})
    _, plan = ask(world.member, "api_import_card", {"text": card})
    assert [one["outcome"] for one in plan["lines"]] == ["same", "proposed"]
    assert ask(world.member, "api_import_card", {"text": card, "apply": True, "seen": plan["digest"]})[0] == 201
    assert Agent.objects.get(slug="rate-finder").summary == "Finds rates."
    assert Proposal.objects.get().value == "Finds all rates."


@pytest.mark.parametrize(
    ("name", "said", "path", "reason"),
    [
        (
            "api_import_tools",
            {"server": "git", "text": '{"tools": [{"name": "a", "annotations": {"readOnlyHint": "yes"}}]}'},
            "tools[0].annotations.readOnlyHint",
            'expected true or false, got "yes"',
        ),
        ("api_import_manifest", {"text": "a: &a [1]\nb: [*a, *a]"}, "text", "anchor or alias"),
        ("api_import_manifest", {"text": "[" * 5000}, "text", "deeper than 24"),
        ("api_import_manifest", {"text": '{"portcullis": 1, "portcullis": 1}'}, "text", "stands twice"),
        ("api_import_manifest", {"text": MANIFEST.replace("Gift agent", "<b>Gift</b>")}, "agent.name", "holds HTML"),
        ("api_import_manifest", {"text": MANIFEST.replace("gift-agent", "../x")}, "agent.slug", "a short name"),
        ("api_import_card", {"text": '{"name": "A", "skills": 7}'}, "skills", "expected a list, got 7"),
        ("api_import_card", {"text": "{}", "colour": "red"}, "colour", "no such field"),
    ],
)
def test_faults_come_with_path_and_reason(world, ask, name, said, path, reason):
    status, body = ask(world.member, name, said)
    assert status == 422 and reason in body["errors"][path][0]


def test_ten_megabytes_end_in_a_result_and_more_in_a_refusal(world, ask):
    text = MANIFEST + "# " + "x" * (10 * 1024 * 1024 - len(MANIFEST) - 200)
    status, plan = ask(world.member, "api_import_manifest", {"text": text})
    assert status == 200 and plan["acts"]
    status, body = ask(world.member, "api_import_manifest", {"text": text + "x" * 1000})
    assert status == 413 and "at most 10 MB" in body["detail"]


class TestProposals:
    @pytest.fixture
    def made(self, world, ask):
        text = json.dumps({"name": "Lending assistant", "description": "Answers everybody."})
        _, plan = ask(world.member, "api_import_card", {"text": text})
        ask(world.member, "api_import_card", {"text": text, "apply": True, "seen": plan["digest"]})
        return Proposal.objects.get()

    def test_listed_with_what_is_and_what_would_be(self, world, ask, made):
        _, body = ask(world.owner, "api_proposals")
        [one] = body["proposals"]
        assert (one["target_name"], one["field"], one["now"]) == ("Lending assistant", "summary", "Answers borrowers")
        assert one["after"] == "Answers everybody." and one["may_answer"] and one["proposed_by"] == "Mina Okafor"
        assert ask(world.outsider, "api_proposals")[1]["proposals"] == []

    def test_pages_follow_each_other(self, world, ask, client, made):
        for i in range(3):
            Proposal.objects.create(
                tool=world.tool, field="name", value=f"Name {i}", value_sha256=f"{i}" * 64, source_kind="scan",
                source_label="Scan", source_sha256="a" * 64,
            )  # fmt: skip
        client.force_login(world.owner)
        found, url = [], reverse("api_proposals") + "?limit=2"
        while url:
            body = client.get(url).json()
            found += [one["id"] for one in body["proposals"]]
            url = body["next"]
        assert len(found) == len(set(found)) == 4

    def test_a_persons_token_accepts_and_dismisses(self, world, ask, made):
        status, body = ask(world.owner, "api_proposal_accept", {}, made.pk)
        assert status == 422 and "seen" in body["errors"]
        assert ask(world.owner, "api_proposal_accept", {"seen": "0" * 64}, made.pk)[0] == 409
        status, body = ask(world.owner, "api_proposal_accept", {"seen": made.mark}, made.pk)
        assert status == 200 and body["state"] == "accepted" and body["ended_by"] == "Ana Ruiz"
        assert ask(world.owner, "api_proposal_dismiss", {"reason": "No."}, made.pk)[0] == 409

    def test_a_service_account_is_told_that_it_does_not_decide(self, world, ask, made, service):
        for name, said in (("api_proposal_accept", {"seen": made.mark}), ("api_proposal_dismiss", {"reason": "No."})):
            status, body = ask(service, name, said, made.pk, by=world.member)
            assert status == 403 and "Pipeline is a service account" in body["detail"] and "proposal" in body["detail"]

    def test_what_a_tool_does_is_confirmed_by_no_token(self, world, ask):
        made = Proposal.objects.create(
            tool=world.tool, field="effect", value="write", value_sha256="b" * 64, source_kind="scan", source_label="Scan",
            source_sha256="a" * 64,
        )  # fmt: skip
        status, body = ask(world.security, "api_proposal_accept", {"seen": made.mark}, made.pk)
        assert status == 403 and "API token never confirms" in body["detail"]
        assert Proposal.objects.get(pk=made.pk).state == "open"
