"""The API of the catalogue's single entries: reading, changing, contracts, confirming, retiring, merging, who touches them."""

from typing import Any

from django.db import transaction
from django.http import Http404, HttpResponse
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from accounts.models import Person
from accounts.roles import Scope
from registry import contracts, merging, upkeep
from registry.api import DATA, TOOL, named, person
from registry.catalogue_shapes import (
    ContractBody,
    ContractList,
    ContractNew,
    DataChange,
    DataDetailBody,
    MergeOrder,
    RetireOrder,
    ToolChange,
    ToolConfirm,
    ToolDetailBody,
    TouchingBody,
)
from registry.models import DataContract, DataSource, Tool
from web.api import Api, answer, dumps, etag_of, given, idempotent, if_match, tagged

READ, WRITE = Scope.REGISTRY_READ.value, Scope.REGISTRY_WRITE.value

CONTRACT = ("number", "version", "note", "format", "fields", "sha256", "published_at")


class Entry(Api):
    """Base of the routes of one kind of entry: `model`, the columns of its answer, and its shapes."""

    model: Any = None
    columns: dict[str, str]

    def entry(self, request: Request, slug: str, *, lock: bool = False) -> Any:
        """The entry by its short name, retired or not, else Http404."""
        rows = self.model.objects.all().visible_to(request.user).filter(slug=slug)
        found = (rows.select_for_update(of=("self",)) if lock else rows).first()
        if found is None:
            raise Http404()
        return found

    def body(self, user: Person, slug: str) -> dict[str, Any]:
        """What the entry's answer says."""
        row = self.model.objects.all().visible_to(user).filter(slug=slug).values_list(*self.columns.values()).first()
        if row is None:
            raise Http404()
        return {**dict(zip(self.columns, row, strict=True)), **self.more(user, slug)}

    def more(self, user: Person, slug: str) -> dict[str, Any]:
        """What only the entry's own answer says, beyond the list's."""
        return {}


class DataEntry(Entry):
    """Routes of a data source."""

    model, columns = DataSource, DATA

    def more(self, user: Person, slug: str) -> dict[str, Any]:
        """The newest contract and the lineage."""
        rows = DataContract.objects.all().visible_to(user).filter(source__slug=slug)
        newest = rows.select_related("published_by").first()
        feeds = DataSource.objects.all().visible_to(user).order_by("slug").values_list("slug", flat=True)
        return {
            "contract": _contract(newest) if newest else None,
            "upstream": list(feeds.filter(feeds__downstream__slug=slug)),
            "downstream": list(feeds.filter(fed_by__upstream__slug=slug)),
        }


class ToolEntry(Entry):
    """Routes of a tool."""

    model, columns = Tool, TOOL


class DataDetail(DataEntry):
    """One data source."""

    scopes = {"GET": READ, "PATCH": WRITE}

    @extend_schema(operation_id="catalogue_data_read", responses=DataDetailBody)
    def get(self, request: Request, slug: str) -> HttpResponse:
        """The source with its newest contract, its lineage, and what may never leave. The ETag is for changing it.

        An entry that was merged is still found by its name; `merged_into` says which one stays.
        """
        return tagged(request, self.body(request.user, slug))

    @extend_schema(operation_id="catalogue_data_change", request=DataChange, responses=DataDetailBody)
    @transaction.atomic
    def patch(self, request: Request, slug: str) -> HttpResponse:
        """Change the fields that are given. `If-Match` holds the ETag that was read."""
        source = self.entry(request, slug, lock=True)
        if_match(request, etag_of(self.body(request.user, slug)))
        said = _owned(request.user, given(DataChange, request.data, partial=True))
        upkeep.change_source(source=source, by=request.user, **said)
        return tagged(request, self.body(request.user, slug))


