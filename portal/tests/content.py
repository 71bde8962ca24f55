"""Valid content of all ten sections, as `registry.actions.write_section` takes it."""

from copy import deepcopy

from registry.sections.s05_trail import ELEMENTS
from registry.sections.s07_security import RISKS

PROMPT = "You answer questions about loans.\nQuote the tariff in force, with its date."
CASES = 6
RUN_CASES = 40
"""An eval run of enough cases that all passing ones have a Wilson lower bound above every policy's limit."""


def sections(source, tool, *, cases=CASES, critical=4, snapshot="20250514", case_prefix="case"):
    """All ten sections; `source` and `tool` are rows of the catalogue. A fresh dictionary at every call."""
    return deepcopy(
        {
            1: {
                "use": [{"text": "A borrower asks what a product costs; the agent quotes the tariff and its date."}],
                "non_use": [
                    {"text": "Whether the borrower should buy.", "refusal": "I cannot advise; call an adviser."}
                ],
            },
            2: {
                "grant": [
                    {"source": source.pk, "purpose": "Quote tariffs", "fields": "tariff, date", "retention_days": 0}
                ],
                "never": [
                    {"kind": "use", "text": "Medical reports: not in the index"},
                    {"kind": "log", "text": "Names: masked before the log"},
                ],
            },
            3: {
                "model": [
                    {
                        "provider": "anthropic",
                        "model_id": "claude-sonnet-4",
                        "snapshot": snapshot,
                        "parameters": "temperature=0\nmax_tokens=800",
                    }
                ],
                "prompt": [{"name": "system", "version": "14", "text": PROMPT}],
                "retrieval": [{"index": "tariffs-7", "embedding_model": "e5-large", "corpus_date": "2026-11-14"}],
            },
            4: {
                "sheet": {"name": "lending-regression", "version": "3"},
                "case": [
                    {
                        "case_id": f"{case_prefix}-{i:02}",
                        "failure_mode": "stale_document",
                        "origin": "incident",
                        "input": f"What does loan {i} cost?",
                        "expected": "The tariff in force",
                        **({"critical": "on"} if i <= critical else {}),
                        "note": "",
                    }
                    for i in range(1, cases + 1)
                ],
            },
            5: {
                "sheet": {
                    "trace_id": "4bf92f3577b34da6",
                    "run_at": "2026-11-20T09:14:33",
                    **{name: f"{label}: seen" for name, label in ELEMENTS.items()},
                }
            },
            6: {
                "sheet": {"statement": "It reads only; nothing leaves the bank."},
                "grant": [
                    {
                        "tool": tool.pk,
                        "scope": "Tariffs of the branch",
                        "environment": "live",
                        "approval": "none",
                        "limit": "100 a day",
                        "mitigation": "",
                    }
                ],
            },
            7: {
                "threat": [
                    {
                        "applies": "yes",
                        "threat": f"{risk} could happen by mail",
                        "mitigation": "Text never chooses tools",
                        "evidence": "Run 7",
                        "residual": "low",
                    }
                    if i % 2 == 0
                    else {
                        "applies": "no",
                        "threat": "Nothing of the kind is used",
                        "mitigation": "",
                        "evidence": "",
                        "residual": "",
                    }
                    for i, risk in enumerate(RISKS)
                ]
            },
            8: {
                "sheet": {
                    "currency": "EUR",
                    "runs_per_day": 100,
                    "calls_per_run": "3.2",
                    "tokens_in": 1830,
                    "tokens_out": 180,
                    "cached_percent": 40,
                    "retry_percent": 2,
                    "price_in": "3",
                    "price_cached": "0.3",
                    "price_out": "15",
                    "price_source": "Price list of 1 November 2026",
                    "fees_per_run": "0.002",
                    "review_minutes_per_run": "0.1",
                    "review_hour": "48",
                    "runs_high": 150,
                    "tokens_high_percent": 160,
                    "growth_percent": 5,
                    "outcome": "An enquiry answered without a call",
                    "outcome_percent": 60,
                    "value_per_outcome": "4.50",
                    "routing": "One model answers everything.",
                    "stop_rule": "The gateway stops it at 110% of the month's budget.",
                }
            },
            9: {
                "sheet": {
                    "authority": "May suspend it alone at any hour.",
                    "support_hours": "08:00 to 18:00 CET",
                    "support_path": "#lending-assistant",
                    "escalation": "On-call after 15 minutes",
                    "runbook": "https://runbooks.example/lending",
                }
            },
            10: {
                "sheet": {
                    "rollback_target": "The tariff page without the agent",
                    "rollback_steps": "Switch the route off; post a notice.",
                    "kill_mechanism": "Gateway switch lending-assistant",
                    "kill_who": "Owner, deputy, on-call",
                    "kill_seconds": 30,
                    "not_reached": "Mail already sent",
                    "review_on": "2027-02-01",
                },
                "stage": [
                    {
                        "audience": "Branch staff",
                        "percent": 5,
                        "criteria": "Complaints below 0.4%",
                        "dwell_days": 7,
                        "review_percent": 5,
                    },
                    {
                        "audience": "All borrowers",
                        "percent": 100,
                        "criteria": "Complaints below 0.4%",
                        "dwell_days": 30,
                        "review_percent": 1,
                    },
                ],
            },
        }
    )


def stretched(pages, rows, sources, tools):
    """The same content with `rows` rows of each kind that can be added; `sources` and `tools` are ids, one for each row."""
    made = deepcopy(pages)
    for number, page in made.items():
        for kind, first in page.items():
            if kind == "sheet" or number == 7:
                continue
            page[kind] = [{**first[i % len(first)], **_own(number, kind, i, sources, tools)} for i in range(rows)]
    return made


def _own(number, kind, i, sources, tools):
    # What no two rows share.
    match number, kind:
        case 2, "grant":
            return {"source": sources[i]}
        case 6, "grant":
            return {"tool": tools[i]}
        case 3, "prompt":
            return {"name": f"prompt {i}"}
        case 3, "model":
            return {"model_id": f"model-{i}"}
        case 4, "case":
            return {"case_id": f"case-{i:02}"}
    return {}
