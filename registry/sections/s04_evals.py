"""Section 4: eval cases from real failure modes, and which of them are critical."""

from collections import Counter
from typing import Any

from django import forms
from django.db import models

from registry.sections.base import PacketRow, PacketSheet, Problem, Rows, Section, as_document, line, long_text, missing


class EvalSuite(PacketSheet):
    """The suite by which the agent is judged."""

    name = line("Suite", "The suite's name in your eval tool")
    version = line("Version", max_length=50)


class EvalCase(PacketRow):
    """One case: what is asked, what must happen, and whether failing it blocks the release."""

    class FailureMode(models.TextChoices):
        CONFUSING = "confusing_question", "Confusing question"
        STALE = "stale_document", "Stale document"
        EDGE = "policy_edge", "Policy edge"
        INJECTION = "prompt_injection", "Prompt injection"
        TOOL_CALL = "tool_call_request", "Tool-call request"
        REGULATED = "regulated_phrase", "Regulated phrase"
        OTHER = "other", "Other"

    class Origin(models.TextChoices):
        INCIDENT = "incident", "Incident"
        RED_TEAM = "red_team", "Red team"
        POLICY = "policy", "Policy"
        REVIEW = "review", "Review"

    case_id = line("Case id", "As the eval tool names the sample", 150)
    failure_mode = models.CharField("Failure mode", max_length=30, choices=FailureMode.choices, blank=True)
    origin = models.CharField("Origin", max_length=20, choices=Origin.choices, blank=True)
    input = long_text("Input")
    expected = long_text("Expected behaviour")
    critical = models.BooleanField("Critical: failing it blocks the release", default=False)
    note = long_text("Reviewer's note", max_length=1000)


class EvalSuiteForm(forms.ModelForm):
    class Meta:
        model = EvalSuite
        fields = ["name", "version"]


class EvalCaseForm(forms.ModelForm):
    class Meta:
        model = EvalCase
        fields = ["case_id", "failure_mode", "origin", "input", "expected", "critical", "note"]


def _problems(packet: Any) -> list[Problem]:
    found = missing(packet, EvalSuite, {"name": "Name the eval suite.", "version": "Give the suite's version."})
    if not EvalSuite.objects.filter(packet=packet).exists():
        found.append(Problem("Name the eval suite and its version.", "id_sheet-name", parts=("sheet.name",)))
    cases = list(EvalCase.objects.filter(packet=packet).order_by("pk"))
    if not cases:
        found.append(
            Problem(
                "Add the cases by which the agent is judged, from failures that really happened.",
                "id_case-0-case_id",
                parts=("case.rows",),
            )
        )
    elif not any(case.critical for case in cases):
        found.append(
            Problem("Mark the cases that must never fail as critical.", "id_case-0-critical", parts=("case.critical",))
        )
    found += [
        Problem(f"Two cases are named {case_id}; results could not be told apart.", "id_case-0-case_id")
        for case_id, times in Counter(case.case_id for case in cases if case.case_id).items()
        if times > 1
    ]
    found += missing(
        packet,
        EvalCase,
        {
            "case_id": "Case {n}: give the id that the eval tool uses.",
            "failure_mode": "Case {n}: say which failure it is about.",
            "origin": "Case {n}: say where it comes from.",
            "input": "Case {n}: give the input.",
            "expected": "Case {n}: say what must happen.",
        },
        "case",
    )
    return found


def coverage(packet: Any) -> dict[str, int]:
    """How many cases there are of each failure mode that every suite should hold, by its label."""
    counted = Counter(EvalCase.objects.filter(packet=packet).values_list("failure_mode", flat=True))
    modes = [mode for mode in EvalCase.FailureMode if mode != EvalCase.FailureMode.OTHER]
    return {str(mode.label): counted[mode] for mode in modes}


def _advice(packet: Any) -> list[Problem]:
    return [
        Problem(f"No case covers this failure: {mode.lower()}.", "id_case-0-failure_mode", parts=("case.failure_mode",))
        for mode, count in coverage(packet).items()
        if not count
    ]


def _document(packet: Any) -> dict[str, Any]:
    suite = EvalSuite.objects.filter(packet=packet).first() or EvalSuite()
    return {
        "suite": as_document(suite, "name", "version"),
        "cases": [
            as_document(case, "case_id", "failure_mode", "origin", "input", "expected", "critical")
            | ({"note": case.note} if case.note else {})
            for case in EvalCase.objects.filter(packet=packet).order_by("pk")
        ],
    }


SECTION = Section(
    number=4,
    key="evals",
    title="Eval cases from real failure modes",
    short="Evals from real failures",
    help="The cases that decide. Their results are pulled, never typed; a critical case that fails blocks the release.",
    good="“stale-policy-07, from incident INC-2210: asks for the travel allowance where the index still holds last year's "
    "policy. Must quote the policy in force or say that it is not sure. Critical.”",
    find=_problems,
    advise=_advice,
    figures=lambda packet: {"coverage": coverage(packet)},
    write=_document,
    sheet=EvalSuiteForm,
    sheet_title="Suite",
    rows=(Rows(EvalCaseForm, "case", "Cases", "Add a case", key="case_id"),),
)
