"""Files that belong to a packet's section, kept once by the digest of their bytes."""

import uuid

from django.db import models
from django.db.models import Q

from accounts.models import Person
from registry.models.packets import Packet
from work import clock


class StoredFile(models.Model):
    """A file's bytes, kept once, whoever attaches them. A trigger refuses other bytes.

    `kept` is set once a packet was submitted with it, and stays: from then on it can no longer be deleted.
    """

    sha256 = models.CharField(max_length=64, primary_key=True)
    body = models.BinaryField()
    size = models.PositiveIntegerField()
    kept = models.BooleanField(default=False)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(sha256__regex="^[0-9a-f]{64}$"), name="file_is_named_by_sha256")
        ]

    def __str__(self) -> str:
        return self.sha256


class AttachmentQuerySet(models.QuerySet["Attachment"]):
    """Attachments, as people see them."""

    def visible_to(self, user: Person) -> "AttachmentQuerySet":
        """Those of the packets that `user` may see."""
        return self.filter(packet__in=Packet.objects.visible_to(user)) if user.is_authenticated else self.none()


class Attachment(models.Model):
    """A file that a section of a packet shows: what it is called there, what it covers, and when it came.

    `covers_from` and `covers_to` say of which days it is evidence; its age is counted by the last, never by the upload.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    packet = models.ForeignKey(Packet, on_delete=models.CASCADE, related_name="attachments")
    section = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=60)
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="attachments")
    covers_from = models.DateField(null=True, blank=True)
    covers_to = models.DateField(null=True, blank=True)
    added_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(default=clock.now)

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        ordering = ["section", "name", "id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["packet", "section", "name"], name="one_attachment_a_name"),
            models.CheckConstraint(condition=Q(section__range=(1, 10)), name="attachment_is_of_a_section"),
            models.CheckConstraint(
                condition=Q(covers_from=None) | Q(covers_to=None) | Q(covers_from__lte=models.F("covers_to")),
                name="attachment_covers_days_in_order",
            ),
        ]

    def __str__(self) -> str:
        return self.name
