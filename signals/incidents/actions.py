"""Reporting an incident, amending it, closing it, opening it again; and making eval cases of incidents."""

import datetime as dt
import re
from collections import Counter

from django.db import transaction
from django.urls import reverse

from accounts.actors import a_person
from accounts.models import Person
from accounts.roles import Role
from ledger.canonical import dumps, nfc, sha256, timestamp
from registry.actions import to_fill
from registry.filling import Filled, fill
from registry.imports.redaction import Redactor
from registry.models import Agent, Packet
from registry.proposals import Origin
from registry.sections.forms import with_line_feeds
from registry.sections.s04_evals import EvalCase
from signals import entries
from signals.incidents.models import EARLIEST, LONGEST, LONGEST_TOLD, Incident
from signals.incidents.queries import not_yet_cases
from work import clock
from work.acts import Conflict, Denied, Invalid, record

NEVER = "answers an incident"
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+-]{0,199}")
"""The id of a run, or a version: no words, so there is nothing in it that would have to be redacted."""


def report_bar(agent: Agent, by: Person) -> str:
    """Why `by` may not report an incident of `agent`, as a sentence; empty where they may."""
    if not by.is_active:
        return "Who has left reports nothing here. Tell the agent's owner."
    if by.is_service and not agent.editable_by(by):
        return f"{by.name} is a service account of another team. One of {agent.team.name} reports for {agent.name}."
    return ""


def answer_bar(incident: Incident, by: Person) -> str:
    """Why `by` may not amend, close or open the incident again, as a sentence; empty where they may."""
    if not by.is_service and (incident.agent.editable_by(by) or by.holds(Role.SECURITY)):
        return ""
    return f"The owner, the deputy, members of {incident.agent.team.name} and security approvers do this. Tell one of them."


@transaction.atomic
def report_incident(
    *,
    agent: Agent,
    happened_at: dt.datetime,
    severity: str,
    what: str,
    by: Person,
    asked: str = "",
    should: str = "",
    failure_mode: str = "",
    run: str = "",
    version: str = "",
    told: str = "",
) -> Incident:
    """Report that `agent` did wrong at `happened_at`: anyone signed in, and a service account of the agent's team.

    Addresses, account and card numbers, keys and the like are taken out of the texts before they are kept. Raises Denied,
    or Invalid with everything that does not hold.
    """
    if bar := report_bar(agent, by):
        raise Denied(bar)
    now, redactor, problems = clock.now(), Redactor(), list[str]()
    incident = Incident(
        agent=agent,
        happened_at=happened_at,
        reported_at=now,
        reported_by=by,
        severity=_known(severity, problems),
        failure_mode=_mode(failure_mode, problems),
        what=_kept(what, "What it did wrong", LONGEST, redactor, problems),
        asked=_kept(asked, "What it was asked", LONGEST, redactor, problems),
        should=_kept(should, "What it should have done", LONGEST, redactor, problems),
        told=_kept(told, "Who was told", LONGEST_TOLD, redactor, problems),
        run=_id(run, "the run", 200, problems),
        version=_id(version, "the agent's version", 50, problems),
        redacted=dict(redactor.counts),
    )
    if not incident.what and not problems:
        problems.append("Say what the agent did wrong.")
    if happened_at > now:
        problems.append("It is reported after it happened: give a time that has passed.")
    if happened_at < EARLIEST:
        problems.append("Give the year in which it happened, 2000 or later.")
    if problems:
        raise Invalid(*problems)
    incident.save(force_insert=True)
    record(
        agent.stream,
        entries.IncidentReported(
            **_named(incident), happened_at=timestamp(happened_at), report_sha256=report_digest(incident)
        ),
        by=by,
    )
    return incident


@transaction.atomic
def amend_incident(
    *, incident: Incident, severity: str, failure_mode: str, told: str, seen: int, by: Person
) -> Incident:
    """Say anew how severe it is, which failure it is about and who was told. `seen` is the edition that was looked at.

    Raises Denied, Invalid, and Conflict where somebody changed it meanwhile.
    """
    row = _locked(incident, by)
    if row.edition != seen:
        raise Conflict("Somebody changed this incident meanwhile. Read what it says now, then amend it again.")
    redactor, problems, was = Redactor(), list[str](), row.severity
    row.severity, row.failure_mode = _known(severity, problems), _mode(failure_mode, problems)
    row.told = _kept(told, "Who was told", LONGEST_TOLD, redactor, problems)
    if problems:
        raise Invalid(*problems)
    _save(row, redactor, "severity", "failure_mode", "told")
    entry = entries.IncidentAmended(
        **_named(row), was=was, failure_mode=row.failure_mode, told_sha256=_salted(row, row.told)
    )
    record(row.agent.stream, entry, by=by)
    return row


