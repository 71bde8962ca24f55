"""Writes what was found as a commented manifest, version 1 of the format."""

import json
import re
import unicodedata

from cli import known
from cli.scan import Found

WITHHELD = "(withheld: it looks like a secret)"
ROWS = 500
HTML = re.compile(r"<[a-zA-Z/!?]")


class Writer:
    """Puts lines together; whatever was read from the checkout passes `safe` first."""

    def __init__(self, found: Found) -> None:
        self.found = found
        self.lines: list[str] = []
        self.withheld = 0

    def add(self, *lines: str) -> None:
        """Append lines of our own making."""
        self.lines += lines

    def safe(self, text: str) -> str:
        """`text` on one line without hidden characters; WITHHELD where it holds a value that may be a secret."""
        lower = text.lower()
        if any(secret.lower() in lower for secret in self.found.secrets) or any(
            map(known.LOOKS_SECRET.search, text.split())
        ):
            self.withheld += 1
            return WITHHELD
        return "".join(c if c.isprintable() else "?" for c in text)

    def quoted(self, text: str) -> str:
        """`text` as a YAML scalar in double quotes, through `safe`."""
        return json.dumps(self.safe(text), ensure_ascii=False)


def manifest(found: Found) -> str:
    """The manifest. It passes the portal's reader once team and owner are filled in."""
    out = Writer(found)
    out.add(
        "# What Portcullis is told of this agent. Written by `portcullis init` from what this checkout holds;",
        "# nothing was run and nothing was sent. Check it, fill in what is not known, and import it in the portal.",
        "# yaml-language-server: $schema=https://YOUR-PORTAL/schemas/portcullis-v1.json",
        "portcullis: 1",
        "",
    )
    _agent(out)
    _tools(out)
    _data(out)
    _models(out)
    _prompts(out)
    out.add("# Agents of the portal that this one calls, by slug. Not known from a checkout.", "calls: []", "")
    _packet(out)
    _keys(out)
    _left_out(out)
    return "\n".join(out.lines).rstrip() + "\n"


def _agent(out: Writer) -> None:
    found = out.found
    name = _plain(out.safe(found.name), 150)
    if not name or name == WITHHELD:
        name = "agent"
    slug = re.sub(r"[^a-z0-9]+", "-", unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower())
    slug = slug.strip("-")[:80].strip("-") or "agent"
    about = _plain(out.safe(found.about), 300)
    out.add("agent:", f"  name: {out.quoted(name)}")
    out.add("  # Its address in the portal. It stays, so that importing again is an update.", f"  slug: {slug}")
    if about and about != WITHHELD:
        out.add(f"  # From {out.safe(found.about_from)}. Make it one sentence: who asks it, for what.")
        out.add(f"  summary: {out.quoted(about)}")
    else:
        out.add("  # NOT KNOWN: one sentence, who asks it, for what.", '  summary: ""')
    out.add(
        "  # NOT KNOWN: the short name of your team in the portal.",
        '  team: ""',
        "  # NOT KNOWN: the e-mail with which the person who answers for it signs in.",
        '  owner: ""',
        "  # NOT KNOWN: who answers while the owner is away; somebody else than the owner.",
        '  deputy: ""',
        "  # NOT KNOWN: tool_for_teams or part_of_product.",
        '  relationship: ""',
        "  # NOT KNOWN: 1 suggests, 2 drafts, 3 acts and asks where it is risky, 4 acts and is watched, 5 acts alone.",
        '  autonomy: ""',
        "  # NOT KNOWN: prohibited, high, limited or minimal (EU AI Act). Left empty, it counts as high.",
        '  risk_class: ""',
        "  # NOT KNOWN: where people report a bad answer.",
        '  support_path: ""',
        "",
    )


def _plain(text: str, most: int) -> str:
    """One line of plain words, without markup, of at most `most` characters."""
    text = unicodedata.normalize("NFC", " ".join(text.split()))
    if HTML.search(text):
        return ""
    text = "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Cc", "Cs", "Co"))
    return text if len(text) <= most else text[: most - 1].rsplit(" ", 1)[0][: most - 1] + "…"


