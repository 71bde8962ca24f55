"""Team answers: kept once, changed into versions, used in packets by version, and frozen with what was signed."""

import json
import time

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse

from accounts import actions as accounts
from accounts.tokens import add_service_account
from ledger.canonical import dumps, sha256
from registry import actions, answers
from registry.models import AnswerUse, TeamAnswer, TeamAnswerVersion
from registry.sections import section
from registry.tests.test_api import Caller
from web.errors import Conflict, Denied, Invalid
from work import clock

TEXT = "Page the on-call of Lending.\nAfter 15 minutes, page their manager."
NEWER = "Call Lending's desk.\nAfter 10 minutes, page the on-call."


@pytest.fixture
def draft(world):
    return world.draft(world.register("Answering assistant"))


@pytest.fixture
def kept(world):
    """Lending's answer on escalation, version 1."""
    return answers.write_answer(team=world.team, name="Escalation", text=TEXT, by=world.member)


@pytest.fixture
def use(world, draft, kept):
    def run(number=9, places=("sheet.escalation",), version=None, packet=None, by=None):
        return answers.use_answer(
            packet=packet or draft, number=number, places=places, version=version or kept.newest, by=by or world.author
        )

    return run


def newer(world, kept, text=NEWER):
    return answers.change_answer(answer=kept, text=text, seen=kept.newest.number, by=world.member)


class TestKeeping:
    def test_an_answer_is_kept_with_its_digest_and_an_entry(self, world, kept):
        assert (kept.slug, kept.newest.number, kept.newest.text) == ("escalation", 1, TEXT)
        assert kept.newest.sha256 == sha256(TEXT.encode())
        entry = world.entries("system", "team_answer.written")[-1]
        assert entry["data"]["sha256"] == kept.newest.sha256 and entry["actor"]["id"] == str(world.member.pk)

    def test_a_change_is_a_new_version_and_the_old_one_stays(self, world, kept):
        version = newer(world, kept)
        assert version.number == 2 and kept.newest == version
        assert list(kept.versions.values_list("number", "text")) == [(2, NEWER), (1, TEXT)]

    def test_the_same_words_again_change_nothing(self, world, kept):
        before = len(world.entries("system"))
        assert newer(world, kept, f"  {TEXT}\n".replace("\n", "\r\n")).number == 1
        assert len(world.entries("system")) == before

    def test_who_comes_second_is_told(self, world, kept):
        newer(world, kept)
        with pytest.raises(Conflict, match="version 2"):
            answers.change_answer(answer=kept, text="Mine", seen=1, by=world.author)

    @pytest.mark.parametrize("who", ["outsider", "bystander", "security", "auditor", "admin"])
    def test_only_the_teams_members_write(self, world, kept, who):
        with pytest.raises(Denied):
            answers.change_answer(answer=kept, text="Mine", seen=1, by=world.person(who))
        with pytest.raises(Denied):
            answers.write_answer(team=world.team, name="Other", text="Mine", by=world.person(who))

    @pytest.mark.parametrize(
        ("who", "sees"), [("member", True), ("auditor", True), ("outsider", False), ("security", False)]
    )
    def test_the_team_and_who_sees_all_see_it(self, world, kept, who, sees):
        assert TeamAnswer.objects.visible_to(world.person(who)).filter(pk=kept.pk).exists() is sees

    def test_a_deputy_of_another_team_sees_what_the_packets_may_use(self, world, kept):
        other = world.register("Lent out", deputy=world.outsider)
        assert other.team == world.team
        assert TeamAnswer.objects.visible_to(world.outsider).filter(pk=kept.pk).exists()

    @pytest.mark.parametrize("text", ["", "  \n ", "x" * 4001, "a\0b"])
    def test_what_says_nothing_or_too_much_is_refused(self, world, text):
        with pytest.raises(Invalid):
            answers.write_answer(team=world.team, name="Empty", text=text, by=world.member)

    def test_a_name_is_given_once_a_team(self, world, kept):
        with pytest.raises(Conflict):
            answers.write_answer(team=world.team, name="escalation", text="x", by=world.member)
        assert answers.write_answer(team=world.other_team, name="Escalation", text="x", by=world.outsider)

    def test_the_database_lets_no_wording_change_or_go(self, kept):
        version = kept.newest
        for act in (version.delete, lambda: TeamAnswerVersion.objects.filter(pk=version.pk).update(text="Other")):
            with pytest.raises(DatabaseError), transaction.atomic():
                act()

    def test_the_database_keeps_no_empty_wording(self, world, kept):
        with pytest.raises(IntegrityError, match="says_something"), transaction.atomic():
            TeamAnswerVersion.objects.create(answer=kept, number=9, text=" ", sha256="0" * 64, written_by=world.member)


