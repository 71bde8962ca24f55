"""What the demo organisation shows: an approval that ends soon, and what a team says does not apply."""

import shutil

import pytest
from django.conf import settings
from django.urls import reverse

from approvals.models import Renewal
from portal.demo.people import email
from portal.demo.story import ENDS_SOON, Story
from registry.models import NotApplicable, Packet
from registry.sections import section
from work import clock


@pytest.fixture
def bank(db):
    """Halden Bank's whole history."""
    story = Story(clock.now(), lambda line: None)
    story.tell()
    yield story
    shutil.rmtree(settings.SIGNALS_ROOT, ignore_errors=True)


def test_the_owner_finds_a_renewal_and_reviewers_find_what_does_not_apply(bank, client):
    renewal = Renewal.objects.select_related("packet__renews", "packet__agent__owner").get()
    packet = renewal.packet
    assert packet.agent.slug == ENDS_SOON and packet.renews.state == "approved"
    assert [one["key"] for one in renewal.changes["moved"]] == ["source.contract_version", "incidents"]
    assert any(isinstance(one["percent"], int) for one in renewal.changes["costs"]["months"])

    assert packet.agent.owner.email == email("Ana Ruiz")
    client.force_login(packet.agent.owner)
    home = client.get("/").content.decode()
    assert "2 things moved since it was signed" in home and reverse("packet_detail", args=[packet.pk]) in home

    reviewed = Packet.objects.get(state="in_review", agent__slug="fraud-alert-explainer")
    [said] = reviewed.current.content["sections"]["5"]["not_applicable"]
    assert "no call waits for a person" in said["because"]
    assert not section(8).problems(packet)
    assert set(NotApplicable.objects.values_list("packet__agent__slug", "demand")) == {
        ("mortgage-enquiry", "cost.routing"),
        ("fraud-alert-explainer", "trail.approvals"),
    }
