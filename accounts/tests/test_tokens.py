"""API tokens: made once, kept as a digest, narrow, ending."""

import datetime as dt
import hashlib
import json

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts import actions, tokens
from accounts.models import ApiToken
from work import clock
from work.acts import Conflict, Denied, Invalid


def make(world, key="member", by=None, **values):
    person = world.person(key)
    given = {"name": "Nightly", "scopes": ["registry:read"], "days": 30, "by": by or person, **values}
    return tokens.make_token(person=person, **given)


def ask(secret, scheme="Bearer"):
    return Client().get(reverse("api_agents"), headers={"Authorization": f"{scheme} {secret}"})


class TestMaking:
    def test_only_the_digest_of_32_random_bytes_is_kept(self, world):
        made = make(world)
        row = ApiToken.objects.filter(pk=made.token.pk).values().get()
        assert made.secret not in str(row) and made.secret.split("_", 2)[2] not in str(row)
        assert row["sha256"] == hashlib.sha256(made.secret.encode()).hexdigest()
        assert len(made.secret.split("_", 2)[2]) == 43 and made.secret.startswith(row["prefix"] + "_")
        assert make(world).secret != made.secret

    def test_the_ledger_names_the_prefix_and_neither_token_nor_digest(self, world):
        made = make(world)
        tokens.revoke_token(token=made.token, by=world.member)
        entries = world.entries(f"user:{world.ids['member']}")[-2:]
        assert [one["kind"] for one in entries] == ["token.made", "token.revoked"]
        assert entries[0]["data"]["prefix"] == made.token.prefix
        assert made.secret not in json.dumps(entries) and made.token.sha256 not in json.dumps(entries)

    @pytest.mark.parametrize(
        "values",
        [{"name": " "}, {"name": "n" * 101}, {"scopes": []}, {"scopes": ["everything"]}, {"days": 0}, {"days": 366}],
    )
    def test_what_does_not_hold_is_refused(self, world, values):
        with pytest.raises(Invalid):
            make(world, **values)
        assert not ApiToken.objects.exists()

    def test_the_database_refuses_a_token_without_an_end_within_a_year(self, world):
        token = make(world, days=365).token
        for change in (
            {"expires_at": token.created_at + dt.timedelta(days=365, seconds=1)},
            {"expires_at": token.created_at},
            {"scopes": []},
            {"scopes": ["registry:read", "sign"]},
            {"sha256": "plain"},
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                ApiToken.objects.filter(pk=token.pk).update(**change)

    def test_nobody_makes_a_token_of_somebody_else_not_even_an_admin(self, world):
        for by in (world.admin, world.owner):
            with pytest.raises(Denied, match="their own tokens"):
                make(world, by=by)

    def test_a_token_makes_no_token_and_ends_none(self, world):
        made = make(world)
        machine = tokens.bearer(made.secret).person
        with pytest.raises(Denied, match="An API token never makes another token"):
            make(world, by=machine)
        with pytest.raises(Denied, match="never revokes"):
            tokens.revoke_token(token=made.token, by=machine)

    def test_who_has_left_gets_no_token(self, world):
        actions.deactivate(person=world.member, by=world.admin)
        with pytest.raises(Conflict):
            make(world)


class TestUsing:
    def test_a_valid_token_reads_as_its_person(self, world):
        assert ask(make(world).secret).status_code == 200
        assert tokens.bearer(make(world).secret).person == world.member

    @pytest.mark.parametrize(
        "twist",
        [
            lambda s: s[:-1] + ("A" if s[-1] != "A" else "B"),
            lambda s: s + "x",
            lambda s: s.rsplit("_", 1)[0],
            lambda s: s.upper(),
            lambda s: "",
            lambda s: "ptc_zzzzzzzzzzzz_x",
            lambda s: "é" * 50,
            lambda s: "_",
        ],
    )
    def test_anything_but_the_token_is_401_with_a_challenge(self, world, twist):
        response = ask(twist(make(world).secret))
        assert response.status_code == 401 and response["WWW-Authenticate"].startswith("Bearer ")
        assert response["Content-Type"] == "application/problem+json"

    def test_no_identity_and_another_scheme_are_401_with_a_challenge(self, world):
        for response in (Client().get(reverse("api_agents")), ask("bTpw", scheme="Basic")):
            assert response.status_code == 401 and response["WWW-Authenticate"] == 'Bearer realm="portcullis"'

    def test_a_nul_in_the_header_is_refused_and_not_looked_up(self, world):
        with pytest.raises(Denied):
            tokens.bearer("ptc_\0_x")

    def test_a_wrong_token_is_refused_also_beside_a_session(self, world):
        client = Client()
        client.force_login(world.member, backend="django.contrib.auth.backends.ModelBackend")
        assert client.get(reverse("api_agents")).status_code == 200
        assert client.get(reverse("api_agents"), headers={"Authorization": "Bearer x"}).status_code == 401

    def test_it_ends_at_its_end_to_the_microsecond(self, world):
        made = make(world, days=7)
        end, tick = made.token.expires_at, dt.timedelta(microseconds=1)
        with clock.at(end - tick):
            assert tokens.bearer(made.secret)
        with clock.at(end), pytest.raises(Denied, match="expired"):
            tokens.bearer(made.secret)

    def test_revoking_and_leaving_end_it_at_once(self, world):
        made, other = make(world), make(world, "owner")
        tokens.revoke_token(token=made.token, by=world.member)
        actions.deactivate(person=world.owner, by=world.admin)
        assert "revoked" in ask(made.secret).json()["detail"]
        assert "has left" in ask(other.secret).json()["detail"]
        with pytest.raises(Conflict):
            tokens.revoke_token(token=made.token, by=world.member)

    def test_an_admin_revokes_anybodys_and_a_colleague_does_not(self, world):
        made = make(world)
        with pytest.raises(Denied):
            tokens.revoke_token(token=made.token, by=world.owner)
        tokens.revoke_token(token=made.token, by=world.admin)
        assert ask(made.secret).status_code == 401

    def test_the_last_use_is_kept_to_the_minute(self, world, django_assert_num_queries):
        made, now = make(world), clock.now()
        with clock.at(now):
            tokens.bearer(made.secret)
        with clock.at(now + dt.timedelta(seconds=59)), django_assert_num_queries(1):
            tokens.bearer(made.secret)
        assert ApiToken.objects.get(pk=made.token.pk).last_used_at == now
        later = now + dt.timedelta(seconds=61)
        with clock.at(later):
            tokens.bearer(made.secret)
        assert ApiToken.objects.get(pk=made.token.pk).last_used_at == later


class TestPage:
    @pytest.fixture
    def visitor(self, world):
        client = Client()
        client.force_login(world.member, backend="django.contrib.auth.backends.ModelBackend")
        return client

    def test_the_token_is_shown_once_and_works(self, world, visitor):
        answer = visitor.post(reverse("token_list"), {"name": "CI", "scopes": ["registry:read"], "days": "30"})
        made = answer.context["made"]
        assert answer["Cache-Control"] == "no-store" and made.secret in answer.content.decode()
        again = visitor.get(reverse("token_list")).content.decode()
        assert made.secret not in again and made.token.prefix in again
        assert ask(made.secret).status_code == 200

    def test_others_tokens_are_not_listed_and_not_found(self, world, visitor):
        made = make(world, "owner", name="Private script")
        assert "Private script" not in visitor.get(reverse("token_list")).content.decode()
        assert visitor.post(reverse("token_revoke", args=[made.token.pk])).status_code == 404
        assert ApiToken.objects.get(pk=made.token.pk).state == "valid"

    def test_revoking_by_the_button(self, world, visitor):
        made = make(world)
        assert visitor.post(reverse("token_revoke", args=[made.token.pk])).url == reverse("token_list")
        assert ask(made.secret).status_code == 401

    def test_an_admin_finds_a_persons_tokens_on_their_page_and_others_do_not(self, world, visitor):
        made, page = make(world, "owner", name="Private script"), reverse("person_detail", args=[world.ids["owner"]])
        assert "Private script" not in visitor.get(page).content.decode()
        visitor.force_login(world.admin, backend="django.contrib.auth.backends.ModelBackend")
        assert "Revoke Private script" in visitor.get(page).content.decode()
        assert visitor.post(reverse("token_revoke", args=[made.token.pk])).url == page
        assert ask(made.secret).status_code == 401

    def test_a_wrong_form_says_so_and_makes_nothing(self, world, visitor):
        assert visitor.post(reverse("token_list"), {"name": "CI", "days": "9000"}).status_code == 422
        assert not ApiToken.objects.exists()
