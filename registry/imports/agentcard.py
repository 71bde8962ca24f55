"""An A2A AgentCard (Agent2Agent protocol, 0.2 to 1.0): what an agent says of itself to other agents."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from registry.imports.reading import Fields, quoted, read_json

SKILLS = 200
WIDE = 5000


@dataclass(frozen=True)
class Skill:
    """One thing that the card says the agent can do."""

    id: str
    name: str
    description: str


@dataclass(frozen=True)
class AgentCard:
    """What a card gives for registering the agent, and what a reader wants to see beside it."""

    name: str
    slug: str
    summary: str
    shortened: bool
    """Whether the card's description was longer than a summary may be."""
    version: str
    host: str
    provider: str
    skills: tuple[Skill, ...] = ()

    def document(self) -> dict[str, Any]:
        """What was read, without the skills, as a card again; reading it gives the same registration."""
        host = {"url": f"https://{self.host}"} if self.host else {}
        said = {"name": self.name, "description": self.summary, "version": self.version, **host}
        return {name: value for name, value in said.items() if value}


def read_card(data: bytes) -> AgentCard:
    """The card in `data`, JSON of at most 10 MB. Raises Unreadable with every fault and its path."""
    fields = Fields()
    card = fields.mapping(read_json(data), "the card")
    name = fields.text(card.get("name"), "name", 150, needed="expected the agent's name, got nothing")
    about = prose(fields, card.get("description"), "description")
    provider = card.get("provider")
    organisation = ""
    if provider is not None:
        organisation = fields.text(
            fields.mapping(provider, "provider").get("organization"), "provider.organization", 150
        )
    skills = []
    for i, one in enumerate(fields.listing(card.get("skills"), "skills", SKILLS)):
        row = fields.mapping(one, f"skills[{i}]")
        skills.append(
            Skill(
                fields.text(row.get("id"), f"skills[{i}].id", 200),
                fields.text(row.get("name"), f"skills[{i}].name", 200),
                prose(fields, row.get("description"), f"skills[{i}].description"),
            )
        )
    summary, shortened = _summary(about)
    made = AgentCard(
        name=name,
        slug=_slug(name),
        summary=summary,
        shortened=shortened,
        version=fields.text(card.get("version"), "version", 50),
        host=_host(fields, card),
        provider=organisation,
        skills=tuple(skills),
    )
    fields.done()
    return made


def prose(fields: Fields, value: Any, path: str) -> str:
    """Text that may run over lines, folded into one."""
    folded = " ".join(value.split()) if isinstance(value, str) else value
    return fields.text(folded, path, WIDE)


def _slug(name: str) -> str:
    """A short name out of the agent's name, which was measured: taking letters apart takes long for a long text."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", letters)[:80].strip("-")


def _summary(about: str) -> tuple[str, bool]:
    """The description as a summary of at most 300 characters: cut after a sentence, else after a word."""
    if len(about) <= 300:
        return about, False
    sentence = re.match(r"(.{20,299}?[.!?])\s", about)
    return (sentence[1] if sentence else about[:299].rsplit(" ", 1)[0] + "…"), True


def _host(fields: Fields, card: dict[str, Any]) -> str:
    """The host that the card names; never the rest of the address, which may hold keys."""
    address, path = card.get("url"), "url"
    if not address:  # since 1.0 the address stands with each interface
        rows = fields.listing(card.get("supportedInterfaces"), "supportedInterfaces", SKILLS)
        path = "supportedInterfaces[0].url"
        address = fields.mapping(rows[0], "supportedInterfaces[0]").get("url") if rows else ""
    said = fields.text(address, path, 2000)
    if not said:
        return ""
    try:
        place = urlsplit(said)
        if place.scheme in ("http", "https", "grpc", "grpcs", "") and (
            host := place.hostname or said.partition("/")[0]
        ):
            return fields.text(host.rpartition("@")[2], path, 253)
    except ValueError:
        pass
    fields.fault(path, f"expected an address like https://agent.example/a2a, got {quoted(said)}")
    return ""
