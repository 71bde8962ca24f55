"""Renewing an approval: a copy of the approved packet, with what has changed since, so that only that needs work."""

import datetime as dt
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.models import Person
from approvals.actions import locked, policy_for
from approvals.entries import RenewalDrafted
from approvals.models import Renewal
from approvals.queries import due_for_renewal, first_to_end
from ledger.canonical import dumps, nfc, sha256, timestamp
from registry.actions import may_edit, start_packet
from registry.models import Packet, Revision
from registry.moved import approved_at, moved
from registry.panels import Moved
from registry.vocabulary import OPEN, AgentStatus, PacketState
from signals.actions import propose_billed
from signals.facts import eval_facts, unknown
from signals.models import EvalRun
from signals.promise import months, promise_of
from signals.statistics import rate_bp, wilson_lower_bp
from work import clock
from work.acts import Conflict, Invalid, record

RUNS_KEPT = 30


def renewal_bar(packet: Packet) -> str:
    """Why the packet cannot be renewed now, as a sentence; empty where it can."""
    agent = packet.agent
    if agent.retired_at is not None:
        return f"{agent.name} is retired. Its owner takes it back into use first."
    if packet.state != PacketState.APPROVED:
        return f"This packet is {packet.get_state_display().lower()}; only an approved packet is renewed."
    if agent.status == AgentStatus.SUSPENDED:
        return f"{agent.name} is suspended. Decide first whether it is to run again."
    if open_one := packet.renewals.filter(state__in=OPEN).first():
        return f"Packet {open_one.number} renews it already. Open that one."
    return ""


@transaction.atomic
def start_renewal(*, packet: Packet, by: Person) -> Packet:
    """Draft the renewal of an approved packet now, by whoever may edit its agent's packets; a service account may too.

    Raises Denied, or Conflict where there is one already, or the packet is not to be renewed.
    """
    packet = locked(packet)
    may_edit(packet.agent, by)
    if bar := renewal_bar(packet):
        raise Conflict(bar)
    return _draft(packet, by)


@transaction.atomic
def renew_if_due(packet_id: Any) -> Packet | None:
    """Draft the renewal of a packet whose sign-offs end soon, by the portal itself. None where it is not due, or no more.

    Two workers at once draft one: the second waits for the agent's row, and then sees the first's.
    """
    packet = locked(Packet.objects.get(pk=packet_id))
    if not due_for_renewal(clock.now()).filter(pk=packet.pk).exists():
        return None
    return _draft(packet, None)


def _draft(packet: Packet, by: Person | None) -> Packet:
    now = clock.now()
    changes = changes_of(packet, now)
    digest = sha256(dumps(changes))
    ends = first_to_end(Packet.objects.filter(pk=packet.pk)).get()
    made = start_packet(agent=packet.agent, version=packet.version, by=by, renews=packet)
    Renewal.objects.create(
        packet=made,
        expires_at=ends.expires,
        role=ends.role or "",
        drafted_at=now,
        drafted_by=by,
        changes=changes,
        changes_sha256=digest,
    )
    record(
        made.stream,
        RenewalDrafted(packet=str(made.pk), renews=str(packet.pk), number=made.number, changes_sha256=digest),
        by=by,
    )
    with suppress(Invalid):  # no bill, or one that tells no price: then nothing is proposed
        propose_billed(packet=made, by=by)
    return made


def changes_of(packet: Packet, at: dt.datetime) -> dict[str, Any]:
    """What has changed since the approved `packet` was approved, as canonical JSON: rates in basis points, shares in
    percent; what is not known says why."""
    revision = packet.current
    if revision is None:
        raise Conflict("This packet was never submitted, so there is nothing to renew.")
    revision.packet = packet
    content, since = revision.content, approved_at(packet) or revision.submitted_at
    return nfc(
        {
            "v": 1,
            "at": timestamp(at),
            "since": timestamp(since),
            "revision": revision.number,
            "digest": revision.digest,
            "moved": [asdict(one) for one in moved(revision, at)],
            "costs": _costs(packet, content, since, at),
            "evals": _evals(packet, content, since, at),
        }
    )


def _costs(packet: Packet, content: Mapping[str, Any], since: dt.datetime, at: dt.datetime) -> dict[str, Any]:
    promise = promise_of(content)
    return {
        "currency": promise.currency,
        "promised": _amount(promise.month),
        "promised_p90": _amount(promise.bad_month),
        "months": [
            {
                "month": f"{one.first:%Y-%m}",
                "amount": _known(None if one.cents is None else f"{Decimal(one.cents) / 100:.2f}", one.why),
                "percent": _known(one.percent, one.why),
            }
            for one in months(packet.agent, promise, since, at)
        ],
    }


def _amount(amount: Decimal | None) -> Any:
    return _known(None if amount is None else f"{amount:f}", "section 8 states none")


def _known(value: Any, why: str) -> Any:
    return unknown(why) if value is None else value


def _evals(packet: Packet, content: Mapping[str, Any], since: dt.datetime, at: dt.datetime) -> dict[str, Any]:
    limits = _limits(content)
    runs = EvalRun.objects.filter(
        agent=packet.agent, version=packet.version, completed_at__gt=since, received_at__lte=at
    ).order_by("-completed_at", "-received_at", "pk")
    found = []
    for run in runs[:RUNS_KEPT]:
        status = "invalidated" if run.invalidated else run.status
        counts = run.total if status == "success" else 0
        nothing = unknown("no cases" if status == "success" else f"the run ended as {status}")
        found.append(
            {
                "run": str(run.pk),
                "task": run.task,
                "taken_at": timestamp(run.completed_at) if run.completed_at else "",
                "status": status,
                "total": run.total,
                "passed": run.passed,
                "rate_bp": rate_bp(run.passed, counts) if counts else nothing,
                "wilson_bp": wilson_lower_bp(run.passed, counts) if counts else nothing,
            }
        )
    return {
        **{name: _known(limits.get(name), "the policy sets none") for name in ("pass_rate_bp", "min_cases")},
        "runs": found,
        "older": max(0, runs.count() - RUNS_KEPT),
    }


def _limits(content: Mapping[str, Any]) -> dict[str, int]:
    policy = policy_for(content["core"]["risk_class"])
    return dict(policy.content["limits"]) if policy else {}


def evals_moved(revision: Revision, content: Mapping[str, Any], at: dt.datetime) -> list[Moved]:
    """Where the newest eval run of the version no longer shows what was approved: pins, critical cases, the pass rate."""
    packet = revision.packet
    facts, limits = eval_facts(packet, dict(content), at), _limits(content)
    url, found = facts["run_url"], []
    about = f"Newest eval run, {facts['task']}"
    if facts["pins_match"] is False:
        pins = "the pinned models and prompts"
        found.append(Moved(3, "evals.pins", about, "what it was made on", pins, facts["pins_reason"], url))
    failed, absent = facts["critical_failed"], facts["critical_missing"]
    if isinstance(failed, int) and isinstance(absent, int) and failed + absent:
        now = f"{failed} failed, {absent} without a result: {', '.join(facts['critical_open'])}"
        found.append(Moved(4, "evals.critical", about, "critical cases", "all of them pass", now, url))
    low, limit = facts["wilson_bp"], limits.get("pass_rate_bp")
    if isinstance(low, int) and limit and facts["total"] >= limits["min_cases"] and low < limit:
        words = [f"at least {bp / 100:.2f}%" if bp == limit else f"{bp / 100:.2f}%" for bp in (limit, low)]
        what = "pass rate, lower bound at 95%"
        found.append(Moved(4, "evals.pass_rate", about, what, words[0], words[1], url))
    return found
