"""X-rays: what is wrong with the registry now, each a sentence with the way to where it is mended.

Nothing is stored: every kind is one query over what is there, so a finding goes when its cause goes. A page makes three
queries a kind at most (a count, the rows that it shows, and which of them the person can mend), however many there are.
"""

from accounts.models import Person
from portal.xrays.finding import SEVERITIES, Finding, Findings, Kind, Scope, told
from portal.xrays.kinds import COST_DAYS, EVAL_DAYS, EXPIRY_DAYS, KINDS
from registry.models import Agent
from work import clock

__all__ = [
    "COST_DAYS",
    "EVAL_DAYS",
    "EXPIRY_DAYS",
    "KINDS",
    "SEVERITIES",
    "Finding",
    "Findings",
    "Kind",
    "Scope",
    "of_agent",
]


def of_agent(agent: Agent, user: Person) -> list[Finding]:
    """What is wrong with one agent, the most severe first, as far as `user` may see it."""
    scope = Scope(user, clock.now(), agent)
    return [one for kind in KINDS if kind.of_agents for one in told(kind, kind.found(scope), scope)]
