"""Importing a manifest: what it would do is shown, then done whole or not at all, and what people wrote stays."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.urls import reverse

from registry import entries
from registry.actions import change_agent, register_agent
from registry.import_actions import import_agent
from registry.importing import plan_manifest
from registry.imports.manifest import read_manifest
from registry.models import Agent, DataSource, ImportedManifest, Tool
from work.acts import Conflict, Denied, Invalid

AGENT = {
    "name": "Gift agent",
    "slug": "gift-agent",
    "summary": "Sends gifts to borrowers.",
    "team": "lending",
    "owner": "owner@bank.example",
    "deputy": "deputy@bank.example",
    "autonomy": 3,
    "risk_class": "limited",
}
REST = {
    "tools": [
        {"slug": "gifts.list", "effect": "read", "system": "Gifts", "tags": ["customer_data"]},
        {"slug": "gifts.send"},
        {"slug": "tariffs.read", "effect": "write"},
    ],
    "data_sources": [{"slug": "gift-ledger", "classification": "internal"}, {"slug": "tariffs"}],
    "models": [{"provider": "anthropic", "model": "claude-sonnet-4-5", "snapshot": "20250929"}],
    "prompts": [{"path": "prompts/system.md", "sha256": "a" * 64}],
    "calls": ["lending-assistant", "not-there-yet"],
}


def manifest(rest=REST, **agent):
    given = {key: value for key, value in {**AGENT, **agent}.items() if value is not None}
    return read_manifest(json.dumps({"portcullis": 1, "agent": given, **rest}).encode())


def bring(said, by, looked=True):
    return import_agent(manifest=said, seen=plan_manifest(said, by).digest, looked=looked, by=by)


def outcomes(said, by):
    return {line.what: line.outcome for _, lines in plan_manifest(said, by).parts for line in lines}


def test_a_new_agent_comes_with_its_card_catalogue_and_calls(world):
    made = bring(manifest(), world.member)
    agent = Agent.objects.get(slug="gift-agent")
    assert (agent.owner, agent.deputy, agent.team) == (world.owner, world.deputy, world.team)
    assert (agent.autonomy, agent.risk_class, agent.status) == (3, "limited", "registered")
    assert [one.slug for one in agent.calls.all()] == ["lending-assistant"]
    tool = Tool.objects.get(slug="gifts.list")
    assert (tool.effect, tool.tags, tool.system, tool.confirmed_by) == ("read", ["customer_data"], "Gifts", None)
    assert Tool.objects.get(slug="gifts.send").effect == "irreversible"
    assert DataSource.objects.get(slug="gift-ledger").classification == "internal"
    assert (made.number, made.content["prompts"][0]["sha256"]) == (1, "a" * 64)
    last = world.entries(agent)[-1]
    assert (last["kind"], last["data"]["number"]) == ("agent.manifest_imported", 1)
    assert last["data"]["sha256"] == made.sha256


def test_the_catalogue_is_shared_so_an_import_does_not_change_it(world):
    bring(manifest(), world.member)
    assert Tool.objects.get(slug="tariffs.read").effect == "read"
    rest = {"tools": [{"slug": "TARIFFS.Read", "effect": "write"}]}
    parts = plan_manifest(manifest(rest), world.member).parts
    [line] = [one for _, lines in parts for one in lines if one.what == "TARIFFS.Read"]
    assert (
        line.outcome == "kept"
        and "proposed already" in line.why
        and "the catalogue says read, this says write" in line.why
    )


def test_importing_again_updates_what_the_last_manifest_said(world):
    bring(manifest(), world.member)
    again = manifest({"calls": []}, summary="Sends gifts and cards.", autonomy=2)
    assert outcomes(again, world.deputy)["What it is for"] == "changed"
    lines = [line for _, part in plan_manifest(again, world.deputy).parts for line in part]
    assert "no longer count" in next(line.why for line in lines if line.what == "How far it acts alone")
    assert bring(again, world.deputy).number == 2
    agent = Agent.objects.get(slug="gift-agent")
    assert (agent.summary, agent.autonomy, agent.calls.count()) == ("Sends gifts and cards.", 2, 0)


def test_the_same_manifest_again_changes_nothing(world):
    bring(manifest(), world.member)
    plan = plan_manifest(manifest(), world.member)
    assert not plan.acts and not plan.problems


def test_what_a_person_wrote_is_kept_and_what_is_empty_is_filled(world):
    bring(manifest(deputy=None), world.member)
    agent = Agent.objects.get(slug="gift-agent")
    change_agent(agent=agent, by=world.owner, summary="Words of a person.", calls=[])
    again = manifest(summary="Other words.", support_path="#gifts", autonomy=4)
    found = outcomes(again, world.member)
    assert (found["What it is for"], found["Support path"], found["Deputy"]) == ("proposed", "new", "new")
    bring(again, world.member)
    agent.refresh_from_db()
    assert (agent.summary, agent.support_path, agent.autonomy) == ("Words of a person.", "#gifts", 4)
    assert agent.deputy == world.deputy


def test_a_card_that_was_registered_by_form_is_a_persons(world):
    agent = world.agent
    said = manifest({}, slug=agent.slug, name="Mine now", summary="Mine now", risk_class="minimal", deputy=None)
    assert outcomes(said, world.member)["Name"] == "proposed"
    bring(said, world.member)
    again = world.agent
    assert (again.name, again.summary, again.risk_class) == (agent.name, agent.summary, agent.risk_class)


def test_agents_that_a_person_added_to_the_calls_stay(world):
    bring(manifest(), world.member)
    agent = Agent.objects.get(slug="gift-agent")
    mine = world.register("Stamp seller")
    change_agent(agent=agent, by=world.owner, calls=[*agent.calls.all(), mine])
    bring(manifest({"calls": []}), world.member)
    assert [one.name for one in agent.calls.all()] == ["Stamp seller"]


def test_neither_owner_nor_team_changes_by_an_import(world):
    bring(manifest(), world.member)
    said = manifest(owner="member@bank.example", team="claims")
    assert outcomes(said, world.member)["Owner"] == outcomes(said, world.member)["Team"] == "kept"
    bring(said, world.member)
    agent = Agent.objects.get(slug="gift-agent")
    assert (agent.owner, agent.team) == (world.owner, world.team)


@pytest.mark.parametrize("key", ["bystander", "outsider", "auditor", "admin", "security"])
def test_who_may_not_register_for_the_team_may_not_import(world, key):
    with pytest.raises(Denied):
        bring(manifest(), world.person(key))
    bring(manifest(), world.member)
    with pytest.raises(Denied):
        bring(manifest(summary="Another"), world.person(key))
    assert ImportedManifest.objects.filter(agent__slug="gift-agent").count() == 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"team": "nobodys"}, "there is no team nobodys"),
        ({"owner": "nobody@bank.example"}, "nobody signs in as nobody@bank.example"),
        ({"owner": "auditor@bank.example"}, "is an auditor"),
        ({"deputy": "nobody@bank.example"}, "agent.deputy: nobody signs in"),
        ({"summary": None}, "agent.summary: say in one sentence"),
    ],
)
def test_what_stands_in_the_way_is_said_and_nothing_is_done(world, values, words):
    said = manifest(**values)
    assert any(words in problem for problem in plan_manifest(said, world.member).problems)
    before = Tool.objects.count()
    with pytest.raises(Invalid, match=words):
        bring(said, world.member)
    assert Tool.objects.count() == before and not Agent.objects.filter(slug="gift-agent").exists()


def test_nothing_is_half_done(world, monkeypatch):
    def refuse(*args, **values):
        raise ValueError("the ledger is full")

    monkeypatch.setattr(entries, "ManifestImported", refuse)
    with pytest.raises(ValueError, match="full"), transaction.atomic():
        bring(manifest(), world.member)
    assert not Agent.objects.filter(slug="gift-agent").exists()
    assert not Tool.objects.filter(slug__startswith="gifts.").exists()


def test_what_was_not_shown_is_not_done(world):
    said = manifest()
    seen = plan_manifest(said, world.member).digest
    register_agent(
        name="Other", slug="gift-agent", summary="Quicker", team=world.team, owner=world.owner, by=world.author
    )
    with pytest.raises(Conflict, match="has changed since"):
        import_agent(manifest=said, seen=seen, looked=True, by=world.member)


def test_an_effect_below_irreversible_needs_somebody_who_looked(world):
    with pytest.raises(Invalid, match="looked at what each tool does"):
        bring(manifest(), world.member, looked=False)
    bring(manifest({"tools": [{"slug": "gifts.send"}]}), world.member, looked=False)


def test_a_service_account_does_not_say_what_a_tool_does(world):
    from accounts.models import Person

    person = world.member
    person.kind = Person.Kind.SERVICE
    with pytest.raises(Denied, match="never says what a tool does"):
        bring(manifest(), person)


def test_an_imported_manifest_is_never_changed(world):
    made = bring(manifest(), world.member)
    with pytest.raises(DatabaseError, match="never changed|refuse|append"), transaction.atomic():
        ImportedManifest.objects.filter(pk=made.pk).update(number=7)


class TestPages:
    """The pages, as a browser without JavaScript goes through them."""

    text = json.dumps({"portcullis": 1, "agent": AGENT, **REST})

    def post(self, client, person, **data):
        client.force_login(person)
        return client.post(reverse("import_manifest"), data)

    def test_preview_then_confirm(self, world, client):
        client.force_login(world.member)
        file = SimpleUploadedFile("portcullis.yaml", self.text.encode())
        preview = client.post(reverse("import_manifest"), {"file": file})
        page = preview.content.decode()
        assert preview.status_code == 200 and "Register Gift agent" in page and "not-there-yet" in page
        assert not Agent.objects.filter(slug="gift-agent").exists()
        plan = preview.context["plan"]
        sent = {"text": preview.context["text"], "seen": plan.digest, "confirm": "1"}
        refused = client.post(reverse("import_manifest"), sent)
        assert refused.status_code == 422 and "Say that you looked" in refused.content.decode()
        done = client.post(reverse("import_manifest"), {**sent, "looked": "on"})
        assert done.url == reverse("agent_manifest", args=["gift-agent"])
        page = client.get(done.url).content.decode()
        assert "gifts.send" in page and "claude-sonnet-4-5" in page and "prompts/system.md" in page
        assert "Gift agent" in client.get(reverse("import_manifest")).content.decode()

    def test_faults_stand_with_their_path(self, world, client):
        answer = self.post(
            client, world.member, text="portcullis: 1\nagent: {slug: <b>}\ntools: [{slug: x, effect: yes}]"
        )
        page = answer.content.decode()
        assert answer.status_code == 422
        assert (
            "tools[0].effect: expected read, write or irreversible, got &quot;yes&quot;" in page and "<b>" not in page
        )

    @pytest.mark.parametrize("text", ["", "   ", "a: &a [*a]", "[" * 5000, "\x07", "portcullis: 1", "{"])
    def test_bad_input_ends_in_a_sentence(self, world, client, text):
        answer = self.post(client, world.member, text=text)
        assert answer.status_code == 422 and "in the way" in answer.content.decode()

    def test_a_file_that_is_too_large_is_refused_by_its_size(self, world, client):
        file = SimpleUploadedFile("portcullis.yaml", b"#" * (10 * 1024 * 1024 + 1))
        answer = self.post(client, world.member, file=file)
        assert answer.status_code == 422 and "larger than 10 MB" in answer.content.decode()

    def test_both_a_file_and_a_text_are_one_too_many(self, world, client):
        file = SimpleUploadedFile("portcullis.yaml", b"portcullis: 1")
        answer = self.post(client, world.member, file=file, text="portcullis: 1")
        assert answer.status_code == 422 and "Send one of them" in answer.content.decode()

    def test_who_may_not_register_sees_why_and_no_button(self, world, client):
        page = self.post(client, world.outsider, text=self.text).content.decode()
        assert "only members of Lending register its agents" in page and 'name="confirm"' not in page

    def test_paths_of_prompts_are_for_those_who_see_details(self, world, client):
        bring(manifest(), world.member)
        client.force_login(world.outsider)
        assert client.get(reverse("agent_manifest", args=["gift-agent"])).status_code == 404
        assert "Gift agent" not in client.get(reverse("import_manifest")).content.decode()

    def test_the_list_of_agents_leads_here(self, world, client):
        client.force_login(world.member)
        assert reverse("import_manifest") in client.get(reverse("agent_list")).content.decode()

    def test_the_schema_is_public_and_says_where_it_is(self, client, db):
        answer = client.get(reverse("manifest_schema"))
        assert answer["Content-Type"] == "application/schema+json"
        assert answer.json()["$id"] == "http://testserver/schemas/portcullis-v1.json"


def test_the_preview_needs_a_fixed_number_of_queries(world, django_assert_max_num_queries):
    rest = {"tools": [{"slug": f"t.{i}"} for i in range(100)], "data_sources": [{"slug": f"d{i}"} for i in range(100)]}
    said, by = manifest({**rest, "calls": [f"a{i}" for i in range(100)]}), world.member
    with django_assert_max_num_queries(16):
        plan_manifest(said, by)
