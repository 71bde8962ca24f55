"""What an agent did wrong, as it was reported, and how it ended."""

import datetime as dt
import uuid
from typing import Any

from django.db import models
from django.db.models import Case, Count, Exists, F, OuterRef, Q, Value, When

from accounts.models import Person
from registry.models import Agent
from registry.sections.s04_evals import EvalCase
from work import clock

EARLIEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
"""Nothing that was reported happened before; a year typed wrong is found."""
LONGEST = 4000
"""Characters of one text of an incident: what section 4 takes of a case's input."""
LONGEST_TOLD = 1000


class IncidentQuerySet(models.QuerySet["Incident"]):
    """Incidents, as people see them."""

    def visible_to(self, user: Person) -> "IncidentQuerySet":
        """With the agent's detail; who reported one sees that one."""
        if not user.is_authenticated:
            return self.none()
        if user.sees_all:
            return self
        # Asked of each incident: beside an OR, PostgreSQL would else read every agent that the person may see.
        agent = Agent.objects.detail_visible_to(user).filter(pk=OuterRef("agent"))
        return self.filter(Exists(agent) | Q(reported_by=user))

    def open(self) -> "IncidentQuerySet":
        """Those that nobody has closed."""
        return self.filter(closed_at=None)

    def told(self) -> "IncidentQuerySet":
        """With everybody that a page names."""
        return self.select_related("agent__team", "reported_by", "closed_by")

    def worst_first(self) -> "IncidentQuerySet":
        """Open ones first, of those the most severe, then the newest."""
        rank = Case(*[When(severity=one, then=Value(place)) for place, one in enumerate(SEVEREST_FIRST)])
        return self.order_by(F("closed_at").asc(nulls_first=True), rank, "-happened_at", "pk")

    def figures(self) -> dict[str, Any]:
        """How many there are, how many are open, and how many of each severity. One query."""
        by_severity = {one.value: Count("pk", filter=Q(severity=one)) for one in Incident.Severity}
        return self.aggregate(all=Count("pk"), open=Count("pk", filter=Q(closed_at=None)), **by_severity)


class Incident(models.Model):
    """One time that an agent did wrong. What was reported never changes; severity and who was told are amended; it is
    closed with what was done, and can be opened again."""

    class Severity(models.TextChoices):
        LOW = "low", "Low"
        SERIOUS = "serious", "Serious"
        CRITICAL = "critical", "Critical"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="incidents")
    happened_at = models.DateTimeField(help_text="What it covers")
    reported_at = models.DateTimeField(default=clock.now)
    reported_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="incidents_reported")
    severity = models.CharField(max_length=10, choices=Severity.choices)
    failure_mode = models.CharField(max_length=30, choices=EvalCase.FailureMode.choices, blank=True)
    what = models.CharField(max_length=LONGEST, help_text="What it did wrong")
    asked = models.CharField(max_length=LONGEST, blank=True, help_text="What it was asked")
    should = models.CharField(max_length=LONGEST, blank=True, help_text="What it should have done")
    run = models.CharField(max_length=200, blank=True, help_text="The id of the run or trace")
    version = models.CharField(max_length=50, blank=True, help_text="Of the agent")
    told = models.CharField(max_length=LONGEST_TOLD, blank=True, help_text="Who was told")
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    outcome = models.CharField(max_length=LONGEST, blank=True, help_text="What was done; stays when it is opened again")
    redacted: Any = models.JSONField(default=dict, help_text="How much was taken out of its texts, by kind")
    edition = models.PositiveIntegerField(default=1, help_text="Counts what was done after the report")
    # With it, the digests that stand in the ledger can be checked here and guessed nowhere.
    salt = models.UUIDField(default=uuid.uuid4, editable=False)

    objects = IncidentQuerySet.as_manager()

    class Meta:
        ordering = ["-happened_at", "id"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(severity__in=["low", "serious", "critical"]), name="incident_severity_is_known"
            ),
            models.CheckConstraint(
                condition=Q(failure_mode="") | Q(failure_mode__in=EvalCase.FailureMode.values),
                name="incident_failure_mode_is_known",
            ),
            models.CheckConstraint(condition=~Q(what=""), name="incident_says_what"),
            models.CheckConstraint(
                condition=Q(happened_at__gte=EARLIEST, happened_at__lte=F("reported_at")),
                name="incident_happened_before_it_was_reported",
            ),
            models.CheckConstraint(
                condition=Q(closed_at=None, closed_by=None)
                | (Q(closed_at__gte=F("reported_at"), closed_by__isnull=False) & ~Q(outcome="")),
                name="closed_incident_says_by_whom_and_what_was_done",
            ),
        ]
        indexes = [
            models.Index(fields=["agent", "-happened_at"]),
            models.Index(fields=["agent", "reported_at"]),
            models.Index(fields=["-happened_at", "id"]),
            models.Index(fields=["reported_at", "id"]),
            # The rail's count and the home page read only what is open, however much was closed in all the years.
            models.Index(fields=["agent", "severity"], condition=Q(closed_at=None), name="incident_open"),
        ]

    def __str__(self) -> str:
        return f"Incident {self.short} of {self.agent}"

    @property
    def short(self) -> str:
        """Enough of its id to tell it by."""
        return str(self.pk)[:8]

    @property
    def case_id(self) -> str:
        """What it is called as an eval case."""
        return f"incident-{self.short}"

    @property
    def is_open(self) -> bool:
        """Whether nobody has closed it."""
        return self.closed_at is None


SEVEREST_FIRST = (Incident.Severity.CRITICAL, Incident.Severity.SERIOUS, Incident.Severity.LOW)
