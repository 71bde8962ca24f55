"""Section 8 is proposed what the agent's tokens were billed at: by meter, in one currency, or not at all, with the reason."""

from decimal import Decimal

import pytest
from django.urls import reverse

from registry.actions import start_packet, write_section
from registry.contents import content_of
from registry.models import Proposal
from registry.proposals import accept
from registry.sections import section
from signals.actions import propose_billed
from signals.billing import bill_of
from work.acts import Conflict, Denied, Invalid


@pytest.fixture
def empty(world):
    return start_packet(agent=world.register("Billed assistant"), version="1.0.0", by=world.author)


def metered(world, agent, meter, amount, tokens, unit="Tokens", **values):
    values = {"sku_meter": meter, "consumed_quantity": tokens, "consumed_unit": unit, **values}
    return world.costs(agent, amount=amount, **values)


def billed(world, agent):
    metered(world, agent, "Input Tokens", "6.00", 2_000_000)
    metered(world, agent, "Input Tokens", "3.00", 1_000, unit="1K tokens")
    metered(world, agent, "Cached Input Tokens", "0.30", 1, unit="Million Tokens")
    metered(world, agent, "Output Tokens", "15.00", "1000000")


def test_each_price_is_cost_by_tokens_of_its_meter_whatever_the_unit(world, empty):
    billed(world, empty.agent)
    world.costs(empty.agent, amount="99", consumed_unit="Hours", consumed_quantity=24)
    bill = bill_of(empty.agent, world.author)
    assert bill.figures == {
        "currency": "EUR", "price_in": Decimal("3.000000"), "price_cached": Decimal("0.300000"),
        "price_out": Decimal("15.000000"), "cached_percent": 25,
    }  # fmt: skip
    assert (bill.lines, bill.why) == (4, "")


def test_everything_is_proposed_with_its_source_and_nothing_is_written(world, empty):
    billed(world, empty.agent)
    before = content_of(section(8), empty)
    made = propose_billed(packet=empty, by=world.author)
    assert {one.field for one in made} == {
        "currency", "price_in", "price_cached", "price_out", "cached_percent", "price_source",
    }  # fmt: skip
    assert content_of(section(8), empty) == before
    [price] = [one for one in made if one.field == "price_in"]
    assert (price.value, price.source_kind, price.label) == ("3", "bill", "Section 8: Price per million tokens in")
    assert price.source_label.startswith("Costs of ") and "agent=billed-assistant" in price.source_path
    accept(proposal=price, by=world.author)
    assert content_of(section(8), empty)["sheet"]["price_in"] == Decimal("3")
    assert propose_billed(packet=empty, by=world.author) == [], "the same twice asks nothing twice"
    assert Proposal.objects.open().count() == 5


@pytest.mark.parametrize(
    ("meter", "values", "what"),
    [
        ("", {"charge_description": "Claude output tokens, per 1K"}, "price_out"),
        ("", {"sku_id": "MP:EU_InputTokenCount-Units"}, "price_in"),
        ("gpt-4o-0806-Inp-glbl Tokens", {}, "price_in"),
        ("gpt 4o 0806 cchd Inp glbl", {}, "price_cached"),
        ("Prompt Caching Read", {}, "price_cached"),
        ("Prompt Caching Write", {}, "price_in"),
        ("Uncached Input Tokens", {}, "price_in"),
        ("Input tokens (not cached)", {}, "price_in"),
        ("1M INPUT TOKENS (CACHE MISS)", {}, "price_in"),
        ("Cache Read Input Tokens", {}, "price_cached"),
        ("Cache Write Input Tokens", {}, "price_in"),
        ("cache_creation_input_tokens", {}, "price_in"),
        ("Completion tokens", {}, "price_out"),
        ("Input and output tokens", {"charge_description": "output"}, "price_out"),
    ],
)
def test_a_meter_is_told_by_the_words_that_vendors_use(world, empty, meter, values, what):
    metered(world, empty.agent, meter, "4", 1_000_000, **values)
    figures = bill_of(empty.agent, world.author).figures
    assert figures[what] == 4 and len({"price_in", "price_out", "price_cached"} & set(figures)) == 1


def test_rounding_of_lines_is_no_other_price_and_so_nothing_is_proposed(world, empty):
    content = {"sheet": {"currency": "EUR", "price_in": "2.8", "price_source": "Framework contract of March"}}
    write_section(packet=empty, number=8, content=content, by=world.author)
    metered(world, empty.agent, "Input Tokens", "8.109361", 2_896_200)
    assert bill_of(empty.agent, world.author).figures["price_in"] == Decimal("2.8")
    assert [one.field for one in propose_billed(packet=empty, by=world.author)] == ["cached_percent"]


