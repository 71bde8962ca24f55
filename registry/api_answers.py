"""The API of team answers."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import Http404, HttpResponse
from django.urls import path, reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.models import Person, Team
from registry import answers
from registry.api import DRAFT, READ, WRITE, named, one_of_ten, section_body, version_tag
from registry.api_packets import visible_packet
from registry.api_shapes import SectionBody
from registry.models import TeamAnswer
from registry.models.answers import LONGEST, MOST_REASON
from web.api import (
    Api,
    PageQuery,
    Strict,
    answer,
    asked,
    etag_of,
    given,
    idempotent,
    if_match,
    keyset,
    next_page,
    tagged,
)
from web.errors import Invalid


class AnswerLine(serializers.Serializer):
    """A team's answer, without its words."""

    id = serializers.UUIDField()
    team = serializers.SlugField()
    slug = serializers.SlugField()
    name = serializers.CharField()
    withdrawn_at = serializers.DateTimeField(allow_null=True, help_text="Packets can use it while this is null.")


class AnswerPage(serializers.Serializer):
    """A page of answers."""

    answers = AnswerLine(many=True)
    next = serializers.CharField(allow_null=True)


class Wording(serializers.Serializer):
    """One version of an answer."""

    number = serializers.IntegerField()
    sha256 = serializers.CharField(help_text="Of the text as UTF-8.")
    written_by = serializers.CharField()
    written_at = serializers.DateTimeField()
    text = serializers.CharField()


class AnswerBody(AnswerLine):
    """A team's answer with its versions, the newest first."""

    withdrawn_by = serializers.CharField(allow_null=True)
    withdrawn_because = serializers.CharField()
    versions = Wording(many=True)


class AnswerNew(Strict):
    """An answer to keep."""

    team = serializers.SlugField()
    name = serializers.CharField(max_length=80)
    text = serializers.CharField(max_length=LONGEST)


class AnswerChange(Strict):
    """The next version."""

    text = serializers.CharField(max_length=LONGEST)


class AnswerName(Strict):
    """What it is called from now on."""

    name = serializers.CharField(max_length=80)


class AnswerEnd(Strict):
    """Why it is withdrawn."""

    reason = serializers.CharField(max_length=MOST_REASON)


class AnswerUsed(Strict):
    """Which answer goes where."""

    answer = serializers.UUIDField()
    version = serializers.IntegerField(required=False, help_text="Without it the newest.")
    into = serializers.ListField(
        child=serializers.CharField(), help_text="Fields, as `sheet.escalation` or `never[0].text`.", min_length=1
    )


class AnswerList(Api):
    """All answers, and keeping one."""

    scopes = {"GET": READ, "POST": WRITE}

    @extend_schema(operation_id="answers_list", parameters=[PageQuery], responses=AnswerPage)
    def get(self, request: Request) -> HttpResponse:
        """The answers of your teams by name."""
        said = asked(PageQuery, request)
        columns = {"id": "id", "team": "team__slug", "slug": "slug", "name": "name"}
        columns["withdrawn_at"] = "withdrawn_at"
        rows = TeamAnswer.objects.visible_to(request.user)
        found, following = keyset(rows, ("name", "id"), said.get("after", ""), said["limit"], [*columns.values()])
        lines = [dict(zip(columns, row, strict=True)) for row in found]
        return answer({"answers": lines, "next": next_page(request, following)})

    @extend_schema(operation_id="answers_write", request=AnswerNew, responses={201: AnswerBody})
    @idempotent
    def post(self, request: Request) -> HttpResponse:
        """Keep an answer for a team that you work for."""
        said = given(AnswerNew, request.data)
        team = named(Team.objects.visible_to(request.user), "team", slug=said["team"])
        made = answers.write_answer(team=team, name=said["name"], text=said["text"], by=request.user)
        body = _body(made)
        return answer(body, 201, etag=etag_of(body), location=reverse("api_answer", args=[made.pk]))


class AnswerDetail(Api):
    """One answer."""

    scopes = {"GET": READ, "PUT": WRITE, "PATCH": WRITE}

    @extend_schema(operation_id="answers_read", responses=AnswerBody)
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        """The answer with its versions. The ETag is for changing it."""
        return tagged(request, _body(_visible(request.user, pk)))

    @extend_schema(operation_id="answers_change", request=AnswerChange, responses=AnswerBody)
    @transaction.atomic
    def put(self, request: Request, pk: UUID) -> HttpResponse:
        """Write the next version. `If-Match` holds the ETag that was read. The same text again changes nothing."""
        one = _as_read(request, pk)
        text = given(AnswerChange, request.data)["text"]
        answers.change_answer(answer=one, text=text, seen=one.newest.number, by=request.user)
        return _now(one)

    @extend_schema(operation_id="answers_rename", request=AnswerName, responses=AnswerBody)
    @transaction.atomic
    def patch(self, request: Request, pk: UUID) -> HttpResponse:
        """Call it something else; its slug stays. `If-Match` holds the ETag that was read."""
        one = _as_read(request, pk)
        name = given(AnswerName, request.data)["name"]
        return _now(answers.rename_answer(answer=one, name=name, seen=one.name, by=request.user))


