"""Settings, pages across rooms, the commands that run the portal."""

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class PortalConfig(AppConfig):
    """The room `portal`."""

    name = "portal"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Registers checks, the places of the palette, and the queue that every migrated database must have."""
        from portal import broker, checks, places
        from web import nav

        checks.connect()
        nav.places.extend(places.PLACES)
        # Sent once a migrate for `work`; an app without models, such as this one, gets no such signal.
        post_migrate.connect(broker.install, sender=apps.get_app_config("work"))
