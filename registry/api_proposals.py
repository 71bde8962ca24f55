"""The API of proposals: what waits, accepting and dismissing."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.models import Person
from accounts.roles import Scope
from registry import proposals
from registry.models import Proposal
from registry.settling import column_of
from registry.vocabulary import ProposalState
from web.api import Api, PageQuery, Strict, answer, asked, given, idempotent, keyset, next_page

READ, WRITE = Scope.REGISTRY_READ.value, Scope.REGISTRY_WRITE.value


class ProposalQuery(PageQuery):
    """Filters of the list of proposals."""

    state = serializers.ChoiceField(ProposalState.choices, required=False, default=ProposalState.OPEN)
    mine = serializers.BooleanField(required=False, default=False, help_text="Only those that you may answer.")


class ProposalAccept(Strict):
    """Accepting a proposal."""

    seen = serializers.CharField(help_text="The proposal's `mark` that you read: what the field said then.")


class ProposalDismiss(Strict):
    """Dismissing a proposal."""

    reason = serializers.CharField(max_length=500)


class ProposalBody(serializers.Serializer):
    """A proposal."""

    id = serializers.UUIDField()
    about = serializers.ChoiceField(["agent", "data_source", "tool", "packet"])
    target = serializers.UUIDField()
    target_name = serializers.CharField()
    section = serializers.IntegerField(help_text="Of a packet; else 0.")
    part = serializers.CharField(help_text="Of a packet's section: sheet, or the kind of row and its place.")
    field = serializers.CharField()
    now = serializers.JSONField()
    value = serializers.JSONField()
    after = serializers.JSONField(help_text="What the field says once it is accepted.")
    mark = serializers.CharField(help_text="Of what the field says now; send it as `seen` to accept.")
    source_label = serializers.CharField()
    source_kind = serializers.CharField()
    source_sha256 = serializers.CharField()
    proposed_at = serializers.DateTimeField()
    proposed_by = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(ProposalState.choices)
    reason = serializers.CharField()
    ended_at = serializers.DateTimeField(allow_null=True)
    ended_by = serializers.CharField(allow_null=True)
    may_answer = serializers.BooleanField()


class ProposalPage(serializers.Serializer):
    """A page of proposals."""

    proposals = ProposalBody(many=True)
    next = serializers.CharField(allow_null=True)


class ProposalList(Api):
    """Proposals."""

    scopes = {"GET": READ}

    @extend_schema(operation_id="proposals_list", parameters=[ProposalQuery], responses=ProposalPage)
    def get(self, request: Request) -> HttpResponse:
        """Proposals that you may see, oldest first; open ones unless `state` says otherwise."""
        said = asked(ProposalQuery, request)
        rows = Proposal.objects.visible_to(request.user).filter(state=said["state"])
        if said["mine"]:
            rows = rows.filter(pk__in=Proposal.objects.answerable_by(request.user).values("pk"))
        found, following = keyset(rows, ("proposed_at", "id"), said.get("after", ""), said["limit"], ["id"])
        told = Proposal.objects.visible_to(request.user).told().in_bulk([pk for (pk,) in found])
        listed = [_body(told[pk], request.user) for (pk,) in found]
        return answer({"proposals": listed, "next": next_page(request, following)})


class ProposalAnswer(Api):
    """Base of both answers."""

    scopes = {"POST": WRITE}

    def found(self, request: Request, pk: UUID) -> Proposal:
        """The proposal, if the caller may see it, else Http404."""
        row = Proposal.objects.visible_to(request.user).told().filter(pk=pk).first()
        if row is None:
            raise Http404()
        return row


class ProposalAccepted(ProposalAnswer):
    """Accepting a proposal."""

    @extend_schema(operation_id="proposals_accept", request=ProposalAccept, responses=ProposalBody)
    @idempotent
    def post(self, request: Request, pk: UUID) -> HttpResponse:
        """Take the value over, as a person. What a tool does is confirmed at the portal, by no token."""
        row = self.found(request, pk)
        proposals.accept(proposal=row, by=request.user, seen=given(ProposalAccept, request.data)["seen"])
        return answer(_body(self.found(request, pk), request.user))


class ProposalDismissed(ProposalAnswer):
    """Dismissing a proposal."""

    @extend_schema(operation_id="proposals_dismiss", request=ProposalDismiss, responses=ProposalBody)
    @idempotent
    def post(self, request: Request, pk: UUID) -> HttpResponse:
        """Leave the field as it is, as a person, for a reason that stays on record."""
        row = self.found(request, pk)
        proposals.dismiss(proposal=row, by=request.user, reason=given(ProposalDismiss, request.data)["reason"])
        return answer(_body(self.found(request, pk), request.user))


def _body(row: Proposal, user: Person) -> dict[str, Any]:
    names = (
        "id", "section", "part", "field", "now", "value", "after", "mark", "source_kind", "source_sha256",
        "proposed_at", "state", "reason", "ended_at",
    )  # fmt: skip
    return {
        **{name: getattr(row, name) for name in names},
        "about": column_of(row.target),
        "target": row.target_id,
        "target_name": str(row.target),
        "source_label": row.source_label,
        "proposed_by": row.proposed_by.name if row.proposed_by else None,
        "ended_by": row.ended_by.name if row.ended_by else None,
        "may_answer": row.answerable_by(user),
    }


urlpatterns = [
    path("proposals/", ProposalList.as_view(), name="api_proposals"),
    path("proposals/<uuid:pk>/accept", ProposalAccepted.as_view(), name="api_proposal_accept"),
    path("proposals/<uuid:pk>/dismiss", ProposalDismissed.as_view(), name="api_proposal_dismiss"),
]
