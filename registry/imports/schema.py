"""The manifest's JSON Schema (draft 2020-12), made of the reader's own limits, for editors and for CI."""

from typing import Any

from django import forms

from registry.demands import DEMANDS
from registry.imports import manifest as m
from registry.models.demands import LEAST_REASON, MOST_REASON
from registry.sections import SECTIONS, Section
from registry.sections.catalogue import CatalogueChoice

LINE = r"^[^\u0000-\u001f\u007f]*$"


def _row(needed: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": needed, "properties": properties}


def _rows(about: str, row: dict[str, Any]) -> dict[str, Any]:
    return {"type": ["array", "null"], "maxItems": m.MAX_ROWS, "description": about, "items": row}


def _line(most: int, about: str) -> dict[str, Any]:
    return {"type": ["string", "integer", "null"], "maxLength": most, "pattern": LINE, "description": about}


def _said(most: int, about: str) -> dict[str, Any]:
    return {"type": ["string", "integer"], "minLength": 1, "maxLength": most, "pattern": LINE, "description": about}


def _like(pattern: str, about: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^{pattern}$", "description": about}


def _choice(choices: tuple[Any, ...], about: str) -> dict[str, Any]:
    return {"enum": [*choices, "", None], "description": about}


def _section(one: Section) -> dict[str, Any]:
    """A section's content, made of the section's own forms."""
    parts = {"sheet": _form(one.sheet, one.sheet_title)} if one.sheet else {}
    for rows in one.rows:
        size = {"minItems": rows.fixed, "maxItems": rows.fixed} if rows.fixed else {"maxItems": m.MAX_PACKET_ROWS}
        parts[rows.prefix] = {
            "type": ["array", "null"], **size, "description": rows.title, "items": _form(rows.form, rows.title),
        }  # fmt: skip
    if may_lack := [demand for demand in DEMANDS[one.number] if demand.waivable]:
        reasons = {
            demand.key: {
                "type": ["string", "null"], "minLength": LEAST_REASON, "maxLength": MOST_REASON, "description": demand.what,
            }
            for demand in may_lack
        }  # fmt: skip
        parts["not_applicable"] = {
            "type": ["object", "null"], "additionalProperties": False, "properties": reasons,
            "description": "What does not apply, each with the reason why",
        }  # fmt: skip
    return {"type": ["object", "null"], "additionalProperties": False, "properties": parts, "description": one.title}


def _form(form: type[forms.ModelForm], about: str) -> dict[str, Any]:
    properties = {name: _field(field) for name, field in form.base_fields.items()}
    return {"type": ["object", "null"], "additionalProperties": False, "properties": properties, "description": about}


def _field(field: forms.Field) -> dict[str, Any]:
    said = ". ".join(str(words).rstrip(".") for words in (field.label, field.help_text) if words)
    about = {"description": said} if said else {}
    match field:
        case CatalogueChoice() | forms.ModelChoiceField():
            return {"type": ["string", "null"], "description": f"{said}: its slug in the catalogue".lstrip(": ")}
        case forms.TypedChoiceField() | forms.ChoiceField():
            choices: Any = field.choices
            return {"enum": [*(key for key, _ in choices if key), "", None], **about}
        case forms.BooleanField():
            return {"type": ["boolean", "null"], **about}
        case forms.DecimalField() | forms.IntegerField():
            return {"type": ["number", "string", "null"], **about}
        case forms.DateTimeField():
            return {"type": ["string", "null"], "description": f"{said}, for example 2026-11-20T09:14:33Z"}
        case forms.DateField():
            return {"type": ["string", "null"], "description": f"{said}, for example 2026-11-20"}
    length = {"maxLength": field.max_length} if isinstance(field, forms.CharField) and field.max_length else {}
    return {"type": ["string", "integer", "null"], **length, **about}


def schema(address: str) -> dict[str, Any]:
    """The schema; `address` is where the portal serves it."""
    email = {
        **_like(m.EMAIL.pattern, "The e-mail address with which the person signs in to the portal."),
        "format": "email",
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": address,
        "title": "Portcullis manifest, version 1",
        "description": "What a team says of its agent, in the agent's own repository: portcullis.yaml.",
        **_row(
            ["portcullis", "agent"],
            portcullis={"const": m.VERSION, "description": "The version of this format."},
            agent=_row(
                ["name", "slug", "team", "owner"],
                name=_said(150, "As people call it."),
                slug=_like(
                    m.SLUG.pattern, "Its address in the portal. It stays, so that importing again is an update."
                ),
                summary=_line(300, "One sentence: who asks it, for what. Needed to register it."),
                team=_like(m.SLUG.pattern, "The short name of the team that works on it."),
                owner=email,
                deputy={"anyOf": [email, {"enum": ["", None]}], "description": "Who answers while the owner is away."},
                relationship=_choice(m.RELATIONSHIPS, "What it is to the organisation."),
                autonomy=_choice((1, 2, 3, 4, 5, *m.AUTONOMY), "How far it acts alone."),
                risk_class=_choice(m.RISK_CLASSES, "As the EU AI Act sorts it. In doubt, the higher one."),
                support_path=_line(300, "Where people report a bad answer."),
            ),
            tools=_rows(
                "What it may call.",
                _row(
                    ["slug"],
                    slug=_like(m.TOOL.pattern, "As the agent calls it, for example claims.search."),
                    name=_line(150, "The tool's name for people."),
                    system=_line(150, "Where it acts."),
                    effect=_choice(m.EFFECTS, "What a call does. Without one the tool counts as irreversible."),
                    tags={
                        "type": ["array", "null"],
                        "maxItems": len(m.TAGS),
                        "items": _choice(m.TAGS, "One thing that it touches."),
                        "description": "What it touches.",
                    },
                ),
            ),
            data_sources=_rows(
                "What it reads.",
                _row(
                    ["slug"],
                    slug=_like(m.SLUG.pattern, "The source's short name in the catalogue."),
                    name=_line(150, "Its name for people."),
                    description=_line(300, "What it holds."),
                    classification=_choice(m.CLASSIFICATIONS, "How sensitive it is."),
                    contract_version=_line(50, "The version of its data contract."),
                ),
            ),
            models=_rows(
                "Models that it calls.",
                _row(
                    ["model"],
                    provider=_line(150, "For example anthropic, openai, self-hosted."),
                    model=_said(150, "The name by which the provider's API knows it."),
                    snapshot=_line(150, "Dated version or digest."),
                ),
            ),
            prompts=_rows(
                "Prompt and instruction files.",
                _row(
                    ["path", "sha256"],
                    path=_said(300, "Where the file is, from the repository's root."),
                    sha256=_like(m.SHA256.pattern, "SHA-256 of its text: UTF-8, Unicode form C, line feeds."),
                ),
            ),
            calls=_rows("Agents that it calls, by slug.", _like(m.SLUG.pattern, "An agent's slug.")),
            packet={
                **_row(
                    ["version"],
                    version=_said(50, "The version that the packet is for."),
                    sections={
                        "type": ["object", "null"],
                        "additionalProperties": False,
                        "properties": {str(one.number): _section(one) for one in SECTIONS},
                        "description": "Content by section number, as the API gives and takes it.",
                    },
                ),
                "type": ["object", "null"],
                "description": "What the packet of this version says.",
            },
        ),
    }
