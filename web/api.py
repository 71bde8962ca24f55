"""What every route of the API shares: JSON in and out, `ETag` and `If-Match`, keyset pages, `Idempotency-Key`."""

import datetime as dt
import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import orjson
from django.db import IntegrityError, transaction
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpResponse, HttpResponseBase
from django.urls import resolve
from django.utils import timezone
from rest_framework import exceptions, serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from web.errors import Conflict, Invalid, Stale, Unconditional
from web.keyset import decoded, encoded
from web.media import dumps
from web.models import IdempotentAnswer

M = TypeVar("M", bound=Model)
Route = Callable[..., HttpResponseBase]

PAGE, LARGEST_PAGE = 50, 200
KEPT = dt.timedelta(days=1)
"""How long a create can be asked again with its `Idempotency-Key`."""


class Api(APIView):
    """Base of the API's views. `scopes` says which scope a token needs, by method; what it leaves out no token does."""

    scopes: ClassVar[dict[str, str]] = {}

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Answers are this caller's alone."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response.setdefault("Cache-Control", "private, no-cache")
        return response


class Strict(serializers.Serializer):
    """A serializer that refuses what it does not know, so that a misspelt field is not silently left out."""

    def to_internal_value(self, data: Any) -> Any:
        """The values. Raises ValidationError, also for unknown names."""
        fields = [name for name, field in self.fields.items() if not field.read_only]
        if isinstance(data, Mapping) and (unknown := sorted(set(data) - set(fields))):
            known = ", ".join(sorted(fields))
            raise serializers.ValidationError(
                {name: [f"There is no such field here; known are {known}."] for name in unknown}
            )
        return super().to_internal_value(data)


class PageQuery(Strict):
    """What a list's address may say."""

    after = serializers.CharField(
        required=False, allow_blank=True, help_text="Where the page before this one ended: its `next`."
    )
    limit = serializers.IntegerField(required=False, default=PAGE, min_value=1, max_value=LARGEST_PAGE)


def given(serializer: type[serializers.Serializer], data: Any, **more: Any) -> dict[str, Any]:
    """`data` as `serializer` reads it. Raises ValidationError, which answers 422 with each field's errors."""
    reader = serializer(data=data, **more)
    reader.is_valid(raise_exception=True)
    return dict(reader.validated_data)