@transaction.atomic
def close_incident(*, incident: Incident, outcome: str, by: Person) -> Incident:
    """Close it with what was done. Raises Denied, Invalid, and Conflict where it is closed."""
    row = _locked(incident, by)
    if row.closed_at is not None:
        raise Conflict(f"{row.closed_by} closed this incident before. Open it again if more is to be done.")
    redactor, problems = Redactor(), list[str]()
    row.outcome = _kept(outcome, "What was done", LONGEST, redactor, problems)
    if not row.outcome and not problems:
        problems.append("Say what was done, or why nothing had to be.")
    if problems:
        raise Invalid(*problems)
    row.closed_at, row.closed_by = clock.now(), by
    _save(row, redactor, "outcome", "closed_at", "closed_by")
    record(row.agent.stream, entries.IncidentClosed(**_named(row), outcome_sha256=_salted(row, row.outcome)), by=by)
    return row


@transaction.atomic
def reopen_incident(*, incident: Incident, by: Person) -> Incident:
    """Open it again; what was done so far stays. Raises Denied, and Conflict where it is open."""
    row = _locked(incident, by)
    if row.closed_at is None:
        raise Conflict("This incident is open.")
    row.closed_at = row.closed_by = None
    _save(row, Redactor(), "closed_at", "closed_by")
    record(row.agent.stream, entries.IncidentReopened(**_named(row)), by=by)
    return row


@transaction.atomic
def fill_from_incidents(*, packet: Packet, by: Person) -> Filled:
    """Make a case of section 4 of each incident of the packet's agent that is none yet, the oldest first.

    What the report does not say stays empty, and the section asks for it; a critical incident's case is critical. Raises
    Denied, Conflict, or Invalid where every incident is a case already.
    """
    packet = to_fill(packet, by)
    rows = not_yet_cases(packet, by)
    if not rows:
        raise Invalid(f"No incident of {packet.agent.name} is left that is not a case of this packet.")
    cases = [
        {
            "case_id": row.case_id,
            "origin": EvalCase.Origin.INCIDENT.value,
            "failure_mode": row.failure_mode,
            "input": row.asked,
            "expected": row.should,
            "critical": row.severity == Incident.Severity.CRITICAL,
        }
        for row in rows
    ]
    path = f"{reverse('incident_list')}?agent={packet.agent.slug}"
    label = f"{len(rows)} incident{'s' if len(rows) != 1 else ''} of {packet.agent.name}"
    origin = Origin("incidents", str(packet.agent_id), label, sha256(dumps(nfc(cases))), path)
    return fill(packet=packet, given={4: {"case": cases}}, origin=origin, by=by)


def report_digest(incident: Incident) -> str:
    """SHA-256 of what was reported, as canonical JSON with the incident's salt: what the ledger says of it."""
    words = ("what", "asked", "should", "run", "version")
    said = {name: getattr(incident, name) for name in words}
    happened = timestamp(incident.happened_at)
    return sha256(dumps({**said, "id": str(incident.pk), "salt": str(incident.salt), "happened_at": happened}))


def _salted(incident: Incident, text: str) -> str:
    return sha256(dumps({"salt": str(incident.salt), "text": text}))


def _named(incident: Incident) -> dict[str, str]:
    return {"incident": str(incident.pk), "agent": str(incident.agent_id), "severity": incident.severity}


def _locked(incident: Incident, by: Person) -> Incident:
    # The row is what two people who answer at once wait for; the second reads what the first did.
    a_person(by, NEVER)
    # Who closed it is not joined: it would be read before the wait.
    row = Incident.objects.select_for_update(of=("self",)).select_related("agent__team").get(pk=incident.pk)
    if bar := answer_bar(row, by):
        raise Denied(bar)
    return row


def _save(row: Incident, redactor: Redactor, *fields: str) -> None:
    row.redacted = dict(Counter(row.redacted) + redactor.counts)
    row.edition += 1
    row.save(update_fields=[*fields, "redacted", "edition"])


def _known(severity: str, problems: list[str]) -> str:
    if severity not in Incident.Severity.values:
        problems.append("Say how severe it is: low, serious or critical.")
    return severity


def _mode(mode: str, problems: list[str]) -> str:
    if mode and mode not in EvalCase.FailureMode.values:
        problems.append(f"Choose one of the failures: {', '.join(EvalCase.FailureMode.values)}.")
    return mode


def _id(text: str, name: str, most: int, problems: list[str]) -> str:
    text = text.strip()
    if text and not (len(text) <= most and ID.fullmatch(text)):
        problems.append(
            f"Give {name} by its id: letters, digits and . _ : / + -, at most {most} characters, no spaces."
        )
    return text


def _kept(text: str, name: str, most: int, redactor: Redactor, problems: list[str]) -> str:
    """`text` without control characters and redacted; "" with a problem where it is too long."""
    text = str(with_line_feeds(text)).strip()
    if len(text) > most:
        problems.append(f"{name}: at most {most:,} characters, it has {len(text):,}.")
        return ""
    text = redactor.text("".join(" " if c.isspace() and c not in "\n\t" else c for c in text)).strip()
    if len(text) > most:
        problems.append(f"{name}: with what was taken out it is longer than {most:,} characters. Shorten it a little.")
        return ""
    return text
