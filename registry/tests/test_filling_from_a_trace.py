"""Section 5 from a trace: what is empty is filled, what somebody wrote is proposed, and the trace itself is not kept."""

import datetime as dt
import hashlib
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.tokens import add_service_account
from ledger.canonical import dumps, sha256
from registry import actions, tracing
from registry.contents import content_of
from registry.imports.otlp import read_trace
from registry.imports.reading import Unreadable
from registry.imports.trail import read_trail
from registry.imports.usage import usage_of
from registry.models import Proposal
from registry.proposals import accept, dismiss
from registry.sections import section
from registry.sections.s03_versions import PromptPin
from registry.sections.s05_trail import ELEMENTS, RunTrace, RunTrailSheet
from registry.tests.traces import ASKED, export, run, span, text
from registry.tracing import fill_from_trace
from work import clock
from work.acts import Conflict, Denied, Invalid

DATA = export(*run())


@pytest.fixture
def packet(world):
    """A packet whose trail is empty, and which pins the prompt of the trace."""
    packet = actions.start_packet(agent=world.agent, version="5.0.0", by=world.author)
    actions.write_section(packet=packet, number=3, content=world.sections()[3], by=world.author)
    return packet


def sheet(packet):
    return RunTrailSheet.objects.get(packet=packet)


def said(packet):
    return section(5).document(packet)


def test_an_empty_trail_is_filled_and_says_where_from(world, packet):
    made = fill_from_trace(packet=packet, data=DATA, by=world.member)
    assert made.filled == ["trace_id", "run_at", *ELEMENTS] and made.proposed == []
    assert not section(5).problems(packet)
    document = said(packet)
    assert document["run_at"] == "2025-11-20T09:04:33.000000Z"
    assert document["elements"]["prompt_version"].startswith("system 14, with the very text that section 3 pins")
    trace = document["trace"]
    assert trace["sha256"] == hashlib.sha256(DATA).hexdigest()
    assert (trace["covers_from"], trace["covers_to"]) == ("2025-11-20T09:04:33.123456Z", "2025-11-20T09:04:42.123456Z")
    assert trace["received"] > "2026" and trace["redacted"] == {
        "card number": 1,
        "e-mail address": 1,
        "phone number": 1,
    }
    assert trace["elements"]["output"] == {"spans": [f"chat claude-sonnet-4 ({5:016x})"], "in_its_words": True}


def test_nothing_of_the_raw_trace_is_kept(world, packet):
    fill_from_trace(packet=packet, data=DATA, by=world.member)
    kept = json.dumps([said(packet), *world.entries(packet)], default=str) + repr(RunTrace.objects.values().get())
    for secret in ("ana.ruiz@example.org", "1234567", "4111 1111"):
        assert secret in DATA.decode() and secret not in kept


def test_what_is_missing_is_said(world, packet):
    fill_from_trace(packet=packet, data=export(span("chat", 1, {"gen_ai.request.model": "m"})), by=world.member)
    elements = said(packet)["trace"]["elements"]
    assert elements["output"] == {"unknown": "not in the trace"} and "spans" in elements["model_version"]
    assert "Output is missing from the trail." in [one.text for one in section(5).problems(packet)]


def test_what_somebody_wrote_stays_and_is_proposed_with_its_source(world, packet):
    mine = {"sheet": {"output": "It quoted the tariff.", "eval_checks": "groundedness: pass, 0.9"}}
    actions.write_section(packet=packet, number=5, content=mine, by=world.author)
    made = fill_from_trace(packet=packet, data=DATA, by=world.member)
    assert sheet(packet).output == "It quoted the tariff." and made.proposed == ["output"]
    assert "output" not in made.filled and "instructions" in made.filled
    one = Proposal.objects.told().get(section=5)
    assert (one.now, one.value) == ("It quoted the tariff.", "Loan 7 costs 2.9%, tariff of 1 November.")
    assert (one.label, one.source_kind, one.proposed_by) == ("Section 5: Output", "trace", world.member)
    assert one.source_sha256 == hashlib.sha256(DATA).hexdigest()
    elements = said(packet)["trace"]["elements"]
    assert elements["output"]["in_its_words"] is False and elements["eval_checks"]["in_its_words"] is True
    accept(proposal=one, by=world.owner, seen=one.mark)
    assert sheet(packet).output == one.value and said(packet)["trace"]["elements"]["output"]["in_its_words"] is True


