"""Owner and deputy accept section 9, each for themselves; and the owner looks back after the launch."""

import datetime as dt

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from accounts.tokens import make_token
from approvals.actions import evaluate, submit_packet
from ledger.canonical import dumps, sha256
from portal.todos import todos
from registry.actions import change_agent, start_packet, write_section
from registry.answering import accept, review_launch, waiting_for, withdraw_acceptance
from registry.attachments import attach
from registry.comparing import compared, said
from registry.contents import content_of
from registry.models import Acceptance, Agent
from registry.sections import section
from registry.sections.s09_owner import STATEMENTS
from registry.sections.s10_rollout import RolloutPlan
from releases.actions import suspend
from work import clock
from work.acts import Conflict, Denied, Invalid

NINE = section(9)


def digest(packet):
    return sha256(dumps(NINE.content(packet)))


def sentences(packet):
    return [problem.text for problem in NINE.problems(packet)]


def ask(packet, by, duty="owner"):
    return accept(packet=packet, duty=duty, digest=digest(packet), by=by)


@pytest.fixture
def unaccepted(world, draft):
    """The draft, with both acceptances withdrawn."""
    for row in draft.acceptances.open():
        withdraw_acceptance(acceptance=row, by=row.person)
    return world.fresh(draft)


class TestAccepting:
    def test_a_packet_without_both_is_not_submitted(self, world, unaccepted):
        assert sentences(unaccepted) == [
            "Ana Ruiz, the owner, has not accepted yet. It takes their click on this section's page.",
            "Dirk de Boer, the deputy, has not accepted yet. It takes their click on this section's page.",
        ]
        with pytest.raises(Invalid, match="Ana Ruiz, the owner, has not accepted"):
            submit_packet(packet=unaccepted, by=world.author)
        ask(unaccepted, world.owner)
        with pytest.raises(Invalid, match="Dirk de Boer, the deputy, has not accepted"):
            submit_packet(packet=unaccepted, by=world.author)
        ask(unaccepted, world.deputy, "deputy")
        assert submit_packet(packet=unaccepted, by=world.author)

    def test_what_is_missing_links_to_where_one_accepts(self, unaccepted):
        assert {problem.url for problem in NINE.problems(unaccepted)} == {
            reverse("packet_section", args=[unaccepted.pk, 9]) + "#acceptances"
        }

    def test_a_minimal_risk_needs_no_deputys_word(self, world, unaccepted):
        change_agent(agent=unaccepted.agent, risk_class="minimal", by=world.member)
        packet = world.fresh(unaccepted)
        assert [text.partition(",")[0] for text in sentences(packet)] == ["Ana Ruiz"]
        ask(packet, world.owner)
        assert sentences(packet) == []

    @pytest.mark.parametrize("who", ["deputy", "member", "author", "admin", "auditor", "outsider"])
    def test_nobody_accepts_for_the_owner(self, world, unaccepted, who):
        with pytest.raises(Denied, match="Only Ana Ruiz, the owner"):
            ask(unaccepted, world.person(who))
        assert not Acceptance.objects.open().filter(packet=unaccepted).exists()

    def test_not_by_token(self, world, unaccepted):
        owner = world.owner
        owner.token = make_token(person=owner, name="CI", scopes=["packets:write"], days=30, by=world.owner).token
        with pytest.raises(Denied, match="An API token never"):
            ask(unaccepted, owner)

    def test_other_words_than_were_shown_are_a_conflict(self, world, unaccepted):
        seen = digest(unaccepted)
        world.change(unaccepted, 9, runbook="https://elsewhere.example")
        with pytest.raises(Conflict, match="changed after you opened it"):
            accept(packet=unaccepted, duty="owner", digest=seen, by=world.owner)

    def test_an_unfinished_section_cannot_be_accepted(self, world):
        packet = start_packet(agent=world.agent, version="7.0.0", by=world.author)
        assert "Say how the agent is supported." in sentences(packet)
        assert not [text for text in sentences(packet) if "accepted" in text], "first what they would accept"
        with pytest.raises(Invalid, match="Say how the agent is supported"):
            ask(packet, world.owner)

    def test_what_was_submitted_is_neither_accepted_nor_withdrawn(self, world, submitted):
        with pytest.raises(Conflict, match="stays as it was submitted"):
            withdraw_acceptance(acceptance=submitted.acceptances.open().first(), by=world.owner)
        with pytest.raises(Conflict, match="stays as it was submitted"):
            ask(submitted, world.owner)

    def test_each_act_is_in_the_ledger_with_what_was_accepted(self, world, unaccepted):
        row = ask(unaccepted, world.owner)
        [*_, entry] = world.entries(unaccepted, "packet.duty_accepted")
        assert entry["data"]["digest"] == row.digest == digest(unaccepted)
        assert entry["data"]["statement_sha256"] == sha256(STATEMENTS["owner"].encode())
        withdraw_acceptance(acceptance=row, by=world.owner)
        [*_, entry] = world.entries(unaccepted, "packet.duty_withdrawn")
        assert entry["data"]["acceptance"] == str(row.pk)

    def test_accepting_is_not_working_on_the_packet(self, world, unaccepted):
        before = set(unaccepted.contributions.values_list("person", flat=True))
        ask(unaccepted, world.owner)
        assert set(unaccepted.contributions.values_list("person", flat=True)) == before

    def test_only_who_accepted_withdraws(self, world, draft):
        row = draft.acceptances.open().get(duty="owner")
        for who in ("deputy", "admin", "author"):
            with pytest.raises(Denied, match="Only Ana Ruiz"):
                withdraw_acceptance(acceptance=row, by=world.person(who))
        withdraw_acceptance(acceptance=row, by=world.owner)
        with pytest.raises(Conflict, match="withdrawn or given anew"):
            withdraw_acceptance(acceptance=row, by=world.owner)

    def test_accepting_the_same_again_changes_nothing(self, world, draft):
        row = draft.acceptances.open().get(duty="owner")
        assert ask(draft, world.owner) == row
        assert Acceptance.objects.filter(packet=draft, duty="owner").count() == 1


