"""Autonomy L1 to L5: what must be true for each level, worked out from what the portal knows.

Every condition is an SQL expression over agents, so that one agent's page and the X-ray over all of them read the same
rule. Rooms above add theirs with `add` from `AppConfig.ready()`. What is not known never counts as met.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Exists,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    UUIDField,
    Value,
    When,
)
from django.urls import reverse

from accounts.models import Person
from registry import upkeep
from registry.models import Agent, Packet, RiskAnswers
from registry.sections.s06_tools import ToolGrant
from registry.sections.s10_rollout import RolloutPlan, RolloutStage
from registry.vocabulary import Autonomy, Effect, Gate, PacketState, RiskClass

MET, UNMET, UNKNOWN, HIDDEN = "met", "unmet", "unknown", "hidden"
VERDICTS = {
    MET: ("pass", "Met"),
    UNMET: ("fail", "Not met"),
    UNKNOWN: ("wait", "Unknown"),
    HIDDEN: ("plain", "Not shown"),
}


@dataclass(frozen=True)
class Condition:
    """What must be true from `level` on. `met` and `unknown` are conditions over agents, which carry `standing`: the id
    of the packet in force, else of the newest approved one. `mend` is the address where an unmet one is put right."""

    key: str
    level: int
    title: str
    met: Callable[[dt.datetime], Any]
    unmet_words: str
    mend: Callable[[Agent], str]
    mend_words: str
    unknown: Callable[[dt.datetime], Any] | None = None
    unknown_words: str = ""
    detail: bool = False
    """Whether it tells of packets, runs or releases, which not everybody may see."""

    @property
    def column(self) -> str:
        """The annotation that holds its state."""
        return f"rung_{self.key}"

    def state(self, now: dt.datetime) -> Case:
        """met, unknown or unmet as an SQL expression; unknown is asked first, so that it never counts as met."""
        unknown = [When(self.unknown(now), then=Value(UNKNOWN))] if self.unknown else []
        met = When(self.met(now), then=Value(MET))
        return Case(*unknown, met, default=Value(UNMET), output_field=CharField())


@dataclass(frozen=True)
class Finding:
    """A condition, and how it is with one agent."""

    condition: Condition
    state: str
    url: str

    @property
    def verdict(self) -> str:
        """How it looks."""
        return VERDICTS[self.state][0]

    @property
    def word(self) -> str:
        """Its state in a word."""
        return VERDICTS[self.state][1]

    @property
    def why(self) -> str:
        """Why it is not met; empty where it is."""
        return {
            UNMET: self.condition.unmet_words,
            UNKNOWN: self.condition.unknown_words,
            HIDDEN: "It rests on packets and runs that are for the agent’s team, those asked to sign, and auditors.",
        }.get(self.state, "")


@dataclass(frozen=True)
class Rung:
    """One level of the ladder with its conditions."""

    level: int
    findings: list[Finding]
    reached: bool
    """Whether its own conditions and those of every level below are met."""

    @property
    def label(self) -> str:
        """The level in words."""
        return str(Autonomy(self.level).label)

    @property
    def open(self) -> list[Finding]:
        """What is not met."""
        return [one for one in self.findings if one.state != MET]


@dataclass(frozen=True)
class Ladder:
    """Where an agent stands: the level that its card states, and the highest whose conditions are met."""

    stated: int
    rungs: list[Rung]
    complete: bool
    """Whether the person sees every condition; else nothing is said of what is earned."""

    @property
    def earned(self) -> int:
        """The highest level all of whose conditions, and those below, are met."""
        return max((rung.level for rung in self.rungs if rung.reached), default=1)

    @property
    def above(self) -> bool:
        """Whether the card states more than is earned."""
        return self.complete and self.stated > self.earned

    @property
    def next(self) -> Rung | None:
        """The level above what is stated, or the first one that is stated and not earned; None at the top."""
        wanted = self.earned + 1 if self.above else self.stated + 1
        return next((rung for rung in self.rungs if rung.level == wanted), None)

    @property
    def lacking(self) -> list[Finding]:
        """What is not met of the level that is stated and of those below."""
        return [one for rung in self.rungs if rung.level <= self.stated for one in rung.open]


_conditions: list[Condition] = []


def add(*conditions: Condition) -> None:
    """Add conditions to the ladder."""
    _conditions.extend(conditions)


def conditions() -> list[Condition]:
    """Every condition, by level; within one in the order in which they were added."""
    return sorted(_conditions, key=lambda one: one.level)


def ladder(agent: Agent, user: Person, now: dt.datetime) -> Ladder:
    """The ladder of `agent`, with three queries. What rests on packets is told to those who may see the packet."""
    row = _with_states(Agent.objects.filter(pk=agent.pk), conditions(), now).values().get()
    detail = agent.detail_visible_to(user)
    if detail and row["standing"]:
        detail = Packet.objects.visible_to(user).filter(pk=row["standing"]).exists()
    return _ladder(agent, detail, row)


def _ladder(agent: Agent, detail: bool, row: dict[str, Any]) -> Ladder:
    rungs, reached = [], True
    for level in Autonomy.values:
        found = [
            Finding(one, row[one.column] if detail or not one.detail else HIDDEN, one.mend(agent))
            for one in conditions()
            if one.level == level
        ]
        reached = reached and all(one.state == MET for one in found)
        rungs.append(Rung(level, found, reached))
    return Ladder(agent.autonomy, rungs, detail)


def above_earned(agents: "QuerySet[Agent]", now: dt.datetime) -> "QuerySet[Agent]":
    """Those of `agents` whose card states a level for which something is not met, or not known."""
    rows = _with_states(agents.filter(autonomy__gt=1), conditions(), now)
    lacking = Q(pk__in=[])
    for one in conditions():
        lacking |= Q(autonomy__gte=one.level) & ~Q(**{one.column: MET})
    return rows.filter(lacking)


def _with_states(agents: "QuerySet[Agent]", wanted: list[Condition], now: dt.datetime) -> "QuerySet[Any]":
    rows = agents.annotate(standing=Subquery(standing().values("pk")[:1], output_field=UUIDField()))
    return rows.annotate(**{one.column: one.state(now) for one in wanted})


def standing() -> "QuerySet[Packet]":
    """Of an outer agent: the packet in force, else the newest approved one."""
    rows = Packet.objects.filter(upkeep.running() | Q(state=PacketState.APPROVED), agent=OuterRef("pk"))
    runs = Case(When(upkeep.running(), then=Value(True)), default=Value(False), output_field=BooleanField())
    return rows.order_by(runs.desc(), "-number")


def _grants(*conditions: Any, **values: Any) -> Exists:
    return Exists(ToolGrant.objects.filter(*conditions, packet=OuterRef("standing"), **values))


def _none_in_force(now: dt.datetime) -> Q:
    return Q(standing=None)


def _stop_written() -> Any:
    plan = RolloutPlan.objects.filter(packet=OuterRef("standing"), kill_seconds__isnull=False)
    plan = plan.exclude(Q(rollback_target="") | Q(rollback_steps="") | Q(kill_mechanism="") | Q(kill_who=""))
    return Exists(plan) & Exists(RolloutStage.objects.filter(packet=OuterRef("standing")))


def _card(field: str) -> Callable[[Agent], str]:
    return lambda agent: f"{reverse('agent_edit', args=[agent.slug])}#id_{field}"


def _to(name: str) -> Callable[[Agent], str]:
    return lambda agent: reverse(name, args=[agent.slug])


NO_PACKET = "No packet is in force or approved, so there is nothing to read this from."

add(
    Condition(
        "owner",
        1,
        "Its owner is here",
        lambda now: Q(owner__is_active=True),
        "The owner has left, so nobody answers for it.",
        _to("agent_handover"),
        "Hand it over",
    ),
    Condition(
        "deputy",
        2,
        "A deputy is named and here",
        lambda now: Q(deputy__is_active=True),
        "No deputy is named, or the deputy has left.",
        _card("deputy"),
        "Name a deputy",
    ),
    Condition(
        "answered",
        2,
        "The risk class rests on answers, and is not prohibited",
        lambda now: Exists(RiskAnswers.objects.filter(agent=OuterRef("pk"))) & ~Q(risk_class=RiskClass.PROHIBITED),
        "The questionnaire is not answered, or the class is prohibited.",
        _to("agent_risk"),
        "Answer the questions",
    ),
    Condition(
        "in_force",
        3,
        "A packet is in force",
        lambda now: Q(pk__in=Packet.objects.filter(upkeep.running()).values("agent")),
        "No packet of it runs: it has acted for nobody yet.",
        _to("agent_detail"),
        "See its packets",
        detail=True,
    ),
    Condition(
        "tools_confirmed",
        3,
        "Every tool that it may call is confirmed",
        lambda now: ~_grants(tool__confirmed_at=None),
        "A tool that its packet grants was never confirmed.",
        _to("agent_map"),
        "See which on the map",
        _none_in_force,
        NO_PACKET,
        detail=True,
    ),
    Condition(
        "irreversible_asks",
        3,
        "What cannot be undone waits for a person, each time",
        lambda now: (
            ~_grants(
                ~Q(environment=ToolGrant.Environment.SANDBOX) & ~Q(approval=ToolGrant.Approval.CALL),
                tool__effect=Effect.IRREVERSIBLE,
            )
        ),
        "A tool whose call cannot be undone runs live without a person’s approval for each call.",
        _to("agent_map"),
        "See which on the map",
        _none_in_force,
        NO_PACKET,
        detail=True,
    ),
    Condition(
        "gate",
        4,
        "Its production gate passes",
        lambda now: Q(gate=Gate.PASS),
        "The gate would not let it through today.",
        _to("agent_detail"),
        "See which rule blocks",
        lambda now: Q(gate=Gate.UNKNOWN),
        "The gate was never evaluated.",
    ),
    Condition(
        "stop_written",
        4,
        "Rollback and kill switch are written down",
        lambda now: _stop_written(),
        "Section 10 of its packet lacks stages, the rollback or the kill switch.",
        _to("agent_detail"),
        "See its packets",
        _none_in_force,
        NO_PACKET,
        detail=True,
    ),
    Condition(
        "limits",
        5,
        "Every tool that changes something has a limit",
        lambda now: ~_grants(~Q(tool__effect=Effect.READ), ~Q(environment=ToolGrant.Environment.SANDBOX), limit=""),
        "A live tool that writes has no limit by call or by day.",
        _to("agent_map"),
        "See which on the map",
        _none_in_force,
        NO_PACKET,
        detail=True,
    ),
    Condition(
        "not_high",
        5,
        "It is not high risk",
        lambda now: ~Q(risk_class__in=[RiskClass.HIGH, RiskClass.PROHIBITED]),
        "A high-risk system stays under human oversight (Art. 14), so it does not act alone.",
        _to("agent_risk"),
        "See the risk class",
    ),
)
