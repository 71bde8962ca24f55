"""Runs in .venv-interop: makes eval logs with the real Inspect, and says what Inspect itself reads in them.

Usage: run_inspect.py FOLDER. Writes logs in both formats there, and `as_inspect_reads_them.json` beside them.
"""

import json
import shutil
import sys
from pathlib import Path

from inspect_ai.log import read_eval_log, write_eval_log

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))
from samples import make_inspect  # noqa: E402

# All pass, as .json; two fail; one errs in a run that succeeds; a run that ends with an error; three epochs, one wavering.
AGENTS = (
    "liquidity-commentary",
    "card-dispute-triage",
    "kyc-document-check",
    "collections-letters",
    "hr-policy-answers",
)


def read(path: Path) -> dict:
    """What Inspect reads in a log."""
    log = read_eval_log(str(path))
    metrics = {
        name: metric.value
        for score in (log.results.scores if log.results else [])
        for name, metric in score.metrics.items()
    }
    return {
        "eval_id": log.eval.eval_id,
        "status": log.status,
        "task": log.eval.task,
        "model": log.eval.model,
        "accuracy": metrics.get("accuracy"),
        "metadata": log.eval.metadata or {},
        "samples": [
            {
                "id": str(sample.id),
                "epoch": sample.epoch,
                "error": bool(sample.error),
                "scores": {name: score.value for name, score in (sample.scores or {}).items()},
            }
            for sample in log.samples or []
        ],
    }


def main(folder: Path) -> None:
    """Make, convert, read."""
    agents = {agent["slug"]: agent for agent in json.loads((ROOT / "samples" / "agents.json").read_text())["agents"]}
    made = folder / "made"
    logs = [make_inspect.make(agents[slug], made) for slug in AGENTS] + [make_inspect.make_unmatched(made)]
    known = {}
    for log in logs:
        kept = folder / f"{log.stem}{log.suffix}"
        make_inspect.keep(log, kept)
        other = kept.with_suffix(".json" if kept.suffix == ".eval" else ".eval")
        write_eval_log(read_eval_log(str(kept)), str(other))  # Inspect's own conversion
        known |= {path.name: read(path) for path in (kept, other)}
    shutil.rmtree(made)
    (folder / "as_inspect_reads_them.json").write_text(json.dumps(known))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
