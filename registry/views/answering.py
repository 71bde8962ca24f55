"""Accepting to answer for an agent, taking that back, and the look back after a launch."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.requests import Request
from registry import answering
from registry.models import Acceptance
from registry.views.packets import visible_packet
from web.views import acting


def _section(pk: UUID) -> HttpResponse:
    return redirect(reverse("packet_section", args=[pk, answering.NUMBER]) + "#acceptances")


@require_POST
@acting("packet_detail")
def packet_accept(request: Request, pk: UUID) -> HttpResponse:
    """Accept section 9 as owner or deputy, in the words that the page showed."""
    packet = visible_packet(request, pk)
    duty, digest = request.POST.get("duty", ""), request.POST.get("seen", "")
    row = answering.accept(packet=packet, duty=duty, digest=digest, by=request.user)
    messages.success(request, f"You answer for {packet.agent.name} as its {row.get_duty_display().lower()}.")
    return _section(pk)


@require_POST
@acting()
def acceptance_withdraw(request: Request, pk: UUID) -> HttpResponse:
    """Withdraw one's own acceptance."""
    row = get_object_or_404(Acceptance.objects.visible_to(request.user).select_related("packet"), pk=pk)
    answering.withdraw_acceptance(acceptance=row, by=request.user)
    messages.success(request, "Withdrawn. The packet cannot be submitted until somebody accepts again.")
    return _section(row.packet_id)


@require_POST
@acting("packet_detail")
def launch_review(request: Request, pk: UUID) -> HttpResponse:
    """Keep what the look after the launch found."""
    packet = visible_packet(request, pk)
    answering.review_launch(packet=packet, found=request.POST.get("found", ""), by=request.user)
    messages.success(request, "The review after launch is kept with the packet.")
    return redirect("packet_detail", pk)