class TestWhatItIsBoundTo:
    def test_other_words_ask_both_again_and_say_what_changed(self, world, draft):
        world.change(draft, 9, support_hours="09:00 to 17:00 CET")
        assert [text.partition(" accepted it")[0] for text in sentences(draft)] == [
            "This section changed after Ana Ruiz, the owner,",
            "This section changed after Dirk de Boer, the deputy,",
        ]
        owner, _ = NINE.figures(draft)["asked"]
        assert [(one.where, one.old, one.new) for one in owner.changes] == [
            ("support hours", "08:00 to 18:00 CET", "09:00 to 17:00 CET")
        ]
        world.change(draft, 9)
        assert sentences(draft) == [], "it says again what they accepted"

    def test_another_section_asks_nobody(self, world, draft):
        world.change(draft, 10, kill_seconds=60)
        assert sentences(draft) == []

    def test_a_file_of_the_section_is_part_of_what_is_accepted(self, world, draft):
        attach(packet=draft, number=9, name="roster.txt", body=b"Ana, then Dirk", by=world.author)
        assert len(sentences(draft)) == 2

    def test_another_deputy_has_not_accepted(self, world, draft):
        change_agent(agent=draft.agent, deputy=world.member, by=world.owner)
        packet = world.fresh(draft)
        assert sentences(packet) == [
            "This section changed after Ana Ruiz, the owner, accepted it. Ask them to read what changed and accept it again.",
            "Mina Okafor, the deputy, has not accepted yet. It takes their click on this section's page.",
        ]
        world.accept(packet)
        assert sentences(packet) == []
        assert packet.acceptances.open().count() == 2, "the earlier deputy's ended with the new one's"

    def test_once_it_is_submitted_another_deputy_is_asked_nothing(self, world, promotable):
        change_agent(agent=promotable.agent, deputy=world.member, by=world.owner)
        packet = world.fresh(promotable)
        [complete] = [one for one in evaluate(packet=packet, by=None).rules if one["id"] == "packet_complete"]
        assert sentences(packet) == [] and complete["outcome"] == "pass"

    def test_another_reason_why_something_does_not_apply_asks_both_again(self, world, draft):
        Agent.objects.filter(pk=draft.agent_id).update(risk_class="limited", autonomy=1)
        content = {
            **content_of(NINE, world.fresh(draft)),
            "not_applicable": {"owner.runbook": "It is one page of advice."},
        }
        content["sheet"]["runbook"] = ""
        write_section(packet=draft, number=9, content=content, by=world.author)
        world.accept(draft)
        packet = world.fresh(draft)
        assert sentences(packet) == []
        part = NINE.document(packet)
        assert {one["digest"] for one in part.pop("acceptances")} == {sha256(dumps(part))}
        content["not_applicable"] = {"owner.runbook": "Nobody has found the time to write it."}
        write_section(packet=packet, number=9, content=content, by=world.author)
        assert len(sentences(world.fresh(draft))) == 2
        assert [one.duty for _, one in waiting_for(world.owner, 9)] == ["owner"]

    def test_it_stands_in_the_document_and_not_in_what_it_is_bound_to(self, world, draft):
        before = digest(draft)
        rows = NINE.document(draft)["acceptances"]
        assert [(one["duty"], one["person"]["name"], one["digest"]) for one in rows] == [
            ("owner", "Ana Ruiz", before), ("deputy", "Dirk de Boer", before),
        ]  # fmt: skip
        withdraw_acceptance(acceptance=draft.acceptances.open().get(duty="deputy"), by=world.deputy)
        assert digest(draft) == before
        assert [one["duty"] for one in NINE.document(draft)["acceptances"]] == ["owner"]

    def test_a_reader_of_the_frozen_document_can_work_the_digest_out(self, submitted):
        part = submitted.current.content["sections"]["9"]
        given = part.pop("acceptances")
        assert {one["digest"] for one in given} == {sha256(dumps(part))}
        assert all(one["accepted_at"] and one["statement"] for one in given)

    def test_who_accepted_when_is_no_difference_between_packets(self, world, promotable):
        copy = start_packet(agent=promotable.agent, version="2.0.0", by=world.member)
        assert compared(said(promotable), said(copy))[0].number == 0
        assert [part.number for part in compared(said(promotable), said(copy)) if part.number] == []

    @pytest.mark.parametrize(
        "change",
        [{"statement": "Nothing"}, {"digest": "0" * 64}, {"content": b"{}"}, {"duty": "owner"}, {"ended_at": None}],
    )
    def test_the_database_keeps_it_as_it_was(self, world, draft, change):
        row = draft.acceptances.get(duty="deputy")
        with pytest.raises(DatabaseError), transaction.atomic():
            Acceptance.objects.filter(pk=row.pk).update(**change)
        with pytest.raises(DatabaseError), transaction.atomic():
            row.delete()

    def test_the_database_takes_no_second_one_and_no_other_digest(self, world, draft):
        row = draft.acceptances.get(duty="deputy")
        for change in ({}, {"duty": "owner", "digest": "0" * 64}, {"duty": "third"}):
            again = Acceptance(
                packet=draft, person=world.deputy, statement="x", content=bytes(row.content),
                **{"digest": row.digest, "duty": row.duty, **change},
            )  # fmt: skip
            with pytest.raises(DatabaseError), transaction.atomic():
                again.save(force_insert=True)


