"""Choosing several of one system's tools for section 6."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from accounts.requests import Request
from registry import actions
from registry.granting import approval_for, grant_tools, offered, systems
from registry.sections.s06_tools import ToolGrant
from registry.views.packets import visible_packet
from web.views import acting, page


@acting("packet_detail")
def packet_tools(request: Request, pk: UUID) -> HttpResponse:
    """Show the tools of a system that the packet does not grant; on a POST grant those that were chosen."""
    packet = visible_packet(request, pk)
    actions.may_fill(packet, request.user)
    system = request.POST.get("system", request.GET.get("system", ""))
    tools = offered(packet, request.user, system)
    if request.method == "POST":
        wanted = set(request.POST.getlist("tool"))
        done = grant_tools(packet=packet, tools=[tool for tool in tools if str(tool.pk) in wanted], by=request.user)
        one = "1 tool is" if done.new == 1 else f"{done.new} tools are"
        messages.success(
            request, f"{one} granted on the sandbox. Say the scope of each, and whether its approval is right."
        )
        return redirect("packet_section", pk, 6)
    names = dict(ToolGrant.Approval.choices)
    rows = [(tool, names[approval_for(tool)]) for tool in tools]
    context = {"packet": packet, "agent": packet.agent, "system": system, "rows": rows}
    return page(request, "registry/grant_tools.html", {**context, "systems": systems(packet, request.user)})
