"""Acts on agents, the catalogue and packets. Each checks the right to it, locks, changes, and records, in one transaction."""

from registry.actions.agents import (
    SLUG,
    card_mark,
    catalogue_source,
    catalogue_tool,
    change_agent,
    may_edit,
    register_agent,
    set_summary,
    status_by_packets,
)
from registry.actions.packets import contributed, copy_attachments, freeze, may_fill, move, start_packet, to_fill
from registry.actions.sections import (
    import_cases,
    import_prompt,
    replace_section,
    save_section,
    section_saved,
    take_list_prices,
    write_section,
)

__all__ = [
    "SLUG",
    "card_mark",
    "catalogue_source",
    "catalogue_tool",
    "change_agent",
    "contributed",
    "copy_attachments",
    "freeze",
    "import_cases",
    "import_prompt",
    "may_edit",
    "may_fill",
    "move",
    "register_agent",
    "replace_section",
    "save_section",
    "section_saved",
    "set_summary",
    "start_packet",
    "status_by_packets",
    "take_list_prices",
    "to_fill",
    "write_section",
]
