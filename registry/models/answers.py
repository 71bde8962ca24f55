"""Answers that a team gives every time, kept once: each change is a new version, and packets name the one they used."""

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from accounts.models import Person, Team
from ledger.canonical import nfc, sha256
from registry.models.agents import Agent
from registry.models.packets import Packet
from work import clock

LONGEST = 4000
"""Characters of an answer."""
MOST_REASON = 500
"""Characters of why one is withdrawn."""


def settled(text: str) -> str:
    """A text as an answer keeps it: Unicode form C, line feeds, no blank edges."""
    return nfc(text.replace("\r\n", "\n").strip())


class TeamAnswerQuerySet(models.QuerySet["TeamAnswer"]):
    """Team answers, as people see them."""

    def visible_to(self, user: Person) -> "TeamAnswerQuerySet":
        """Those of one's teams, and of the teams whose agents one owns or deputises. What was used stands in the packet."""
        if not user.is_authenticated:
            return self.none()
        if user.sees_all:
            return self
        mine = Agent.objects.filter(Q(owner=user) | Q(deputy=user)).values("team")
        return self.filter(Q(team__in=user.team_ids) | Q(team__in=mine))

    def in_use(self) -> "TeamAnswerQuerySet":
        """Those that packets may use: not withdrawn."""
        return self.filter(withdrawn_at=None)


class TeamAnswer(models.Model):
    """What a team answers every time to one question: support path, escalation, data handling.

    Its name may change; its slug, which documents name, never does: a trigger refuses that, and deleting it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="answers")
    slug = models.SlugField(max_length=80)
    name = models.CharField(max_length=80)
    created_at = models.DateTimeField(default=clock.now)
    withdrawn_at = models.DateTimeField(null=True, blank=True, editable=False)
    withdrawn_by = models.ForeignKey(
        Person, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    withdrawn_because = models.TextField(max_length=MOST_REASON, blank=True, editable=False)

    objects = TeamAnswerQuerySet.as_manager()

    class Meta:
        ordering = ["team__name", "name", "id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["team", "slug"], name="one_answer_a_name"),
            models.UniqueConstraint("team", Lower("name"), name="one_answer_a_title"),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None, withdrawn_by=None, withdrawn_because="")
                | (Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False) & ~Q(withdrawn_because="")),
                name="answer_is_withdrawn_by_someone_who_says_why",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def newest(self) -> "TeamAnswerVersion":
        """What the team answers now."""
        return self.versions.select_related("written_by").order_by("-number")[0]

    def editable_by(self, user: Person) -> bool:
        """Whether `user` may change it: a member of the team, never an auditor."""
        return user.is_active and not user.is_auditor and user.in_team(self.team)


class TeamAnswerVersion(models.Model):
    """One wording of an answer. A trigger refuses changes."""

    answer = models.ForeignKey(TeamAnswer, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    text = models.TextField(max_length=LONGEST)
    sha256 = models.CharField(max_length=64)
    written_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["answer", "-number"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["answer", "number"], name="one_wording_a_number"),
            models.CheckConstraint(condition=Q(text__regex=r"^\S(.*\S)?$"), name="answer_says_something"),
        ]

    def __str__(self) -> str:
        return f"{self.answer}, version {self.number}"

    @classmethod
    def digest(cls, text: str) -> str:
        """SHA-256 of a settled text as UTF-8, in hexadecimal."""
        return sha256(text.encode())


class AnswerUse(models.Model):
    """That a section of a packet says what a version of a team's answer says. It lasts while a field there says so.

    `name` is what the answer was called when it was used: a new name changes no packet.
    """

    packet = models.ForeignKey(Packet, on_delete=models.CASCADE, related_name="answer_uses")
    section = models.PositiveSmallIntegerField()
    version = models.ForeignKey(TeamAnswerVersion, on_delete=models.PROTECT, related_name="uses")
    name = models.CharField(max_length=80)

    class Meta:
        ordering = ["pk"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["packet", "section", "version"], name="one_use_a_version"),
            models.CheckConstraint(condition=Q(section__range=(1, 10)), name="use_is_of_a_section"),
            models.CheckConstraint(condition=~Q(name=""), name="use_names_the_answer"),
        ]

    def __str__(self) -> str:
        return f"{self.version} in section {self.section}"
