"""What the ledger says of agents, the catalogue and packets."""

from ledger.kinds import Entry, Id, Sha256, Slug


class AgentRegistered(Entry):
    kind = "agent.registered"
    sentence = "registered the agent {slug}"
    agent: Id
    slug: Slug
    team: Id
    owner: Id


class AgentChanged(Entry):
    kind = "agent.changed"
    sentence = "changed the agent's card"
    agent: Id
    fields: list[Slug]


class AgentRetired(Entry):
    kind = "agent.retired"
    sentence = "retired the agent"
    agent: Id
    reason_sha256: Sha256


class AgentTakenBack(Entry):
    kind = "agent.taken_back"
    sentence = "took the agent back into use"
    agent: Id


class SourceCatalogued(Entry):
    kind = "data_source.catalogued"
    sentence = "added the data source {slug} to the catalogue"
    source: Id
    slug: Slug


class ToolCatalogued(Entry):
    kind = "tool.catalogued"
    sentence = "added the tool {slug} to the catalogue"
    tool: Id
    slug: Slug
    effect: Slug


class SourceChanged(Entry):
    kind = "data_source.changed"
    sentence = "changed the catalogue's data source {slug}"
    source: Id
    slug: Slug
    fields: list[Slug]


class ToolChanged(Entry):
    kind = "tool.changed"
    sentence = "changed the catalogue's tool {slug}"
    tool: Id
    slug: Slug
    fields: list[Slug]


class ToolConfirmed(Entry):
    kind = "tool.confirmed"
    sentence = "confirmed that the tool {slug} counts as {effect}"
    tool: Id
    slug: Slug
    effect: Slug
    tags: list[Slug]


class SourceRetired(Entry):
    kind = "data_source.retired"
    sentence = "retired the data source {slug}, which {agents} agents were granted"
    source: Id
    slug: Slug
    agents: int


class ToolRetired(Entry):
    kind = "tool.retired"
    sentence = "retired the tool {slug}, which {agents} agents were granted"
    tool: Id
    slug: Slug
    agents: int


class SourceRestored(Entry):
    kind = "data_source.restored"
    sentence = "took the data source {slug} back into use"
    source: Id
    slug: Slug


class ToolRestored(Entry):
    kind = "tool.restored"
    sentence = "took the tool {slug} back into use"
    tool: Id
    slug: Slug


class SourceMerged(Entry):
    kind = "data_source.merged"
    sentence = (
        "merged the data source {slug} into {into_slug}; {agents} agents were granted it, {drafts} open packets moved"
    )
    source: Id
    slug: Slug
    into: Id
    into_slug: Slug
    agents: int
    drafts: int


class ToolMerged(Entry):
    kind = "tool.merged"
    sentence = "merged the tool {slug} into {into_slug}; {agents} agents were granted it, {drafts} open packets moved"
    tool: Id
    slug: Slug
    into: Id
    into_slug: Slug
    agents: int
    drafts: int


class ContractPublished(Entry):
    kind = "data_source.contract_published"
    sentence = "published contract {version} of the data source {slug}, with {fields} fields"
    source: Id
    slug: Slug
    contract: Id
    version: str
    fields: int
    sha256: Sha256


class SourceLinked(Entry):
    kind = "data_source.linked"
    sentence = "said that the data source {slug} feeds {into_slug}"
    source: Id
    slug: Slug
    into: Id
    into_slug: Slug


class SourceUnlinked(Entry):
    kind = "data_source.unlinked"
    sentence = "said that the data source {slug} no longer feeds {into_slug}"
    source: Id
    slug: Slug
    into: Id
    into_slug: Slug


class GrantsMoved(Entry):
    """Upkeep of the catalogue, not an edit of the packet: the same thing under the name that stays."""

    kind = "packet.grants_moved"
    sentence = "moved section {section}'s grants of merged entries to those that stay"
    packet: Id
    revision: int
    section: int
    moved: dict[Id, Id]
    digest: Sha256


class HandoverOffered(Entry):
    kind = "agent.handover_offered"
    sentence = "offered the agent to a new owner"
    agent: Id
    handover: Id
    previous: Id
    to: Id


class HandoverEnded(Entry):
    kind = "agent.handover_ended"
    sentence = "answered the offer of the agent: {state}"
    agent: Id
    handover: Id
    state: Slug


class OwnerChanged(Entry):
    """The actor is the new owner: nobody becomes one but by their own act."""

    kind = "agent.owner_changed"
    sentence = "accepted the agent and answers for it from now on"
    agent: Id
    handover: Id
    previous: Id
    owner: Id
    deputy_left_empty: bool


