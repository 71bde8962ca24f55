"""A packet filled from a manifest and over the API: empty fields are filled, what people wrote is proposed beside."""

import json

import pytest
import yaml
from django.urls import reverse

from accounts.tokens import add_service_account
from registry import actions
from registry.contents import content_of, plain_content
from registry.filling import fill
from registry.import_actions import import_agent
from registry.importing import plan_manifest
from registry.imports.manifest import read_manifest
from registry.imports.reading import Unreadable
from registry.models import Packet, Proposal
from registry.proposals import Origin, accept
from registry.sections import SECTIONS, section
from work.acts import Conflict, Denied, Invalid

ORIGIN = Origin("api", "build", "Build 7", "b" * 64)


def text_of(world, block, agent="lending-assistant", **rest):
    card = {"name": "Lending assistant", "slug": agent, "team": "lending", "owner": "owner@bank.example"}
    return {"portcullis": 1, "agent": {**card, "summary": "Answers borrowers"}, **rest, "packet": block}


def said(world, sections, version="3.0.0", **rest):
    sections = {str(number): one for number, one in sections.items()}
    given = text_of(world, {"version": version, "sections": sections}, **rest)
    return read_manifest(json.dumps(given, default=str).encode())


def bring(world, manifest, by=None):
    by = by or world.member
    made = import_agent(manifest=manifest, seen=plan_manifest(manifest, by).digest, looked=True, by=by)
    return Packet.objects.filter(agent=made.agent, version=manifest.packet.version).first()


def lines(world, manifest):
    parts = plan_manifest(manifest, world.member).parts
    return {(title.partition(":")[0], line.what): line for title, some in parts for line in some}


def by_slug(world):
    """All ten sections as a manifest writes them: entries of the catalogue by their slugs."""
    made = world.sections()
    made[2]["grant"][0]["source"] = "tariffs"
    made[6]["grant"][0]["tool"] = "tariffs.read"
    return made


