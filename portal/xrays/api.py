"""The API of X-rays: what is wrong with the registry now."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.models import Team
from accounts.roles import Scope as TokenScope
from portal.xrays import KINDS, SEVERITIES, Findings, Scope
from registry.models import Agent
from web.api import Api, Strict, answer, asked
from work import clock


class XrayQuery(Strict):
    """Filters, as on the page."""

    severity = serializers.ChoiceField(list(SEVERITIES), required=False)
    kind = serializers.ChoiceField([one.key for one in KINDS], required=False)
    team = serializers.SlugField(required=False)
    agent = serializers.SlugField(required=False)
    page = serializers.IntegerField(required=False, default=1, min_value=1, max_value=10_000)
    limit = serializers.IntegerField(required=False, default=50, min_value=1, max_value=200)


class FindingBody(serializers.Serializer):
    """One thing that is wrong."""

    kind = serializers.CharField()
    severity = serializers.ChoiceField(list(SEVERITIES))
    subject = serializers.CharField()
    sentence = serializers.CharField()
    team = serializers.CharField()
    url = serializers.CharField(help_text="The page where it is mended, or that it is about.")
    yours = serializers.BooleanField(help_text="Whether you can mend it.")
    ask = serializers.CharField(help_text="Who mends it, where that is not you.")


class XrayPage(serializers.Serializer):
    """A page of findings, the most severe first."""

    total = serializers.IntegerField()
    page = serializers.IntegerField()
    findings = FindingBody(many=True)


class Xrays(Api):
    """What is wrong with the registry."""

    scopes = {"GET": TokenScope.REGISTRY_READ.value}

    @extend_schema(operation_id="xrays_list", parameters=[XrayQuery], responses=XrayPage)
    def get(self, request: Request) -> HttpResponse:
        """Findings as the page X-rays shows them to you. They are worked out anew at each call."""
        said = asked(XrayQuery, request)
        team = _one(Team.objects.visible_to(request.user), "team", said)
        agent = _one(Agent.objects.visible_to(request.user), "agent", said)
        scope = Scope(request.user, clock.now(), agent)
        kinds = [
            one
            for one in KINDS
            if said.get("severity") in (None, one.severity)
            and said.get("kind") in (None, one.key)
            and (agent is None or one.of_agents)
        ]
        parts = [(one, rows, rows.count()) for one in kinds for rows in [one.found(scope, team)]]
        found, start = Findings(parts, scope), (said["page"] - 1) * said["limit"]
        body = [
            {
                "kind": one.kind.key,
                "severity": one.kind.severity,
                "subject": one.subject,
                "sentence": one.sentence,
                "team": one.team,
                "url": one.url,
                "yours": one.action == "Mend",
                "ask": one.who,
            }
            for one in found[start : start + said["limit"]]
        ]
        return answer({"total": len(found), "page": said["page"], "findings": body})


def _one(rows: QuerySet[Any], name: str, said: dict[str, Any]) -> Any:
    if name not in said:
        return None
    found = rows.filter(slug=said[name]).first()
    if found is None:
        raise serializers.ValidationError({name: [f"There is no {name} {said[name]}."]})
    return found


urlpatterns = [path("xrays/", Xrays.as_view(), name="api_xrays")]
