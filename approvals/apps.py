"""Checklists, sign-offs, policies and gate decisions."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ApprovalsConfig(AppConfig):
    """The room `approvals`."""

    name = "approvals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Publish the built-in checklists and policies after migrating; add to the rail and the registry's pages."""
        from approvals import builtin, panels, queries
        from approvals.renewing import evals_moved
        from registry.panels import moved_elsewhere, packet_acts, packet_panels
        from web import nav

        post_migrate.connect(builtin.publish, sender=self)
        nav.count("reviews")(queries.reviews_waiting)
        packet_acts.append(panels.acts)
        packet_panels.extend([panels.ending_panel, panels.renewal_panel, panels.gate_panel])
        moved_elsewhere.append(evals_moved)
