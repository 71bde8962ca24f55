"""Two acts on roles at the same instant, in real transactions."""

import pytest

from accounts import actions
from accounts.models import RoleGrant
from work.acts import Conflict


def test_of_an_auditors_and_anothers_role_at_the_same_instant_one_is_granted(committed_world, at_once):
    world = committed_world
    outcomes = at_once(lambda: world.grant("bystander", "auditor"), lambda: world.grant("bystander", "risk"))
    assert sum(isinstance(one.error, Conflict) for one in outcomes) == 1
    assert RoleGrant.objects.filter(person=world.bystander).count() == 1


@pytest.mark.parametrize(
    "act",
    [
        lambda person, by: actions.deactivate(person=person, by=by),
        lambda person, by: actions.revoke_role(person=person, role="admin", by=by),
    ],
    ids=["deactivate", "revoke"],
)
def test_of_two_admins_who_end_each_others_access_at_once_one_stays(committed_world, at_once, act):
    world = committed_world
    one, other = world.admin, world.other_admin
    outcomes = at_once(lambda: act(one, other), lambda: act(other, one))
    assert sorted(type(each.error).__name__ for each in outcomes) == ["Denied", "NoneType"]
    assert [world.admin.holds("admin"), world.other_admin.holds("admin")].count(True) == 1
