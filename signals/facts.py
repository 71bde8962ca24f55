"""What signals know of a packet, for the gate: integers, words and yes or no; what is not known says why."""

import datetime as dt
from decimal import ROUND_CEILING, Decimal
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.urls import reverse

from registry.models import Agent, Packet
from signals.models import Budget, CostLine, EvalRun, Pull, PulledFile, Source
from signals.statistics import rate_bp, wilson_lower_bp

IDS_SHOWN = 20
EVAL_KEYS = (
    "run", "run_url", "task", "taken_at", "received_at", "age_seconds", "total", "passed", "failed", "errored",
    "pass_rate_bp", "wilson_bp", "critical_total", "critical_failed", "critical_missing", "critical_failed_ids",
    "critical_missing_ids", "critical_open", "cases_missing", "pins_match", "pins_reason",
)  # fmt: skip
COST_KEYS = ("currency", "budget_cents", "mtd_cents", "mtd_through", "age_seconds", "month", "lines")
Fact = int | str | bool | list[str] | dict[str, str]


def unknown(why: str) -> dict[str, str]:
    """A value that is not known, and why, in words."""
    return {"unknown": why}


def newest_run(agent: Agent, version: str, at: dt.datetime) -> EvalRun | None:
    """The newest completed run of `version` known at `at`, whatever came of it: choosing a better one would be cheating."""
    runs = EvalRun.objects.filter(agent=agent, version=version, completed_at__isnull=False, received_at__lte=at)
    return runs.order_by("-completed_at", "-received_at", "pk").first()


def eval_facts(packet: Packet, document: dict[str, Any], at: dt.datetime) -> dict[str, Any]:
    """What the newest completed eval run of the packet's version says at `at`. Every key of EVAL_KEYS is there."""
    run = newest_run(packet.agent, packet.version, at)
    if run is None or run.completed_at is None:
        why = _why_no_run(packet, at)
        return dict.fromkeys(EVAL_KEYS, unknown(why)) | {"pins_reason": why}
    facts: dict[str, Any] = {
        "run": str(run.pk),
        "run_url": reverse("eval_run_detail", args=[run.pk]),
        "task": run.task,
        "taken_at": _iso(run.completed_at),
        "received_at": _iso(run.received_at),
        "age_seconds": max(0, int((at - run.completed_at).total_seconds())),
    }
    facts["pins_match"], facts["pins_reason"] = pins_of(run, document)
    why = _why_no_result(run)
    counts = dict.fromkeys(EVAL_KEYS[6:19], unknown(why)) if why else _counts(run, document)
    return {key: (facts | counts)[key] for key in EVAL_KEYS}


