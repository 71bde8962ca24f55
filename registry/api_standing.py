"""The API of an agent's map, of what is hit, of autonomy and of the risk questionnaire."""

from typing import Any

from django.http import Http404, HttpResponse
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.models import Person
from accounts.roles import Scope
from registry import autonomy, impact, map, risk
from registry.models import Agent, RiskAnswers
from registry.vocabulary import Autonomy, PacketState, RiskClass
from web.api import Api, Strict, answer, asked, given, idempotent, tagged
from work import clock

READ, WRITE = Scope.REGISTRY_READ.value, Scope.REGISTRY_WRITE.value


class MapPacket(serializers.Serializer):
    """A packet that the map is drawn from."""

    packet = serializers.UUIDField()
    version = serializers.CharField()
    state = serializers.ChoiceField(PacketState.choices)


class MapNode(serializers.Serializer):
    """One thing that an agent is tied to."""

    kind = serializers.ChoiceField([*map.LANES.items()])
    id = serializers.CharField()
    name = serializers.CharField()
    note = serializers.CharField()
    when = serializers.ChoiceField([*map.WHEN.items()])
    gaps = serializers.ListField(child=serializers.CharField())


class MapBody(serializers.Serializer):
    """An agent's map. `hidden` counts what stands in packets that you may not see."""

    agent = serializers.SlugField()
    live = MapPacket(allow_null=True)
    proposed = MapPacket(allow_null=True)
    nodes = MapNode(many=True)
    hidden = serializers.DictField(child=serializers.IntegerField())


class ImpactQuery(Strict):
    """What may go away."""

    kind = serializers.ChoiceField([*impact.KINDS.items()])
    id = serializers.CharField(help_text="A slug; of a model provider/name.", max_length=400)


class ImpactLine(serializers.Serializer):
    """An agent that is hit."""

    agent = serializers.SlugField()
    status = serializers.CharField()
    packets = serializers.ListField(child=serializers.UUIDField())
    through = serializers.ListField(child=serializers.SlugField(), help_text="The agents on the way, nearest first.")
    environments = serializers.ListField(child=serializers.CharField(), help_text="Where it is in force.")


class ImpactBody(serializers.Serializer):
    """Who is hit if something goes away. The hidden ones are counted only."""

    kind = serializers.CharField()
    id = serializers.CharField()
    sentences = serializers.ListField(child=serializers.CharField())
    direct = ImpactLine(many=True)
    indirect = ImpactLine(many=True)
    hidden_direct = serializers.IntegerField()
    hidden_indirect = serializers.IntegerField()


class ConditionLine(serializers.Serializer):
    """A condition of a level."""

    level = serializers.ChoiceField(Autonomy.choices)
    key = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(["met", "unmet", "unknown", "hidden"])
    why = serializers.CharField()


class AutonomyBody(serializers.Serializer):
    """Where an agent stands. `earned` is null where conditions are hidden from you."""

    stated = serializers.ChoiceField(Autonomy.choices)
    earned = serializers.IntegerField(allow_null=True)
    conditions = ConditionLine(many=True)


class RiskLine(serializers.Serializer):
    """One answering of the questionnaire."""

    number = serializers.IntegerField()
    edition = serializers.CharField()
    answers = serializers.DictField(child=serializers.CharField())
    result = serializers.ChoiceField(RiskClass.choices)
    chosen = serializers.ChoiceField(RiskClass.choices)
    reason = serializers.CharField()
    answered_by = serializers.CharField()
    answered_at = serializers.DateTimeField()


class RiskQuestion(serializers.Serializer):
    """One question."""

    key = serializers.CharField()
    text = serializers.CharField()
    article = serializers.CharField()
    help = serializers.CharField()


class RiskBody(serializers.Serializer):
    """The class on the card, the questions, and what was answered, the newest first."""

    risk_class = serializers.ChoiceField(RiskClass.choices)
    edition = serializers.CharField()
    questions = RiskQuestion(many=True)
    answers = RiskLine(many=True)


class RiskNew(Strict):
    """Answers to every question of the edition."""

    edition = serializers.ChoiceField([risk.EDITION], help_text="The edition of the questions that you answered.")
    answers = serializers.DictField(
        child=serializers.ChoiceField(risk.Answer.choices), help_text="By the question's key."
    )
    risk_class = serializers.ChoiceField(
        RiskClass.choices, required=False, help_text="The class to set; without it the one that the answers give."
    )
    reason = serializers.CharField(required=False, allow_blank=True, max_length=2000)


