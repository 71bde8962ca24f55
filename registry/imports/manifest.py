"""The manifest, `portcullis.yaml` version 1: what a team says of its agent in the agent's own repository."""

import re
from dataclasses import asdict, dataclass, field
from typing import Any

from registry.demands import WAIVABLE
from registry.imports.reading import Fields, NoJson, quoted, read_json, read_yaml

VERSION = 1
MAX_ROWS = 500
RELATIONSHIPS = ("tool_for_teams", "part_of_product")
RISK_CLASSES = ("prohibited", "high", "limited", "minimal")
EFFECTS = ("read", "write", "irreversible")
TAGS = (
    "customer_data",
    "money_movement",
    "credentials",
    "regulated_records",
    "untrusted_input",
    "external_communication",
)
CLASSIFICATIONS = ("public", "internal", "confidential", "restricted")
AUTONOMY = ("L1", "L2", "L3", "L4", "L5")

SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
TOOL = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,79}")
EMAIL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){0,8}")
SHA256 = re.compile(r"[0-9a-f]{64}")
WAIVED = re.compile("|".join(map(re.escape, WAIVABLE)))
PART_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")
UNWRITABLE = re.compile("[\0\ud800-\udfff]")
A_SLUG = "a short name of a to z, 0 to 9, - and _, at most 80"
A_TOOL = "a tool's name of letters, digits, _ . and -, at most 80"
AN_EMAIL = "an e-mail address"
A_DIGEST = "a SHA-256 digest of 64 hexadecimal digits"

TOP = ("portcullis", "agent", "tools", "data_sources", "models", "prompts", "calls", "packet")
SECTIONS = tuple(str(number) for number in range(1, 11))
MAX_PACKET_ROWS = 1000
MAX_TEXT = 100_000
"""Characters of one value of a packet: twice the longest field's, which says its own limit when it is planned."""
OURS = ("note", "claimed")
"""Of a claim, what no manifest said."""
AGENT_FIELDS = (
    "name",
    "slug",
    "summary",
    "team",
    "owner",
    "deputy",
    "relationship",
    "autonomy",
    "risk_class",
    "support_path",
)


@dataclass(frozen=True)
class ToolClaim:
    """A tool as its manifest or server describes it. `effect` is empty where nothing was said."""

    slug: str
    name: str = ""
    system: str = ""
    effect: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""
    """What the reader thought of the claim, in words, for the person who confirms it."""
    claimed: str = ""
    """The effect that was claimed, where nobody vouches for it and `effect` is the worst instead."""
    description: str = ""
    """What its server says that it does, for the person who looks."""


@dataclass(frozen=True)
class SourceClaim:
    """A data source as the manifest describes it."""

    slug: str
    name: str = ""
    description: str = ""
    classification: str = ""
    contract_version: str = ""


@dataclass(frozen=True)
class ModelClaim:
    """A model that the agent calls."""

    provider: str
    model: str
    snapshot: str = ""


@dataclass(frozen=True)
class PromptClaim:
    """A prompt or instruction file, by its digest."""

    path: str
    sha256: str


@dataclass(frozen=True)
class PacketClaim:
    """What the packet of a version says: content by section number, in the shape that the API gives and takes."""

    version: str
    sections: dict[int, dict[str, Any]]

    def document(self) -> dict[str, Any]:
        """As the manifest writes it."""
        return {"version": self.version, "sections": {str(number): one for number, one in self.sections.items()}}


