"""The gate: a pure function of a policy's bytes and an input's bytes. No clock, no database, no network.

Evaluating a stored input under its stored policy gives the same bytes again, also outside the portal: this file
needs only the packages `cel` (common-expression-language) and `rfc8785`.

A rule names the inputs that it reads. If one is missing, empty or stated as unknown, the outcome is unknown before
CEL runs, because in CEL `[].all(…)` and `missing || true` are true. Only exactly `true` passes.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import cel
import rfc8785

LETS_THROUGH = {"pass", "waived", "not_applicable"}


class PolicyError(ValueError):
    """A policy that cannot be evaluated; the message names the rule."""


def evaluate(policy: bytes, facts: bytes) -> bytes:
    """The decision on `facts` under `policy`, both canonical JSON, as canonical JSON.

    {"outcome": "pass" | "fail", "rules": [{"id", "title", "mode", "outcome", "reason", …}]}. The outcome is "pass"
    only if every blocking rule passed, was waived or did not apply.
    """
    body, given = json.loads(policy), json.loads(facts)
    results = [_rule(rule, given, body["limits"]) for rule in body["rules"]]
    blocked = [result for result in results if result["mode"] != "advisory" and result["outcome"] not in LETS_THROUGH]
    return rfc8785.dumps({"v": 1, "outcome": "fail" if blocked or not results else "pass", "rules": results})


def lint(policy: Mapping[str, Any]) -> list[str]:
    """What is wrong with a policy, before it is published: CEL that does not compile, inputs that a rule uses without
    naming them (which then would not be unknown where they are missing), words that are not there."""
    problems = []
    for rule in policy["rules"]:
        if not rule["reads"]:
            problems.append(f"{rule['id']}: a rule must name the inputs that it reads.")
        if rule["mode"] not in ("blocking", "advisory"):
            problems.append(f"{rule['id']}: the mode is blocking or advisory, not {rule['mode']}.")
        for words in ("pass", "fail", *(["not_enough"] if "enough" in rule else [])):
            if words not in rule["words"]:
                problems.append(f"{rule['id']}: say what it says where the outcome is {words}.")
        used = " ".join(rule[name] for name in ("pass", "enough") if name in rule)
        for path in sorted(set(re.findall(r"\binput\.([A-Za-z_][\w.]*)", used)) - set(rule["reads"])):
            problems.append(f"{rule['id']}: it uses {path} and does not name it under reads.")
        for name in sorted(set(re.findall(r"\blimits\.(\w+)", used)) - set(rule.get("limits", []))):
            problems.append(f"{rule['id']}: it uses the limit {name} and does not name it under limits.")
        for name in sorted(set(rule.get("limits", [])) - set(policy["limits"])):
            problems.append(f"{rule['id']}: the policy sets no limit {name}.")
        for name in ("pass", "enough"):
            if name in rule:
                try:
                    cel.compile(rule[name])
                except ValueError as error:
                    problems.append(f"{rule['id']}: {error}")
    return problems


def look_up(facts: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, or {"unknown": why} where it is missing, null, empty or itself unknown."""
    value: Any = facts
    walked: list[str] = []
    for step in path.split("."):
        walked.append(step)
        if isinstance(value, dict) and "unknown" in value:
            return value
        if not isinstance(value, dict) or step not in value:
            return {"unknown": f"{'.'.join(walked)} is not known"}
        value = value[step]
    if value is None or value == "" or value == [] or value == {}:
        return {"unknown": f"{path} is empty"}
    return value


def _rule(rule: Mapping[str, Any], facts: Mapping[str, Any], limits: Mapping[str, Any]) -> dict[str, Any]:
    outcome, why = _outcome(rule, facts, limits)
    result = {"id": rule["id"], "title": rule["title"], "mode": rule["mode"], "outcome": outcome, "reason": why}
    read = {path: look_up(facts, path) for path in rule["reads"]}
    known = {path: value for path, value in read.items() if not (isinstance(value, dict) and "unknown" in value)}
    if known:
        result["measured"] = known
    if rule.get("limits"):
        result["limits"] = {name: limits[name] for name in rule["limits"]}
    for name in ("evidence", "age"):
        if name in rule:
            value = look_up(facts, rule[name])
            if isinstance(value, str | int):
                result[name] = value
    return result


def _outcome(rule: Mapping[str, Any], facts: Mapping[str, Any], limits: Mapping[str, Any]) -> tuple[str, str]:
    for path in rule["reads"]:
        value = look_up(facts, path)
        if isinstance(value, dict) and "unknown" in value:
            return "unknown", f"Unknown: {str(value['unknown']).rstrip('.')}."
    context = {"input": facts, "limits": limits}
    try:
        if "enough" in rule and cel.evaluate(rule["enough"], context) is not True:
            return "not_enough", _words(rule["words"]["not_enough"], facts, limits)
        value = cel.evaluate(rule["pass"], context)
    # CEL raises these for missing keys, mixed types, division by zero and overflow; none of them is a pass.
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError, RuntimeError) as error:
        return "unknown", f"Unknown: the rule could not be evaluated ({type(error).__name__})."
    if value is True:
        return "pass", _words(rule["words"]["pass"], facts, limits)
    if value is False:
        return "fail", _words(rule["words"]["fail"], facts, limits)
    return "unknown", "Unknown: the rule gave neither true nor false."


def _words(words: str, facts: Mapping[str, Any], limits: Mapping[str, Any]) -> str:
    """Fill {paths} in; `:bp` writes basis points as percent, `:cents` as an amount, `:age` seconds as days and hours."""
    parts = words.split("{")
    text = parts[0]
    for part in parts[1:]:
        expression, _, rest = part.partition("}")
        path, _, form = expression.partition(":")
        value = limits.get(path[7:]) if path.startswith("limits.") else look_up(facts, path)
        text += _written(value, form) + rest
    return text


def _written(value: Any, form: str) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if not isinstance(value, int) or isinstance(value, bool):
        return "unknown" if isinstance(value, dict) or value is None else str(value)
    match form:
        case "bp":
            return f"{value // 100}.{value % 100 // 10}%"
        case "cents":  # credits can make a sum negative
            return f"{'-' if value < 0 else ''}{abs(value) // 100:,}.{abs(value) % 100:02d}"
        case "age":
            days, seconds = divmod(value, 86_400)
            return f"{days} d" if days else f"{seconds // 3600} h"
    return str(value)