def _iso(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _why_no_run(packet: Packet, at: dt.datetime) -> str:
    runs = EvalRun.objects.filter(agent=packet.agent, received_at__lte=at)
    if runs.filter(version=packet.version).exists():
        return f"No eval run of version {packet.version} has ended yet."
    other = runs.filter(completed_at__isnull=False).order_by("-completed_at").first()
    if other:
        named = f"version {other.version}" if other.version else "no version"
        return f"No eval run of version {packet.version} was pulled; the newest run is of {named}."
    return f"No eval run of {packet.agent.name} was pulled."


def _why_no_result(run: EvalRun) -> str:
    if run.invalidated:
        return f"The newest run, {run}, was marked invalid in its log."
    if run.status != "success":
        cause = f": {run.error[:200]}" if run.error else ""
        return f"The newest run, {run}, ended with status {run.status}{cause}"
    if not run.total:
        return f"The newest run, {run}, holds no cases."
    return ""


def _counts(run: EvalRun, document: dict[str, Any]) -> dict[str, Fact]:
    results = {case.case_id: case for case in run.cases.all()}
    stated = [case for case in _rows(document, "4", "cases") if isinstance(case.get("case_id"), str)]
    # The packet says which cases are critical; the log can add to that, never take away.
    critical = {case["case_id"] for case in stated if case.get("critical") is True}
    missing = sorted(critical - set(results))
    critical |= {case_id for case_id, case in results.items() if case.critical}
    failed = sorted(name for name in critical if name in results and not results[name].every_epoch_passed)
    return {
        "total": run.total,
        "passed": run.passed,
        "failed": run.failed,
        "errored": run.errored,
        "pass_rate_bp": rate_bp(run.passed, run.total),
        "wilson_bp": wilson_lower_bp(run.passed, run.total),
        "critical_total": len(critical),
        "critical_failed": len(failed),
        "critical_missing": len(missing),
        "critical_failed_ids": failed[:IDS_SHOWN],
        "critical_missing_ids": missing[:IDS_SHOWN],
        "critical_open": (failed + missing)[:IDS_SHOWN],
        "cases_missing": len({case["case_id"] for case in stated} - set(results)),
    }


def _rows(document: dict[str, Any], section: str, name: str) -> list[dict[str, Any]]:
    rows = (document.get("sections", {}).get(section) or {}).get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def pins_of(run: EvalRun, document: dict[str, Any]) -> tuple[bool | dict[str, str], str]:
    """Whether the run was made on the packet's models and prompts, and the reason in words."""
    models, prompts = _rows(document, "3", "models"), _rows(document, "3", "prompts")
    if not models:
        why = "The packet pins no model, so there is nothing to hold the run against."
        return unknown(why), why
    ran = _strings(run.metadata.get("portcullis_model")) or [run.model]
    names = [_names(pin) for pin in models]
    for model in ran:
        if not any(model in each for each in names):
            return False, f"The run was made on {model}; the packet pins {', '.join(map(_pinned, models))}."
    for pin, each in zip(models, names, strict=True):
        if not each & set(ran):
            return False, f"The packet pins {_pinned(pin)}; the run was made on {', '.join(ran)} only."
    if prompts:
        tested = _strings(run.metadata.get("portcullis_prompts"))
        if not tested:
            why = "The log does not say which prompts were tested (metadata portcullis_prompts)."
            return unknown(why), why
        pinned = {str(pin.get("sha256", "")).lower(): str(pin.get("name", "")) for pin in prompts}
        absent = [name for digest, name in pinned.items() if digest not in {text.lower() for text in tested}]
        if absent:
            return False, f"The run tested other text for the prompt {', '.join(absent)} than the packet pins."
        if extra := len({text.lower() for text in tested} - set(pinned)):
            return False, f"The run used {extra} prompts that the packet does not pin."
    return True, f"The run was made on {', '.join(ran)}" + (" with the pinned prompts." if prompts else ".")


def _strings(value: Any) -> list[str]:
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return sorted({part.strip() for part in parts if isinstance(part, str) and part.strip()})


def _names(pin: dict[str, Any]) -> set[str]:
    """The ways in which a log may name a pinned model. With a snapshot pinned, a name without it is not enough."""
    provider, model, snapshot = (
        value if isinstance(value := pin.get(key), str) else "" for key in ("provider", "model_id", "snapshot")
    )
    if not snapshot:
        names = {model}
    elif snapshot in model:
        names = {model, snapshot} if model == snapshot else {model}
    else:
        names = {f"{model}{sign}{snapshot}" for sign in ("-", "@", ":")}
        if model and snapshot.startswith(model):
            names.add(snapshot)
    names.discard("")
    return names | {f"{provider}/{name}" for name in names if provider}


def _pinned(pin: dict[str, Any]) -> str:
    parts = [value for key in ("model_id", "snapshot") if isinstance(value := pin.get(key), str) and value]
    name = parts[-1] if len(parts) == 2 and (parts[1].startswith(parts[0]) or parts[0] == parts[1]) else "-".join(parts)
    provider = pin.get("provider")
    return f"{provider}/{name}" if isinstance(provider, str) and provider else name or "a model without a name"


def month_of(at: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """The first moment of the month of `at`, in UTC, and that of the next."""
    first = at.astimezone(dt.UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return first, (first + dt.timedelta(days=32)).replace(day=1)


def cents(amount: Decimal) -> int:
    """An amount in hundredths, rounded up: what was spent is never shown as less."""
    return int((amount * 100).to_integral_value(ROUND_CEILING))


def budget_of(agent: Agent, at: dt.datetime) -> Budget | None:
    """The agent's budget for the month of `at`."""
    return Budget.objects.filter(agent=agent, starts__lte=month_of(at)[0].date()).order_by("-starts").first()


def cost_facts(agent: Agent, document: dict[str, Any], at: dt.datetime) -> dict[str, Any]:
    """What the agent has cost in the month of `at` so far, beside its budget. Every key of COST_KEYS is there.

    Costs are FOCUS's EffectiveCost of charges whose ChargePeriodStart is in the month (UTC), credits and corrections
    included. `document` is not read yet: the forecast is the packet's own.
    """
    first, after = month_of(at)
    facts: dict[str, Any] = dict.fromkeys(COST_KEYS, unknown("not worked out"))
    facts["month"] = f"{first:%Y-%m}"
    budget = budget_of(agent, at)
    if budget is None:
        why = f"No budget is set for {agent.name} in {first:%B %Y}."
        facts |= {"budget_cents": unknown(why), "currency": unknown(why)}
    else:
        facts |= {"budget_cents": int(budget.amount * 100), "currency": budget.currency}
    lines = CostLine.objects.filter(agent=agent, received_at__lte=at)
    sources = list(Source.objects.filter(kind=Source.Kind.FOCUS).filter(Exists(lines.filter(source=OuterRef("pk")))))
    through, why = coverage(agent, sources, at)
    if through is None:
        return facts | dict.fromkeys(("mtd_cents", "mtd_through", "age_seconds", "lines"), unknown(why))
    facts["mtd_through"] = _iso(through)
    facts["age_seconds"] = max(0, int((at - through).total_seconds()))
    month = lines.filter(charge_period_start__gte=first, charge_period_start__lt=after)
    spent: list[Any] = list(month.values("billing_currency").annotate(sum=Sum("effective_cost"), n=Count("pk")))
    facts["lines"] = sum(row["n"] for row in spent)
    why = _why_no_total(spent, budget, through, first) or unreadable(sources)
    if why:
        facts["mtd_cents"] = unknown(why)
    else:
        facts["mtd_cents"] = cents(spent[0]["sum"]) if spent else 0
        if budget is None and spent:
            facts["currency"] = spent[0]["billing_currency"]
    return facts


def coverage(agent: Agent, sources: list[Source], at: dt.datetime) -> tuple[dt.datetime | None, str]:
    """Through when all of the sources that ever had a cost of the agent are known, or why that is not known."""
    done = Pull.objects.filter(state=Pull.State.DONE, source__kind=Source.Kind.FOCUS, finished_at__lte=at)
    if not done.exists():
        return None, "No cost file was pulled without a fault yet."
    if not sources:
        return None, f"No cost line was ever tied to {agent.name}. Finance ties them by rules on the page Costs."
    known = []
    for source in sources:
        last = done.filter(source=source, covers_through__isnull=False).order_by("-finished_at").first()
        if last is None or last.covers_through is None:
            return None, f"No pull of {source.name} ended well yet."
        known.append(last.covers_through)
    return min(known), ""


def _why_no_total(spent: list[dict[str, Any]], budget: Budget | None, through: dt.datetime, first: dt.datetime) -> str:
    currencies = sorted(row["billing_currency"] for row in spent)
    if len(currencies) > 1:
        return f"Costs came in {' and '.join(currencies)}, and no rate is on file, so there is no total."
    if budget and currencies and currencies != [budget.currency]:
        return f"Costs came in {currencies[0]} and the budget is in {budget.currency}; no rate is on file."
    if through <= first:
        return f"No usage of {first:%B %Y} was pulled yet; the newest is of {through:%d %b %Y %H:%M} UTC."
    return ""


def unreadable(sources: list[Source]) -> str:
    """Rows that could not be read may be this agent's, so that the total would be too low."""
    bad: QuerySet[PulledFile] = PulledFile.objects.filter(source__in=sources).filter(Q(rejected__gt=0) | ~Q(refused=""))
    files = list(bad.order_by("path")[:3])
    if not files:
        return ""
    rows = sum(file.rejected for file in files)
    what = f"{rows} rows" if rows else "All"
    return f"{what} of {', '.join(file.path for file in files)} could not be read, so costs may be higher."
