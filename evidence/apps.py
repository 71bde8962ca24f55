"""Export bundles, the offline verifier, the ledger's pages."""

from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    """The room `evidence`."""

    name = "evidence"
    default_auto_field = "django.db.models.BigAutoField"