def test_a_line_that_does_not_tell_its_meter_makes_every_price_unknown(world, empty):
    billed(world, empty.agent)
    metered(world, empty.agent, "Tokens", "40", 1_000_000)
    assert bill_of(empty.agent, world.author).figures == {}
    with pytest.raises(Invalid, match="whether “Tokens” counts tokens in or out"):
        propose_billed(packet=empty, by=world.author)


def test_two_currencies_have_no_price_and_another_than_stated_is_not_converted(world, empty):
    billed(world, empty.agent)
    write_section(packet=empty, number=8, content={"sheet": {"currency": "USD"}}, by=world.author)
    with pytest.raises(Invalid, match="billed in EUR, and section 8 states USD"):
        propose_billed(packet=empty, by=world.author)
    metered(world, empty.agent, "Input Tokens", "4", 1_000_000, currency="GBP")
    with pytest.raises(Invalid, match="EUR and GBP"):
        propose_billed(packet=empty, by=world.author)


@pytest.mark.parametrize("stated", ["", "EUR"])
def test_an_amount_is_never_taken_over_into_another_currency(world, empty, stated):
    write_section(packet=empty, number=8, content={"sheet": {"currency": stated, "tokens_in": 7}}, by=world.author)
    billed(world, empty.agent)
    made = propose_billed(packet=empty, by=world.author)
    write_section(packet=empty, number=8, content={"sheet": {"currency": "USD", "tokens_in": 7}}, by=world.author)
    assert not Proposal.objects.open().filter(field__startswith="price_").exclude(field="price_source").exists()
    with pytest.raises(Conflict, match="answered already"):
        accept(proposal=next(one for one in made if one.field == "price_in"), by=world.author)


def test_to_take_the_currency_over_leaves_its_prices_to_be_taken_over(world, empty):
    write_section(packet=empty, number=8, content={"sheet": {"price_in": "1"}}, by=world.author)
    billed(world, empty.agent)
    made = {one.field: one for one in propose_billed(packet=empty, by=world.author)}
    accept(proposal=made["currency"], by=world.author)
    accept(proposal=made["price_in"], by=world.author)
    sheet = content_of(section(8), empty)["sheet"]
    assert (sheet["currency"], sheet["price_in"]) == ("EUR", Decimal("3"))


def test_tokens_in_an_unknown_unit_leave_the_cached_share_unknown(world, empty):
    billed(world, empty.agent)
    metered(world, empty.agent, "Cached Input Tokens", "1", 9, unit="Tokens in millions")
    figures = bill_of(empty.agent, world.author).figures
    assert figures["price_cached"] == Decimal("0.3") and "cached_percent" not in figures


def test_credits_corrections_and_what_others_were_billed_count_nothing(world, empty):
    metered(world, empty.agent, "Input Tokens", "4", 1_000_000)
    metered(world, empty.agent, "Input Tokens", "-3", 1_000_000, charge_category="Credit")
    metered(world, empty.agent, "Input Tokens", "-3", 1_000_000, charge_class="Correction")
    metered(world, world.agent, "Input Tokens", "400", 1_000_000)
    assert bill_of(empty.agent, world.author).figures["price_in"] == 4
    assert bill_of(empty.agent, world.outsider) is None


def test_only_who_fills_the_packet_while_it_is_open_and_there_is_a_bill(world, empty, submitted):
    with pytest.raises(Invalid, match="No cost line of Billed assistant that counts tokens"):
        propose_billed(packet=empty, by=world.author)
    billed(world, empty.agent)
    billed(world, submitted.agent)
    with pytest.raises(Denied):
        propose_billed(packet=empty, by=world.outsider)
    with pytest.raises(Conflict):
        propose_billed(packet=submitted, by=world.author)


def test_section_8_offers_it_says_why_it_cannot_and_a_click_does_it(world, empty, client):
    client.force_login(world.author, backend="django.contrib.auth.backends.ModelBackend")
    page = reverse("packet_section", args=[empty.pk, 8])
    assert "Propose prices as billed" not in client.get(page).content.decode()
    billed(world, empty.agent)
    assert "Propose prices as billed" in client.get(page).content.decode()
    assert "Propose prices as billed" not in client.get(reverse("packet_section", args=[empty.pk, 4])).content.decode()
    answer = client.post(reverse("packet_propose_billed", args=[empty.pk]), follow=True).content.decode()
    assert "6 figures of the bill proposed" in answer and "Price per million tokens in" in answer
    metered(world, empty.agent, "Tokens", "40", 1_000_000)
    assert "so it tells no price" in client.get(page).content.decode()