class AgentMap(Api):
    """An agent's map."""

    scopes = {"GET": READ}

    @extend_schema(operation_id="agents_map", responses=MapBody)
    def get(self, request: Request, slug: str) -> HttpResponse:
        """What it reads, calls and is built of, live and proposed, with what is missing."""
        return tagged(request, map.as_json(map.of(_agent(request.user, slug), request.user)))


class ImpactRead(Api):
    """What is hit."""

    scopes = {"GET": READ}

    @extend_schema(operation_id="impact_read", parameters=[ImpactQuery], responses=ImpactBody)
    def get(self, request: Request) -> HttpResponse:
        """Who depends on a data source, tool, model or agent, directly and through agents that call each other."""
        said = asked(ImpactQuery, request)
        thing = impact.find(said["kind"], said["id"], request.user)
        if thing is None:
            raise Http404()
        found = impact.of(thing, request.user)
        body = {
            "kind": thing.kind,
            "id": thing.id,
            "sentences": found.sentences,
            "direct": [_hit(one) for one in found.direct],
            "indirect": [_hit(one) for one in found.indirect],
            "hidden_direct": found.hidden_direct,
            "hidden_indirect": found.hidden_indirect,
        }
        return tagged(request, body)


class AgentAutonomy(Api):
    """How far an agent may act alone."""

    scopes = {"GET": READ}

    @extend_schema(operation_id="agents_autonomy", responses=AutonomyBody)
    def get(self, request: Request, slug: str) -> HttpResponse:
        """The level on the card, the level that is earned, and each condition."""
        agent = _agent(request.user, slug)
        ladder = autonomy.ladder(agent, request.user, clock.now())
        lines = [
            {
                "level": rung.level,
                "key": one.condition.key,
                "title": one.condition.title,
                "state": one.state,
                "why": one.why,
            }
            for rung in ladder.rungs
            for one in rung.findings
        ]
        earned = ladder.earned if ladder.complete else None
        return tagged(request, {"stated": ladder.stated, "earned": earned, "conditions": lines})


class AgentRisk(Api):
    """An agent's risk questionnaire."""

    scopes = {"GET": READ, "POST": WRITE}

    @extend_schema(operation_id="agents_risk_read", responses=RiskBody)
    def get(self, request: Request, slug: str) -> HttpResponse:
        """The questions, and what was answered."""
        agent = _agent(request.user, slug)
        rows = RiskAnswers.objects.visible_to(request.user).filter(agent=agent).select_related("answered_by")
        asked_here = [
            {"key": one.key, "text": one.text, "article": one.article, "help": one.help}
            for one in risk.QUESTIONS.values()
        ]
        body = {
            "risk_class": agent.risk_class,
            "edition": risk.EDITION,
            "questions": asked_here,
            "answers": [_row(row) for row in rows],
        }
        return tagged(request, body)

    @extend_schema(operation_id="agents_risk_answer", request=RiskNew, responses={201: RiskLine})
    @idempotent
    def post(self, request: Request, slug: str) -> HttpResponse:
        """Answer every question; the class that follows, or `risk_class`, is set on the card. Never by a machine."""
        agent = _agent(request.user, slug)
        said = given(RiskNew, request.data)
        said.pop("edition")
        return answer(_row(risk.answer(agent=agent, by=request.user, **said)), 201)


def _agent(user: Person, slug: str) -> Agent:
    rows = Agent.objects.visible_to(user).select_related("team", "owner", "deputy")
    agent = rows.filter(slug=slug).first()
    if agent is None:
        raise Http404()
    return agent


def _hit(one: impact.Dependant) -> dict[str, Any]:
    return {
        "agent": one.agent.slug,
        "status": one.agent.status,
        "packets": [packet.pk for packet in one.packets],
        "through": [other.slug for other in one.through],
        "environments": [held.environment for held in one.held],
    }


def _row(row: RiskAnswers) -> dict[str, Any]:
    names = ("number", "edition", "answers", "result", "chosen", "reason", "answered_at")
    return {**{name: getattr(row, name) for name in names}, "answered_by": row.answered_by.name}


urlpatterns = [
    path("agents/<slug:slug>/map", AgentMap.as_view(), name="api_agent_map"),
    path("agents/<slug:slug>/autonomy", AgentAutonomy.as_view(), name="api_agent_autonomy"),
    path("agents/<slug:slug>/risk", AgentRisk.as_view(), name="api_agent_risk"),
    path("impact", ImpactRead.as_view(), name="api_impact"),
]
