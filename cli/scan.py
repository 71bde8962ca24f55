"""Looks through a checkout: what there is, where, and how much was left out. Follows no links, runs nothing, sends nothing."""

import hashlib
import json
import os
import re
import time
import tomllib
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cli import known


@dataclass
class Found:
    """What a checkout says. Everything here may be written; no value of a secret gets in."""

    root: Path
    name: str = ""
    about: str = ""
    about_from: str = ""
    servers: dict[str, tuple[str, str]] = field(default_factory=dict)
    """MCP server → how it is reached, and the file that says so."""
    prompts: dict[str, str] = field(default_factory=dict)
    """Path → SHA-256."""
    models: dict[tuple[str, str, str], dict[str, None]] = field(default_factory=dict)
    """(provider, model, snapshot) → files, each once, in the order in which they were met."""
    sdks: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    """Name of an environment variable → the first file that names it."""
    unread: list[str] = field(default_factory=list)
    """Files that should have been read and could not be, with the reason."""
    large: int = 0
    files: int = 0
    seconds: float = 0.0
    secrets: set[str] = field(default_factory=set)
    """Values that must not be written anywhere: what stands beside the names of keys."""


def scan(root: Path) -> Found:
    """Everything that the checkout below `root` says of its agent."""
    begun = time.monotonic()
    found = Found(root)
    texts: dict[str, bytes] = {}
    pending = [str(root)]
    start = len(str(root).rstrip(os.sep)) + 1
    while pending:
        try:
            rows = sorted(os.scandir(pending.pop()), key=lambda row: row.name)
        except OSError:
            continue
        folders = []
        for row in rows:
            try:
                if row.is_symlink():
                    continue
                if row.is_dir(follow_symlinks=False):
                    if row.name not in known.SKIPPED:
                        folders.append(row.path)
                elif row.is_file(follow_symlinks=False):
                    found.files += 1
                    _file(found, row, row.path[start:].replace(os.sep, "/"), texts)
            except OSError as error:
                found.unread.append(f"{row.path[start:]}: {error.strerror}")
        pending += reversed(folders)
    _identity(found, texts)
    found.seconds = time.monotonic() - begun
    return found


def _file(found: Found, row: "os.DirEntry[str]", path: str, texts: dict[str, bytes]) -> None:
    name = row.name
    lower = name.lower()
    ending = os.path.splitext(lower)[1]
    tail = "/".join(path.split("/")[-2:])
    prompt = _is_prompt(path, lower, ending)
    config = name in known.MCP_CONFIGS or tail in known.MCP_CONFIGS
    dotenv = lower.startswith(".env") or lower.endswith(".env")
    about = "/" not in path and lower in (
        "readme.md",
        "readme.rst",
        "readme.txt",
        "readme",
        "pyproject.toml",
        "package.json",
    )
    depends = known.DEPENDENCIES.fullmatch(name) is not None
    code = ending in known.CODE or lower in ("dockerfile", "makefile", "procfile")
    if not (prompt or config or dotenv or about or depends or code) or name == "portcullis.yaml":
        return
    limit = known.MAX_PROMPT if prompt else known.MAX_FILE
    with open(row.path, "rb", buffering=0) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        if prompt:
            found.unread.append(f"{path}: a prompt of more than {limit // 1024} kB")
        found.large += not prompt
        return
    if about:
        texts[lower] = data
    if prompt:
        found.prompts[path] = digest(data)
    if config:
        _mcp(found, data, path)
    if dotenv:
        _dotenv(found, data, path)
    if depends:
        _depends(found, data, path)
    if code or depends:
        _code(found, data, path)


def _is_prompt(path: str, lower: str, ending: str) -> bool:
    if lower in known.INSTRUCTIONS or lower.endswith(known.PROMPT_ENDINGS):
        return True
    return ending in known.PROMPT_TEXTS and not known.PROMPT_FOLDERS.isdisjoint(path.lower().split("/")[:-1])


