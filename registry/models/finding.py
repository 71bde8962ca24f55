"""What helps people to find things again: counts of agents for the figures above a list, and the views that people save."""

import uuid

from django.db import models
from django.db.models import Q

from accounts.models import Person, Team
from registry.vocabulary import AgentStatus, Gate
from work import clock


class AgentCountQuerySet(models.QuerySet["AgentCount"]):
    """Counts of agents, as people see them."""

    def visible_to(self, user: Person) -> "AgentCountQuerySet":
        """Everyone signed in, as with the agents themselves."""
        return self if user.is_authenticated else self.none()


class AgentCount(models.Model):
    """So many agents more, or fewer, in a status and a gate's outcome. Triggers add rows; the sum is always exact.

    One row a change and none updated: people who change agents at once never wait for each other's counter.
    `registry.tasks.fold_counts` puts rows together.
    """

    status = models.CharField(max_length=20, choices=AgentStatus.choices)
    gate = models.CharField(max_length=10, choices=Gate.choices)
    n = models.BigIntegerField()

    objects = AgentCountQuerySet.as_manager()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.n:+} {self.status}, gate {self.gate}"


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    """Saved views, as people see them."""

    def visible_to(self, user: Person) -> "SavedViewQuerySet":
        """One's own, and those shared with one's teams."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(Q(person=user) | Q(team__in=user.team_ids))


class SavedView(models.Model):
    """A person's name for one filtering of the list of agents. `query` is what stands in the address."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="saved_views")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="saved_views", null=True, blank=True)
    name = models.CharField(max_length=80)
    query = models.CharField(max_length=2000)
    created_at = models.DateTimeField(default=clock.now)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["person", "name"], name="one_view_a_name")]
        indexes = [models.Index(fields=["team", "name"])]

    def __str__(self) -> str:
        return self.name
