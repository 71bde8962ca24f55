"""Agents, their hand-overs, and the shared catalogue of data sources and tools."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from accounts.models import Person, Team
from accounts.roles import Role
from registry.vocabulary import (
    AgentStatus,
    Autonomy,
    Classification,
    Effect,
    Gate,
    HandoverState,
    Relationship,
    RiskClass,
    ToolTag,
)
from work import clock


class AgentQuerySet(models.QuerySet["Agent"]):
    """Agents, as people see them."""

    def visible_to(self, user: Person) -> "AgentQuerySet":
        """Everyone signed in sees every agent's card: an agent that is hidden cannot be questioned."""
        return self if user.is_authenticated else self.none()

    def detail_visible_to(self, user: Person) -> "AgentQuerySet":
        """The agents whose packets, runs and evidence `user` may see."""
        if not user.is_authenticated:
            return self.none()
        if user.sees_all:
            return self
        own = Q(team__in=user.team_ids) | Q(owner=user) | Q(deputy=user)
        if user.approver_roles:
            from registry.models.packets import Packet

            asked = Packet.objects.filter(agent=OuterRef("pk"), roles_asked__overlap=user.approver_roles)
            return self.filter(own | Exists(asked))
        return self.filter(own)

    def in_use(self) -> "AgentQuerySet":
        """The agents that were not retired."""
        return self.filter(retired_at=None)

    def editable_by(self, user: Person) -> "AgentQuerySet":
        """The agents that `user` may change: the team's, and those owned or deputised."""
        return self.filter(Q(team__in=user.team_ids) | Q(owner=user) | Q(deputy=user))


class Agent(models.Model):
    """One AI system of the organisation: what it is for, and who answers for it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=150)
    summary = models.CharField(max_length=300)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="agents")
    owner = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="owned_agents")
    deputy = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="deputised_agents", null=True, blank=True)
    relationship = models.CharField(max_length=20, choices=Relationship.choices, default=Relationship.TOOL)
    autonomy = models.PositiveSmallIntegerField(choices=Autonomy.choices, default=Autonomy.L1)
    risk_class = models.CharField(max_length=20, choices=RiskClass.choices, default=RiskClass.HIGH)
    support_path = models.CharField(max_length=300, blank=True)
    next_review = models.DateField(null=True, blank=True)
    calls = models.ManyToManyField("self", symmetrical=False, related_name="called_by", blank=True)
    created_at = models.DateTimeField(default=clock.now)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)
    retired_by = models.ForeignKey(
        Person, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    retired_because = models.CharField(max_length=500, blank=True, editable=False)

    # The live summary: written by rooms above through `registry.actions.set_summary`, so that a list can filter by it.
    status = models.CharField(max_length=20, choices=AgentStatus.choices, default=AgentStatus.REGISTERED)
    stage = models.CharField(max_length=150, blank=True)
    gate = models.CharField(max_length=10, choices=Gate.choices, default=Gate.UNKNOWN)

    objects = AgentQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=~Q(owner=F("deputy")), name="deputy_is_someone_else"),
            models.CheckConstraint(condition=Q(autonomy__range=(1, 5)), name="autonomy_is_l1_to_l5"),
            models.CheckConstraint(condition=Q(risk_class__in=RiskClass.values), name="risk_class_is_known"),
            models.CheckConstraint(condition=Q(status__in=AgentStatus.values), name="status_is_known"),
            models.CheckConstraint(
                condition=(Q(retired_at=None, retired_by=None, retired_because="") & ~Q(status="retired"))
                | (Q(retired_at__isnull=False, retired_by__isnull=False, status="retired") & ~Q(retired_because="")),
                name="agent_is_retired_by_someone_who_says_why",
            ),
        ]
        indexes = [models.Index(fields=["name", "id"]), models.Index(fields=["status", "name"])]

    def __str__(self) -> str:
        return self.name

    @property
    def stream(self) -> str:
        """The agent's ledger stream."""
        return f"agent:{self.pk}"

    def detail_visible_to(self, user: Person) -> bool:
        """Whether `user` may see this agent's packets, runs and evidence."""
        return Agent.objects.detail_visible_to(user).filter(pk=self.pk).exists()

    def editable_by(self, user: Person) -> bool:
        """Whether `user` may register changes, fill packets and submit: team member, owner or deputy, never an auditor."""
        if not user.is_active or user.is_auditor:
            return False
        return user.pk in (self.owner_id, self.deputy_id) or user.in_team(self.team)


class HandoverQuerySet(models.QuerySet["Handover"]):
    """Hand-overs, as people see them."""

    def visible_to(self, user: Person) -> "HandoverQuerySet":
        """Everyone signed in: who answers for an agent, and who soon will, stands on its card."""
        return self if user.is_authenticated else self.none()

    def open(self) -> "HandoverQuerySet":
        """Those that wait for the new owner's answer."""
        return self.filter(state=HandoverState.OPEN)


