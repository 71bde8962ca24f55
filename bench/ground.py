"""What rows stand on: the `row` mark, the database with the demo organisation, the web server, a stopwatch."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Row:
    """A benchmark: `take()` returns the figure and its baseline, both in `unit`."""

    name: str
    unit: str
    baseline: str
    take: Callable[[], tuple[float, float]]


ROWS: list[Row] = []


def row(
    name: str, unit: str, baseline: str
) -> Callable[[Callable[[], tuple[float, float]]], Callable[[], tuple[float, float]]]:
    """Marks a function of `bench/rows_*.py` as a row. `baseline` says in words what the figure is held against."""

    def mark(take: Callable[[], tuple[float, float]]) -> Callable[[], tuple[float, float]]:
        ROWS.append(Row(name, unit, baseline, take))
        return take

    return mark


def median_ms(call: Callable[[], object], rounds: int = 200, warm: int = 20) -> float:
    """The median duration of `call()` in milliseconds."""
    for _ in range(warm):
        call()
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        call()
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken)


class Visitor:
    """A person's browser on one kept-open connection, signed in by a session made for the purpose."""

    def __init__(self, port: int, cookie: str = "") -> None:
        self.link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.headers = {"Host": "localhost", "Cookie": cookie}

    def get(self, path: str) -> bytes:
        """The page; raises where it is not 200, so that no error page is measured."""
        self.link.request("GET", path, headers=self.headers)
        answer = self.link.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"GET {path} answered {answer.status}")
        return body


def signed_in(port: int, email: str) -> Visitor:
    """A visitor who is the demo organisation's person `email`."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
    from django.contrib.sessions.backends.db import SessionStore

    person = get_user_model().objects.get(email=email)
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.create()
    return Visitor(port, f"{settings.SESSION_COOKIE_NAME}={session.session_key}")


@contextlib.contextmanager
def web_server(application: str = "portal.wsgi:application") -> Iterator[int]:
    """The web server as `up` runs it, with one bare view more, or with another WSGI application; gives its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", application, "--port", str(port)]
    server = subprocess.Popen(
        [*command, "--workers", "1", "--blocking-threads", "4", "--no-ws", "--log-level", "warning"],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "bench.settings"},
    )
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                Visitor(port).get("/bench/bare")
                break
            except (OSError, http.client.HTTPException):
                if server.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        yield port
    finally:
        server.terminate()
        server.wait(20)
