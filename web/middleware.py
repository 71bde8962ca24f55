"""What every request passes before anything reads it."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

WORDS = "The address holds a zero byte, which no name here does. Take it out, or follow a link instead."


def no_zero_bytes(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Answer 400 to a page's address with a zero byte in it: PostgreSQL keeps no such text, and would refuse to look for it.
    The API's routes say so themselves, with the parameter's name."""

    def middleware(request: HttpRequest) -> HttpResponse:
        asked = request.META.get("QUERY_STRING", "")
        if request.path.startswith("/api/") or ("\0" not in request.path and "%00" not in asked):
            return get_response(request)
        return render(request, "400.html", {"words": WORDS}, status=400)

    return middleware
