"""A packet on paper: its document as a PDF, one page or more a section, with the same bytes for the same document.

Everything that the document holds is printed, also what a later section adds: tables and lists follow from its shape.
"""

import datetime as dt
import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import typst
from fontTools.ttLib import TTFont

from registry.comparing import Said
from registry.sections import SECTIONS
from registry.sections.s07_security import RISKS
from registry.vocabulary import Autonomy, RiskClass

TEMPLATE = Path(__file__).with_name("paper.typ")
AFTER = "acceptances duty person id name statement accepted_at digest attachments kind sha256 covers_from covers_to received"
AFTER += " team_answers answer version fields not_applicable what because said_by said_at not_needed asked_from"
READ = {
    1: "use_cases text non_use_cases refusal",
    2: "grants source slug name classification contract_version never_leaves purpose fields retention_days never kind text",
    3: "models provider model_id snapshot parameters prompts name version text retrieval index embedding_model corpus_date",
    4: "suite name version cases case_id critical failure_mode origin input expected note",
    5: "trace_id run_at elements sanitised_input instructions retrieved_sources tool_calls approvals model_version"
    " prompt_version output eval_checks human_override trace spans",
    6: "grants tool slug name system effect tags scope environment approval limit mitigation statement",
    7: "lists answers risk applies threat mitigation evidence residual",
    8: "currency runs_per_day calls_per_run tokens_in tokens_out cached_percent retry_percent price_in price_cached price_out"
    " price_source fees_per_run review_minutes_per_run review_hour runs_high tokens_high_percent growth_percent outcome"
    " outcome_percent value_per_outcome routing stop_rule per_run per_month forecast p50 p90 p99 trials seed per_outcome"
    " net_per_month",
    9: "owner deputy id name authority support_hours support_path escalation runbook",
    10: "stages audience percent criteria dwell_days review_percent rollback_target rollback_steps kill_mechanism kill_who"
    " kill_seconds not_reached review_on",
}
"""In which order a section is read, as on its page: canonical JSON sorts its names. What is not named here comes last."""
WIDEST, LONGEST = 7, 600
"""Rows with more values, or a longer one, are printed one below the other: columns would be too narrow to read."""


def printed(one: Said) -> bytes:
    """The PDF (PDF/A-2b). Deterministic: it names the day on which the revision was submitted, not today."""
    when = one.revision.submitted_at if one.revision else one.packet.created_at
    content = json.dumps(_data(one), ensure_ascii=False)
    fonts = Path(str(files("fontpkg_noto_sans"))) / "files"
    return typst.compile(
        TEMPLATE.read_bytes(),
        format="pdf",
        font_paths=typst.Fonts(include_system_fonts=False, font_paths=[fonts]),
        sys_inputs={"data": content},
        pdf_standards=["a-2b"],
        timestamp=int(when.timestamp()),
    )


def _data(one: Said) -> dict[str, Any]:
    content, packet = one.content, one.packet
    core = content["core"]
    agent = core["agent"]
    if one.revision:
        submitted = one.revision.submitted_at.astimezone(dt.UTC)
        state = f"Revision {one.revision.number}, submitted {submitted:%d %B %Y, %H:%M} UTC"
        mark = f"SHA-256 {one.revision.digest}"
    else:
        state, mark = "Draft, not submitted", "A draft has no digest; it may change."
    cover = {
        "Team": core["team"],
        "Version": core["version"],
        "Risk class": RiskClass(core["risk_class"]).label,
        "Autonomy": Autonomy(core["autonomy"]).label,
        "Packet": f"{packet.number} ({packet.pk})",
        "State": state,
        "Digest": mark,
    }
    return _readable(
        {
            "title": f"{agent['name']} {core['version']}",
            "team": core["team"],
            "summary": agent["summary"],
            "state": state,
            "mark": mark,
            "cover": [{"name": name, **_value(value)} for name, value in cover.items()],
            "parts": [
                {
                    "title": f"{section.number} · {section.title}",
                    "blocks": _blocks(_in_order(content["sections"].get(str(section.number), {}), section.number)),
                }
                for section in SECTIONS
            ],
        }
    )


