"""What the API has answered to creates, so that asking again makes nothing twice."""

from django.db import models


class IdempotentAnswer(models.Model):
    """The answer to one `Idempotency-Key` of one caller, kept for a day."""

    caller = models.CharField(max_length=64)
    key = models.CharField(max_length=255)
    asked = models.CharField(max_length=64)
    """SHA-256 of method, path and body: the same key for something else is a mistake."""
    status = models.PositiveSmallIntegerField(default=0)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=bytes)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="one_answer_a_key")]

    def __str__(self) -> str:
        return f"{self.caller}: {self.key}"
