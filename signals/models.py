"""Where evidence comes from and what came: sources, pulls, eval runs, cost lines, budgets."""

import uuid

from django.db import models
from django.db.models import F, Q

from accounts.models import Person, Team
from accounts.roles import Role
from registry.models import Agent
from work import clock

MAX_REJECTIONS_KEPT = 200


class SourceQuerySet(models.QuerySet["Source"]):
    """Sources, as people see them."""

    def visible_to(self, user: Person) -> "SourceQuerySet":
        """Everyone signed in: where figures come from and when they last came is no secret; what came may be."""
        return self if user.is_authenticated else self.none()


class Source(models.Model):
    """A folder that is watched, and which kind of file is expected there."""

    class Kind(models.TextChoices):
        INSPECT = "inspect", "Inspect eval logs"
        FOCUS = "focus", "FOCUS cost export"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=150, unique=True)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    folder = models.CharField(
        max_length=300, help_text="Below the server's folder for signals, such as inspect/nightly"
    )
    interval_minutes = models.PositiveIntegerField(default=15)
    enabled = models.BooleanField(default=True)
    created_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=clock.now)

    objects = SourceQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["inspect", "focus"]), name="source_kind_is_known"),
            models.CheckConstraint(condition=Q(interval_minutes__range=(1, 10_080)), name="source_interval_is_sane"),
            # Two sources on one folder would count every cost twice.
            models.UniqueConstraint(fields=["kind", "folder"], name="one_source_a_folder"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def stream(self) -> str:
        """The source's ledger stream."""
        return f"connector:{self.pk}"


class PullQuerySet(models.QuerySet["Pull"]):
    """Pulls, as people see them."""

    def visible_to(self, user: Person) -> "PullQuerySet":
        """As their sources."""
        return self if user.is_authenticated else self.none()


class Pull(models.Model):
    """One attempt to fetch what is new. The row outlives every failure, and says why."""

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="pulls")
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    asked_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    started_at = models.DateTimeField(default=clock.now)
    begun_at = models.DateTimeField(null=True, help_text="When a worker took it up")
    finished_at = models.DateTimeField(null=True)
    files_seen = models.PositiveIntegerField(default=0)
    files_done = models.PositiveIntegerField(default=0)
    files_refused = models.PositiveIntegerField(default=0)
    rows_read = models.PositiveBigIntegerField(default=0)
    rows_new = models.PositiveBigIntegerField(default=0)
    rows_withdrawn = models.PositiveBigIntegerField(default=0)
    rows_rejected = models.PositiveBigIntegerField(default=0)
    rejections = models.JSONField(default=list, help_text="The first of them: file, row, column, reason")
    covers_through = models.DateTimeField(null=True, help_text="The newest usage that the source then held")
    error = models.TextField(blank=True)

    objects = PullQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "id"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(state__in=["running", "done", "failed"]), name="pull_state_is_known"),
            models.UniqueConstraint(fields=["source"], condition=Q(state="running"), name="one_running_pull_a_source"),
            models.CheckConstraint(
                condition=Q(state="running", finished_at=None) | (~Q(state="running") & Q(finished_at__isnull=False)),
                name="pull_ends_once",
            ),
            models.CheckConstraint(condition=~Q(state="failed") | ~Q(error=""), name="failed_pull_says_why"),
        ]
        indexes = [models.Index(fields=["source", "-started_at"])]

    def __str__(self) -> str:
        return f"{self.source}, {self.started_at:%d %b %H:%M}"


class PulledFile(models.Model):
    """A file as it was last read, so that an unchanged one is not read again."""

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="files")
    path = models.CharField(max_length=500)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()
    mtime_ns = models.BigIntegerField()
    rejected = models.PositiveBigIntegerField(default=0)
    refused = models.TextField(blank=True, help_text="Why the whole file could not be read")
    read_at = models.DateTimeField()

    class Meta:
        ordering = ["path"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["source", "path"], name="one_row_a_file")]

    def __str__(self) -> str:
        return self.path


class EvidenceQuerySet(models.QuerySet):
    """Rows that belong to an agent, or to none yet."""

    def visible_to(self, user: Person) -> "EvidenceQuerySet":
        """With the agent's detail; what no agent claims is shown to those who see all."""
        if not user.is_authenticated:
            return self.none()
        if user.sees_all:
            return self
        return self.filter(agent__in=Agent.objects.detail_visible_to(user))


class CostQuerySet(models.QuerySet):
    """Rows about money."""

    def visible_to(self, user: Person) -> "CostQuerySet":
        """With the agent's detail; finance sees all costs."""
        if not user.is_authenticated:
            return self.none()
        if user.sees_all or Role.FINANCE in user.roles:
            return self
        return self.filter(agent__in=Agent.objects.detail_visible_to(user))


