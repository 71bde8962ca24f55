"""Proposals: the list of what waits, and answering one."""

from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts.requests import Request
from registry import proposals
from registry.forms import ProposalFilter
from registry.models import Proposal
from registry.pages import address_of
from web.views import acting, page, paged


def proposal_list(request: Request) -> HttpResponse:
    """Every proposal that this person may see: open ones unless the filter says otherwise."""
    form = ProposalFilter(request.GET)
    form.is_valid()
    rows = Proposal.objects.visible_to(request.user).told()
    state = form.cleaned_data.get("state") or "open"
    if state == "mine":
        rows = rows & Proposal.objects.answerable_by(request.user).told()
    elif state != "all":
        rows = rows.filter(state=state)
    if words := form.cleaned_data.get("q"):
        named = Q(agent__name__icontains=words) | Q(data_source__name__icontains=words)
        named |= Q(tool__slug__icontains=words) | Q(packet__agent__name__icontains=words)
        rows = rows.filter(named | Q(source_label__icontains=words))
    found = paged(request, rows)
    proposals.read_sections(found)
    told = [proposals.shown(row, request.user, address_of(row.target, row.section)) for row in found]
    filtered = bool(words) or state != "open"
    context = {"rows": found, "told": told, "filter": form, "filtered": filtered}
    return page(request, "registry/proposal_list.html", context, part="rows")


@require_POST
@acting()
def proposal_answer(request: Request, pk: UUID) -> HttpResponse:
    """Accept a proposal, or dismiss it with a reason."""
    proposal = get_object_or_404(Proposal.objects.visible_to(request.user).told(), pk=pk)
    posted = request.POST
    if posted.get("answer") == "accept":
        proposals.accept(proposal=proposal, by=request.user, seen=posted.get("seen", ""))
        messages.success(request, f"Accepted: {proposal.label} of {proposal.target} is {proposal.after_words}.")
    elif posted.get("answer") == "dismiss":
        proposals.dismiss(proposal=proposal, reason=posted.get("reason", ""), by=request.user)
        messages.success(request, f"Dismissed: {proposal.label} of {proposal.target} stays as it is.")
    else:
        messages.error(request, "Choose accept or dismiss.")
    return redirect("proposal_list" if posted.get("then") == "list" else address_of(proposal.target, proposal.section))
