"""Granting several of one system's tools in section 6 at once, such as those that an MCP server lists."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import models, transaction
from django.db.models import Count
from django.db.models.functions import Lower

from accounts.models import Person
from ledger.canonical import dumps, sha256
from registry.actions import to_fill
from registry.filling import Filled, fill
from registry.models import Packet, Tool
from registry.proposals import Origin
from registry.sections.s06_tools import ToolGrant
from registry.vocabulary import Effect
from work.acts import Invalid


@dataclass(frozen=True)
class System:
    """A system, or an MCP server, and how many of its tools the packet does not grant yet."""

    name: str
    tools: int


def systems(packet: Packet, user: Person) -> list[System]:
    """The systems that have tools which the packet does not grant, by name. One query."""
    rows = _left(packet, user).exclude(system="").values("system").annotate(tools=Count("pk"))
    rows = rows.order_by(Lower("system"), "system")
    return [System(row["system"], row["tools"]) for row in rows]


def offered(packet: Packet, user: Person, system: str) -> list[Tool]:
    """The tools of a system that the packet does not grant, by their slugs; none of a name that no system has."""
    if not system or "\0" in system:
        return []
    return list(_left(packet, user).filter(system=system).order_by("slug"))


def approval_for(tool: Tool) -> str:
    """The approval that a call starts with: none only where somebody confirmed that the tool reads."""
    reads = tool.effect == Effect.READ and tool.confirmed_at is not None
    return ToolGrant.Approval.NONE if reads else ToolGrant.Approval.CALL


@transaction.atomic
def grant_tools(*, packet: Packet, tools: Iterable[Tool], by: Person) -> Filled:
    """Grant tools of one system in an open packet: on the sandbox, with the approval of `approval_for`; the scope is left
    for a person to say. What is granted already stays as it is.

    Raises Denied, Conflict for a closed packet, Invalid where nothing is chosen or the tools are of several systems.
    """
    packet = to_fill(packet, by)
    granted = ToolGrant.objects.filter(packet=packet).values("tool")
    chosen = list(Tool.objects.filter(pk__in=[tool.pk for tool in tools]).exclude(pk__in=granted).order_by("slug"))
    if not chosen:
        raise Invalid("Choose at least one tool that the packet does not grant yet.")
    if len({tool.system for tool in chosen}) > 1:
        raise Invalid("Choose tools of one system at a time.")
    rows = [
        {"tool": tool.slug, "environment": ToolGrant.Environment.SANDBOX.value, "approval": str(approval_for(tool))}
        for tool in chosen
    ]
    system = chosen[0].system
    said = [[tool.slug, tool.effect, sorted(tool.tags)] for tool in chosen]
    origin = Origin("catalogue", system[:100], f"Catalogue: tools of {system}", sha256(dumps(said)))
    return fill(packet=packet, given={6: {"grant": rows}}, origin=origin, by=by)


def _left(packet: Packet, user: Person) -> models.QuerySet[Tool]:
    granted = ToolGrant.objects.filter(packet=packet).values("tool")
    return Tool.objects.visible_to(user).in_use().exclude(pk__in=granted)
