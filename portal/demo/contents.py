"""The ten sections of a demo packet, made of an agent's dossier and of its eval suite."""

import datetime as dt
from decimal import Decimal
from typing import Any

from ledger.canonical import sha256
from registry.costing import DAYS_A_MONTH
from registry.demands import DEMANDS
from registry.models import DataSource, Tool
from registry.sections.s07_security import RISKS

THREATS = {
    "LLM01:2025": (
        "Text in documents and messages tries to give instructions.",
        "Content is marked as content; tools take ids from the case, never from text.",
        "Eval cases inject-*",
        "low",
    ),
    "LLM02:2025": (
        "An answer could hold data of somebody else.",
        "Tools are scoped to the person or case at hand.",
        "Eval cases edge-* and the tool scopes of section 6",
        "low",
    ),
    "LLM03:2025": (
        "A changed model or package changes behaviour.",
        "Snapshots and a lock file; an eval run for each change.",
        "Section 3 and the gate's rule on pins",
        "low",
    ),
    "LLM05:2025": (
        "Output is shown to people or put into templates.",
        "Plain text only, escaped; templates have typed fields.",
        "Unit tests of the front end",
        "low",
    ),
    "LLM06:2025": (
        "A tool could be called without need.",
        "Least scope, limits, approval where a call cannot be undone.",
        "Section 6, eval cases tool-*",
        "medium",
    ),
    "LLM08:2025": (
        "An old document is retrieved and quoted.",
        "Index holds version and date; the answer names both.",
        "Eval cases stale-*",
        "medium",
    ),
    "LLM09:2025": (
        "A wrong answer sounds right.",
        "Answers quote their source; doubts name the person to ask.",
        "Eval cases ask-* and doubt-*",
        "medium",
    ),
    "LLM10:2025": (
        "A loop or a flood of calls runs up cost.",
        "Calls a run are capped; the gateway stops at the budget.",
        "Stop rule of section 8",
        "low",
    ),
    "ASI01": (
        "The goal is bent by what is read.",
        "As for LLM01; the task is fixed by the caller.",
        "Eval cases inject-*",
        "low",
    ),
    "ASI02": (
        "A granted tool is used for another end.",
        "Scopes and limits are enforced in the tool, not in the prompt.",
        "Section 6",
        "medium",
    ),
    "ASI03": (
        "The agent's credentials serve somebody else.",
        "Own service identity, rotated, no human's rights.",
        "Access review of this quarter",
        "low",
    ),
    "ASI09": (
        "People trust it more than they should.",
        "It says what it cannot know, and answers are sampled by a person.",
        "Rollout stages of section 10",
        "medium",
    ),
    "ASI10": ("It goes on after it should have stopped.", "Kill switch at the gateway, drilled.", "Section 10", "low"),
}
WHY_NOT = {
    "LLM04:2025": "Nothing is trained or fine-tuned here; the corpus is written by named editors.",
    "LLM07:2025": "The prompt holds no secret: it could be printed on a poster.",
    "ASI04": "It loads no tools or agents at run time.",
    "ASI05": "It runs no code and has no shell.",
    "ASI06": "It keeps no memory between runs.",
    "ASI07": "It talks to no other agent.",
    "ASI08": "Nothing acts on its output without a person or a typed template.",
}


DOES_NOT_APPLY = {
    "mortgage-enquiry": {
        "cost.routing": "one pinned model answers every borrower; there is no second model that a run could be routed to."
    },
    "fraud-alert-explainer": {
        "trail.approvals": "it reads an alert and explains it; no call waits for a person, so nothing is approved or blocked."
    },
}
"""Slug: what the team says does not apply, with the reason that signers read."""


def contents(agent: dict[str, Any], dossier: dict[str, Any], today: dt.date) -> dict[int, dict[str, Any]]:
    """Section number → what `write_section` takes. `agent` is an entry of samples/agents.json."""
    pages = _filled(agent, dossier, today)
    for number, demands in DEMANDS.items():
        for one in demands:
            if reason := DOES_NOT_APPLY.get(agent["slug"], {}).get(one.key):
                pages[number].setdefault("not_applicable", {})[one.key] = reason
                pages[number]["sheet"] |= {part.removeprefix("sheet."): "" for part in one.parts}
    return pages


def _filled(agent: dict[str, Any], dossier: dict[str, Any], today: dt.date) -> dict[int, dict[str, Any]]:
    tools = {tool.slug: tool for tool in Tool.objects.all()}
    sources = {source.slug: source for source in DataSource.objects.all()}
    return {
        1: {
            "use": [{"text": text} for text in dossier["uses"]],
            "non_use": [{"text": text, "refusal": refusal} for text, refusal in dossier["never"]],
        },
        2: {
            "grant": [
                {"source": str(sources[slug].pk), "purpose": purpose, "fields": fields, "retention_days": days}
                for slug, purpose, fields, days in dossier["data"]
            ],
            "never": [
                {"kind": "use", "text": dossier["forbidden"][0]},
                {"kind": "log", "text": dossier["forbidden"][1]},
            ],
        },
        3: {
            "model": [{**model, "parameters": "temperature=0\nmax_tokens=1024"} for model in agent["models"]],
            "prompt": agent["prompts"],
            "retrieval": [
                {
                    "index": f"{agent['slug']}-{today:%Y-%m}",
                    "embedding_model": "multilingual-e5-large",
                    "corpus_date": (today - dt.timedelta(days=9)).isoformat(),
                }
            ],
        },
        4: {
            "sheet": agent["suite"],
            "case": [
                {name: value for name, value in case.items() if name != "critical"}
                | ({"critical": "on"} if case["critical"] else {})
                for case in agent["cases"]
            ],
        },
        5: {"sheet": _trail(agent, dossier, today)},
        6: {
            "sheet": {"statement": dossier["statement"]},
            "grant": [_grant(tools[slug], scope, approval, limit) for slug, scope, approval, limit in dossier["tools"]],
        },
        7: {"threat": [_threat(risk) for risk in RISKS]},
        8: {"sheet": _cost(agent)},
        9: {
            "sheet": {
                "authority": "Suspend it at any hour, alone; refuse a release; say no to a new use.",
                "support_hours": "Monday to Friday 08:00 to 18:00 CET; on-call outside",
                "support_path": f"Queue {agent['slug']}-support",
                "escalation": "After 15 minutes without a reply the on-call is paged; after 30 the owner is called.",
                "runbook": f"https://runbooks.halden.example/{agent['slug']}",
            }
        },
        10: _rollout(agent, dossier, today),
    }


