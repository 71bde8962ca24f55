"""What the interop tests stand on: other people's programs in .venv-interop, services that listen, a loud word if not."""

import os
import socket
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = ROOT / ".venv-interop" / "bin"
NOT_LISTENING = "is not listening"


@pytest.fixture(scope="session")
def program():
    """`program(name, *arguments)`: runs a program of .venv-interop, and fails with what it said where it fails."""

    def run(name, *arguments, seconds=240):
        path = PROGRAMS / name
        if not path.exists():
            pytest.fail(f"{path} is missing: run these tests with `make interop`, which installs it.")
        # Nothing of the tests' own settings, and no call home.
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR", "LANG") if key in os.environ}
        done = subprocess.run([path, *map(str, arguments)], capture_output=True, text=True, timeout=seconds, env=kept)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def service(url):
    """`url`, if something listens there; else the test fails under CI, and is skipped elsewhere."""
    place = urlsplit(url)
    try:
        socket.create_connection((place.hostname, place.port), timeout=3).close()
    except OSError:
        words = f"{place.scheme} on {place.hostname}:{place.port} {NOT_LISTENING}"
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(f"{words}, and with CI=true this test may not be skipped.")
        pytest.skip(words)
    return url


def pytest_terminal_summary(terminalreporter):
    """Says loudly what was not tested."""
    skipped = [
        str(one.longrepr[2]) for one in terminalreporter.stats.get("skipped", []) if NOT_LISTENING in str(one.longrepr)
    ]
    for words in sorted(set(skipped)):
        terminalreporter.write_sep("!", f"NOT TESTED: {words.removeprefix('Skipped: ')}", red=True)
