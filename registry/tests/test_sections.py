"""The ten sections: what each asks for, and that its document loses nothing of what was typed."""

import time
from copy import deepcopy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import actions as accounts
from ledger.canonical import dumps, nfc, sha256
from registry.actions import catalogue_source, catalogue_tool, change_agent, write_section
from registry.models import Packet
from registry.sections import SECTIONS, section
from registry.sections.forms import with_line_feeds
from registry.sections.s05_trail import ELEMENTS
from registry.sections.s07_security import RISKS
from registry.sections.s08_cost import CostEstimate
from work.acts import Invalid


def write(world, packet, number, values):
    write_section(packet=packet, number=number, content=values, by=world.author)


def found(packet, number):
    return [problem.text for problem in section(number).problems(Packet.objects.get(pk=packet.pk))]


def typed(packet, number):
    """What a browser would show in the section's forms: the content that would give the same document again."""
    forms = section(number).forms(packet)
    content = {}
    if forms.sheet is not None:
        content["sheet"] = {name: shown(forms.sheet[name]) for name in forms.sheet.fields}
    for rows, formset in forms.formsets:
        names = [name for name in rows.form.base_fields if name != "packet"]
        content[rows.prefix] = [{name: shown(form[name]) for name in names} for form in formset.initial_forms]
    return content


def shown(field):
    widget, value = field.field.widget, field.value()
    if value is True or value is False:
        return "on" if value else ""
    return widget.format_value(value) if hasattr(widget, "format") else ("" if value is None else str(value))


@pytest.mark.parametrize("number", range(1, 11))
def test_a_sections_document_becomes_form_and_document_again_without_loss(world, draft, number):
    before = section(number).document(draft)
    write(world, draft, number, typed(draft, number))
    assert section(number).document(draft) == before


@pytest.mark.parametrize("number", range(1, 11))
def test_opening_a_section_and_saving_it_unchanged_is_no_change(world, draft, number):
    forms = section(number).forms(draft)
    data = {}
    if forms.sheet is not None:
        data |= {f"sheet-{name}": shown(forms.sheet[name]) for name in forms.sheet.fields}
    for rows, formset in forms.formsets:
        for i, form in enumerate(formset.initial_forms):
            data |= {f"{rows.prefix}-{i}-{name}": shown(form[name]) for name in form.fields}
            data[f"{rows.prefix}-{i}-id"] = form.instance.pk
        data |= {f"{rows.prefix}-TOTAL_FORMS": len(formset.initial_forms)}
        data |= {f"{rows.prefix}-INITIAL_FORMS": len(formset.initial_forms)}
    again = section(number).forms(draft, data)
    assert again.is_valid(), again.errors()
    assert not again.has_changed()


LEAVES = [
    (number, part, name)
    for number, part, names in [
        (1, "use", ["text"]),
        (1, "non_use", ["text", "refusal"]),
        (2, "grant", ["purpose", "fields", "retention_days"]),
        (2, "never", ["kind", "text"]),
        (3, "model", ["provider", "model_id", "snapshot", "parameters"]),
        (3, "prompt", ["name", "version", "text"]),
        (3, "retrieval", ["index", "embedding_model", "corpus_date"]),
        (4, "sheet", ["name", "version"]),
        (4, "case", ["case_id", "failure_mode", "origin", "input", "expected", "critical", "note"]),
        (5, "sheet", ["trace_id", "run_at", *ELEMENTS]),
        (6, "sheet", ["statement"]),
        (6, "grant", ["scope", "environment", "approval", "limit", "mitigation"]),
        (7, "threat", ["applies", "threat", "mitigation", "evidence", "residual"]),
        (8, "sheet", ["currency", *CostEstimate.WORKLOAD, "price_source", *CostEstimate.PROMISE, "stop_rule"]),
        (9, "sheet", ["authority", "support_hours", "support_path", "escalation", "runbook"]),
        (10, "stage", ["audience", "percent", "criteria", "dwell_days", "review_percent"]),
        (10, "sheet", ["rollback_target", "rollback_steps", "kill_mechanism", "kill_who", "kill_seconds", "not_reached",
                       "review_on"]),
    ]
    for name in names
]  # fmt: skip
OTHER = {
    "kind": "log", "failure_mode": "other", "origin": "policy", "critical": "", "environment": "sandbox",
    "approval": "per_call", "applies": "no", "residual": "high", "currency": "USD", "corpus_date": "2026-01-31",
    "review_on": "2027-03-01", "run_at": "2026-11-20T09:14:34", "parameters": "temperature=1",
}  # fmt: skip


