"""Changing, confirming and retiring entries of the catalogue, and who may touch them."""

import datetime as dt

import pytest
from django.db import IntegrityError, connection, transaction
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import actions as accounts
from registry import actions, upkeep
from registry.documents import problems
from registry.models import DataSource, Tool
from registry.pages import rebased
from registry.sections import section
from registry.sections.s02_data import DataGrant
from registry.vocabulary import PacketState
from work import clock
from work.acts import Conflict, Denied, Invalid


@pytest.fixture
def as_person(client):
    def sign_in(person):
        client.force_login(person)
        return client

    return sign_in


@pytest.fixture
def owned(world):
    """A tool that the agent's owner keeps."""
    return actions.catalogue_tool(slug="gifts.send", by=world.member, effect="write", owner=world.owner)


class TestChanging:
    @pytest.mark.parametrize("who", ["owner", "admin"])
    def test_the_owner_and_platform_admins_change_a_source(self, world, who):
        upkeep.change_source(
            source=world.source, by=world.person(who), contract_version="4", fresh_days=7, classification="restricted"
        )
        source = world.fresh(world.source)
        assert (source.contract_version, source.fresh_days, source.classification) == ("4", 7, "restricted")
        entry = world.entries("system")[-1]
        assert (entry["kind"], entry["data"]["fields"]) == (
            "data_source.changed",
            ["classification", "contract_version", "fresh_days"],
        )

    @pytest.mark.parametrize("who", ["member", "deputy", "outsider", "bystander", "auditor", "security", "data"])
    def test_others_change_neither_source_nor_tool(self, world, who, owned):
        with pytest.raises(Denied, match="Ana Ruiz, who owns it, or a platform admin"):
            upkeep.change_source(source=world.source, by=world.person(who), name="Mine")
        with pytest.raises(Denied):
            upkeep.change_tool(tool=owned, by=world.person(who), name="Mine")
        assert world.fresh(world.source).name == "Tariffs"

    def test_an_owner_who_became_an_auditor_changes_nothing(self, world):
        upkeep.change_source(source=world.source, by=world.owner, owner=world.bystander)
        upkeep.change_source(source=world.source, by=world.bystander, description="Mine to change")
        world.grant("bystander", "auditor")
        with pytest.raises(Denied):
            upkeep.change_source(source=world.source, by=world.bystander, name="Mine")

    @pytest.mark.parametrize("values", [{"effect": "read"}, {"tags": []}, {"slug": "x"}, {"confirmed_by": None}])
    def test_what_a_tool_does_is_not_edited(self, world, owned, values):
        with pytest.raises(Invalid, match="cannot be changed here"):
            upkeep.change_tool(tool=owned, by=world.admin, **values)

    def test_unchanged_is_not_recorded(self, world):
        before = len(world.entries("system"))
        upkeep.change_source(source=world.source, by=world.owner, name="Tariffs")
        assert len(world.entries("system")) == before

    @pytest.mark.parametrize(
        "values", [{"name": ""}, {"classification": "secretish"}, {"fresh_days": -1}, {"fresh_days": 40000}]
    )
    def test_what_does_not_hold_is_refused(self, world, values):
        with pytest.raises(Invalid):
            upkeep.change_source(source=world.source, by=world.owner, **values)

    def test_zero_days_is_no_limit(self, world):
        with pytest.raises(Invalid, match="1 day"):
            upkeep.change_source(source=world.source, by=world.owner, fresh_days=0)
        with pytest.raises(IntegrityError, match="freshness"), transaction.atomic():
            DataSource.objects.filter(pk=world.source.pk).update(fresh_days=0)

    def test_an_owner_is_somebody_who_is_here_and_may_act(self, world):
        accounts.deactivate(person=world.bystander, by=world.admin)
        for person, words in ((world.bystander, "has left"), (world.auditor, "auditor")):
            with pytest.raises(Invalid, match=words):
                upkeep.change_source(source=world.source, by=world.owner, owner=person)

    def test_what_was_saved_meanwhile_is_not_overwritten(self, world, as_person):
        seen = upkeep.mark(world.source)
        upkeep.change_source(source=world.source, by=world.admin, description="Theirs")
        with pytest.raises(Conflict):
            upkeep.change_source(source=world.source, by=world.owner, seen=seen, name="Mine")
        url = reverse("data_detail", args=[world.source.pk])
        posted = {"seen": seen, "name": "Mine", "owner": world.owner.pk, "classification": "internal"}
        response = as_person(world.owner).post(url, posted)
        page = response.content.decode()
        assert response.status_code == 409 and "Theirs" in page and 'value="Mine"' in page
        assert f'value="{upkeep.mark(world.fresh(world.source))}"' in page


