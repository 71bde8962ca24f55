"""Pages for what machines use: one's own API tokens, and the service accounts of one's teams."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts import tokens
from accounts.forms import ServiceAccountForm, TokenForm
from accounts.models import ApiToken, Person, ServiceAccount
from accounts.requests import Request
from web.views import acting, kept, page


@acting("token_list")
def token_list(request: Request) -> HttpResponse:
    """One's own tokens; on a POST make one, and show it this once."""
    return _tokens(request, request.user, "accounts/tokens.html", {})


@acting("service_detail")
def service_detail(request: Request, pk: UUID) -> HttpResponse:
    """One service account with its tokens; on a POST make one, and show it this once. 404 for other teams."""
    service = _service(request, pk)
    context = {"service": service, "manages": tokens.may_manage(service.team, request.user)}
    return _tokens(request, service.person, "accounts/service.html", context)


def _tokens(request: Request, person: Person, template: str, context: dict[str, object]) -> HttpResponse:
    form, made = TokenForm(request.POST or None), None
    if request.method == "POST" and form.is_valid():
        with kept(form):
            made = tokens.make_token(person=person, **form.cleaned_data, by=request.user)
            form = TokenForm()
    rows = ApiToken.objects.visible_to(request.user).filter(person=person).select_related("created_by", "person")
    # Not redirected after the POST: the token is in this answer alone, and in no session or message.
    response = page(request, template, {**context, "form": form, "made": made, "tokens": rows})
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@acting("token_list")
def token_revoke(request: Request, pk: UUID) -> HttpResponse:
    """End a token. 404 for one that is not one's own to see."""
    token = get_object_or_404(ApiToken.objects.visible_to(request.user).select_related("person"), pk=pk)
    tokens.revoke_token(token=token, by=request.user)
    messages.success(request, f"{token.name} is revoked. What still uses it is refused from now on.")
    if token.person.is_service:
        return redirect("service_detail", token.person_id)
    return redirect("token_list") if token.person_id == request.user.pk else redirect("person_detail", token.person_id)


def service_list(request: Request) -> HttpResponse:
    """The service accounts of one's teams; platform admins and auditors see all."""
    rows = ServiceAccount.objects.visible_to(request.user).select_related("person", "team", "created_by")
    return page(
        request,
        "accounts/service_list.html",
        {"services": rows, "may_add": request.user.is_admin or bool(request.user.team_ids)},
    )


@acting("service_list")
def service_new(request: Request) -> HttpResponse:
    """Make a service account."""
    form = ServiceAccountForm(request.POST or None, person=request.user)
    if request.method == "POST" and form.is_valid():
        with kept(form):
            service = tokens.add_service_account(**form.cleaned_data, by=request.user)
            messages.success(request, f"{service.person.name} is there. Make its first token below.")
            return redirect("service_detail", service.pk)
    return page(request, "accounts/service_new.html", {"form": form})


@require_POST
@acting("service_detail")
def service_retire(request: Request, pk: UUID) -> HttpResponse:
    """End a service account with all its tokens."""
    service = _service(request, pk)
    tokens.retire_service_account(service=service, by=request.user)
    messages.success(request, f"{service.person.name} is retired, and its tokens with it.")
    return redirect("service_detail", service.pk)


def _service(request: Request, pk: UUID) -> ServiceAccount:
    rows = ServiceAccount.objects.visible_to(request.user).select_related("person", "team", "created_by")
    return get_object_or_404(rows, pk=pk)