@pytest.mark.parametrize(("number", "part", "name"), LEAVES)
def test_every_single_field_is_in_the_document_and_moves_only_its_sections_digest(world, draft, number, part, name):
    before = {one.number: sha256(dumps(one.document(draft))) for one in SECTIONS}
    values = world.sections()[number]
    row = values[part] if part == "sheet" else values[part][0]
    old = row.get(name, "")
    bigger = int(float(old)) + 1 if str(old).replace(".", "").isdigit() else f"{old} more"
    row[name] = OTHER.get(name, bigger)
    write(world, draft, number, values)
    after = {one.number: sha256(dumps(one.document(draft))) for one in SECTIONS}
    assert [each for each in after if after[each] != before[each]] == [number]
    write(world, draft, number, world.sections()[number])
    assert {one.number: sha256(dumps(one.document(draft))) for one in SECTIONS} == before


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=40).filter(
    lambda text: text.strip() == text
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4))
def test_any_text_comes_back_from_the_document_as_it_was_typed(world, draft, rows):
    rows = [(with_line_feeds(use), with_line_feeds(refusal)) for use, refusal in rows]  # as every browser ends a line
    values = {
        "use": [{"text": use} for use, _ in rows],
        "non_use": [{"text": text, "refusal": refusal} for text, refusal in rows],
    }
    write(world, draft, 1, values)
    document = section(1).document(draft)
    assert document["use_cases"] == [{"text": nfc(use)} for use, _ in rows]
    assert document["non_use_cases"] == [{"text": nfc(text), "refusal": nfc(refusal)} for text, refusal in rows]
    assert dumps(document) == dumps(deepcopy(document))


def test_two_spellings_of_one_text_have_one_digest(world, draft):
    digests = set()
    for text in ("caf\u00e9", "cafe\u0301"):
        write(world, draft, 1, {"use": [{"text": text}], "non_use": [{"text": "no", "refusal": "no"}]})
        digests.add(sha256(dumps(section(1).document(draft))))
    assert len(digests) == 1


def test_the_order_of_rows_is_kept(world, draft):
    values = world.sections()[10]
    values["stage"].reverse()
    write(world, draft, 10, values)
    assert [stage["audience"] for stage in section(10).document(draft)["stages"]] == ["All borrowers", "Branch staff"]


def edit(number, part, name, value, row=0):
    """An edit of one field of valid content."""

    def act(values):
        target = values[part] if part == "sheet" else values[part][row]
        target[name] = value
        return values

    return number, act


def drop(number, part):
    def act(values):
        values[part] = []
        return values

    return number, act