def withdraw(world, kept, reason="The desk has moved", seen=None, by=None):
    seen = seen or kept.newest.number
    return answers.withdraw_answer(answer=kept, reason=reason, seen=seen, by=by or world.member)


class TestRenaming:
    def test_the_slug_stays_and_an_entry_says_so(self, world, kept):
        renamed = answers.rename_answer(answer=kept, name=" On  call ", seen="Escalation", by=world.author)
        assert (renamed.name, renamed.slug) == ("On call", "escalation")
        entry = world.entries("system", "team_answer.renamed")[-1]
        assert entry["data"]["name_sha256"] == sha256(b"On call") and entry["data"]["slug"] == "escalation"

    def test_packets_keep_the_name_that_they_were_filled_with(self, world, draft, kept, use):
        use()
        before = section(9).document(draft)
        answers.rename_answer(answer=kept, name="On call", seen="Escalation", by=world.member)
        assert section(9).document(draft) == before
        other = actions.start_packet(agent=world.register("Other assistant"), version="1.0.0", by=world.member)
        use(packet=other, version=TeamAnswerVersion.objects.get(answer=kept))
        assert section(9).document(other)["team_answers"][0]["name"] == "On call"

    def test_the_same_name_changes_nothing(self, world, kept):
        before = len(world.entries("system"))
        answers.rename_answer(answer=kept, name="Escalation", seen="Escalation", by=world.member)
        assert len(world.entries("system")) == before

    def test_who_comes_second_is_told_the_new_name(self, world, kept):
        answers.rename_answer(answer=kept, name="On call", seen="Escalation", by=world.member)
        with pytest.raises(Conflict, match="On call"):
            answers.rename_answer(answer=kept, name="Paging", seen="Escalation", by=world.author)

    def test_a_name_that_another_answer_has_is_refused(self, world, kept):
        other = answers.write_answer(team=world.team, name="Paging", text="x", by=world.member)
        with pytest.raises(Conflict, match="Change that one"):
            answers.rename_answer(answer=other, name="ESCALATION", seen="Paging", by=world.member)
        with pytest.raises(IntegrityError, match="one_answer_a_title"), transaction.atomic():
            TeamAnswer.objects.filter(pk=other.pk).update(name="ESCALATION")

    def test_the_old_name_is_not_given_again_and_who_asks_is_told_whose_it_is(self, world, kept):
        answers.rename_answer(answer=kept, name="On call", seen="Escalation", by=world.member)
        with pytest.raises(Conflict, match="called On call now"):
            answers.write_answer(team=world.team, name="Escalation", text="x", by=world.member)

    @pytest.mark.parametrize("name", ["", "  ", "!!", "x" * 81, "a\0b"])
    def test_what_names_nothing_is_refused(self, world, kept, name):
        with pytest.raises(Invalid):
            answers.rename_answer(answer=kept, name=name, seen="Escalation", by=world.member)

    @pytest.mark.parametrize("change", [{"slug": "other"}, {"team_id": 1}])
    def test_the_database_keeps_slug_and_team(self, kept, change):
        with pytest.raises(DatabaseError), transaction.atomic():
            TeamAnswer.objects.filter(pk=kept.pk).update(**change)

    def test_the_database_deletes_no_answer(self, world):
        bare = TeamAnswer.objects.create(team=world.team, slug="bare", name="Bare")
        with pytest.raises(DatabaseError), transaction.atomic():
            bare.delete()


