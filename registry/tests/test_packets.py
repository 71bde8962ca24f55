"""Packets: starting, filling, saving beside others, copying, freezing."""

import pytest
from django.db import DatabaseError, connection, transaction

from ledger.canonical import dumps, sha256
from registry.actions import save_section, start_packet, write_section
from registry.documents import changed, digests, document, problems
from registry.models import Contribution, Revision
from registry.sections import SECTIONS, section
from registry.sections.forms import form_data
from work.acts import Conflict, Denied, Invalid


def contents(packet):
    return {one.number: one.content(packet) for one in SECTIONS}


@pytest.mark.parametrize("key", ["outsider", "bystander", "admin", "auditor", "risk"])
def test_only_those_who_work_on_the_agent_start_and_fill_packets(world, draft, key):
    with pytest.raises(Denied):
        start_packet(agent=world.agent, version="9", by=world.person(key))
    with pytest.raises(Denied):
        write_section(packet=draft, number=8, content={"sheet": {"currency": "USD"}}, by=world.person(key))
    assert section(8).document(draft)["currency"] == "EUR"


@pytest.mark.parametrize("key", ["owner", "deputy", "member"])
def test_a_first_packet_is_empty_but_for_the_risks_to_answer(world, key):
    packet = start_packet(agent=world.agent, version=" 1.0.0 ", by=world.person(key))
    assert (packet.version, packet.number, packet.state, packet.revision) == ("1.0.0", 1, "draft", 1)
    assert packet.copied_from is None
    assert len(section(7).document(packet)["answers"]) == 20
    assert all(problems(packet).values()), "an empty section says nothing is missing"
    assert set(Contribution.objects.filter(packet=packet).values_list("person_id", "revision")) == {(world.ids[key], 1)}
    assert world.entries(packet)[0]["data"]["version"] == "1.0.0"
    assert world.agent.status == "draft"


@pytest.mark.parametrize("version", ["", "  ", "v" * 51])
def test_a_version_is_named_and_short(world, version):
    with pytest.raises(Invalid, match="version"):
        start_packet(agent=world.agent, version=version, by=world.member)


def test_a_version_is_kept_in_one_spelling(world):
    assert start_packet(agent=world.agent, version="e\u0301te\u0301", by=world.member).version == "\u00e9t\u00e9"


def test_two_packets_of_one_version_are_a_conflict(world, draft):
    with pytest.raises(Conflict, match="has a packet already"):
        start_packet(agent=draft.agent, version=draft.version, by=world.member)


def test_a_section_that_is_not_there_is_refused(draft):
    for number in (0, 11, -1):
        with pytest.raises(IndexError):
            section(number)


def test_a_filled_packet_has_no_problems(draft):
    assert {number: found for number, found in problems(draft).items() if found} == {}


class TestSaving:
    """Nothing is overwritten that somebody else saved in between."""

    def forms(self, world, packet, figure):
        values = world.sections()[8]
        values["sheet"]["runs_per_day"] = figure
        return section(8).forms(packet, form_data(section(8).forms(packet), values))

    def test_a_form_made_before_someone_elses_save_is_a_conflict(self, world, draft):
        seen = draft.section_states.get(number=8).version
        save_section(forms=self.forms(world, draft, 200), seen=seen, by=world.member)
        with pytest.raises(Conflict, match="Mina Okafor saved this section"):
            save_section(forms=self.forms(world, draft, 300), seen=seen, by=world.author)
        assert section(8).document(draft)["runs_per_day"] == 200

    def test_another_section_may_be_saved_meanwhile(self, world, draft):
        seen = draft.section_states.get(number=8).version
        world.change(draft, 9, runbook="elsewhere")
        assert save_section(forms=self.forms(world, draft, 300), seen=seen, by=world.author).version == seen + 1

    def test_saving_what_is_there_already_changes_and_records_nothing(self, world, draft):
        seen = draft.section_states.get(number=8).version
        before = len(world.entries(draft))
        state = save_section(forms=self.forms(world, draft, 100), seen=seen, by=world.member)
        assert state.version == seen
        assert len(world.entries(draft)) == before
        assert not Contribution.objects.filter(packet=draft, person=world.member).exists()

    def test_a_save_counts_as_a_contribution_and_records_the_sections_digest(self, world, draft):
        save_section(
            forms=self.forms(world, draft, 5), seen=draft.section_states.get(number=8).version, by=world.member
        )
        assert Contribution.objects.filter(packet=draft, revision=1, person=world.member).exists()
        data = world.entries(draft)[-1]["data"]
        assert data["digest"] == sha256(dumps(section(8).document(draft)))

    def test_a_packet_in_review_or_approved_is_closed(self, world, submitted, promotable):
        for packet in (submitted, promotable):
            before = contents(packet)
            with pytest.raises(Conflict, match="its sections are closed"):
                world.change(packet, 8, runs_per_day=1)
            assert contents(packet) == before

    def test_what_cannot_be_read_is_refused_and_nothing_is_saved(self, world, draft):
        before = contents(draft)
        with pytest.raises(Invalid, match="Currency"):
            world.change(draft, 8, currency="euro", runs_per_day=3)
        with pytest.raises(Invalid):
            world.change(draft, 8, runs_per_day="many")
        with pytest.raises(Invalid):
            world.change(draft, 8, runs_per_day=-1)
        assert contents(draft) == before


