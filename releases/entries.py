"""What the ledger says of releases."""

from ledger.kinds import Entry, Id, Sha256, Slug


class Promoted(Entry):
    kind = "release.promoted"
    sentence = "promoted version {version} to {environment}"
    agent: Id
    packet: Id
    release: Id
    decision: Id
    environment: Slug
    version: str


class PromotionRefused(Entry):
    kind = "release.refused"
    sentence = "was refused to promote: {reason}"
    agent: Id
    packet: Id
    environment: Slug
    reason: Slug
    decision: Id | None = None


class Suspended(Entry):
    kind = "release.suspended"
    sentence = "suspended the agent in {environment}"
    agent: Id
    release: Id
    environment: Slug
    reason_sha256: Sha256


class SuspensionRefused(Entry):
    kind = "release.suspension_refused"
    sentence = "was refused to suspend the agent"
    agent: Id


class ResumeAsked(Entry):
    kind = "release.resume_asked"
    sentence = "asked to resume the agent in {environment}"
    agent: Id
    release: Id
    environment: Slug


class Resumed(Entry):
    kind = "release.resumed"
    sentence = "resumed the agent in {environment}"
    agent: Id
    release: Id
    environment: Slug
    decision: Id