class EvalRun(models.Model):
    """One eval as its log tells it. Final once the eval has ended: a changed log is refused, never taken over."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="runs")
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, null=True, related_name="eval_runs")
    agent_named = models.CharField(max_length=100, blank=True, help_text="The slug that the log names")
    version = models.CharField(max_length=50, blank=True)
    # Inspect gives one run_id to all evals of one call; the eval_id is the eval's own.
    eval_id = models.CharField(max_length=100)
    run_id = models.CharField(max_length=100, blank=True)
    task = models.CharField(max_length=200)
    model = models.CharField(max_length=200)
    status = models.CharField(max_length=20)
    invalidated = models.BooleanField(default=False)
    error = models.CharField(max_length=1000, blank=True)
    started_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True, help_text="What it covers; its age is counted from here")
    received_at = models.DateTimeField(default=clock.now)
    metadata = models.JSONField(default=dict)
    file = models.CharField(max_length=500)
    file_sha256 = models.CharField(max_length=64)
    results_sha256 = models.CharField(max_length=64)
    total = models.PositiveIntegerField(default=0)
    passed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    errored = models.PositiveIntegerField(default=0)

    objects = EvidenceQuerySet.as_manager()

    class Meta:
        ordering = ["-completed_at", "-started_at", "id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["source", "eval_id"], name="one_run_an_eval"),
            models.CheckConstraint(condition=Q(total=F("passed") + F("failed") + F("errored")), name="cases_add_up"),
        ]
        indexes = [models.Index(fields=["agent", "version", "-completed_at"])]

    def __str__(self) -> str:
        return f"{self.task} {self.eval_id[:8]}"


class CaseResult(models.Model):
    """What one case came to, over its epochs."""

    class Outcome(models.TextChoices):
        PASS = "pass", "Passed"
        FAIL = "fail", "Failed"
        ERROR = "error", "Errored"

    run = models.ForeignKey(EvalRun, on_delete=models.CASCADE, related_name="cases")
    case_id = models.CharField(max_length=150)
    epochs = models.PositiveIntegerField()
    passed_epochs = models.PositiveIntegerField()
    errored_epochs = models.PositiveIntegerField()
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    critical = models.BooleanField(default=False, help_text="As the log says; the packet says more")
    error = models.CharField(max_length=500, blank=True)
    scores = models.JSONField(default=list)

    class Meta:
        ordering = ["case_id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["run", "case_id"], name="one_result_a_case"),
            models.CheckConstraint(
                condition=Q(epochs__gte=1) & Q(epochs__gte=F("passed_epochs") + F("errored_epochs")),
                name="epochs_add_up",
            ),
            # Half is not a majority: a tie fails.
            models.CheckConstraint(
                condition=Q(outcome="pass", passed_epochs__gt=F("epochs") - F("passed_epochs"))
                | Q(outcome__in=["fail", "error"], passed_epochs__lte=F("epochs") - F("passed_epochs")),
                name="pass_is_a_majority",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id}: {self.outcome}"

    @property
    def every_epoch_passed(self) -> bool:
        """What a critical case needs."""
        return self.passed_epochs == self.epochs


class CostRuleQuerySet(models.QuerySet["CostRule"]):
    """Rules, as people see them."""

    def visible_to(self, user: Person) -> "CostRuleQuerySet":
        """Everyone who sees costs must see how they were tied."""
        return self if user.is_authenticated else self.none()


class CostRule(models.Model):
    """Ties cost lines to an agent. The first rule that matches wins."""

    class Field(models.TextChoices):
        TAG = "tag", "Tag"
        SUB_ACCOUNT = "sub_account", "Sub-account id"
        PROJECT = "project", "Sub-account or project name"
        SERVICE = "service", "Service"
        RESOURCE = "resource", "Resource id"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    position = models.PositiveIntegerField()
    field = models.CharField(max_length=20, choices=Field.choices)
    key = models.CharField(max_length=200, blank=True, help_text="For a tag: its key")
    value = models.CharField(max_length=500)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="cost_rules")
    added_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(default=clock.now)

    objects = CostRuleQuerySet.as_manager()

    class Meta:
        ordering = ["position"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["position"], name="one_rule_a_position", deferrable=models.Deferrable.DEFERRED
            ),
            models.UniqueConstraint(fields=["field", "key", "value"], name="one_rule_a_match"),
            models.CheckConstraint(
                condition=Q(field__in=["tag", "sub_account", "project", "service", "resource"]),
                name="rule_field_is_known",
            ),
            models.CheckConstraint(condition=Q(field="tag") ^ Q(key=""), name="a_tag_has_a_key_nothing_else_has"),
            models.CheckConstraint(condition=~Q(value=""), name="a_rule_has_a_value"),
        ]

    def __str__(self) -> str:
        return f"{self.get_field_display()} {self.key + '=' if self.key else ''}{self.value}"


class CostLine(models.Model):
    """One charge of a FOCUS export, under FOCUS's own column names. Never changed but for the agent it is tied to."""

    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="cost_lines")
    file = models.ForeignKey(PulledFile, on_delete=models.PROTECT, related_name="cost_lines")
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, null=True, related_name="cost_lines")
    billed_cost = models.DecimalField(max_digits=30, decimal_places=12)
    effective_cost = models.DecimalField(max_digits=30, decimal_places=12)
    billing_currency = models.CharField(max_length=3)
    charge_category = models.CharField(max_length=20)
    charge_class = models.CharField(max_length=20, blank=True)
    charge_description = models.CharField(max_length=500, blank=True)
    charge_period_start = models.DateTimeField()
    charge_period_end = models.DateTimeField()
    billing_period_start = models.DateTimeField()
    billing_period_end = models.DateTimeField()
    provider_name = models.CharField(max_length=200, blank=True)
    service_name = models.CharField(max_length=200)
    sub_account_id = models.CharField(max_length=200, blank=True)
    sub_account_name = models.CharField(max_length=200, blank=True)
    resource_id = models.CharField(max_length=500, blank=True)
    sku_id = models.CharField(max_length=200, blank=True)
    consumed_quantity = models.DecimalField(max_digits=30, decimal_places=12, null=True)
    consumed_unit = models.CharField(max_length=100, blank=True)
    sku_meter = models.CharField(max_length=200, blank=True)
    tags = models.JSONField(default=dict)
    row_sha256 = models.CharField(max_length=64)
    ordinal = models.PositiveIntegerField(help_text="Which of the rows that are equal in one file, from 0")
    received_at = models.DateTimeField()

    objects = CostQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["source", "row_sha256", "ordinal"], name="a_row_counts_once"),
            models.CheckConstraint(condition=Q(billing_currency__regex=r"^[A-Z]{3}$"), name="currency_is_a_code"),
            models.CheckConstraint(
                condition=Q(charge_period_end__gt=F("charge_period_start")), name="charge_period_runs_forward"
            ),
        ]
        indexes = [
            models.Index(fields=["agent", "charge_period_start"]),
            models.Index(fields=["charge_period_start"]),
            models.Index(fields=["source", "charge_period_end"]),
            # Counting what belongs to nobody, and asking whose account it is, must not read all lines.
            models.Index(fields=["source"], condition=Q(agent=None), name="costline_untied"),
            models.Index(
                fields=["sub_account_id", "agent"],
                condition=Q(agent__isnull=False) & ~Q(sub_account_id=""),
                name="costline_account",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.effective_cost} {self.billing_currency}, {self.service_name}"


class BudgetQuerySet(models.QuerySet["Budget"]):
    """Budgets, as people see them."""

    def visible_to(self, user: Person) -> "BudgetQuerySet":
        """With the agent's detail or as a member of the team; finance sees all."""
        if not user.is_authenticated:
            return self.none()
        if user.sees_all or Role.FINANCE in user.roles:
            return self
        # Asked of each budget: beside an OR, PostgreSQL would else read every agent that the person may see.
        agent = Agent.objects.detail_visible_to(user).filter(pk=models.OuterRef("agent"))
        return self.filter(models.Exists(agent) | Q(team__in=user.team_ids))


class Budget(models.Model):
    """What an agent or a team may cost a month, from the month `starts` on, until a later budget starts."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, null=True, blank=True, related_name="budgets")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, blank=True, related_name="budgets")
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3)
    starts = models.DateField(help_text="The first day of a month")
    set_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField(default=clock.now)

    objects = BudgetQuerySet.as_manager()

    class Meta:
        ordering = ["-starts", "id"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(agent__isnull=False, team=None) | Q(agent=None, team__isnull=False),
                name="budget_is_an_agents_or_a_teams",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="budget_is_an_amount"),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="budget_currency_is_a_code"),
            models.CheckConstraint(condition=Q(starts__day=1), name="budget_starts_with_a_month"),
            models.UniqueConstraint(fields=["agent", "starts"], name="one_budget_an_agent_and_month"),
            models.UniqueConstraint(fields=["team", "starts"], name="one_budget_a_team_and_month"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} a month for {self.agent or self.team}"


# Last, since what is counted there points at the rows above.
from signals.incidents.models import Incident  # noqa: E402, F401
from signals.unregistered.models import EvalRule, KeyUse, Sighting, SightingTally  # noqa: E402, F401
