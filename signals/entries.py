"""What the ledger says of sources, pulls, budgets, cost rules, sightings and incidents."""

from pydantic import BaseModel

from ledger.kinds import Entry, Id, Sha256, Slug


class SourceAdded(Entry):
    kind = "source.added"
    sentence = "added a source of {source_kind} files"
    source: Id
    source_kind: Slug
    interval_minutes: int


class FileRead(BaseModel, extra="forbid", frozen=True):
    """Part of a pull's entry, never written alone: which bytes were read."""

    sha256: Sha256
    size: int
    rejected: int
    refused: bool


class PullFinished(Entry):
    kind = "pull.finished"
    sentence = "pulled {rows_new} new of {rows_read} rows"
    source: Id
    pull: Id
    rows_read: int
    rows_new: int
    rows_withdrawn: int
    rows_rejected: int
    files: list[FileRead]
    files_not_listed: int


class PullFailed(Entry):
    kind = "pull.failed"
    sentence = "a pull failed; {rows_new} new rows of files that could be read were kept"
    source: Id
    pull: Id
    rows_read: int
    rows_new: int
    rows_withdrawn: int
    rows_rejected: int
    files: list[FileRead]
    files_not_listed: int
    why: Slug


class BudgetSet(Entry):
    kind = "budget.set"
    sentence = "set a budget of {cents} hundredths of {currency} a month, from {month} on"
    budget: Id
    agent: Id | None = None
    team: Id | None = None
    cents: int
    currency: str
    month: str


class CostRuleAdded(Entry):
    kind = "cost_rule.added"
    sentence = "added the cost rule at place {position}"
    rule: Id
    agent: Id
    position: int
    field: Slug
    key: str
    value: str


class CostRuleMoved(Entry):
    kind = "cost_rule.moved"
    sentence = "moved a cost rule from place {was} to {position}"
    rule: Id
    was: int
    position: int


class CostRuleRemoved(Entry):
    kind = "cost_rule.removed"
    sentence = "removed the cost rule at place {position}"
    rule: Id
    agent: Id
    position: int
    field: Slug
    key: str
    value: str


class CostsTied(Entry):
    kind = "costs.tied"
    sentence = "tied {lines} cost lines anew by the rules"
    lines: int


class SightingMapped(Entry):
    kind = "sighting.mapped"
    sentence = "mapped {value}, seen as {seen_as}, to an agent"
    sighting: Id
    seen_as: Slug
    value: str
    agent: Id
    rule: Id


class SightingUnmapped(Entry):
    kind = "sighting.unmapped"
    sentence = "took back that {value}, seen as {seen_as}, is an agent's"
    sighting: Id
    seen_as: Slug
    value: str
    agent: Id


class SightingIgnored(Entry):
    kind = "sighting.ignored"
    sentence = "ignored {value}, seen as {seen_as}, until {until}"
    sighting: Id
    seen_as: Slug
    value: str
    until: str
    reason_sha256: Sha256


class SightingClaimed(Entry):
    kind = "sighting.claimed"
    sentence = "said that {value}, seen as {seen_as}, is an agent's"
    sighting: Id
    seen_as: Slug
    value: str
    agent: Id


class SightingReopened(Entry):
    kind = "sighting.reopened"
    sentence = "stopped ignoring {value}, seen as {seen_as}"
    sighting: Id
    seen_as: Slug
    value: str


class IncidentReported(Entry):
    kind = "incident.reported"
    sentence = "reported a {severity} incident"
    incident: Id
    agent: Id
    severity: Slug
    happened_at: str
    report_sha256: Sha256


class IncidentAmended(Entry):
    kind = "incident.amended"
    sentence = "amended an incident: {severity}, it was {was}"
    incident: Id
    agent: Id
    was: Slug
    severity: Slug
    failure_mode: str
    told_sha256: Sha256


class IncidentClosed(Entry):
    kind = "incident.closed"
    sentence = "closed a {severity} incident"
    incident: Id
    agent: Id
    severity: Slug
    outcome_sha256: Sha256


class IncidentReopened(Entry):
    kind = "incident.reopened"
    sentence = "opened a {severity} incident again"
    incident: Id
    agent: Id
    severity: Slug