class PacketStarted(Entry):
    kind = "packet.started"
    sentence = "started packet {number} for version {version}"
    packet: Id
    agent: Id
    number: int
    version: str
    copied_from: Id | None = None


class TeamAnswerWritten(Entry):
    kind = "team_answer.written"
    sentence = "wrote version {version} of the team answer {slug}"
    team: Id
    answer: Id
    slug: Slug
    version: int
    sha256: Sha256


class TeamAnswerRenamed(Entry):
    """`slug` stays what it was; `name_sha256` is the digest of the new name."""

    kind = "team_answer.renamed"
    sentence = "renamed the team answer {slug}"
    team: Id
    answer: Id
    slug: Slug
    name_sha256: Sha256


class TeamAnswerWithdrawn(Entry):
    """`reason_sha256` is the digest of the reason: the words stay in the portal."""

    kind = "team_answer.withdrawn"
    sentence = "withdrew the team answer {slug}"
    team: Id
    answer: Id
    slug: Slug
    version: int
    reason_sha256: Sha256


class TeamAnswerTakenBack(Entry):
    kind = "team_answer.taken_back"
    sentence = "took the team answer {slug} back into use"
    team: Id
    answer: Id
    slug: Slug


class SectionSaved(Entry):
    kind = "packet.section_saved"
    sentence = "saved section {section}"
    packet: Id
    revision: int
    section: int
    digest: Sha256


class DutyAccepted(Entry):
    """`digest` is that of section 9's content, `statement_sha256` that of the words that were accepted."""

    kind = "packet.duty_accepted"
    sentence = "accepted to answer for the agent as its {duty}"
    packet: Id
    acceptance: Id
    duty: Slug
    digest: Sha256
    statement_sha256: Sha256


class DutyWithdrawn(Entry):
    kind = "packet.duty_withdrawn"
    sentence = "withdrew the acceptance as {duty}"
    packet: Id
    acceptance: Id
    duty: Slug


class LaunchReviewed(Entry):
    """`found_sha256` is the digest of what was found: the words stay in the portal."""

    kind = "packet.launch_reviewed"
    sentence = "looked at the agent after its launch"
    packet: Id
    agent: Id
    due_on: str
    found_sha256: Sha256


class TraceRead(Entry):
    """`sha256` is of the trace as it came, which is not kept. `redacted` is how much was taken out of what is."""

    kind = "packet.trace_read"
    sentence = "filled the trail of a run from a trace of {spans} spans"
    packet: Id
    revision: int
    sha256: Sha256
    spans: int
    found: list[Slug]
    filled: list[Slug]
    proposed: list[Slug]
    redacted: int


class PacketFilled(Entry):
    """`source` is the digest of what it was filled from."""

    kind = "packet.filled"
    sentence = "filled sections of the packet from {source_kind}"
    packet: Id
    revision: int
    source_kind: Slug
    source: Sha256
    sections: list[int]
    proposed: int


class PacketFrozen(Entry):
    kind = "packet.submitted"
    sentence = "submitted revision {revision}"
    packet: Id
    agent: Id
    revision: int
    digest: Sha256
    sections: dict[str, Sha256]


class PacketMoved(Entry):
    kind = "packet.moved"
    sentence = "moved the packet to {state}"
    packet: Id
    state: Slug


class ManifestImported(Entry):
    kind = "agent.manifest_imported"
    sentence = "imported manifest {number} of the agent"
    agent: Id
    manifest: Id
    number: int
    sha256: Sha256
    fields: list[Slug]


class Proposed(Entry):
    """`value` and `source` are digests: what was proposed may be words that the ledger does not keep."""

    kind = "proposal.made"
    sentence = "proposed another value for {field}"
    proposal: Id
    about: Slug
    target: Id
    section: int
    field: Slug
    value: Sha256
    source_kind: Slug
    source: Sha256


class ProposalEnded(Entry):
    kind = "proposal.ended"
    sentence = "ended the proposal for {field}: {state}"
    proposal: Id
    about: Slug
    target: Id
    section: int
    field: Slug
    state: Slug


class RiskAnswered(Entry):
    """`sha256` is of the answers and the reason as canonical JSON: what was said stays in the portal."""

    kind = "agent.risk_answered"
    sentence = "answered the risk questionnaire, which gives {result}, and set {chosen}"
    agent: Id
    answers: Id
    number: int
    edition: Slug
    result: Slug
    chosen: Slug
    sha256: Sha256
