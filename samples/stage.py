"""Lays the sample inputs into a folder, dated relative to a given day, with nothing but the portal's own requirements.

Cost exports are written anew for that day. Eval logs are the committed ones, made by the real `inspect_ai`; every time
in them is moved by the same span, so that each run ended as many days before the given day as samples/agents.json says.
Nothing else in them changes. README.md says so to people.
"""

import datetime as dt
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

from samples import make_focus

if sys.version_info >= (3, 14):
    import zipfile
else:
    from backports.zstd import zipfile

HERE = Path(__file__).resolve().parent
RAN_AT = dt.time(9, 12, tzinfo=dt.UTC)
UNMATCHED_DAYS_AGO = 3
_TIME = re.compile(r'"(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:\+00:00|Z))"')


def stage(target_dir: Path, today: dt.date | dt.datetime) -> None:
    """Write inspect/, focus/ and focus-trial/ below `target_dir`, as they would lie there at `today`.

    `today` is a moment (aware), or a date, which stands for its first minutes in UTC. Existing files are overwritten.
    """
    if isinstance(today, dt.datetime):
        now = today.astimezone(dt.UTC)
    else:
        now = dt.datetime.combine(today, dt.time(0, 5, tzinfo=dt.UTC))
    make_focus.make(target_dir, now)
    (target_dir / "inspect").mkdir(parents=True, exist_ok=True)
    agents = {agent["slug"]: agent for agent in json.loads((HERE / "agents.json").read_text("utf-8"))["agents"]}
    for log in sorted((HERE / "signals" / "inspect").iterdir()):
        agent = next((agent for slug, agent in agents.items() if log.name.startswith(slug + "-")), None)
        days_ago = agent["run"]["days_ago"] if agent else UNMATCHED_DAYS_AGO
        redate(log, target_dir / "inspect" / log.name, dt.datetime.combine(now.date(), RAN_AT) - dt.timedelta(days_ago))


def redate(log: Path, target: Path, completed: dt.datetime) -> None:
    """Copy an eval log so that it ended at `completed` (aware); every time in it is moved by the same span."""
    span = dt.timedelta()

    def change(text: str) -> str:
        return _TIME.sub(lambda found: f'"{(_parse(found[1]) + span).isoformat()}"', text)

    if log.suffix == ".json":
        text = log.read_text("utf-8")
        span = completed - _parse(json.loads(text)["stats"]["completed_at"])
        target.write_text(change(text), "utf-8")
        return
    with zipfile.ZipFile(log) as archive:
        span = completed - _parse(json.loads(archive.read("header.json"))["stats"]["completed_at"])
    rewrite(log, target, change)


def rewrite(log: Path, target: Path, change: Callable[[str], str]) -> None:
    """Copy an `.eval` log with `change` made to the text of each member, packed as Inspect packs it (method 93)."""
    with zipfile.ZipFile(log) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_ZSTANDARD) as copy:
        for member in source.infolist():
            text = change(source.read(member).decode("utf-8"))
            info = zipfile.ZipInfo(member.filename, member.date_time)
            info.compress_type = zipfile.ZIP_ZSTANDARD
            copy.writestr(info, text)


def _parse(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)
