"""Section 5: the observability trail of a single run, element by element."""

from typing import Any

from django import forms
from django.db import models
from django.db.models import F, Q

from accounts.models import Person
from ledger.canonical import nfc, sha256
from registry.sections.base import PacketSheet, Problem, Section, as_document, line, long_text, missing, stated
from registry.sections.forms import with_line_feeds

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


class RunTrace(PacketSheet):
    """The trace that the trail was filled from: what of it is kept, which is not the trace itself.

    It has two dates, as all evidence: the time that its spans cover, and the time at which it was received.
    """

    sha256 = models.CharField(max_length=64)
    trace_id = models.CharField(max_length=32)
    spans = models.PositiveIntegerField()
    covers_from = models.DateTimeField()
    covers_to = models.DateTimeField()
    received_at = models.DateTimeField()
    received_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    parts = models.JSONField()
    """Of each element that was found: {"sha256": of its redacted text, "spans": [[name, id], …]}."""
    redacted = models.JSONField()
    """How many were taken out of what is kept, by kind."""

    class Meta(PacketSheet.Meta):
        abstract = False
        constraints = [
            models.CheckConstraint(condition=Q(sha256__regex="^[0-9a-f]{64}$"), name="trace_digest_is_sha256"),
            models.CheckConstraint(condition=Q(covers_from__lte=F("covers_to")), name="trace_covers_time_in_order"),
            models.CheckConstraint(condition=Q(covers_to__lte=F("received_at")), name="trace_is_of_the_past"),
        ]

    def told(self, sheet: RunTrailSheet) -> list[dict[str, Any]]:
        """Each element: whether the trace holds it, in which spans, and whether the trail says it in these words."""
        made = []
        for name, label in ELEMENTS.items():
            part = self.parts.get(name)
            same = bool(part) and part["sha256"] == digest_of(getattr(sheet, name))
            spans = [{"name": one[0], "id": one[1]} for one in part["spans"]] if part else []
            made.append({"name": name, "label": label, "found": bool(part), "spans": spans, "same": same})
        return made


def digest_of(text: str) -> str:
    """SHA-256 of an element's text, by which it is known whether somebody has changed it since."""
    return sha256(nfc(with_line_feeds(text)).encode())


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
    trace = RunTrace.objects.filter(packet=packet).first()
    return {
        **as_document(sheet, "trace_id", "run_at"),
        "elements": as_document(sheet, *ELEMENTS),
        **({"trace": _trace(trace, sheet)} if trace else {}),
    }


def _trace(trace: RunTrace, sheet: RunTrailSheet) -> dict[str, Any]:
    return {
        **as_document(trace, "sha256", "trace_id", "spans", "covers_from", "covers_to"),
        "received": stated(trace.received_at),
        "redacted": trace.redacted,
        "elements": {
            one["name"]: {
                "spans": [f"{span['name']} ({span['id']})" for span in one["spans"]],
                "in_its_words": one["same"],
            }
            if one["found"]
            else {"unknown": "not in the trace"}
            for one in trace.told(sheet)
        },
    }


def _figures(packet: Any) -> dict[str, Any]:
    trace = RunTrace.objects.filter(packet=packet).select_related("received_by").first()
    sheet = RunTrailSheet.objects.filter(packet=packet).first() or RunTrailSheet()
    return {"trace": trace, "told": trace.told(sheet) if trace else []}


SECTION = Section(
    number=5,
    key="trail",
    title="Observability trail of a single run",
    short="Trail of a single run",
    help="One real run, from input to answer. What cannot be found here will not be found after an incident either.",
    good="“Trace 4bf92f35, 20 November 09:14: payments.refund of €120 was requested and blocked by the limit; "
    "the answer was sent unchanged; groundedness check passed.”",
    find=_problems,
    figures=_figures,
    write=_document,
    sheet=RunTrailForm,
    kept=(RunTrace,),
    sheet_title="One run",
)
