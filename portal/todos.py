"""What waits for a person, from every room, most urgent first."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils.text import Truncator

from accounts.models import Person
from accounts.roles import Role
from approvals.models import Renewal
from approvals.queries import waiting_for
from registry import answering
from registry.models import Agent, Handover, Packet, Proposal
from registry.pages import address_of
from registry.vocabulary import AgentStatus, Gate, PacketState
from releases.models import Release
from releases.queries import ready_for
from signals.models import Budget, Incident, Source
from signals.unregistered.queries import waiting_figures
from web.words import day
from work import clock

MOST = 30
REVIEW_NOTICE = dt.timedelta(days=14)
"""So long before a review is due its owner and deputy are reminded."""
TEAM_HEARS = dt.timedelta(days=7)
"""How long after an owner left the team is told too; an offer that waits longer no longer counts as on its way."""
SIGN_OFF = "Sign-off"


@dataclass(frozen=True)
class Todo:
    """One line of the home page."""

    verdict: str
    when: str
    title: str
    url: str
    why: str
    since: Any
    action: str


def reviews_among(found: list[Todo]) -> dict[str, int]:
    """What the rail would count anew, for `Shell`: the sign-offs that wait, where all that waits is in the list."""
    return {"reviews": sum(one.when == SIGN_OFF for one in found)} if len(found) < MOST else {}


def todos(user: Person) -> list[Todo]:
    """What waits for `user`, with a fixed number of queries."""
    if user.is_auditor:
        return []
    unfinished = _unfinished(user)
    return [
        *_suspended(user),
        *_incidents(user),
        *_ownerless(user),
        *_handovers(user),
        *_reviews(user),
        *_acceptances(user),
        *_proposals(user),
        *_changes(unfinished),
        *_ready(user),
        *_launches(user),
        *_renewals(unfinished),
        *_reviews_due(user),
        *_unregistered(user),
        *_drafts(unfinished),
        *_finance(user),
        *_sources(user),
    ][:MOST]


def _suspended(user: Person) -> list[Todo]:
    mine = Q(agent__owner=user) | Q(agent__deputy=user)
    if Role.SECURITY in user.roles or user.is_admin:
        mine |= Q(resume_asked_by__isnull=False)
    rows = Release.objects.visible_to(user).filter(mine, state=Release.State.SUSPENDED, ended_at=None)
    return [
        Todo(
            "fail",
            "Suspended",
            row.agent.name,
            reverse("agent_detail", args=[row.agent.slug]),
            f"{row.reason}{' · resuming waits for a second person' if row.resume_asked_by_id else ''}",
            row.suspended_at,
            "Look",
        )
        for row in rows.select_related("agent").order_by("-suspended_at")[:MOST]
    ]


def _incidents(user: Person) -> list[Todo]:
    """The open incidents that are not low, of the agents that `user` answers for; the critical ones on top."""
    mine = Agent.objects.filter(Q(owner=user) | Q(deputy=user))
    severe = [Incident.Severity.CRITICAL, Incident.Severity.SERIOUS]
    rows = Incident.objects.visible_to(user).open().filter(agent__in=mine, severity__in=severe)
    return [
        Todo(
            "fail" if row.severity == Incident.Severity.CRITICAL else "warn",
            "Incident",
            row.agent.name,
            reverse("incident_detail", args=[row.pk]),
            f"{row.get_severity_display()}: {Truncator(row.what).chars(160)}",
            row.happened_at,
            "Look",
        )
        for row in rows.told().worst_first()[:MOST]
    ]


def _handovers(user: Person) -> list[Todo]:
    rows = Handover.objects.visible_to(user).open().filter(to=user).select_related("agent", "previous")
    return [
        Todo(
            "hold",
            "Offered to you",
            row.agent.name,
            reverse("agent_handover", args=[row.agent.slug]),
            f"{row.previous.name} hands it over. Until you accept, they answer for it."
            if row.previous.is_active
            else f"{row.previous.name}, its owner, has left. Nobody answers for it until somebody accepts.",
            row.offered_at,
            "Answer",
        )
        for row in rows.order_by("offered_at")[:MOST]
    ]


def _ownerless(user: Person) -> list[Todo]:
    """Agents whose owner has left: told to the deputy and platform admins at once, to the team after a week."""
    late = Q(owner__deactivated_at__lte=clock.now() - TEAM_HEARS)
    mine = Q(deputy=user) | Q(late, team__in=user.team_ids)
    # An offer that nobody answers does not silence it.
    asked = Handover.objects.open().filter(agent=OuterRef("pk"), offered_at__gt=clock.now() - TEAM_HEARS)
    rows = Agent.objects.visible_to(user).in_use().filter(owner__is_active=False).filter(~Exists(asked))
    rows = rows if user.is_admin else rows.filter(mine)
    return [
        Todo(
            "fail",
            "No owner",
            agent.name,
            reverse("agent_handover", args=[agent.slug]),
            _ownerless_words(agent, user),
            agent.owner.deactivated_at,
            "Offer it" if user.is_admin else "Look",
        )
        for agent in rows.select_related("owner").order_by("owner__deactivated_at", "name")[:MOST]
    ]


def _ownerless_words(agent: Agent, user: Person) -> str:
    said = f"{agent.owner.name}, its owner, has left."
    if user.is_admin:
        return f"{said} Offer it to a new owner."
    if agent.deputy_id == user.pk:
        return f"{said} As its deputy you answer for it until a platform admin has found a new owner."
    return f"{said} Nobody has taken it over: tell a platform admin who should."


def _reviews_due(user: Person) -> list[Todo]:
    today = clock.now().date()
    rows = Agent.objects.visible_to(user).in_use().filter(Q(owner=user) | Q(deputy=user))
    return [
        Todo(
            "fail" if agent.next_review < today else "warn",
            "Review overdue" if agent.next_review < today else "Review due",
            agent.name,
            f"{reverse('agent_edit', args=[agent.slug])}#id_next_review",
            f"Its review {'was' if agent.next_review < today else 'is'} due on {day(agent.next_review)}. "
            "Look at what it does now, then set the next date.",
            agent.next_review,
            "Review",
        )
        for agent in rows.filter(next_review__lte=today + REVIEW_NOTICE).order_by("next_review", "name")[:MOST]
        if agent.next_review
    ]


def _acceptances(user: Person) -> list[Todo]:
    return [
        Todo(
            "hold",
            "To accept",
            str(packet),
            reverse("packet_section", args=[packet.pk, answering.NUMBER]) + "#acceptances",
            f"Its section 9 changed after you accepted it as {one.duty.label.lower()}. Read what changed, then accept again."
            if one.stale
            else f"You are named as its {one.duty.label.lower()}. Read section 9, and accept that you answer for it.",
            packet.created_at,
            "Accept",
        )
        for packet, one in answering.waiting_for(user, MOST)
    ]


def _launches(user: Person) -> list[Todo]:
    mine = Packet.objects.filter(Q(agent__owner=user) | Q(agent__deputy=user))
    return [
        Todo(
            "warn",
            "Launch review",
            str(plan.packet),
            reverse("packet_detail", args=[plan.packet_id]) + "#launch",
            f"Its section 10 promised a review after the launch on {day(plan.review_on)}. Say what you found.",
            plan.review_on,
            "Review",
        )
        for plan in answering.launches_due(mine)[:MOST]
        if plan.review_on
    ]


def _unregistered(user: Person) -> list[Todo]:
    figures = waiting_figures(user)
    if not figures["all"]:
        return []
    one, claimed = figures["all"] == 1, figures["claimed"]
    return [
        Todo(
            "warn",
            "Unregistered",
            "One name that nobody registered" if one else f"{figures['all']} names that nobody registered",
            reverse("unregistered"),
            "Pulled costs and evals hold what no agent claims. "
            + (f"{claimed} claimed by a team, waiting to be mapped." if claimed else "Map, register or ignore each."),
            figures["newest"],
            "Answer",
        )
    ]


def _reviews(user: Person) -> list[Todo]:
    return [
        Todo(
            "hold",
            SIGN_OFF,
            str(packet),
            reverse("review_detail", args=[packet.pk]),
            f"{packet.agent.team} · {packet.agent.get_risk_class_display()} · "
            f"{packet.signed} of {len(packet.roles_asked)} roles have signed",
            packet.submitted_at,
            "Review",
        )
        for packet in waiting_for(user)[:MOST]
    ]


def _proposals(user: Person) -> list[Todo]:
    # One line for each agent, tool and data source, however many of its fields are proposed.
    rows = Proposal.objects.answerable_by(user).told().order_by("proposed_at", "pk")
    found: dict[Any, list[Proposal]] = {}
    for row in rows[: 2 * MOST]:
        found.setdefault(row.target_id, []).append(row)
    return [
        Todo(
            "hold",
            "Proposed",
            str(some[0].target),
            f"{address_of(some[0].target, some[0].section)}#proposals",
            f"{some[0].source_label} says otherwise: {', '.join(sorted({one.label.lower() for one in some}))}.",
            some[0].proposed_at,
            "Answer",
        )
        for some in found.values()
    ][:MOST]


def _unfinished(user: Person) -> list[Packet]:
    # One query for both kinds. Those to be changed come first, so however many there are, enough of each are here.
    return list(
        Packet.objects.filter(
            agent__in=Agent.objects.editable_by(user), state__in=[PacketState.CHANGES, PacketState.DRAFT]
        )
        .select_related("agent__team", "renewal", "renews")
        .order_by("state", "-created_at")[: 2 * MOST]
    )


def _changes(packets: list[Packet]) -> list[Todo]:
    return [
        Todo(
            "warn",
            "Changes asked",
            str(packet),
            reverse("packet_detail", args=[packet.pk]),
            "An approver asked for changes. Mend the sections, then submit again.",
            packet.created_at,
            "Continue",
        )
        for packet in packets
        if packet.state == PacketState.CHANGES
    ]


def _ready(user: Person) -> list[Todo]:
    found = []
    for packet in ready_for(user)[:MOST]:
        passing = packet.agent.gate == Gate.PASS
        words = "Approved and the gate passes: promote it." if passing else "Approved, but the gate blocks it."
        url = reverse(
            "agent_detail" if passing else "review_detail", args=[packet.agent.slug if passing else packet.pk]
        )
        found.append(
            Todo(
                "pass" if passing else "fail",
                "Ready" if passing else "Blocked",
                str(packet),
                url,
                words,
                packet.created_at,
                "Promote" if passing else "Why?",
            )
        )
    return found


def _renewals(packets: list[Packet]) -> list[Todo]:
    """Renewals that wait to be looked through, the one whose approval ends first on top."""
    now = clock.now()
    rows = [packet for packet in packets if packet.state == PacketState.DRAFT and packet.renews_id]
    rows.sort(key=lambda packet: (packet.renewal.expires_at is None, packet.renewal.expires_at, str(packet.pk)))
    return [
        Todo(
            "fail" if packet.renewal.expires_at and packet.renewal.expires_at <= now else "warn",
            "Renewal",
            str(packet),
            reverse("packet_detail", args=[packet.pk]),
            _renewal_words(packet.renewal, now),
            packet.renewal.drafted_at,
            "Renew",
        )
        for packet in rows
    ]


def _renewal_words(renewal: Renewal, now: dt.datetime) -> str:
    moved = len(renewal.changes["moved"])
    changed = f"{moved} thing{'s' if moved != 1 else ''} moved since it was signed" if moved else "Nothing has moved"
    if renewal.expires_at is None:
        return f"{changed}. Look through it, then submit."
    verb = "ended" if renewal.expires_at <= now else "ends"
    return f"Its approval {verb} on {day(renewal.expires_at)}. {changed}. Look through it, then submit."


def _drafts(packets: list[Packet]) -> list[Todo]:
    return [
        Todo(
            "wait",
            "Draft",
            str(packet),
            reverse("packet_detail", args=[packet.pk]),
            f"{packet.agent.team} · fill the ten sections, then submit.",
            packet.created_at,
            "Continue",
        )
        for packet in packets
        if packet.state == PacketState.DRAFT and packet.renews_id is None
    ]


def _finance(user: Person) -> list[Todo]:
    if Role.FINANCE not in user.roles:
        return []
    budgeted = Budget.objects.filter(agent__isnull=False).values("agent")
    rows = Agent.objects.filter(status__in=[AgentStatus.IN_REVIEW, AgentStatus.APPROVED, AgentStatus.LIVE])
    return [
        Todo(
            "warn",
            "No budget",
            agent.name,
            f"{reverse('budget_new')}?agent={agent.slug}",
            "Its gate stays unknown on cost until a budget is set.",
            agent.created_at,
            "Set a budget",
        )
        for agent in rows.exclude(pk__in=budgeted).order_by("name")[:MOST]
    ]


def _sources(user: Person) -> list[Todo]:
    if not user.is_admin:
        return []
    found = []
    for source in Source.objects.visible_to(user).filter(enabled=True).prefetch_related("pulls")[:MOST]:
        pulls = list(source.pulls.all()[:1])
        if pulls and pulls[0].state == "failed":
            found.append(
                Todo(
                    "fail",
                    "Pull failed",
                    source.name,
                    reverse("source_detail", args=[source.pk]),
                    pulls[0].error,
                    pulls[0].finished_at,
                    "Look",
                )
            )
    return found