class TestManifest:
    def test_a_whole_packet_comes_with_it_and_is_complete(self, world):
        packet = bring(world, said(world, by_slug(world)))
        assert packet.state == "draft" and packet.created_by == world.member
        world.accept(packet)
        assert not [one for each in SECTIONS for one in each.problems(packet)]
        other = world.draft(version="3.1.0")
        assert [one.content(packet) for one in SECTIONS] == [one.content(other) for one in SECTIONS]
        world.submit(packet, by=world.member)

    def test_what_does_not_apply_comes_with_it_and_a_persons_reason_stands(self, world):
        reasons = {
            "cost.worth": "It saves no money, it answers to the law.",
            "cost.routing": "There is one model only.",
        }
        packet = bring(world, said(world, {8: {"not_applicable": reasons}}))
        assert {row.demand: row.reason for row in packet.not_applicable.all()} == reasons
        content = content_of(section(8), packet)
        content["not_applicable"]["cost.worth"] = "The regulator asks for it, whatever it costs."
        actions.write_section(packet=packet, number=8, content=content, by=world.owner)
        again = said(world, {8: {"not_applicable": {**reasons, "cost.routing": "There is one small model only."}}})
        found = lines(world, again)
        assert found["Section 8", "does not apply: What a run is worth"].outcome == "left"
        assert found["Section 8", "does not apply: The routing plan"].outcome == "changed"
        packet = bring(world, again)
        kept = {row.demand: row.reason for row in packet.not_applicable.all()}
        assert kept == {**content["not_applicable"], "cost.routing": "There is one small model only."}

    def test_yaml_and_json_say_the_same(self, world):
        sections = {str(number): one for number, one in by_slug(world).items()}
        given = text_of(world, {"version": "3.0.0", "sections": sections})
        written = yaml.safe_dump(given, sort_keys=False, allow_unicode=True)
        one, other = read_manifest(written.encode()), read_manifest(json.dumps(given).encode())
        made = [plan_manifest(each, world.member) for each in (one, other)]
        assert not made[0].problems and made[0].parts == made[1].parts
        assert read_manifest(json.dumps(one.document()).encode()) == one

    def test_the_preview_says_what_becomes_of_each_section(self, world):
        found = lines(world, said(world, {9: {"sheet": {"runbook": "https://r.example"}}}))
        assert found["Packet for version 3.0.0", "Packet"].outcome == "new"
        line = found["Section 9", "Runbook"]
        assert (line.outcome, line.before, line.after) == ("new", "", "https://r.example")
        assert not Packet.objects.filter(version="3.0.0").exists()

    def test_what_somebody_wrote_is_kept_and_proposed(self, world):
        packet = world.draft(version="3.0.0")
        manifest = said(
            world, {9: {"sheet": {"runbook": "https://new.example", "support_hours": "08:00 to 18:00 CET"}}}
        )
        line = lines(world, manifest)["Section 9", "Runbook"]
        assert line.outcome == "proposed" and "Somebody wrote this" in line.why
        assert (line.before, line.after) == ("https://runbooks.example/lending", "https://new.example")
        bring(world, manifest)
        assert section(9).document(packet)["runbook"] == "https://runbooks.example/lending"
        one = Proposal.objects.told().get()
        assert (one.label, one.value) == ("Section 9: Runbook", "https://new.example")
        assert one.source_label.startswith("Manifest 1 of")
        accept(proposal=one, by=world.owner, seen=one.mark)
        assert section(9).document(packet)["runbook"] == "https://new.example"

    def test_what_the_last_manifest_wrote_follows_the_next(self, world):
        packet = bring(
            world, said(world, {9: {"sheet": {"runbook": "https://one.example", "support_hours": "8 to 18"}}})
        )
        content = content_of(section(9), packet)
        content["sheet"]["support_hours"] = "always"
        actions.write_section(packet=packet, number=9, content=content, by=world.author)
        bring(world, said(world, {9: {"sheet": {"runbook": "https://two.example", "support_hours": "8 to 20"}}}))
        sheet = content_of(section(9), packet)["sheet"]
        assert (sheet["runbook"], sheet["support_hours"]) == ("https://two.example", "always")
        assert [one.field for one in Proposal.objects.all()] == ["support_hours"]

    def test_the_same_again_changes_nothing(self, world):
        manifest = said(world, by_slug(world))
        packet = bring(world, manifest)
        before = world.entries(packet)
        assert not plan_manifest(manifest, world.member).acts
        bring(world, manifest)
        assert world.entries(packet) == before and not Proposal.objects.exists()

    def test_rows_are_told_by_their_key_and_none_of_a_persons_goes(self, world):
        case = {"failure_mode": "policy_edge", "origin": "policy", "input": "a", "expected": "b"}
        packet = bring(world, said(world, {4: {"case": [{"case_id": "m-1", **case}, {"case_id": "m-2", **case}]}}))
        content = content_of(section(4), packet)
        content["case"].append({**content["case"][0], "case_id": "p-1"})
        content["case"][1]["note"] = "Seen twice"
        actions.write_section(packet=packet, number=4, content=content, by=world.author)
        again = said(world, {4: {"case": [{"case_id": "m-3", **case}, {"case_id": "p-1", **case, "input": "other"}]}})
        found = lines(world, again)
        assert found["Section 4", "Cases 1: Row"].outcome == "gone"
        bring(world, again)
        rows = content_of(section(4), packet)["case"]
        # m-1 was the manifest's alone; in m-2 somebody wrote; p-1 is a person's.
        assert [row["case_id"] for row in rows] == ["m-2", "p-1", "m-3"] and rows[1]["input"] == "a"
        one = Proposal.objects.told().get()
        assert (one.part, one.field, one.now, one.value) == ("case[1]", "input", "a", "other")
        accept(proposal=one, by=world.owner, seen=one.mark)
        assert content_of(section(4), packet)["case"][1]["input"] == "other"

    def test_a_row_in_which_somebody_wrote_a_zero_stays(self, world):
        packet = bring(world, said(world, {10: {"stage": [{"audience": "Staff"}]}}))
        content = content_of(section(10), packet)
        content["stage"][0]["dwell_days"] = 0
        actions.write_section(packet=packet, number=10, content=content, by=world.author)
        bring(world, said(world, {10: {"stage": [{"audience": "All"}]}}))
        assert [row["audience"] for row in content_of(section(10), packet)["stage"]] == ["Staff", "All"]

    def test_a_proposal_never_moves_to_another_row(self, world):
        packet = world.draft(version="3.0.0")
        said_cases = [{"case_id": "case-03", "input": "What else?"}]
        bring(world, said(world, {4: {"case": said_cases}}))
        assert Proposal.objects.get().part == "case[2]"
        content = content_of(section(4), packet)
        del content["case"][0]
        actions.write_section(packet=packet, number=4, content=content, by=world.author)
        assert Proposal.objects.get().state == "superseded"
        bring(world, said(world, {4: {"case": said_cases}}))
        assert Proposal.objects.open().get().part == "case[1]"

    def test_a_tool_that_comes_with_the_manifest_can_be_granted_in_it(self, world):
        grant = {"tool": "gifts.send", "scope": "Gifts of the branch", "environment": "sandbox", "approval": "per_call"}
        manifest = said(world, {6: {"grant": [grant]}}, tools=[{"slug": "gifts.send"}])
        packet = bring(world, manifest)
        assert section(6).document(packet)["grants"][0]["tool"]["slug"] == "gifts.send"

    def test_a_new_packet_is_a_copy_of_the_approved_one_and_differences_are_proposed(self, world):
        world.approved_packet(version="2.0.0")
        packet = bring(world, said(world, {9: {"sheet": {"runbook": "https://new.example"}}}))
        assert section(9).document(packet)["runbook"] == "https://runbooks.example/lending"
        assert Proposal.objects.get().packet == packet

    def test_a_packet_in_review_is_left_as_it_is(self, world):
        packet = world.complete_packet(version="3.0.0")
        manifest = said(world, {9: {"sheet": {"runbook": "https://new.example"}}})
        line = lines(world, manifest)["Packet for version 3.0.0", "Packet"]
        assert line.outcome == "left" and "Name the next version" in line.why
        bring(world, manifest)
        assert world.fresh(packet).state == "in_review" and not Proposal.objects.exists()

    @pytest.mark.parametrize(
        ("sections", "words"),
        [
            ({8: {"sheet": {"currency": "euro"}}}, "packet.sections.8.sheet.currency: "),
            ({8: {"sheet": {"colour": "red"}}}, "packet.sections.8.sheet.colour: There is no such field here"),
            ({8: {"case": []}}, "packet.sections.8.case: This section has no such part; it has sheet"),
            (
                {8: {"not_applicable": {"cost.worth": "No."}}},
                "packet.sections.8.not_applicable.cost.worth: Say in 20 to ",
            ),
            ({2: {"grant": [{"source": "nowhere"}]}}, "packet.sections.2.grant[0].source: "),
            ({6: {"grant": [{"scope": "all"}]}}, "packet.sections.6.grant[0].tool: This field is required."),
            ({7: {"threat": [{}]}}, "packet.sections.7.threat: There are always 20 rows here"),
            ({10: {"sheet": {"review_on": "soon"}}}, "packet.sections.10.sheet.review_on: Enter a valid date."),
        ],
    )
    def test_what_no_field_takes_stands_in_the_way_with_its_place(self, world, sections, words):
        manifest = said(world, sections)
        assert any(one.startswith(words) for one in plan_manifest(manifest, world.member).problems)
        with pytest.raises(Invalid):
            bring(world, manifest)
        assert not Packet.objects.filter(version="3.0.0").exists()

    @pytest.mark.parametrize(
        ("block", "fault"),
        [
            (3, "packet: expected fields with values, got 3"),
            ({"sections": {}}, "packet.version: say which version the packet is for"),
            ({"version": "1", "section": {}}, "packet.section: is no field here; there are version, sections"),
            ({"version": "1", "sections": {"11": {}}}, 'packet.sections.11: is no field here'),
            ({"version": "1", "sections": {"1": {"use": {}}}}, "packet.sections.1.use: expected a list, got an object"),
            ({"version": "1", "sections": {"1": {"use": ["x"]}}}, "packet.sections.1.use[0]: expected fields with values"),
            ({"version": "1", "sections": {"9": {"sheet": {"runbook": [1]}}}}, "packet.sections.9.sheet.runbook: expected a"),
            ({"version": "1", "sections": {"9": {"sheet": {"runbook": "\ud800"}}}}, "packet.sections.9.sheet.runbook: holds"),
        ],
    )  # fmt: skip
    def test_a_block_that_cannot_be_read_is_said_with_its_path(self, world, block, fault):
        with pytest.raises(Unreadable) as refusal:
            read_manifest(json.dumps(text_of(world, block)).encode())
        assert any(str(one).startswith(fault) for one in refusal.value.faults), refusal.value.faults

    def test_letters_are_the_same_however_they_are_composed(self, world):
        packet = bring(world, said(world, {9: {"sheet": {"runbook": "Cafe\u0301"}}}))
        assert section(9).document(packet)["runbook"] == "Caf\u00e9"
        assert not plan_manifest(said(world, {9: {"sheet": {"runbook": "Caf\u00e9"}}}), world.member).acts

    def test_a_service_account_drafts_and_never_submits(self, world):
        service = add_service_account(team=world.team, name="Pipeline", purpose="CI", by=world.member).person
        packet = bring(world, said(world, by_slug(world)), by=service)
        assert packet.created_by == service and not packet.section_states.filter(by_a_person=True).exists()
        with pytest.raises(Denied, match="never submits"):
            world.submit(packet, by=service)

    def test_who_may_not_change_the_agent_fills_nothing(self, world):
        with pytest.raises(Denied):
            bring(world, said(world, {9: {"sheet": {"runbook": "x"}}}), by=world.outsider)