def test_each_act_is_in_the_ledger_and_counts_as_work_on_the_packet(world, packet):
    fill_from_trace(packet=packet, data=DATA, by=world.member)
    kinds = [entry["kind"] for entry in world.entries(packet)]
    assert kinds[-6:] == [
        "packet.section_saved", "packet.filled", *["proposal.made"] * 3, "packet.trace_read",
    ]  # fmt: skip
    last = world.entries(packet, "packet.trace_read")[0]["data"]
    assert last["sha256"] == hashlib.sha256(DATA).hexdigest() and (last["spans"], last["redacted"]) == (6, 3)
    assert packet.contributions.filter(person=world.member).exists()
    saved = world.entries(packet, "packet.section_saved")[-1]["data"]["digest"]
    assert saved == sha256(dumps(said(packet)))


def test_the_same_trace_again_changes_nothing(world, packet):
    fill_from_trace(packet=packet, data=DATA, by=world.member)
    before, entries = said(packet), world.entries(packet)
    with clock.at(clock.now() + dt.timedelta(days=3)):
        made = fill_from_trace(packet=packet, data=DATA, by=world.owner)
    assert (made.filled, made.proposed) == ([], [])
    assert said(packet) == before and world.entries(packet) == entries


def test_a_newer_trace_replaces_the_words_of_the_older_and_of_no_person(world, packet):
    fill_from_trace(packet=packet, data=DATA, by=world.member)
    content = {"sheet": {**_content(packet), "instructions": "Those of the tariff desk."}}
    actions.write_section(packet=packet, number=5, content=content, by=world.author)
    other = {
        "gen_ai.request.model": "m",
        "gen_ai.system_instructions": "New ones",
        "gen_ai.output.messages": "New answer",
    }
    made = fill_from_trace(packet=packet, data=export(span("chat", 9, other)), by=world.member)
    assert sheet(packet).output == "New answer" and sheet(packet).instructions == "Those of the tariff desk."
    assert made.proposed == ["instructions"] and "output" in made.filled


def _content(packet):
    return content_of(section(5), packet)["sheet"]


def test_a_trace_that_changes_no_word_still_changes_the_digest(world, packet):
    fill_from_trace(packet=packet, data=DATA, by=world.member)
    version = packet.section_states.get(number=5).version
    again = json.dumps(json.loads(DATA), indent=1).encode()
    made = fill_from_trace(packet=packet, data=again, by=world.owner)
    assert made.filled == [] and packet.section_states.get(number=5).version == version + 1
    assert said(packet)["trace"]["sha256"] == hashlib.sha256(again).hexdigest()


def test_a_dismissed_word_is_not_proposed_again_until_a_trace_says_another(world, packet):
    actions.write_section(packet=packet, number=5, content={"sheet": {"output": "Mine"}}, by=world.author)
    fill_from_trace(packet=packet, data=DATA, by=world.member)
    dismiss(proposal=Proposal.objects.told().get(section=5), reason="Shorter is better.", by=world.owner)
    again = json.dumps(json.loads(DATA), indent=1).encode()
    assert fill_from_trace(packet=packet, data=again, by=world.member).proposed == []


def test_a_person_who_writes_what_is_proposed_settles_it(world, packet):
    actions.write_section(packet=packet, number=5, content={"sheet": {"output": "Mine"}}, by=world.author)
    fill_from_trace(packet=packet, data=DATA, by=world.member)
    one = Proposal.objects.told().get(section=5)
    content = {"sheet": {**_content(packet), "output": one.value}}
    actions.write_section(packet=packet, number=5, content=content, by=world.author)
    assert Proposal.objects.get(section=5).state == "superseded"


def test_a_field_that_changed_since_the_page_was_shown_is_no_longer_accepted(world, packet):
    actions.write_section(packet=packet, number=5, content={"sheet": {"output": "Mine"}}, by=world.author)
    fill_from_trace(packet=packet, data=DATA, by=world.member)
    seen = Proposal.objects.told().get(section=5).mark
    content = {"sheet": {**_content(packet), "output": "Mine, again"}}
    actions.write_section(packet=packet, number=5, content=content, by=world.author)
    with pytest.raises(Conflict, match="changed after you opened"):
        accept(proposal=Proposal.objects.told().get(section=5), by=world.owner, seen=seen)
    one = Proposal.objects.told().get(section=5)
    assert one.now == "Mine, again"
    accept(proposal=one, by=world.owner, seen=one.mark)
    assert sheet(packet).output == one.value