EMPTY_ASKED = [
    (1, "non_use", "refusal", "Non-use case 1: say what the agent answers instead."),
    (2, "grant", "purpose", "Data source 1: say what the agent needs it for."),
    (2, "grant", "fields", "Data source 1: say which fields."),
    (2, "grant", "retention_days", "Data source 1: say how many days"),
    (3, "model", "provider", "Model 1: name its provider."),
    (3, "model", "model_id", "Model 1: name the model"),
    (3, "model", "snapshot", "Model 1: pin a snapshot"),
    (3, "prompt", "name", "Prompt 1: name it."),
    (3, "prompt", "version", "Prompt 1: give its version."),
    (3, "prompt", "text", "Prompt 1: paste its text."),
    (3, "retrieval", "embedding_model", "Retrieval 1: name the embedding model."),
    (3, "retrieval", "corpus_date", "Retrieval 1: give the corpus date."),
    (4, "sheet", "name", "Name the eval suite."),
    (4, "sheet", "version", "Give the suite's version."),
    (4, "case", "case_id", "Case 1: give the id"),
    (4, "case", "failure_mode", "Case 1: say which failure"),
    (4, "case", "origin", "Case 1: say where it comes from."),
    (4, "case", "input", "Case 1: give the input."),
    (4, "case", "expected", "Case 1: say what must happen."),
    (5, "sheet", "trace_id", "Give the run's trace id."),
    (5, "sheet", "run_at", "Say when the run happened."),
    *[(5, "sheet", name, f"{label} is missing from the trail.") for name, label in ELEMENTS.items()],
    (6, "grant", "scope", "Tool 1: say on which records"),
    (6, "grant", "environment", "Tool 1: say whether it acts"),
    (6, "grant", "approval", "Tool 1: say which approval"),
    (7, "threat", "applies", "LLM01:2025 Prompt Injection: say whether it applies."),
    (7, "threat", "threat", "LLM01:2025 Prompt Injection: say how it could happen here."),
    (7, "threat", "mitigation", "LLM01:2025 Prompt Injection: say what is done about it."),
    (7, "threat", "evidence", "LLM01:2025 Prompt Injection: say where a reviewer can see"),
    (7, "threat", "residual", "LLM01:2025 Prompt Injection: say what risk is left."),
    (8, "sheet", "currency", "Name the currency."),
    (8, "sheet", "price_source", "Say where the prices come from."),
    (8, "sheet", "stop_rule", "Say at what spend"),
    *[(8, "sheet", name, "give a figure; 0 is an answer, empty is not.") for name in CostEstimate.WORKLOAD],
    (9, "sheet", "authority", "Say what the owner may decide alone."),
    (9, "sheet", "support_hours", "Give the support hours"),
    (9, "sheet", "support_path", "Say where people report a bad answer."),
    (9, "sheet", "escalation", "Say who is called when."),
    (9, "sheet", "runbook", "Give the address of the runbook."),
    (10, "stage", "audience", "Stage 1: say who meets it."),
    (10, "stage", "percent", "Stage 1: give the share"),
    (10, "stage", "criteria", "Stage 1: say what must be true"),
    (10, "stage", "dwell_days", "Stage 1: say for how many days"),
    (10, "stage", "review_percent", "Stage 1: say how many answers"),
    (10, "sheet", "rollback_target", "Say what it rolls back to."),
    (10, "sheet", "rollback_steps", "Give the steps of a rollback."),
    (10, "sheet", "kill_mechanism", "Say what the kill switch is."),
    (10, "sheet", "kill_who", "Say who may use the kill switch."),
    (10, "sheet", "kill_seconds", "Promise a time"),
    (10, "sheet", "not_reached", "Say what a stop does not reach."),
    (10, "sheet", "review_on", "Give the date of the post-launch review."),
]


@pytest.mark.parametrize(("number", "part", "name", "words"), EMPTY_ASKED)
def test_what_is_left_empty_is_asked_for_and_nothing_else_is(world, draft, number, part, name, words):
    _, act = edit(number, part, name, "")
    write(world, draft, number, act(world.sections()[number]))
    (problem,) = found(draft, number)
    assert words in problem
    assert all(not found(draft, other) for other in range(1, 11) if other != number)


@pytest.mark.parametrize("name", ["runs_per_day", "cached_percent", "retry_percent", "fees_per_run", "review_hour"])
def test_zero_is_an_answer_where_empty_is_none(world, draft, name):
    world.change(draft, 8, **{name: 0})
    assert found(draft, 8) == []


@pytest.mark.parametrize(
    ("number", "part", "words"),
    [
        (1, "use", "Say at least one use"),
        (1, "non_use", "at least one thing the agent must refuse"),
        (2, "grant", "Name the data that the agent reads"),
        (2, "never", "must never be used"),
        (3, "model", "Pin at least one model"),
        (3, "prompt", "Pin at least one prompt"),
        (4, "case", "Add the cases"),
        (10, "stage", "Plan at least one stage"),
    ],
)
def test_a_kind_of_row_that_is_not_there_is_asked_for(world, draft, number, part, words):
    _, act = drop(number, part)
    write(world, draft, number, act(world.sections()[number]))
    assert any(words in problem for problem in found(draft, number))


def test_retrieval_may_be_none(world, draft):
    _, act = drop(3, "retrieval")
    write(world, draft, 3, act(world.sections()[3]))
    assert found(draft, 3) == []


