"""The API's lists at 100,000 agents."""

from __future__ import annotations

from bench.ground import Visitor, median_ms, row, web_server
from bench.many import many

AGENTS = 100_000


@row("registry.api_list", "requests/s", "a bare psycopg-to-JSON application with the same 50 rows on the same server")
def api_list() -> tuple[float, float]:
    """The first 50 of 100,000 agents with a token, one request after another on one connection."""
    from accounts.models import RoleGrant
    from accounts.tokens import make_token

    admin = RoleGrant.objects.filter(role="admin", revoked_at=None).select_related("person")[0].person
    secret = make_token(person=admin, name="bench", scopes=["registry:read"], days=1, by=admin).secret
    with many(AGENTS):
        with web_server() as port:
            script = Visitor(port)
            script.headers["Authorization"] = f"Bearer {secret}"
            ours = median_ms(lambda: script.get("/api/v1/agents/"))
        return 1000 / ours, bare_per_second()


def bare_per_second() -> float:
    """How often in a second the bare application answers with 50 rows."""
    with web_server("bench.bare:application") as port:
        bare = Visitor(port)
        return 1000 / median_ms(lambda: bare.get("/"))