class TestToDo:
    def test_who_is_asked_finds_it_on_the_home_page_until_they_accepted(self, world, unaccepted):
        def theirs(person):
            return [todo.why for todo in todos(person) if todo.when == "To accept"]

        [why] = theirs(world.owner)
        assert why.startswith("You are named as its owner")
        [why] = theirs(world.deputy)
        assert why.startswith("You are named as its deputy")
        assert theirs(world.member) == []
        ask(unaccepted, world.owner)
        assert theirs(world.owner) == []
        world.change(unaccepted, 9, runbook="https://elsewhere.example")
        [why] = theirs(world.owner)
        assert "changed after you accepted it" in why

    def test_it_asks_what_the_section_asks(self, world, unaccepted):
        """Worked out in bulk for the home page; it must come to the same digest as the section itself."""
        attach(packet=unaccepted, number=9, name="roster.txt", body=b"Ana, then Dirk", by=world.author)
        [(packet, one)] = waiting_for(world.owner, 30)
        assert (packet.pk, one.digest) == (unaccepted.pk, digest(unaccepted))

    def test_an_unfinished_section_asks_nobody(self, world):
        start_packet(agent=world.agent, version="7.0.0", by=world.author)
        assert waiting_for(world.owner, 30) == []


class TestThePage:
    def look(self, client, person, packet):
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return client.get(reverse("packet_section", args=[packet.pk, 9])).content.decode()

    def test_it_shows_what_is_accepted_to_who_is_asked_alone(self, client, world, unaccepted):
        seen = self.look(client, world.owner, unaccepted)
        assert STATEMENTS["owner"] in seen and "I accept as owner" in seen and "I accept as deputy" not in seen
        seen = self.look(client, world.member, unaccepted)
        assert "has not accepted yet" in seen and "I accept as" not in seen

    def test_a_click_accepts_and_another_withdraws(self, client, world, unaccepted):
        self.look(client, world.owner, unaccepted)
        client.post(reverse("packet_accept", args=[unaccepted.pk]), {"duty": "owner", "seen": digest(unaccepted)})
        row = unaccepted.acceptances.open().get()
        assert row.person_id == world.owner.pk
        assert "Withdraw my acceptance" in self.look(client, world.owner, unaccepted)
        client.post(reverse("acceptance_withdraw", args=[row.pk]))
        assert not unaccepted.acceptances.open().exists()

    def test_saving_as_one_types_shows_at_once_that_it_is_stale(self, client, world, draft):
        self.look(client, world.author, draft)
        form = NINE.forms(draft).sheet
        data = {f"sheet-{name}": form.initial[name] for name in form.fields} | {"sheet-runbook": "https://else.example"}
        data["seen"] = draft.section_states.get(number=9).version
        page = client.post(
            reverse("packet_section", args=[draft.pk, 9]), data, headers={"HX-Request": "true"}
        ).content.decode()
        assert "This section changed after Ana Ruiz" in page and 'id="acceptances"' in page