@dataclass(frozen=True)
class Manifest:
    """A manifest that holds. Empty means that nothing was said; `autonomy` 0 likewise."""

    name: str
    slug: str
    summary: str
    team: str
    owner: str
    deputy: str = ""
    relationship: str = ""
    autonomy: int = 0
    risk_class: str = ""
    support_path: str = ""
    tools: tuple[ToolClaim, ...] = ()
    data_sources: tuple[SourceClaim, ...] = ()
    models: tuple[ModelClaim, ...] = ()
    prompts: tuple[PromptClaim, ...] = ()
    calls: tuple[str, ...] = field(default=())
    packet: PacketClaim | None = None

    def document(self) -> dict[str, Any]:
        """The manifest as plain values, without what was not said. Reading it again gives the same manifest."""
        agent = {name: getattr(self, name) for name in AGENT_FIELDS if getattr(self, name)}
        rows = {
            name: [
                {key: _plain(value) for key, value in asdict(row).items() if value and key not in ("note", "claimed")}
                for row in found
            ]
            for name in ("tools", "data_sources", "models", "prompts")
            if (found := getattr(self, name))
        }
        calls = {"calls": list(self.calls)} if self.calls else {}
        packet = {"packet": self.packet.document()} if self.packet else {}
        return {"portcullis": VERSION, "agent": agent, **rows, **calls, **packet}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def read_manifest(data: bytes) -> Manifest:
    """The manifest in `data`, YAML or JSON, at most 10 MB. Raises Unreadable with every fault and its path."""
    value = _parsed(data)
    fields = Fields()
    top = fields.mapping(value, "manifest" if not isinstance(value, dict) else "", TOP)
    version = top.get("portcullis")
    if isinstance(value, dict) and (version != VERSION or isinstance(version, bool)):
        fields.fault("portcullis", f"expected {VERSION}, the version of the format, got {quoted(version)}")
    agent = fields.mapping(top.get("agent"), "agent", AGENT_FIELDS)
    made = Manifest(
        name=fields.text(agent.get("name"), "agent.name", 150, needed="say what people call the agent"),
        slug=fields.matching(agent.get("slug"), "agent.slug", SLUG, A_SLUG),
        summary=fields.text(agent.get("summary"), "agent.summary", 300),
        team=fields.matching(agent.get("team"), "agent.team", SLUG, "the team's short name in the portal"),
        owner=_email(fields, agent.get("owner"), "agent.owner", needed=True),
        deputy=_email(fields, agent.get("deputy"), "agent.deputy"),
        relationship=fields.one_of(agent.get("relationship"), "agent.relationship", RELATIONSHIPS),
        autonomy=_autonomy(fields, agent.get("autonomy")),
        risk_class=fields.one_of(agent.get("risk_class"), "agent.risk_class", RISK_CLASSES),
        support_path=fields.text(agent.get("support_path"), "agent.support_path", 300),
        tools=_tools(fields, top.get("tools")),
        data_sources=_sources(fields, top.get("data_sources")),
        models=_models(fields, top.get("models")),
        prompts=_prompts(fields, top.get("prompts")),
        calls=_calls(fields, top.get("calls")),
        packet=_packet(fields, top.get("packet")),
    )
    if made.deputy and made.deputy == made.owner:
        fields.fault("agent.deputy", "must be someone else than the owner")
    fields.done()
    return made


def _parsed(data: bytes) -> Any:
    """JSON is YAML, but for some escapes; so what begins like JSON is tried as such first."""
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        try:
            return read_json(data)
        except NoJson:
            pass
    return read_yaml(data)


def _email(fields: Fields, value: Any, path: str, *, needed: bool = False) -> str:
    return fields.matching(value, path, EMAIL, AN_EMAIL, needed=needed).lower()


def _autonomy(fields: Fields, value: Any) -> int:
    if value is None or value == "":
        return 0
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 5:
        return value
    if isinstance(value, str) and value in AUTONOMY:
        return int(value[1])
    fields.fault("agent.autonomy", f"expected a level from 1 to 5, got {quoted(value)}")
    return 0


def read_tags(fields: Fields, value: Any, path: str) -> tuple[str, ...]:
    """A list of tags, each once, in their usual order."""
    rows = fields.listing(value, path, len(TAGS))
    found = {fields.one_of(one, f"{path}[{i}]", TAGS) for i, one in enumerate(rows)}
    return tuple(tag for tag in TAGS if tag in found)


def _tools(fields: Fields, value: Any) -> tuple[ToolClaim, ...]:
    made, seen = [], set[str]()
    for i, one in enumerate(fields.listing(value, "tools", MAX_ROWS)):
        path = f"tools[{i}]"
        row = fields.mapping(one, path, ("slug", "name", "system", "effect", "tags"))
        slug = fields.matching(row.get("slug"), f"{path}.slug", TOOL, A_TOOL)
        fields.once(slug, f"{path}.slug", seen, "the tool")
        made.append(
            ToolClaim(
                slug=slug,
                name=fields.text(row.get("name"), f"{path}.name", 150),
                system=fields.text(row.get("system"), f"{path}.system", 150),
                effect=fields.one_of(row.get("effect"), f"{path}.effect", EFFECTS),
                tags=read_tags(fields, row.get("tags"), f"{path}.tags"),
            )
        )
    return tuple(made)


def _sources(fields: Fields, value: Any) -> tuple[SourceClaim, ...]:
    made, seen = [], set[str]()
    for i, one in enumerate(fields.listing(value, "data_sources", MAX_ROWS)):
        path = f"data_sources[{i}]"
        row = fields.mapping(one, path, ("slug", "name", "description", "classification", "contract_version"))
        slug = fields.matching(row.get("slug"), f"{path}.slug", SLUG, A_SLUG)
        fields.once(slug, f"{path}.slug", seen, "the data source")
        made.append(
            SourceClaim(
                slug=slug,
                name=fields.text(row.get("name"), f"{path}.name", 150),
                description=fields.text(row.get("description"), f"{path}.description", 300),
                classification=fields.one_of(row.get("classification"), f"{path}.classification", CLASSIFICATIONS),
                contract_version=fields.text(row.get("contract_version"), f"{path}.contract_version", 50),
            )
        )
    return tuple(made)


