"""What `manage.py check` says about an installation before it serves anybody."""

from __future__ import annotations

import importlib.util
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

from registry.fetching import hosts


def connect() -> None:
    """Has Django run these checks."""
    register(broker_is_known)
    register(import_hosts_are_hosts)
    register(demo_is_off, deploy=True)


_CLIENTS = {"redis": "redis", "rediss": "redis", "amqp": "amqp", "amqps": "amqp", "pyamqp": "amqp", "pgmq": "pgmq"}


def broker_is_known(**kwargs: Any) -> list[CheckMessage]:
    """A broker without its client package would only fail at the first task."""
    scheme = settings.CELERY_BROKER_URL.split("://")[0]
    if scheme not in _CLIENTS:
        known = ", ".join(f"{name}://" for name in _CLIENTS)
        return [Error(f"CELERY_BROKER_URL starts with {scheme}://; known are {known}.", id="portal.E001")]
    if importlib.util.find_spec(_CLIENTS[scheme]) is None:
        return [Error(f"CELERY_BROKER_URL needs the package {_CLIENTS[scheme]}.", id="portal.E002")]
    return []


def import_hosts_are_hosts(**kwargs: Any) -> list[CheckMessage]:
    """An entry that is no host would only fail when somebody imports."""
    try:
        hosts()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="portal.E003")]
    return []


def demo_is_off(**kwargs: Any) -> list[CheckMessage]:
    """The demo organisation's people have published passwords, and its approvers need no second factor."""
    if not settings.DEMO:
        return []
    return [Warning("DEMO is on: sign-ins of the demo organisation are no secret.", id="portal.W001")]