class TestAfterTheLaunch:
    @pytest.fixture
    def live(self, world):
        release = world.live(world.register("Launched assistant"))
        RolloutPlan.objects.filter(packet=release.packet).update(review_on=clock.now().date())
        return release

    def due(self, person):
        return [todo for todo in todos(person) if todo.when == "Launch review"]

    def test_its_day_reminds_owner_and_deputy_until_one_has_looked(self, world, live):
        assert [len(self.due(world.person(who))) for who in ("owner", "deputy", "member")] == [1, 1, 0]
        review_launch(packet=live.packet, found="Complaints at 0.2%, below what was promised.", by=world.deputy)
        assert self.due(world.owner) == []
        [entry] = world.entries(live.packet, "packet.launch_reviewed")
        assert entry["data"]["found_sha256"] == sha256(b"Complaints at 0.2%, below what was promised.")
        with pytest.raises(Conflict, match="Nothing waits"):
            review_launch(packet=live.packet, found="Again", by=world.owner)

    def test_before_its_day_nobody_is_reminded(self, world, live):
        RolloutPlan.objects.filter(packet=live.packet).update(review_on=clock.now().date() + dt.timedelta(days=1))
        assert self.due(world.owner) == []
        with pytest.raises(Conflict, match="its day has not come"):
            review_launch(packet=live.packet, found="Fine", by=world.owner)

    def test_what_never_went_live_has_no_launch(self, world, promotable):
        RolloutPlan.objects.filter(packet=promotable).update(review_on=clock.now().date())
        assert self.due(world.owner) == []

    def test_a_suspended_agent_is_looked_at_all_the_same(self, world, live):
        suspend(agent=live.agent, reason="Wrong answers", by=world.owner)
        assert len(self.due(world.owner)) == 1

    @pytest.mark.parametrize("who", ["member", "admin", "auditor"])
    def test_nobody_else_reviews_it(self, world, live, who):
        with pytest.raises(Denied, match="Only the owner and the deputy"):
            review_launch(packet=live.packet, found="Fine", by=world.person(who))

    def test_empty_words_are_no_review(self, world, live):
        with pytest.raises(Invalid, match="Say what you found"):
            review_launch(packet=live.packet, found="  ", by=world.owner)

    def test_the_packets_page_asks_and_then_shows_it(self, client, world, live):
        client.force_login(world.owner, backend="django.contrib.auth.backends.ModelBackend")
        address = reverse("packet_detail", args=[live.packet_id])
        assert "Keep the review" in client.get(address).content.decode()
        client.post(reverse("launch_review", args=[live.packet_id]), {"found": "All <b>well</b>"})
        seen = client.get(address).content.decode()
        assert "All &lt;b&gt;well" in seen and "Keep the review" not in seen