class ToolDetail(ToolEntry):
    """One tool."""

    scopes = {"GET": READ, "PATCH": WRITE}

    @extend_schema(operation_id="catalogue_tools_read", responses=ToolDetailBody)
    def get(self, request: Request, slug: str) -> HttpResponse:
        """The tool. The ETag is for changing it. `merged_into` says which one stays, where it was merged."""
        return tagged(request, self.body(request.user, slug))

    @extend_schema(operation_id="catalogue_tools_change", request=ToolChange, responses=ToolDetailBody)
    @transaction.atomic
    def patch(self, request: Request, slug: str) -> HttpResponse:
        """Change its names, system and owner. What it does is confirmed, not changed."""
        tool = self.entry(request, slug, lock=True)
        if_match(request, etag_of(self.body(request.user, slug)))
        said = _owned(request.user, given(ToolChange, request.data, partial=True))
        upkeep.change_tool(tool=tool, by=request.user, **said)
        return tagged(request, self.body(request.user, slug))


class ToolConfirming(ToolEntry):
    """What a tool does."""

    scopes = {"POST": WRITE}

    @extend_schema(operation_id="catalogue_tools_confirm", request=ToolConfirm, responses=ToolDetailBody)
    @idempotent
    def post(self, request: Request, slug: str) -> HttpResponse:
        """Say what a call does and touches: a security approver or the tool's owner, signed in; no token does."""
        tool = self.entry(request, slug)
        upkeep.confirm_tool(tool=tool, by=request.user, **given(ToolConfirm, request.data))
        return tagged(request, self.body(request.user, slug))


class Contracts(DataEntry):
    """The versions of a source's contract."""

    scopes = {"GET": READ, "POST": WRITE}

    @extend_schema(operation_id="catalogue_contracts_list", responses=ContractList)
    def get(self, request: Request, slug: str) -> HttpResponse:
        """Every version that was published, the newest first."""
        rows = self.entry(request, slug).contracts.visible_to(request.user).select_related("published_by")
        return answer({"contracts": [_contract(one) for one in rows.defer("text")]})

    @extend_schema(operation_id="catalogue_contracts_publish", request=ContractNew, responses={201: ContractBody})
    @idempotent
    def post(self, request: Request, slug: str) -> HttpResponse:
        """Publish the next version: a JSON Schema, an Open Data Contract Standard file, or {"fields": […]}.

        It never changes again.
        """
        said = given(ContractNew, request.data)
        schema = said.pop("schema")
        data = schema.encode() if isinstance(schema, str) else dumps(schema)
        made = contracts.publish(source=self.entry(request, slug), data=data, by=request.user, **said)
        return answer(_contract(made), 201)


class Retiring(Entry):
    """Base of the routes that end an entry."""

    scopes = {"POST": WRITE}

    def retire(self, request: Request, slug: str) -> HttpResponse:
        """Retire it. `agents` is how many agents …/touching says are hit; another number is 409."""
        seen = given(RetireOrder, request.data)["agents"]
        upkeep.retire(entry=self.entry(request, slug), by=request.user, agents_seen=seen)
        return tagged(request, self.body(request.user, slug))

    def merge(self, request: Request, slug: str) -> HttpResponse:
        """Retire it in favour of `into`. `agents` is how many agents …/touching says are hit; another number is 409."""
        said = given(MergeOrder, request.data)
        goes = self.entry(request, slug)
        stays = named(self.model.objects.all().visible_to(request.user), "into", slug=said["into"])
        merging.merge(goes=goes, stays=stays, by=request.user, agents_seen=said["agents"])
        return tagged(request, self.body(request.user, slug))


class DataRetire(Retiring, DataEntry):
    """The end of a data source."""

    @extend_schema(operation_id="catalogue_data_retire", request=RetireOrder, responses=DataDetailBody)
    @idempotent
    def post(self, request: Request, slug: str) -> HttpResponse:
        """Retire the data source. `agents` is how many agents …/touching says are hit; another number is 409."""
        return self.retire(request, slug)


class ToolRetire(Retiring, ToolEntry):
    """The end of a tool."""

    @extend_schema(operation_id="catalogue_tools_retire", request=RetireOrder, responses=ToolDetailBody)
    @idempotent
    def post(self, request: Request, slug: str) -> HttpResponse:
        """Retire the tool. `agents` is how many agents …/touching says are hit; another number is 409."""
        return self.retire(request, slug)


