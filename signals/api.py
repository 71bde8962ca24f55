"""The API of signals: the sources, and having one pulled."""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.roles import Scope
from signals.actions import request_pull
from signals.models import Pull, Source
from web.api import Api, PageQuery, Strict, answer, asked, given, idempotent, keyset, next_page, tagged

SOURCE = ("id", "name", "kind", "interval_minutes", "enabled")
PULL = (
    "id",
    "source_id",
    "state",
    "error",
    "started_at",
    "finished_at",
    "rows_read",
    "rows_new",
    "rows_withdrawn",
    "rows_rejected",
)


class SourceBody(serializers.Serializer):
    """A source of evals or costs."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(Source.Kind.choices)
    interval_minutes = serializers.IntegerField()
    enabled = serializers.BooleanField()


class SourcePage(serializers.Serializer):
    """A page of sources."""

    sources = SourceBody(many=True)
    next = serializers.CharField(allow_null=True)


class PullBody(serializers.Serializer):
    """One attempt to read a source."""

    id = serializers.UUIDField()
    source_id = serializers.UUIDField()
    state = serializers.ChoiceField(Pull.State.choices)
    error = serializers.CharField()
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    rows_read = serializers.IntegerField()
    rows_new = serializers.IntegerField()
    rows_withdrawn = serializers.IntegerField()
    rows_rejected = serializers.IntegerField()


class SourceList(Api):
    """All sources."""

    scopes = {"GET": Scope.REGISTRY_READ.value}

    @extend_schema(operation_id="sources_list", parameters=[PageQuery], responses=SourcePage)
    def get(self, request: Request) -> HttpResponse:
        """All sources by name."""
        said = asked(PageQuery, request)
        rows = Source.objects.visible_to(request.user)
        found, following = keyset(rows, ("name", "id"), said.get("after", ""), said["limit"], SOURCE)
        sources = [dict(zip(SOURCE, row, strict=True)) for row in found]
        return answer({"sources": sources, "next": next_page(request, following)})


class SourcePull(Api):
    """Having a source pulled."""

    scopes = {"POST": Scope.SIGNALS_WRITE.value}

    @extend_schema(operation_id="sources_pull", request=None, responses={202: PullBody})
    @idempotent
    def post(self, request: Request, pk: UUID) -> HttpResponse:
        """Have a worker read the source now. What comes of it is read at the pull's own address."""
        source = Source.objects.visible_to(request.user).filter(pk=pk).first()
        if source is None:
            raise Http404()
        given(Strict, request.data)
        pull = request_pull(source=source, by=request.user)
        row = Pull.objects.visible_to(request.user).filter(pk=pull.pk).values(*PULL).get()
        return answer(row, 202)


class PullDetail(Api):
    """One pull."""

    scopes = {"GET": Scope.REGISTRY_READ.value}

    @extend_schema(operation_id="pulls_read", responses=PullBody)
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        """How far the pull is, and what it came to."""
        row = Pull.objects.visible_to(request.user).filter(pk=pk).values(*PULL).first()
        if row is None:
            raise Http404()
        return tagged(request, row)


urlpatterns = [
    path("sources/", SourceList.as_view(), name="api_sources"),
    path("sources/<uuid:pk>/pulls/", SourcePull.as_view(), name="api_source_pull"),
    path("pulls/<uuid:pk>/", PullDetail.as_view(), name="api_pull"),
]
