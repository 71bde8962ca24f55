"""Acts of this room. Each checks the right to it, locks, changes, and records, in one transaction."""

from signals.actions.costs import add_cost_rule, move_cost_rule, remove_cost_rule, retie_costs, set_budget
from signals.actions.filling import fill_from_run, propose_billed
from signals.actions.pulling import pull, run_pull
from signals.actions.sources import add_source, recover_pull, request_pull

__all__ = [
    "add_cost_rule",
    "add_source",
    "fill_from_run",
    "move_cost_rule",
    "propose_billed",
    "pull",
    "recover_pull",
    "remove_cost_rule",
    "request_pull",
    "retie_costs",
    "run_pull",
    "set_budget",
]
