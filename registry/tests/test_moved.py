"""What was signed beside what it is now: what shows as moved, what does not, where, and that the document stays."""

import datetime as dt
import importlib

import pytest
from django.db import connection
from django.db.utils import ProgrammingError
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import actions as accounts
from registry import actions, costing, ownership, retirement, upkeep
from registry.models import DataSource, Packet, SignedCard, SignedSource, SignedTool, Tool
from registry.moved import beside, catalogue_moved, moved
from work import clock


@pytest.fixture
def told(submitted):
    """What moved in the submitted packet, as {key: (signed, now)}; its rows read afresh."""

    def run():
        revision = Packet.objects.get(pk=submitted.pk).current
        return {one.key: (one.signed, one.now) for one in moved(revision, clock.now())}

    return run


@pytest.fixture
def sees(client):
    """What the page at an address says to a person."""

    def run(person, name, *args):
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return client.get(reverse(name, args=args)).content.decode()

    return run


def matching():
    """Ids of the packets that the X-rays' condition finds."""
    return set(Packet.objects.filter(catalogue_moved()).values_list("pk", flat=True))


def change_source(world, **values):
    return upkeep.change_source(source=DataSource.objects.get(pk=world.source.pk), by=world.admin, **values)


def hand_over(world, agent, to):
    offer = ownership.offer(agent=agent, to=to, by=world.owner)
    ownership.accept(handover=offer, by=to)


CHANGES = {
    "source.classification": (
        lambda world, packet: change_source(world, classification="restricted"),
        ("Internal", "Restricted"),
    ),
    "source.contract_version": (lambda world, packet: change_source(world, contract_version="4.0"), ("3.2", "4.0")),
    "source.owner": (lambda world, packet: change_source(world, owner=world.deputy), ("Ana Ruiz", "Dirk de Boer")),
    "source.never_leaves": (
        lambda world, packet: change_source(world, never_leaves=["Names"]),
        ("nothing named", "Names"),
    ),
    "source.name": (lambda world, packet: change_source(world, name="Price list"), ("Tariffs", "Price list")),
    "tool.effect": (
        lambda world, packet: upkeep.confirm_tool(
            tool=world.tool, effect="write", tags=["customer_data"], by=world.security
        ),
        ("Read", "Write"),
    ),
    "tool.tags": (
        lambda world, packet: upkeep.confirm_tool(
            tool=world.tool, effect="read", tags=["customer_data", "money_movement"], by=world.security
        ),
        ("Customer data", "Customer data, Money movement"),
    ),
    "tool.owner": (
        lambda world, packet: upkeep.change_tool(tool=world.tool, owner=world.owner, by=world.admin),
        ("nobody", "Ana Ruiz"),
    ),
    "agent.owner": (lambda world, packet: hand_over(world, packet.agent, world.member), ("Ana Ruiz", "Mina Okafor")),
    "agent.deputy": (
        lambda world, packet: actions.change_agent(agent=packet.agent, deputy=None, by=world.member),
        ("Dirk de Boer", "nobody"),
    ),
    "agent.risk_class": (
        lambda world, packet: actions.change_agent(agent=packet.agent, risk_class="limited", by=world.member),
        ("High risk", "Limited risk"),
    ),
}


def test_nothing_has_moved_while_the_catalogue_says_the_same(world, submitted, told):
    assert told() == {}
    assert submitted.pk not in matching()


@pytest.mark.parametrize("key", CHANGES)
def test_what_the_catalogue_says_otherwise_is_said_beside_what_was_signed(world, submitted, told, key):
    act, words = CHANGES[key]
    signed = bytes(submitted.current.document)
    act(world, submitted)
    assert told() == {key: words}
    assert submitted.pk in matching()
    assert bytes(submitted.current.document) == signed


def test_a_retired_tool_and_source(world, submitted, told):
    upkeep.retire(entry=world.tool, by=world.admin, agents_seen=upkeep.granted_agents(world.tool))
    upkeep.retire(entry=world.source, by=world.admin, agents_seen=upkeep.granted_agents(world.source))
    found = told()
    assert set(found) == {"tool.retired", "source.retired"}
    assert found["tool.retired"][0] == "in use" and found["tool.retired"][1].startswith("retired on ")
    assert submitted.pk in matching()