@pytest.mark.parametrize(("kept", "words"), [("use", "never be logged"), ("log", "never be used")])
def test_both_kinds_of_forbidden_data_are_asked_for(world, draft, kept, words):
    values = world.sections()[2]
    values["never"] = [row for row in values["never"] if row["kind"] == kept]
    write(world, draft, 2, values)
    (problem,) = found(draft, 2)
    assert words in problem


@pytest.mark.parametrize(
    ("values", "words"),
    [({"classification": ""}, "no classification"), ({"contract_version": ""}, "no data contract")],
)
def test_a_source_that_nobody_classified_or_contracted_is_named(world, draft, values, words):
    source = catalogue_source(
        name="Scrap", by=world.member, **{"classification": "public", "contract_version": "1", **values}
    )
    content = world.sections()[2]
    content["grant"][0]["source"] = source.pk
    write(world, draft, 2, content)
    (problem,) = found(draft, 2)
    assert words in problem
    assert "Scrap" in problem


@pytest.mark.parametrize(
    ("parameters", "words"),
    [("temperature=0\ntemperature=1", "given twice"), ("temperature 0", "name=value"), ("=0", "name=value")],
)
def test_parameters_that_could_not_all_be_signed_are_named(world, draft, parameters, words):
    _, act = edit(3, "model", "parameters", parameters)
    write(world, draft, 3, act(world.sections()[3]))
    (problem,) = found(draft, 3)
    assert words in problem


def test_a_prompt_is_pinned_by_the_digest_of_its_text_with_line_feeds(world, draft):
    digests = set()
    for text in ("One\r\ntwo \u00e9", "One\ntwo e\u0301"):
        _, act = edit(3, "prompt", "text", text)
        write(world, draft, 3, act(world.sections()[3]))
        digests.add(section(3).document(draft)["prompts"][0]["sha256"])
    assert digests == {sha256("One\ntwo \u00e9".encode())}


def test_a_prompt_that_takes_seconds_to_normalise_is_not_taken(world, draft):
    before, started = section(3).document(draft), time.perf_counter()
    content = {**world.sections()[3], "prompt": [{"name": "system", "text": "a" + "\u0301\u0316" * 24_999}]}
    with pytest.raises(Invalid, match="more than 30 accents upon one letter"):
        write_section(packet=draft, number=3, content=content, by=world.author)
    assert section(3).document(draft) == before and time.perf_counter() - started < 1


def test_a_prompt_keeps_the_line_feed_that_its_file_ends_with(world, draft):
    text = "You answer borrowers.\nNever promise a rate.\n"
    content = {
        **world.sections()[3],
        "prompt": [{"name": "system", "version": "1", "text": text.replace("\n", "\r\n")}],
    }
    write_section(packet=draft, number=3, content=content, by=world.author)
    prompt = section(3).document(draft)["prompts"][0]
    assert prompt["text"] == text
    assert prompt["sha256"] == sha256(text.encode())


def test_without_a_critical_case_one_is_asked_for(world, draft):
    write(world, draft, 4, world.sections(critical=0)[4])
    assert found(draft, 4) == ["Mark the cases that must never fail as critical."]


def test_two_cases_of_one_name_are_named(world, draft):
    _, act = edit(4, "case", "case_id", "case-02")
    write(world, draft, 4, act(world.sections()[4]))
    assert found(draft, 4) == ["Two cases are named case-02; results could not be told apart."]