def asked(serializer: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    """What the address says after its question mark."""
    return given(serializer, request.query_params.dict())


def answer(data: Any, code: int = 200, *, etag: str = "", location: str = "") -> HttpResponse:
    """`data` as JSON, with its headers."""
    response = HttpResponse(dumps(data), status=code, content_type="application/json")
    if etag:
        response["ETag"] = etag
    if location:
        response["Location"] = location
    return response


def etag_of(data: Any) -> str:
    """A strong tag of `data`: SHA-256 of its JSON."""
    return f'"{hashlib.sha256(dumps(data)).hexdigest()[:32]}"'


def tagged(request: Request, data: Any, etag: str = "") -> HttpResponse:
    """`data` with its tag; 304 where the caller has it already (`If-None-Match`)."""
    etag = etag or etag_of(data)
    if etag in _tags(request.headers.get("If-None-Match", "")):
        response = HttpResponse(status=304)
        response["ETag"] = etag
        return response
    return answer(data, etag=etag)


def _tags(header: str) -> set[str]:
    return {one.strip() for one in header.split(",")}


def if_match(request: Request, etag: str) -> None:
    """Let a change pass only if it was made from the newest version. Call it with the row's lock held.

    Raises Unconditional (428) where the caller did not say, Stale (412) where somebody was quicker.
    """
    said = request.headers.get("If-Match", "")
    if not said:
        raise Unconditional("Say which version you change: read it, and send its ETag as If-Match.")
    if said != "*" and etag not in _tags(said):
        raise Stale("Somebody changed this after you read it. Read it again, then send your change with its new ETag.")


def keyset(rows: QuerySet[M], by: Sequence[str], after: str, limit: int, columns: Sequence[str]) -> tuple[Any, str]:
    """One page of `rows` as tuples of `columns`, in the order of the two columns `by`, and where the next one begins.

    The second of `by` is unique. A page costs the same however deep it lies: it starts in the index, not at the top.
    """
    first, second = by
    if after:
        one, other = decoded(after, rows.model._meta.get_field(second))  # type: ignore[arg-type]
        # The first condition alone is what the index can start at.
        rows = rows.filter(**{f"{first}__gte": one}).filter(Q(**{f"{first}__gt": one}) | Q(**{f"{second}__gt": other}))
    found = list(rows.order_by(first, second).values_list(*by, *columns)[: limit + 1])
    following = encoded(found[limit - 1][:2]) if len(found) > limit else ""
    return [row[2:] for row in found[:limit]], following


def next_page(request: Request, following: str) -> str | None:
    """The address of the page that begins at `following`, with the same filters; None after the last."""
    if not following:
        return None
    query = request.query_params.copy()
    query["after"] = following
    return f"{request.path}?{query.urlencode()}"


def idempotent(route: Route) -> Route:
    """Decorate a create: with an `Idempotency-Key` it happens once, and asking again gives the same answer.

    The key's row is written in the create's own transaction: of two requests at once the second waits for the first.
    A create that was refused leaves no row, since it has changed nothing. The same key for something else is 409.
    """

    @functools.wraps(route)
    def run(view: APIView, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        key = request.headers.get("Idempotency-Key", "")
        if not key:
            return route(view, request, *args, **kwargs)
        if len(key) > 255 or not key.isprintable() or not key.isascii():
            raise Invalid("An Idempotency-Key is at most 255 printable characters, for example a UUID.")
        said = f"{request.method} {request.path}\n".encode() + orjson.dumps(request.data, option=orjson.OPT_SORT_KEYS)
        return _once(lambda: route(view, request, *args, **kwargs), str(request.user.pk), key, said)

    return run


@transaction.atomic
def _once(act: Callable[[], HttpResponseBase], caller: str, key: str, said: bytes) -> HttpResponseBase:
    now = timezone.now()
    IdempotentAnswer.objects.filter(expires_at__lte=now).delete()
    wanted = hashlib.sha256(said).hexdigest()
    try:
        with transaction.atomic():
            row = IdempotentAnswer.objects.create(caller=caller, key=key, asked=wanted, expires_at=now + KEPT)
    except IntegrityError:
        row = IdempotentAnswer.objects.get(caller=caller, key=key)
        if row.asked != wanted:
            raise Conflict("This Idempotency-Key was used for another request. Take a new one.") from None
        replay = HttpResponse(bytes(row.body), status=row.status, headers=row.headers)
        replay["Idempotency-Replayed"] = "true"
        return replay
    response = act()
    if isinstance(response, HttpResponse):
        row.status, row.body = response.status_code, response.content
        row.headers = {name: response[name] for name in ("Content-Type", "ETag", "Location") if name in response}
        row.save(update_fields=["status", "body", "headers"])
    return response


class Nowhere(Api):
    """Whatever lies below the API's address and is no route: 404 as a problem, not as a page."""

    permission_classes = [AllowAny]
    authentication_classes = []
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse every method alike."""
        if resolve(f"{request.path}/").func is not resolve(request.path).func:
            raise exceptions.NotFound(f"There is nothing here. Did you mean {request.path}/ with a slash at its end?")
        raise Http404()


PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was wrong and what to do, in words."},
        "problems": {"type": "array", "items": {"type": "string"}},
        "errors": {"type": "object", "description": "Errors by field."},
    },
}


def with_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Hook of drf-spectacular: every operation may answer with a problem, and creates and changes take their header."""
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in result["paths"].values():
        for method, operation in path.items():
            operation["responses"]["default"] = {"description": "What was wrong, in words.", "content": content}
            headers = {"post": ("Idempotency-Key", False), "patch": ("If-Match", True), "put": ("If-Match", True)}
            if method in headers:
                name, required = headers[method]
                parameter = {"in": "header", "name": name, "required": required, "schema": {"type": "string"}}
                operation.setdefault("parameters", []).append(parameter)
    return result
