"""The gate's input: everything that a decision reads, as canonical JSON holds it. What is not known says why."""

import datetime as dt
from decimal import Decimal
from typing import Any

from django.urls import reverse

from approvals.standing import Standing, standings
from ledger.canonical import nfc, timestamp
from registry.documents import problems
from registry.models import Packet, Revision
from signals.facts import cost_facts, eval_facts


def gather(packet: Packet, revision: Revision, environment: str, at: dt.datetime) -> dict[str, Any]:
    """All facts on `packet` at `at`: integers, text, booleans; unknowns as {"unknown": why}."""
    document = revision.content
    return nfc(
        {
            "v": 1,
            "now": timestamp(at),
            "environment": environment,
            "packet": _packet(packet, revision),
            "sign_offs": _sign_offs(packet, standings(packet, revision, at)),
            "evals": _evals(packet, document, at),
            "cost": _cost(packet, document, at),
        }
    )


def _packet(packet: Packet, revision: Revision) -> dict[str, Any]:
    found = problems(packet)
    return {
        "id": str(packet.pk),
        "agent": packet.agent.slug,
        "number": packet.number,
        "revision": revision.number,
        "version": packet.version,
        "digest": revision.digest,
        "risk_class": packet.agent.risk_class,
        "state": packet.state,
        "sections_complete": sum(not missing for missing in found.values()),
        "sections_total": len(found),
        "url": reverse("packet_detail", args=[packet.pk]),
    }


def _sign_offs(packet: Packet, roles: list[Standing]) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "required": len(roles),
        "valid": sum(role.valid for role in roles),
        "waiting_for": [role.name for role in roles if not role.valid],
        "url": reverse("review_detail", args=[packet.pk]),
        "roles": [],
    }
    for role in roles:
        one = {"role": role.role, "status": role.status}
        if role.sign_off:
            one |= {
                "sign_off": str(role.sign_off.pk),
                "statement_sha256": role.sign_off.statement_sha256,
                "person": str(role.sign_off.person_id),
                "expires_at": timestamp(role.sign_off.expires_at),
            }
        facts["roles"].append(one)
    return facts


def _evals(packet: Packet, document: dict[str, Any], at: dt.datetime) -> dict[str, Any]:
    facts = eval_facts(packet, document, at)
    known = [facts[key] for key in ("critical_failed_ids", "critical_missing_ids") if isinstance(facts[key], list)]
    return {**facts, "critical_open": [case for ids in known for case in ids]}


def _cost(packet: Packet, document: dict[str, Any], at: dt.datetime) -> dict[str, Any]:
    facts = cost_facts(packet.agent, document, at)
    section = document["sections"]["8"]
    currency, month = section["currency"], section["per_month"]
    facts["url"] = reverse("cost_list") + f"?agent={packet.agent.slug}"
    if isinstance(month, dict) or isinstance(currency, dict):
        facts["forecast_cents"] = {"unknown": "section 8 states no forecast"}
    elif facts.get("currency") != currency:
        budget = facts.get("currency")
        words = budget if isinstance(budget, str) else "no currency, because no budget is set"
        facts["forecast_cents"] = {"unknown": f"section 8 is in {currency}, the budget in {words}"}
    else:
        facts["forecast_cents"] = int((Decimal(month) * 100).to_integral_value())
    return {name: _within(value) for name, value in facts.items()}


def _within(value: Any) -> Any:
    # Canonical JSON holds no larger integers; a sum beyond them is a typing error, and must not stop the gate.
    if isinstance(value, int) and abs(value) >= 2**53:
        return {"unknown": "the amount is larger than any that can be held"}
    return value