def test_evidence_of_the_future_is_refused(world, packet):
    with pytest.raises(Invalid, match="ends in the future"):
        fill_from_trace(packet=packet, data=export(span("chat", 1, at=10**9)), by=world.member)
    assert not RunTrace.objects.exists()


def test_what_cannot_be_read_changes_nothing(world, packet):
    with pytest.raises(Unreadable):
        fill_from_trace(packet=packet, data=b"{}", by=world.member)
    assert not RunTrace.objects.exists() and "trace" not in said(packet)


def test_the_trace_is_read_before_the_packet_is_locked(world, packet, monkeypatch):
    def locks():
        return [one["sql"] for one in asked.captured_queries if "FOR UPDATE" in one["sql"]]

    def reading(*given):
        before.extend(locks())
        return read_trail(*given)

    before, asked = [], CaptureQueriesContext(connection)
    monkeypatch.setattr(tracing, "read_trail", reading)
    with asked:
        assert fill_from_trace(packet=packet, data=DATA, by=world.member).filled
    assert not before and locks()


def test_prompts_that_change_while_it_is_read_are_said(world, packet, monkeypatch):
    def reading(*given):
        PromptPin.objects.filter(packet=packet).delete()
        return read_trail(*given)

    monkeypatch.setattr(tracing, "read_trail", reading)
    with pytest.raises(Conflict, match="were changed while the trace was read"):
        fill_from_trace(packet=packet, data=DATA, by=world.member)
    assert not RunTrace.objects.exists()


@pytest.mark.parametrize("who", ["outsider", "auditor", "admin", "security"])
def test_who_may_not_edit_the_packet_fills_nothing(world, packet, who):
    with pytest.raises(Denied):
        fill_from_trace(packet=packet, data=DATA, by=world.person(who))


def test_a_service_account_may(world, packet):
    service = add_service_account(team=world.team, name="Pipeline", purpose="CI", by=world.member).person
    assert fill_from_trace(packet=packet, data=DATA, by=service).filled


def test_a_closed_packet_is_closed(world, submitted):
    with pytest.raises(Conflict, match="in review"):
        fill_from_trace(packet=submitted, data=DATA, by=world.owner)


def test_a_new_packet_starts_with_the_trace_of_the_approved_one(world, draft):
    trail = {"sheet": dict.fromkeys(["trace_id", *ELEMENTS], "")}
    actions.write_section(packet=draft, number=5, content=trail, by=world.author)
    fill_from_trace(packet=draft, data=DATA, by=world.author)
    world.submit(draft)
    world.sign_all(world.fresh(draft))
    again = actions.start_packet(agent=draft.agent, version="9.0.0", by=world.author)
    assert said(again)["trace"] == said(draft)["trace"]