class TestConfirming:
    @pytest.mark.parametrize("who", ["owner", "security"])
    def test_a_security_approver_or_its_owner_confirms(self, world, owned, who):
        with clock.at(dt.datetime(2026, 11, 1, 9, tzinfo=dt.UTC)):
            upkeep.confirm_tool(tool=owned, effect="irreversible", tags=["customer_data"], by=world.person("owner"))
        tool = world.fresh(owned)
        assert (tool.effect, tool.tags, tool.confirmed_by) == ("irreversible", ["customer_data"], world.owner)
        upkeep.confirm_tool(tool=owned, effect="read", tags=[], by=world.person(who))
        entry = world.entries("system")[-1]
        assert (entry["kind"], entry["actor"]["id"]) == ("tool.confirmed", str(world.ids[who]))
        assert (entry["data"]["effect"], entry["data"]["tags"]) == ("read", [])

    @pytest.mark.parametrize("who", ["member", "deputy", "outsider", "bystander", "admin", "auditor", "data", "risk"])
    def test_nobody_else_does(self, world, owned, who):
        with pytest.raises(Denied, match="a security approver, or Ana Ruiz, who owns it"):
            upkeep.confirm_tool(tool=owned, effect="read", tags=[], by=world.person(who))
        assert world.fresh(owned).confirmed_at is None and world.fresh(owned).effect == "write"

    def test_a_role_that_was_revoked_meanwhile_confirms_nothing(self, world, owned):
        security = world.security
        assert security.roles
        world.revoke("security", "security")
        with pytest.raises(Denied):
            upkeep.confirm_tool(tool=owned, effect="read", tags=[], by=security)

    @pytest.mark.parametrize("values", [{"effect": "harmless"}, {"effect": ""}, {"tags": ["lovely"]}])
    def test_what_does_not_hold_is_refused(self, world, owned, values):
        with pytest.raises(Invalid):
            upkeep.confirm_tool(tool=owned, by=world.security, **{"effect": "read", "tags": [], **values})

    def test_a_submitted_document_keeps_what_it_said(self, world, submitted):
        before = bytes(submitted.current.document)
        upkeep.confirm_tool(tool=world.tool, effect="irreversible", tags=[], by=world.security)
        assert bytes(world.fresh(submitted).current.document) == before

    def test_confirmed_without_somebody_does_not_exist(self, world, owned):
        with pytest.raises(IntegrityError, match="confirmed_by_someone"), transaction.atomic():
            Tool.objects.filter(pk=owned.pk).update(confirmed_at=clock.now())

    def test_the_page_offers_it_to_those_alone(self, world, as_person, owned):
        url, post = reverse("tool_detail", args=[owned.pk]), reverse("tool_confirm", args=[owned.pk])
        for who, offered in (("security", True), ("owner", True), ("admin", False), ("member", False)):
            page = as_person(world.person(who)).get(url).content.decode()
            assert (f'action="{post}"' in page) == offered, who
        visitor = as_person(world.security)
        visitor.post(post, {"effect": "irreversible", "tags": ["money_movement"], "seen": upkeep.mark(owned)})
        assert world.fresh(owned).tags == ["money_movement"]
        stale = {"effect": "read", "seen": upkeep.mark(owned)}
        response = visitor.post(post, stale)
        assert response.status_code == 409 and "Irreversible" in response.content.decode()
        assert world.fresh(owned).effect == "irreversible"


class TestWhoMayTouchThis:
    def test_packets_that_have_not_ended_count_and_those_that_have_do_not(self, world, draft):
        def found():
            return upkeep.touching(world.source, world.member).agents

        for state in PacketState.values:
            type(draft).objects.filter(pk=draft.pk).update(state=state)
            assert (draft.agent in found()) == (state not in ("withdrawn", "vetoed", "superseded")), state

    def test_one_sees_the_packets_that_one_may_see_and_how_many_more_there_are(self, world, draft, submitted):
        found = upkeep.touching(world.tool, world.member)
        assert {*found.agents} >= {draft.agent, submitted.agent} and found.hidden == 0
        found = upkeep.touching(world.tool, world.risk)
        assert draft.agent not in found.agents and submitted.agent in found.agents and found.hidden >= 1
        found = upkeep.touching(world.tool, world.outsider)
        assert found.agents == [] and found.hit == found.hidden == upkeep.granted_agents(world.tool)

    def test_the_page_names_agents_without_naming_hidden_ones(self, world, as_person, draft):
        url = reverse("data_detail", args=[world.source.pk])
        assert "Drafted assistant" in as_person(world.member).get(url).content.decode()
        page = as_person(world.outsider).get(url).content.decode()
        assert "Drafted assistant" not in page and "packets are not yours to see" in page

    @pytest.mark.parametrize(("name", "row"), [("data_detail", "source"), ("tool_detail", "tool")])
    def test_it_makes_as_many_queries_for_many_agents_as_for_one(self, world, as_person, draft, name, row):
        visitor, url = as_person(world.admin), reverse(name, args=[getattr(world, row).pk])
        visitor.get(url)
        with CaptureQueriesContext(connection) as few:
            visitor.get(url)
        for i in range(4):
            world.draft(world.register(f"Helper {i}"))
        with CaptureQueriesContext(connection) as many:
            page = visitor.get(url).content.decode()
        assert "Helper 3" in page and len(many) == len(few)


