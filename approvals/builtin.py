"""The built-in checklists and policies, published once after migrating, as version 1.

Written here as values, kept in the database as canonical bytes: what was published stays what it was.
"""

from typing import Any

from approvals.gate import lint
from approvals.models import Checklist, Policy
from ledger.canonical import dumps, sha256
from registry.vocabulary import RiskClass

ITEMS = {
    "owner": [
        ("9", "I answer for this agent's results, also when they are wrong, and I can have it stopped."),
        ("1", "The use and non-use cases say what people may rely on."),
        ("3", "The pinned model and prompts are what runs."),
    ],
    "security": [
        ("6", "Each tool has the least scope that the use needs, and risky calls wait for a person."),
        ("7", "Every risk of both OWASP lists is answered, and I looked at the evidence for those that apply."),
    ],
    "data": [
        ("2", "Every source has a purpose, an owner and a contract, and what must never be used is kept out."),
        ("5", "The trail shows sources and masks what must not be logged."),
    ],
    "risk": [
        ("1", "The non-use cases cover how people will misuse it."),
        ("4", "The eval cases come from real failures, and the right ones are critical."),
        ("10", "It can be rolled back and stopped as described."),
    ],
    "finance": [("8", "The workload is realistic, the prices are current, and the stop rule bounds the loss.")],
    "operations": [
        ("9", "Support hours and escalation are staffed."),
        ("10", "We can carry out the rollback and the kill switch in the time promised."),
    ],
}
SECTIONS = {
    "owner": ["9"],
    "security": ["6", "7"],
    "data": ["2", "5"],
    "risk": ["1", "4", "10"],
    "finance": ["8"],
    "operations": ["9", "10"],
}
ROLES = {
    RiskClass.HIGH: ["owner", "security", "data", "risk", "finance", "operations"],
    RiskClass.LIMITED: ["owner", "security", "risk", "finance"],
    RiskClass.MINIMAL: ["owner", "risk"],
}
LIMITS = {
    RiskClass.HIGH: {"pass_rate_bp": 9000, "min_cases": 30, "eval_age": 30 * 86_400, "cost_age": 7 * 86_400},
    RiskClass.LIMITED: {"pass_rate_bp": 8500, "min_cases": 20, "eval_age": 60 * 86_400, "cost_age": 14 * 86_400},
    RiskClass.MINIMAL: {"pass_rate_bp": 8000, "min_cases": 10, "eval_age": 90 * 86_400, "cost_age": 14 * 86_400},
}


def checklist(risk_class: str) -> dict[str, Any]:
    """The checklist of a risk class. Sections that no required role answers for bind to the owner's sign-off."""
    roles = ROLES[RiskClass(risk_class)]
    answered = {number for role in roles if role != "owner" for number in SECTIONS[role]}
    owners = sorted({*SECTIONS["owner"], *(str(n) for n in range(1, 11) if str(n) not in answered)}, key=int)
    return {
        "v": 1,
        "risk_class": str(risk_class),
        "roles": [
            {
                "role": role,
                "sections": owners if role == "owner" else SECTIONS[role],
                "items": [
                    {"id": f"{role}-{i}", "section": section, "text": text}
                    for i, (section, text) in enumerate(ITEMS[role], 1)
                ],
            }
            for role in roles
        ],
    }