class TestWithdrawing:
    def test_it_says_who_when_and_why_with_an_entry(self, world, kept):
        gone = withdraw(world, kept)
        assert gone.withdrawn_by == world.member and gone.withdrawn_because == "The desk has moved"
        entry = world.entries("system", "team_answer.withdrawn")[-1]
        assert entry["data"]["reason_sha256"] == sha256(b"The desk has moved") and entry["data"]["version"] == 1

    def test_no_packet_is_offered_it_and_none_uses_it(self, world, draft, kept, use):
        assert answers.offered(draft, section(9)).newest
        withdraw(world, kept)
        assert not answers.offered(draft, section(9)).newest
        with pytest.raises(Conflict, match="withdrawn"):
            use()

    def test_a_draft_that_uses_it_is_told_and_keeps_what_it_says(self, world, draft, kept, use):
        use()
        before = section(9).document(draft)
        newer(world, kept)
        withdraw(world, kept)
        [said] = [one for one in section(9).advice(draft) if "Escalation" in one.text]
        assert "has withdrawn" in said.text and said.field == "team-answers"
        assert section(9).document(draft) == before
        [used] = answers.offered(draft, section(9)).used
        assert used.newer is None and [place.key for place in used.places] == ["sheet.escalation"]
        assert not any("Escalation" in one.text for one in section(9).problems(draft))

    def test_what_was_signed_stays(self, world, draft, kept, use):
        use()
        revision = world.submit(draft)
        before = bytes(revision.document)
        withdraw(world, kept)
        assert bytes(world.fresh(draft).current.document) == before
        world.sign_all(draft)
        assert not any("withdrawn" in one.text for one in section(9).advice(world.fresh(draft)))

    def test_it_is_taken_back_as_it_was(self, world, draft, kept, use):
        use()
        withdraw(world, kept)
        back = answers.take_back_answer(answer=kept, by=world.author)
        assert (back.withdrawn_at, back.withdrawn_by, back.withdrawn_because) == (None, None, "")
        assert world.entries("system", "team_answer.taken_back")
        assert not any("withdrawn" in one.text for one in section(9).advice(draft))
        use(places=["sheet.authority"])

    def test_neither_is_done_twice(self, world, kept):
        with pytest.raises(Conflict, match="in use"):
            answers.take_back_answer(answer=kept, by=world.member)
        withdraw(world, kept)
        with pytest.raises(Conflict, match="withdrawn"):
            withdraw(world, kept)

    def test_it_neither_changes_nor_is_renamed_meanwhile(self, world, kept):
        withdraw(world, kept)
        with pytest.raises(Conflict, match="Take it back"):
            newer(world, kept)
        with pytest.raises(Conflict, match="Take it back"):
            answers.rename_answer(answer=kept, name="On call", seen="Escalation", by=world.member)
        with pytest.raises(Conflict, match="take it back"):
            answers.write_answer(team=world.team, name="Escalation", text="x", by=world.member)

    def test_who_has_not_read_the_newest_version_withdraws_nothing(self, world, kept):
        newer(world, kept)
        with pytest.raises(Conflict, match="version 2"):
            withdraw(world, kept, seen=1)

    @pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "a\0b"])
    def test_without_a_reason_it_stays(self, world, kept, reason):
        with pytest.raises(Invalid):
            withdraw(world, kept, reason=reason)

    @pytest.mark.parametrize("who", ["outsider", "bystander", "security", "auditor", "admin"])
    def test_only_the_teams_members_do_any_of_it(self, world, kept, who):
        by = world.person(who)
        with pytest.raises(Denied):
            answers.rename_answer(answer=kept, name="On call", seen="Escalation", by=by)
        with pytest.raises(Denied):
            withdraw(world, kept, by=by)
        withdraw(world, kept)
        with pytest.raises(Denied):
            answers.take_back_answer(answer=kept, by=by)

    def test_no_service_account_does(self, world, kept):
        robot = add_service_account(team=world.team, name="Pipeline", purpose="CI", by=world.member).person
        with pytest.raises(Denied, match="service account"):
            withdraw(world, kept, by=robot)
        withdraw(world, kept)
        with pytest.raises(Denied, match="service account"):
            answers.take_back_answer(answer=kept, by=robot)
        with pytest.raises(IntegrityError, match="only_people"), transaction.atomic():
            TeamAnswer.objects.filter(pk=kept.pk).update(withdrawn_by=robot)

    def test_the_database_keeps_none_half_withdrawn(self, world, kept):
        for half in ({"withdrawn_at": clock.now()}, {"withdrawn_because": "So"}, {"withdrawn_by": world.member}):
            with pytest.raises(IntegrityError, match="says_why"), transaction.atomic():
                TeamAnswer.objects.filter(pk=kept.pk).update(**half)


