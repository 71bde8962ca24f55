"""What runs where, on whose word."""

import uuid

from django.db import models
from django.db.models import Q

from accounts.models import Person
from approvals.models import Environment, GateDecision
from registry.models import Agent, Packet


class ReleaseQuerySet(models.QuerySet["Release"]):
    """Releases, as people see them."""

    def visible_to(self, user: Person) -> "ReleaseQuerySet":
        """That something is live, and whose, is on every agent's card; so everyone signed in sees it."""
        return self if user.is_authenticated else self.none()


class Release(models.Model):
    """An approved packet in an environment, from promotion until it is suspended or superseded."""

    class State(models.TextChoices):
        LIVE = "live", "Live"
        SUSPENDED = "suspended", "Suspended"
        SUPERSEDED = "superseded", "Superseded"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="releases")
    packet = models.ForeignKey(Packet, on_delete=models.PROTECT, related_name="releases")
    environment = models.CharField(max_length=20, choices=Environment.choices)
    decision = models.ForeignKey(GateDecision, on_delete=models.PROTECT, related_name="releases")
    state = models.CharField(max_length=20, choices=State.choices, default=State.LIVE)
    promoted_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    promoted_at = models.DateTimeField()
    suspended_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    suspended_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True, max_length=2000)
    resume_asked_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)

    objects = ReleaseQuerySet.as_manager()

    class Meta:
        ordering = ["-promoted_at"]
        default_permissions = ()
        constraints = [
            # Live or suspended: either way it is the one that the environment holds.
            models.UniqueConstraint(
                fields=["agent", "environment"], condition=Q(ended_at=None), name="one_release_in_an_environment"
            ),
            models.CheckConstraint(condition=Q(state="superseded") ^ Q(ended_at=None), name="ended_means_superseded"),
            models.CheckConstraint(
                condition=~Q(state="suspended") | (Q(suspended_at__isnull=False) & ~Q(reason="")),
                name="suspension_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.packet} in {self.environment}"
