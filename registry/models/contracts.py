"""What the catalogue knows of a data source beside its own row: published contracts, and where its data comes from."""

import uuid
from typing import Any

from django.db import models
from django.db.models import F, Q

from accounts.models import Person
from registry.models.agents import DataSource
from work import clock


class OfSourceQuerySet(models.QuerySet[Any]):
    """What belongs to a data source, as people see it."""

    def visible_to(self, user: Person) -> "OfSourceQuerySet":
        """Everyone signed in, as the catalogue itself."""
        return self if user.is_authenticated else self.none()


class DataContract(models.Model):
    """One published version of a source's data contract. The newest is the source's; a trigger refuses changes.

    `fields` is a list of {"name", "type", "meaning": text, "sensitive", "required": true, false or null for not said};
    `text` is what they were read from, as it came.
    """

    class Format(models.TextChoices):
        FIELDS = "fields", "List of fields"
        JSON_SCHEMA = "json_schema", "JSON Schema"
        ODCS = "odcs", "Open Data Contract Standard"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.ForeignKey(DataSource, on_delete=models.PROTECT, related_name="contracts")
    number = models.PositiveIntegerField()
    version = models.CharField(max_length=50)
    note = models.CharField(max_length=300, blank=True)
    format = models.CharField(max_length=20, choices=Format.choices)
    fields = models.JSONField()
    text = models.TextField()
    sha256 = models.CharField(max_length=64)
    published_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    published_at = models.DateTimeField(default=clock.now)

    objects = OfSourceQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["source", "number"], name="contract_number_is_the_sources"),
            models.UniqueConstraint(fields=["source", "version"], name="contract_version_is_published_once"),
            models.CheckConstraint(condition=~Q(version=""), name="contract_names_its_version"),
            models.CheckConstraint(condition=Q(sha256__regex="^[0-9a-f]{64}$"), name="contract_digest_is_sha256"),
        ]

    def __str__(self) -> str:
        return f"{self.source.name}, contract {self.version}"


class SourceLink(models.Model):
    """That data of one source flows into another. Triggers refuse a flow that would come back to where it began."""

    upstream = models.ForeignKey(DataSource, on_delete=models.PROTECT, related_name="feeds")
    downstream = models.ForeignKey(DataSource, on_delete=models.PROTECT, related_name="fed_by")
    note = models.CharField(max_length=200, blank=True)
    added_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(default=clock.now)

    objects = OfSourceQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["upstream", "downstream"], name="one_link_a_pair"),
            models.CheckConstraint(condition=~Q(upstream=F("downstream")), name="link_is_to_another_source"),
        ]

    def __str__(self) -> str:
        return f"{self.upstream} feeds {self.downstream}"
