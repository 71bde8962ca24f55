"""The request as views behind the sign-in see it."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from accounts.models import Person


class Request(HttpRequest):
    """A request of somebody who is signed in (the login middleware lets no other through), with what htmx says."""

    user: Person
    htmx: HtmxDetails
