"""Rules T1, T2, T5, X2 and X4: what a sign-off is bound to, and when it stops counting."""

import datetime as dt
import json

import pytest

from accounts import actions as accounts
from approvals.actions import evaluate
from approvals.builtin import checklist
from approvals.standing import standings
from registry.actions import change_agent, write_section
from work import clock
from work.acts import Conflict, Denied

ROLES = ("owner", "security", "data", "risk", "finance", "operations")
ANSWERS = {one["role"]: one["sections"] for one in checklist("high")["roles"]}


def statuses(world, packet, at=None):
    packet = world.fresh(packet)
    return {one.role: one.status for one in standings(packet, packet.current, at or clock.now())}


def edit(world, packet, number):
    """Change something, as little as can be, in one section."""
    values = world.sections()[number]
    part = values["sheet"] if "sheet" in values else next(iter(values.values()))[0]
    name = {
        1: "text",
        2: "purpose",
        3: "snapshot",
        4: "version",
        5: "output",
        6: "statement",
        7: "threat",
        8: "price_source",
        9: "runbook",
        10: "kill_who",
    }[number]
    part[name] = f"{part[name]} changed"
    write_section(packet=packet, number=number, content=values, by=world.author)


def resubmit(world, packet, *numbers):
    """Have changes requested by risk, change the sections, submit again."""
    world.sign(packet, "risk", by=world.risk_two, decision="request_changes")
    for number in numbers:
        edit(world, packet, number)
    return world.submit(packet)


@pytest.mark.parametrize("number", range(1, 11))
def test_only_the_sign_offs_bound_to_a_changed_section_lapse(world, submitted, number):
    signed = [role for role in ROLES if role != "risk"]
    for role in signed:
        world.sign(submitted, role)
    resubmit(world, submitted, number)
    expected = {role: "lapsed" if str(number) in ANSWERS[role] else "valid" for role in signed}
    assert {role: status for role, status in statuses(world, submitted).items() if role != "risk"} == expected


def test_submitting_again_unchanged_keeps_every_other_sign_off(world, submitted):
    for role in ROLES:
        if role != "risk":
            world.sign(submitted, role)
    resubmit(world, submitted)
    assert statuses(world, submitted) == dict.fromkeys(ROLES, "valid") | {"risk": "changes_requested"}


def test_a_lapsed_sign_off_can_be_given_again_on_the_new_revision(world, submitted):
    world.sign(submitted, "finance")
    resubmit(world, submitted, 8)
    assert statuses(world, submitted)["finance"] == "lapsed"
    world.sign(submitted, "finance")
    assert statuses(world, submitted)["finance"] == "valid"


def test_a_statement_names_what_was_signed(world, submitted):
    sign_off = world.sign(submitted, "finance", comment="The price list is current.")
    statement = json.loads(bytes(sign_off.statement))
    revision = submitted.current
    assert statement["digest"] == revision.digest
    assert statement["bound"] == {part: revision.section_digests[part] for part in ("core", "8")}
    assert statement["environments"] == ["production"]
    assert statement["signer"] == {"id": str(world.ids["finance"]), "name": world.finance.name}
    assert statement["comment"] == "The price list is current."
    assert [item["id"] for item in statement["attested"]] == ["finance-1"]
    assert world.entries(submitted, "signoff.recorded")[-1]["data"]["statement_sha256"] == sign_off.statement_sha256


def test_every_section_is_answered_for_by_somebody_in_every_risk_class():
    for risk_class in ("high", "limited", "minimal"):
        answered = {section for one in checklist(risk_class)["roles"] for section in one["sections"]}
        assert answered == {str(number) for number in range(1, 11)}


def test_what_was_read_is_compared_with_what_is_there(world, submitted):
    seen = submitted.current.digest
    resubmit(world, submitted, 8)
    with pytest.raises(Conflict, match="changed and submitted again"):
        world.sign(submitted, "finance", digest=seen)
    assert world.sign(submitted, "finance").decision == "approve"


