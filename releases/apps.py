"""Promotion and suspension."""

from django.apps import AppConfig


class ReleasesConfig(AppConfig):
    """The room `releases`."""

    name = "releases"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Tell the registry what runs (a superseded packet does until the next is promoted), and what autonomy asks."""
        from registry import autonomy
        from registry.panels import packets_in_force, releases_in_force
        from releases.queries import packets_in_force as ids
        from releases.queries import running
        from releases.rungs import LIVED, NOT_SUSPENDED

        packets_in_force.append(ids)
        releases_in_force.append(running)
        autonomy.add(NOT_SUSPENDED, *LIVED)
