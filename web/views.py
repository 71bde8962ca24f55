"""What every view is made of: a page or its part, an act that may be refused, a list in pages, the choice of colours."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from web.errors import Invalid, Refusal

M = TypeVar("M", bound=Model)
S = TypeVar("S")
View = Callable[..., HttpResponse]

UNPROCESSABLE = 422
SECRET_FIELDS = ("csrfmiddlewaretoken", "password", "credential", "code")
"""What a page never gives back, though it was typed."""


def page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    part: str = "",
    status: int | None = None,
) -> HttpResponse:
    """Render `template`; for htmx only its partial `part`, where one is named.

    The status is `status`, else after a POST that of a form in the context that was refused (422 where it does not
    hold), else 200.
    """
    context = context or {}
    if status is None and request.method == "POST":
        status = max((_form_status(value) for value in context.values() if isinstance(value, BaseForm)), default=200)
    htmx = getattr(request, "htmx", None)
    if part and htmx and not htmx.boosted:
        template = f"{template}#{part}"
    response = render(request, template, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _form_status(form: BaseForm) -> int:
    refusal: Refusal | None = getattr(form, "refusal", None)
    if refusal is not None:
        return refusal.status
    return UNPROCESSABLE if form.is_bound and form.errors else 200


@contextmanager
def kept(form: BaseForm) -> Iterator[None]:
    """Run an act inside; a refusal becomes the form's error, so that the page shows it above what was typed.

    if request.method == "POST" and form.is_valid():
        with kept(form):
            agent = register_agent(**form.cleaned_data, by=request.user)
            return redirect("agent_detail", agent.slug)
    return page(request, "registry/agent_new.html", {"form": form})
    """
    try:
        yield
    except Refusal as refusal:
        form.refusal = refusal  # type: ignore[attr-defined]
        for sentence in refusal.problems if isinstance(refusal, Invalid) else [str(refusal)]:
            form.add_error(None, sentence)


def acting(back: str = "") -> Callable[[View], View]:
    """Decorate a view that acts on a POST: a refusal becomes a page, never a crash.

    Denied: a page with status 403 that says why. Conflict and Invalid: where nothing was typed (a mere button), a
    message on the page named `back` (a URL name that takes the view's own arguments; without one, the page that the
    button stood on); where words were typed, a page with status 409 or 422 that gives them back. For htmx it is a
    fragment for `#messages`, and the form stays as it is.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                return view(request, *args, **kwargs)
            except Refusal as refusal:
                return refused(request, refusal, _back(request, back, args, kwargs))

        return run

    return decorate


def refused(request: HttpRequest, refusal: Refusal, back: str) -> HttpResponse:
    """The answer to an act that was refused; `back` is the address that the person came from."""
    problems = refusal.problems if isinstance(refusal, Invalid) else [str(refusal)]
    context = {"refusal": refusal, "problems": problems, "back": back}
    if getattr(request, "htmx", None):
        response = HttpResponse(render_to_string("web/refusal.html", context, request), status=refusal.status)
        response["HX-Retarget"] = "#messages"
        response["HX-Reswap"] = "innerHTML show:top"
        return response
    typed = [(key, value) for key in request.POST for value in request.POST.getlist(key) if key not in SECRET_FIELDS]
    words = [(key, value) for key, value in typed if " " in value.strip() or len(value) > 40]
    if refusal.status == 403 or words:
        return render(request, "web/refused.html", {**context, "typed": words}, status=refusal.status)
    for sentence in problems:
        messages.error(request, sentence)
    return redirect(back)


def _back(request: HttpRequest, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    if name:
        try:
            return reverse(name, args=args or None, kwargs=kwargs or None)
        except NoReverseMatch:
            return reverse(name)
    referer = request.headers.get("Referer", "")
    if _is_ours(request, referer):
        return referer
    return "/"


def _is_ours(request: HttpRequest, url: str) -> bool:
    return url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()}, require_https=request.is_secure())


def paged(request: HttpRequest, rows: QuerySet[M], each: int = 50) -> "Page[M]":
    """The page of `rows` that the URL asks for (`?page=2`), with two queries. A page that is not there is the nearest."""
    return Paginator(rows, each).get_page(request.GET.get("page"))


def keyset_slice(request: HttpRequest, take: Callable[..., S]) -> S:
    """The part of a list that the address asks for (`?after=`, `?before=`); from the top where it names no place.

    `take(after=…, before=…)` gives it. Where `paged` counts all rows, this costs the same however many there are.
    """
    try:
        return take(after=request.GET.get("after", ""), before=request.GET.get("before", ""))
    except Invalid:
        return take(after="", before="")


def whole(text: str, otherwise: int = 0) -> int:
    """The whole number that a form or an address gives; `otherwise` where it is none, or more than a column holds."""
    return int(text) if text.isdecimal() and len(text) < 19 else otherwise


@login_not_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keep the colours chosen (light, dark, else the system's) in a cookie for a year, and go back."""
    target = request.POST.get("next", "/")
    response = (
        HttpResponse(status=204)
        if getattr(request, "htmx", None)
        else redirect(target if _is_ours(request, target) else "/")
    )
    chosen = request.POST.get("theme")
    if chosen in ("light", "dark"):
        year = 365 * 24 * 3600
        response.set_cookie("theme", chosen, max_age=year, samesite="Lax", secure=request.is_secure(), httponly=True)
    else:
        response.delete_cookie("theme")
    return response
