"""Reads eval logs of Inspect (`inspect_ai`), log version 2: `.eval` (a zip) and `.json`."""

import datetime as dt
import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from signals.readers import ReadError
from signals.readers.archive import MIB, Archive

MAX_JSON_FILE = 128 * MIB
MAX_SAMPLES = 500_000
MAX_ID = 150
OWN_KEYS = "portcullis_"
"""Metadata keys of the log that begin like this tie it to an agent and say what was tested."""


@dataclass(frozen=True)
class SampleResult:
    """One sample in one epoch."""

    id: str
    epoch: int
    passed: bool
    error: str
    critical: bool
    scores: dict[str, Any]


@dataclass(frozen=True)
class EvalLog:
    """One eval: its header and what each sample came to. Times are aware, in UTC."""

    eval_id: str
    run_id: str
    task: str
    model: str
    status: str
    invalidated: bool
    error: str
    created: dt.datetime
    completed: dt.datetime | None
    metadata: dict[str, Any]
    samples: list[SampleResult] = field(default_factory=list)

    @cached_property
    def agent(self) -> str:
        """The agent's slug that the log names; empty if none."""
        value = self.metadata.get("portcullis_agent", "")
        return value.strip() if isinstance(value, str) else ""

    @cached_property
    def version(self) -> str:
        """The agent's version that the log names; empty if none."""
        value = self.metadata.get("portcullis_version", "")
        return value.strip() if isinstance(value, str) else ""

    @property
    def results_sha256(self) -> str:
        """Digest of everything read here: equal for two copies of a log, different once a result was changed."""
        content = asdict(self)
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def read_log(path: Path) -> EvalLog:
    """The eval log at `path`. Raises ReadError, whose message says what is wrong and what to do."""
    if path.suffix == ".json":
        if path.stat().st_size > MAX_JSON_FILE:
            raise ReadError(
                f"The log is {path.stat().st_size:,} bytes of JSON; {MAX_JSON_FILE:,} are read at most. "
                "Turn it into the .eval format: inspect log convert --to eval."
            )
        log = _json(path.read_bytes(), path.name)
        return _log(log, [_sample(row, path.name) for row in _rows(log.get("samples") or [], path.name)])
    with Archive(path) as archive:
        if "header.json" in archive.members:
            header = _json(archive.read("header.json"), "header.json")
        elif "_journal/start.json" in archive.members:
            # Written first, while the eval runs; a killed eval leaves only this.
            header = {"status": "started", **_json(archive.read("_journal/start.json"), "_journal/start.json")}
        else:
            raise ReadError(
                "The zip has no header.json, so it is not an Inspect log. Put only eval logs in this folder."
            )
        return _log(header, list(_archived_samples(archive)))


def _archived_samples(archive: Archive) -> Iterator[SampleResult]:
    """From the summaries where they cover every sample, else from the samples themselves, which are far larger."""
    names = [name for name in archive.members if name.startswith("samples/") and name.endswith(".json")]
    if "summaries.json" in archive.members:
        rows = _rows(_json(archive.read("summaries.json"), "summaries.json", list), "summaries.json")
        if len(rows) == len(names):
            yield from (_sample(row, "summaries.json") for row in rows)
            return
    if len(names) > MAX_SAMPLES:
        raise ReadError(f"The log has {len(names):,} samples; {MAX_SAMPLES:,} are read at most. Split the eval.")
    for name in names:
        yield _sample(_json(archive.read(name), name), name)


def _json(data: bytes, name: str, kind: type = dict) -> Any:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ReadError(f"{name} is not JSON that can be read ({error}). Copy the log again.") from error
    if not isinstance(value, kind):
        raise ReadError(f"{name} holds {type(value).__name__}, not {kind.__name__}: this is not an Inspect log.")
    return value