class TestUsing:
    def test_the_field_says_it_and_the_document_names_version_and_digest(self, world, draft, kept, use):
        before = draft.section_states.get(number=9).version
        use()
        said = section(9).document(draft)
        assert said["escalation"].replace("\r\n", "\n") == TEXT
        assert said["team_answers"] == [
            {
                "answer": "escalation", "name": "Escalation", "version": 1, "sha256": sha256(TEXT.encode()),
                "fields": ["escalation"],
            }
        ]  # fmt: skip
        assert draft.section_states.get(number=9).version == before + 1
        entry = world.entries(draft, "packet.section_saved")[-1]
        assert entry["data"]["digest"] == sha256(dumps(said))

    def test_using_it_again_changes_nothing(self, world, draft, use):
        use()
        before = len(world.entries(draft))
        use()
        assert len(world.entries(draft)) == before

    def test_words_that_were_there_already_refer_from_now_on(self, world, draft, kept, use):
        content = world.sections()[9]
        content["sheet"]["escalation"] = TEXT.replace("\n", "\r\n")
        actions.write_section(packet=draft, number=9, content=content, by=world.author)
        assert "team_answers" not in section(9).document(draft)
        before = len(world.entries(draft))
        use()
        assert "team_answers" in section(9).document(draft) and len(world.entries(draft)) == before + 1

    def test_a_row_takes_it_too(self, draft, use):
        use(number=2, places=["never[0].text"])
        assert section(2).document(draft)["team_answers"][0]["fields"] == ["never[0].text"]

    def test_other_words_end_the_reference(self, world, draft, use):
        use()
        actions.write_section(packet=draft, number=9, content=world.sections()[9], by=world.author)
        assert not AnswerUse.objects.filter(packet=draft).exists()
        assert "team_answers" not in section(9).document(draft)

    def test_a_save_of_other_fields_keeps_it(self, world, draft, use):
        use()
        content = world.sections()[9]
        content["sheet"] |= {"escalation": TEXT, "authority": "May stop it."}
        actions.write_section(packet=draft, number=9, content=content, by=world.author)
        assert AnswerUse.objects.filter(packet=draft).count() == 1

    def test_a_newer_version_is_said_in_the_draft_and_taken_with_a_click(self, world, draft, kept, use):
        use()
        assert not any("newer version" in one.text for one in section(9).advice(draft))
        version = newer(world, kept)
        assert section(9).document(draft)["team_answers"][0]["version"] == 1
        assert any("newer version" in one.text for one in section(9).advice(draft))
        use(version=version)
        said = section(9).document(draft)
        assert said["escalation"].replace("\r\n", "\n") == NEWER
        assert [one["version"] for one in said["team_answers"]] == [2]
        assert not any("newer version" in one.text for one in section(9).advice(draft))

    def test_what_was_signed_stays_when_the_answer_changes(self, world, draft, kept, use):
        use()
        revision = world.submit(draft)
        before = bytes(revision.document)
        newer(world, kept)
        packet = world.fresh(draft)
        assert bytes(packet.current.document) == before
        assert revision.content["sections"]["9"]["team_answers"][0]["version"] == 1
        with pytest.raises(Conflict):
            use(version=kept.newest)

    def test_the_next_packet_starts_with_the_reference(self, world, draft, use):
        use()
        world.submit(draft)
        world.sign_all(draft)
        following = actions.start_packet(agent=draft.agent, version="2.0.0", by=world.member)
        assert section(9).document(following)["team_answers"] == section(9).document(draft)["team_answers"]

    def test_another_teams_answer_is_refused(self, world, use):
        other = answers.write_answer(team=world.other_team, name="Theirs", text="x", by=world.outsider)
        with pytest.raises(Invalid, match="another team"):
            use(version=other.newest)

    @pytest.mark.parametrize("place", ["sheet.colour", "never[0].text", "sheet", "", "threat[0].applies"])
    def test_a_place_that_is_not_there_is_refused(self, use, place):
        with pytest.raises(Invalid):
            use(places=[place])

    def test_no_place_is_refused(self, use):
        with pytest.raises(Invalid, match="Choose the field"):
            use(places=[])

    def test_several_lines_do_not_fit_a_line(self, use):
        with pytest.raises(Invalid, match="one line"):
            use(places=["sheet.support_path"])

    def test_what_is_too_long_for_the_field_is_refused(self, world, draft, use):
        long = answers.write_answer(team=world.team, name="Long", text="x" * 3000, by=world.member)
        with pytest.raises(Invalid):
            use(version=long.newest)
        assert not AnswerUse.objects.filter(packet=draft).exists()

    def test_who_may_not_edit_the_packet_uses_nothing(self, world, use):
        with pytest.raises(Denied):
            use(by=world.outsider)

    def test_who_used_it_has_worked_on_the_revision(self, world, draft, use):
        accounts.join_team(person=world.security_two, team=world.team, by=world.admin)
        use(by=world.security_two)
        assert draft.contributions.filter(person=world.security_two).exists()

    def test_so_has_who_wrote_the_version(self, world, draft, kept, use):
        accounts.join_team(person=world.security_two, team=world.team, by=world.admin)
        version = answers.change_answer(answer=kept, text=NEWER, seen=1, by=world.security_two)
        use(version=version)
        assert draft.contributions.filter(person=world.security_two).exists()