class DataMerge(Retiring, DataEntry):
    """A data source that is there twice."""

    @extend_schema(operation_id="catalogue_data_merge", request=MergeOrder, responses=DataDetailBody)
    @idempotent
    def post(self, request: Request, slug: str) -> HttpResponse:
        """Retire it in favour of `into`; grants in open packets move. Its name is still found."""
        return self.merge(request, slug)


class ToolMerge(Retiring, ToolEntry):
    """A tool that is there twice."""

    @extend_schema(operation_id="catalogue_tools_merge", request=MergeOrder, responses=ToolDetailBody)
    @idempotent
    def post(self, request: Request, slug: str) -> HttpResponse:
        """Retire it in favour of `into`; grants in open packets move. Its name is still found."""
        return self.merge(request, slug)


class DataTouching(DataEntry):
    """Who may touch a data source."""

    scopes = {"GET": READ}

    @extend_schema(operation_id="catalogue_data_touching", responses=TouchingBody)
    def get(self, request: Request, slug: str) -> HttpResponse:
        """The agents with a release in force that grants it, those whose packets ask for it, and how many you may not see."""
        return tagged(request, _touching(upkeep.touching(self.entry(request, slug), request.user)))


class ToolTouching(ToolEntry):
    """Who may touch a tool."""

    scopes = {"GET": READ}

    @extend_schema(operation_id="catalogue_tools_touching", responses=TouchingBody)
    def get(self, request: Request, slug: str) -> HttpResponse:
        """The agents with a release in force that grants it, those whose packets ask for it, and how many you may not see."""
        return tagged(request, _touching(upkeep.touching(self.entry(request, slug), request.user)))


def _contract(row: DataContract) -> dict[str, Any]:
    return {**{name: getattr(row, name) for name in CONTRACT}, "published_by": row.published_by.name}


def _touching(found: upkeep.Touching) -> dict[str, Any]:
    def line(touch: upkeep.Touch) -> dict[str, Any]:
        return {
            "agent": touch.agent.slug,
            "owner": touch.agent.owner.name,
            "packet": touch.packet.pk,
            "version": touch.packet.version,
            "state": touch.packet.state,
        }

    return {
        "in_force": [
            {**line(one), "environment": one.runs.environment, "release": one.runs.verdict, "since": one.runs.since}
            for one in found.in_force
            if one.runs
        ],
        "proposed": [line(one) for one in found.proposed],
        "agents": found.hit,
        "not_shown": found.hidden,
    }


def _owned(user: Person, said: dict[str, Any]) -> dict[str, Any]:
    if "owner_email" in said:
        said["owner"] = person(user, "owner_email", said.pop("owner_email"))
    return said


urlpatterns = [
    path("catalogue/data/<slug:slug>/", DataDetail.as_view(), name="api_data"),
    path("catalogue/data/<slug:slug>/touching", DataTouching.as_view(), name="api_data_touching"),
    path("catalogue/data/<slug:slug>/contracts", Contracts.as_view(), name="api_data_contracts"),
    path("catalogue/data/<slug:slug>/retire", DataRetire.as_view(), name="api_data_retire"),
    path("catalogue/data/<slug:slug>/merge", DataMerge.as_view(), name="api_data_merge"),
    path("catalogue/tools/<str:slug>/", ToolDetail.as_view(), name="api_tool"),
    path("catalogue/tools/<str:slug>/touching", ToolTouching.as_view(), name="api_tool_touching"),
    path("catalogue/tools/<str:slug>/confirm", ToolConfirming.as_view(), name="api_tool_confirm"),
    path("catalogue/tools/<str:slug>/retire", ToolRetire.as_view(), name="api_tool_retire"),
    path("catalogue/tools/<str:slug>/merge", ToolMerge.as_view(), name="api_tool_merge"),
]