class TestTampering:
    """What a hand-made post cannot do."""

    def post(self, packet, number, **extra):
        one = section(number)
        data = {}
        for rows, formset in one.forms(packet).formsets:
            for i, row in enumerate(formset.queryset):
                data[f"{rows.prefix}-{i}-id"] = row.pk
                data |= {
                    f"{rows.prefix}-{i}-{name}": getattr(row, name) or ""
                    for name in rows.form.base_fields
                    if name != "packet"
                }
            data[f"{rows.prefix}-TOTAL_FORMS"] = data[f"{rows.prefix}-INITIAL_FORMS"] = len(formset.queryset)
        state = packet.section_states.get(number=number)
        return lambda by: save_section(forms=one.forms(packet, {**data, **extra}), seen=state.version, by=by)

    @pytest.mark.parametrize("initial", [0, 20])
    def test_no_risk_is_added_to_the_lists(self, world, draft, initial):
        act = self.post(
            draft,
            7,
            **{
                "threat-TOTAL_FORMS": 21,
                "threat-INITIAL_FORMS": initial,
                "threat-20-applies": "no",
                "threat-20-threat": "x",
            },
        )
        act(world.member)
        answers = section(7).document(draft)["answers"]
        assert len(answers) == 20
        assert len({answer["risk"] for answer in answers}) == 20
        assert problems(draft)[7] == []

    def test_no_risk_is_removed_from_the_lists(self, world, draft):
        act = self.post(draft, 7, **{"threat-0-DELETE": "on", "threat-TOTAL_FORMS": 1, "threat-INITIAL_FORMS": 1})
        act(world.member)
        assert len(section(7).document(draft)["answers"]) == 20

    def test_a_row_of_another_packet_is_not_taken_over(self, world, draft, submitted):
        theirs = section(1).models[0].objects.get(packet=submitted)
        mine = section(1).models[0].objects.get(packet=draft)
        act = self.post(draft, 1, **{"use-0-id": theirs.pk, "use-0-text": "stolen"})
        act(world.member)
        theirs.refresh_from_db()
        mine.refresh_from_db()
        assert (theirs.packet_id, "stolen" in theirs.text) == (submitted.pk, False)
        assert [one["text"] for one in section(1).document(draft)["use_cases"]] == [mine.text]

    def test_a_post_without_its_management_fields_is_refused(self, world, draft):
        one = section(1)
        with pytest.raises(Invalid):
            save_section(
                forms=one.forms(draft, {"use-0-text": "x"}),
                seen=draft.section_states.get(number=1).version,
                by=world.member,
            )