class TestPages:
    def test_an_answer_is_written_changed_and_used_by_clicks(self, world, draft, client):
        client.force_login(world.member)
        assert b"No answer is kept yet" in client.get(reverse("answer_list")).content
        posted = {"team": world.team.pk, "name": "Escalation", "text": TEXT}
        response = client.post(reverse("answer_new"), posted)
        answer = TeamAnswer.objects.get()
        assert response.url == reverse("answer_detail", args=[answer.pk])
        page = client.get(reverse("packet_section", args=[draft.pk, 9])).content.decode()
        assert "Escalation, version 1" in page and 'value="sheet.escalation"' in page
        address = reverse("answer_use", args=[draft.pk, 9])
        assert client.post(address, {"version": answer.newest.pk, "place": "sheet.escalation"}).status_code == 302
        client.post(reverse("answer_detail", args=[answer.pk]), {"text": NEWER, "seen": 1})
        page = client.get(reverse("packet_section", args=[draft.pk, 9])).content.decode()
        assert "A newer version exists: version 2" in page
        listed = client.get(reverse("packet_detail", args=[draft.pk])).content.decode()
        assert f"{reverse('packet_section', args=[draft.pk, 9])}#team-answers" in listed
        client.post(address, {"version": answer.newest.pk, "place": "sheet.escalation"})
        page = client.get(reverse("packet_section", args=[draft.pk, 9])).content.decode()
        assert "A newer version exists" not in page and "page the on-call." in page
        listed = client.get(reverse("answer_list")).content.decode()
        assert "Escalation" in listed and reverse("answer_detail", args=[answer.pk]) in listed

    def test_saving_the_page_again_keeps_the_reference_and_changes_nothing(self, world, draft, use, client):
        use()
        client.force_login(world.member)
        state = draft.section_states.get(number=9)
        form = section(9).forms(draft).sheet
        posted = {f"sheet-{name}": form.initial.get(name) or "" for name in form.fields}
        client.post(reverse("packet_section", args=[draft.pk, 9]), {**posted, "seen": state.version})
        assert draft.section_states.get(number=9).version == state.version
        assert AnswerUse.objects.filter(packet=draft).exists()

    def test_it_is_renamed_withdrawn_and_taken_back_by_clicks(self, world, draft, kept, use, client):
        use()
        client.force_login(world.member)
        address = reverse("answer_detail", args=[kept.pk])
        client.post(reverse("answer_rename", args=[kept.pk]), {"name": "On call", "seen": "Escalation"})
        assert "<h1>On call</h1>" in client.get(address).content.decode()
        client.post(reverse("answer_withdraw", args=[kept.pk]), {"reason": "The desk has moved", "seen": 1})
        page = client.get(address).content.decode()
        assert "The desk has moved" in page and "Take it back into use" in page and "Change it" not in page
        assert "Withdrawn" in client.get(reverse("answer_list")).content.decode()
        there = reverse("packet_section", args=[draft.pk, 9])
        page = client.get(there).content.decode()
        assert "The team has withdrawn it: The desk has moved" in page and 'name="version"' not in page
        listed = client.get(reverse("packet_detail", args=[draft.pk])).content.decode()
        assert f'{there}#team-answers">On call: the team has withdrawn this answer' in listed
        client.post(reverse("answer_take_back", args=[kept.pk]))
        page = client.get(there).content.decode()
        assert "has withdrawn" not in page and "On call, version 1" in page

    def test_what_was_typed_is_given_back_when_it_was_withdrawn_meanwhile(self, world, kept, client):
        withdraw(world, kept)
        client.force_login(world.author)
        response = client.post(reverse("answer_detail", args=[kept.pk]), {"text": "My own words", "seen": 1})
        assert response.status_code == 409 and b"My own words" in response.content

    @pytest.mark.parametrize("seen", ["", "x", "7"])
    def test_a_page_that_is_not_the_newest_withdraws_nothing(self, world, kept, client, seen):
        client.force_login(world.member)
        client.post(reverse("answer_withdraw", args=[kept.pk]), {"reason": "Wrong", "seen": seen})
        assert TeamAnswer.objects.in_use().filter(pk=kept.pk).exists()

    def test_who_only_sees_is_shown_no_button(self, world, kept, client):
        withdraw(world, kept)
        client.force_login(world.auditor)
        page = client.get(reverse("answer_detail", args=[kept.pk])).content.decode()
        assert "The desk has moved" in page and "Take it back into use" not in page

    def test_a_version_that_is_no_number_is_not_found(self, world, draft, client):
        client.force_login(world.member)
        address = reverse("answer_use", args=[draft.pk, 9])
        assert client.post(address, {"version": "x", "place": "sheet.escalation"}).status_code == 404

    def test_why_an_answer_cannot_go_there_is_said_beside_the_choice(self, world, draft, kept, client):
        client.force_login(world.member)
        address = reverse("answer_use", args=[draft.pk, 9])
        answer = client.post(address, {"version": kept.newest.pk, "place": "sheet.colour"})
        page = answer.content.decode()
        assert answer.status_code == 422 and '<details class="entry" id="use-an-answer" open>' in page
        assert "The section has no text field sheet.colour now." in page

    def test_the_second_writer_keeps_what_was_typed(self, world, kept, client):
        newer(world, kept)
        client.force_login(world.author)
        response = client.post(reverse("answer_detail", args=[kept.pk]), {"text": "My own words", "seen": 1})
        assert response.status_code == 409 and b"My own words" in response.content

    def test_the_list_makes_a_fixed_number_of_queries(self, world, kept, client, django_assert_max_num_queries):
        client.force_login(world.member)
        with django_assert_max_num_queries(100) as first:
            client.get(reverse("answer_list"))
        for i in range(4):
            answers.write_answer(team=world.team, name=f"Answer {i}", text="x", by=world.member)
        with django_assert_max_num_queries(len(first)):
            client.get(reverse("answer_list"))

    @pytest.mark.parametrize("posted", ["9" * 30, "9" * 5000, "²", "-1", ""])
    def test_a_number_that_no_version_has_names_none(self, world, draft, kept, client, posted):
        client.force_login(world.member, backend="django.contrib.auth.backends.ModelBackend")
        withdrawn = client.post(reverse("answer_withdraw", args=[kept.pk]), {"seen": posted, "reason": "It moved."})
        used = client.post(reverse("answer_use", args=[draft.pk, 9]), {"version": posted, "place": "sheet.escalation"})
        assert (withdrawn.status_code, used.status_code) == (409, 404)

    @pytest.mark.parametrize(
        ("name", "values"), [("answer_rename", {"seen": "Escalation"}), ("answer_withdraw", {"seen": 1})]
    )
    def test_what_takes_seconds_to_normalise_is_measured_first(self, world, kept, client, name, values):
        client.force_login(world.member, backend="django.contrib.auth.backends.ModelBackend")
        words, started = "a" + "\u0301\u0316" * 30_000, time.perf_counter()
        answer = client.post(reverse(name, args=[kept.pk]), {**values, "name": words, "reason": words})
        assert answer.status_code == 422 and time.perf_counter() - started < 2


