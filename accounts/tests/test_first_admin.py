"""The first platform admin is made once, and never again. Beside no other test: here nobody may exist before."""

import pytest

from accounts import actions
from accounts.models import RoleGrant
from accounts.roles import Role
from work.acts import Conflict


def test_there_is_one_first_admin(db, password):
    person = actions.bootstrap_admin(email="First@Bank.example", name="First", password=password)
    assert person.email == "first@bank.example"
    assert person.holds(Role.ADMIN)
    with pytest.raises(Conflict, match="platform admin already"):
        actions.bootstrap_admin(email="second@bank.example", name="Second", password=password)


def test_the_first_admin_does_not_wait_for_a_second_who_is_not_there(db, password, settings):
    settings.GRANT_WAIT_HOURS = 24
    person = actions.bootstrap_admin(email="first@bank.example", name="First", password=password)
    assert person.holds(Role.ADMIN)


def test_two_at_once_make_one(transactional_db, password, at_once):
    outcomes = at_once(
        *[
            lambda i=i: actions.bootstrap_admin(email=f"a{i}@bank.example", name="A", password=password)
            for i in range(3)
        ]
    )
    assert sorted(type(one.error).__name__ for one in outcomes) == ["Conflict", "Conflict", "NoneType"]
    assert RoleGrant.objects.filter(role=Role.ADMIN).count() == 1
