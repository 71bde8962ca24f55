"""Incidents become eval cases of section 4, and what moved since a packet was signed; each with its words, and once."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from approvals.models import Renewal
from approvals.renewing import start_renewal
from registry.actions import start_packet
from registry.contents import content_of
from registry.moved import beside
from registry.sections import section
from signals.incidents.actions import close_incident, fill_from_incidents, report_incident
from signals.incidents.queries import incidents_moved
from work import clock
from work.acts import Conflict, Denied, Invalid

BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def empty(world):
    return start_packet(agent=world.register("Failing assistant"), version="1.0.0", by=world.author)


@pytest.fixture
def report(world):
    """`report(agent, hours, …)`: an incident that happened, and by default was reported, `hours` ago."""

    def make(agent, hours=1.0, reported=None, **values):
        now = clock.now()
        said = {"severity": "serious", "what": "It named last year's rate.", "by": world.bystander} | values
        with clock.at(now - dt.timedelta(hours=hours if reported is None else reported)):
            return report_incident(agent=agent, happened_at=now - dt.timedelta(hours=hours), **said)

    return make


def cases(packet):
    return content_of(section(4), packet)["case"]


class TestCases:
    def test_each_incident_becomes_a_case_with_what_was_reported(self, world, empty, report):
        full = report(
            empty.agent, 5, asked="What is the rate?", should="Say 4.1%.", failure_mode="stale_document",
            severity="critical",
        )  # fmt: skip
        bare = report(empty.agent, 2, by=world.owner)
        close_incident(incident=bare, outcome="The index is rebuilt nightly.", by=world.owner)
        done = fill_from_incidents(packet=empty, by=world.author)
        first, second = cases(empty)
        assert first == {
            "case_id": f"incident-{str(full.pk)[:8]}", "failure_mode": "stale_document", "origin": "incident",
            "input": "What is the rate?", "expected": "Say 4.1%.", "critical": True, "note": "",
        }  # fmt: skip
        assert (second["case_id"], second["input"], second["critical"]) == (f"incident-{str(bare.pk)[:8]}", "", False)
        assert done.written == [4] and not done.proposed
        [entry] = world.entries(empty, "packet.filled")
        assert entry["data"]["source_kind"] == "incidents"

    def test_what_was_not_reported_is_asked_for(self, world, empty, report):
        report(empty.agent)
        fill_from_incidents(packet=empty, by=world.author)
        said = [one.text for one in section(4).problems(empty)]
        assert "Case 1: say which failure it is about." in said and "Case 1: give the input." in said
        assert "Case 1: say what must happen." in said and not any("where it comes from" in one for one in said)

    def test_one_that_is_a_case_is_not_added_again_whatever_a_person_made_of_it(self, world, empty, report):
        made = report(empty.agent)
        fill_from_incidents(packet=empty, by=world.author)
        with pytest.raises(Invalid, match="No incident of Failing assistant is left"):
            fill_from_incidents(packet=empty, by=world.author)
        world.change(empty, 4)  # a person writes other cases
        report(empty.agent)
        fill_from_incidents(packet=empty, by=world.author)
        assert {made.case_id} <= {one["case_id"] for one in cases(empty)} and len(cases(empty)) > 2

    def test_of_the_packets_agent_only_and_by_who_fills_it_while_it_is_open(self, world, empty, submitted, report):
        report(world.register("Another assistant"))
        with pytest.raises(Invalid):
            fill_from_incidents(packet=empty, by=world.author)
        report(empty.agent)
        with pytest.raises(Denied):
            fill_from_incidents(packet=empty, by=world.bystander)
        report(submitted.agent)
        with pytest.raises(Conflict):
            fill_from_incidents(packet=submitted, by=world.author)
        assert cases(empty) == []

    def test_section_4_offers_it_and_a_click_does_it(self, world, empty, report, client):
        client.force_login(world.author, backend=BACKEND)
        page = reverse("packet_section", args=[empty.pk, 4])
        assert "Add cases from" not in client.get(page).content.decode()
        report(empty.agent), report(empty.agent)
        assert "Add cases from 2 incidents" in client.get(page).content.decode()
        answer = client.post(reverse("packet_fill_from_incidents", args=[empty.pk]), follow=True)
        text = answer.content.decode()
        assert "2 cases added" in text and "Add cases from" not in text
        assert "Add cases from" not in client.get(reverse("packet_section", args=[empty.pk, 8])).content.decode()


class TestMoved:
    def moved(self, packet, at=None):
        return [one for one in beside(packet, at or clock.now()).found if one.key == "incidents"]

    def test_a_signed_packet_says_how_many_were_reported_since_and_the_worst(self, world, promotable, report):
        agent = promotable.agent
        with clock.at(clock.now() + dt.timedelta(days=2)):
            report(agent, 72, reported=71)  # before it was submitted
            assert self.moved(promotable) == []
            report(agent, 72, reported=1, severity="low")  # happened before, and came to light after
            report(agent, 3, severity="critical")
            report(world.register("Another assistant"), 1)
            [one] = self.moved(promotable)
            assert (one.section, one.about, one.what) == (4, agent.name, "incidents")
            assert (
                one.signed.startswith("what was known on ")
                and one.now == "2 incidents reported since, the worst critical"
            )
            assert one.url == f"{reverse('incident_list')}?agent={agent.slug}"

    def test_as_it_was_at_a_time_and_not_of_what_was_superseded(self, promotable, report):
        with clock.at(clock.now() + dt.timedelta(days=2)):
            report(promotable.agent, 5)
            assert self.moved(promotable, clock.now() - dt.timedelta(hours=6)) == []
            assert self.moved(promotable)[0].now == "1 incident reported since, serious"
            revision = promotable.current
            revision.packet.state = "superseded"
            assert incidents_moved(revision, {}, clock.now()) == []

    def test_it_makes_one_query_however_many_there_are(self, promotable, report):
        counts = []
        with clock.at(clock.now() + dt.timedelta(days=2)):
            for _ in range(2):
                report(promotable.agent), report(promotable.agent)
                revision = promotable.current
                revision.packet = promotable
                str(promotable.agent)
                with CaptureQueriesContext(connection) as made:
                    incidents_moved(revision, {}, clock.now())
                counts.append(len(made))
        assert counts == [1, 1]

    def test_the_renewal_keeps_it_and_its_section_4_is_not_unchanged(self, world, promotable, report, client):
        with clock.at(clock.now() + dt.timedelta(days=2)):
            report(promotable.agent, 5)
            renewal = start_renewal(packet=promotable, by=world.author)
            kept = Renewal.objects.get(packet=renewal).changes["moved"]
            assert [one["now"] for one in kept if one["key"] == "incidents"] == ["1 incident reported since, serious"]
            assert 4 not in beside(renewal, clock.now()).unchanged
            report(promotable.agent, 1)
            assert Renewal.objects.get(packet=renewal).changes["moved"] == kept, "what was found then stays"
            client.force_login(world.author, backend=BACKEND)
            for packet in (renewal, promotable):
                page = client.get(reverse("packet_detail", args=[packet.pk])).content.decode()
                assert "2 incidents reported since, the worst serious" in page
            section_4 = client.get(reverse("packet_section", args=[renewal.pk, 4])).content.decode()
            assert "Add cases from 2 incidents" in section_4 and "2 incidents reported since" in section_4