def test_what_no_packet_grants_moves_nothing(world, submitted, told):
    other = actions.catalogue_source(name="Other", by=world.owner, owner=world.owner, classification="public")
    upkeep.change_source(source=other, by=world.owner, classification="restricted")
    tool = actions.catalogue_tool(slug="other.read", by=world.owner, owner=world.owner)
    upkeep.change_tool(tool=tool, by=world.owner, system="Elsewhere")
    actions.change_agent(agent=submitted.agent, summary="Says it in other words", by=world.member)
    assert told() == {}
    assert submitted.pk not in matching()


def test_the_order_of_tags_is_nobody_s_word(world, submitted, told):
    upkeep.confirm_tool(tool=world.tool, effect="read", tags=["money_movement", "customer_data"], by=world.security)
    packet = world.complete_packet(world.register("Other"))
    Tool.objects.filter(pk=world.tool.pk).update(tags=["money_movement", "customer_data"])
    assert packet.pk not in matching()
    assert moved(packet.current, clock.now()) == []


class TestFreshness:
    def test_data_that_went_stale_since(self, world):
        today = clock.now().date()
        change_source(world, fresh_on=today, fresh_days=30)
        packet = world.complete_packet(world.register("Other"))
        assert moved(packet.current, clock.now()) == []
        change_source(world, fresh_on=today - dt.timedelta(days=31))
        [one] = moved(packet.current, clock.now())
        assert (one.key, one.now) == ("source.freshness", "It is 31 days old; its limit is 30.")

    def test_data_that_was_stale_when_it_was_submitted_has_not_moved(self, world):
        change_source(world, fresh_on=clock.now().date() - dt.timedelta(days=31), fresh_days=30)
        packet = world.complete_packet(world.register("Other"))
        assert moved(packet.current, clock.now()) == []


class TestModelsAndPrices:
    @pytest.fixture
    def listed(self, monkeypatch):
        """A price list that says what the test wants of every model."""

        def set_to(*, withdrawn=False, version="9.9.9", price_in="3"):
            from decimal import Decimal

            price = costing.Price(
                model="anthropic/claude-sonnet-4",
                price_in=Decimal(price_in),
                price_cached=Decimal("0.3"),
                price_out=Decimal("15"),
                source=f"genai-prices {version}, anthropic/claude-sonnet-4, list price",
                withdrawn=withdrawn,
            )
            monkeypatch.setattr("registry.moved.listed", lambda provider, model: price)

        return set_to

    @pytest.mark.parametrize("withdrawn", [True, False])
    def test_a_pinned_model_that_its_provider_withdraws(self, submitted, told, listed, withdrawn):
        listed(withdrawn=withdrawn)
        words = ("pinned", "withdrawn, or soon will be, says genai-prices 9.9.9")
        assert told() == ({"model.withdrawn": words} if withdrawn else {})

    def test_a_newer_price_list_and_each_price_that_differs(self, world, listed):
        packet = world.draft(world.register("Other"))
        prices = {"price_in": "3", "price_cached": "0.3", "price_out": "15", "currency": "USD"}
        source = "genai-prices 9.9.8, anthropic/claude-sonnet-4, list price"
        world.change(packet, 8, **prices, price_source=source)
        world.submit(packet)
        revision = world.fresh(packet).current
        listed(version="9.9.8", price_in="4")
        assert moved(revision, clock.now()) == [], "the list that was signed is the list that is"
        listed(price_in="4")
        found = {one.key: (one.signed, one.now) for one in moved(revision, clock.now())}
        assert found == {
            "price.list": ("9.9.8", "9.9.9"),
            "price.price_in": ("USD 3 a million", "USD 4 a million"),
        }

    def test_prices_that_were_agreed_are_not_held_against_the_list(self, submitted, told, listed):
        listed(price_in="400")
        assert told() == {}


