"""Who answers for an agent: what owner and deputy accepted, and the look back after a launch."""

import json
import uuid
from typing import Any

from django.db import models
from django.db.models import Q

from accounts.models import Person
from registry.models.packets import Packet
from registry.vocabulary import Duty
from work import clock


class AcceptanceQuerySet(models.QuerySet["Acceptance"]):
    """Acceptances, as people see them."""

    def visible_to(self, user: Person) -> "AcceptanceQuerySet":
        """Those of the packets that `user` may see."""
        return self.filter(packet__in=Packet.objects.visible_to(user)) if user.is_authenticated else self.none()

    def open(self) -> "AcceptanceQuerySet":
        """Those that were neither withdrawn nor given anew."""
        return self.filter(ended_at=None)


class Acceptance(models.Model):
    """That a person answers for an agent, as section 9 of a packet said it: its bytes, and their digest.

    It counts while section 9 still says the same and the person still has the duty. A trigger refuses any change but
    its one end.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    packet = models.ForeignKey(Packet, on_delete=models.PROTECT, related_name="acceptances")
    duty = models.CharField(max_length=10, choices=Duty.choices)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    statement = models.CharField(max_length=500)
    content = models.BinaryField()
    digest = models.CharField(max_length=64)
    accepted_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True)

    objects = AcceptanceQuerySet.as_manager()

    class Meta:
        ordering = ["packet", "duty", "accepted_at"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["packet", "duty"], condition=Q(ended_at=None), name="one_acceptance_a_duty"
            ),
            models.CheckConstraint(condition=Q(duty__in=Duty.values), name="acceptance_duty_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.person} as {self.get_duty_display()}"

    @property
    def said(self) -> dict[str, Any]:
        """What section 9 said when it was accepted."""
        return json.loads(bytes(self.content))


class LaunchReview(models.Model):
    """That the owner or the deputy looked at an agent after its launch, on or after the day that section 10 promised."""

    packet = models.OneToOneField(Packet, on_delete=models.PROTECT, related_name="launch_review")
    due_on = models.DateField()
    found = models.TextField(max_length=4000)
    reviewed_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    reviewed_at = models.DateTimeField(default=clock.now)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=~Q(found=""), name="launch_review_says_what")]

    def __str__(self) -> str:
        return f"review of {self.packet} after its launch"
