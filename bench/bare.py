"""What the API's list of agents is held against: the same rows from PostgreSQL to JSON, and nothing else."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

import orjson
import psycopg
from psycopg.rows import dict_row

from portal import settings

_DATABASE = settings.DATABASES["default"]
_ADDRESS: dict[str, Any] = {
    "host": _DATABASE["HOST"],
    "port": _DATABASE.get("PORT") or None,
    "dbname": _DATABASE["NAME"],
    "user": _DATABASE["USER"],
    "password": _DATABASE.get("PASSWORD") or None,
}
_ROWS = """SELECT a.id, a.slug, a.name, a.summary, t.slug AS team, p.name AS owner, a.autonomy, a.risk_class, a.status,
                  a.stage, a.gate
           FROM registry_agent a JOIN accounts_team t ON t.id = a.team_id JOIN accounts_person p ON p.id = a.owner_id
           ORDER BY a.name, a.id LIMIT 50"""
_mine = threading.local()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The whole application: no address, no sign-in, no permission. One connection a thread."""
    if not hasattr(_mine, "connection"):
        _mine.connection = psycopg.connect(**_ADDRESS, autocommit=True, row_factory=dict_row)
    body = orjson.dumps({"agents": _mine.connection.execute(_ROWS).fetchall()})
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
