"""Section 9: a named owner who can say no, and the path for support."""

from typing import Any

from django import forms
from django.urls import reverse

from registry.sections.base import (
    PacketSheet,
    Problem,
    Section,
    as_document,
    line,
    long_text,
    missing,
)


class SupportPlan(PacketSheet):
    """Who answers, when and how. Owner and deputy themselves are the agent's."""

    authority = long_text("What the owner may decide alone", "An owner who cannot stop it is no owner", 1000)
    support_hours = line("Support hours", "With time zone")
    support_path = line("Support path", "Where people report a bad answer: queue, channel, telephone")
    escalation = long_text("Escalation", "Who is called when, with times", 2000)
    runbook = line("Runbook", "Address of the runbook", 500)


class SupportPlanForm(forms.ModelForm):
    class Meta:
        model = SupportPlan
        fields = ["authority", "support_hours", "support_path", "escalation", "runbook"]


def _problems(packet: Any) -> list[Problem]:
    agent = packet.agent
    found = []
    card = reverse("agent_edit", args=[agent.slug]) + "#id_deputy"
    if not agent.owner.is_active:
        hand_over = reverse("agent_handover", args=[agent.slug])
        found.append(
            Problem(
                f"{agent.owner.name}, the owner, has left. The agent has to be handed over.",
                url=hand_over,
                parts=("agent.owner",),
            )
        )
    if agent.deputy is None:
        found.append(
            Problem(
                "Name a deputy on the agent's page: the owner is not always there.", url=card, parts=("agent.deputy",)
            )
        )
    elif not agent.deputy.is_active:
        found.append(
            Problem(
                f"{agent.deputy.name}, the deputy, has left. Name another on the agent's page.",
                url=card,
                parts=("agent.deputy",),
            )
        )
    if not SupportPlan.objects.filter(packet=packet).exists():
        return [*found, Problem("Say how the agent is supported.", "id_sheet-authority", parts=("sheet.authority",))]
    return found + missing(
        packet,
        SupportPlan,
        {
            "authority": "Say what the owner may decide alone.",
            "support_hours": "Give the support hours with their time zone.",
            "support_path": "Say where people report a bad answer.",
            "escalation": "Say who is called when.",
            "runbook": "Give the address of the runbook.",
        },
    )


def _document(packet: Any) -> dict[str, Any]:
    plan = SupportPlan.objects.filter(packet=packet).first() or SupportPlan()
    agent = packet.agent
    return {
        "owner": {"id": str(agent.owner_id), "name": agent.owner.name},
        "deputy": {"id": str(agent.deputy_id), "name": agent.deputy.name} if agent.deputy else {"unknown": "not named"},
        **as_document(plan, "authority", "support_hours", "support_path", "escalation", "runbook"),
    }


SECTION = Section(
    number=9,
    key="owner",
    title="Named owner and support path",
    short="Owner and support path",
    help="A person who can say no, a deputy, and what somebody does who got a bad answer.",
    good="“Ana Ruiz may suspend it alone at any hour. Bad answers go to #lending-assistant, read 08:00 to 18:00 CET; "
    "after 15 minutes without a reply the on-call is paged.”",
    find=_problems,
    write=_document,
    sheet=SupportPlanForm,
    sheet_title="Support",
)