def _in_order(part: dict[str, Any], number: int) -> dict[str, Any]:
    """A section's part of the document with its names as they are read, and its risks by name."""
    names = f"{READ[number]} {AFTER}".split()
    rank = {name: place for place, name in reversed(list(enumerate(names)))}

    def sorted_(value: Any) -> Any:
        if isinstance(value, list):
            return [sorted_(one) for one in value]
        if not isinstance(value, dict):
            return value
        keys = sorted(value, key=lambda key: (rank.get(key, len(names)), key))
        return {key: sorted_(value[key]) for key in keys}

    made: dict[str, Any] = sorted_(part)
    for row in made.get("answers", ()) if number == 7 else ():
        row["risk"] = f"{row['risk']} {RISKS.get(row['risk'], '')}".strip()
    return made


def _blocks(part: dict[str, Any]) -> list[dict[str, Any]]:
    """The section's plain values first, then each list as a table or, where its rows are long, as blocks."""
    plain = {key: value for key, value in part.items() if not _is_rows(value)}
    blocks = [_pairs("", plain)] if plain else []
    for key, rows in part.items():
        if not _is_rows(rows):
            continue
        if not rows:
            blocks.append({"kind": "said", "title": _words(key), "said": {"text": "None", "unknown": False}})
            continue
        flat = [_flat(row) for row in rows]
        names = list(dict.fromkeys(name for row in flat for name in row))
        cells = [[_value(row.get(name)) for name in names] for row in flat]
        widths = [max(len(cell["text"]) for cell in column) for column in zip(*cells, strict=True)]
        if len(names) <= WIDEST and max(widths) <= LONGEST:
            # Wider for what is longer, but less than in proportion, so that short columns stay readable.
            columns = [
                {"name": name, "width": round(max(width, 9) ** 0.6, 2)}
                for name, width in zip(names, widths, strict=True)
            ]
            blocks.append({"kind": "table", "title": _words(key), "columns": columns, "rows": cells})
        else:
            for number, row in enumerate(flat, 1):
                blocks.append(_pairs(f"{_words(key)} {number}", {name: row[name] for name in names if name in row}))
    return blocks


def _pairs(title: str, values: dict[str, Any]) -> dict[str, Any]:
    rows = [{"name": name, **_value(value)} for name, value in _flat(values).items()]
    return {"kind": "pairs", "title": title, "rows": rows}


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _flat(values: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Dicts inside become `outer, inner`."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{before}{_words(key) if not before else key.replace('_', ' ')}"
        if isinstance(value, dict) and set(value) != {"unknown"}:
            found |= _flat(value, f"{name}, ")
        else:
            found[name] = value
    return found


def _value(value: Any) -> dict[str, Any]:
    match value:
        case {"unknown": ("not needed" | "does not apply") as why}:
            return {"text": why, "unknown": False}
        case {"unknown": why}:
            return {"text": f"unknown: {why}", "unknown": True}
        case bool():
            return {"text": "yes" if value else "no", "unknown": False}
        case list():
            return {"text": "; ".join(_value(one)["text"] for one in value) or "none", "unknown": False}
        case dict():
            return {"text": "; ".join(f"{key}: {_value(one)['text']}" for key, one in value.items()), "unknown": False}
        case "" | None:
            return {"text": "–", "unknown": False}
    return {"text": str(value), "unknown": False}


def _words(key: str) -> str:
    words = key.replace("_", " ")
    return words[:1].upper() + words[1:]


@cache
def _known() -> frozenset[int]:
    """The characters that the font can draw."""
    path = next(Path(str(files("fontpkg_noto_sans"))).glob("files/NotoSans[[]*.ttf"))
    with TTFont(path, lazy=True) as font:
        return frozenset(font.getBestCmap())


def _readable(value: Any) -> Any:
    """`value` with each character that the font lacks written as its code point: nothing vanishes from the paper."""
    match value:
        case str():
            known = _known()
            return "".join(
                letter if letter in "\n\t" or ord(letter) in known else f"[U+{ord(letter):04X}]"
                for letter in value.replace("\r\n", "\n")
            )
        case dict():
            return {key: _readable(one) for key, one in value.items()}
        case list():
            return [_readable(one) for one in value]
    return value
