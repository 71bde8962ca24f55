"""Agents, the catalogue, packets and their ten sections."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """The room `registry`."""

    name = "registry"
    default_auto_field = "django.db.models.BigAutoField"