class TestFill:
    def test_filling_is_one_act_with_one_entry_for_the_whole(self, world):
        packet = actions.start_packet(agent=world.agent, version="3.0.0", by=world.author)
        done = fill(packet=packet, given=by_slug(world), origin=ORIGIN, by=world.member)
        assert done.written == list(range(1, 11)) and done.proposed == []
        last = world.entries(packet)[-1]
        assert (last["kind"], last["data"]["sections"], last["data"]["source"]) == (
            "packet.filled", list(range(1, 11)), "b" * 64,
        )  # fmt: skip

    def test_a_fault_in_one_section_leaves_all_as_they_were(self, world):
        packet = actions.start_packet(agent=world.agent, version="3.0.0", by=world.author)
        before = {one.number: plain_content(one, packet) for one in SECTIONS}
        with pytest.raises(Invalid, match=r"sections\.8\.sheet\.currency"):
            fill(
                packet=packet,
                given={**by_slug(world), 8: {"sheet": {"currency": "x"}}},
                origin=ORIGIN,
                by=world.member,
            )
        assert {one.number: plain_content(one, packet) for one in SECTIONS} == before

    def test_fixed_rows_are_matched_by_their_place(self, world):
        packet = actions.start_packet(agent=world.agent, version="3.0.0", by=world.author)
        fill(packet=packet, given={7: world.sections()[7]}, origin=ORIGIN, by=world.member)
        assert not section(7).problems(packet)
        other = [{**row, "threat": "Otherwise"} for row in world.sections()[7]["threat"]]
        done = fill(packet=packet, given={7: {"threat": other}}, origin=ORIGIN, by=world.member)
        assert done.written == [] and len(done.proposed) == 20

    def test_a_closed_packet_is_closed(self, world, submitted):
        with pytest.raises(Conflict, match="in review"):
            fill(packet=submitted, given={9: {"sheet": {"runbook": "x"}}}, origin=ORIGIN, by=world.member)


def test_the_page_previews_the_sections_and_leads_to_the_packet(world, client):
    packet = world.draft(version="3.0.0")
    sections = {"9": {"sheet": {"runbook": "https://new.example"}}, "10": {"sheet": {"kill_seconds": 30}}}
    text = yaml.safe_dump(text_of(world, {"version": "3.0.0", "sections": sections}))
    client.force_login(world.member)
    page = client.post(reverse("import_manifest"), {"text": text}).content.decode()
    assert "Section 9: Named owner and support path" in page and "https://new.example" in page
    assert "Will be proposed" in page and "https://runbooks.example/lending" in page
    seen = plan_manifest(read_manifest(text.encode()), world.member).digest
    done = client.post(reverse("import_manifest"), {"text": text, "seen": seen, "confirm": "1"})
    assert done["Location"] == reverse("packet_detail", args=[packet.pk])
    page = client.get(done["Location"]).content.decode()
    assert f'{reverse("packet_section", args=[packet.pk, 9])}#proposals">section 9 (1)</a>' in page
    assert "3.0.0, 2 sections" in client.get(reverse("agent_manifest", args=[packet.agent.slug])).content.decode()
