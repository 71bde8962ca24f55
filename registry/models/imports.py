"""What was imported for an agent: each manifest as it was read, so that the next one can be told from what people wrote."""

import uuid

from django.db import models
from django.db.models import Q

from accounts.models import Person
from registry.models.agents import Agent
from work import clock


class ManifestQuerySet(models.QuerySet["ImportedManifest"]):
    """Imported manifests, as people see them."""

    def visible_to(self, user: Person) -> "ManifestQuerySet":
        """Those of the agents whose details `user` may see: paths of prompts and names of tools are not on the card."""
        return self.filter(agent__in=Agent.objects.detail_visible_to(user)) if user.is_authenticated else self.none()


class ImportedManifest(models.Model):
    """One manifest that was imported for an agent. The newest is what the agent's repository says of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="manifests")
    number = models.PositiveIntegerField()
    content = models.JSONField()
    sha256 = models.CharField(max_length=64)
    imported_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    imported_at = models.DateTimeField(default=clock.now)

    objects = ManifestQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["agent", "number"], name="manifest_number_is_the_agents"),
            models.CheckConstraint(condition=Q(sha256__regex="^[0-9a-f]{64}$"), name="manifest_digest_is_sha256"),
        ]

    def __str__(self) -> str:
        return f"{self.agent.name}, manifest {self.number}"