class Handover(models.Model):
    """One offer of an agent to a new owner. Until that person accepts it, the old owner answers for the agent."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="handovers")
    previous = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    to = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="handovers_offered")
    offered_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=500, blank=True)
    offered_at = models.DateTimeField(default=clock.now)
    state = models.CharField(max_length=10, choices=HandoverState.choices, default=HandoverState.OPEN)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = HandoverQuerySet.as_manager()

    class Meta:
        ordering = ["-offered_at", "id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["agent"], condition=Q(state=HandoverState.OPEN), name="one_open_handover_an_agent"
            ),
            models.CheckConstraint(condition=~Q(to=F("previous")), name="handover_is_to_someone_else"),
            models.CheckConstraint(condition=Q(state__in=HandoverState.values), name="handover_state_is_known"),
            models.CheckConstraint(
                condition=Q(state=HandoverState.OPEN, ended_at=None)
                | (~Q(state=HandoverState.OPEN) & Q(ended_at__isnull=False)),
                name="handover_that_is_not_open_has_ended",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent} to {self.to}"

    @property
    def verdict(self) -> str:
        """How its state looks."""
        return {HandoverState.ACCEPTED: "pass", HandoverState.OPEN: "hold"}.get(HandoverState(self.state), "wait")


class CatalogueQuerySet(models.QuerySet):
    """The catalogue, as people see it."""

    def visible_to(self, user: Person) -> "CatalogueQuerySet":
        """Everyone signed in: who files a packet must find what exists."""
        return self if user.is_authenticated else self.none()

    def in_use(self) -> "CatalogueQuerySet":
        """The entries that were not retired."""
        return self.filter(retired_at=None)


class CatalogueEntry(models.Model):
    """What a data source and a tool share: an owner, and an end. Nothing that packets name is ever deleted."""

    owner = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)
    retired_by = models.ForeignKey(
        Person, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    merged_into = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="merged"
    )

    class Meta:
        abstract = True
        default_permissions = ()

    def kept_by(self, user: Person) -> bool:
        """Whether `user` may change and retire this entry: its owner or a platform admin, never an auditor."""
        if not user.is_active or user.is_auditor:
            return False
        return user.is_admin or user.pk == self.owner_id


class DataSource(CatalogueEntry):
    """Data that agents may be granted, described once for all of them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=150)
    description = models.CharField(max_length=300, blank=True)
    classification = models.CharField(max_length=20, choices=Classification.choices, blank=True)
    contract_version = models.CharField(max_length=50, blank=True)
    fresh_on = models.DateField(null=True, blank=True)
    fresh_days = models.PositiveSmallIntegerField(
        "freshness limit", null=True, blank=True, validators=[MinValueValidator(1, "At least 1 day; empty for none.")]
    )
    never_leaves = ArrayField(models.CharField(max_length=200), default=list, blank=True, size=30)

    objects = CatalogueQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(retired_at=None, retired_by=None) | Q(retired_at__isnull=False, retired_by__isnull=False),
                name="source_is_retired_by_someone",
            ),
            models.CheckConstraint(condition=Q(fresh_days=None) | Q(fresh_days__gt=0), name="freshness_limit_is_days"),
            models.CheckConstraint(
                condition=Q(merged_into=None) | (Q(retired_at__isnull=False) & ~Q(merged_into=F("id"))),
                name="merged_source_is_retired",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def stale(self) -> str:
        """Why its data counts as too old, as a sentence; empty where it does not, or has no limit."""
        if self.fresh_days is None:
            return ""
        if self.fresh_on is None:
            return f"It may be {self.fresh_days} days old, but nobody has said of which day it is."
        age = (clock.now().date() - self.fresh_on).days
        return f"It is {age} days old; its limit is {self.fresh_days}." if age > self.fresh_days else ""


class Tool(CatalogueEntry):
    """Something an agent may call, described once for all of them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.CharField(max_length=80, unique=True)
    name = models.CharField(max_length=150)
    system = models.CharField(max_length=150, blank=True)
    # A tool that nobody classified is treated as the worst, so that forgetting is safe.
    effect = models.CharField(max_length=20, choices=Effect.choices, default=Effect.IRREVERSIBLE)
    tags = ArrayField(models.CharField(max_length=30, choices=ToolTag.choices), default=list, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True, editable=False)
    confirmed_by = models.ForeignKey(
        Person, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )

    objects = CatalogueQuerySet.as_manager()

    class Meta:
        ordering = ["slug"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(effect__in=Effect.values), name="effect_is_known"),
            models.CheckConstraint(
                condition=Q(retired_at=None, retired_by=None) | Q(retired_at__isnull=False, retired_by__isnull=False),
                name="tool_is_retired_by_someone",
            ),
            models.CheckConstraint(
                condition=Q(merged_into=None) | (Q(retired_at__isnull=False) & ~Q(merged_into=F("id"))),
                name="merged_tool_is_retired",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_at=None, confirmed_by=None)
                | Q(confirmed_at__isnull=False, confirmed_by__isnull=False),
                name="tool_is_confirmed_by_someone",
            ),
        ]

    def __str__(self) -> str:
        return self.slug

    @property
    def tag_names(self) -> list[str]:
        """The tags in words."""
        return [str(ToolTag(tag).label) for tag in self.tags]

    def confirmable_by(self, user: Person) -> bool:
        """Whether `user` may say what a call does: a security approver or the tool's owner, never an auditor."""
        if not user.is_active or user.is_auditor:
            return False
        return user.pk == self.owner_id or Role.SECURITY in user.roles
