"""What the catalogue and the agent's card said when a revision was frozen, as columns that today's can be held against.

The document is what is signed. These rows repeat of it what can move elsewhere, and add what it does not name: who owned
an entry, and of which day its data was. Written once, with the revision; a trigger refuses changes.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.models import Person, Team
from registry.models.agents import DataSource, Tool
from registry.models.packets import Revision


class SignedSource(models.Model):
    """One data source that a revision's section 2 grants, as it was."""

    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="sources")
    source = models.ForeignKey(DataSource, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=150)
    classification = models.CharField(max_length=20, blank=True)
    contract_version = models.CharField(max_length=50, blank=True)
    never_leaves = ArrayField(models.CharField(max_length=200), default=list)
    owner = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    fresh_on = models.DateField(null=True)
    fresh_days = models.PositiveSmallIntegerField(null=True)

    class Meta:
        ordering = ["pk"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["revision", "source"], name="a_source_is_signed_once")]

    def __str__(self) -> str:
        return f"{self.name} in {self.revision}"


class SignedTool(models.Model):
    """One tool that a revision's section 6 grants, as it was. Tags are in alphabetical order."""

    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="tools")
    tool = models.ForeignKey(Tool, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=150)
    system = models.CharField(max_length=150, blank=True)
    effect = models.CharField(max_length=20)
    tags = ArrayField(models.CharField(max_length=30), default=list)
    owner = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["pk"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["revision", "tool"], name="a_tool_is_signed_once")]

    def __str__(self) -> str:
        return f"{self.name} in {self.revision}"


class SignedCard(models.Model):
    """The agent's card as a revision's core and section 9 name it."""

    revision = models.OneToOneField(Revision, on_delete=models.PROTECT, related_name="card")
    owner = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    deputy = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+")
    risk_class = models.CharField(max_length=20)
    autonomy = models.PositiveSmallIntegerField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"Card of {self.revision}"
