"""Finding agents, packets and the catalogue again: words, filters, pages, and what nobody may see."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Person, Team
from registry import actions, finding
from registry.models import Agent, AgentCount
from registry.tasks import fold_counts

HOSTILE = [
    "\0", "a\0b", "x" * 10_000, "pay & !loan | (", "'; drop table", ":*", "a:* <-> b", "\\", "%_%", "<script>", "''", "!!",
    "\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"), "\u202e", "été 中文 🙂", "the of a", "-1", "1e9",
]  # fmt: skip


@pytest.fixture
def visitor(client, world):
    client.force_login(world.member)
    return client


def names(said, **facets):
    return [agent.name for agent in finding.by_name(Agent.objects.all(), finding.Asked(finding.words_of(said), facets))]


def found(said, person, kind="agent"):
    return [hit.title for hit in finding.search(said, person) if hit.kind == kind]


class TestWords:
    def test_a_word_is_found_from_its_beginning_in_any_part_of_the_card(self, world):
        world.register("Card-dispute triage", summary="Sorts payments that borrowers contest")
        for said in (
            "card",
            "dispu",
            "TRIAGE",
            "contest",
            "card-disp",
            "card borrow",
            world.team.name,
            world.owner.name,
        ):
            assert "Card-dispute triage" in names(said), said
        assert names("isput") == [] and names("card nowhere") == []

    def test_another_form_of_an_english_word_is_found(self, world):
        world.register("Zebra", summary="Investigates disputed payments")
        assert names("payment") == names("investigating") == ["Zebra"]

    def test_names_that_begin_so_come_first(self, world):
        world.register("About fraud", summary="fraud fraud fraud")
        world.register("Fraud explainer", summary="Explains")
        assert found("fraud", world.member)[0] == "Fraud explainer"

    def test_renaming_a_team_or_an_owner_changes_what_is_found(self, world):
        Team.objects.filter(pk=world.team.pk).update(name="Mortgages North")
        Person.objects.filter(pk=world.owner.pk).update(name="Wilhelmina")
        assert names("mortgages wilhelm") == ["Lending assistant"]

    def test_a_renamed_agent_takes_its_packets_along(self, world, draft):
        Agent.objects.filter(pk=draft.agent_id).update(name="Quokka")
        assert found("quokka", world.member, "packet")

    @pytest.mark.parametrize("said", HOSTILE, ids=range(len(HOSTILE)))
    def test_nothing_that_can_be_typed_fails(self, visitor, said):
        for page in ("agent_list", "search", "agent_export", "data_list", "tool_list", "data_export", "tool_export"):
            answer = visitor.get(reverse(page), {"q": said, "after": said, "owner": said, "team": said})
            assert answer.status_code == 200, page
            b"".join(answer) if answer.streaming else answer.content
        assert b"<script>a" not in visitor.get(reverse("search"), {"q": f"{said}<script>a"}).content
        for route in ("api_search", "api_agents"):
            assert visitor.get(reverse(route), {"q": said}).status_code in (200, 422)


class TestWhoFinds:
    def test_packets_are_found_only_by_those_who_may_see_them(self, world, draft):
        said = f"{draft.agent.name} {draft.version}"
        assert found(said, world.member, "packet") and found(said, world.auditor, "packet")
        assert not found(said, world.outsider, "packet") and not found(said, world.security, "packet")

    def test_tools_data_and_people_are_found(self, world):
        assert found(world.tool.slug, world.bystander, "tool") == [world.tool.slug]
        assert found(world.source.name, world.bystander, "data") == [world.source.name]
        assert found(world.owner.name, world.bystander, "person") == [world.owner.name]

    def test_only_what_the_person_may_begin_is_offered(self, world, client):
        client.force_login(world.member)
        page = client.get(reverse("search"), {"q": "start packet lending"}).content.decode()
        assert "Start a packet for Lending assistant" in page
        assert "Register an agent" in client.get(reverse("search"), {"q": "regis"}).content.decode()
        for person in (world.bystander, world.auditor):
            client.force_login(person)
            page = client.get(reverse("search"), {"q": "start packet lending"}).content.decode()
            assert "Start a packet for" not in page
            assert "Register an agent" not in client.get(reverse("search"), {"q": "regis"}).content.decode()

    def test_the_palette_gets_the_rows_alone_and_nothing_asked_shows_places(self, visitor):
        page = visitor.get(reverse("search"), headers={"HX-Request": "true"}).content.decode()
        assert "<html" not in page and "Register an agent" in page

    def test_the_api_finds_what_the_page_finds(self, visitor, world, draft):
        rows = visitor.get(reverse("api_search"), {"q": draft.agent.name}).json()["found"]
        assert {"agent", "packet"} <= {row["kind"] for row in rows}
        assert rows[0]["key"] == draft.agent.slug and rows[0]["page"] == reverse(
            "agent_detail", args=[draft.agent.slug]
        )


class TestPages:
    @pytest.fixture
    def many(self, world):
        for i in range(60):
            world.register(f"Robot {i // 2:02}", risk_class="minimal" if i % 3 else "high", slug=f"robot-{i}")
        return world

    @pytest.mark.parametrize("near", [3, 1000])
    @pytest.mark.parametrize(
        ("said", "facets"), [("", {}), ("robot", {}), ("robot", {"risk": "minimal"}), ("", {"risk": "high"})]
    )
    def test_pages_forth_and_back_show_every_agent_once(self, many, monkeypatch, near, said, facets):
        monkeypatch.setattr(finding, "NEAR", near)
        asked = finding.Asked(finding.words_of(said), facets)
        whole = [agent.pk for agent in finding.narrowed(Agent.objects.all(), asked).order_by("name", "id")]
        assert len(whole) > 14
        pages, after = [], ""
        while True:
            pages.append(finding.by_name(Agent.objects.all(), asked, after=after, limit=7))
            if not (after := pages[-1].after):
                break
        assert [agent.pk for one in pages for agent in one] == whole
        assert pages[0].before == ""
        back = pages[-1]
        for expected in reversed(pages[:-1]):
            back = finding.by_name(Agent.objects.all(), asked, before=back.before, limit=7)
            assert [agent.pk for agent in back] == [agent.pk for agent in expected]
        assert back.before == ""

    def test_more_agents_and_filters_make_no_more_queries(self, many, visitor):
        def made(**said):
            visitor.get(reverse("agent_list"), said)
            with CaptureQueriesContext(connection) as queries:
                assert visitor.get(reverse("agent_list"), said).status_code == 200
            return len(queries)

        few = made(q="lending")
        assert made() == made(q="robot", risk="minimal", status="registered", autonomy=1) == few
        assert "Next</a>" in visitor.get(reverse("agent_list")).content.decode()

    def test_a_search_makes_a_fixed_number_of_queries(self, many, visitor):
        def made(said):
            with CaptureQueriesContext(connection) as queries:
                visitor.get(reverse("search"), {"q": said})
            return len(queries)

        made("robot")
        assert made("robot") == made("nothing")

    def test_filters_of_the_api_and_of_the_page_agree(self, many, visitor, world):
        for said in ({"risk": "high"}, {"autonomy": 1, "status": "registered"}, {"owner": "me"}, {"q": "robot 07"}):
            page = visitor.get(reverse("agent_list"), said).context["rows"]
            cards = visitor.get(reverse("api_agents"), said).json()["agents"]
            assert [agent.slug for agent in page] == [card["slug"] for card in cards]
        assert visitor.get(reverse("api_agents"), {"owner": world.owner.email, "limit": 1}).json()["agents"]
        assert visitor.get(reverse("api_agents"), {"owner": "nobody@bank.example"}).json()["agents"] == []
        assert visitor.get(reverse("api_agents"), {"team": "no-such-team"}).json()["agents"] == []

    def test_an_owner_of_another_agent_can_be_named_in_the_address(self, many, visitor, world):
        page = visitor.get(reverse("agent_list"), {"owner": world.owner.pk})
        assert f"Owned by {world.owner.name}" in page.content.decode() and len(page.context["rows"]) == 50


class TestFigures:
    def real(self):
        agents = list(Agent.objects.values_list("status", "gate"))
        return {
            "total": len(agents),
            "live": sum(status == "live" for status, _ in agents),
            "in_review": sum(status == "in_review" for status, _ in agents),
            "failing": agents.count(("live", "fail")),
            "suspended": sum(status == "suspended" for status, _ in agents),
        }

    def test_they_are_exact_after_every_change_and_after_folding(self, world):
        for i in range(5):
            world.register(f"Robot {i}")
        assert finding.figures(world.member) == self.real()
        Agent.objects.filter(slug__in=["robot-1", "robot-2"]).update(status="live", gate="fail")
        actions.set_summary(world.agent, status="suspended")
        assert finding.figures(world.member) == self.real()
        Agent.objects.filter(slug="robot-3").delete()
        assert finding.figures(world.member) == self.real()
        assert fold_counts() > AgentCount.objects.count()
        assert finding.figures(world.member) == self.real()
        assert not AgentCount.objects.filter(n__lte=0).exists()