def test_a_sign_off_ends_at_the_exact_moment_of_its_expiry(world, submitted, settings):
    settings.SIGNOFF_DAYS = 90
    now = clock.now()
    with clock.at(now):
        expires = world.sign(submitted, "finance").expires_at
    assert expires == now + dt.timedelta(days=90)
    assert statuses(world, submitted, expires - dt.timedelta(microseconds=1))["finance"] == "valid"
    assert statuses(world, submitted, expires)["finance"] == "lapsed"
    assert statuses(world, submitted, expires + dt.timedelta(microseconds=1))["finance"] == "lapsed"


def test_a_role_revoked_after_signing_stops_counting_at_the_gate(world, submitted):
    world.sign(submitted, "finance")
    assert evaluate(packet=submitted, by=None).facts["sign_offs"]["valid"] == 1
    world.revoke("finance", "finance")
    assert statuses(world, submitted)["finance"] == "lapsed"
    assert evaluate(packet=submitted, by=None).facts["sign_offs"]["valid"] == 0


def test_a_role_revoked_while_the_page_is_open_is_refused(world, submitted):
    reader = world.finance
    assert reader.approver_roles == ["finance"]
    world.revoke("finance", "finance")
    with pytest.raises(Denied, match="do not hold"):
        world.sign(submitted, "finance", by=reader)


def test_the_sign_off_of_a_person_who_left_stops_counting(world, submitted):
    world.sign(submitted, "finance")
    accounts.deactivate(person=world.finance, by=world.admin)
    assert statuses(world, submitted)["finance"] == "lapsed"


def test_the_acceptance_of_an_owner_who_left_stops_counting(world, submitted):
    world.sign(submitted, "owner")
    accounts.deactivate(person=world.owner, by=world.admin)
    assert statuses(world, submitted)["owner"] == "lapsed"


@pytest.mark.parametrize("changed", [{"risk_class": "minimal"}, {"risk_class": "limited"}, {"autonomy": 5}])
def test_sign_offs_lapse_when_risk_class_or_autonomy_is_changed_under_them(world, promotable, changed):
    # T5; otherwise lowering the class would swap the policy for a softer one without anyone signing.
    assert evaluate(packet=promotable, by=None).outcome == "pass"
    change_agent(agent=promotable.agent, by=world.member, **changed)
    packet = world.fresh(promotable)
    assert set(statuses(world, packet).values()) == {"lapsed"}
    decision = evaluate(packet=packet, by=None)
    assert (decision.outcome, decision.policy.key) == ("fail", "production-high")


def test_a_change_of_the_card_that_nobody_answered_for_keeps_the_sign_offs(world, promotable):
    change_agent(agent=promotable.agent, by=world.member, support_path="#other")
    assert set(statuses(world, promotable).values()) == {"valid"}


def test_an_expired_sign_off_blocks_an_approved_packet(world, promotable):
    with clock.at(clock.now() + dt.timedelta(days=91)):
        decision = evaluate(packet=promotable, by=None)
    outcome = {rule["id"]: rule["outcome"] for rule in decision.rules}
    assert (decision.outcome, outcome["sign_offs"]) == ("fail", "fail")


def test_who_let_a_sign_off_expire_signs_again(world, submitted):
    first = world.sign(submitted, "finance")
    with clock.at(first.expires_at + dt.timedelta(hours=1)):
        assert statuses(world, submitted)["finance"] == "lapsed"
        again = world.sign(submitted, "finance")
        assert again.renews == first
        assert statuses(world, submitted)["finance"] == "valid"


def test_who_approved_may_still_veto_and_the_veto_counts(world, submitted):
    first = world.sign(submitted, "finance")
    veto = world.sign(submitted, "finance", decision="veto")
    assert veto.renews == first
    assert world.fresh(submitted).state == "vetoed"


def test_a_packet_that_is_open_for_changes_has_no_gate(world, submitted):
    world.sign(submitted, "risk", decision="request_changes")
    with pytest.raises(Conflict, match="nothing to decide on"):
        evaluate(packet=submitted, by=world.member)
