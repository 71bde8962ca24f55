"""A draft is filled from a pulled eval run: what is empty is taken over, what differs is proposed, nothing is lost."""

import pytest
from django.urls import reverse

from registry.actions import start_packet
from registry.contents import content_of
from registry.models import Proposal
from registry.sections import section
from signals.actions import fill_from_run
from signals.models import EvalRun
from work.acts import Conflict, Denied, Invalid


@pytest.fixture
def empty(world):
    return start_packet(agent=world.register("Filled assistant"), version="1.0.0", by=world.author)


def run_of(world, packet, **values):
    run = world.evals(packet, total=8, prompt="0" * 64)
    EvalRun.objects.filter(pk=run.pk).update(**values)
    run.cases.filter(case_id="case-02").update(critical=True)
    return EvalRun.objects.get(pk=run.pk)


def test_an_empty_packet_gets_suite_cases_and_model(world, empty):
    done = fill_from_run(packet=empty, run=run_of(world, empty), by=world.author)
    four, three = (content_of(section(number), empty) for number in (4, 3))
    assert four["sheet"]["name"] == "lending-regression"
    assert [(one["case_id"], one["critical"]) for one in four["case"]][:3] == [
        ("case-01", False), ("case-02", True), ("case-03", False),
    ]  # fmt: skip
    [model] = three["model"]
    assert (model["provider"], model["model_id"], model["snapshot"]) == ("anthropic", "claude-sonnet-4", "20250514")
    assert not done.proposed and world.entries(empty, "packet.filled")[-1]["data"]["source_kind"] == "eval_run"
    assert any("input" in problem.text.lower() for problem in section(4).problems(empty)), "what it asks, a person says"


def test_what_a_person_wrote_stays_and_the_same_again_changes_nothing(world, draft):
    run = run_of(world, draft, task="other-suite")
    before = {number: content_of(section(number), draft) for number in (3, 4)}
    done = fill_from_run(packet=draft, run=run, by=world.author)
    after = {number: content_of(section(number), draft) for number in (3, 4)}
    assert after[3] == before[3] and after[4]["sheet"] == before[4]["sheet"]
    assert after[4]["case"][: len(before[4]["case"])] == before[4]["case"]
    assert [(one.field, one.value) for one in done.proposed if one.part == "sheet"] == [("name", "other-suite")]
    assert not fill_from_run(packet=draft, run=run, by=world.author).written and Proposal.objects.count() == len(
        done.proposed
    )


def test_only_who_fills_the_packet_and_from_a_run_of_its_agent_that_ended_well(world, empty, submitted):
    run = run_of(world, empty)
    with pytest.raises(Denied):
        fill_from_run(packet=empty, run=run, by=world.outsider)
    with pytest.raises(Invalid, match="not one of"):
        fill_from_run(packet=empty, run=run_of(world, submitted), by=world.author)
    with pytest.raises(Conflict):
        fill_from_run(packet=submitted, run=run_of(world, submitted), by=world.author)
    for values in ({"status": "error"}, {"invalidated": True}):
        with pytest.raises(Invalid, match="did not end well"):
            fill_from_run(packet=empty, run=run_of(world, empty, **values), by=world.author)


def test_the_packets_page_offers_it_and_a_click_does_it(world, empty, client):
    client.force_login(world.author, backend="django.contrib.auth.backends.ModelBackend")
    page = reverse("packet_detail", args=[empty.pk])
    assert "Fill from the eval run" not in client.get(page).content.decode()
    run = run_of(world, empty)
    assert "Fill from the eval run" in client.get(page).content.decode()
    answer = client.post(reverse("packet_fill_from_run", args=[empty.pk, run.pk]), follow=True).content.decode()
    assert "taken over from lending-regression" in answer and "case-08" in answer
