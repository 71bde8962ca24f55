"""How the OpenAPI document names the token. Imported once the apps are ready."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class BearerScheme(OpenApiAuthenticationExtension):
    """The token in the OpenAPI document."""

    target_class = "accounts.authentication.BearerAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """As OpenAPI names an HTTP bearer token."""
        return {"type": "http", "scheme": "bearer", "description": "An API token, made under your account."}