def _rows(value: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise ReadError(f"The samples in {name} are not a list of objects: this is not an Inspect log.")
    if len(value) > MAX_SAMPLES:
        raise ReadError(f"The log has {len(value):,} samples; {MAX_SAMPLES:,} are read at most. Split the eval.")
    return value


def _log(header: dict[str, Any], samples: list[SampleResult]) -> EvalLog:
    spec = header.get("eval")
    if not isinstance(spec, dict):
        raise ReadError("The log's header has no “eval” part, so it is not an Inspect log of version 2.")
    if header.get("version", 2) != 2:
        raise ReadError(
            f"The log has version {header['version']}; version 2 is read. Convert it with inspect log convert."
        )
    missing = [key for key in ("task", "model", "created") if not isinstance(spec.get(key), str) or not spec[key]]
    eval_id = spec.get("eval_id") or spec.get("task_id")
    if not isinstance(eval_id, str) or not eval_id:
        missing.append("eval_id")
    if missing:
        raise ReadError(f"The log's header lacks {', '.join(missing)}. Write the log with a current Inspect.")
    stats = header.get("stats") if isinstance(header.get("stats"), dict) else {}
    seen = set()
    for sample in samples:
        if (sample.id, sample.epoch) in seen:
            raise ReadError(f"Sample {sample.id!r} appears twice in epoch {sample.epoch}. Write the log again.")
        seen.add((sample.id, sample.epoch))
    metadata: dict[str, Any] = {}
    for part in (spec.get("metadata"), header.get("metadata")):
        if isinstance(part, dict):
            metadata |= {_text(key, 100): _plain(value) for key, value in part.items() if str(key).startswith(OWN_KEYS)}
    error = header.get("error")
    return EvalLog(
        eval_id=_text(eval_id, 100),
        run_id=_text(spec.get("run_id") or "", 100),
        task=_text(spec["task"], 200),
        model=_text(spec["model"], 200),
        status=_text(header.get("status") or "started", 20),
        invalidated=bool(header.get("invalidated")),
        error=_text(error.get("message", ""), 1000) if isinstance(error, dict) else "",
        created=_time(spec["created"], "created"),
        completed=_time(stats["completed_at"], "completed_at") if stats and stats.get("completed_at") else None,
        metadata=metadata,
        samples=samples,
    )


def _time(value: Any, name: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise ReadError(f"The log's {name} is {value!r}, which is not a time (ISO 8601).") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)


def _sample(row: dict[str, Any], name: str) -> SampleResult:
    if not isinstance(row.get("id"), str | int) or not isinstance(row.get("epoch", 1), int) or row["id"] == "":
        raise ReadError(f"A sample in {name} has no id or no epoch: this is not an Inspect log.")
    if len(str(row["id"])) > MAX_ID or "\x00" in str(row["id"]):
        # Cut to size, two cases could become one.
        raise ReadError(f"A sample in {name} has an id longer than {MAX_ID} characters. Give the samples short ids.")
    scores = row.get("scores") if isinstance(row.get("scores"), dict) else {}
    values = {str(scorer): score.get("value") for scorer, score in (scores or {}).items() if isinstance(score, dict)}
    error = row.get("error") or ""
    error = str(error.get("message", "")) or "error" if isinstance(error, dict) else str(error)
    unscored = [scorer for scorer, value in values.items() if _empty(value)]
    if not error and (not values or unscored):
        # A sample without a verdict is neither a pass nor a fail; it must never look like a pass.
        error = f"not scored by {', '.join(unscored)}" if unscored else "not scored"
    metadata = row.get("metadata")
    return SampleResult(
        id=str(row["id"]),
        epoch=row.get("epoch", 1),
        passed=not error and all(_full(value) for value in values.values()),
        error=_text(error, 500),
        critical=isinstance(metadata, dict) and metadata.get("critical") is True,
        scores={_text(scorer, 100): _plain(value) for scorer, value in values.items()},
    )


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def _full(value: Any) -> bool:
    """Whether a score is full marks: C (correct), yes, true, or 1 and more; every part of a compound one."""
    if isinstance(value, dict):
        return bool(value) and all(_full(part) for part in value.values())
    if isinstance(value, list):
        return bool(value) and all(_full(part) for part in value)
    if isinstance(value, str):
        if value in ("C", "I", "P", "N"):
            return value == "C"
        if value.lower() in ("yes", "true"):
            return True
        try:
            value = float(value)
        except ValueError:
            return False
    return isinstance(value, int | float) and math.isfinite(value) and value >= 1


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {_text(key, 100): _plain(part) for key, part in list(value.items())[:100]}
    if isinstance(value, list):
        return [_plain(part) for part in value[:100]]
    return _text(value, 1000) if isinstance(value, str) else value


def _text(value: Any, size: int) -> str:
    """Cut to `size`, without the character that PostgreSQL cannot keep."""
    return str(value).replace("\x00", "")[:size]
