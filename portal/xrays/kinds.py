"""Every kind of finding: what it is true of, how it is said, and who mends it where."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.db.models import (
    Count,
    DateField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Cast, Lower
from django.urls import reverse

from accounts.models import Person
from accounts.roles import Role
from approvals.models import SignOffRole
from approvals.queries import first_to_end
from portal.xrays.finding import SEVERITIES, Kind, Scope
from portal.xrays.unseen import UNSEEN_IMPORTANT, UNSEEN_SERIOUS
from registry import autonomy
from registry.models import Agent, DataSource, Packet, RiskAnswers, Tool
from registry.moved import catalogue_moved
from registry.vocabulary import AgentStatus, Gate, PacketState, RiskClass
from releases.models import Release
from releases.queries import packets_in_force
from signals.models import CostLine, EvalRun
from web.words import day

EVAL_DAYS = 30
"""A live agent is expected in an eval run at least this often."""
COST_DAYS = 14
"""A live agent is expected in pulled costs at least this often; a newly promoted one is given as long to appear."""
EXPIRY_DAYS = 14
"""Sign-offs that expire within this many days are said in advance."""


# Rows: which agents, packets and entries of the catalogue a kind is true of.


def _agents(scope: Scope, *conditions: Any, detail: bool = False, **values: Any) -> "QuerySet[Any]":
    every = Agent.objects.detail_visible_to(scope.user) if detail else Agent.objects.visible_to(scope.user)
    every = every.in_use()
    if scope.agent is not None:
        every = every.filter(pk=scope.agent.pk)
    return every.filter(*conditions, **values).select_related("team", "owner", "deputy").order_by("name", "pk")


def _outside_team(scope: Scope) -> "QuerySet[Any]":
    member = Person.groups.through.objects.filter(person=OuterRef("owner"), group=OuterRef("team__group"))
    return _agents(scope, ~Exists(member), owner__is_active=True)


def _unseen_in_evals(scope: Scope) -> "QuerySet[Any]":
    since = scope.now - dt.timedelta(days=EVAL_DAYS)
    runs = EvalRun.objects.visible_to(scope.user).filter(agent=OuterRef("pk"), completed_at__gte=since)
    return _agents(scope, ~Exists(runs.filter(status="success")), status=AgentStatus.LIVE, detail=True)


def _without_costs(scope: Scope) -> "QuerySet[Any]":
    since = scope.now - dt.timedelta(days=COST_DAYS)
    lines = CostLine.objects.visible_to(scope.user).filter(agent=OuterRef("pk"), charge_period_start__gte=since)
    long_live = Release.objects.visible_to(scope.user).filter(
        agent=OuterRef("pk"), ended_at=None, promoted_at__lte=since
    )
    return _agents(scope, ~Exists(lines), Exists(long_live), status=AgentStatus.LIVE, detail=True)


def _same_name(scope: Scope) -> "QuerySet[Any]":
    names = Agent.objects.visible_to(scope.user).in_use().order_by().values(low=Lower("name"))
    if scope.agent is not None:
        names = names.filter(name__iexact=scope.agent.name)
    shared = names.annotate(times=Count("pk")).filter(times__gt=1).values("low")
    return _agents(scope).annotate(low=Lower("name")).filter(low__in=shared)


def _standing(scope: Scope) -> "QuerySet[Packet]":
    """Packets that are approved, or that an environment holds."""
    rows = Packet.objects.visible_to(scope.user).filter(
        Q(state=PacketState.APPROVED) | Q(pk__in=packets_in_force()), agent__retired_at=None
    )
    return rows.filter(agent=scope.agent) if scope.agent is not None else rows


def _moved(scope: Scope) -> "QuerySet[Any]":
    return _standing(scope).filter(catalogue_moved()).select_related("agent__team", "agent__owner").order_by("pk")


def _expiring(scope: Scope) -> "QuerySet[Any]":
    return (
        first_to_end(_standing(scope))
        .filter(expires__lte=scope.now + dt.timedelta(days=EXPIRY_DAYS))
        .select_related("agent__team", "agent__owner")
        .order_by("expires", "pk")
    )


def _risk_differs(scope: Scope) -> "QuerySet[Any]":
    # What was set with the answers counts: a class that was lowered with its reason is no difference.
    newest = RiskAnswers.objects.filter(agent=OuterRef("pk")).order_by("-number")
    rows = _agents(scope).annotate(answered=Subquery(newest.values("chosen")[:1]))
    return rows.filter(answered__isnull=False).exclude(answered=F("risk_class"))


def _sources(scope: Scope, *conditions: Any, **values: Any) -> "QuerySet[Any]":
    rows = DataSource.objects.all().visible_to(scope.user).in_use().filter(*conditions, **values)
    return rows.select_related("owner").order_by("name", "pk")


def _stale(scope: Scope) -> "QuerySet[Any]":
    # A date plus a number is a date of so many days later, in PostgreSQL as on the page.
    limit = ExpressionWrapper(F("fresh_on") + Cast("fresh_days", IntegerField()), output_field=DateField())
    rows = _sources(scope, fresh_days__isnull=False).annotate(good_until=limit)
    return rows.filter(Q(fresh_on=None) | Q(good_until__lt=scope.now.date()))


def _tools(scope: Scope, **values: Any) -> "QuerySet[Any]":
    rows = Tool.objects.all().visible_to(scope.user).in_use().filter(**values)
    return rows.select_related("owner").order_by("slug", "pk")


# Mine: what a person can mend.


def _card(user: Person) -> Q:
    return Q(team__in=user.team_ids) | Q(owner=user) | Q(deputy=user)


def _packet(user: Person) -> Q:
    return Q(agent__team__in=user.team_ids) | Q(agent__owner=user) | Q(agent__deputy=user)


def _hand_over(user: Person) -> Q:
    return Q(owner__is_active=False) if user.is_admin else Q(pk__in=[])


def _membership(user: Person) -> Q:
    return ~Q(pk__in=[]) if user.is_admin else Q(owner=user)


def _kept(user: Person) -> Q:
    return ~Q(pk__in=[]) if user.is_admin else Q(owner=user)


def _confirming(user: Person) -> Q:
    return ~Q(pk__in=[]) if Role.SECURITY in user.roles else Q(owner=user)


# Sentences, and where each is mended.


def _edit(agent: Agent, field: str) -> str:
    return f"{reverse('agent_edit', args=[agent.slug])}#id_{field}"


def _say_outside(agent: Any, scope: Scope) -> tuple[str, str]:
    said = f"{agent.owner.name} owns it, but is no member of {agent.team.name}, the team that works on it."
    if scope.user.is_admin:
        return f"{said} Add them to the team, or have it handed over.", reverse("person_detail", args=[agent.owner_id])
    return f"{said} Hand it over, or ask a platform admin to add them.", reverse("agent_handover", args=[agent.slug])


def _say_expiring(packet: Any, scope: Scope) -> tuple[str, str]:
    role, when = SignOffRole(packet.role).label, day(packet.expires)
    verb = "expires" if packet.expires > scope.now else "expired"
    again = "Then it has" if verb == "expires" else "It has"
    return f"Its {role} sign-off {verb} on {when}. {again} to be signed again.", reverse(
        "review_detail", args=[packet.pk]
    )


def _source(source: Any, field: str) -> str:
    return f"{reverse('data_detail', args=[source.pk])}#id_{field}"


def _source_owner(source: Any, scope: Scope) -> tuple[str, str]:
    said = f"{source.owner.name}, its owner, has left." if source.owner else "It has no owner."
    return f"{said} Name somebody who may say what it is used for.", _source(source, "owner")


def _by(field: str, words: str) -> Callable[[Any, Scope], tuple[str, str]]:
    return lambda agent, scope: (words, _edit(agent, field))


KINDS: list[Kind] = [
    Kind(
        "owner_left",
        "Owner has left",
        "serious",
        lambda scope: _agents(scope, owner__is_active=False),
        lambda agent, scope: (
            f"{agent.owner.name}, its owner, has left: nobody answers for it. Offer it to a new owner.",
            reverse("agent_handover", args=[agent.slug]),
        ),
        _hand_over,
        ask="a platform admin",
    ),
    Kind(
        "gate_fails",
        "Live, but its gate blocks",
        "serious",
        lambda scope: _agents(scope, status=AgentStatus.LIVE, gate=Gate.FAIL),
        lambda agent, scope: (
            "It is live, but today its gate would not let it through. Its page says which rule blocks.",
            reverse("agent_detail", args=[agent.slug]),
        ),
        _card,
    ),
    Kind("sign_offs_expire", "Sign-offs expire", "serious", _expiring, _say_expiring, _packet, team="agent__team"),
    *UNSEEN_SERIOUS,
    Kind(
        "no_deputy",
        "No deputy",
        "important",
        lambda scope: _agents(scope, deputy=None),
        _by("deputy", "It has no deputy. Name who answers while the owner is away."),
        _card,
    ),
    Kind(
        "deputy_left",
        "Deputy has left",
        "important",
        lambda scope: _agents(scope, deputy__is_active=False),
        lambda agent, scope: (f"{agent.deputy.name}, its deputy, has left. Name another.", _edit(agent, "deputy")),
        _card,
    ),
    *UNSEEN_IMPORTANT,
    Kind(
        "packet_moved",
        "Approved packet no longer matches the catalogue",
        "important",
        _moved,
        lambda packet, scope: (
            "Data, a tool or the agent's card is not what was signed. Its page shows both; renew the packet, or have it "
            "put back.",
            reverse("packet_detail", args=[packet.pk]) + "#moved",
        ),
        _packet,
        team="agent__team",
    ),
    Kind("owner_outside_team", "Owner is not in the team", "important", _outside_team, _say_outside, _membership),
    Kind(
        "review_overdue",
        "Review overdue",
        "important",
        lambda scope: _agents(scope, next_review__lt=scope.now.date()),
        lambda agent, scope: (
            f"Its review was due on {day(agent.next_review)}. Look at it, then set the next date.",
            _edit(agent, "next_review"),
        ),
        _card,
    ),
    Kind(
        "not_in_evals",
        "Live, but not evaluated",
        "important",
        _unseen_in_evals,
        lambda agent, scope: (
            f"It is live, and no eval run of it was pulled for {EVAL_DAYS} days. Run its suite, or look at the source.",
            f"{reverse('eval_run_list')}?agent={agent.slug}",
        ),
        _card,
    ),
    Kind(
        "without_costs",
        "Live, but without costs",
        "important",
        _without_costs,
        lambda agent, scope: (
            f"It is live, and no cost of it was pulled for {COST_DAYS} days: a rule may be missing that ties its lines.",
            f"{reverse('cost_list')}?agent={agent.slug}",
        ),
        _card,
    ),
    Kind(
        "source_unclassified",
        "Data source without classification",
        "important",
        lambda scope: _sources(scope, classification=""),
        lambda source, scope: (
            "Nobody has said how sensitive it is, so no packet that uses it is complete.",
            _source(source, "classification"),
        ),
        _kept,
        of_agents=False,
    ),
    Kind(
        "source_stale",
        "Data source past its limit",
        "important",
        _stale,
        lambda source, scope: (source.stale, _source(source, "fresh_on")),
        _kept,
        of_agents=False,
    ),
    Kind(
        "tool_unconfirmed",
        "Tool never confirmed",
        "important",
        lambda scope: _tools(scope, confirmed_at=None),
        lambda tool, scope: (
            f"It counts as {tool.get_effect_display().lower()}, but nobody who may has confirmed what a call does.",
            reverse("tool_detail", args=[tool.pk]),
        ),
        _confirming,
        of_agents=False,
        ask="a security approver",
    ),
    Kind(
        "source_no_contract",
        "Data source without contract",
        "minor",
        lambda scope: _sources(scope, contract_version=""),
        lambda source, scope: (
            "No data contract says what its fields mean, so no packet that uses it is complete.",
            _source(source, "contract_version"),
        ),
        _kept,
        of_agents=False,
    ),
    Kind(
        "source_no_owner",
        "Data source without owner",
        "minor",
        lambda scope: _sources(scope, Q(owner=None) | Q(owner__is_active=False)),
        _source_owner,
        _kept,
        of_agents=False,
    ),
    Kind(
        "same_name",
        "Agents of the same name",
        "minor",
        _same_name,
        lambda agent, scope: (
            f"Another agent is called {agent.name} too. Give one of them a name that tells them apart.",
            _edit(agent, "name"),
        ),
        _card,
    ),
    Kind(
        "prohibited",
        "Prohibited practice",
        "serious",
        lambda scope: _agents(scope, risk_class=RiskClass.PROHIBITED),
        lambda agent, scope: (
            "Its class is prohibited (Art. 5): it may not be put into service. Stop it, or change what it does.",
            reverse("agent_risk", args=[agent.slug]),
        ),
        _card,
    ),
    Kind(
        "autonomy_unearned",
        "Autonomy above what is earned",
        "important",
        lambda scope: autonomy.above_earned(_agents(scope, detail=True), scope.now),
        lambda agent, scope: (
            f"Its card says L{agent.autonomy}, but not every condition of that level is met.",
            reverse("agent_autonomy", args=[agent.slug]),
        ),
        _card,
    ),
    Kind(
        "risk_differs",
        "Risk class differs from the answers",
        "important",
        _risk_differs,
        lambda agent, scope: (
            f"Its card says {agent.get_risk_class_display().lower()}, the risk questionnaire "
            f"{RiskClass(agent.answered).label.lower()}. Answer again, or set the class.",
            reverse("agent_risk", args=[agent.slug]),
        ),
        _card,
    ),
    Kind(
        "risk_unanswered",
        "Risk class without answers",
        "minor",
        lambda scope: _agents(scope, ~Exists(RiskAnswers.objects.filter(agent=OuterRef("pk")))),
        lambda agent, scope: (
            "Nobody has answered the risk questionnaire, so its class is only what somebody chose.",
            reverse("agent_risk", args=[agent.slug]),
        ),
        _card,
    ),
]
KINDS.sort(key=lambda kind: [*SEVERITIES].index(kind.severity))
"""Every kind, the most severe first: the order of the page."""