def _models(fields: Fields, value: Any) -> tuple[ModelClaim, ...]:
    made, seen = [], set[str]()
    for i, one in enumerate(fields.listing(value, "models", MAX_ROWS)):
        path = f"models[{i}]"
        row = fields.mapping(one, path, ("provider", "model", "snapshot"))
        claim = ModelClaim(
            provider=fields.text(row.get("provider"), f"{path}.provider", 150),
            model=fields.text(
                row.get("model"), f"{path}.model", 150, needed="name the model as its provider's API does"
            ),
            snapshot=fields.text(row.get("snapshot"), f"{path}.snapshot", 150),
        )
        if claim.model:
            fields.once(f"{claim.provider}/{claim.model}/{claim.snapshot}", f"{path}.model", seen, "the model")
        made.append(claim)
    return tuple(made)


def _prompts(fields: Fields, value: Any) -> tuple[PromptClaim, ...]:
    made, seen = [], set[str]()
    for i, one in enumerate(fields.listing(value, "prompts", MAX_ROWS)):
        path = f"prompts[{i}]"
        row = fields.mapping(one, path, ("path", "sha256"))
        where = fields.text(row.get("path"), f"{path}.path", 300, needed="say which file it is")
        if where.startswith(("/", "~")) or ".." in where.replace("\\", "/").split("/"):
            fields.fault(f"{path}.path", f"expected a path inside the repository, got {quoted(where)}")
        if where in seen:
            fields.fault(f"{path}.path", f"the file {quoted(where)} stands twice. Keep one")
        seen.add(where)
        made.append(PromptClaim(where, fields.matching(row.get("sha256"), f"{path}.sha256", SHA256, A_DIGEST)))
    return tuple(made)


def _calls(fields: Fields, value: Any) -> tuple[str, ...]:
    made, seen = [], set[str]()
    for i, one in enumerate(fields.listing(value, "calls", MAX_ROWS)):
        slug = fields.matching(one, f"calls[{i}]", SLUG, A_SLUG)
        fields.once(slug, f"calls[{i}]", seen, "the agent")
        made.append(slug)
    return tuple(made)


def _packet(fields: Fields, value: Any) -> PacketClaim | None:
    """The block's shape; what the fields of a section take is asked of the section's own forms, when it is planned."""
    if value is None:
        return None
    row = fields.mapping(value, "packet", ("version", "sections"))
    version = fields.text(row.get("version"), "packet.version", 50, needed="say which version the packet is for")
    given = row.get("sections")
    sections = fields.mapping({} if given is None else given, "packet.sections", SECTIONS)
    made = {
        int(number): read_section(fields, sections[number], f"packet.sections.{number}")
        for number in SECTIONS
        if sections.get(number) is not None
    }
    return PacketClaim(version, made)


def read_section(fields: Fields, value: Any, path: str) -> dict[str, Any]:
    """One section's content: an object of fields under `sheet`, a list of them under each kind of row."""
    made: dict[str, Any] = {}
    for name, part in fields.mapping(value, path).items():
        here = f"{path}.{name}"
        if not PART_NAME.fullmatch(name):
            fields.fault(path, f"has a part {quoted(name)}, which no section has")
        elif name == "sheet":
            made[name] = _values(fields, part, here)
        elif name == "not_applicable":
            made[name] = _values(fields, part, here, WAIVED)
        else:
            rows = fields.listing(part, here, MAX_PACKET_ROWS)
            made[name] = [_values(fields, one, f"{here}[{i}]") for i, one in enumerate(rows)]
    return made


def _values(fields: Fields, value: Any, path: str, names: re.Pattern[str] = PART_NAME) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, one in fields.mapping({} if value is None else value, path).items():
        if one is not None and not isinstance(one, (str, bool, int, float)):
            fields.fault(f"{path}.{name}", f"expected a text, a number, true or false, got {quoted(one)}")
        elif not names.fullmatch(name):
            fields.fault(path, f"has a field {quoted(name)}, which no section has")
        elif isinstance(one, str):
            if UNWRITABLE.search(one):
                fields.fault(f"{path}.{name}", "holds characters that no text has: NUL, or half of a pair")
            made[name] = fields.normal(one, f"{path}.{name}", MAX_TEXT)
        else:
            # Digests know no fractions; an amount is read from its digits either way.
            made[name] = repr(one) if isinstance(one, float) or _large(one) else one
    return made


def _large(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53
