"""Errors of the API as RFC 9457 problem details. Settings name `handler` as DRF's EXCEPTION_HANDLER."""

from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, JsonResponse
from rest_framework import exceptions

from web.errors import Invalid, Refusal

MEDIA_TYPE = "application/problem+json"


def problem(status: int, detail: str, **members: Any) -> JsonResponse:
    """A problem document: `status`, its standard title, `detail` as a sentence, and any further members."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **members}
    return JsonResponse(body, status=status, content_type=MEDIA_TYPE)


def handler(error: Exception, context: dict[str, Any]) -> JsonResponse | None:
    """The answer to `error` in an API view; None for what is a defect of ours, which Django reports."""
    if isinstance(error, Refusal):
        more = {"problems": error.problems} if isinstance(error, Invalid) else {}
        response = problem(error.status, str(error), **more)
    elif isinstance(error, Http404):
        response = problem(404, "There is nothing here, or nothing that you may see.")
    elif isinstance(error, PermissionDenied):
        response = problem(403, str(error) or "You have no right to this.")
    elif isinstance(error, exceptions.ValidationError):
        response = problem(422, "Some of what was sent does not hold.", errors=error.detail)
    elif isinstance(error, exceptions.APIException):
        response = problem(error.status_code, str(error.detail))
        if header := getattr(error, "auth_header", None):
            response["WWW-Authenticate"] = header
        if wait := getattr(error, "wait", None):
            response["Retry-After"] = str(int(wait))
    else:
        return None
    return response
