"""Section 8's forecast, what-ifs and price list."""

from decimal import Decimal

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from registry import actions
from registry.costing import Workload, forecast, listed, what_ifs
from registry.sections import section
from registry.sections.s08_cost import CostEstimate
from web.errors import Invalid

D = Decimal
PLAN = Workload(*map(D, ("100", "3.2", "1830", "180", "40", "2", "3", "0.3", "15", "0.002", "0.1", "48")))


def test_the_middle_of_the_forecast_is_the_plan_and_the_tail_is_dearer():
    found = forecast(PLAN, D(150), D(160))
    assert abs(found.p50 - PLAN.per_month()) / PLAN.per_month() < D("0.05")
    assert found.p50 < found.p90 < found.p99


def test_a_certain_workload_has_no_tail():
    found = forecast(PLAN, PLAN.runs_per_day, D(100))
    assert found.p50 == found.p90 == found.p99 == D("311.00")


def test_one_axis_alone_meets_what_was_said_of_it():
    # Runs exceed 150 a day one month in ten, so one month in ten costs more than 150 runs a day do.
    assert forecast(PLAN, D(150), D(100)).p90 == D("467.00")


@given(st.integers(1, 10**6), st.integers(100, 1000), st.integers(100, 1000))
def test_the_same_workload_gives_the_same_forecast_in_order(runs, more, tokens):
    plan = Workload(*map(D, (runs, 2, 1000, 100, 0, 0, 1, 1, 4, 0, 0, 0)))
    high = D(runs * more // 100)
    found = forecast(plan, high, D(tokens))
    assert found == forecast(plan, high, D(tokens)) and D(0) <= found.p50 <= found.p90 <= found.p99


def test_nothing_asked_costs_nothing():
    idle = Workload(*[D(0)] * 12)
    found = forecast(idle, D(0), D(100))
    assert (found.p50, found.p99) == (0, 0)


def test_what_ifs_change_one_thing_at_a_time():
    found = {one.name: one for one in what_ifs(PLAN, 10)}
    assert found["Twice the runs"].change == 100 and found["Twice the runs"].per_run == PLAN.per_run()
    assert found["After a year of growth"].change == 214
    assert found["Without human review"].per_month < found["As planned"].per_month < found["Nothing cached"].per_month


def test_the_list_knows_models_by_provider_and_admits_what_it_does_not_know():
    price = listed("Anthropic", "claude-sonnet-4-5")
    assert (price.price_in, price.price_cached, price.price_out) == (D(3), D("0.3"), D(15))
    assert "genai-prices" in price.source
    assert listed("self-hosted", "our-own-7b") is None and listed("", "") is None


@pytest.fixture
def draft(world):
    return world.draft(version="7.0.0")


def test_the_document_holds_the_forecast_and_the_return(world, draft):
    document = section(8).document(draft)
    assert document["forecast"] == {"p50": "313.00", "p90": "479.00", "p99": "670.00", "seed": 8, "trials": 4096}
    assert document["per_outcome"] == "0.1705" and document["net_per_month"] == "7901.39"


def test_without_a_busy_month_the_forecast_is_unknown(world, draft):
    world.change(draft, 8, runs_high="")
    assert "unknown" in section(8).document(draft)["forecast"]["p90"]
    assert any("busy month" in problem.text for problem in section(8).problems(draft))


def test_a_busy_month_below_the_usual_one_is_a_problem(world, draft):
    world.change(draft, 8, runs_high=99)
    assert [problem.text for problem in section(8).problems(draft)] == [
        "A busy month has at least the runs a day that you expect."
    ]


def _pin(world, draft, provider, model):
    content = world.sections()[3]
    content["model"][0] |= {"provider": provider, "model_id": model}
    actions.write_section(packet=draft, number=3, content=content, by=world.author)


def test_list_prices_are_taken_with_their_source(world, draft, client):
    _pin(world, draft, "anthropic", "claude-sonnet-4-5")
    world.change(draft, 8, currency="USD", price_in="9")
    assert any("the list says 3 USD" in one.text for one in section(8).advice(draft))
    client.force_login(world.author)
    client.post(reverse("packet_prices", args=[draft.pk]))
    estimate = CostEstimate.objects.get(packet=draft)
    assert (estimate.price_in, estimate.price_out) == (3, 15) and "genai-prices" in estimate.price_source
    assert section(8).advice(draft) == []


def test_list_prices_are_not_put_into_another_currency(world, draft):
    _pin(world, draft, "anthropic", "claude-sonnet-4-5")
    with pytest.raises(Invalid, match="converts no"):
        actions.take_list_prices(packet=draft, by=world.author)


def test_a_model_that_the_list_does_not_know_is_said(world, draft):
    _pin(world, draft, "self-hosted", "our-own-7b")
    with pytest.raises(Invalid, match="does not know the model"):
        actions.take_list_prices(packet=draft, by=world.author)


def test_an_agent_that_costs_more_than_it_brings_gets_advice(world, draft):
    _pin(world, draft, "anthropic", "claude-sonnet-4-5")
    world.change(draft, 8, currency="USD", value_per_outcome="0.01")
    assert any("worth less than it costs" in one.text for one in section(8).advice(draft))
