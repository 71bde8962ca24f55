"""Section 10: how it goes live, how it goes back, how it is stopped."""

from typing import Any

from django import forms
from django.core.validators import MaxValueValidator
from django.db import models

from registry.sections.base import (
    PacketRow,
    PacketSheet,
    Problem,
    Rows,
    Section,
    as_document,
    long_text,
    missing,
    whole,
)
from registry.vocabulary import RiskClass
from work import clock

NOTHING = ("nothing", "none", "n/a", "no", "-", "–")


class RolloutStage(PacketRow):
    """One step towards everybody."""

    audience = long_text("Audience", "Who meets it at this stage", 500)
    percent = models.PositiveSmallIntegerField(
        "Share of the audience, percent", null=True, blank=True, validators=[MaxValueValidator(100)]
    )
    criteria = long_text("Success criteria", "What must be true to move on", 1000)
    dwell_days = whole("Days at least")
    review_percent = models.PositiveSmallIntegerField(
        "Answers read by a person, percent", null=True, blank=True, validators=[MaxValueValidator(100)]
    )


class RolloutPlan(PacketSheet):
    """Rollback and kill switch."""

    rollback_target = long_text("Rolls back to", "Version, or the process without the agent", 500)
    rollback_steps = long_text("Rollback steps")
    kill_mechanism = long_text("Kill switch", "What is switched, where", 1000)
    kill_who = long_text("Who may use it", max_length=500)
    kill_seconds = whole("Stops within, seconds", "The time promised, to be shown in a drill")
    not_reached = long_text("What a stop does not reach", "Queued jobs, sent mail, other vendors", 1000)
    review_on = models.DateField("Post-launch review on", null=True, blank=True)


class RolloutStageForm(forms.ModelForm):
    class Meta:
        model = RolloutStage
        fields = ["audience", "percent", "criteria", "dwell_days", "review_percent"]


class RolloutPlanForm(forms.ModelForm):
    class Meta:
        model = RolloutPlan
        fields = [
            "rollback_target",
            "rollback_steps",
            "kill_mechanism",
            "kill_who",
            "kill_seconds",
            "not_reached",
            "review_on",
        ]
        widgets = {"review_on": forms.DateInput(attrs={"type": "date"})}


def _problems(packet: Any) -> list[Problem]:
    found = []
    if not RolloutStage.objects.filter(packet=packet).exists():
        found.append(
            Problem(
                "Plan at least one stage: who meets it first, and what must be true to go on.",
                "id_stage-0-audience",
                parts=("stage.rows",),
            )
        )
    found += missing(
        packet,
        RolloutStage,
        {
            "audience": "Stage {n}: say who meets it.",
            "percent": "Stage {n}: give the share of that audience.",
            "criteria": "Stage {n}: say what must be true to move on.",
            "dwell_days": "Stage {n}: say for how many days at least.",
            "review_percent": "Stage {n}: say how many answers a person reads.",
        },
        "stage",
    )
    if not RolloutPlan.objects.filter(packet=packet).exists():
        return [
            *found,
            Problem(
                "Say how it is rolled back and stopped.", "id_sheet-rollback_target", parts=("sheet.rollback_target",)
            ),
        ]
    return found + missing(
        packet,
        RolloutPlan,
        {
            "rollback_target": "Say what it rolls back to.",
            "rollback_steps": "Give the steps of a rollback.",
            "kill_mechanism": "Say what the kill switch is.",
            "kill_who": "Say who may use the kill switch.",
            "kill_seconds": "Promise a time within which it stops.",
            "not_reached": "Say what a stop does not reach.",
            "review_on": "Give the date of the post-launch review.",
        },
    )


def _advice(packet: Any) -> list[Problem]:
    stages = list(RolloutStage.objects.filter(packet=packet).order_by("pk"))
    found = []
    if stages and stages[0].percent == 100 and packet.agent.risk_class != RiskClass.MINIMAL:
        found.append(
            Problem("The first stage meets all of its audience at once. A small share first shows what goes wrong.",
                    "id_stage-0-percent")
        )  # fmt: skip
    for i, stage in enumerate(stages):
        if stage.review_percent == 0:
            text = f"Stage {i + 1}: no answer is read by a person. A sample shows what figures do not."
            found.append(Problem(text, f"id_stage-{i}-review_percent"))
    plan = RolloutPlan.objects.filter(packet=packet).first()
    if plan and plan.not_reached.strip().rstrip(".").lower() in NOTHING:
        text = "A stop rarely reaches everything. Name queued jobs, mail that was sent, and other vendors, or why there are none."
        found.append(Problem(text, "id_sheet-not_reached"))
    if plan and plan.review_on and packet.editable and plan.review_on <= clock.now().date():
        found.append(
            Problem("The review after launch is on a day that has passed. Set a later one.", "id_sheet-review_on")
        )
    return found


def _document(packet: Any) -> dict[str, Any]:
    plan = RolloutPlan.objects.filter(packet=packet).first() or RolloutPlan()
    return {
        "stages": [
            as_document(stage, "audience", "percent", "criteria", "dwell_days", "review_percent")
            for stage in RolloutStage.objects.filter(packet=packet).order_by("pk")
        ],
        **as_document(plan, *RolloutPlanForm.Meta.fields),
    }


SECTION = Section(
    number=10,
    key="rollout",
    title="Rollout, rollback and kill switch",
    short="Rollout, rollback, kill switch",
    help="Who meets it first, what must be true to go on, how it goes back, and how it is stopped.",
    good="“5% of borrowers for 7 days, complaint rate below 0.4%, a person reads 5% of the answers. Stops in 30 seconds by the "
    "gateway's switch; mail already sent is not reached.”",
    find=_problems,
    advise=_advice,
    write=_document,
    sheet=RolloutPlanForm,
    sheet_title="Rollback and kill switch",
    rows=(Rows(RolloutStageForm, "stage", "Stages", "Add a stage", key="audience"),),
)
