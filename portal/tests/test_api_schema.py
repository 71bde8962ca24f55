"""The OpenAPI document: valid, and every route and method of the API is in it."""

import re

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse
from drf_spectacular.validation import validate_schema

from accounts.tokens import make_token
from approvals.actions import evaluate


@pytest.fixture
def document(db):
    response = Client().get(reverse("api_schema"))
    assert response.status_code == 200
    return response.json()


def routes():
    """Every route of the API with its methods: {(path, method)}, parameters as {}."""
    found, stack = set(), [("", get_resolver())]
    while stack:
        prefix, resolver = stack.pop()
        for pattern in resolver.url_patterns:
            path = f"{prefix}{pattern.pattern}"
            if not isinstance(pattern, URLPattern):
                stack.append((path, pattern))
            elif path.startswith("api/v1/") and pattern.name not in (None, "api_schema"):
                view = pattern.callback.view_class
                methods = [one for one in ("get", "post", "put", "patch", "delete") if hasattr(view, one)]
                found |= {("/" + re.sub(r"<[^>]+>", "{}", path), method) for method in methods}
    return found


def test_it_is_valid_openapi_3_1(document):
    assert document["openapi"].startswith("3.1")
    validate_schema(document)


def test_every_route_and_method_is_in_it(document):
    described = {
        (re.sub(r"{[^}]+}", "{}", path), method) for path, item in document["paths"].items() for method in item
    }
    assert described == routes() and len(described) > 15


def test_every_operation_says_how_to_sign_in_what_it_answers_and_its_header(document):
    for item in document["paths"].values():
        for method, operation in item.items():
            assert {"token": []} in operation["security"]
            assert "application/problem+json" in operation["responses"]["default"]["content"]
            assert any(code.startswith("2") for code in operation["responses"])
            headers = {one["name"]: one["required"] for one in operation.get("parameters", []) if one["in"] == "header"}
            wanted = {"post": {"Idempotency-Key": False}, "get": {}}.get(method, {"If-Match": True})
            assert headers == wanted


def test_what_routes_answer_is_what_it_says(world, document, promotable):
    """Each answer has exactly the members that its schema names."""
    scopes = ["registry:read", "evidence:read"]
    secret = make_token(person=world.member, name="t", scopes=scopes, days=1, by=world.member).secret
    decision = evaluate(packet=promotable, by=None)
    addresses = {
        "/api/v1/agents/{slug}/": f"/api/v1/agents/{promotable.agent.slug}/",
        "/api/v1/packets/{id}/": f"/api/v1/packets/{promotable.pk}/",
        "/api/v1/packets/{id}/sections/{number}": f"/api/v1/packets/{promotable.pk}/sections/7",
        "/api/v1/packets/{id}/compare": f"/api/v1/packets/{promotable.pk}/compare",
        "/api/v1/decisions/{id}/": f"/api/v1/decisions/{decision.pk}/",
    }
    lists = ["agents", "catalogue/data", "catalogue/tools", "sources"]
    addresses |= {f"/api/v1/{name}/": f"/api/v1/{name}/" for name in lists}
    for path, address in addresses.items():
        body = Client().get(address, headers={"Authorization": f"Bearer {secret}"}).json()
        schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert _members(document, schema) == set(body), path
        for name, rows in body.items():
            if path.removesuffix("/").rsplit("/")[-1] in ("agents", "data", "tools", "sources") and rows:
                one = _resolved(document, schema)["properties"][name].get("items")
                assert one is None or _members(document, one) == set(rows[0]), path


def _resolved(document, schema):
    return document["components"]["schemas"][schema["$ref"].rsplit("/")[-1]]


def _members(document, schema):
    return set(_resolved(document, schema)["properties"])
