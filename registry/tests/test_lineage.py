"""Where data comes from and goes: links between sources, and no circles."""

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from registry import lineage
from registry.actions import catalogue_source
from registry.models import SourceLink
from work.acts import Conflict, Denied, Invalid


@pytest.fixture
def chain(world):
    """Tariffs feeds Index feeds Answers."""
    found = [world.source]
    for name in ("Index", "Answers"):
        found.append(catalogue_source(name=name, by=world.member, owner=world.owner))
        lineage.link(upstream=found[-2], downstream=found[-1], by=world.owner, note="Nightly")
    return found


def test_a_link_shows_on_both_pages_and_in_the_ledger(world, client, chain):
    client.force_login(world.bystander)
    for one, other in ((chain[0], "Index"), (chain[1], "Tariffs"), (chain[1], "Answers")):
        assert other in client.get(reverse("data_detail", args=[one.pk])).content.decode()
    entry = world.entries("system")[-1]
    assert (entry["kind"], entry["data"]["slug"], entry["data"]["into_slug"]) == (
        "data_source.linked",
        "index",
        "answers",
    )


def test_a_circle_is_refused_and_said_in_words(world, chain):
    with pytest.raises(
        Invalid, match="Answers cannot feed Tariffs, since Tariffs, which feeds Index, which feeds Answers"
    ):
        lineage.link(upstream=chain[2], downstream=chain[0], by=world.owner)
    with pytest.raises(Invalid, match="feed itself"):
        lineage.link(upstream=chain[0], downstream=chain[0], by=world.owner)
    with pytest.raises(Conflict, match="already"):
        lineage.link(upstream=chain[0], downstream=chain[1], by=world.owner)


def test_the_database_refuses_a_circle_too(world, chain):
    for one, other in ((chain[2], chain[0]), (chain[1], chain[1])):
        with pytest.raises(IntegrityError), transaction.atomic():
            SourceLink.objects.create(upstream=one, downstream=other, added_by=world.owner)


@pytest.mark.parametrize("who", ["member", "outsider", "bystander", "auditor", "security"])
def test_who_keeps_neither_end_links_nothing(world, chain, who):
    with pytest.raises(Denied):
        lineage.link(upstream=chain[0], downstream=chain[2], by=world.person(who))
    with pytest.raises(Denied):
        lineage.unlink(link=SourceLink.objects.first(), by=world.person(who))


def test_the_page_adds_a_link_and_takes_it_back(world, client, chain):
    client.force_login(world.owner)
    url = reverse("data_link", args=[chain[2].pk])
    refused = client.post(url, {"other": chain[0].pk, "way": "down"})
    assert refused.status_code == 422 and "in a circle" in refused.content.decode()
    client.post(url, {"other": chain[0].pk, "way": "up", "note": "Once a day"})
    made = SourceLink.objects.get(upstream=chain[0], downstream=chain[2])
    client.post(url, {"remove": made.pk})
    assert not SourceLink.objects.filter(pk=made.pk).exists()
    assert world.entries("system")[-1]["kind"] == "data_source.unlinked"
    assert client.post(url, {"remove": made.pk}).status_code == 302
