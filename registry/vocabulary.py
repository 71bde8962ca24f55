"""The registry's fixed words, as choices."""

from django.db import models


class RiskClass(models.TextChoices):
    """The EU AI Act's classes (Regulation (EU) 2024/1689)."""

    PROHIBITED = "prohibited", "Prohibited"
    HIGH = "high", "High risk"
    LIMITED = "limited", "Limited risk"
    MINIMAL = "minimal", "Minimal risk"


class Autonomy(models.IntegerChoices):
    """How far the agent acts alone."""

    L1 = 1, "L1 · suggests, a person does"
    L2 = 2, "L2 · drafts, a person releases each"
    L3 = 3, "L3 · acts, a person approves what is risky"
    L4 = 4, "L4 · acts, a person watches"
    L5 = 5, "L5 · acts alone"


class Relationship(models.TextChoices):
    """What the agent is to the organisation."""

    TOOL = "tool_for_teams", "Tool for our teams"
    PRODUCT = "part_of_product", "AI in our product"


class AgentStatus(models.TextChoices):
    """Follows from packets and releases; never typed in."""

    REGISTERED = "registered", "Registered"
    DRAFT = "draft", "Draft packet"
    IN_REVIEW = "in_review", "In review"
    CHANGES = "changes_requested", "Changes requested"
    APPROVED = "approved", "Approved"
    LIVE = "live", "Live"
    SUSPENDED = "suspended", "Suspended"
    RETIRED = "retired", "Retired"


class HandoverState(models.TextChoices):
    """What came of the offer of an agent to a new owner."""

    OPEN = "open", "Waits for an answer"
    ACCEPTED = "accepted", "Accepted"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"


class ProposalState(models.TextChoices):
    """What came of a proposal. All but open are ends."""

    OPEN = "open", "Waits for an answer"
    ACCEPTED = "accepted", "Accepted"
    DISMISSED = "dismissed", "Dismissed"
    SUPERSEDED = "superseded", "No longer said"


class Gate(models.TextChoices):
    """The newest production decision, for lists."""

    UNKNOWN = "unknown", "Not evaluated"
    PASS = "pass", "Passing"
    FAIL = "fail", "Blocked"


class PacketState(models.TextChoices):
    """A packet's life. Withdrawn, vetoed and superseded are ends."""

    DRAFT = "draft", "Draft"
    IN_REVIEW = "in_review", "In review"
    CHANGES = "changes_requested", "Changes requested"
    APPROVED = "approved", "Approved"
    WITHDRAWN = "withdrawn", "Withdrawn"
    VETOED = "vetoed", "Vetoed"
    SUPERSEDED = "superseded", "Superseded"


class Duty(models.TextChoices):
    """In which duty somebody answers for an agent."""

    OWNER = "owner", "Owner"
    DEPUTY = "deputy", "Deputy"


EDITABLE = (PacketState.DRAFT, PacketState.CHANGES)
ENDED = (PacketState.WITHDRAWN, PacketState.VETOED)
OPEN = (PacketState.DRAFT, PacketState.IN_REVIEW, PacketState.CHANGES)
"""What is still to be decided."""


class Classification(models.TextChoices):
    """How sensitive a data source is."""

    PUBLIC = "public", "Public"
    INTERNAL = "internal", "Internal"
    CONFIDENTIAL = "confidential", "Confidential"
    RESTRICTED = "restricted", "Restricted"


class Effect(models.TextChoices):
    """What a call of a tool does. Unclassified counts as irreversible until someone says otherwise."""

    READ = "read", "Read"
    WRITE = "write", "Write"
    IRREVERSIBLE = "irreversible", "Irreversible"


class ToolTag(models.TextChoices):
    """What a tool touches, as far as reviewers care."""

    CUSTOMER_DATA = "customer_data", "Customer data"
    MONEY = "money_movement", "Money movement"
    CREDENTIALS = "credentials", "Credentials"
    REGULATED = "regulated_records", "Regulated records"
    UNTRUSTED = "untrusted_input", "Untrusted input"
    EXTERNAL = "external_communication", "External communication"