class TestApi:
    def test_it_is_kept_read_changed_and_used(self, world, draft):
        call = Caller(world.member)
        made = call("POST", reverse("api_answers"), {"team": "lending", "name": "Escalation", "text": TEXT})
        assert made.status_code == 201 and made.json()["versions"][0]["text"] == TEXT
        [line] = call("GET", reverse("api_answers")).json()["answers"]
        assert line["slug"] == "escalation"
        address = reverse("api_answer", args=[line["id"]])
        tag = call("GET", address)["ETag"]
        assert call("PUT", address, {"text": NEWER}).status_code == 428
        changed = call("PUT", address, {"text": NEWER}, If_Match=tag)
        assert [one["number"] for one in changed.json()["versions"]] == [2, 1]
        assert call("PUT", address, {"text": "x"}, If_Match=tag).status_code == 412
        read = call("GET", reverse("api_packet_section", args=[draft.pk, 9]))
        using = {"answer": line["id"], "version": 1, "into": ["sheet.escalation"]}
        used = call("POST", reverse("api_answer_use", args=[draft.pk, 9]), using, If_Match=read["ETag"])
        assert used.status_code == 200 and "Page the on-call" in json.dumps(used.json()["content"])
        assert used["ETag"] != read["ETag"]
        assert section(9).document(draft)["team_answers"][0]["version"] == 1

    def test_it_is_renamed_withdrawn_and_taken_back(self, world, kept):
        call, address = Caller(world.member), reverse("api_answer", args=[kept.pk])
        read = call("GET", address)
        assert call("PATCH", address, {"name": "On call"}).status_code == 428
        renamed = call("PATCH", address, {"name": "On call"}, If_Match=read["ETag"])
        assert (renamed.json()["name"], renamed.json()["slug"]) == ("On call", "escalation")
        assert call("PATCH", address, {"name": "Paging"}, If_Match=read["ETag"]).status_code == 412
        assert call("GET", address, If_None_Match=read["ETag"]).status_code == 200
        gone, back = (reverse(f"api_answer_{one}", args=[kept.pk]) for one in ("withdraw", "take_back"))
        assert call("POST", gone, {"reason": "Moved"}).status_code == 428
        assert call("POST", gone, {"reason": "Moved"}, If_Match=read["ETag"]).status_code == 412
        assert call("POST", gone, {}, If_Match=renamed["ETag"]).status_code == 422
        ended = call("POST", gone, {"reason": "Moved"}, If_Match=renamed["ETag"])
        assert ended.json()["withdrawn_because"] == "Moved" and ended.json()["withdrawn_by"] == world.member.name
        assert call("GET", reverse("api_answers")).json()["answers"][0]["withdrawn_at"]
        assert call("PUT", address, {"text": NEWER}, If_Match=ended["ETag"]).status_code == 409
        taken = call("POST", back, {}, If_Match=ended["ETag"])
        assert taken.json() == renamed.json() and taken["ETag"] == renamed["ETag"] == call("GET", address)["ETag"]

    @pytest.mark.parametrize(
        ("body", "status"),
        [({"version": 7, "into": ["sheet.escalation"]}, 422), ({"into": ["sheet.x"]}, 422), ({"into": []}, 422)],
    )
    def test_what_is_not_there_is_refused(self, world, draft, kept, body, status):
        call = Caller(world.member)
        tag = call("GET", reverse("api_packet_section", args=[draft.pk, 9]))["ETag"]
        address = reverse("api_answer_use", args=[draft.pk, 9])
        assert call("POST", address, {"answer": str(kept.pk), **body}, If_Match=tag).status_code == status

    def test_nobody_elses_answer_is_there(self, world, kept):
        call = Caller(world.outsider)
        assert call("GET", reverse("api_answer", args=[kept.pk])).status_code == 404
        assert call("GET", reverse("api_answers")).json()["answers"] == []