class TestRetiring:
    def _retire(self, world, entry, **values):
        given = {"by": world.admin, "agents_seen": upkeep.granted_agents(entry), **values}
        return upkeep.retire(entry=entry, **given)

    def test_it_stays_on_record_and_says_who_ended_it(self, world, draft):
        self._retire(world, world.source, by=world.owner)
        source = DataSource.objects.get(pk=world.source.pk)
        assert source.retired_by == world.owner
        entry = world.entries("system")[-1]
        assert (entry["kind"], entry["data"]["agents"]) == ("data_source.retired", upkeep.granted_agents(source))

    @pytest.mark.parametrize("who", ["member", "deputy", "outsider", "bystander", "auditor", "security"])
    def test_others_retire_and_restore_nothing(self, world, who):
        with pytest.raises(Denied):
            self._retire(world, world.source, by=world.person(who))
        self._retire(world, world.source)
        with pytest.raises(Denied):
            upkeep.restore(entry=world.source, by=world.person(who))

    def test_who_is_hit_must_have_been_shown(self, world, draft):
        seen = upkeep.granted_agents(world.tool)
        world.draft(world.register("Newly granted"))
        with pytest.raises(Conflict, match="Look who they are"):
            self._retire(world, world.tool, agents_seen=seen)
        assert Tool.objects.get(pk=world.tool.pk).retired_at is None

    def test_it_ends_once_and_comes_back_once(self, world):
        with pytest.raises(Conflict, match="in use"):
            upkeep.restore(entry=world.tool, by=world.admin)
        self._retire(world, world.tool)
        with pytest.raises(Conflict, match="already"):
            self._retire(world, world.tool)
        upkeep.restore(entry=world.tool, by=world.admin)
        assert world.entries("system")[-1]["kind"] == "tool.restored"
        assert world.fresh(world.tool).retired_at is None

    def test_it_cannot_be_granted_anew(self, world):
        self._retire(world, world.source)
        self._retire(world, world.tool)
        packet = actions.start_packet(agent=world.agent, version="7.0.0", by=world.author)
        content = world.sections()
        for number in (2, 6):
            with pytest.raises(Invalid, match="was retired on"):
                actions.write_section(packet=packet, number=number, content=content[number], by=world.author)

    def test_a_draft_that_has_it_is_not_complete_but_can_still_be_saved(self, world, draft):
        assert not problems(draft)[2] and not problems(draft)[6]
        self._retire(world, world.source)
        self._retire(world, world.tool)
        for number in (2, 6):
            assert any("was retired" in one.text for one in problems(draft)[number])
        data = rebased(section(2).forms(draft), QueryDict("")) | {"grant-0-purpose": "Quoting, while it lasts"}
        seen = draft.section_states.get(number=2).version
        actions.save_section(forms=section(2).forms(draft, data), seen=seen, by=world.author)
        assert DataGrant.objects.get(packet=draft).purpose == "Quoting, while it lasts"
        page_form = section(2).forms(draft).formsets[0][1].forms[0]
        labels = [str(label) for _, label in page_form.fields["source"].choices]
        assert "Tariffs (retired)" in labels

    def test_retired_without_somebody_does_not_exist(self, world):
        for model, row in ((DataSource, world.source), (Tool, world.tool)):
            with pytest.raises(IntegrityError, match="retired_by_someone"), transaction.atomic():
                model.objects.filter(pk=row.pk).update(retired_at=clock.now())

    def test_the_page_shows_who_is_hit_and_does_it(self, world, as_person, draft):
        visitor, url = as_person(world.owner), reverse("data_detail", args=[world.source.pk])
        page = visitor.get(url).content.decode()
        count = upkeep.granted_agents(world.source)
        assert f'name="agents" value="{count}"' in page and "Drafted assistant" in page
        post = reverse("data_retire", args=[world.source.pk])
        for wrong in ("", "no", str(count + 1)):
            visitor.post(post, {"act": "retire", "agents": wrong})
            assert world.fresh(world.source).retired_at is None
        visitor.post(post, {"act": "retire", "agents": count})
        assert world.fresh(world.source).retired_at
        assert "Take it back into use" in visitor.get(url).content.decode()
        assert "Retired" in visitor.get(reverse("data_list")).content.decode()
        visitor.post(post, {"act": "restore"})
        assert world.fresh(world.source).retired_at is None


class TestFreshness:
    @pytest.mark.parametrize(
        ("fresh_on", "days", "stale"),
        [
            (dt.date(2026, 11, 20), 10, False),
            (dt.date(2026, 11, 11), 10, False),
            (dt.date(2026, 11, 10), 10, True),
            (None, 10, True),
            (dt.date(2020, 1, 1), None, False),
            (None, None, False),
        ],
    )
    def test_older_than_its_limit_is_stale(self, world, as_person, fresh_on, days, stale):
        upkeep.change_source(source=world.source, by=world.owner, fresh_on=fresh_on, fresh_days=days)
        with clock.at(dt.datetime(2026, 11, 21, 23, 59, tzinfo=dt.UTC)):
            assert bool(world.fresh(world.source).stale) == stale
            visitor = as_person(world.member)
            for url in (reverse("data_list"), reverse("data_detail", args=[world.source.pk])):
                assert ("Stale" in visitor.get(url).content.decode()) == stale
