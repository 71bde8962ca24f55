"""Section 6: what the agent may do, on which system, and which calls wait for a person."""

import re
from typing import Any

from django import forms
from django.db import models
from django.urls import reverse

from registry.models.agents import Tool
from registry.sections.base import PacketRow, PacketSheet, Problem, Rows, Section, as_document, line, long_text, missing
from registry.sections.catalogue import CatalogueForm, gone, not_retired, offer_catalogue
from registry.vocabulary import Effect, PacketState, ToolTag


class ToolGrant(PacketRow):
    """One tool, with its scope and the approval that a call needs."""

    class Environment(models.TextChoices):
        SANDBOX = "sandbox", "Sandbox"
        LIVE = "live", "Live"

    class Approval(models.TextChoices):
        NONE = "none", "None"
        CALL = "per_call", "A person, per call"
        BATCH = "per_batch", "A person, per batch"

    tool = models.ForeignKey(Tool, on_delete=models.PROTECT, related_name="grants")
    scope = long_text("Scope", "On which records, with which credentials", 1000)
    environment = models.CharField(max_length=10, choices=Environment.choices, blank=True)
    approval = models.CharField(max_length=10, choices=Approval.choices, blank=True)
    limit = line("Limit", "Per call, per day: amounts, counts")
    mitigation = long_text("Mitigation", "What holds the risk that is named beside this form", 2000)


class AgencyNote(PacketSheet):
    """What is said about the tools taken together."""

    statement = long_text(
        "Tools taken together", "What stops the agent from doing harm with the combination of these tools"
    )


class ToolGrantForm(CatalogueForm):
    class Meta:
        model = ToolGrant
        fields = ["tool", "scope", "environment", "approval", "limit", "mitigation"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_catalogue(self, "tool")

    def clean_tool(self) -> Tool:
        """Refuses what was retired."""
        return not_retired(self, "tool")


class AgencyNoteForm(forms.ModelForm):
    class Meta:
        model = AgencyNote
        fields = ["statement"]


def _problems(packet: Any) -> list[Problem]:
    grants = list(ToolGrant.objects.filter(packet=packet).order_by("pk").select_related("tool__merged_into"))
    note = AgencyNote.objects.filter(packet=packet).first()
    found = []
    if not grants and not (note and note.statement):
        found.append(
            Problem(
                "Grant the tools that the agent calls. If it calls none, say so under Taken together.",
                "id_grant-0-tool",
                parts=("grant.rows",),
            )
        )
    for i, grant in enumerate(grants):
        if grant.tool.retired_at:
            found.append(
                Problem(
                    gone(grant.tool),
                    f"id_grant-{i}-tool",
                )
            )
        live_without = grant.environment == ToolGrant.Environment.LIVE and grant.approval == ToolGrant.Approval.NONE
        if grant.tool.effect == Effect.IRREVERSIBLE and live_without and not grant.mitigation:
            found.append(
                Problem(
                    f"{grant.tool} is irreversible and live without approval: ask for approval, or say what "
                    "holds the risk.",
                    f"id_grant-{i}-mitigation",
                    parts=("grant.mitigation",),
                )
            )
    tags = {tag for grant in grants for tag in grant.tool.tags}
    trifecta = {ToolTag.CUSTOMER_DATA, ToolTag.UNTRUSTED, ToolTag.EXTERNAL}
    if trifecta <= tags and not (note and note.statement):
        found.append(
            Problem(
                "These tools read customer data, read untrusted input and send outside: an injected instruction "
                "could carry data out. Say below what stops it.",
                "id_sheet-statement",
                parts=("sheet.statement",),
            )
        )
    found += missing(
        packet,
        ToolGrant,
        {
            "scope": "Tool {n}: say on which records, with which credentials.",
            "environment": "Tool {n}: say whether it acts on the sandbox or live.",
            "approval": "Tool {n}: say which approval a call needs.",
        },
        "grant",
    )
    return found


BROAD = re.compile(r"\b(all|any|every|everything|admin|root|full|unrestricted)\b|\*", re.IGNORECASE)


def _advice(packet: Any) -> list[Problem]:
    """Signs of excessive agency (OWASP LLM06:2025) that a reviewer will ask about. A mitigation answers them."""
    found = []
    grants = ToolGrant.objects.filter(packet=packet, mitigation="").order_by("pk").select_related("tool")
    first = not packet.agent.packets.filter(state__in=(PacketState.APPROVED, PacketState.SUPERSEDED)).exists()
    numbers = {
        pk: i
        for i, pk in enumerate(ToolGrant.objects.filter(packet=packet).order_by("pk").values_list("pk", flat=True))
    }
    for grant in grants:
        anchor = f"id_grant-{numbers[grant.pk]}-mitigation"
        live = grant.environment == ToolGrant.Environment.LIVE
        if first and live and grant.tool.effect != Effect.READ:
            text = f"{grant.tool} changes something live in the agent's first packet. Let it read first, or say what holds it."
            found.append(Problem(text, anchor))
        elif live and grant.tool.effect != Effect.READ and not _was_granted(packet, grant):
            text = f"{grant.tool} goes live and was in no approved packet yet. Try it on the sandbox, or say what holds it."
            found.append(Problem(text, anchor))
        if BROAD.search(grant.scope):
            text = f"{grant.tool} has a broad scope. Narrow it to the records of the case, or say what holds the risk."
            found.append(Problem(text, anchor))
        if grant.tool.confirmed_at is None:
            entry = reverse("tool_detail", args=[grant.tool.pk])
            found.append(Problem(f"Nobody has confirmed what {grant.tool} does. Ask its owner or Security.", url=entry))
    return found


def _was_granted(packet: Any, grant: ToolGrant) -> bool:
    earlier = packet.agent.packets.filter(state__in=(PacketState.APPROVED, PacketState.SUPERSEDED)).exclude(
        pk=packet.pk
    )
    return ToolGrant.objects.filter(packet__in=earlier, tool=grant.tool).exists()


def _document(packet: Any) -> dict[str, Any]:
    note = AgencyNote.objects.filter(packet=packet).first() or AgencyNote()
    grants = ToolGrant.objects.filter(packet=packet).order_by("pk").select_related("tool")
    return {
        "grants": [
            {
                "tool": {
                    "slug": grant.tool.slug,
                    "name": grant.tool.name,
                    "system": grant.tool.system,
                    "effect": grant.tool.effect,
                    "tags": sorted(grant.tool.tags),
                },
                **as_document(grant, "scope", "environment", "approval"),
                **{name: value for name in ("limit", "mitigation") if (value := getattr(grant, name))},
            }
            for grant in grants
        ],
        "statement": note.statement,
    }


SECTION = Section(
    number=6,
    key="tools",
    title="Tool permissions and approval gates",
    short="Tools and approval gates",
    help="What the agent may do, on which system, and which calls wait for a person.",
    good="“payments.refund: irreversible, sandbox only, a person approves each call, at most 200 dollars; "
    "credentials can do nothing else.”",
    find=_problems,
    advise=_advice,
    write=_document,
    sheet=AgencyNoteForm,
    sheet_title="Taken together",
    rows=(Rows(ToolGrantForm, "grant", "Tools it may call", "Add a tool", key="tool"),),
)
