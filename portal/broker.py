"""The broker on PostgreSQL: kombu's PGMQ transport on the database that Django uses.

Other brokers (Redis, RabbitMQ) come by CELERY_BROKER_URL and need nothing from here.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import connections, transaction
from pgmq.install import get_embedded_install_sql, get_embedded_sql_version
from psycopg.conninfo import make_conninfo

ON_DATABASE = "pgmq://localhost"
"""The broker's URL for "Django's own database", whichever that is; the host is there because kombu asks for one."""

_DJANGO_ONLY = {"pool", "server_side_binding", "isolation_level", "assume_role", "cursor_factory", "prepare_threshold"}
_LIBPQ = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}


def conninfo(database: dict[str, Any]) -> str:
    """The libpq connection string of one of Django's DATABASES."""
    options = {key: value for key, value in (database.get("OPTIONS") or {}).items() if key not in _DJANGO_ONLY}
    named = {libpq: str(database[key]) for key, libpq in _LIBPQ.items() if database.get(key)}
    return make_conninfo("", **{**options, **named})


def transport_options(url: str, database: dict[str, Any], visibility_seconds: int) -> dict[str, Any]:
    """kombu's options for the broker `url`. A message is delivered again when `visibility_seconds` pass unanswered.

    For PGMQ they trade a little idle polling for speed: 250 tasks a second, 5 to 20 ms from `delay()` to start, where
    the defaults give 58 (two cores). ON_DATABASE, which settings make of a bare `pgmq://`, is the database of Django.
    """
    if url.startswith(("redis://", "rediss://")):
        # One worker gives back another's messages by its own figure, so all need the longest.
        return {"visibility_timeout": max(visibility_seconds, 3600), "socket_connect_timeout": 5}
    if not url.startswith("pgmq://"):
        return {}
    options: dict[str, Any] = {
        "init_extension": False,
        "visibility_timeout": visibility_seconds,
        "wait_time_seconds": 0,
        "polling_interval": 1,
        "use_notify": True,
        "notify_throttle_interval_ms": 20,
        "pool_size": 4,
        "pool_timeout": 5,
    }
    if url == ON_DATABASE:
        options["conn_string"] = conninfo(database)
    return options


def on_database() -> bool:
    """Whether the broker is PGMQ on Django's own database."""
    return bool(settings.CELERY_BROKER_URL == ON_DATABASE)


def install(using: str = "default", **kwargs: object) -> None:
    """Puts PGMQ's SQL into the database, once; a receiver of `post_migrate`, so test databases have it too.

    Where the server offers the extension and an administrator has created it, that one is used.
    """
    connection = connections[using]
    if not on_database() or connection.vendor != "postgresql":
        return
    with transaction.atomic(using=using), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('portcullis.pgmq'))")  # two machines may migrate at once
        cursor.execute("SELECT to_regclass('pgmq.meta')")
        if cursor.fetchone() == (None,):
            cursor.execute(get_embedded_install_sql())
            cursor.execute(f"COMMENT ON SCHEMA pgmq IS 'pgmq {get_embedded_sql_version()}, installed by Portcullis'")
