"""JSON in and out of the API. Apart from `web.api`, because DRF's views read the settings that name these."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
from rest_framework import exceptions, status
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

LARGEST = 10 * 1024 * 1024
"""Bytes of a request's body."""


class TooLarge(exceptions.APIException):
    """413."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"A request holds at most {LARGEST // 1024 // 1024} MB."


class JSONParser(BaseParser):
    """Reads a body of at most LARGEST bytes as strict JSON; nesting deeper than orjson's limit is an error, no crash."""

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        """The object. Raises TooLarge, or ParseError with the place."""
        body = stream.read(LARGEST + 1)
        if len(body) > LARGEST:
            raise TooLarge()
        try:
            parsed = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise exceptions.ParseError(f"The body is no JSON: {error}.") from error
        if not isinstance(parsed, dict):
            raise exceptions.ParseError("The body must be a JSON object.")
        return parsed


class JSONRenderer(BaseRenderer):
    """Writes JSON."""

    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """`data` as JSON bytes."""
        return dumps(data)


def dumps(data: Any) -> bytes:
    """`data` as JSON: times in UTC with Z, decimals as strings."""
    return orjson.dumps(data, default=_plain, option=orjson.OPT_UTC_Z)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(f"an answer does not hold a {type(value).__name__}")
