"""What every test uses: the embedded database, a real worker, a real browser.

This file is read before Django's settings, so the tests' own PostgreSQL starts here: in a folder of its own, beside
whatever `make run` has going on. xdist's workers inherit the folder and share the server, each with a database of its
own. (DJANGO_SETTINGS_MODULE is set here and not in pyproject.toml, where pytest-django would read it too early.)
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django
import pytest

ROOT = Path(__file__).resolve().parent
pytest_plugins = ("portal.tests.world",)
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def _start_server() -> None:
    """Starts PostgreSQL for this run and points the settings at it."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    if "portal.settings" in sys.modules:
        raise pytest.UsageError(
            "Unset DJANGO_SETTINGS_MODULE: it makes Django read its settings before the tests' server starts."
        )
    # The shell of somebody who runs the portal must not lend the tests its database.
    for name in ("DATABASE_URL", "DATABASE_NAME", "CELERY_BROKER_URL", "DEBUG", "DEMO", "ALLOWED_HOSTS"):
        os.environ.pop(name, None)
    os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    # Playwright's sync API keeps an event loop in the thread that also uses Django's database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    from portal import embedded

    os.environ["VAR_DIR"] = tempfile.mkdtemp(prefix="portcullis-test-")
    Path(os.environ["VAR_DIR"], "static").mkdir()  # WhiteNoise warns where it has nothing to serve
    atexit.register(shutil.rmtree, os.environ["VAR_DIR"], ignore_errors=True)
    atexit.register(embedded.start(Path(os.environ["VAR_DIR"]), durable=False).stop)


_start_server()
django.setup()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """The test database, with the broker pointed at it; the broker lets go before the database is dropped."""
    from django.db import connection

    from portal.celery import follow, let_go

    follow(connection.settings_dict)
    yield
    let_go()


@pytest.fixture
def celery_worker_process(transactional_db: None, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A real Celery worker, in a process of its own, on the test database and both queues."""
    from django.db import connection

    from portal.celery import WORKER_FLAGS

    with connection.cursor() as cursor:
        cursor.execute("SELECT pgmq.purge_queue(queue_name) FROM pgmq.meta")  # what earlier tests left
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "portal", "worker", "-Q", "celery,long", "-c", "2"]
    worker = subprocess.Popen(
        [*command, "--loglevel", "WARNING", "-n", f"test{os.getpid()}@%h", *WORKER_FLAGS],
        cwd=ROOT,
        env={**os.environ, "DATABASE_NAME": connection.settings_dict["NAME"], "TMPDIR": str(tmp_path)},
    )
    try:
        _wait_for_worker(worker)
        yield worker
    finally:
        worker.kill()  # a warm stop takes five seconds, and what a test left in the queue is of no use
        worker.wait()


def _wait_for_worker(worker: subprocess.Popen[bytes], seconds: float = 30) -> None:
    from work.models import Heartbeat
    from work.tasks import worker_heartbeat

    worker_heartbeat.delay()
    deadline = time.monotonic() + seconds
    while not Heartbeat.objects.filter(name="worker").exists():
        if worker.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"The Celery worker did not start (exit code {worker.returncode}).")
        time.sleep(0.05)


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """`eventually(lambda: …)`: waits until the call gives something true, and gives that; fails after `seconds`."""

    def wait(call: Callable[[], Any], seconds: float = 20) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := call()):
            if time.monotonic() > deadline:
                pytest.fail(f"Still {found!r} after {seconds} s.")
            time.sleep(0.05)
        return found

    return wait


def find_chromium() -> str | None:
    """The browser to drive: CHROMIUM, one on PATH, or Playwright's own; None where there is none."""
    for name in filter(None, (os.environ.get("CHROMIUM"), *CHROMIUM_NAMES)):
        if path := shutil.which(name):
            return path
    try:
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            path = playwright.chromium.executable_path
    except Exception:  # Playwright without its driver
        return None
    return path if Path(path).exists() else None


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Playwright's launch arguments with the Chromium that is there."""
    return {**browser_type_launch_args, "executable_path": os.environ.get("CHROMIUM"), "args": CHROMIUM_FLAGS}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a browser, browser tests are skipped and the summary says so; under CI they fail.

    Raises pytest.UsageError for a file whose tests use both the bank that a module shares in one open transaction and a
    database that is flushed after each test: the flush would meet the open transaction.
    """
    shared = {item.path for item in items if "_built" in getattr(item, "fixturenames", ())}
    flushed = {item.path for item in items if "transactional_db" in getattr(item, "fixturenames", ())}
    if both := sorted(str(path.relative_to(ROOT)) for path in shared & flushed):
        raise pytest.UsageError(f"Split into a file with `world` and one with `committed_world`: {', '.join(both)}")
    needs = {"page", "browser", "context"}
    browser_tests = [item for item in items if needs & ({*item.keywords} | {*getattr(item, "fixturenames", ())})]
    if not browser_tests:
        return
    if found := find_chromium():
        os.environ["CHROMIUM"] = found
        return
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        raise pytest.UsageError("No browser was found, and with CI=true the browser tests may not be skipped.")
    for item in browser_tests:
        item.add_marker(pytest.mark.skip(reason="no browser"))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Says loudly what was not tested."""
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if "no browser" in str(report.longrepr)]
    if skipped:
        words = f"NO BROWSER: {len(skipped)} browser tests were skipped, the pages are untested"
        terminalreporter.write_sep("!", words, red=True)