def _trail(agent: dict[str, Any], dossier: dict[str, Any], today: dt.date) -> dict[str, str]:
    model, prompt = agent["models"][0], agent["prompts"][0]
    tool = dossier["tools"][-1]
    case = agent["cases"][0]
    return {
        "trace_id": sha256(agent["slug"].encode())[:32],
        "run_at": f"{today - dt.timedelta(days=6)}T09:14",
        "sanitised_input": case["input"],
        "instructions": f"Prompt {prompt['name']} {prompt['version']}, first rule: {prompt['text'].splitlines()[3][3:]}",
        "retrieved_sources": f"{dossier['data'][0][0]}, version in force, paragraph with its date",
        "tool_calls": f"{tool[0]} requested once, with the id of the case at hand",
        "approvals": {
            "none": "Allowed by its scope; no person was asked, as section 6 says.",
            "per_call": "Held for a person, who approved it after 40 seconds.",
            "per_batch": "Held for the batch, which a person approved.",
        }[tool[2]],
        "model_version": f"{model['provider']}/{model['model_id']} {model['snapshot']}",
        "prompt_version": f"{prompt['name']} {prompt['version']}",
        "output": case["expected"],
        "eval_checks": "Groundedness and tone passed; no regulated phrase found.",
        "human_override": "Nobody changed the answer.",
    }


def _grant(tool: Tool, scope: str, approval: str, limit: str) -> dict[str, str]:
    sandbox = tool.effect == "irreversible" and "Sandbox" in scope
    return {
        "tool": str(tool.pk),
        "scope": scope,
        "environment": "sandbox" if sandbox else "live",
        "approval": approval,
        "limit": limit,
        "mitigation": "Enforced in the tool itself." if tool.effect != "read" else "",
    }


def _threat(risk: str) -> dict[str, str]:
    if risk in THREATS:
        threat, mitigation, evidence, residual = THREATS[risk]
        return {
            "applies": "yes",
            "threat": threat,
            "mitigation": mitigation,
            "evidence": evidence,
            "residual": residual,
        }
    return {"applies": "no", "threat": WHY_NOT[risk]}


def _cost(agent: dict[str, Any]) -> dict[str, Any]:
    # The workload behind the spend that the bank's cost export shows, with a tenth to spare where the budget has it.
    month = min(Decimal(agent["monthly_spend"]) * Decimal("1.1"), Decimal(agent["budget"]["amount"]) * Decimal("0.96"))
    calls, tokens_in, tokens_out, cached = Decimal("3.2"), 1830, 180, 40
    price_in, price_cached, price_out = Decimal("2.80"), Decimal("0.28"), Decimal("14.00")
    tokens = (Decimal(tokens_in) * (price_in * 60 + price_cached * 40) / 100 + tokens_out * price_out) / 1_000_000
    run = calls * Decimal("1.03") * tokens + Decimal("0.002")
    runs = int(month / DAYS_A_MONTH / run)
    return {
        "currency": agent["budget"]["currency"],
        "runs_per_day": runs,
        "calls_per_run": str(calls),
        "tokens_in": tokens_in,
        "tokens_out": tokens_out,
        "cached_percent": cached,
        "retry_percent": 3,
        "price_in": str(price_in),
        "price_cached": str(price_cached),
        "price_out": str(price_out),
        "price_source": "Framework contract 2026-03, converted at the month's rate",
        "fees_per_run": "0.002",
        "review_minutes_per_run": "0",
        "review_hour": "48.00",
        "runs_high": runs * 5 // 4,
        "tokens_high_percent": 130,
        "growth_percent": 3,
        "outcome": "A case that needs no second contact",
        "outcome_percent": 62,
        "value_per_outcome": "3.80",
        "routing": "The pinned model answers everything; what it cannot answer goes to a person, not to a dearer model.",
        "stop_rule": "The gateway slows it at 90% of the month's budget and stops it at 110%.",
    }


def _rollout(agent: dict[str, Any], dossier: dict[str, Any], today: dt.date) -> dict[str, Any]:
    stages = [(5, 7, 20), (25, 14, 5), (100, 30, 1)]
    return {
        "sheet": {
            "rollback_target": "The version before; without one, the process without the agent",
            "rollback_steps": "1. Suspend here. 2. Switch the gateway's route. 3. Tell the support queue.",
            "kill_mechanism": f"Route {agent['slug']} at the model gateway, and suspension here",
            "kill_who": "Owner, deputy, on-call, Security",
            "kill_seconds": 30,
            "not_reached": "Mail already sent, bookings made, drafts saved",
            "review_on": (today + dt.timedelta(days=75)).isoformat(),
        },
        "stage": [
            {
                "audience": dossier["audience"],
                "percent": percent,
                "criteria": "Complaint rate below 0.4%, no critical case failing, gate passing",
                "dwell_days": days,
                "review_percent": review,
            }
            for percent, days, review in stages
        ],
    }
