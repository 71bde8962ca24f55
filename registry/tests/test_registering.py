"""Registering and changing agents, and adding to the catalogue: who may, and what is refused."""

import pytest

from accounts import actions as accounts
from registry.actions import catalogue_source, catalogue_tool, change_agent, register_agent
from registry.models import Agent, DataSource, Tool
from work.acts import Conflict, Denied, Invalid


@pytest.mark.parametrize("key", ["outsider", "bystander", "admin", "auditor", "security"])
def test_only_members_of_the_team_register_its_agents(world, key):
    with pytest.raises(Denied, match="Only members of Lending"):
        world.register("Another", by=world.person(key))
    assert not Agent.objects.filter(name="Another").exists()


def test_registering_writes_the_agent_and_its_entry(world):
    agent = world.register("Mortgage enquiry assistant", autonomy=3, risk_class="limited")
    assert (agent.slug, agent.status, agent.gate) == ("mortgage-enquiry-assistant", "registered", "unknown")
    (entry,) = world.entries(agent)
    assert entry["kind"] == "agent.registered"
    assert entry["actor"]["id"] == str(world.ids["member"])
    assert entry["data"] == {
        "agent": str(agent.pk),
        "slug": agent.slug,
        "team": str(world.team.pk),
        "owner": str(world.ids["owner"]),
    }


def test_a_name_that_is_taken_is_a_conflict(world):
    with pytest.raises(Conflict, match="lending-assistant already"):
        world.register("Lending Assistant!")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": "  "}, "Give the agent a name"),
        ({"name": "n" * 151, "slug": "n"}, "150"),
        ({"name": "long " * 20}, "80"),
        ({"name": "!!!"}, "letters or digits"),
        ({"slug": "no good"}, "no good"),
        ({"summary": ""}, "one sentence"),
        ({"summary": "s" * 301}, "300"),
        ({"autonomy": 6}, "6"),
        ({"autonomy": 0}, "0"),
        ({"risk_class": "harmless"}, "harmless"),
        ({"relationship": "friend"}, "friend"),
    ],
)
def test_what_does_not_hold_is_refused_with_what_to_write(world, values, words):
    with pytest.raises(Invalid) as refusal:
        world.register(**{"name": "New agent", **values})
    assert words in str(refusal.value)


def test_the_deputy_is_someone_else_than_the_owner(world):
    with pytest.raises(Invalid, match="someone else"):
        world.register("New agent", deputy=world.owner)
    with pytest.raises(Invalid, match="someone else"):
        change_agent(agent=world.agent, by=world.member, deputy=world.owner)


@pytest.mark.parametrize("place", ["owner", "deputy"])
def test_who_left_is_not_named(world, place):
    accounts.deactivate(person=world.bystander, by=world.admin)
    with pytest.raises(Invalid, match="has left"):
        world.register("New agent", **{place: world.bystander})


@pytest.mark.parametrize("place", ["owner", "deputy"])
def test_an_auditor_who_changes_nothing_is_not_named(world, place):
    with pytest.raises(Invalid, match="is an auditor"):
        world.register("New agent", **{place: world.auditor})


def test_who_left_is_not_named_deputy_later(world):
    accounts.deactivate(person=world.bystander, by=world.admin)
    with pytest.raises(Invalid, match="has left"):
        change_agent(agent=world.agent, by=world.member, deputy=world.bystander)


@pytest.mark.parametrize("key", ["outsider", "bystander", "admin", "auditor", "security"])
def test_only_those_who_work_on_it_change_its_card(world, key):
    with pytest.raises(Denied):
        change_agent(agent=world.agent, by=world.person(key), summary="Mine now")


def test_a_change_is_recorded_by_field_and_an_unchanged_card_is_not(world):
    change_agent(agent=world.agent, by=world.deputy, summary="Other words", support_path="#other")
    entry = world.entries(world.agent)[-1]
    assert (entry["kind"], entry["data"]["fields"]) == ("agent.changed", ["summary", "support_path"])
    before = len(world.entries(world.agent))
    change_agent(agent=world.agent, by=world.deputy, summary="Other words")
    assert len(world.entries(world.agent)) == before


@pytest.mark.parametrize("name", ["owner", "status", "gate", "stage", "slug", "team", "id"])
def test_what_is_not_on_the_card_cannot_be_assigned(world, name):
    # Attack 23: mass assignment of state, tier or owner.
    with pytest.raises(Invalid, match="cannot be changed here"):
        change_agent(agent=world.agent, by=world.member, **{name: "live"})


