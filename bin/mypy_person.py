"""A mypy plugin: `request.user` is a Person.

LoginRequiredMiddleware lets nobody else reach a view; django-stubs cannot know that and says "or AnonymousUser".
The few views marked `login_not_required` do not read it as a Person.
"""

from __future__ import annotations

from collections.abc import Callable

from mypy.plugin import AttributeContext, Plugin
from mypy.types import Type, UnionType, get_proper_type

_USERS = {"django.http.request.HttpRequest.user", "rest_framework.request.Request.user"}


def _person(context: AttributeContext) -> Type:
    found = get_proper_type(context.default_attr_type)
    if not isinstance(found, UnionType):
        return found
    return UnionType.make_union([one for one in found.items if "AnonymousUser" not in str(one)])


class PersonPlugin(Plugin):
    """Takes AnonymousUser out of what django-stubs declares."""

    def get_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        return _person if fullname in _USERS else None


def plugin(version: str) -> type[Plugin]:
    """What mypy asks for."""
    return PersonPlugin
