"""The API of importing: what a manifest, a server's tools or an AgentCard would do, and doing it."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse
from django.urls import path, reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.authentication import needs
from accounts.models import Person, Team
from accounts.roles import Scope
from registry import import_actions as actions
from registry.importing import Line, compare_server, open_packet, plan_card, plan_manifest
from registry.imports.agentcard import read_card
from registry.imports.manifest import read_manifest
from registry.imports.mcp import read_tools
from registry.imports.reading import Unreadable
from web.api import Api, Strict, answer, given, idempotent

WRITE = {"POST": Scope.REGISTRY_WRITE.value}


class ImportNew(Strict):
    """A text to import. Without `apply` nothing is written."""

    text = serializers.CharField(trim_whitespace=False, help_text="What is in the file, at most 10 MB.")
    apply = serializers.BooleanField(default=False)
    seen = serializers.CharField(required=False, help_text="With `apply`: the preview's `digest`.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Nobody applies what they have not seen."""
        if attrs["apply"] and not attrs.get("seen"):
            raise serializers.ValidationError({"seen": ["Ask without apply first, and send the answer's digest here."]})
        return attrs


class ToolImportNew(ImportNew):
    """A text whose tools may be new to the catalogue."""

    looked = serializers.BooleanField(
        default=False,
        help_text="That you, a person, looked at what each new tool does. Without it a new tool that is said to do less "
        "counts as irreversible, and what is said of it becomes a proposal.",
    )


class ServerImportNew(ToolImportNew):
    """The answer of an MCP server to tools/list."""

    server = serializers.CharField(help_text="As agents' configurations name it, for example git.")


class CardImportNew(ImportNew):
    """An A2A AgentCard. Team and owner are needed to register an agent that is not known yet."""

    team = serializers.SlugField(required=False)
    owner_email = serializers.EmailField(required=False)


class ImportLine(serializers.Serializer):
    """One thing that importing does, or does not."""

    part = serializers.CharField()
    what = serializers.CharField()
    outcome = serializers.ChoiceField(["new", "changed", "proposed", "kept", "same", "gone", "left"])
    before = serializers.CharField()
    after = serializers.CharField()
    why = serializers.CharField()


class ImportBody(serializers.Serializer):
    """What importing would do, or has done."""

    applied = serializers.BooleanField()
    acts = serializers.BooleanField(help_text="Whether it would write anything, or has.")
    digest = serializers.CharField(
        help_text="Of all that is said here; send it as `seen` to apply this and nothing else."
    )
    problems = serializers.ListField(child=serializers.CharField(), help_text="What stands in its way.")
    lines = ImportLine(many=True)
    packet = serializers.UUIDField(
        required=False, allow_null=True, help_text="Of a manifest that was applied: the open packet of its version."
    )


class Importing(Api):
    """Base: faults of the text are answered by their path."""

    scopes = WRITE

    def handle_exception(self, exc: Exception) -> Any:
        """A text that cannot be taken is 422, with each fault's path and reason."""
        if isinstance(exc, Unreadable):
            errors: dict[str, list[str]] = {}
            for fault in exc.faults:
                errors.setdefault(fault.path or "text", []).append(fault.reason)
            exc = serializers.ValidationError(errors)
        return super().handle_exception(exc)


class ManifestImport(Importing):
    """Importing an agent's manifest."""

    @extend_schema(operation_id="imports_manifest", request=ToolImportNew, responses={200: ImportBody, 201: ImportBody})
    @idempotent
    def post(self, request: Request) -> HttpResponse:
        """What importing this `portcullis.yaml` would do; with `apply` and `seen`, does it."""
        said = given(ToolImportNew, request.data)
        manifest, cautious = read_manifest(_bytes(said)), not said["looked"]
        if manifest.packet:
            needs(request, Scope.PACKETS_WRITE)
        plan = plan_manifest(manifest, request.user, cautious=cautious)
        body = _body(plan, [(title, line) for title, lines in plan.parts for line in lines], plan.problems)
        if not said["apply"]:
            return answer(body)
        actions.import_agent(
            manifest=manifest, seen=said["seen"], by=request.user, looked=said["looked"], cautious=cautious
        )
        packet = open_packet(manifest, request.user)
        return _applied({**body, "packet": packet}, reverse("api_agent", args=[manifest.slug]))


class ToolsImport(Importing):
    """Importing an MCP server's tools."""

    @extend_schema(operation_id="imports_tools", request=ServerImportNew, responses={200: ImportBody, 201: ImportBody})
    @idempotent
    def post(self, request: Request) -> HttpResponse:
        """What importing this answer to `tools/list` would do; with `apply` and `seen`, does it."""
        said = given(ServerImportNew, request.data)
        found, cautious = read_tools(_bytes(said), said["server"]), not said["looked"]
        compared = compare_server(found, request.user, cautious=cautious)
        body = _body(compared, [("Tools", line) for line in compared.lines])
        if not said["apply"]:
            return answer(body)
        actions.import_tools(found=found, seen=said["seen"], by=request.user, looked=said["looked"], cautious=cautious)
        return _applied(body, reverse("api_tool_list"))


class CardImport(Importing):
    """Importing an A2A AgentCard."""

    @extend_schema(operation_id="imports_card", request=CardImportNew, responses={200: ImportBody, 201: ImportBody})
    @idempotent
    def post(self, request: Request) -> HttpResponse:
        """What importing this card would do; with `apply` and `seen`, does it."""
        said = given(CardImportNew, request.data)
        card = read_card(_bytes(said))
        plan = plan_card(card, request.user)
        body = _body(plan, [("Its card", line) for line in plan.lines])
        if not said["apply"]:
            return answer(body)
        team = Team.objects.visible_to(request.user).filter(slug=said.get("team", "")).first()
        people = Person.objects.visible_to(request.user).people().filter(is_active=True)
        owner = people.filter(email=said.get("owner_email", "").lower()).first()
        agent = actions.import_card(card=card, seen=said["seen"], by=request.user, team=team, owner=owner)
        return _applied(body, reverse("api_agent", args=[agent.slug]))


def _bytes(said: dict[str, Any]) -> bytes:
    return str(said["text"]).encode("utf-8", "surrogatepass")


def _body(plan: Any, lines: Iterable[tuple[str, Line]], problems: Iterable[str] = ()) -> dict[str, Any]:
    return {
        "applied": False,
        "acts": plan.acts,
        "digest": plan.digest,
        "problems": list(problems),
        "lines": [
            {"part": part, **{name: getattr(line, name) for name in ("what", "outcome", "before", "after", "why")}}
            for part, line in lines
        ],
    }


def _applied(body: dict[str, Any], location: str) -> HttpResponse:
    return answer({**body, "applied": True}, 201, location=location)


urlpatterns = [
    path("imports/manifest", ManifestImport.as_view(), name="api_import_manifest"),
    path("imports/tools", ToolsImport.as_view(), name="api_import_tools"),
    path("imports/card", CardImport.as_view(), name="api_import_card"),
]
