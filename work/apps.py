"""Work that must happen: follow-ups, heartbeats, the clock."""

from django.apps import AppConfig


class WorkConfig(AppConfig):
    """The room `work`."""

    name = "work"
    default_auto_field = "django.db.models.BigAutoField"