class TestPages:
    def test_a_section_shows_what_was_submitted_and_beside_it_what_is(self, world, submitted, sees):
        change_source(world, classification="restricted")
        page = sees(world.owner, "packet_section", submitted.pk, 2)
        assert "As submitted" in page and "Internal" in page and "Restricted" in page
        assert reverse("data_detail", args=[world.source.pk]) in page
        assert "As submitted" not in sees(world.owner, "packet_section", submitted.pk, 3)

    def test_the_section_says_the_frozen_words_though_the_catalogue_moved(self, world, submitted, sees):
        change_source(world, name="Price list")
        page = sees(world.owner, "packet_section", submitted.pk, 2)
        assert page.index("What was submitted") < page.rindex("Tariffs")

    def test_the_review_and_the_packet_say_it_too(self, world, submitted, sees):
        change_source(world, contract_version="4.0")
        review = sees(world.security, "review_detail", submitted.pk) + sees(world.data, "review_detail", submitted.pk)
        assert "1 moved since" in review and "4.0" in review
        assert "4.0" in sees(world.owner, "packet_detail", submitted.pk)

    def test_an_approved_packet_says_signed(self, world, promotable, sees):
        change_source(world, contract_version="4.0")
        page = sees(world.owner, "packet_section", promotable.pk, 2)
        assert "As signed" in page and "As submitted" not in page

    def test_a_draft_and_a_withdrawn_packet_are_held_against_nothing(self, world, draft, submitted):
        change_source(world, contract_version="4.0")
        assert beside(draft, clock.now()) is None
        actions.move(submitted, "withdrawn", by=world.owner)
        assert beside(world.fresh(submitted), clock.now()) is None

    @pytest.mark.parametrize("name", ["packet_detail", "review_detail"])
    def test_more_grants_make_no_more_queries(self, world, client, name):
        counts = []
        client.force_login(world.owner, backend="django.contrib.auth.backends.ModelBackend")
        for i in range(2):
            packet = world.draft(world.register(f"Other {i}"))
            content = world.sections()[2]
            for n in range(i * 4):
                one = actions.catalogue_source(
                    name=f"More {n}", by=world.owner, owner=world.owner, classification="public", contract_version="1"
                )
                content["grant"].append({**content["grant"][0], "source": one.pk})
            actions.write_section(packet=packet, number=2, content=content, by=world.author)
            world.submit(packet)
            for one in DataSource.objects.filter(slug__startswith="more"):
                upkeep.change_source(source=one, by=world.owner, classification="internal")
            client.get(reverse(name, args=[packet.pk]))
            with CaptureQueriesContext(
                connection,
            ) as made:
                client.get(reverse(name, args=[packet.pk]))
            counts.append(len(made))
        assert counts[0] == counts[1]


class TestKept:
    def test_what_was_kept_is_never_changed(self, submitted):
        with pytest.raises(ProgrammingError, match="append-only"):
            SignedSource.objects.filter(revision=submitted.current).update(classification="public")

    def test_a_database_of_before_is_filled_from_its_documents(self, world, promotable):
        was = importlib.import_module("registry.migrations.0017_renewals")
        for select, model, names in (
            (
                was.SOURCES,
                SignedSource,
                "source name classification contract_version never_leaves owner fresh_on fresh_days",
            ),
            (was.TOOLS, SignedTool, "tool name system effect tags owner"),
            (was.CARDS, SignedCard, "owner deputy team risk_class autonomy"),
        ):
            with connection.cursor() as cursor:
                cursor.execute(select)
                found = sorted(map(str, cursor.fetchall()))
            kept = model.objects.values_list("revision", *names.split())
            assert found and found == sorted(map(str, kept))


def test_who_left_is_told_apart_from_who_changed(world, submitted, told):
    accounts.deactivate(person=world.deputy, by=world.admin)
    assert told() == {}


def test_a_retired_agent_s_card_has_not_moved(world):
    packet = world.complete_packet(world.register("Other"))
    world.sign_all(packet)
    retirement.retire_agent(agent=world.fresh(packet.agent), reason="The new one answers", by=world.owner)
    assert moved(world.fresh(packet).current, clock.now()) == []
