"""Lists as CSV: what the filters leave, whole, and nothing that a spreadsheet would run."""

import csv
import io

import pytest
from django.urls import reverse

from registry import actions
from web.csv import harmless


@pytest.fixture
def rows(client, world):
    def read(name, **said):
        client.force_login(world.bystander)
        answer = client.get(reverse(name), said)
        assert answer["Content-Type"].startswith("text/csv") and "attachment" in answer["Content-Disposition"]
        return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))

    return read


def test_the_file_holds_every_agent_that_the_filters_leave(world, rows):
    for i in range(120):
        world.register(f"Robot {i}", risk_class="minimal")
    assert len(rows("agent_export")) == 121
    found = rows("agent_export", risk="high")
    assert [(row["slug"], row["team_slug"], row["owner_email"]) for row in found] == [
        (world.agent.slug, world.team.slug, world.owner.email)
    ]


@pytest.mark.parametrize(
    "said",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", " =1", "\u00a0=1", "\uff1d1", '=HYPERLINK("http://x")'],
)
def test_nothing_in_a_cell_is_run(said):
    assert harmless(said) == f"'{said}"


def test_what_is_harmless_stays_as_it_is():
    assert [harmless(value) for value in (None, 5, "a=b", "Card; =x", "it's")] == ["", "5", "a=b", "Card; =x", "it's"]


def test_a_name_that_is_a_formula_comes_out_as_text(world, rows):
    world.register("=cmd|' /C calc'!A0", summary='Quotes "tariffs", with; marks\nand lines')
    (row,) = rows("agent_export", q="calc")
    assert row["name"] == "'=cmd|' /C calc'!A0"
    assert row["summary"].replace("\r\n", "\n").startswith('Quotes "tariffs", with; marks')


def test_the_catalogue_comes_as_csv_too(world, rows):
    actions.catalogue_tool(slug="evil", name="=evil", by=world.member, tags=["money_movement", "credentials"])
    by_slug = {row["slug"]: row for row in rows("tool_export")}
    assert by_slug["evil"]["tags"] == "money_movement credentials"
    assert by_slug["evil"]["name"] == "'=evil"
    assert [row["name"] for row in rows("data_export", q=world.source.name)] == [world.source.name]
