"""Every kind of token against every route of the API: what `tokens_may_what.txt` says is what happens."""

import datetime as dt
from pathlib import Path

import pytest
from django.test import Client
from django.urls import resolve, reverse

from accounts import actions
from accounts.models import Person
from accounts.roles import Scope
from accounts.tokens import add_service_account, make_token, revoke_token
from portal.tests.test_who_may_what import Scene, our_url_names, scene  # noqa: F401  (scene is a fixture)
from work import clock

TABLE = Path(__file__).with_name("tokens_may_what.txt")
LINES = [line.split() for line in TABLE.read_text().splitlines() if line.strip() and not line.startswith("#")]
COLUMNS = LINES[0][2:]
ROWS = {(method, name): dict(zip(COLUMNS, cells, strict=True)) for method, name, *cells in LINES[1:]}


def secret(person, by=None, scopes=Scope.values, days=30):
    """A new token, as its maker sees it once."""
    return make_token(person=person, name="test", scopes=list(scopes), days=days, by=by or person)


class Holder(Scene):
    """The scene, asked by tokens instead of by browsers."""

    def __init__(self, scene):  # noqa: F811
        self.__dict__.update(scene.__dict__)
        world = self.world
        service = add_service_account(team=world.team, name="Pipeline", purpose="CI", by=world.member)
        revoked = secret(world.member)
        revoke_token(token=revoked.token, by=world.member)
        with clock.at(clock.now() - dt.timedelta(days=8)):
            expired = secret(world.member, days=7)
        left = secret(world.author)
        actions.deactivate(person=world.author, by=world.admin)
        self.secrets = {
            "service": secret(service.person, by=world.member).secret,
            "member": secret(world.member).secret,
            "outsider": secret(world.outsider).secret,
            "expired": expired.secret,
            "revoked": revoked.secret,
            "left": left.secret,
        }
        for scope in Scope.values:
            self.secrets[f"without {scope}"] = secret(world.member, scopes=set(Scope.values) - {scope}).secret

    def client(self, column):
        """A script with the token that the column names."""
        return column

    def send(self, client, method, name, url):
        """The request, with the token."""
        if client == "unscoped":
            client = f"without {resolve(url).func.view_class.scopes[method]}"
        self.response = Scene.send(self, Client(), method, name, url, Authorization=f"Bearer {self.secrets[client]}")
        return self.response


@pytest.fixture
def holder(scene):  # noqa: F811
    return Holder(scene)


def test_every_route_is_in_the_table():
    assert {name for name in our_url_names() if name.startswith("api_")} - {"api_schema"} == {name for _, name in ROWS}


def test_a_token_may_what_the_table_says_and_nothing_else(holder):
    wrong = []
    for (method, name), cells in ROWS.items():
        for column, expected in cells.items():
            got = holder.outcome(method, name, column)
            challenge = holder.response.headers.get("WWW-Authenticate", "")
            if got == "no" and "insufficient_scope" in challenge:
                got = "scope"
            if got == "who":
                assert "invalid_token" in challenge
            if got in ("who", "no", "none", "scope"):
                assert holder.response["Content-Type"] == "application/problem+json"
            if got != expected:
                wrong.append(f"{method} {name} as {column}: {got}, the table says {expected}")
    assert not wrong, "\n".join(wrong)


def test_a_service_account_is_told_why_it_does_not_submit(holder):
    url = reverse("api_packet_submit", args=holder.args["api_packet_submit"])
    detail = holder.send("service", "POST", "api_packet_submit", url).json()["detail"]
    assert "Pipeline is a service account" in detail and "never submits a packet" in detail
    assert "a person of its team" in detail


def test_a_token_opens_no_page(holder):
    for name in ("home", "agent_list", "token_list"):
        response = Client().get(reverse(name), headers={"Authorization": f"Bearer {holder.secrets['member']}"})
        assert response.status_code == 302 and response.url.startswith(reverse("account_login"))


def test_who_has_left_is_told_nothing_of_the_scopes(holder):
    response = holder.send("left", "GET", "api_agents", reverse("api_agents"))
    assert response.json()["detail"] == "The holder of this token has left."
    assert not Person.objects.get(pk=holder.world.ids["author"]).is_active
