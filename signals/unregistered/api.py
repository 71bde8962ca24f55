"""The API of what nobody registered: the list, mapping and ignoring."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.roles import Scope
from registry.models import Agent
from signals.unregistered import actions, queries
from signals.unregistered.models import Sighting
from web.api import Api, PageQuery, Strict, answer, asked, given, idempotent, keyset, next_page


class SightingQuery(PageQuery):
    """Filters of the list."""

    show = serializers.ChoiceField(
        [key for key in queries.SHOWS if key], required=False, help_text="Without it: what waits for an answer."
    )
    kind = serializers.ChoiceField(Sighting.Kind.choices, required=False)


class AmountBody(serializers.Serializer):
    """What was spent in one currency; never summed over several."""

    currency = serializers.CharField()
    amount = serializers.DecimalField(max_digits=40, decimal_places=12)


class GuessBody(serializers.Serializer):
    """Who might own it, and why."""

    name = serializers.CharField()
    reason = serializers.CharField()
    agent = serializers.SlugField(allow_null=True)
    team = serializers.SlugField(allow_null=True)


class SightingBody(serializers.Serializer):
    """A name that costs or evals hold and no agent claims."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(Sighting.Kind.choices)
    name = serializers.CharField(help_text="For a tag or key: the tag's key.")
    value = serializers.CharField()
    lines = serializers.IntegerField()
    first_seen = serializers.DateTimeField()
    last_seen = serializers.DateTimeField()
    spent = AmountBody(many=True, help_text="Empty for who does not see all costs.")
    sources = serializers.ListField(child=serializers.CharField())
    state = serializers.ChoiceField(Sighting.State.choices)
    agent = serializers.SlugField(allow_null=True)
    claimed_for = serializers.SlugField(allow_null=True)
    reason = serializers.CharField()
    ignored_until = serializers.DateField(allow_null=True)
    guesses = GuessBody(many=True)


class SightingPage(serializers.Serializer):
    """A page of them."""

    unregistered = SightingBody(many=True)
    next = serializers.CharField(allow_null=True)


class MapNew(Strict):
    """Whose it is."""

    agent = serializers.SlugField()


class IgnoreNew(Strict):
    """Why it is left out, and until when."""

    reason = serializers.CharField(max_length=500)
    until = serializers.DateField(help_text="The last day on which it is ignored; at most a year ahead.")


def _bodies(request: Request, rows: list[Sighting]) -> list[dict[str, Any]]:
    return [
        {
            **{key: getattr(one.sighting, key) for key in ("id", "kind", "name", "value", "lines", "state", "reason")},
            "first_seen": one.sighting.first_seen,
            "last_seen": one.sighting.last_seen,
            "spent": [{"currency": code, "amount": str(amount)} for code, amount in one.sums.items()],
            "sources": one.sources,
            "agent": one.sighting.agent.slug if one.sighting.agent else None,
            "claimed_for": one.sighting.claimed_for.slug if one.sighting.claimed_for else None,
            "ignored_until": one.sighting.ignored_until,
            "guesses": [
                {
                    "name": guess.name,
                    "reason": guess.reason,
                    "agent": guess.agent.slug if guess.agent else None,
                    "team": guess.team.slug if guess.team else None,
                }
                for guess in one.owners
            ],
        }
        for one in queries.described(rows, request.user)
    ]


def _sighting(request: Request, pk: UUID) -> Sighting:
    found = Sighting.objects.visible_to(request.user).filter(pk=pk).first()
    if found is None:
        raise Http404()
    return found


class Unregistered(Api):
    """What waits for an answer."""

    scopes = {"GET": Scope.REGISTRY_READ.value}

    @extend_schema(operation_id="unregistered_list", parameters=[SightingQuery], responses=SightingPage)
    def get(self, request: Request) -> HttpResponse:
        """What costs and evals name and no agent claims, by value."""
        said = asked(SightingQuery, request)
        rows = queries.sightings(request.user, said.get("show", ""), said.get("kind", ""))
        found, following = keyset(rows, ("value", "id"), said.get("after", ""), said["limit"], ["pk"])
        order = [pk for (pk,) in found]
        known = queries.plain(request.user).in_bulk(order)
        body = _bodies(request, [known[pk] for pk in order])
        return answer({"unregistered": body, "next": next_page(request, following)})


class SightingMap(Api):
    """Mapping it to an agent."""

    scopes = {"POST": Scope.REGISTRY_WRITE.value}

    @extend_schema(operation_id="unregistered_map", request=MapNew, responses=SightingBody)
    @idempotent
    def post(self, request: Request, pk: UUID) -> HttpResponse:
        """Say whose it is: finance or a platform admin for costs, a platform admin for evals."""
        sighting, said = _sighting(request, pk), given(MapNew, request.data)
        agent = Agent.objects.visible_to(request.user).filter(slug=said["agent"]).first()
        if agent is None:
            raise serializers.ValidationError({"agent": [f"There is no agent {said['agent']}."]})
        actions.map_sighting(sighting=sighting, agent=agent, by=request.user)
        return answer(_bodies(request, [queries.plain(request.user).get(pk=pk)])[0])


class SightingUnmap(Api):
    """Taking a mapping back."""

    scopes = {"POST": Scope.REGISTRY_WRITE.value}

    @extend_schema(operation_id="unregistered_unmap", request=None, responses=SightingBody)
    @idempotent
    def post(self, request: Request, pk: UUID) -> HttpResponse:
        """Remove the rule that a mapping added; what it tied waits for an answer again, unless another rule ties it."""
        actions.unmap_sighting(sighting=_sighting(request, pk), by=request.user)
        return answer(_bodies(request, [queries.plain(request.user).get(pk=pk)])[0])


class SightingIgnore(Api):
    """Ignoring it until a day."""

    scopes = {"POST": Scope.REGISTRY_WRITE.value}

    @extend_schema(operation_id="unregistered_ignore", request=IgnoreNew, responses=SightingBody)
    @idempotent
    def post(self, request: Request, pk: UUID) -> HttpResponse:
        """Leave it out of the list until a day; the day after it is back by itself."""
        actions.ignore_sighting(sighting=_sighting(request, pk), **given(IgnoreNew, request.data), by=request.user)
        return answer(_bodies(request, [queries.plain(request.user).get(pk=pk)])[0])


urlpatterns = [
    path("unregistered/", Unregistered.as_view(), name="api_unregistered"),
    path("unregistered/<uuid:pk>/map", SightingMap.as_view(), name="api_sighting_map"),
    path("unregistered/<uuid:pk>/unmap", SightingUnmap.as_view(), name="api_sighting_unmap"),
    path("unregistered/<uuid:pk>/ignore", SightingIgnore.as_view(), name="api_sighting_ignore"),
]
