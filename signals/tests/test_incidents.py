"""An incident is reported, amended, closed and opened again: by whom, once, on record, and never otherwise."""

import datetime as dt
import uuid

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.tokens import add_service_account
from signals.incidents.actions import (
    amend_incident,
    close_incident,
    reopen_incident,
    report_digest,
    report_incident,
)
from signals.incidents.models import LONGEST, Incident
from work import clock
from work.acts import Conflict, Denied, Invalid

ANSWERERS = ("owner", "deputy", "member", "security")
OTHERS = ("bystander", "outsider", "finance", "admin", "auditor")


@pytest.fixture
def report(world):
    """`report(by=…)`: an incident of the bank's first agent, an hour ago, by a bystander unless said otherwise."""

    def make(**values):
        said = {
            "agent": world.agent,
            "happened_at": clock.now() - dt.timedelta(hours=1),
            "severity": "serious",
            "what": "It promised a rate that the bank does not have.",
            "by": world.bystander,
        }
        return report_incident(**said | values)

    return make


def amend(incident, by, **values):
    said = {"severity": "critical", "failure_mode": "policy_edge", "told": "The branch", "seen": incident.edition}
    return amend_incident(incident=incident, by=by, **said | values)


def test_a_report_is_kept_with_its_two_times_and_recorded_without_its_words(world, report):
    happened = clock.now() - dt.timedelta(days=3)
    made = report(asked="What is the rate?", should="Say 4.1%.", run="run:8812", version="1.0.0", happened_at=happened)
    made.refresh_from_db()
    assert made.happened_at == happened and made.reported_at > happened and made.reported_by == world.bystander
    [entry] = world.entries(world.agent.stream, "incident.reported")
    assert entry["data"]["report_sha256"] == report_digest(made) and entry["data"]["severity"] == "serious"
    assert "rate" not in str(entry), "no words of a person stand in the ledger"


def test_everybody_signed_in_reports_and_a_service_account_for_its_teams_agents_only(world, report):
    for who in (*ANSWERERS, *OTHERS):
        assert report(by=world.person(who)).reported_by == world.person(who)
    ours = add_service_account(team=world.team, name="Monitor", purpose="Watches", by=world.member).person
    theirs = add_service_account(team=world.other_team, name="Else", purpose="Watches", by=world.outsider).person
    assert report(by=ours).reported_by == ours
    with pytest.raises(Denied, match="another team"):
        report(by=theirs)


def test_who_sees_the_agents_detail_sees_it_and_who_reported_it_that_one(world, report):
    made, other = report(), report(by=world.owner)
    sees = {who: set(Incident.objects.visible_to(world.person(who))) for who in (*ANSWERERS, *OTHERS)}
    assert sees["bystander"] == {made} and sees["outsider"] == set()
    assert all(sees[who] == {made, other} for who in ("owner", "deputy", "member", "auditor", "admin"))
    assert sees["security"] == set(), "who was never asked to sign for this agent does not see its detail"
    world.complete_packet()
    assert set(Incident.objects.visible_to(world.security)) == {made, other}


def test_what_must_not_be_kept_is_taken_out_and_counted(report):
    made = report(
        what="It sent jane.roe@mail.example the key sk-proj-abcdefghijklmnop1234.", should="Not tell joe@mail.example."
    )
    assert made.what == "It sent [e-mail address] the key [key or token]."
    assert made.redacted == {"e-mail address": 2, "key or token": 1}


def test_what_is_said_later_is_redacted_and_counted_too(world, report):
    made = amend(report(told="ann@mail.example"), world.owner, told="bob@mail.example")
    done = close_incident(incident=made, outcome="Wrote to cid@mail.example.", by=world.owner)
    assert (done.told, done.outcome) == ("[e-mail address]", "Wrote to [e-mail address].")
    assert done.redacted == {"e-mail address": 3}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"what": "  "}, "Say what the agent did wrong"),
        ({"what": "\x00\x07"}, "Say what the agent did wrong"),
        ({"what": "x" * (LONGEST + 1)}, "at most 4,000 characters, it has 4,001"),
        ({"what": "x" * 5_000_000}, "at most 4,000 characters"),
        ({"what": "a@b.co " * 500}, "with what was taken out it is longer"),
        ({"told": "x" * 1001}, "Who was told: at most 1,000"),
        ({"severity": "high"}, "low, serious or critical"),
        ({"failure_mode": "bad_mood"}, "Choose one of the failures"),
        ({"run": "two words"}, "no spaces"),
        ({"run": "x" * 201}, "at most 200"),
        ({"version": "1\n0"}, "Give the agent's version"),
        ({"happened_at": dt.datetime(1970, 1, 1, tzinfo=dt.UTC)}, "2000 or later"),
        ({"happened_at": dt.datetime(1, 1, 1, tzinfo=dt.UTC)}, "2000 or later"),
        ({"happened_at": dt.datetime(9999, 12, 31, tzinfo=dt.UTC)}, "a time that has passed"),
    ],
)
def test_what_does_not_hold_is_said_and_nothing_is_kept(world, report, values, said):
    with pytest.raises(Invalid, match=said):
        report(**values)
    assert not Incident.objects.exists() and not world.entries(world.agent.stream, "incident.reported")


