"""Section 5: the observability trail of a single run, element by element."""

from typing import Any

from django import forms
from django.db import models

from registry.sections.base import (
    PacketSheet,
    Problem,
    Section,
    as_document,
    line,
    long_text,
    missing,
)

ELEMENTS = {
    "sanitised_input": "Sanitised input",
    "instructions": "Instructions",
    "retrieved_sources": "Retrieved sources",
    "tool_calls": "Tool calls requested",
    "approvals": "Approved or blocked",
    "model_version": "Model version",
    "prompt_version": "Prompt version",
    "output": "Output",
    "eval_checks": "Eval checks",
    "human_override": "Human override",
}


class RunTrailSheet(PacketSheet):
    """One real run, so that a reviewer sees what can be seen of it."""

    trace_id = line("Trace id", "As your tracing tool names the run", 100)
    run_at = models.DateTimeField("Run at (UTC)", null=True, blank=True)
    sanitised_input = long_text(ELEMENTS["sanitised_input"], "What was asked, with personal data masked")
    instructions = long_text(ELEMENTS["instructions"], "Which instructions the model had")
    retrieved_sources = long_text(ELEMENTS["retrieved_sources"], "Which documents it was given, with their dates")
    tool_calls = long_text(ELEMENTS["tool_calls"], "Which tools it asked for, with arguments")
    approvals = long_text(ELEMENTS["approvals"], "Which calls were approved, blocked, by whom or what")
    model_version = long_text(ELEMENTS["model_version"])
    prompt_version = long_text(ELEMENTS["prompt_version"])
    output = long_text(ELEMENTS["output"], "What it answered, with personal data masked")
    eval_checks = long_text(ELEMENTS["eval_checks"], "Which checks ran on this answer, with their results")
    human_override = long_text(ELEMENTS["human_override"], "What a person changed, or that nobody did")


class RunTrailForm(forms.ModelForm):
    class Meta:
        model = RunTrailSheet
        fields = ["trace_id", "run_at", *ELEMENTS]
        # With seconds, or saving anything else on this page would cut them off.
        widgets = {
            "run_at": forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S")
        }


def _problems(packet: Any) -> list[Problem]:
    if not RunTrailSheet.objects.filter(packet=packet).exists():
        return [
            Problem(
                "Describe one real run: none of the ten elements is there yet.",
                "id_sheet-trace_id",
                parts=("sheet.trace_id",),
            )
        ]
    wanted = {"trace_id": "Give the run's trace id.", "run_at": "Say when the run happened."}
    wanted |= {name: f"{label} is missing from the trail." for name, label in ELEMENTS.items()}
    return missing(packet, RunTrailSheet, wanted)


def _document(packet: Any) -> dict[str, Any]:
    sheet = RunTrailSheet.objects.filter(packet=packet).first() or RunTrailSheet()
    return {
        **as_document(sheet, "trace_id", "run_at"),
        "elements": as_document(sheet, *ELEMENTS),
    }


SECTION = Section(
    number=5,
    key="trail",
    title="Observability trail of a single run",
    short="Trail of a single run",
    help="One real run, from input to answer. What cannot be found here will not be found after an incident either.",
    good="“Trace 4bf92f35, 20 November 09:14: payments.refund of €120 was requested and blocked by the limit; "
    "the answer was sent unchanged; groundedness check passed.”",
    find=_problems,
    write=_document,
    sheet=RunTrailForm,
    sheet_title="One run",
)