def digest(data: bytes) -> str:
    """SHA-256 of a prompt as the portal counts it: UTF-8, Unicode form C, line feeds; of the bytes where it is no text."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha256(unicodedata.normalize("NFC", text.replace("\r\n", "\n")).encode()).hexdigest()


def _code(found: Found, data: bytes, path: str) -> None:
    # A plain search first: a regular expression over every byte of every file would take most of the time.
    if any(mark in data for mark in known.MODEL_MARKS):
        for match in known.MODEL.finditer(data):
            _model(found, match[1].decode(), path)
    if b"model" in data:
        for match in known.BARE_MODEL.finditer(data):
            _model(found, match[1].decode(), path)
    for start, pattern in known.ENVIRONMENT.items():
        if start in data:
            for match in pattern.finditer(data):
                _key(found, match[1].decode(), path)
    if path.endswith((".py", ".ipynb")):
        new = [name for name, sdk in known.IMPORTS.items() if name in data and sdk not in found.sdks]
        for name in new:
            if re.search(rb"^[ \t]*(?:from|import)[ \t]+" + re.escape(name) + rb"\b", data, re.MULTILINE):
                found.sdks[known.IMPORTS[name]] = path


def _model(found: Found, name: str, path: str) -> None:
    provider = next((who for start, who in known.MODEL_STARTS if name.lower().startswith(start.decode())), "")
    dated = known.SNAPSHOT.match(name)
    claim = (provider, dated[1] if dated else name, dated[2] if dated else "")
    found.models.setdefault(claim, {})[path] = None


def _key(found: Found, name: str, path: str) -> None:
    if known.KEY_NAME.fullmatch(name):
        found.keys.setdefault(name, path)


def _secret(found: Found, value: Any) -> None:
    """Remember a value that must not be written. Short ones and references to variables are none."""
    if isinstance(value, str) and len(value.strip()) >= 6 and not value.strip().startswith("${"):
        found.secrets.add(value.strip())


def _dotenv(found: Found, data: bytes, path: str) -> None:
    for match in known.DOTENV.finditer(data.decode("utf-8", "replace")):
        name, value = match[1], match[2].strip().strip("\"'")
        if known.KEY_NAME.fullmatch(name.upper()):
            _key(found, name.upper(), path)
            _secret(found, value)


def _depends(found: Found, data: bytes, path: str) -> None:
    text = data.decode("utf-8", "replace")
    for name in known.SDKS:
        # Spelled as a whole name: in quotes, or at a line's start.
        if name in text and re.search(
            rf"(?:^|[\"'])[ \t]*{re.escape(name)}(?:[\"'\s=<>~!;\[@,]|$)", text, re.MULTILINE
        ):
            found.sdks.setdefault(name, path)


def _mcp(found: Found, data: bytes, path: str) -> None:
    try:
        text = data.decode("utf-8-sig")
        value = tomllib.loads(text) if path.endswith(".toml") else json.loads(_without_comments(text))
    except (ValueError, RecursionError):
        found.unread.append(f"{path}: it is no readable configuration")
        return
    if not isinstance(value, dict):
        return
    for key in known.MCP_KEYS:
        rows = value.get(key)
        for name, row in rows.items() if isinstance(rows, dict) else ():
            if isinstance(row, dict):
                found.servers.setdefault(str(name), (_reached(row), path))
                _settings(found, row, path)
    if isinstance(value.get("mcp"), dict) and isinstance(value["mcp"].get("servers"), dict):
        for name, row in value["mcp"]["servers"].items():
            if isinstance(row, dict):
                found.servers.setdefault(str(name), (_reached(row), path))
                _settings(found, row, path)


def _reached(row: dict[str, Any]) -> str:
    """How a server is reached, without arguments, paths or queries: any of them may hold a key."""
    url = row.get("url") or row.get("serverUrl") or row.get("httpUrl")
    if isinstance(url, str):
        try:
            host = urlsplit(url).hostname
        except ValueError:
            host = None
        return f"over HTTP at {host}" if host else "over HTTP"
    command = row.get("command")
    if isinstance(command, dict):
        command = command.get("path")
    if not isinstance(command, str) or not command.strip():
        return "not said how"
    runner = re.split(r"[\\/]", command.strip())[-1]
    return f"started with {runner}" if re.fullmatch(r"[A-Za-z0-9_.+-]{1,40}", runner) else "started with a command"


def _settings(found: Found, row: dict[str, Any], path: str) -> None:
    """Names of variables that a server gets. Values are never written; those of keys are remembered, so that they are
    not written from elsewhere either."""
    for part in ("env", "headers"):
        for name, value in row[part].items() if isinstance(row.get(part), dict) else ():
            if part == "env":
                _key(found, str(name), path)
            if not isinstance(value, str):
                continue
            if known.SECRET_WORD.search(str(name)):
                for word in (value, value.rpartition(" ")[2]):  # "Bearer …": the key alone, too
                    _secret(found, word)
            for reference in known.REFERENCE.findall(value):
                _key(found, reference, path)
    before = ""
    for value in row["args"] if isinstance(row.get("args"), list) else ():
        if isinstance(value, str):
            name, _, given = value.partition("=")
            if known.SECRET_WORD.search(before):
                _secret(found, value)
            if given and known.SECRET_WORD.search(name):
                _secret(found, given)
            before = value if value.startswith("-") and not given else ""
            for reference in known.REFERENCE.findall(value):
                _key(found, reference, path)


def _without_comments(text: str) -> str:
    """JSON as editors write it, with comments and trailing commas, as JSON."""
    kept = re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda match: match[1] or " ", text, flags=re.DOTALL)
    return re.sub(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])', lambda match: match[1] or "", kept)


def _identity(found: Found, texts: dict[str, bytes]) -> None:
    """The agent's name and purpose, from what the repository says of itself."""
    for file, read in (("pyproject.toml", _pyproject), ("package.json", _package)):
        if file in texts:
            try:
                name, about = read(texts[file].decode("utf-8-sig"))
            except (ValueError, RecursionError):
                found.unread.append(f"{file}: it cannot be parsed")
                continue
            found.name = found.name or name
            if about and not found.about:
                found.about, found.about_from = about, file
    if not found.about:
        for file in sorted(texts):
            if file.startswith("readme") and (about := _paragraph(texts[file].decode("utf-8", "replace"))):
                found.about, found.about_from = about, file
                break
    found.name = found.name or found.root.name


def _pyproject(text: str) -> tuple[str, str]:
    value = tomllib.loads(text)
    project = value.get("project") or value.get("tool", {}).get("poetry") or {}
    return (_word(project.get("name")), _word(project.get("description"))) if isinstance(project, dict) else ("", "")


def _package(text: str) -> tuple[str, str]:
    value = json.loads(text)
    return (_word(value.get("name")), _word(value.get("description"))) if isinstance(value, dict) else ("", "")


def _word(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _paragraph(text: str) -> str:
    """A README's first paragraph of prose: no heading, badge, list or markup."""
    for block in re.split(r"\n\s*\n", text[:20_000]):
        lines = [line.strip() for line in block.strip().splitlines()]
        if lines and all(line and line[0].isalnum() for line in lines) and len(" ".join(lines)) >= 20:
            return " ".join(lines)
    return ""
