"""The roles that a person may be granted, and the scopes of tokens. The Owner is no role: it is the agent's named owner."""

from django.db import models


class Role(models.TextChoices):
    """Roles held across the organisation; each is a group, and each grant a row with an end."""

    SECURITY = "security", "Security approver"
    DATA = "data", "Data approver"
    RISK = "risk", "Risk approver"
    FINANCE = "finance", "Finance approver"
    OPERATIONS = "operations", "Operations approver"
    AUDITOR = "auditor", "Auditor"
    ADMIN = "admin", "Platform admin"


APPROVER_ROLES = (Role.SECURITY, Role.DATA, Role.RISK, Role.FINANCE, Role.OPERATIONS)


class Scope(models.TextChoices):
    """What an API token may be used for. It narrows what its holder may do, and never widens it."""

    REGISTRY_READ = "registry:read", "Read agents, packets, the catalogue and sources"
    REGISTRY_WRITE = "registry:write", "Register and change agents, add to the catalogue"
    PACKETS_WRITE = "packets:write", "Start packets, fill their sections, submit them"
    SIGNALS_WRITE = "signals:write", "Have a source pulled, report and close incidents"
    EVIDENCE_READ = "evidence:read", "Read frozen documents and gate decisions"
