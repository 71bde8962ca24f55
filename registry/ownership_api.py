"""The API of who answers for an agent: hand-overs, retiring and taking back. People only: a service account owns nothing."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.models import Person
from accounts.roles import Scope
from registry import ownership, retirement
from registry.models import Agent, Handover
from registry.vocabulary import AgentStatus, HandoverState
from web.api import Api, Strict, answer, given, idempotent

READ, WRITE = Scope.REGISTRY_READ.value, Scope.REGISTRY_WRITE.value
HANDOVER = {
    "id": "id",
    "agent": "agent__slug",
    "previous": "previous__email",
    "to": "to__email",
    "offered_by": "offered_by__email",
    "note": "note",
    "offered_at": "offered_at",
    "state": "state",
    "ended_at": "ended_at",
}
MOST = 200


class HandoverBody(serializers.Serializer):
    """One offer of an agent to a new owner."""

    id = serializers.UUIDField()
    agent = serializers.SlugField()
    previous = serializers.EmailField()
    to = serializers.EmailField()
    offered_by = serializers.EmailField()
    note = serializers.CharField()
    offered_at = serializers.DateTimeField()
    state = serializers.ChoiceField(HandoverState.choices)
    ended_at = serializers.DateTimeField(allow_null=True)


class HandoverList(serializers.Serializer):
    """The offers of one agent."""

    hand_overs = HandoverBody(many=True)


class HandoverNew(Strict):
    """Whom it is offered to."""

    to_email = serializers.EmailField()
    note = serializers.CharField(required=False, allow_blank=True, max_length=500)


class RetireNew(Strict):
    """Why it is retired."""

    reason = serializers.CharField(max_length=500)


class RetiredBody(serializers.Serializer):
    """Whether the agent is in use."""

    agent = serializers.SlugField()
    status = serializers.ChoiceField(AgentStatus.choices)
    retired_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField()


def _agent(user: Person, slug: str) -> Agent:
    agent = Agent.objects.visible_to(user).select_related("owner").filter(slug=slug).first()
    if agent is None:
        raise Http404()
    return agent


def _body(user: Person, pk: UUID) -> dict[str, Any]:
    row = Handover.objects.visible_to(user).filter(pk=pk).values_list(*HANDOVER.values()).get()
    return dict(zip(HANDOVER, row, strict=True))


def _handover(user: Person, pk: UUID) -> Handover:
    found = Handover.objects.visible_to(user).select_related("agent", "to").filter(pk=pk).first()
    if found is None:
        raise Http404()
    return found


class Handovers(Api):
    """The offers of one agent, and making one."""

    scopes = {"GET": READ, "POST": WRITE}

    @extend_schema(operation_id="hand_overs_list", responses=HandoverList)
    def get(self, request: Request, slug: str) -> HttpResponse:
        """The newest 200 offers, newest first."""
        rows = Handover.objects.visible_to(request.user).filter(agent=_agent(request.user, slug))
        found = rows.order_by("-offered_at", "id").values_list(*HANDOVER.values())[:MOST]
        return answer({"hand_overs": [dict(zip(HANDOVER, row, strict=True)) for row in found]})

    @extend_schema(operation_id="hand_overs_offer", request=HandoverNew, responses={201: HandoverBody})
    @idempotent
    def post(self, request: Request, slug: str) -> HttpResponse:
        """Offer the agent to a new owner. Until they accept, the old one answers for it."""
        agent, said = _agent(request.user, slug), given(HandoverNew, request.data)
        people = Person.objects.visible_to(request.user).people()
        to = people.filter(email=said["to_email"].lower()).first()
        if to is None:
            raise serializers.ValidationError({"to_email": [f"Nobody here has the address {said['to_email']}."]})
        made = ownership.offer(agent=agent, to=to, by=request.user, note=said.get("note", ""))
        return answer(_body(request.user, made.pk), 201)


class HandoverAccept(Api):
    """Accepting an offer."""

    scopes = {"POST": WRITE}

    @extend_schema(operation_id="hand_overs_accept", request=None, responses=HandoverBody)
    @idempotent
    def post(self, request: Request, pk: UUID) -> HttpResponse:
        """Accept: you answer for the agent from here on."""
        given(Strict, request.data)
        ownership.accept(handover=_handover(request.user, pk), by=request.user)
        return answer(_body(request.user, pk))


class HandoverDecline(Api):
    """Declining an offer."""

    scopes = {"POST": WRITE}

    @extend_schema(operation_id="hand_overs_decline", request=None, responses=HandoverBody)
    @idempotent
    def post(self, request: Request, pk: UUID) -> HttpResponse:
        """Decline: the owner stays."""
        given(Strict, request.data)
        ownership.decline(handover=_handover(request.user, pk), by=request.user)
        return answer(_body(request.user, pk))


class HandoverWithdraw(Api):
    """Taking an offer back."""

    scopes = {"POST": WRITE}

    @extend_schema(operation_id="hand_overs_withdraw", request=None, responses=HandoverBody)
    @idempotent
    def post(self, request: Request, pk: UUID) -> HttpResponse:
        """Withdraw: by whoever may make an offer."""
        given(Strict, request.data)
        ownership.withdraw(handover=_handover(request.user, pk), by=request.user)
        return answer(_body(request.user, pk))


def _retired(agent: Agent) -> dict[str, Any]:
    return {
        "agent": agent.slug,
        "status": agent.status,
        "retired_at": agent.retired_at,
        "reason": agent.retired_because,
    }


class Retire(Api):
    """Retiring an agent."""

    scopes = {"POST": WRITE}

    @extend_schema(operation_id="agents_retire", request=RetireNew, responses=RetiredBody)
    @idempotent
    def post(self, request: Request, slug: str) -> HttpResponse:
        """Retire it: by its owner, by a platform admin once the owner has left. 409 says what has to end first."""
        said = given(RetireNew, request.data)
        return answer(_retired(retirement.retire_agent(agent=_agent(request.user, slug), by=request.user, **said)))


class TakeBack(Api):
    """Taking a retired agent back into use."""

    scopes = {"POST": WRITE}

    @extend_schema(operation_id="agents_take_back", request=None, responses=RetiredBody)
    @idempotent
    def post(self, request: Request, slug: str) -> HttpResponse:
        """Take it back, by the same people; its packets are as they were."""
        given(Strict, request.data)
        return answer(_retired(retirement.take_back_agent(agent=_agent(request.user, slug), by=request.user)))


urlpatterns = [
    path("agents/<slug:slug>/hand-overs/", Handovers.as_view(), name="api_handovers"),
    path("hand-overs/<uuid:pk>/accept", HandoverAccept.as_view(), name="api_handover_accept"),
    path("hand-overs/<uuid:pk>/decline", HandoverDecline.as_view(), name="api_handover_decline"),
    path("hand-overs/<uuid:pk>/withdraw", HandoverWithdraw.as_view(), name="api_handover_withdraw"),
    path("agents/<slug:slug>/retire", Retire.as_view(), name="api_agent_retire"),
    path("agents/<slug:slug>/take-back", TakeBack.as_view(), name="api_agent_take_back"),
]