def test_everything_that_does_not_hold_is_said_at_once(report):
    with pytest.raises(Invalid) as refused:
        report(severity="", run="a b", happened_at=clock.now() + dt.timedelta(minutes=5))
    assert len(refused.value.problems) == 3


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(max_size=300))
def test_any_text_is_kept_or_refused_and_never_a_fault(report, text):
    with transaction.atomic():
        try:
            made = report(what=text, asked=text, told=text)
        except Invalid:
            assert not any(c.isprintable() and not c.isspace() for c in text)
        else:
            made.refresh_from_db()
            assert made.what and all(c.isprintable() or c in "\n\t" for c in made.what)
        transaction.set_rollback(True)


@pytest.mark.parametrize("who", ANSWERERS)
def test_who_answers_for_the_agent_or_its_security_amends_closes_and_opens_again(world, report, who):
    by, made = world.person(who), report()
    made = amend(made, by)
    assert (made.severity, made.failure_mode, made.told) == ("critical", "policy_edge", "The branch")
    made = close_incident(incident=made, outcome="The prompt names the tariff table.", by=by)
    assert made.closed_by == by and not made.is_open
    made = reopen_incident(incident=made, by=by)
    assert made.is_open and made.outcome == "The prompt names the tariff table.", "what was done so far stays"
    kinds = [one["kind"] for one in world.entries(world.agent.stream) if one["kind"].startswith("incident.")]
    assert kinds == ["incident.reported", "incident.amended", "incident.closed", "incident.reopened"]
    said = str(world.entries(world.agent.stream))
    assert "tariff" not in said and "branch" not in said


@pytest.mark.parametrize("who", OTHERS)
def test_nobody_else_does(world, report, who):
    by, made = world.person(who), report(by=world.person(who))
    closed = close_incident(incident=report(), outcome="Done.", by=world.owner)
    for act in (
        lambda: amend(made, by),
        lambda: close_incident(incident=made, outcome="Done.", by=by),
        lambda: reopen_incident(incident=closed, by=by),
    ):
        with pytest.raises(Denied, match="Tell one of them"):
            act()
    assert world.fresh(made).is_open and not world.fresh(closed).is_open


def test_a_service_account_closes_nothing_neither_by_an_act_nor_in_the_database(world, report):
    made = report()
    service = add_service_account(team=world.team, name="Monitor", purpose="Watches", by=world.member).person
    with pytest.raises(Denied, match="never answers an incident"):
        close_incident(incident=made, outcome="Done.", by=service)
    with pytest.raises(IntegrityError), transaction.atomic():
        Incident.objects.filter(pk=made.pk).update(closed_by=service, closed_at=clock.now(), outcome="Done.")


def test_it_is_closed_once_and_opened_again_once(world, report):
    made = close_incident(incident=report(), outcome="Done.", by=world.owner)
    with pytest.raises(Conflict, match="Ana Ruiz closed this incident before"):
        close_incident(incident=made, outcome="Done again.", by=world.member)
    reopen_incident(incident=made, by=world.owner)
    with pytest.raises(Conflict, match="is open"):
        reopen_incident(incident=made, by=world.owner)


def test_it_is_closed_with_words_only(world, report):
    for outcome in ("", "  \n", "\x00"):
        with pytest.raises(Invalid, match="Say what was done"):
            close_incident(incident=report(), outcome=outcome, by=world.owner)


def test_who_amends_what_somebody_else_changed_is_told(world, report):
    made = report()
    amend(made, world.owner, told="The regulator")
    with pytest.raises(Conflict, match="Somebody changed this incident"):
        amend(made, world.member, told="Nobody")
    assert world.fresh(made).told == "The regulator"


@pytest.mark.parametrize(
    "change",
    [
        {"what": "Nothing happened."},
        {"happened_at": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)},
        {"reported_at": dt.datetime(2030, 1, 1, tzinfo=dt.UTC)},
        {"reported_by_id": uuid.uuid4()},
        {"salt": uuid.uuid4()},
        {"severity": "awful"},
        {"failure_mode": "awful"},
        {"closed_at": dt.datetime(2030, 1, 1, tzinfo=dt.UTC)},
    ],
)
def test_the_database_refuses_to_change_what_was_reported(report, change):
    made = report()
    with pytest.raises(DatabaseError), transaction.atomic():
        Incident.objects.filter(pk=made.pk).update(**change)


def test_the_database_refuses_to_delete_one_and_one_that_is_closed_without_words(world, report):
    made = report()
    with pytest.raises(DatabaseError), transaction.atomic():
        made.delete()
    for words in ({"outcome": ""}, {"closed_by": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            end = {"closed_at": clock.now(), "closed_by": world.owner, "outcome": "Done."}
            Incident.objects.filter(pk=made.pk).update(**end | words)
    with pytest.raises(IntegrityError), transaction.atomic():
        later = clock.now() + dt.timedelta(days=1)
        Incident.objects.create(
            agent=world.agent, happened_at=later, severity="low", what="Later", reported_by=world.owner
        )
