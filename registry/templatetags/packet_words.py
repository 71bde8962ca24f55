"""What a frozen document leaves to its readers: names of risks, and the parts of a run in the order of a run."""

from collections.abc import Mapping
from typing import Any

from django import template

from registry.sections.s05_trail import ELEMENTS
from registry.sections.s07_security import RISKS

register = template.Library()


@register.filter
def risk_name(code: str) -> str:
    """What an OWASP list calls the risk of that id; nothing for an id that no list has."""
    return RISKS.get(code, "")


@register.filter
def as_run(elements: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The elements of a run's trail with their labels, from input to answer; canonical JSON sorts them by name."""
    return [(label, elements[name]) for name, label in ELEMENTS.items() if name in elements]
