"""How a request of the API says whose it is: a token in the Authorization header (RFC 6750), else the browser's session."""

from typing import TYPE_CHECKING

from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.models import ApiToken, Person
from accounts.tokens import bearer
from work.acts import Denied

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which reads the settings that name this module

CHALLENGE = 'Bearer realm="portcullis"'


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer ptc_…`. A token that does not hold is 401, also where a session would do."""

    def authenticate(self, request: Request) -> tuple[Person, ApiToken] | None:
        """The token's person and the token; None where the header names no token."""
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            token = bearer(secret.strip())
        except Denied as denial:
            request._request.META["portcullis.token_refused"] = str(denial)
            raise exceptions.AuthenticationFailed(str(denial)) from denial
        return token.person, token

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for, and what was wrong with the token that came."""
        why = request._request.META.get("portcullis.token_refused")
        return f'{CHALLENGE}, error="invalid_token", error_description="{why}"' if why else CHALLENGE


class NarrowToken(exceptions.PermissionDenied):
    """403: the token was not made for this."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"This token was not made for this: it needs the scope {scope}. Make another one with it.")
        self.auth_header = f'{CHALLENGE}, error="insufficient_scope", scope="{scope}"'


def needs(request: Request, scope: str) -> None:
    """For what only some requests of a route do: raises NarrowToken where the token lacks `scope`."""
    if isinstance(request.auth, ApiToken) and scope not in request.auth.scopes:
        raise NarrowToken(scope)


class Scoped(BasePermission):
    """A token does only what its scopes name. A view says in `scopes` which one each method needs; unsaid is refused."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """True for sessions, and for tokens with the scope. Raises NarrowToken."""
        method = "GET" if request.method == "HEAD" else str(request.method)
        if not isinstance(request.auth, ApiToken) or not hasattr(view, method.lower()):
            return True  # a method that is not there is a 405 for everybody
        scopes: dict[str, str] = getattr(view, "scopes", {})
        needed = scopes.get(method, "of a browser's session")
        if needed not in request.auth.scopes:
            raise NarrowToken(needed)
        return True
