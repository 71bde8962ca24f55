"""The password, asked for again at every signature."""

import datetime as dt

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time

from accounts.reauth import FAILURES, VALID, WINDOW, confirm, needs_code
from work import clock
from work.acts import Denied


def failures(world, key="risk"):
    return world.entries(f"user:{world.ids[key]}", "person.reauthentication_failed")


def test_the_right_password_is_a_proof_of_this_person_for_two_minutes(world):
    now = clock.now()
    with clock.at(now):
        proof = confirm(world.risk, world.password)
    assert (proof.method, proof.at) == ("password", now)
    with clock.at(now + VALID):
        assert proof.holds_for(world.risk)
        assert not proof.holds_for(world.data)
    with clock.at(now + VALID + dt.timedelta(microseconds=1)):
        assert not proof.holds_for(world.risk)
    with clock.at(now - dt.timedelta(seconds=1)):
        assert not proof.holds_for(world.risk)


@pytest.mark.parametrize("mistyped", [lambda right: "", lambda right: "wrong", str.upper, lambda right: right + " "])
def test_a_wrong_password_is_refused_and_recorded_without_what_was_typed(world, mistyped):
    with pytest.raises(Denied, match="password is wrong"):
        confirm(world.risk, mistyped(world.password))
    (failure,) = failures(world)
    assert failure["data"] == {"person": str(world.ids["risk"]), "what": "password"}


def test_after_five_failures_nothing_is_tried_for_ten_minutes(world):
    for _ in range(FAILURES):
        with pytest.raises(Denied, match="password is wrong"):
            confirm(world.risk, "wrong")
    with pytest.raises(Denied, match="Too many"):
        confirm(world.risk, world.password)
    assert len(failures(world)) == FAILURES
    assert confirm(world.data, world.password), "another person is not locked out"
    with clock.at(clock.now() + WINDOW + dt.timedelta(seconds=1)):
        assert confirm(world.risk, world.password)


class TestCode:
    """Who has set up one-time codes gives one too."""

    SECRET = "JBSWY3DPEHPK3PXP"

    @pytest.fixture
    def person(self, world):
        TOTP.activate(world.risk, self.SECRET)
        return world.risk

    def code(self):
        counter = next(iter(yield_hotp_counters_from_time()))
        return format_hotp_value(hotp_value(self.SECRET, counter))

    def test_the_code_is_asked_for_and_named_in_the_proof(self, world, person):
        assert needs_code(person)
        assert not needs_code(world.data)
        assert confirm(person, world.password, f" {self.code()} ").method == "password+totp"

    @pytest.mark.parametrize("given", ["", "000000", "abc"])
    def test_without_the_right_code_the_password_is_not_enough(self, world, person, given):
        with pytest.raises(Denied, match="one-time code"):
            confirm(person, world.password, given)
        assert failures(world)[-1]["data"]["what"] == "code"

    def test_a_code_is_used_once(self, world, person):
        code = self.code()
        assert confirm(person, world.password, code)
        with pytest.raises(Denied, match="used already"):
            confirm(person, world.password, code)

    def test_the_right_code_does_not_help_a_wrong_password(self, world, person):
        with pytest.raises(Denied, match="password is wrong"):
            confirm(person, "wrong", self.code())
        assert Authenticator.objects.filter(user=person).exists()
