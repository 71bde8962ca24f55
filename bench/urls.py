"""The portal's addresses and one bare view."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import path

from portal.urls import urlpatterns as portal_urls


@login_not_required
def bare(request: HttpRequest) -> HttpResponse:
    """What Django and the middleware cost by themselves."""
    return HttpResponse("ok")


urlpatterns = [path("bench/bare", bare), *portal_urls]
