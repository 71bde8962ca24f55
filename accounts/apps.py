"""People, teams, roles, sign-in."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The room `accounts`."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Record sign-ins, also those that fail on an account that exists; name the token in the OpenAPI document."""
        from allauth.account.signals import user_logged_in
        from django.contrib.auth.signals import user_login_failed

        from accounts import actions, schema  # noqa: F401

        user_logged_in.connect(actions.record_sign_in)
        user_login_failed.connect(actions.record_failed_sign_in)
