"""The answer to MCP's `tools/list` (Model Context Protocol, 2025-11-25 and before), as claims about tools.

Annotations are what a server says of itself. They become a suggestion, and words beside it for whoever confirms it.
"""

import re
from dataclasses import dataclass
from typing import Any

from registry.imports.manifest import A_TOOL, MAX_ROWS, TOOL, ToolClaim
from registry.imports.reading import BIDI, Fields, normal, quoted, read_json

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,79}")
SERVER = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
LONGEST = 1_000
"""Characters of a tool's description that are shown; the rest is cut. It is the server's word, and is not kept."""
HINTS = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")


@dataclass(frozen=True)
class ToolList:
    """What one server lists. `partial` where the server said that more pages follow."""

    server: str
    tools: tuple[ToolClaim, ...]
    document: dict[str, Any]
    """What was read, and no more, in the form of a tools/list result; reading it again gives the same."""
    partial: bool = False


def read_tools(data: bytes, server: str) -> ToolList:
    """The tools in `data`: a tools/list result, the JSON-RPC answer around it, or the bare list.

    `server` is the name under which agents know the server; its tools become `server.tool`, so that two servers'
    tools of one name stay apart. Raises Unreadable with every fault and its path.
    """
    fields = Fields()
    fields.matching(server, "server", SERVER, "a short name of a to z, 0 to 9, - and _, at most 40")
    fields.done()
    value = read_json(data)
    if isinstance(value, dict) and "tools" not in value and isinstance(value.get("result"), dict):
        value = value["result"]
    if isinstance(value, dict) and "tools" not in value and isinstance(value.get("error"), dict):
        fields.fault("error", f"the server answered with an error: {quoted(value['error'].get('message'))}")
        fields.done()
    top = {"tools": value} if isinstance(value, list) else fields.mapping(value, "the list")
    if "tools" not in top:
        fields.fault("tools", "expected a list of tools, got nothing")
    made, seen, rows = [], set[str](), []
    for i, one in enumerate(fields.listing(top.get("tools"), "tools", MAX_ROWS)):
        claim, row = _tool(fields, one, f"tools[{i}]", server)
        fields.once(claim.slug, f"tools[{i}].name", seen, "the tool")
        made.append(claim)
        rows.append(row)
    fields.done()
    partial = bool(top.get("nextCursor"))
    return ToolList(server, tuple(made), {"tools": rows, **({"nextCursor": "more"} if partial else {})}, partial)


def _tool(fields: Fields, value: Any, path: str, server: str) -> tuple[ToolClaim, dict[str, Any]]:
    """The claim about one tool, and the tool without what was not read of it."""
    row = fields.mapping(value, path)
    name = fields.matching(row.get("name"), f"{path}.name", NAME, A_TOOL)
    slug = f"{server}.{name}" if name else ""
    if slug and not TOOL.fullmatch(slug):
        fields.fault(f"{path}.name", f"is too long: {quoted(slug)} passes 80 characters")
    given = row.get("annotations")
    hints = fields.mapping(given, f"{path}.annotations") if given is not None else {}
    found = {hint: fields.flag(hints.get(hint), f"{path}.annotations.{hint}") for hint in HINTS}
    title = fields.text(row.get("title"), f"{path}.title", 150)
    title = title or fields.text(hints.get("title"), f"{path}.annotations.title", 150)
    said = _described(row.get("description"))
    effect, tags, note = suggestion(found)
    claim = ToolClaim(slug=slug, name=title, system=server, effect=effect, tags=tags, note=note, description=said)
    kept = {"name": name, "title": title, "annotations": {k: v for k, v in found.items() if v is not None}}
    return claim, kept | ({"description": said} if said else {})


def _described(value: Any) -> str:
    """A description on one line, of what can be seen. It is written for models and holds anything; nothing in it is a fault."""
    if not isinstance(value, str):
        return ""
    words = " ".join(normal(value[: 4 * LONGEST]).split())
    words = "".join(c for c in words if c.isprintable() and c not in BIDI)
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1].rstrip()}…"


def suggestion(hints: dict[str, bool | None]) -> tuple[str, tuple[str, ...], str]:
    """Effect (empty: nothing was said), tags and words for a tool's four hints. In doubt the worse one."""
    read, destroys, again, world = (hints.get(name) for name in HINTS)
    if read is None and destroys is None and again is None and world is None:
        return "", (), "The server says nothing of it, so it counts as irreversible."
    said = [words for flag, words in (
        (read is True, "only reads"), (read is False, "changes things"), (destroys is True, "may destroy"),
        (destroys is False, "never destroys"), (again is True, "may safely be called again"),
        (world is True, "reaches outside systems"), (world is False, "stays inside one system"),
    ) if flag]  # fmt: skip
    note = f"The server says: {', '.join(said)}."
    tags: tuple[str, ...] = ()
    if world:
        tags = ("untrusted_input",) if read else ("untrusted_input", "external_communication")
    if read and destroys:
        return "irreversible", tags, f"{note} These two contradict each other, so it counts as irreversible."
    if read:
        return "read", tags, note
    if destroys is False:
        return "write", tags, note
    return "irreversible", tags, note
