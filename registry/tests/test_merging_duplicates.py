"""One thing that stands in the catalogue twice: finding it, and merging it into the entry that stays."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.tokens import add_service_account
from registry import actions, lineage, merging, upkeep
from registry.documents import problems
from registry.models import Contribution, DataSource, Tool
from registry.sections import section
from registry.sections.forms import form_data
from registry.sections.s02_data import DataGrant
from registry.sections.s06_tools import ToolGrant
from registry.tests.test_api import Caller, problem
from work.acts import Conflict, Denied, Invalid


def twin(world, **values):
    return actions.catalogue_source(
        **{"name": "Tariff", "by": world.member, "owner": world.owner, "classification": "internal", **values}
    )


def merge(world, goes, stays, **values):
    return merging.merge(
        **{"goes": goes, "stays": stays, "by": world.admin, "agents_seen": upkeep.granted_agents(goes), **values}
    )


class TestFinding:
    @pytest.mark.parametrize(("name", "alike"), [("TARIFF", True), ("«Tariff».", True), ("The tariff", False)])
    def test_two_of_one_name_are_alike_whatever_the_case_and_punctuation(self, world, name, alike):
        twin(world, name=name)
        found = [{one.name, other.name} for one, other in merging.alike(DataSource.objects.all())]
        assert found == ([{"Tariffs", name}] if alike else [])

    def test_two_tools_of_one_system_with_like_short_names_are_alike(self, world):
        for slug, system, name in (
            ("orders.place", "Shop", "Order"),
            ("place_order", "shop", "Buy"),
            ("orders-place", "Other", "Get"),
        ):
            actions.catalogue_tool(slug=slug, system=system, name=name, by=world.member)
        assert [(one.slug, other.slug) for one, other in merging.alike(Tool.objects.all())] == [
            ("orders.place", "place_order")
        ]

    def test_what_was_retired_is_not_offered(self, world, client):
        other = twin(world)
        client.force_login(world.owner)
        page = client.get(reverse("data_list")).content.decode()
        assert f"{reverse('data_merge', args=[world.source.pk])}?other={other.pk}" in page
        client.force_login(world.bystander)
        page = client.get(reverse("data_list")).content.decode()
        assert "Is this one thing twice?" in page and "?other=" not in page
        upkeep.retire(entry=other, by=world.owner, agents_seen=0)
        assert merging.alike(DataSource.objects.all()) == []

    @pytest.mark.parametrize("name", ["data_list", "tool_list"])
    def test_the_list_makes_as_many_queries_for_many_as_for_one(self, world, client, name):
        client.force_login(world.owner)
        twin(world)
        actions.catalogue_tool(slug="read.tariffs", by=world.member)
        url = reverse(name)
        client.get(url)
        with CaptureQueriesContext(connection) as few:
            client.get(url)
        for i in range(3):
            twin(world, name=f"Extra {i}")
            twin(world, name=f"{i} extra")
            actions.catalogue_tool(slug=f"x{i}.read", by=world.member)
            actions.catalogue_tool(slug=f"read.x{i}", by=world.member)
        with CaptureQueriesContext(connection) as many:
            client.get(url)
        assert len(many) == len(few)


class TestMerging:
    def test_grants_of_open_packets_move_and_nobody_becomes_a_contributor(self, world, draft):
        stays = twin(world)
        before = set(Contribution.objects.values_list("packet", "person"))
        state = draft.section_states.get(number=2)
        merge(world, world.source, stays)
        assert DataGrant.objects.get(packet=draft).source == stays
        assert set(Contribution.objects.values_list("packet", "person")) == before
        assert draft.section_states.get(number=2).version == state.version + 1
        moved = world.entries(draft, "packet.grants_moved")[-1]
        assert moved["data"]["moved"] == {str(world.source.pk): str(stays.pk)}
        entry = world.entries("system")[-1]
        assert (entry["kind"], entry["data"]["into_slug"], entry["data"]["drafts"]) == (
            "data_source.merged",
            "tariff",
            1,
        )
        goes = world.fresh(world.source)
        assert (goes.merged_into, goes.retired_by) == (stays, world.admin)
        assert not any("retired" in one.text for one in problems(draft)[2])

    def test_tools_move_the_same_way(self, world, draft):
        stays = actions.catalogue_tool(slug="read.tariffs", by=world.member, effect="read")
        merge(world, world.tool, stays)
        assert ToolGrant.objects.get(packet=draft).tool == stays
        assert world.entries("system")[-1]["kind"] == "tool.merged"

    def test_a_form_that_was_open_is_shown_both(self, world, draft):
        seen = draft.section_states.get(number=2).version
        merge(world, world.source, twin(world))
        forms = section(2).forms(draft)
        data = form_data(forms, {"grant": [], "never": []})
        with pytest.raises(Conflict, match="Ada Adeyemi saved this section"):
            actions.save_section(forms=section(2).forms(draft, data), seen=seen, by=world.author)

    def test_a_submitted_document_keeps_its_words_and_still_counts(self, world, submitted):
        before, stays = bytes(submitted.current.document), twin(world)
        hit = upkeep.granted_agents(world.source)
        merge(world, world.source, stays)
        assert bytes(world.fresh(submitted).current.document) == before
        assert DataGrant.objects.get(packet=submitted).source == world.source
        assert submitted.agent in upkeep.touching(stays, world.admin).agents
        assert upkeep.granted_agents(stays) == hit

    def test_sent_back_for_changes_it_follows(self, world, submitted):
        stays = twin(world)
        merge(world, world.source, stays)
        actions.move(submitted, "changes_requested", by=world.security)
        assert DataGrant.objects.get(packet=submitted).source == stays

    def test_a_new_packet_copies_the_entry_that_stays(self, world, promotable):
        stays = twin(world)
        merge(world, world.source, stays)
        packet = actions.start_packet(agent=promotable.agent, version="8.0.0", by=world.author)
        assert DataGrant.objects.get(packet=packet).source == stays

    def test_links_move_and_a_circle_is_refused(self, world):
        stays, middle, far = twin(world), twin(world, name="Middle"), twin(world, name="Far")
        lineage.link(upstream=world.source, downstream=far, by=world.owner)
        lineage.link(upstream=world.source, downstream=stays, by=world.owner)
        lineage.link(upstream=stays, downstream=middle, by=world.owner)
        merge(world, world.source, stays)
        assert {one.downstream.name for one in stays.feeds.all()} == {"Far", "Middle"}
        end = twin(world, name="End")
        lineage.link(upstream=middle, downstream=end, by=world.owner)
        with pytest.raises(Invalid, match="as one entry they would feed themselves"):
            merge(world, end, stays)
        assert world.fresh(end).retired_at is None

    @pytest.mark.parametrize("who", ["member", "outsider", "bystander", "auditor", "security"])
    def test_who_does_not_keep_both_merges_nothing(self, world, who):
        with pytest.raises(Denied):
            merge(world, world.source, twin(world), by=world.person(who))

    def test_owning_one_is_not_enough_and_a_service_account_never_merges(self, world):
        foreign = twin(world, owner=world.bystander)
        with pytest.raises(Denied, match="Bea Nobody"):
            merge(world, foreign, world.source, by=world.owner)
        service = add_service_account(team=world.team, name="Build", purpose="CI", by=world.member).person
        with pytest.raises(Denied, match="never merges"):
            merge(world, world.source, foreign, by=service)
        with pytest.raises(Denied, match="never retires"):
            upkeep.retire(entry=world.source, by=service, agents_seen=0)

    def test_who_is_hit_must_have_been_shown(self, world, draft):
        with pytest.raises(Conflict, match="Look who they are"):
            merge(world, world.source, twin(world), agents_seen=0)

    def test_it_cannot_be_merged_with_itself_or_what_was_retired(self, world):
        stays = twin(world)
        with pytest.raises(Invalid):
            merge(world, stays, stays)
        merge(world, world.source, stays)
        with pytest.raises(Conflict, match="retired already"):
            merge(world, world.source, stays)

    def test_the_database_knows_no_merged_entry_in_use(self, world):
        stays = twin(world)
        for goes in (world.source, stays):
            with pytest.raises(IntegrityError, match="merged_source_is_retired"), transaction.atomic():
                DataSource.objects.filter(pk=goes.pk).update(merged_into=stays)

    def test_its_name_is_found_and_leads_on_and_it_can_come_back(self, world, client):
        stays = twin(world)
        merge(world, world.source, stays)
        client.force_login(world.owner)
        assert "Tariffs" in client.get(reverse("data_list"), {"q": "tariffs"}).content.decode()
        url = reverse("data_detail", args=[world.source.pk])
        assert client.get(url).url == reverse("data_detail", args=[stays.pk])
        assert "Merged into this" in client.get(reverse("data_detail", args=[stays.pk])).content.decode()
        assert "Take it back into use" in client.get(f"{url}?itself").content.decode()
        upkeep.restore(entry=world.source, by=world.owner)
        assert client.get(url).status_code == 200 and world.fresh(world.source).merged_into is None


class TestThroughTheApi:
    def test_an_entry_is_read_changed_and_merged(self, world, draft):
        call, stays = Caller(world.owner), twin(world)
        found = call("GET", "/api/v1/catalogue/data/tariffs/")
        assert found.json()["contract_version"] == "3.2" and found.json()["merged_into"] is None
        problem(call("PATCH", "/api/v1/catalogue/data/tariffs/", {"description": "x"}), 428)
        changed = call(
            "PATCH", "/api/v1/catalogue/data/tariffs/", {"never_leaves": ["IBANs", "IBANs"]}, If_Match=found["ETag"]
        )
        assert changed.json()["never_leaves"] == ["IBANs"]
        problem(call("PATCH", "/api/v1/catalogue/data/tariffs/", {"name": "x"}, If_Match=found["ETag"]), 412)
        made = call("POST", "/api/v1/catalogue/data/tariffs/contracts", {"schema": [{"name": "iban"}], "version": "4"})
        assert made.status_code == 201 and made.json()["fields"][0]["sensitive"] is None
        assert len(call("GET", "/api/v1/catalogue/data/tariffs/contracts").json()["contracts"]) == 1
        touching = call("GET", "/api/v1/catalogue/data/tariffs/touching").json()
        assert [one["state"] for one in touching["proposed"] if one["agent"] == "drafted-assistant"] == ["draft"]
        problem(call("POST", "/api/v1/catalogue/data/tariffs/merge", {"into": stays.slug, "agents": 99}), 409)
        order = {"into": stays.slug, "agents": touching["agents"]}
        assert call("POST", "/api/v1/catalogue/data/tariffs/merge", order).json()["merged_into"] == stays.slug
        problem(call("POST", "/api/v1/catalogue/data/tariff/merge", {"into": "nothing", "agents": 0}), 422)

    def test_a_token_never_confirms(self, world):
        detail = problem(
            Caller(world.security)(
                "POST", "/api/v1/catalogue/tools/tariffs.read/confirm", {"effect": "read", "tags": []}
            ),
            403,
        )["detail"]
        assert "API token never confirms" in detail

    def test_a_release_in_force_is_told_from_what_is_proposed(self, world):
        release = world.live(world.register("Live assistant"))
        found = Caller(world.owner)("GET", "/api/v1/catalogue/tools/tariffs.read/touching").json()
        (line,) = [one for one in found["in_force"] if one["agent"] == "live-assistant"]
        assert (line["environment"], line["release"], line["packet"]) == ("Production", "live", str(release.packet_id))
        assert "live-assistant" not in [one["agent"] for one in found["proposed"]]
