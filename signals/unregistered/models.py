"""Sightings and what was counted of them; the rules that tie eval runs; which agent uses which key."""

import datetime as dt
import uuid
from typing import Any

from django.db import models
from django.db.models import Q

from accounts.models import Person
from accounts.roles import Role
from registry.models import Agent
from work import clock


class SightingQuerySet(models.QuerySet["Sighting"]):
    """Sightings, as people see them."""

    def visible_to(self, user: Person) -> "SightingQuerySet":
        """Everyone signed in: what nobody owns cannot be claimed by who does not see it. Spend is shown to fewer."""
        return self if user.is_authenticated else self.none()

    def seen(self) -> "SightingQuerySet":
        """Those that lines or runs which belong to no agent still name."""
        return self.filter(lines__gt=0)

    def waiting(self, today: dt.date | None = None) -> "SightingQuerySet":
        """Those that need an answer: never answered, or ignored until a day that has passed."""
        today = today or clock.now().date()
        over = Q(state=Sighting.State.IGNORED, ignored_until__lt=today)
        return self.seen().filter(Q(state=Sighting.State.OPEN) | over)

    def ignored(self, today: dt.date | None = None) -> "SightingQuerySet":
        """Those that are ignored now."""
        return self.filter(state=Sighting.State.IGNORED, ignored_until__gte=today or clock.now().date())

    def answerable_by(self, user: Person) -> "SightingQuerySet":
        """Those that `user` may map or ignore: a platform admin all, finance those of costs."""
        if user.is_auditor or user.is_service:
            return self.none()
        if user.is_admin:
            return self
        return self.filter(kind__in=COST_KINDS) if Role.FINANCE in user.roles else self.none()


class Sighting(models.Model):
    """A name, key, account, project or service that pulled costs or evals hold, and no agent claims.

    Each cost line without an agent counts in exactly one sighting, so what all of them spent is what is untied.
    """

    class Kind(models.TextChoices):
        TAG = "tag", "Cost tag"
        KEY = "key", "Key"
        SUB_ACCOUNT = "sub_account", "Sub-account"
        PROJECT = "project", "Project"
        SERVICE = "service", "Service"
        EVAL_AGENT = "eval_agent", "Agent named in evals"
        EVAL_TASK = "eval_task", "Eval task"

    class State(models.TextChoices):
        OPEN = "open", "Nobody registered it"
        MAPPED = "mapped", "Mapped"
        IGNORED = "ignored", "Ignored"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    name = models.CharField(max_length=200, blank=True, help_text="For a tag or key: the tag's key")
    value = models.CharField(max_length=500)
    lines = models.PositiveBigIntegerField(default=0, help_text="Charges, or eval runs, that belong to no agent")
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, null=True, related_name="sightings")
    reason = models.CharField(max_length=500, blank=True)
    ignored_until = models.DateField(null=True)
    decided_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    claimed_for = models.ForeignKey(Agent, on_delete=models.PROTECT, null=True, related_name="claimed_sightings")
    claimed_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    claimed_at = models.DateTimeField(null=True)

    objects = SightingQuerySet.as_manager()

    class Meta:
        ordering = ["-last_seen", "id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["kind", "name", "value"], name="one_sighting_a_value"),
            models.CheckConstraint(
                condition=Q(
                    kind__in=["tag", "key", "sub_account", "project", "service", "eval_agent", "eval_task"],
                )
                & ~Q(value=""),
                name="sighting_kind_is_known",
            ),
            models.CheckConstraint(condition=Q(kind__in=["tag", "key"]) ^ Q(name=""), name="only_a_tag_has_a_name"),
            models.CheckConstraint(
                condition=Q(state="open", agent=None, ignored_until=None, reason="", decided_by=None)
                | Q(state="mapped", agent__isnull=False, ignored_until=None, reason="", decided_by__isnull=False)
                | (
                    Q(state="ignored", agent=None, ignored_until__isnull=False, decided_by__isnull=False)
                    & ~Q(reason="")
                ),
                name="sighting_answer_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(claimed_for=None, claimed_by=None, claimed_at=None)
                | Q(claimed_for__isnull=False, claimed_by__isnull=False, claimed_at__isnull=False),
                name="a_claim_is_somebodys",
            ),
            models.CheckConstraint(condition=Q(last_seen__gte=models.F("first_seen")), name="seen_first_then_last"),
        ]
        indexes = [
            # A list and the rail's count read only what is still seen, however much was answered in all the years.
            models.Index(fields=["state", "-last_seen", "id"], condition=Q(lines__gt=0), name="sighting_seen"),
        ]

    def __str__(self) -> str:
        return f"{self.name}={self.value}" if self.name else self.value

    @property
    def stream(self) -> str:
        """The sighting's ledger stream."""
        return f"sighting:{self.pk}"

    @property
    def of_costs(self) -> bool:
        """Whether it was seen in costs; else in evals."""
        return self.kind in COST_KINDS

    @property
    def waits(self) -> bool:
        """Whether it needs an answer."""
        return self.lines > 0 and (self.state == self.State.OPEN or self.was_ignored)

    @property
    def was_ignored(self) -> bool:
        """Whether it was ignored until a day that has passed."""
        return (
            self.state == self.State.IGNORED
            and self.ignored_until is not None
            and self.ignored_until < clock.now().date()
        )

    def answerable_by(self, user: Person) -> bool:
        """Whether `user` may map or ignore it, asked of the database."""
        if user.is_service or user.holds(Role.AUDITOR):
            return False
        return user.holds(Role.ADMIN) or (self.of_costs and user.holds(Role.FINANCE))


