"""Section 2: which data the agent is granted, and which it must never use or log."""

from typing import Any

from django import forms
from django.db import models
from django.urls import reverse

from registry.models.agents import DataSource
from registry.sections.base import PacketRow, Problem, Rows, Section, as_document, long_text, missing, stated, whole
from registry.sections.catalogue import CatalogueForm, gone, not_retired, offer_catalogue


class DataGrant(PacketRow):
    """One data source, for one purpose."""

    source = models.ForeignKey(DataSource, on_delete=models.PROTECT, related_name="grants", verbose_name="Data source")
    purpose = long_text("Purpose", "What the agent needs it for")
    fields = long_text("Fields", "Which fields or documents, as narrowly as you can")
    retention_days = whole("Retention in days", "How long anything read from it is kept. 0 means not at all")


class NeverRule(PacketRow):
    """Data that must never be used, or never be logged."""

    class Kind(models.TextChoices):
        USE = "use", "Never used"
        LOG = "log", "Never logged"

    kind = models.CharField("Rule", max_length=5, choices=Kind.choices, default=Kind.USE)
    text = long_text("Data", "Which data, and how it is kept out")


class DataGrantForm(CatalogueForm):
    class Meta:
        model = DataGrant
        fields = ["source", "purpose", "fields", "retention_days"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_catalogue(self, "source")

    def clean_source(self) -> DataSource:
        """Refuses what was retired."""
        return not_retired(self, "source")


class NeverRuleForm(forms.ModelForm):
    class Meta:
        model = NeverRule
        fields = ["kind", "text"]


def _problems(packet: Any) -> list[Problem]:
    found = []
    grants = DataGrant.objects.filter(packet=packet).order_by("pk").select_related("source__merged_into")
    if not grants:
        found.append(
            Problem(
                "Name the data that the agent reads. If it reads none, say under What does not apply why.",
                "id_grant-0-source",
                parts=("grant.rows",),
            )
        )
    for i, grant in enumerate(grants):
        entry = reverse("data_detail", args=[grant.source.pk])
        if grant.source.retired_at:
            found.append(
                Problem(
                    gone(grant.source),
                    f"id_grant-{i}-source",
                )
            )
        if not grant.source.classification:
            found.append(
                Problem(
                    f"{grant.source.name} has no classification in the catalogue. Ask its owner.",
                    url=entry,
                    parts=("grant.classification",),
                )
            )
        if not grant.source.contract_version:
            found.append(
                Problem(
                    f"{grant.source.name} has no data contract in the catalogue. Ask its owner.",
                    url=entry,
                    parts=("grant.contract",),
                )
            )
    found += missing(
        packet,
        DataGrant,
        {
            "purpose": "Data source {n}: say what the agent needs it for.",
            "fields": "Data source {n}: say which fields.",
            "retention_days": "Data source {n}: say how many days anything read from it is kept.",
        },
        "grant",
    )
    kinds = set(NeverRule.objects.filter(packet=packet).exclude(text="").values_list("kind", flat=True))
    if NeverRule.Kind.USE not in kinds:
        found.append(Problem("Say which data must never be used.", "id_never-0-text", parts=("never.use",)))
    if NeverRule.Kind.LOG not in kinds:
        found.append(Problem("Say which data must never be logged.", "id_never-0-text", parts=("never.log",)))
    return found


def _document(packet: Any) -> dict[str, Any]:
    grants = DataGrant.objects.filter(packet=packet).order_by("pk").select_related("source")
    return {
        "grants": [
            {
                "source": {
                    "slug": grant.source.slug,
                    "name": grant.source.name,
                    "classification": stated(grant.source.classification, "not classified"),
                    "contract_version": stated(grant.source.contract_version, "no contract"),
                    **({"never_leaves": grant.source.never_leaves} if grant.source.never_leaves else {}),
                },
                **as_document(grant, "purpose", "fields", "retention_days"),
            }
            for grant in grants
        ],
        "never": [as_document(row, "kind", "text") for row in NeverRule.objects.filter(packet=packet).order_by("pk")],
    }


SECTION = Section(
    number=2,
    key="data",
    title="Data sources, and data that must never be used",
    short="Data and forbidden data",
    help="Every source with its purpose, as narrow as it can be, and what is kept out of answers and logs.",
    good="“Claims store, contract 3.2: claim number, status, dates; to tell a handler what is still missing; kept 0 days. "
    "Medical reports are never read; policy holders' names never reach a log.”",
    find=_problems,
    write=_document,
    rows=(
        Rows(DataGrantForm, "grant", "Data it may read", "Add a data source", key="source"),
        Rows(NeverRuleForm, "never", "Data it must never touch", "Add a rule", key="text"),
    ),
)