class TestTools:
    """Section 6 looks at each tool, and at all together."""

    def grant(
        self, world, packet, statement="", mitigation="", environment="live", approval="none", *, effect, tags=()
    ):
        tool = catalogue_tool(slug="payments.refund", by=world.member, effect=effect, tags=list(tags))
        values = world.sections()[6]
        values["sheet"]["statement"] = statement
        values["grant"][0] |= {
            "tool": tool.pk,
            "environment": environment,
            "approval": approval,
            "mitigation": mitigation,
        }
        write(world, packet, 6, values)
        return found(packet, 6)

    def test_an_irreversible_tool_that_is_live_without_approval_needs_a_mitigation(self, world, draft):
        (problem,) = self.grant(world, draft, effect="irreversible")
        assert "payments.refund is irreversible and live without approval" in problem

    @pytest.mark.parametrize(
        "values",
        [
            {"effect": "irreversible", "mitigation": "At most 200 a day, revocable for a week"},
            {"effect": "irreversible", "approval": "per_call"},
            {"effect": "irreversible", "environment": "sandbox"},
            {"effect": "write"},
        ],
    )
    def test_what_holds_the_risk_is_enough(self, world, draft, values):
        assert self.grant(world, draft, **values) == []

    def test_customer_data_untrusted_input_and_a_way_out_need_a_word_on_the_combination(self, world, draft):
        three = ("customer_data", "untrusted_input", "external_communication")
        (problem,) = self.grant(world, draft, effect="read", tags=three)
        assert "an injected instruction could carry data out" in problem

    @pytest.mark.parametrize("left_out", [0, 1, 2])
    def test_two_of_the_three_do_not(self, world, draft, left_out):
        three = ["customer_data", "untrusted_input", "external_communication"]
        three.pop(left_out)
        assert self.grant(world, draft, effect="read", tags=three) == []

    def test_said_what_stops_it_is_enough(self, world, draft):
        three = ("customer_data", "untrusted_input", "external_communication")
        assert self.grant(world, draft, "Mail goes to our own desk only.", effect="read", tags=three) == []

    def test_an_agent_without_tools_says_so(self, world, draft):
        values = {"grant": [], "sheet": {"statement": ""}}
        write(world, draft, 6, values)
        assert len(found(draft, 6)) == 1
        write(world, draft, 6, {"grant": [], "sheet": {"statement": "It calls none."}})
        assert found(draft, 6) == []


class TestThreats:
    """Section 7 asks for an answer to every risk of both lists."""

    def test_every_risk_of_both_lists_is_asked_in_order(self, draft):
        assert [answer["risk"] for answer in section(7).document(draft)["answers"]] == list(RISKS)
        assert len(RISKS) == 20

    def test_a_risk_that_does_not_apply_says_why_and_no_more(self, world, draft):
        _, act = edit(7, "threat", "threat", "", row=1)
        write(world, draft, 7, act(world.sections()[7]))
        assert found(draft, 7) == ["LLM02:2025 Sensitive Information Disclosure: say why it does not apply."]


class TestOwner:
    """Section 9 needs people who are still there."""

    def test_without_a_deputy_one_is_asked_for(self, world, draft):
        change_agent(agent=draft.agent, by=world.member, deputy=None)
        assert found(draft, 9) == ["Name a deputy on the agent's page: the owner is not always there."]

    @pytest.mark.parametrize(("key", "what"), [("owner", "the owner"), ("deputy", "the deputy")])
    def test_who_left_is_named(self, world, draft, key, what):
        accounts.deactivate(person=world.person(key), by=world.admin)
        (problem,) = found(draft, 9)
        assert world.person(key).name in problem
        assert f"{what}, has left" in problem


class TestCost:
    """Section 8's sums."""

    def test_the_month_is_365_twelfths_of_a_day_to_the_cent(self, draft):
        document = section(8).document(draft)
        # 3.2 x 1.02 calls x (1098 x 3 + 732 x 0.3 + 180 x 15) / 10^6, + 0.002, + 0.1 / 60 x 48
        assert document["per_run"] == "0.102281"
        assert document["per_month"] == "311.11"

    def test_the_largest_figures_that_the_form_takes_still_give_a_sum(self, world, draft):
        big = "9999999999"
        world.change(
            draft, 8, runs_per_day=2147483647, calls_per_run="99999999999999.99", tokens_in=2147483647, price_in=big,
            tokens_out=2147483647, price_out=big, fees_per_run=big, review_minutes_per_run="99999999999999.99",
            review_hour="99999999999999.99",
        )  # fmt: skip
        assert section(8).document(draft)["per_month"].replace(".", "").isdigit()

    def test_a_missing_figure_makes_the_sum_unknown_not_zero(self, world, draft):
        world.change(draft, 8, price_out="")
        document = section(8).document(draft)
        assert document["price_out"] == {"unknown": "not stated"}
        assert set(document["per_month"]) == set(document["per_run"]) == {"unknown"}
