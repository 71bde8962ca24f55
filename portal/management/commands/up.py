"""`manage.py up`: the whole portal under one supervisor: database, web server, workers, beat."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.db.utils import OperationalError

from portal import embedded, health
from portal.celery import LONG_VISIBILITY_SECONDS, SHORT_PREFETCH, WORKER_FLAGS, app
from portal.supervisor import Child, Supervisor
from work.models import Heartbeat

READY_SECONDS = 90


class Stopped(BaseException):
    """Ctrl-C or SIGTERM; not an Exception, so that no handler on the way takes it for a failure."""


class Command(BaseCommand):
    """Runs the portal until Ctrl-C or SIGTERM. PORT, HOST and VAR_DIR come from the environment."""

    help = "Run the whole portal: database, web server, workers and beat."
    requires_system_checks = []  # they ask the database, which is not up yet; migrate runs them

    def handle(self, *args: Any, **options: Any) -> None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)  # progress is shown at once through a pipe, too
        host, port = os.environ.get("HOST", "127.0.0.1"), _port()
        server = embedded.Server(settings.VAR_DIR, say=self.say) if settings.EMBEDDED else None
        supervisor = Supervisor(settings.BASE_DIR, settings.VAR_DIR / "children.json", self.say)
        try:
            with _stoppable():
                if server is not None:
                    server.hold()  # first of all: two starts on one folder are told apart before they share anything
                supervisor.end_leftovers()
                _check_port(host, port)
                self._database(server)
                self._prepare()
                for child in _children(host, port):
                    self.say(f"Starting {child.name}")
                    supervisor.add(child)
                app.send_task("work.tasks.worker_heartbeat")  # beat sends its first after ten seconds only
                self._watch(server, supervisor, host, port)
        except Stopped:
            self.say("Stopping")
        except (embedded.EmbeddedError, OperationalError) as error:
            raise CommandError(str(error).strip().splitlines()[0]) from None
        finally:
            connections.close_all()
            supervisor.stop()
            if server is not None and server.running():
                self.say("Stopping the database")
            if server is not None:
                server.stop()
        self.say("Stopped")

    def say(self, line: str) -> None:
        """One line of progress."""
        self.stdout.write(line)

    def _database(self, server: embedded.Server | None) -> None:
        if server is None:
            return
        self.say("Starting PostgreSQL")
        server.start()
        # The owner of the folder is settled by the first start only.
        connections["default"].settings_dict.update(embedded.connection(settings.VAR_DIR))

    def _prepare(self) -> None:
        self.say("Migrating the database")
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        self.say("Collecting static files")
        call_command("collectstatic", interactive=False, verbosity=0)
        if settings.DEMO:
            call_command("load_demo", stdout=self.stdout)
        if settings.EMBEDDED:
            Heartbeat.objects.all().delete()  # those of the last run would pass for signs of life
        connections.close_all()

    def _watch(self, server: embedded.Server | None, supervisor: Supervisor, host: str, port: int) -> None:
        announced, deadline = False, time.monotonic() + READY_SECONDS
        while True:
            if server is not None and not server.running():
                self.say("PostgreSQL has ended, starting it again")
                connections.close_all()
                server.restart()
            supervisor.look()
            if not announced:
                parts = health.report() | {"web": "ok" if _answers(host, port) else "does not answer yet"}
                ready = set(parts.values()) == {"ok"}
                if ready or time.monotonic() > deadline:
                    announced = True
                    self._announce(port, {} if ready else parts)
            time.sleep(0.5)

    def _announce(self, port: int, parts: dict[str, str]) -> None:
        for name, state in parts.items():
            if state != "ok":
                self.stderr.write(f"{name}: {state}")
        self.say(f"\nPortcullis is at http://localhost:{port}/")
        sign_ins = settings.VAR_DIR / "demo-sign-ins.json"
        if settings.DEMO and sign_ins.exists():
            self.say("Sign in as one of the demo organisation's people:")
            people = json.loads(sign_ins.read_text())
            for role, person in people.items():
                self.say(f"  {role:<16} {person['email']:<36} {person['password']}")
        self.say("Ctrl-C stops everything.")


def _children(host: str, port: int) -> list[Child]:
    python = [sys.executable, "-m"]
    celery = [*python, "celery", "--quiet", "-A", "portal"]
    worker = [*celery, "worker", "--loglevel", "WARNING", *WORKER_FLAGS]
    # Root is what a container has; messages are JSON, so the warning's reason (pickle) does not apply.
    quiet = {"PYTHONWARNINGS": "ignore:You're running the worker"}
    cores = os.cpu_count() or 2
    short = str(settings.WORKER_PROCESSES or min(cores, 4))
    web = str(settings.WEB_PROCESSES or min(cores, 4))
    return [
        Child(
            "worker",
            [*worker, "-Q", "celery", "-n", "short@%h", "-c", short, "--prefetch-multiplier", str(SHORT_PREFETCH)],
            quiet,
            stop_seconds=30,
        ),
        Child(
            "worker for long tasks",
            [*worker, "-Q", "long", "-n", "long@%h", "-c", "1", "--prefetch-multiplier", "1"],
            {**quiet, "CELERY_VISIBILITY_SECONDS": str(LONG_VISIBILITY_SECONDS)},
            stop_seconds=30,
        ),
        Child("beat", [*celery, "beat", "--loglevel", "WARNING", "--pidfile", ""], stage=1),
        Child(
            "web server",
            [
                *[*python, "granian", "--interface", "wsgi", "portal.wsgi:application"],
                *["--host", host, "--port", str(port), "--workers", web, "--blocking-threads", "4"],
                *["--no-ws", "--log-level", "warning", "--respawn-failed-workers", "--workers-kill-timeout", "10"],
            ],
            stage=2,
            orphaned=signal.SIGTERM,  # by SIGKILL its own workers would be orphans in turn, and keep the port
        ),
    ]


def _port() -> int:
    given = os.environ.get("PORT", "8000")
    if not given.isdecimal() or not 0 < int(given) < 65536:
        raise CommandError(f"PORT is {given!r}; it must be a number from 1 to 65535.")
    return int(given)


def _check_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the web server does, after a quick restart
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
            raise CommandError(f"Port {port} {reason}: choose another with PORT, as in `PORT=8001 make run`.") from None


def _answers(host: str, port: int) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Turns the first Ctrl-C or SIGTERM inside into Stopped; from then on the stopping itself is not disturbed."""

    def stop(number: int, frame: object) -> None:
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, signal.SIG_IGN)
        raise Stopped

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, stop)
    yield
