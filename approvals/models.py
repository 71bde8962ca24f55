"""What is asked of whom, who signed what, and what the gate decided."""

import json
import uuid
from typing import Any

from django.db import models
from django.db.models import Q

from accounts.models import Person
from registry.models import Packet, Revision
from registry.vocabulary import RiskClass
from work import clock


class SignOffRole(models.TextChoices):
    """The roles in which a packet is signed."""

    OWNER = "owner", "Owner"
    SECURITY = "security", "Security"
    DATA = "data", "Data"
    RISK = "risk", "Risk"
    FINANCE = "finance", "Finance"
    OPERATIONS = "operations", "Operations"


class Environment(models.TextChoices):
    """Where a release runs."""

    PRODUCTION = "production", "Production"


class Published(models.Model):
    """Base of what is immutable once published: its exact canonical bytes, and their digest."""

    body = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    version = models.PositiveIntegerField()
    published_at = models.DateTimeField(default=clock.now)

    class Meta:
        abstract = True
        default_permissions = ()

    @property
    def content(self) -> dict[str, Any]:
        """The body, parsed."""
        return json.loads(bytes(self.body))


class Checklist(Published):
    """Which roles sign a packet of a risk class, which sections each answers for, and what each attests."""

    risk_class = models.CharField(max_length=20, choices=RiskClass.choices)

    class Meta(Published.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["risk_class", "version"], name="one_checklist_a_version")]

    def __str__(self) -> str:
        return f"{self.get_risk_class_display()} checklist {self.version}"


class Policy(Published):
    """The rules of the gate for an environment and risk class."""

    key = models.SlugField(max_length=80)

    class Meta(Published.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["key", "version"], name="one_policy_a_version")]

    def __str__(self) -> str:
        return f"{self.key} v{self.version}"


class SignOffQuerySet(models.QuerySet["SignOff"]):
    """Sign-offs, as people see them."""

    def visible_to(self, user: Person) -> "SignOffQuerySet":
        """Those of the packets that `user` may see."""
        return self.filter(packet__in=Packet.objects.visible_to(user))


class SignOff(models.Model):
    """One person's word in one role, bound to the digests of what the role answers for (a trigger refuses changes)."""

    class Decision(models.TextChoices):
        APPROVE = "approve", "Approved"
        CHANGES = "request_changes", "Requested changes"
        VETO = "veto", "Vetoed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    packet = models.ForeignKey(Packet, on_delete=models.PROTECT, related_name="sign_offs")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="sign_offs")
    role = models.CharField(max_length=20, choices=SignOffRole.choices)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="sign_offs")
    decision = models.CharField(max_length=20, choices=Decision.choices)
    comment = models.TextField(blank=True, max_length=4000)
    bound = models.JSONField()
    statement = models.BinaryField()
    statement_sha256 = models.CharField(max_length=64, unique=True)
    signed_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    # The same person's earlier word on the same revision: expired, or changed from approval to a refusal.
    renews = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="renewed_by")

    objects = SignOffQuerySet.as_manager()

    class Meta:
        ordering = ["signed_at"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["revision", "person"], condition=Q(renews=None), name="one_person_one_role"
            ),
            models.CheckConstraint(condition=Q(expires_at__gt=models.F("signed_at")), name="sign_off_expires_later"),
            models.CheckConstraint(condition=Q(decision="approve") | ~Q(comment=""), name="refusal_says_why"),
        ]

    def __str__(self) -> str:
        return f"{self.person}, {self.get_role_display()}: {self.get_decision_display()}"


class GateDecisionQuerySet(models.QuerySet["GateDecision"]):
    """Decisions, as people see them."""

    def visible_to(self, user: Person) -> "GateDecisionQuerySet":
        """Those of the packets that `user` may see."""
        return self.filter(packet__in=Packet.objects.visible_to(user))


class GateDecision(models.Model):
    """What the gate said: the complete input and the output, as canonical bytes (a trigger refuses changes)."""

    class Outcome(models.TextChoices):
        PASS = "pass", "Passing"
        FAIL = "fail", "Blocked"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    packet = models.ForeignKey(Packet, on_delete=models.PROTECT, related_name="decisions")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="decisions")
    environment = models.CharField(max_length=20, choices=Environment.choices)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="decisions")
    input = models.BinaryField()
    input_sha256 = models.CharField(max_length=64)
    output = models.BinaryField()
    output_sha256 = models.CharField(max_length=64)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    decided_at = models.DateTimeField()
    by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")

    objects = GateDecisionQuerySet.as_manager()

    class Meta:
        ordering = ["-decided_at"]
        default_permissions = ()
        indexes = [models.Index(fields=["packet", "environment", "-decided_at"])]
        constraints = [models.CheckConstraint(condition=Q(outcome__in=["pass", "fail"]), name="gate_outcome_is_known")]

    def __str__(self) -> str:
        return f"{self.packet}: {self.get_outcome_display()}"

    @property
    def facts(self) -> dict[str, Any]:
        """The input, parsed."""
        return json.loads(bytes(self.input))

    @property
    def rules(self) -> list[dict[str, Any]]:
        """Each rule's result, in the policy's order."""
        return json.loads(bytes(self.output))["rules"]


class RenewalQuerySet(models.QuerySet["Renewal"]):
    """Renewals, as people see them."""

    def visible_to(self, user: Person) -> "RenewalQuerySet":
        """Those of the packets that `user` may see."""
        return self.filter(packet__in=Packet.objects.visible_to(user))


class Renewal(models.Model):
    """Why a renewal was drafted, and what had changed since the packet that it renews was approved, as it was known then.

    `changes` is {"v", "since", "revision", "moved", "costs", "evals"} as `approvals.renewing.changes_of` writes it; its
    digest stands in the document that is signed. A trigger refuses changes.
    """

    packet = models.OneToOneField(Packet, on_delete=models.PROTECT, related_name="renewal")
    expires_at = models.DateTimeField(null=True, help_text="When the first sign-off of the renewed packet ends")
    role = models.CharField(max_length=20, choices=SignOffRole.choices, blank=True)
    drafted_at = models.DateTimeField()
    # None: the portal itself, because a sign-off is about to end.
    drafted_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    changes = models.JSONField()
    changes_sha256 = models.CharField(max_length=64)

    objects = RenewalQuerySet.as_manager()

    class Meta:
        ordering = ["-drafted_at"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(drafted_by__isnull=False) | Q(expires_at__isnull=False), name="the_portal_renews_what_ends"
            )
        ]

    def __str__(self) -> str:
        return f"Renewal of {self.packet}"