COST_KINDS = ("tag", "key", "sub_account", "project", "service")
"""What costs name; the other kinds are seen in evals."""


class SightingTally(models.Model):
    """What one source holds of a sighting in one currency, counted anew after each pull that changed something."""

    sighting = models.ForeignKey(Sighting, on_delete=models.CASCADE, related_name="tallies")
    source = models.ForeignKey("signals.Source", on_delete=models.PROTECT, related_name="tallies")
    currency = models.CharField(max_length=3, blank=True)
    amount = models.DecimalField(max_digits=40, decimal_places=12, null=True, help_text="EffectiveCost; none for evals")
    lines = models.PositiveBigIntegerField()
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    said: Any = models.JSONField(
        default=dict, help_text="What most of its lines say: team, owner, account and the like"
    )

    class Meta:
        ordering = ["currency", "source"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["sighting", "source", "currency"], name="one_tally_a_source_and_currency"),
            models.CheckConstraint(condition=Q(currency="") ^ Q(amount__isnull=False), name="an_amount_has_a_currency"),
        ]

    def __str__(self) -> str:
        return f"{self.sighting} in {self.source}"


class EvalRule(models.Model):
    """Ties eval runs whose log names no registered agent. One agent for each name."""

    class Field(models.TextChoices):
        AGENT = "agent", "Agent named in the log"
        TASK = "task", "Task"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    field = models.CharField(max_length=10, choices=Field.choices)
    value = models.CharField(max_length=200)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="eval_rules")
    added_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["field", "value"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["field", "value"], name="one_eval_rule_a_value"),
            models.CheckConstraint(
                condition=Q(field__in=["agent", "task"]) & ~Q(value=""), name="eval_rule_field_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_field_display()} {self.value}"


class KeyUseQuerySet(models.QuerySet["KeyUse"]):
    """Uses of keys, as people see them."""

    def visible_to(self, user: Person) -> "KeyUseQuerySet":
        """As cost lines: with the agent's detail; finance sees all."""
        if not user.is_authenticated:
            return self.none()
        if user.sees_all or Role.FINANCE in user.roles:
            return self
        return self.filter(agent__in=Agent.objects.detail_visible_to(user))


class KeyUse(models.Model):
    """That costs tied to an agent, in one source, name a key. Two agents on one key cannot be told apart or stopped alone."""

    source = models.ForeignKey("signals.Source", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    value = models.CharField(max_length=500)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="key_uses")
    lines = models.PositiveBigIntegerField()
    last_seen = models.DateTimeField()

    objects = KeyUseQuerySet.as_manager()

    class Meta:
        ordering = ["value", "agent"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["name", "value", "agent", "source"], name="one_use_a_key_and_agent")
        ]

    def __str__(self) -> str:
        return f"{self.name}={self.value}"
