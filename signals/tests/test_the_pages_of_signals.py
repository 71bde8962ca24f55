import pytest
from django.urls import reverse

from samples.stage import stage
from signals import actions
from signals.models import Budget, CostRule, EvalRun, Pull, Source
from signals.tests.conftest import NOW, cost_row, write_costs
from work import clock


@pytest.fixture
def full(bank, evals, costs, root):
    """The demo's files, pulled, and one file with a bad row."""
    stage(root, NOW)
    write_costs(root / "focus" / "bad.csv", [cost_row(BilledCost="x"), cost_row()])
    with clock.at(NOW):
        actions.add_cost_rule(field="tag", key="agent", value="mortgage", agent=bank.agent, by=bank.finance)
        for source in (evals, costs):
            actions.pull(source=source)
    return bank


def pages():
    return [
        *(
            reverse(name)
            for name in ("source_list", "source_new", "eval_run_list", "cost_list", "budget_new", "cost_rule_new")
        ),
        *(reverse("source_detail", args=[source.pk]) for source in Source.objects.all()),
        *(reverse("pull_detail", args=[pull.pk]) for pull in Pull.objects.all()),
        *(reverse("eval_run_detail", args=[run.pk]) for run in EvalRun.objects.all()),
        reverse("eval_run_list") + "?show=unmatched",
    ]


@pytest.mark.parametrize("who", ["admin", "auditor", "finance"])
def test_every_page_shows_before_and_after_the_first_pull(client, bank, who, request):
    client.force_login(getattr(bank, who))
    for url in pages():
        assert client.get(url).status_code == 200, url
    request.getfixturevalue("full")
    for url in pages():
        response = client.get(url)
        hidden = who == "finance" and url in [
            reverse("eval_run_detail", args=[run.pk]) for run in EvalRun.objects.all()
        ]
        assert response.status_code == (404 if hidden else 200), url
        assert "style=" not in response.content.decode() and "onclick" not in response.content.decode()


def test_the_lists_make_a_fixed_number_of_queries(client, full, django_assert_max_num_queries):
    client.force_login(full.auditor)
    for name, limit in (("source_list", 9), ("eval_run_list", 11), ("cost_list", 15)):
        with django_assert_max_num_queries(limit):
            client.get(reverse(name))


def test_rejections_stand_with_file_row_and_reason(client, full):
    client.force_login(full.member)
    text = client.get(reverse("pull_detail", args=[Pull.objects.get(source__kind="focus").pk])).content.decode()
    assert "bad.csv" in text and "is not a number" in text


def test_progress_stops_polling_when_the_pull_is_over(client, full, costs):
    client.force_login(full.member)
    running = Pull.objects.create(source=costs, begun_at=clock.now(), files_seen=3, files_done=1)
    url = reverse("pull_detail", args=[running.pk])
    assert 'hx-trigger="every 1s"' in client.get(url).content.decode()
    part = client.get(url, headers={"HX-Request": "true"})
    assert part.status_code == 200 and "1 of 3 files" in part.content.decode() and "<html" not in part.content.decode()
    running.delete()
    done = client.get(reverse("pull_detail", args=[Pull.objects.first().pk]), headers={"HX-Request": "true"})
    assert done.status_code == 286


def test_a_run_shows_critical_cases_that_failed_first(client, full):
    client.force_login(full.auditor)
    run = EvalRun.objects.get(agent_named="card-dispute-triage")
    text = client.get(reverse("eval_run_detail", args=[run.pk])).content.decode()
    assert (
        text.index("edge-split") < text.index("tool-credit-now") < text.index("ask-family") < text.index("ask-double")
    )
    assert "95.4%" in text and "84.8%" in text


def test_a_stranger_sees_no_run_and_no_cost(client, full):
    client.force_login(full.stranger)
    assert client.get(reverse("eval_run_detail", args=[EvalRun.objects.first().pk])).status_code == 404
    assert "Inference" not in client.get(reverse("cost_list")).content.decode()


def test_the_button_starts_a_pull_and_a_second_press_says_that_one_is_going_on(client, bank, costs):
    client.force_login(bank.member)
    url = reverse("source_pull", args=[costs.pk])
    assert client.get(url).status_code == 405
    response = client.post(url)
    assert response.status_code == 302 and response.url == reverse("pull_detail", args=[Pull.objects.get().pk])
    response = client.post(url, follow=True)
    assert "going on" in response.content.decode() and Pull.objects.count() == 1


def test_the_forms_act_and_a_refusal_keeps_what_was_typed(client, bank, root):
    client.force_login(bank.admin)
    made = {"name": "Nightly", "kind": "inspect", "folder": "inspect", "interval_minutes": 5}
    assert client.post(reverse("source_new"), made).status_code == 302
    refused = client.post(reverse("source_new"), {**made, "name": "Other one", "folder": "../x"})
    assert refused.status_code == 422 and "Other one" in refused.content.decode()
    budget = {"agent": bank.agent.pk, "amount": "12.50", "currency": "EUR", "starts": "2026-11-01"}
    assert client.post(reverse("budget_new"), budget).status_code == 403
    client.force_login(bank.finance)
    assert client.post(reverse("budget_new"), budget).status_code == 302
    rule = {"field": "tag", "key": "agent", "value": "x", "agent": bank.agent.pk}
    assert client.post(reverse("cost_rule_new"), rule).status_code == 302
    assert client.post(reverse("cost_rule_new"), {**rule, "value": "y", "position": 1}).status_code == 302
    first = CostRule.objects.get(position=1)
    assert client.post(reverse("cost_rule_move", args=[first.pk]), {"to": "down"}).status_code == 302
    assert CostRule.objects.get(value="y").position == 2 and Budget.objects.get().amount == 12.5


def test_the_list_of_agents_shows_the_newest_run_and_the_months_cost_where_one_may_see_them(client, full):
    client.force_login(full.member)
    stage_run = EvalRun.objects.get(agent_named="mortgage-enquiry")
    EvalRun.objects.filter(pk=stage_run.pk).update(agent=full.agent)
    text = client.get(reverse("agent_list")).content.decode()
    assert "100.0%" in text and "≥ 92.5% at 95%, 1.4.2" in text
    client.force_login(full.stranger)
    assert "100.0%" not in client.get(reverse("agent_list")).content.decode()