def policy(risk_class: str) -> dict[str, Any]:
    """The production policy of a risk class. Ages in seconds, rates in basis points, money in cents."""
    rules = [
        {
            "id": "packet_complete",
            "title": "Packet complete",
            "reads": ["packet.sections_complete", "packet.sections_total"],
            "pass": "input.packet.sections_complete == input.packet.sections_total",
            "evidence": "packet.url",
            "words": {
                "pass": "{packet.sections_complete} of {packet.sections_total} sections",
                "fail": "{packet.sections_complete} of {packet.sections_total} sections; something is missing in the others",
            },
        },
        {
            "id": "sign_offs",
            "title": "Sign-offs valid",
            "reads": ["sign_offs.valid", "sign_offs.required"],
            "pass": "input.sign_offs.valid == input.sign_offs.required",
            "evidence": "sign_offs.url",
            "words": {
                "pass": "{sign_offs.valid} of {sign_offs.required}",
                "fail": "{sign_offs.valid} of {sign_offs.required}: waiting for {sign_offs.waiting_for}",
            },
        },
        {
            "id": "critical_cases",
            "title": "Critical eval cases all pass",
            "reads": ["evals.critical_total", "evals.critical_failed", "evals.critical_missing"],
            "pass": "input.evals.critical_total > 0 && input.evals.critical_failed == 0 "
            "&& input.evals.critical_missing == 0",
            "evidence": "evals.run_url",
            "age": "evals.age_seconds",
            "words": {
                "pass": "{evals.critical_total} of {evals.critical_total} passed in {evals.task}",
                "fail": "{evals.critical_failed} of {evals.critical_total} failed, {evals.critical_missing} without a "
                "result in {evals.task}: {evals.critical_open}",
            },
        },
        {
            "id": "pass_rate",
            "title": "Pass rate, lower bound at 95%",
            "reads": ["evals.wilson_bp", "evals.total"],
            "limits": ["pass_rate_bp", "min_cases"],
            "enough": "input.evals.total >= limits.min_cases",
            "pass": "input.evals.wilson_bp >= limits.pass_rate_bp",
            "evidence": "evals.run_url",
            "age": "evals.age_seconds",
            "words": {
                "pass": "Wilson lower bound {evals.wilson_bp:bp} over {evals.total} cases, limit {limits.pass_rate_bp:bp}",
                "fail": "Wilson lower bound {evals.wilson_bp:bp} over {evals.total} cases, limit {limits.pass_rate_bp:bp}",
                "not_enough": "{evals.total} cases are too few to decide; the policy asks for {limits.min_cases}",
            },
        },
        {
            "id": "eval_pins",
            "title": "Eval run made on the pinned versions",
            "reads": ["evals.pins_match"],
            "pass": "input.evals.pins_match",
            "evidence": "evals.run_url",
            "words": {"pass": "{evals.pins_reason}", "fail": "{evals.pins_reason}"},
        },
        {
            "id": "eval_fresh",
            "title": "Eval run fresh",
            "reads": ["evals.age_seconds"],
            "limits": ["eval_age"],
            "pass": "input.evals.age_seconds >= 0 && input.evals.age_seconds <= limits.eval_age",
            "evidence": "evals.run_url",
            "age": "evals.age_seconds",
            "words": {
                "pass": "{evals.age_seconds:age} old, limit {limits.eval_age:age}",
                "fail": "{evals.age_seconds:age} old, limit {limits.eval_age:age}: run the suite again",
            },
        },
        {
            "id": "forecast",
            "title": "Forecast within budget",
            "reads": ["cost.forecast_cents", "cost.budget_cents"],
            "pass": "input.cost.forecast_cents <= input.cost.budget_cents",
            "evidence": "cost.url",
            "words": {
                "pass": "{cost.currency} {cost.forecast_cents:cents} a month; budget {cost.budget_cents:cents}",
                "fail": "{cost.currency} {cost.forecast_cents:cents} a month; budget {cost.budget_cents:cents}",
            },
        },
        {
            "id": "spend",
            "title": "Spend this month within budget",
            "reads": ["cost.mtd_cents", "cost.budget_cents", "cost.age_seconds"],
            "limits": ["cost_age"],
            "pass": "input.cost.mtd_cents <= input.cost.budget_cents && input.cost.age_seconds <= limits.cost_age",
            "evidence": "cost.url",
            "age": "cost.age_seconds",
            "words": {
                "pass": "{cost.currency} {cost.mtd_cents:cents} of {cost.budget_cents:cents} in {cost.month}",
                "fail": "{cost.currency} {cost.mtd_cents:cents} of {cost.budget_cents:cents} in {cost.month}, from cost data "
                "{cost.age_seconds:age} old",
            },
        },
    ]
    return {
        "v": 1,
        "key": key(risk_class),
        "environment": "production",
        "risk_class": str(risk_class),
        "limits": LIMITS[RiskClass(risk_class)],
        "rules": [{"mode": "blocking", **rule} for rule in rules],
    }


def key(risk_class: str) -> str:
    """The built-in policy's key for production and a risk class."""
    return f"production-{risk_class}"


def publish(**kwargs: Any) -> None:
    """Publish version 1 of each where there is none. After every migrate: tests flush what a migration would seed."""
    for risk_class in ROLES:
        if not Checklist.objects.filter(risk_class=risk_class).exists():
            body = dumps(checklist(risk_class))
            Checklist.objects.create(risk_class=risk_class, version=1, body=body, sha256=sha256(body))
        if not Policy.objects.filter(key=key(risk_class)).exists():
            rules = policy(risk_class)
            if problems := lint(rules):
                raise ValueError(problems)
            body = dumps(rules)
            Policy.objects.create(key=key(risk_class), version=1, body=body, sha256=sha256(body))
