"""Proposals: what an import, a scan or a pull suggests for a field that somebody filled, to accept or to dismiss."""

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce

from accounts.models import Person
from accounts.roles import Role
from registry import fields
from registry.contents import label_at, plain_content, value_at, words_at
from registry.models.agents import Agent, DataSource, Tool
from registry.models.packets import Packet
from registry.sections import section as section_of
from registry.vocabulary import EDITABLE, ProposalState
from work import clock

ABOUT = ("agent", "data_source", "tool", "packet")
"""What a proposal can be about: exactly one of these columns is set."""
EFFECT = ("effect", "tags")
"""A tool's fields that are confirmed, not edited."""


def _about(which: str) -> Q:
    return Q(**{f"{name}__isnull": name != which for name in ABOUT})


class ProposalQuerySet(models.QuerySet["Proposal"]):
    """Proposals, as people see them."""

    def visible_to(self, user: Person) -> "ProposalQuerySet":
        """Those about agents and packets whose details `user` may see, and everything about the catalogue."""
        if not user.is_authenticated:
            return self.none()
        if user.sees_all:
            return self
        return self.filter(
            Q(agent__in=Agent.objects.detail_visible_to(user))
            | Q(packet__in=Packet.objects.visible_to(user))
            | Q(data_source__isnull=False)
            | Q(tool__isnull=False)
        )

    def open(self) -> "ProposalQuerySet":
        """Those that wait for an answer."""
        return self.filter(state=ProposalState.OPEN)

    def answerable_by(self, user: Person) -> "ProposalQuerySet":
        """The open ones that `user` may accept or dismiss: whoever may change the field that they are about."""
        if not user.is_authenticated or not user.is_active or user.is_auditor or user.is_service:
            return self.none()
        mine = Q(agent__team__in=user.team_ids) | Q(agent__owner=user) | Q(agent__deputy=user)
        team = Q(packet__agent__team__in=user.team_ids) | Q(packet__agent__owner=user) | Q(packet__agent__deputy=user)
        mine |= Q(packet__state__in=EDITABLE) & team
        confirmed = Q(field__in=EFFECT)
        kept = Q(data_source__isnull=False) | (Q(tool__isnull=False) & ~confirmed)
        mine |= kept if user.is_admin else Q(data_source__owner=user) | (Q(tool__owner=user) & ~confirmed)
        mine |= Q(tool__isnull=False) & confirmed if Role.SECURITY in user.roles else Q(tool__owner=user) & confirmed
        return self.open().filter(mine)

    def told(self) -> "ProposalQuerySet":
        """With everything that a list says of each, in one query."""
        return self.select_related(
            "agent__team", "agent__deputy", "data_source__owner", "tool__owner", "packet__agent__team",
            "proposed_by", "ended_by",
        )  # fmt: skip