class AnswerWithdraw(Api):
    """The end of an answer."""

    scopes = {"POST": WRITE}

    @extend_schema(operation_id="answers_withdraw", request=AnswerEnd, responses=AnswerBody)
    @transaction.atomic
    def post(self, request: Request, pk: UUID) -> HttpResponse:
        """Withdraw it: packets are offered it no more, drafts that use it say so. No service account does. `If-Match` holds
        the ETag that was read."""
        one = _as_read(request, pk)
        reason = given(AnswerEnd, request.data)["reason"]
        return _now(answers.withdraw_answer(answer=one, reason=reason, seen=one.newest.number, by=request.user))


class AnswerTakeBack(Api):
    """Taking a withdrawn answer back."""

    scopes = {"POST": WRITE}

    @extend_schema(operation_id="answers_take_back", request=None, responses=AnswerBody)
    @transaction.atomic
    def post(self, request: Request, pk: UUID) -> HttpResponse:
        """Take it back into use, with its versions as they were. No service account does. `If-Match` holds the ETag that was
        read."""
        one = _as_read(request, pk)
        given(Strict, request.data)
        return _now(answers.take_back_answer(answer=one, by=request.user))


class AnswerUse(Api):
    """Using an answer in a section."""

    scopes = {"POST": DRAFT}

    @extend_schema(operation_id="packet_sections_use_answer", request=AnswerUsed, responses=SectionBody)
    @transaction.atomic
    def post(self, request: Request, pk: UUID, number: int) -> HttpResponse:
        """Put a version of an answer into fields of the section, which then refers to it. `If-Match` holds the section's
        ETag that was read."""
        section, packet = one_of_ten(number), visible_packet(request.user, pk, lock=True)
        if_match(request, version_tag(section_body(packet, section)["version"]))
        said = given(AnswerUsed, request.data)
        one = named(TeamAnswer.objects.visible_to(request.user), "answer", pk=said["answer"])
        version = one.newest
        if "version" in said:
            wanted = one.versions.select_related("answer").filter(number=said["version"]).first()
            if wanted is None:
                raise Invalid(f"{one.name} has no version {said['version']}; the newest is {version.number}.")
            version = wanted
        answers.use_answer(packet=packet, number=number, places=said["into"], version=version, by=request.user)
        body = section_body(packet, section)
        return answer(body, etag=version_tag(body["version"]))


def _visible(user: Person, pk: UUID, *, lock: bool = False) -> TeamAnswer:
    rows = TeamAnswer.objects.visible_to(user).select_related("team")
    found = (rows.select_for_update(of=("self",)) if lock else rows).filter(pk=pk).first()
    if found is None:
        raise Http404()
    return found


def _as_read(request: Request, pk: UUID) -> TeamAnswer:
    # The answer with its row held, if it still is what the caller read.
    one = _visible(request.user, pk, lock=True)
    if_match(request, etag_of(_body(one)))
    return one


def _now(one: TeamAnswer) -> HttpResponse:
    body = _body(one)
    return answer(body, etag=etag_of(body))


def _body(one: TeamAnswer) -> dict[str, Any]:
    versions = one.versions.order_by("-number")
    return {
        "id": one.pk,
        "team": one.team.slug,
        "slug": one.slug,
        "name": one.name,
        "withdrawn_at": one.withdrawn_at,
        "withdrawn_by": one.withdrawn_by.name if one.withdrawn_by else None,
        "withdrawn_because": one.withdrawn_because,
        "versions": [
            {
                "number": row.number,
                "sha256": row.sha256,
                "written_by": row.written_by.name,
                "written_at": row.written_at,
                "text": row.text,
            }
            for row in versions.select_related("written_by")
        ],
    }


urlpatterns = [
    path("answers/", AnswerList.as_view(), name="api_answers"),
    path("answers/<uuid:pk>/", AnswerDetail.as_view(), name="api_answer"),
    path("answers/<uuid:pk>/withdraw", AnswerWithdraw.as_view(), name="api_answer_withdraw"),
    path("answers/<uuid:pk>/take-back", AnswerTakeBack.as_view(), name="api_answer_take_back"),
    path("packets/<uuid:pk>/sections/<int:number>/answers", AnswerUse.as_view(), name="api_answer_use"),
]