def test_the_database_keeps_both_dates_in_order(world, packet):
    fill_from_trace(packet=packet, data=DATA, by=world.member)
    rows, past = RunTrace.objects.filter(packet=packet), clock.now() - dt.timedelta(days=9000)
    for values in ({"covers_to": past}, {"received_at": past}, {"sha256": "x"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.update(**values)


class TestPage:
    @pytest.fixture
    def visitor(self, world, client):
        client.force_login(world.member)
        return client

    def send(self, visitor, packet, body=DATA, **more):
        file = SimpleUploadedFile("trace.json", body)
        return visitor.post(reverse("packet_trace", args=[packet.pk]), {"file": file, **more})

    def test_a_file_fills_the_section_and_shows_what_was_found(self, world, packet, visitor):
        answer = self.send(visitor, packet)
        assert answer["Location"] == reverse("packet_section", args=[packet.pk, 5])
        page = visitor.get(answer["Location"]).content.decode()
        assert "10 of 10 parts are in the trace: 12 fields filled" in page
        assert "1 × e-mail address" in page and "Loan 7 costs 2.9%" in page and "was not kept" in page
        assert ASKED not in page
        assert 'value="2025-11-20T09:04:33"' in page  # with its seconds, or saving anything else would cut them off

    def test_faults_are_said_with_their_path_above_the_form(self, packet, visitor):
        answer = self.send(visitor, packet, b'{"resourceSpans": [{"scopeSpans": 3}]}')
        assert answer.status_code == 422
        assert "resourceSpans[0].scopeSpans: expected a list, got 3" in answer.content.decode()

    def test_proposals_are_answered_on_the_sections_page(self, world, packet, visitor):
        actions.write_section(packet=packet, number=5, content={"sheet": {"output": "Mine"}}, by=world.author)
        answer = self.send(visitor, packet)
        page = visitor.get(answer["Location"]).content.decode()
        assert 'id="proposals"' in page and "Section 5: Output" in page and "1 proposed beside" in page
        one = Proposal.objects.told().get(section=5)
        done = visitor.post(reverse("proposal_answer", args=[one.pk]), {"answer": "accept", "seen": one.mark})
        assert done["Location"] == reverse("packet_section", args=[packet.pk, 5])
        assert sheet(packet).output == one.value

    def test_of_several_traces_one_is_named(self, packet, visitor):
        both = export(span("a", 1), span("b", 2, trace="0" * 31 + "1"))
        assert "Name the one that you want" in self.send(visitor, packet, both).content.decode()
        assert self.send(visitor, packet, both, trace_id="0" * 31 + "1").status_code == 302

    def test_a_reader_sees_it_without_the_form(self, world, packet, client):
        fill_from_trace(packet=packet, data=DATA, by=world.member)
        client.force_login(world.auditor)
        page = client.get(reverse("packet_section", args=[packet.pk, 5])).content.decode()
        assert "From a trace" in page and "Fill from a trace" not in page
        assert self.send(client, packet).status_code == 403

    def test_the_words_of_a_trace_are_shown_as_words(self, packet, visitor):
        said = {
            "gen_ai.request.model": "<script>alert(1)</script>",
            "gen_ai.output.messages": [text("assistant", "<b>x")],
        }
        self.send(visitor, packet, export(span("<i>chat", 1, said)))
        page = visitor.get(reverse("packet_section", args=[packet.pk, 5])).content.decode()
        assert "<script>alert" not in page and "<b>x" not in page and "&lt;b&gt;x" in page


def usage_span(number, parent=0, **said):
    values = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    return span(
        "chat m",
        number,
        values | {f"gen_ai.usage.{name}": value for name, value in said.items()},
        at=number,
        parent=parent,
    )


def test_what_the_run_used_is_proposed_for_section_8_and_never_written(world, packet):
    made = fill_from_trace(packet=packet, data=DATA, by=world.member)
    assert made.costs == ["calls_per_run", "tokens_in", "tokens_out"]
    assert content_of(section(8), packet)["sheet"]["tokens_in"] is None
    [tokens] = Proposal.objects.open().filter(packet=packet, section=8, field="tokens_in")
    assert (tokens.value, tokens.source_kind, tokens.label) == (52, "trace", "Section 8: Tokens in, per call")
    accept(proposal=tokens, by=world.member)
    assert content_of(section(8), packet)["sheet"]["tokens_in"] == 52
    assert fill_from_trace(packet=packet, data=DATA, by=world.member).costs == []


@pytest.mark.parametrize(
    ("spans", "figures"),
    [
        ([usage_span(2, input_tokens=10, output_tokens=3, **{"cache_read.input_tokens": 4}),
          usage_span(3, input_tokens=11, output_tokens=4, **{"cache_read.input_tokens": 4})],
         {"calls_per_run": 2, "tokens_in": 11, "tokens_out": 4, "cached_percent": 38}),
        ([usage_span(2, input_tokens=10, output_tokens=3), usage_span(3, output_tokens=4)],
         {"calls_per_run": 2, "tokens_out": 4}),
        ([usage_span(2, prompt_tokens=10, completion_tokens=3)], {"calls_per_run": 1, "tokens_in": 10, "tokens_out": 3}),
        ([usage_span(2, input_tokens=10, output_tokens=-3, **{"cache_read.input_tokens": 40})],
         {"calls_per_run": 1, "tokens_in": 10}),
        ([usage_span(2, input_tokens=10, output_tokens=3), usage_span(3, parent=2, input_tokens=10, output_tokens=3)],
         {"calls_per_run": 1, "tokens_in": 10, "tokens_out": 3}),
        ([span("invoke_agent a", 2, {"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 99})], {}),
    ],
)  # fmt: skip
def test_a_run_uses_what_each_of_its_model_calls_says_and_a_part_is_no_total(spans, figures):
    assert usage_of(read_trace(export(*spans))).figures() == figures
