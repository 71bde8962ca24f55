"""Answers to the risk questionnaire: each time it is answered a new row, which never changes."""

import uuid

from django.db import models
from django.db.models import Q

from accounts.models import Person
from ledger.canonical import dumps, nfc, sha256
from registry.models.agents import Agent
from registry.vocabulary import RiskClass
from work import clock

ORDER = (RiskClass.MINIMAL, RiskClass.LIMITED, RiskClass.HIGH, RiskClass.PROHIBITED)
LOWERED = [Q(result=high, chosen__in=ORDER[:i]) for i, high in enumerate(ORDER) if i]


class RiskAnswersQuerySet(models.QuerySet["RiskAnswers"]):
    """Answers, as people see them."""

    def visible_to(self, user: Person) -> "RiskAnswersQuerySet":
        """Everyone signed in: the class stands on the card, and a class without its grounds cannot be questioned."""
        return self if user.is_authenticated else self.none()


class RiskAnswers(models.Model):
    """One answering of the questionnaire: what was said, which class that gives, and which was set."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="risk_answers")
    number = models.PositiveIntegerField()
    edition = models.CharField(max_length=20)
    answers = models.JSONField()
    result = models.CharField(max_length=20, choices=RiskClass.choices)
    chosen = models.CharField(max_length=20, choices=RiskClass.choices)
    reason = models.TextField(blank=True, max_length=2000)
    answered_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    answered_at = models.DateTimeField(default=clock.now)

    objects = RiskAnswersQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["agent", "number"], name="risk_answers_number_is_the_agents"),
            models.CheckConstraint(
                condition=Q(result__in=RiskClass.values, chosen__in=RiskClass.values),
                name="risk_answers_class_is_known",
            ),
            models.CheckConstraint(
                condition=~Q(reason="") | ~(LOWERED[0] | LOWERED[1] | LOWERED[2]), name="lower_risk_class_says_why"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent.name}, answers {self.number}"

    @property
    def digest(self) -> str:
        """SHA-256 of the answers and the reason, as the ledger keeps it."""
        return sha256(dumps(nfc({"answers": self.answers, "reason": self.reason})))

    @property
    def floor(self) -> str:
        """The lowest class that the card may hold by these answers: what they give, or what was set with a reason."""
        return min(self.result, self.chosen, key=[str(one) for one in ORDER].index)
