"""What a person says does not apply to a packet, with the reason that signers read."""

from functools import cached_property

from django.db import models
from django.db.models import Q

from accounts.models import Person
from registry.demands import DEMANDS, WAIVABLE, Demand
from registry.models.packets import Packet
from work import clock

LEAST_REASON, MOST_REASON = 20, 1000
"""Characters of a reason, at least and at most. Fewer say nothing that a signer could judge."""


class NotApplicable(models.Model):
    """One part of a packet that does not apply: who says so, when and why. What the table forbids is refused here, too."""

    packet = models.ForeignKey(Packet, on_delete=models.CASCADE, related_name="not_applicable")
    demand = models.CharField(max_length=40)
    reason = models.TextField(max_length=MOST_REASON)
    said_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    said_at = models.DateTimeField(default=clock.now)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["packet", "demand"], name="one_statement_a_demand"),
            models.CheckConstraint(condition=Q(demand__in=WAIVABLE), name="only_some_parts_may_not_apply"),
            models.CheckConstraint(
                condition=Q(reason__regex=rf"^\S.{{{LEAST_REASON - 2},}}\S$"), name="not_applicable_says_why"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.demand} does not apply"

    @cached_property
    def about(self) -> Demand:
        """What does not apply."""
        return next(one for demands in DEMANDS.values() for one in demands if one.key == self.demand)
