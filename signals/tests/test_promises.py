"""Costs month by month beside what a packet promised: what is known, and why what is not known is not."""

import datetime as dt
from decimal import Decimal

import pytest

from registry.panels import moved_elsewhere
from signals.models import CostLine, PulledFile
from signals.promise import Promise, cost_moved, months

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
SIGNED = dt.datetime(2026, 8, 10, 12, tzinfo=dt.UTC)
PROMISE = Promise("EUR", Decimal("100.00"), Decimal("150.00"))


def on(month, day=15):
    return dt.datetime(2026, month, day, 12, tzinfo=dt.UTC)


@pytest.fixture
def bill(world):
    """`bill(month, amount)`: a cost of the agent in that month, pulled by NOW; the pull covers up to the 20th November."""

    def run(month, amount, currency="EUR", agent=None):
        world.costs(agent or world.agent, amount, currency, at=on(month))
        # The newest pull is the one that counts for what is covered.
        if month != 11:
            world.costs(None, "1", at=on(11, 20))

    return run


def told(world, promise=PROMISE, since=SIGNED):
    return {one.first.month: (one.cents, one.percent, one.why) for one in months(world.agent, promise, since, NOW)}


def test_each_month_from_the_signature_on_with_its_share(world, bill):
    for month, amount in ((8, "70"), (9, "90.004"), (10, "210"), (11, "40")):
        bill(month, amount)
    found = told(world)
    assert found[8] == (7000, None, "Signed on 10 Aug 2026: part of the month is of before.")
    assert found[9] == (9001, 90, "")
    assert found[10] == (21000, 210, "")
    assert found[11][:2] == (4000, None) and "only" in found[11][2]
    assert list(found) == [8, 9, 10, 11]


def test_nothing_was_pulled(world):
    assert {one[:2] for one in told(world).values()} == {(None, None)}
    assert told(world)[9][2] == "No cost file was pulled without a fault yet."


def test_a_month_without_a_line_is_nothing_where_usage_of_before_was_pulled(world, bill):
    bill(8, "70")
    assert told(world)[9] == (0, 0, "")


def test_and_unknown_where_it_was_not(world, bill):
    bill(10, "70")
    cents, percent, why = told(world)[9]
    assert (cents, percent) == (None, None) and "No usage of September 2026 was pulled" in why


def test_two_currencies_have_no_total(world, bill):
    bill(9, "70")
    bill(9, "70", "USD")
    assert told(world)[9] == (None, None, "Costs came in EUR and USD, and no rate is on file, so there is no total.")


def test_another_currency_than_the_promise_s(world, bill):
    bill(9, "70", "USD")
    assert told(world)[9] == (None, None, "Costs came in USD; the packet promises in EUR.")


def test_rows_that_could_not_be_read_may_be_its_own(world, bill):
    bill(9, "70")
    PulledFile.objects.update(rejected=2)
    cents, _, why = told(world)[9]
    assert cents is None and "could not be read" in why


def test_without_a_promise_there_is_an_amount_and_no_share(world, bill):
    bill(9, "70")
    assert told(world, Promise("EUR", None, None))[9] == (7000, None, "Section 8 promises no amount a month.")
    assert told(world, Promise("EUR", Decimal(0), None))[9][1] is None


def test_others_costs_are_not_its_own(world, bill):
    bill(9, "70")
    bill(9, "900", agent=world.register("Other"))
    assert told(world)[9][0] == 7000


class TestFarFromThePromise:
    @pytest.fixture
    def revision(self, world):
        revision = world.complete_packet(world.agent).current
        revision.submitted_at = SIGNED
        return revision

    @pytest.fixture
    def promised(self, revision):
        """What the packet's own section 8 promises."""
        said = revision.content["sections"]["8"]
        return Decimal(said["per_month"]), Decimal(said["forecast"]["p90"])

    @pytest.mark.parametrize(
        ("factor", "of", "far"), [("1.01", 1, True), ("0.99", 1, False), ("0.51", 0, False), ("0.49", 0, True)]
    )
    def test_above_a_bad_month_or_below_half(self, world, bill, revision, promised, factor, of, far):
        bill(10, promised[of] * Decimal(factor))
        found = cost_moved(revision, revision.content, NOW)
        assert bool(found) == far
        assert [(one.section, one.key) for one in found] == ([(8, "cost.month")] if far else [])
        assert not found or "October 2026" in found[0].now

    def test_what_is_not_known_has_not_moved(self, revision):
        assert cost_moved(revision, revision.content, NOW) == []

    def test_a_superseded_packet_answers_for_no_bill_of_its_successor(self, world, bill, revision, promised):
        bill(10, promised[1] * 2)
        revision.packet.state = "superseded"
        assert cost_moved(revision, revision.content, NOW) == []

    def test_pages_ask_for_it(self):
        assert cost_moved in moved_elsewhere


def test_the_number_of_queries_does_not_grow_with_the_months(world, bill, django_assert_num_queries):
    bill(8, "70")
    bill(9, "70")
    for n in (1, 2):
        with django_assert_num_queries(6):
            months(world.agent, PROMISE, on(10 - n), NOW)
    assert CostLine.objects.exists()
