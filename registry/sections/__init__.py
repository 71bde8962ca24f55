"""The ten sections of a packet, in order. Each file holds its models, forms, problems and document."""

from registry.sections import (
    s01_use,
    s02_data,
    s03_versions,
    s04_evals,
    s05_trail,
    s06_tools,
    s07_security,
    s08_cost,
    s09_owner,
    s10_rollout,
)
from registry.sections.base import Problem, Section

SECTIONS: tuple[Section, ...] = (
    s01_use.SECTION,
    s02_data.SECTION,
    s03_versions.SECTION,
    s04_evals.SECTION,
    s05_trail.SECTION,
    s06_tools.SECTION,
    s07_security.SECTION,
    s08_cost.SECTION,
    s09_owner.SECTION,
    s10_rollout.SECTION,
)

__all__ = ["SECTIONS", "Problem", "Section", "section"]


def section(number: int) -> Section:
    """The section with this number, 1 to 10. Raises IndexError for any other."""
    if not 1 <= number <= len(SECTIONS):
        raise IndexError(f"a packet has sections 1 to {len(SECTIONS)}, not {number}")
    return SECTIONS[number - 1]
