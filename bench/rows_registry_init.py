"""`portcullis init`, held against merely walking the same tree."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.ground import row
from cli.scan import scan
from cli.write import manifest

FILES = 10_000
BODY = (
    'import os\nfrom openai import OpenAI\nKEY = os.getenv("SERVICE_KEY")\nMODEL = "gpt-4.1-mini"\n'
    + "def step(model, environ):\n    return model.call(environ)\n" * 40
)


@row("registry.init", "ms", "os.walk over the same 10,000 files, each read once")
def init() -> tuple[float, float]:
    """The best of five looks through a checkout of 10,000 source files of 2.4 kB, which the cache holds."""
    with tempfile.TemporaryDirectory(prefix="portcullis-bench-") as folder:
        for i in range(FILES):
            path = Path(folder, f"part{i // 100}", f"m{i}.py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(BODY)
        return _best(lambda: manifest(scan(Path(folder)))), _best(lambda: _walk(folder))


def _walk(folder: str) -> None:
    for place, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(place, name), "rb") as file:
                file.read()


def _best(call: Callable[[], object], rounds: int = 5) -> float:
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        call()
        taken.append((time.perf_counter() - begun) * 1000)
    return min(taken)
