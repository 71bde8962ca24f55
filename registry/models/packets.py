"""Packets, their frozen revisions, and who changed what."""

import json
import uuid
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from accounts.models import Person
from registry.models.agents import Agent
from registry.vocabulary import EDITABLE, ENDED, OPEN, PacketState
from work import clock


class PacketQuerySet(models.QuerySet["Packet"]):
    """Packets, as people see them."""

    def visible_to(self, user: Person) -> "PacketQuerySet":
        """The team's, the owner's and deputy's; an approver's from submission on where the role is asked; auditors all."""
        if not user.is_authenticated:
            return self.none()
        if user.sees_all:
            return self
        own = Q(agent__team__in=user.team_ids) | Q(agent__owner=user) | Q(agent__deputy=user)
        return self.filter(own | Q(roles_asked__overlap=user.approver_roles))

    def copyable(self) -> "PacketQuerySet":
        """Those whose sections stand still, so that a new packet can begin as a copy."""
        return self.exclude(state__in=EDITABLE)


class Packet(models.Model):
    """The dossier for one candidate version of an agent."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="packets")
    number = models.PositiveIntegerField()
    version = models.CharField(max_length=50)
    state = models.CharField(max_length=20, choices=PacketState.choices, default=PacketState.DRAFT)
    revision = models.PositiveIntegerField(default=1)
    roles_asked = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    # None: the portal itself, which drafts renewals.
    created_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    copied_from = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="copies")
    renews = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="renewals")

    objects = PacketQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["agent", "number"], name="packet_number_is_the_agents"),
            # Eval runs name a version; two living packets of one version would share them. A renewal is to.
            models.UniqueConstraint(
                fields=["agent", "version"],
                condition=~Q(state__in=ENDED) & Q(renews=None),
                name="one_packet_a_version",
            ),
            models.UniqueConstraint(fields=["renews"], condition=Q(state__in=OPEN), name="one_open_renewal_a_packet"),
            models.CheckConstraint(condition=~Q(renews=F("id")), name="renewal_is_of_another_packet"),
            models.CheckConstraint(
                condition=Q(created_by__isnull=False) | Q(renews__isnull=False), name="the_portal_starts_only_renewals"
            ),
            models.CheckConstraint(condition=Q(state__in=PacketState.values), name="packet_state_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.agent.name} {self.version}"

    @property
    def editable(self) -> bool:
        """Whether its state lets sections change."""
        return self.state in EDITABLE

    @property
    def was_approved(self) -> bool:
        """Whether everybody who was asked has signed it, be it in force or superseded."""
        return self.state in (PacketState.APPROVED, PacketState.SUPERSEDED)

    @property
    def approved_origin(self) -> "Packet | None":
        """The approved packet that it goes back to, through copies of packets that were not approved."""
        origin = self.copied_from
        while origin is not None and not origin.was_approved:
            origin = origin.copied_from
        return origin

    @property
    def starter(self) -> str:
        """Who started it."""
        return self.created_by.name if self.created_by else "Portcullis"

    @property
    def current(self) -> "Revision | None":
        """The newest frozen revision, or None before the first submission."""
        return self.revisions.order_by("-number").first()

    @property
    def stream(self) -> str:
        """The packet's ledger stream."""
        return f"packet:{self.pk}"


class SectionState(models.Model):
    """How often and by whom a section was saved: what a form saw is compared with it, so that no edit is overwritten."""

    packet = models.ForeignKey(Packet, on_delete=models.CASCADE, related_name="section_states")
    number = models.PositiveSmallIntegerField()
    version = models.PositiveIntegerField(default=0)
    saved_at = models.DateTimeField(null=True)
    saved_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    by_a_person = models.BooleanField(default=False)
    """Whether a person ever saved it here: from then on no service account replaces it as a whole."""

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["packet", "number"], name="one_state_a_section")]

    def __str__(self) -> str:
        return f"section {self.number}, save {self.version}"


class Contribution(models.Model):
    """That a person changed something in a revision of a packet, and so may not approve it."""

    packet = models.ForeignKey(Packet, on_delete=models.CASCADE, related_name="contributions")
    revision = models.PositiveIntegerField()
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["packet", "revision", "person"], name="one_contribution_each")]

    def __str__(self) -> str:
        return f"{self.person} changed revision {self.revision}"


class Revision(models.Model):
    """A packet as it was submitted: the exact canonical bytes, frozen (a trigger refuses changes)."""

    packet = models.ForeignKey(Packet, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    document = models.BinaryField()
    digest = models.CharField(max_length=64)
    section_digests = models.JSONField()
    submitted_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    submitted_at = models.DateTimeField()

    class Meta:
        ordering = ["packet", "number"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["packet", "number"], name="one_revision_a_number")]

    def __str__(self) -> str:
        return f"{self.packet}, revision {self.number}"

    @property
    def content(self) -> dict[str, Any]:
        """The document, parsed. Digests are over the bytes."""
        return json.loads(bytes(self.document))