def _tools(out: Writer) -> None:
    out.add("# What it may call. NOT KNOWN: a configuration names servers, not their tools.")
    if out.found.servers:
        out.add("# Import each server's tools/list in the portal, then name here what this agent uses.")
        for name, (reached, path) in sorted(out.found.servers.items()):
            out.add(f"#   MCP server {out.safe(name)}, {out.safe(reached)}, in {out.safe(path)}")
    else:
        out.add("# No configuration of an MCP server was found.")
    out.add(
        "# For example:",
        "#   - slug: git.git_status",
        "#     system: git",
        "#     effect: read             # read, write or irreversible; left out, it counts as irreversible",
        "#     tags: [untrusted_input]  # customer_data, money_movement, credentials, regulated_records, untrusted_input,",
        "#                              # external_communication",
        "tools: []",
        "",
    )


def _data(out: Writer) -> None:
    out.add(
        "# What it reads. Not known from a checkout. For example:",
        "#   - slug: policy-library",
        "#     classification: internal  # public, internal, confidential or restricted",
        "data_sources: []",
        "",
    )


def _models(out: Writer) -> None:
    rows = sorted(out.found.models.items())[:ROWS]
    lines = []
    for (provider, model, snapshot), paths in rows:
        name = out.safe(model)
        if name == WITHHELD:
            continue
        more = f" and {len(paths) - 2} more" if len(paths) > 2 else ""
        lines.append(f"  # {', '.join(out.safe(path) for path in list(paths)[:2])}{more}")
        lines.append(f"  - model: {out.quoted(model)}")
        lines += [f"    provider: {provider}"] if provider else []
        lines += [f'    snapshot: "{snapshot}"'] if snapshot else []
    if lines:
        out.add("# Models named in code and configuration. Take out what the agent does not call in production;")
        out.add("# a name without a snapshot may change under you.", "models:", *lines)
    else:
        out.add("# NOT KNOWN: no model is named in code or configuration.", "models: []")
    if out.found.sdks:
        out.add("# Packages that speak to models or tools:")
        for name, path in sorted(out.found.sdks.items()):
            out.add(f"#   {name}, in {out.safe(path)}")
    out.add("")


def _prompts(out: Writer) -> None:
    lines = []
    for path, digest in sorted(out.found.prompts.items())[:ROWS]:
        if out.safe(path) != path or len(path) > 300 or HTML.search(path) or path.startswith("~"):
            out.found.unread.append(f"{out.safe(path)[:300]}: a prompt whose path cannot be written")
            continue
        if _plain(path, 300) != path:
            out.found.unread.append(f"{out.safe(path)}: a prompt whose path holds hidden characters or double spaces")
            continue
        lines += [f"  - path: {out.quoted(path)}", f"    sha256: {digest}"]
    if lines:
        out.add("# Prompt and instruction files, by the SHA-256 of their text (UTF-8, Unicode form C, line feeds).")
        out.add("# Take out what instructs your editor and not the agent.", "prompts:", *lines, "")
        if len(out.found.prompts) > ROWS:
            out.add(f"# {len(out.found.prompts) - ROWS} more files were left out: a manifest names {ROWS} at most.", "")
    else:
        out.add("# NOT KNOWN: no prompt or instruction file was found.", "prompts: []", "")


def _packet(out: Writer) -> None:
    out.add(
        "# What the packet of a version says, section by section (1 to 10), as the API gives and takes it. For example:",
        "# packet:",
        '#   version: "1.0.0"',
        "#   sections:",
        '#     "1":',
        "#       use: [{text: A handler asks for the state of a claim.}]",
        '#     "9":',
        "#       sheet: {support_hours: 08:00 to 18:00 CET}",
        "",
    )


def _keys(out: Writer) -> None:
    if not out.found.keys:
        return
    out.add("# Environment variables that hold keys, by name; their values were not kept:")
    for name, path in sorted(out.found.keys.items()):
        out.add(f"#   {out.safe(name)}, in {out.safe(path)}")
    out.add("")


def _left_out(out: Writer) -> None:
    found = out.found
    notes = [f"{found.large} files larger than {known.MAX_FILE // 1024} kB were not read."] if found.large else []
    notes += [f"Not read: {out.safe(reason)}." for reason in sorted(found.unread)[:20]]
    if out.withheld:
        notes.append(f"Left out {out.withheld} times what looks like a secret.")
    notes.append(
        f"Looked at {found.files:,} files. Folders of other people's code, such as node_modules, were passed over."
    )
    out.add(*(f"# {note}" for note in notes))
