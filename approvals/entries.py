"""What the ledger says of sign-offs and gate decisions."""

from ledger.kinds import Entry, Id, Sha256, Slug


class SignOffRecorded(Entry):
    kind = "signoff.recorded"
    sentence = "signed as {role}: {decision}"
    packet: Id
    sign_off: Id
    revision: int
    role: Slug
    decision: Slug
    digest: Sha256
    statement_sha256: Sha256


class SignOffRefused(Entry):
    kind = "signoff.refused"
    sentence = "was refused to sign as {role}"
    packet: Id
    role: Slug
    reason: Slug


class GateDecided(Entry):
    kind = "gate.decided"
    sentence = "evaluated the {environment} gate of revision {revision}: {outcome}"
    packet: Id
    decision: Id
    revision: int
    environment: Slug
    policy: Slug
    policy_sha256: Sha256
    outcome: Slug
    input_sha256: Sha256
    output_sha256: Sha256


class RenewalDrafted(Entry):
    """`changes_sha256` is of what had changed since the approval, as canonical JSON: it is kept in the portal."""

    kind = "packet.renewal_drafted"
    sentence = "drafted packet {number} to renew an approval"
    packet: Id
    renews: Id
    number: int
    changes_sha256: Sha256
