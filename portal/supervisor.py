"""Keeping a handful of processes at work: started in order, started again when they die, stopped in order."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from portal.embedded import dies_with_parent

STEADY_SECONDS = 60
"""A process that lived this long has recovered; its next end is news, not the same trouble."""
LONGEST_PAUSE = 30.0


@dataclass
class Child:
    """One process that must be running: `argv`, what it adds to the environment, and how long its end may take.

    Children of a higher `stage` are stopped first, those of one stage together.
    """

    name: str
    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)
    stage: int = 0
    stop_seconds: float = 15
    orphaned: signal.Signals = signal.SIGKILL  # what it is sent when the supervisor dies; the database ends then, too
    process: subprocess.Popen[bytes] | None = None
    started: float = 0
    failures: int = 0
    start_again: float = 0

    def start(self, folder: Path) -> None:
        """Starts the process, in a session of its own: Ctrl-C is for the supervisor, which ends all in order."""
        self.process = subprocess.Popen(
            self.argv,
            cwd=folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **self.env},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=dies_with_parent(self.orphaned),
        )
        self.started = time.monotonic()

    def ask_to_stop(self) -> None:
        """Lets the process finish what it does."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def stop(self) -> None:
        """Waits `stop_seconds` for the end that was asked for, then ends the process and all that it started."""
        if self.process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(self.stop_seconds)
        end_group(self.process.pid)
        self.process.wait()
        self.process = None


class Supervisor:
    """Holds children at work. `record` is a file that remembers them for the start after a kill."""

    def __init__(self, folder: Path, record: Path, say: Callable[[str], None]) -> None:
        self.folder = folder
        self.record = record
        self.say = say
        self.children: list[Child] = []

    def add(self, child: Child) -> None:
        """Starts `child`."""
        child.start(self.folder)
        self.children.append(child)
        self._remember()

    def look(self) -> None:
        """Starts again whoever has died, each time after a longer pause."""
        for child in self.children:
            now = time.monotonic()
            if child.process is not None and child.process.poll() is not None:
                end_group(child.process.pid)  # what it had started holds its port or its messages
                child.failures = 1 if now - child.started > STEADY_SECONDS else child.failures + 1
                pause = min(2.0 ** (child.failures - 1), LONGEST_PAUSE)
                code, child.process, child.start_again = child.process.returncode, None, now + pause
                self.say(f"{child.name} has ended (exit code {code}), starting it again in {pause:.0f} s")
                self._remember()
            elif child.process is None and now >= child.start_again:
                child.start(self.folder)
                self._remember()

    def stop(self) -> None:
        """Stops all, stage by stage."""
        for stage in sorted({child.stage for child in self.children}, reverse=True):
            leaving = [child for child in self.children if child.stage == stage]
            self.say(f"Stopping {' and '.join(child.name for child in leaving)}")
            for child in leaving:
                child.ask_to_stop()
            for child in leaving:
                child.stop()
        self.children.clear()
        self.record.unlink(missing_ok=True)

    def _remember(self) -> None:
        left = [process for child in self.children if (process := _identity(child)) is not None]
        self.record.write_text(json.dumps(left))

    def end_leftovers(self) -> None:
        """Ends what a killed supervisor left running: on Linux rarely something, elsewhere everything."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            for leader, created in json.loads(self.record.read_text()):
                for process in psutil.process_iter():
                    # Number and time tell our child from a stranger who got the number since. Where the leader is gone
                    # but its group is not, the number is still taken, so the group is ours.
                    with contextlib.suppress(psutil.Error, ProcessLookupError):
                        if os.getpgid(process.pid) == leader and process.create_time() >= created:
                            if process.pid == leader and process.create_time() != created:
                                break
                            process.kill()
        self.record.unlink(missing_ok=True)


def end_group(pid: int) -> None:
    """Kills what is left of the process group that `pid` led."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _identity(child: Child) -> tuple[int, float] | None:
    if child.process is None:
        return None
    with contextlib.suppress(psutil.Error):
        return child.process.pid, psutil.Process(child.process.pid).create_time()
    return None
