"""Where a page of a long list ended, as text for an address: the values of the two columns that the list is ordered by."""

import base64
import binascii
from typing import Any

import orjson
from django.core.exceptions import ValidationError
from django.db.models import Field

from web.errors import Invalid
from web.media import dumps


def encoded(values: Any) -> str:
    """The place of a row: the values of its two columns."""
    return base64.urlsafe_b64encode(dumps(list(values))).decode().rstrip("=")


def decoded(place: str, second: "Field[Any, Any]") -> tuple[str, Any]:
    """What `encoded` was given, the second as a value of its column. Raises Invalid."""
    try:
        one, other = orjson.loads(base64.urlsafe_b64decode(place + "=" * (-len(place) % 4)))
        if not isinstance(one, str) or "\0" in one or not isinstance(other, str) or "\0" in other:
            raise ValueError(place)
        return one, second.to_python(other)
    except (ValueError, TypeError, binascii.Error, ValidationError) as error:
        raise Invalid("`after` is not where a page of ours ended. Begin again without it.") from error
