"""The list of agents, registering one, changing its card, and handing it over."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts.requests import Request
from registry import actions, finding, ownership, panels, retirement
from registry.forms import AgentFilter, AgentForm, CardForm, HandoverForm, RetireForm
from registry.models import Agent, Handover, Packet, SavedView
from registry.pages import refresh_mark, said_differently
from registry.vocabulary import PacketState
from web.errors import Conflict, Denied
from web.views import acting, kept, keyset_slice, page

SHOWN_VIEWS = 12
"""How many saved views stand above the list; the page of views has all."""


def agent_list(request: Request) -> HttpResponse:
    """Every agent's card by name, narrowed to what the address says. As many queries, whatever there is."""
    form = AgentFilter(request.GET, person=request.user)
    rows = Agent.objects.visible_to(request.user).select_related("team", "owner")
    found = keyset_slice(request, lambda **place: finding.by_name(rows, form.asked, **place))
    columns = [(column, column.cells(found.rows, request.user)) for column in panels.agent_columns]
    return page(
        request,
        "registry/agent_list.html",
        {
            "rows": found,
            "filter": form,
            "filtered": bool(form.asked) or form.asked.retired,
            "address": form.address,
            "columns": [column for column, _ in columns],
            "lines": [(agent, [(column, cells.get(agent.pk)) for column, cells in columns]) for agent in found],
            "stats": finding.figures(request.user),
            "views": list(SavedView.objects.visible_to(request.user)[:SHOWN_VIEWS]),
            "may_register": bool(request.user.team_ids) and not request.user.is_auditor,
        },
        part="rows",
    )


@acting("agent_list")
def agent_new(request: Request) -> HttpResponse:
    """Register an agent."""
    form = AgentForm(request.POST or None, person=request.user, initial={"owner": request.user})
    if request.method == "POST" and form.is_valid():
        with kept(form):
            agent = actions.register_agent(**form.cleaned_data, by=request.user)
            return redirect("agent_detail", agent.slug)
    return page(request, "registry/agent_new.html", {"form": form})


def _named(request: Request, slug: str) -> Agent:
    rows = Agent.objects.visible_to(request.user).select_related("team", "owner", "deputy")
    return get_object_or_404(rows, slug=slug)


def _signed(agent: Agent, request: Request) -> list[Packet]:
    """The packets whose sign-offs a new risk class or autonomy would void."""
    states = (PacketState.IN_REVIEW, PacketState.APPROVED)
    return list(agent.packets.visible_to(request.user).filter(state__in=states).order_by("-number"))


@acting("agent_detail")
def agent_edit(request: Request, slug: str) -> HttpResponse:
    """Change an agent's card."""
    agent = _named(request, slug)
    if not agent.editable_by(request.user):
        raise Denied(f"Only the owner, the deputy and members of {agent.team.name} change {agent.name}.")
    form = CardForm(
        request.POST or None, instance=agent, person=request.user, initial={"seen": actions.card_mark(agent)}
    )
    theirs: list[tuple[str, str]] = []
    if request.method == "POST" and form.is_valid():
        before = (agent.risk_class, agent.autonomy)
        with kept(form):
            changed = actions.change_agent(agent=agent, by=request.user, **form.cleaned_data)
            _say_what_lapsed(request, changed, before)
            return redirect("agent_detail", agent.slug)
        if isinstance(getattr(form, "refusal", None), Conflict):
            saved = _named(request, slug)
            theirs = said_differently(form, CardForm(instance=saved, person=request.user))
            refresh_mark(form, actions.card_mark(saved))
    return page(
        request,
        "registry/agent_edit.html",
        {"form": form, "agent": agent, "signed": _signed(agent, request), "theirs": theirs},
    )


def _say_what_lapsed(request: Request, agent: Agent, before: tuple[str, int]) -> None:
    if (agent.risk_class, agent.autonomy) == before:
        messages.success(request, f"The card of {agent.name} is saved.")
        return
    for packet in _signed(agent, request):
        messages.warning(
            request,
            f"The sign-offs on packet {packet.number} ({packet.version}) no longer count: they were given for another "
            "risk class or autonomy. A packet that says what the card says now has to be signed.",
        )


@acting("agent_handover")
def agent_handover(request: Request, slug: str) -> HttpResponse:
    """Who answers for an agent, the offer that waits, and offering it to a new owner."""
    agent = _named(request, slug)
    bar = ownership.offer_bar(agent, request.user)
    form = HandoverForm(request.POST or None, agent=agent, person=request.user)
    if request.method == "POST":
        if bar:
            raise Denied(bar)
        if form.is_valid():
            with kept(form):
                handover = ownership.offer(agent=agent, by=request.user, **form.cleaned_data)
                messages.success(
                    request, f"{handover.to.name} is asked. Until they accept, {agent.owner.name} answers for it."
                )
                return redirect("agent_handover", agent.slug)
    rows = Handover.objects.visible_to(request.user).filter(agent=agent)
    offers = list(rows.select_related("previous", "to", "offered_by"))
    waiting = next((one for one in offers if one.state == "open"), None)
    return page(
        request,
        "registry/handover.html",
        {
            "agent": agent,
            "form": form,
            "bar": bar,
            "waiting": waiting,
            "asked": waiting is not None and waiting.to_id == request.user.pk,
            "past": [one for one in offers if one.state != "open"],
        },
    )


@require_POST
@acting()
def handover_answer(request: Request, pk: UUID) -> HttpResponse:
    """Accept, decline or withdraw the offer of an agent."""
    rows = Handover.objects.visible_to(request.user).select_related("agent", "to")
    handover = get_object_or_404(rows, pk=pk)
    answer = request.POST.get("answer")
    if answer == "accept":
        agent = ownership.accept(handover=handover, by=request.user)
        messages.success(request, f"You answer for {agent.name} from now on.")
        if agent.deputy is None:
            messages.warning(request, "It has no deputy now. Name one on its card.")
        return redirect("agent_detail", agent.slug)
    if answer == "decline":
        ownership.decline(handover=handover, by=request.user)
        messages.success(request, f"Declined. {handover.agent.name} stays with its owner.")
    elif answer == "withdraw":
        ownership.withdraw(handover=handover, by=request.user)
        messages.success(request, f"Withdrawn. {handover.agent.name} stays with its owner.")
    else:
        messages.error(request, "Choose accept, decline or withdraw.")
    return redirect("agent_handover", handover.agent.slug)


@acting("agent_retire")
def agent_retire(request: Request, slug: str) -> HttpResponse:
    """Retire an agent, or take it back into use."""
    agent = _named(request, slug)
    bar = retirement.retire_bar(agent, request.user)
    form = RetireForm(request.POST or None)
    if request.method == "POST" and request.POST.get("act") == "take_back":
        retirement.take_back_agent(agent=agent, by=request.user)
        messages.success(request, f"{agent.name} is in use again.")
        return redirect("agent_detail", agent.slug)
    if request.method == "POST":
        if bar:
            raise Denied(bar)
        if form.is_valid():
            with kept(form):
                retirement.retire_agent(agent=agent, by=request.user, **form.cleaned_data)
                messages.success(request, f"{agent.name} is retired. Its page and its evidence stay.")
                return redirect("agent_detail", agent.slug)
    said = retirement.in_the_way(agent) if agent.retired_at is None and not bar else []
    return page(request, "registry/agent_retire.html", {"agent": agent, "form": form, "bar": bar, "in_the_way": said})