class TestCopying:
    """A new packet starts as a copy of the last approved one."""

    def test_a_copy_holds_the_same_content_in_all_ten_sections(self, world, promotable):
        copy = start_packet(agent=promotable.agent, version="2.0.0", by=world.member)
        assert copy.copied_from == promotable
        assert contents(copy) == contents(promotable)
        assert not copy.acceptances.exists(), "who answers for the next version says so anew"
        world.accept(copy)
        _, parts = digests(document(copy, promotable.current.content["core"]))
        old = promotable.current.section_digests
        assert [part for part in changed(old, parts) if part not in ("core", "9")] == []

    def test_editing_the_copy_leaves_the_original_alone(self, world, promotable):
        before = contents(promotable)
        copy = start_packet(agent=promotable.agent, version="2.0.0", by=world.member)
        for number, values in world.sections(cases=3, snapshot="20260101").items():
            write_section(packet=copy, number=number, content=values, by=world.member)
        assert contents(copy)[3] != before[3]
        assert contents(promotable) == before

    def test_who_filled_the_original_is_no_contributor_of_the_copy(self, world, promotable):
        copy = start_packet(agent=promotable.agent, version="2.0.0", by=world.member)
        assert [one.person_id for one in copy.contributions.all()] == [world.ids["member"]]

    @pytest.mark.parametrize("end", ["veto", "request_changes"])
    def test_a_packet_that_was_not_approved_is_not_copied(self, world, submitted, end):
        world.sign(submitted, "risk", decision=end)
        second = start_packet(agent=submitted.agent, version="2.0.0", by=world.member)
        assert second.copied_from is None, "unless somebody chooses it"

    def test_one_that_was_not_approved_is_copied_on_request_and_its_writers_with_it(self, world, submitted):
        world.sign(submitted, "risk", decision="veto")
        copy = start_packet(agent=submitted.agent, version="2.0.0", by=world.member, copies=submitted)
        assert contents(copy) == contents(submitted) and copy.copied_from == submitted
        wrote = {one.person_id for one in submitted.contributions.all()}
        assert wrote and {one.person_id for one in copy.contributions.all()} == wrote | {world.ids["member"]}
        assert copy.approved_origin is None
        again = start_packet(agent=submitted.agent, version="3.0.0", by=world.owner, empty=True)
        assert again.copied_from is None and not any(contents(again)[3].values())

    def test_what_is_being_changed_and_what_is_another_agents_is_not_copied(self, world, submitted, draft):
        for packet in (draft, submitted):
            with pytest.raises(Invalid, match="in review or at its end"):
                start_packet(agent=draft.agent, version="7.0.0", by=world.member, copies=packet)

    def test_a_copy_of_a_copy_is_held_against_what_was_approved(self, world, promotable):
        vetoed = start_packet(agent=promotable.agent, version="2.0.0", by=world.member)
        world.accept(vetoed)
        world.submit(vetoed, by=world.member)
        world.sign(vetoed, "risk", decision="veto")
        copy = start_packet(agent=promotable.agent, version="3.0.0", by=world.member, copies=world.fresh(vetoed))
        assert copy.copied_from == vetoed and copy.approved_origin == promotable

    def test_the_packet_approved_last_is_copied_not_the_one_with_the_highest_number(self, world):
        agent = world.register("Two at once", risk_class="minimal")
        first, second = world.complete_packet(agent, "1"), world.complete_packet(agent, "2")
        for packet in (second, first):
            world.sign_all(packet)
        assert (world.fresh(first).state, world.fresh(second).state) == ("approved", "superseded")
        assert start_packet(agent=agent, version="3", by=world.member).copied_from == first


class TestFrozen:
    """A revision is exact bytes, for ever."""

    def test_the_bytes_are_canonical_and_the_digests_are_theirs(self, submitted):
        revision = submitted.current
        body = bytes(revision.document)
        assert dumps(revision.content) == body
        digest, parts = digests(revision.content)
        assert (revision.digest, revision.section_digests) == (digest, parts)
        for number, part in revision.content["sections"].items():
            assert revision.section_digests[number] == sha256(dumps(part))

    def test_the_database_refuses_changes_to_a_revision(self, submitted):
        for statement in ("UPDATE registry_revision SET digest = ''", "DELETE FROM registry_revision"):
            for role in ("DEFAULT", "replica"):
                refused = pytest.raises(DatabaseError, match="append-only")
                with refused, transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute(f"SET LOCAL session_replication_role = {role}")
                    cursor.execute(statement)

    def test_later_edits_leave_the_frozen_revision_as_it_was(self, world, submitted):
        before = bytes(submitted.current.document)
        world.sign(submitted, "risk", decision="request_changes")
        world.change(submitted, 8, runs_per_day=7)
        world.submit(submitted)
        first, second = Revision.objects.filter(packet=submitted).order_by("number")
        assert bytes(first.document) == before
        assert changed(first.section_digests, second.section_digests) == ["8"]

    def test_a_resubmission_without_changes_has_the_same_digest(self, world, submitted):
        world.sign(submitted, "risk", decision="request_changes")
        second = world.submit(submitted)
        assert second.number == 2
        assert second.digest == submitted.revisions.get(number=1).digest
