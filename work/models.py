"""Follow-up work that an act has promised, and the signs of life of those who do it."""

from django.db import models


class FollowUp(models.Model):
    """A task that must run because an act was committed. Written in the act's transaction, so it cannot be lost."""

    task = models.CharField(max_length=200)
    args = models.JSONField(default=list)
    created_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["id"], name="followup_open", condition=models.Q(done_at=None))]

    def __str__(self) -> str:
        return f"{self.task}{tuple(self.args)}"


class Heartbeat(models.Model):
    """When a process was last seen at work."""

    name = models.CharField(max_length=50, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at}"


class Cursor(models.Model):
    """How far a room has read the ledger for what it reacts to."""

    name = models.CharField(max_length=50, primary_key=True)
    entry_id = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} at {self.entry_id}"