class Proposal(models.Model):
    """One value that a source suggests for one field. It changes nothing until somebody who may accepts it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, null=True, related_name="proposals")
    data_source = models.ForeignKey(DataSource, on_delete=models.PROTECT, null=True, related_name="proposals")
    tool = models.ForeignKey(Tool, on_delete=models.PROTECT, null=True, related_name="proposals")
    packet = models.ForeignKey(Packet, on_delete=models.PROTECT, null=True, related_name="proposals")
    section = models.PositiveSmallIntegerField(default=0)
    part = models.CharField(max_length=40, blank=True)
    """Of a packet's section: `sheet`, or the kind of row and its place, `prompt[0]`."""
    field = models.CharField(max_length=60)
    value = models.JSONField()
    value_sha256 = models.CharField(max_length=64)
    before = models.JSONField(null=True)
    """What the field said when this was proposed."""

    source_kind = models.SlugField(max_length=40)
    source_key = models.CharField(max_length=100, blank=True)
    """Which source of its kind: the agent whose manifest it is, the server. A newer word of the same replaces an older."""
    source_label = models.CharField(max_length=200)
    source_sha256 = models.CharField(max_length=64)
    source_path = models.CharField(max_length=300, blank=True)
    """Where in the portal the source can be looked at, if anywhere."""

    proposed_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    proposed_at = models.DateTimeField(default=clock.now)
    state = models.CharField(max_length=10, choices=ProposalState.choices, default=ProposalState.OPEN)
    reason = models.CharField(max_length=500, blank=True)
    ended_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)

    objects = ProposalQuerySet.as_manager()
    content: dict[str, Any] | None = None
    """Of a packet's section: what it says, where whoever shows the proposal has read it."""

    class Meta:
        ordering = ["-proposed_at", "id"]
        default_permissions = ()
        indexes = [models.Index(fields=["state", "-proposed_at"]), models.Index(fields=["source_kind", "source_key"])]
        constraints = [
            models.UniqueConstraint(
                Coalesce(*ABOUT), "section", "part", "field", "value_sha256",
                condition=Q(state=ProposalState.OPEN), name="one_open_proposal_a_value",
            ),
            models.CheckConstraint(
                condition=_about("agent") | _about("data_source") | _about("tool") | _about("packet"),
                name="proposal_is_about_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(packet=None, section=0, part="") | Q(packet__isnull=False, section__range=(1, 10)),
                name="proposal_names_a_packets_section",
            ),
            models.CheckConstraint(condition=Q(state__in=ProposalState.values), name="proposal_state_is_known"),
            models.CheckConstraint(
                condition=Q(state=ProposalState.OPEN, ended_at=None, ended_by=None)
                | Q(state=ProposalState.SUPERSEDED, ended_at__isnull=False)
                | Q(
                    state__in=[ProposalState.ACCEPTED, ProposalState.DISMISSED],
                    ended_at__isnull=False,
                    ended_by__isnull=False,
                ),
                name="proposal_that_is_answered_says_by_whom",
            ),
            models.CheckConstraint(
                condition=~Q(state=ProposalState.DISMISSED) | ~Q(reason=""), name="proposal_is_dismissed_for_a_reason"
            ),
            models.CheckConstraint(
                condition=Q(value_sha256__regex="^[0-9a-f]{64}$", source_sha256__regex="^[0-9a-f]{64}$"),
                name="proposal_digests_are_sha256",
            ),
            models.CheckConstraint(
                condition=Q(source_path="") | Q(source_path__regex="^/[^/]"), name="proposal_source_is_of_this_portal"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.label} of {self.target}"

    @property
    def target(self) -> Any:
        """What it is about: the agent, the data source, the tool, the packet."""
        return self.agent or self.data_source or self.tool or self.packet

    @property
    def target_id(self) -> Any:
        """The id of what it is about."""
        return self.agent_id or self.data_source_id or self.tool_id or self.packet_id

    @property
    def label(self) -> str:
        """The field's name for people."""
        if self.packet_id:
            return label_at(self.section, self.part, self.field)
        return fields.label(self.target, self.field)

    @property
    def now(self) -> Any:
        """What the field says now. Of a packet's section that was answered, it is what the field said when this was proposed."""
        if self.packet is None:
            return fields.value_of(self.target, self.field)
        if self.state != ProposalState.OPEN:
            return self.before
        if self.content is None:
            self.content = plain_content(section_of(self.section), self.packet)
        return value_at(self.content, self.part, self.field)

    @property
    def after(self) -> Any:
        """What the field says once this is accepted."""
        return fields.merged(self.field, self.now, self.value)

    @property
    def now_words(self) -> str:
        """What the field says now, for people."""
        return self._words(self.now)

    @property
    def after_words(self) -> str:
        """What it would say, for people."""
        return self._words(self.after)

    @property
    def before_words(self) -> str:
        """What the field said when this was proposed, for people."""
        return self._words(self.before)

    @property
    def value_words(self) -> str:
        """What was proposed, for people."""
        return self._words(self.value)

    def _words(self, value: Any) -> str:
        return (
            words_at(self.section, self.part, self.field, value) if self.packet_id else fields.words(self.field, value)
        )

    @property
    def verdict(self) -> str:
        """How its state looks."""
        return {ProposalState.ACCEPTED: "pass", ProposalState.OPEN: "hold"}.get(ProposalState(self.state), "wait")

    @property
    def mark(self) -> str:
        """What the field says now, as a digest: a page keeps it, so that nobody accepts over what they have not seen."""
        return fields.mark(self.now)

    def answerable_by(self, user: Person) -> bool:
        """Whether `user` may accept or dismiss it: a person who may change the field that it is about."""
        if self.state != ProposalState.OPEN or user.is_service:
            return False
        if self.packet is not None:
            return self.packet.editable and self.packet.agent.editable_by(user)
        if self.agent is not None:
            return self.agent.editable_by(user)
        if self.tool is not None and self.field in EFFECT:
            return self.tool.confirmable_by(user)
        return bool(self.target.kept_by(user))