@pytest.mark.parametrize("values", [{"autonomy": 9}, {"risk_class": "none"}, {"name": ""}, {"summary": "s" * 301}])
def test_a_changed_card_holds_the_same_rules(world, values):
    with pytest.raises(Invalid):
        change_agent(agent=world.agent, by=world.member, **values)


class TestCatalogue:
    """Data sources and tools that all packets share."""

    @pytest.mark.parametrize("key", ["bystander", "auditor"])
    def test_who_files_nothing_adds_nothing(self, world, key):
        with pytest.raises(Denied):
            catalogue_source(name="Mine", by=world.person(key))
        with pytest.raises(Denied):
            catalogue_tool(slug="mine.read", by=world.person(key))

    @pytest.mark.parametrize("key", ["outsider", "member", "admin"])
    def test_members_of_any_team_and_platform_admins_add(self, world, key):
        source = catalogue_source(name="Claims store", by=world.person(key), classification="restricted")
        tool = catalogue_tool(slug="claims.pay", by=world.person(key))
        assert (source.slug, tool.slug) == ("claims-store", "claims.pay")
        kinds = [entry["data"]["slug"] for entry in world.entries("system")[-2:]]
        assert kinds == ["claims-store", "claims.pay"]

    def test_a_tool_that_nobody_classified_counts_as_irreversible(self, world):
        assert catalogue_tool(slug="claims.pay", by=world.member).effect == "irreversible"

    def test_a_name_that_is_taken_is_a_conflict(self, world):
        with pytest.raises(Conflict, match="holds a data source"):
            catalogue_source(name="TARIFFS", by=world.member)
        with pytest.raises(Conflict, match="holds a tool"):
            catalogue_tool(slug="tariffs.read", by=world.member)

    @pytest.mark.parametrize(
        ("add", "values"),
        [
            (catalogue_source, {"name": "???"}),
            (catalogue_source, {"name": "x" * 151}),
            (catalogue_source, {"name": "Good", "classification": "secretish"}),
            (catalogue_tool, {"slug": ""}),
            (catalogue_tool, {"slug": "a tool"}),
            (catalogue_tool, {"slug": "x" * 81}),
            (catalogue_tool, {"slug": "good", "effect": "harmless"}),
            (catalogue_tool, {"slug": "good", "tags": ["lovely"]}),
        ],
    )
    def test_what_does_not_hold_is_refused(self, world, add, values):
        before = DataSource.objects.count() + Tool.objects.count()
        with pytest.raises(Invalid):
            add(by=world.member, **values)
        assert DataSource.objects.count() + Tool.objects.count() == before


class TestVisibility:
    """Who sees which packets (the table "Who may what")."""

    def test_everyone_signed_in_sees_every_card(self, world):
        for key in ("bystander", "outsider", "auditor", "risk"):
            assert Agent.objects.visible_to(world.person(key)).filter(pk=world.agent_id).exists()

    @pytest.mark.parametrize(
        ("key", "draft_seen", "submitted_seen"),
        [
            ("owner", True, True),
            ("deputy", True, True),
            ("member", True, True),
            ("auditor", True, True),
            ("admin", True, True),
            ("risk", False, True),
            ("operations", False, True),
            ("outsider", False, False),
            ("bystander", False, False),
        ],
    )
    def test_packets_and_details(self, world, draft, submitted, key, draft_seen, submitted_seen):
        from registry.models import Packet

        seen = set(Packet.objects.visible_to(world.person(key)).values_list("pk", flat=True))
        assert ((draft.pk in seen), (submitted.pk in seen)) == (draft_seen, submitted_seen)
        assert draft.agent.detail_visible_to(world.person(key)) == draft_seen
        assert submitted.agent.detail_visible_to(world.person(key)) == submitted_seen

    def test_an_approver_whose_role_is_not_asked_does_not_see_the_packet(self, world):
        from registry.models import Packet

        packet = world.complete_packet(world.register("Minimal", risk_class="minimal"))
        assert not Packet.objects.visible_to(world.finance).filter(pk=packet.pk).exists()
        assert Packet.objects.visible_to(world.risk).filter(pk=packet.pk).exists()


def test_registering_under_a_team_of_another_is_refused(world):
    with pytest.raises(Denied):
        register_agent(name="X", summary="y", team=world.other_team, owner=world.owner, by=world.member)
