"""How much each of the ten sections asks for: it follows from the agent's risk class, and where it matters from its autonomy.

One table. High risk asks for everything; a lower class for less, and says why. Nothing that is not asked for is hidden:
pages, the packet's document and the PDF name it with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.vocabulary import RiskClass

if TYPE_CHECKING:
    from registry.models import Agent

RANK = {RiskClass.MINIMAL: 0, RiskClass.LIMITED: 1, RiskClass.HIGH: 2, RiskClass.PROHIBITED: 3}
MINIMAL, LIMITED, HIGH = RiskClass.MINIMAL, RiskClass.LIMITED, RiskClass.HIGH


@dataclass(frozen=True)
class Demand:
    """One thing that a section asks for.

    `parts` are the fields that it is about: `sheet.field`, `kind of row.field`, or `kind of row.rows` for that there are any.
    It is asked for from the class `since` on, or from the autonomy level `level` on, whatever the class.
    Up to the class `waivable` a person may say, with a reason, that it does not apply; None where nobody may.
    """

    key: str
    what: str
    parts: tuple[str, ...]
    since: RiskClass = MINIMAL
    because: str = ""
    level: int | None = None
    waivable: RiskClass | None = None

    def asked(self, agent: Agent) -> bool:
        """Whether a packet of `agent`, as it is classed now, must answer this."""
        by_level = self.level is not None and agent.autonomy >= self.level
        return by_level or RANK[RiskClass(agent.risk_class)] >= RANK[self.since]

    def may_lack(self, agent: Agent) -> bool:
        """Whether a person may say that this does not apply to `agent`, as it is classed now."""
        if self.waivable is None or not self.asked(agent):
            return False
        return RANK[RiskClass(agent.risk_class)] <= RANK[self.waivable]

    @property
    def asked_from(self) -> str:
        """From when on it is asked for, in words."""
        since = self.since.label.lower()
        return f"{since}, or from autonomy L{self.level}" if self.level is not None else since

    @property
    def sentence(self) -> str:
        """Why it is not needed, where it is not asked for."""
        return f"{self.what}: not needed, because {self.because}. Asked from {self.asked_from}."


DEMANDS: dict[int, tuple[Demand, ...]] = {
    1: (
        Demand("use.cases", "At least one use", ("use.rows",)),
        Demand("use.refused", "At least one thing that it must refuse", ("non_use.rows",)),
        Demand(
            "use.refusals", "The words of each refusal", ("non_use.refusal",),
            LIMITED, "a clumsy refusal harms nobody at this class",
        ),
    ),
    2: (
        Demand("data.sources", "The data that it reads, with its purpose", ("grant.rows", "grant.purpose"), waivable=HIGH),
        Demand("data.classified", "A classification of each source", ("grant.classification",)),
        Demand(
            "data.narrow", "Fields and retention of each source", ("grant.fields", "grant.retention_days"),
            LIMITED, "at this class the purpose says enough of what is read",
        ),
        Demand(
            "data.contract", "A data contract of each source", ("grant.contract",),
            LIMITED, "a source that changes its shape does little harm through an agent of this class",
        ),
        Demand("data.never_used", "Data that must never be used", ("never.use",)),
        Demand("data.never_logged", "Data that must never be logged", ("never.log",)),
    ),
    3: (
        Demand(
            "versions.models", "Each model, pinned to a snapshot",
            ("model.rows", "model.provider", "model.model_id", "model.snapshot"),
        ),
        Demand("versions.prompts", "Each prompt with its text", ("prompt.rows", "prompt.name", "prompt.text")),
        Demand(
            "versions.prompt_version", "The version of each prompt", ("prompt.version",),
            LIMITED, "the digest of its text tells one prompt from another",
        ),
        Demand(
            "versions.retrieval", "Embedding model and corpus date of each index",
            ("retrieval.embedding_model", "retrieval.corpus_date"),
            LIMITED, "at this class the index's name is enough to find it again",
        ),
    ),
    4: (
        Demand("evals.suite", "The name of the suite", ("sheet.name",)),
        Demand(
            "evals.suite_version", "The version of the suite", ("sheet.version",),
            LIMITED, "the run that is pulled names its cases, and at this class that is enough",
        ),
        Demand(
            "evals.cases", "Cases with input and expected behaviour",
            ("case.rows", "case.case_id", "case.input", "case.expected"),
        ),
        Demand("evals.critical", "Which cases are critical", ("case.critical",)),
        Demand(
            "evals.failures", "Failure mode and origin of each case", ("case.failure_mode", "case.origin"),
            LIMITED, "a suite for this class is short enough to read without sorting it",
        ),
    ),
    5: (
        Demand(
            "trail.run", "One real run: trace id, time, input and output",
            ("sheet.trace_id", "sheet.run_at", "sheet.sanitised_input", "sheet.output"),
        ),
        Demand(
            "trail.versions", "Instructions, model and prompt version of that run",
            ("sheet.instructions", "sheet.model_version", "sheet.prompt_version"),
            LIMITED, "section 3 pins them, and at this class one run need not show them again",
        ),
        Demand(
            "trail.sources", "Retrieved sources of that run", ("sheet.retrieved_sources",),
            LIMITED, "at this class input and output show whether an answer can be traced", waivable=HIGH,
        ),
        Demand(
            "trail.tool_calls", "Tool calls of that run", ("sheet.tool_calls",),
            LIMITED, "an agent of this class that suggests or drafts calls nothing that matters on its own",
            level=3, waivable=HIGH,
        ),
        Demand(
            "trail.approvals", "What was approved or blocked in that run", ("sheet.approvals",),
            LIMITED, "an agent of this class that suggests or drafts leaves every step to a person",
            level=3, waivable=HIGH,
        ),
        Demand(
            "trail.checks", "Eval checks on that answer", ("sheet.eval_checks",),
            HIGH, "below high risk the results of the suite are enough",
        ),
        Demand(
            "trail.override", "What a person changed in that answer", ("sheet.human_override",),
            HIGH, "below high risk nobody has to show how a single answer was overruled",
        ),
    ),
    6: (
        Demand(
            "tools.grants", "Each tool with scope, environment and approval",
            ("grant.rows", "grant.scope", "grant.environment", "grant.approval"),
        ),
        Demand("tools.harm", "What stops harm by its tools", ("grant.mitigation", "sheet.statement")),
    ),
    7: (
        Demand("security.implied", "Prompt injection, and each risk that the packet itself points to", ("threat.implied",)),
        Demand(
            "security.llm", "The other risks of the OWASP list for LLM applications", ("threat.llm",),
            LIMITED, "nothing in this packet points to them, and at this class that is enough",
        ),
        Demand(
            "security.agents", "The other risks of the OWASP list for agents", ("threat.agents",),
            HIGH, "nothing in this packet points to them, and a person stands between this agent and its effect", level=3,
        ),
        Demand(
            "security.proof", "Evidence and residual risk of each risk that applies", ("threat.evidence", "threat.residual"),
            LIMITED, "at this class what is done about a risk is enough",
        ),
    ),
    8: (
        Demand(
            "cost.workload", "Workload and prices",
            (
                "sheet.currency", "sheet.runs_per_day", "sheet.calls_per_run", "sheet.tokens_in", "sheet.tokens_out",
                "sheet.cached_percent", "sheet.retry_percent", "sheet.price_in", "sheet.price_cached", "sheet.price_out",
                "sheet.fees_per_run", "sheet.review_minutes_per_run", "sheet.review_hour", "sheet.price_source",
            ),
        ),
        Demand("cost.stop", "The stop rule", ("sheet.stop_rule",)),
        Demand(
            "cost.busy", "What a busy month costs", ("sheet.runs_high", "sheet.tokens_high_percent"),
            LIMITED, "at this class the stop rule bounds a bad month",
        ),
        Demand(
            "cost.worth", "What a run is worth", ("sheet.outcome", "sheet.outcome_percent", "sheet.value_per_outcome"),
            HIGH, "below high risk whether it pays is the team's own business", waivable=HIGH,
        ),
        Demand(
            "cost.routing", "The routing plan", ("sheet.routing",),
            HIGH, "below high risk the cost a month is enough", waivable=HIGH,
        ),
    ),
    9: (
        Demand("owner.people", "An owner and a deputy who are here", ("agent.owner", "agent.deputy")),
        Demand("owner.authority", "What the owner may decide alone", ("sheet.authority",)),
        Demand("owner.support", "The support path", ("sheet.support_path",)),
        Demand(
            "owner.hours", "Support hours and escalation", ("sheet.support_hours", "sheet.escalation"),
            LIMITED, "nobody is called at night for an agent of this class that a person watches", level=4,
        ),
        Demand(
            "owner.runbook", "The runbook", ("sheet.runbook",),
            LIMITED, "an agent of this class that a person watches is stopped and left off until somebody has time",
            level=4, waivable=LIMITED,
        ),
    ),
    10: (
        Demand(
            "rollout.stages", "A rollout in stages", ("stage.rows",),
            LIMITED, "an agent of this class that suggests or drafts may go to everybody at once", level=3,
        ),
        Demand(
            "rollout.stage", "Audience, share and criteria of each stage",
            ("stage.audience", "stage.percent", "stage.criteria"),
        ),
        Demand(
            "rollout.pace", "Days at least, and answers read, of each stage", ("stage.dwell_days", "stage.review_percent"),
            HIGH, "below high risk the criteria say when to go on, unless the agent acts", level=3,
        ),
        Demand("rollout.back", "What it rolls back to", ("sheet.rollback_target",)),
        Demand(
            "rollout.steps", "The steps of a rollback", ("sheet.rollback_steps",),
            LIMITED, "an agent of this class that suggests or drafts is switched off, which is one step", level=3,
        ),
        Demand("rollout.kill", "The kill switch", ("sheet.kill_mechanism", "sheet.kill_who", "sheet.kill_seconds")),
        Demand(
            "rollout.reach", "What a stop does not reach", ("sheet.not_reached",),
            LIMITED, "what an agent of this class leaves behind when it stops, a person has still to act on", level=3,
        ),
        Demand(
            "rollout.review", "The date of the post-launch review", ("sheet.review_on",),
            LIMITED, "at this class the agent's next review date is enough",
        ),
    ),
}  # fmt: skip
"""By section, in the order of its page. Every part that a section can find missing is in exactly one row."""

WAIVABLE = tuple(one.key for demands in DEMANDS.values() for one in demands if one.waivable)
"""What a person may say does not apply, at some class. The database holds no other."""


def of_part(section: int, part: str) -> Demand:
    """The demand that asks for `part` of a section. Raises KeyError for a part that no row of the table names."""
    for one in DEMANDS[section]:
        if part in one.parts:
            return one
    raise KeyError(f"section {section} has no demand for {part}")


def not_asked(section: int, agent: Agent) -> list[Demand]:
    """What the section does not ask of `agent`, as it is classed now."""
    return [one for one in DEMANDS[section] if not one.asked(agent)]


def may_lack(section: int, agent: Agent) -> list[Demand]:
    """What a person may say does not apply in the section, for `agent` as it is classed now."""
    return [one for one in DEMANDS[section] if one.may_lack(agent)]
