"""What each section asks for follows from the risk class; what is not needed, or does not apply, is said and frozen."""

import json
from copy import deepcopy

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse

from accounts.tokens import add_service_account
from ledger.canonical import dumps, sha256
from registry import actions, comparing, demands, paper
from registry.contents import content_of
from registry.documents import document, problems
from registry.models import Agent, NotApplicable, Packet
from registry.sections import SECTIONS, section
from registry.sections.s07_security import RISKS
from registry.tests.test_api import Caller
from registry.tests.test_comparing_and_printing import text_of
from registry.vocabulary import RiskClass
from web.errors import Denied, Invalid

ROWS = [(number, one) for number, rows in demands.DEMANDS.items() for one in rows]
PARTS = [(number, one, part) for number, one in ROWS for part in one.parts]
BELOW = {RiskClass.LIMITED: RiskClass.MINIMAL, RiskClass.HIGH: RiskClass.LIMITED}
WHY = "This assistant answers from its prompt alone."
NEVER = ("owner.", "rollout.kill", "data.never", "security.")


def classed(packet, risk_class, autonomy=1):
    """The packet, its agent classed so."""
    Agent.objects.filter(pk=packet.agent_id).update(risk_class=risk_class, autonomy=autonomy)
    return Packet.objects.select_related("agent__team").get(pk=packet.pk)


def write(world, packet, number, content):
    return actions.write_section(packet=packet, number=number, content=content, by=world.author)


def lacks(packet, number, part):
    """Whether the section says that `part` is missing."""
    return any(part in problem.parts for problem in section(number).problems(packet))


def take_out(world, packet, number, part):
    """Empty `part` of a packet that was complete."""
    content = deepcopy(world.sections()[number])
    kind, _, name = part.partition(".")
    if part == "agent.owner":
        type(world.owner).objects.filter(pk=world.owner.pk).update(is_active=False)
    elif part == "agent.deputy":
        Agent.objects.filter(pk=packet.agent_id).update(deputy=None)
    elif part in ("grant.classification", "grant.contract"):
        column = {"grant.classification": "classification", "grant.contract": "contract_version"}[part]
        type(world.source).objects.filter(pk=world.source.pk).update(**{column: ""})
    elif part in ("never.use", "never.log"):
        content["never"] = [row for row in content["never"] if row["kind"] != name]
    elif part == "case.critical":
        for row in content["case"]:
            row["critical"] = ""
    elif part == "grant.mitigation":
        type(world.tool).objects.filter(pk=world.tool.pk).update(effect="irreversible")
    elif part == "sheet.statement":
        tags = ["customer_data", "untrusted_input", "external_communication"]
        type(world.tool).objects.filter(pk=world.tool.pk).update(tags=tags)
        content["sheet"]["statement"] = ""
    elif kind == "threat":
        risk = {"llm": "LLM03:2025", "agents": "ASI10", "implied": "LLM01:2025"}.get(name, "LLM01:2025")
        row = content["threat"][list(RISKS).index(risk)]
        row |= {name: ""} if name in row else {"applies": "", "threat": ""}
    elif name == "rows":
        content[kind] = []
        if number == 6:
            content["sheet"]["statement"] = ""
    else:
        (content["sheet"] if kind == "sheet" else content[kind][0])[name] = ""
    if number in (2, 4, 6) or kind not in ("agent",):
        write(world, packet, number, content)
    return Packet.objects.select_related("agent__team", "agent__owner", "agent__deputy").get(pk=packet.pk)


@pytest.mark.parametrize(("number", "demand", "part"), PARTS, ids=[part for _, _, part in PARTS])
def test_what_a_class_asks_for_is_missed_there_and_nowhere_below(world, draft, number, demand, part):
    assert not lacks(classed(draft, demand.since), number, part)
    take_out(world, draft, number, part)
    assert lacks(classed(draft, demand.since), number, part)
    if demand.since in BELOW:
        assert not lacks(classed(draft, BELOW[demand.since], (demand.level or 6) - 1), number, part)
    if demand.level:
        assert lacks(classed(draft, BELOW[demand.since], demand.level), number, part)


@pytest.mark.parametrize("risk_class", [RiskClass.HIGH, RiskClass.PROHIBITED])
def test_high_risk_asks_for_everything(draft, risk_class):
    packet = classed(draft, risk_class)
    assert [one.not_needed(packet) for one in SECTIONS] == [[]] * 10
    assert not any("not_needed" in one.document(packet) for one in SECTIONS)


def test_a_lower_class_asks_for_less(world):
    """An empty packet lacks less, the lower its class."""
    packet = actions.start_packet(agent=world.agent, version="9.0.0", by=world.author)
    counts = [
        sum(len(found) for found in problems(classed(packet, one)).values())
        for one in (RiskClass.MINIMAL, RiskClass.LIMITED, RiskClass.HIGH)
    ]
    assert counts[0] < counts[1] < counts[2]


def test_each_part_is_asked_for_by_one_row_and_each_row_that_asks_later_says_why():
    for number, rows in demands.DEMANDS.items():
        parts = [part for one in rows for part in one.parts]
        assert len(parts) == len(set(parts)), number
    for _, one in ROWS:
        assert bool(one.because) == (one.since != RiskClass.MINIMAL), one.key
        assert not one.because.endswith(".")
    assert len({one.key for _, one in ROWS}) == len(ROWS)


def test_a_part_that_no_row_names_is_an_error():
    with pytest.raises(KeyError):
        demands.of_part(1, "use.colour")


def test_what_must_never_be_waived_is_not(world):
    kept = ("owner.people", "owner.authority", "owner.support", "rollout.kill", "data.never_used", "data.never_logged")
    assert not set(kept) & set(demands.WAIVABLE)
    assert not [key for key in demands.WAIVABLE if key.startswith(("security.", "tools."))]


def test_a_raised_class_brings_the_demands_back_at_once(world, draft):
    packet = classed(draft, RiskClass.MINIMAL)
    content = world.sections()[9]
    content["sheet"]["escalation"] = ""
    write(world, packet, 9, content)
    world.accept(packet)
    assert not section(9).problems(packet)
    actions.change_agent(agent=packet.agent, by=world.member, risk_class=RiskClass.HIGH)
    packet = Packet.objects.get(pk=draft.pk)
    assert [problem.text for problem in section(9).problems(packet)] == ["Say who is called when."]


def test_the_document_says_what_is_not_needed_and_why_instead_of_not_stated(world, draft):
    content = world.sections()[9]
    content["sheet"]["runbook"] = ""
    write(world, draft, 9, content)
    assert section(9).document(classed(draft, RiskClass.HIGH))["runbook"] == {"unknown": "not stated"}
    said = section(9).document(classed(draft, RiskClass.MINIMAL))
    assert said["runbook"] == {"unknown": "not needed"}
    assert {"Support hours and escalation", "The runbook"} == {one["what"] for one in said["not_needed"]}
    assert all(one["because"] and one["asked_from"] for one in said["not_needed"])


def test_a_risk_that_nobody_asks_about_is_not_needed_in_the_document(world, draft):
    content = world.sections()[7]
    for risk in ("LLM03:2025", "LLM07:2025"):
        content["threat"][list(RISKS).index(risk)] |= {"applies": "", "threat": ""}
    write(world, draft, 7, content)
    packet = classed(draft, RiskClass.MINIMAL)
    answers = {one["risk"]: one for one in section(7).document(packet)["answers"]}
    assert answers["LLM03:2025"]["applies"] == {"unknown": "not needed"}
    # Section 3 pins a prompt, so its leakage is asked about at every class.
    assert answers["LLM07:2025"]["applies"] == {"unknown": "not stated"}
    assert len(section(7).problems(packet)) == 1


def test_what_was_frozen_stays_and_the_gate_sees_what_the_class_asks_now(world):
    agent = world.register("Small helper", risk_class="minimal")
    packet = world.draft(agent)
    content = world.sections()[9]
    content["sheet"]["runbook"] = ""
    write(world, packet, 9, content)
    revision = world.submit(packet)
    before = bytes(revision.document)
    assert [one["what"] for one in revision.content["sections"]["9"]["not_needed"]][1] == "The runbook"
    actions.change_agent(agent=world.fresh(agent), by=world.member, risk_class=RiskClass.HIGH)
    packet = world.fresh(packet)
    assert bytes(packet.current.document) == before
    assert [number for number, found in problems(packet).items() if found] == [9]


@pytest.mark.parametrize("name", ["packet_section", "review_detail"])
def test_a_frozen_section_shows_what_was_not_needed_when_it_was_submitted(world, client, name):
    agent = world.register("Small helper", risk_class="minimal")
    packet = world.complete_packet(agent)
    actions.change_agent(agent=world.fresh(agent), by=world.member, risk_class=RiskClass.HIGH)
    client.force_login(world.owner)
    address = reverse(name, args=[packet.pk, 9] if name == "packet_section" else [packet.pk])
    page = client.get(address, {"section": 9}).content.decode()
    assert "The runbook: not needed, because" in page


def test_pages_of_a_draft_and_the_paper_say_what_is_not_needed(world, draft, client):
    packet = classed(draft, RiskClass.MINIMAL)
    client.force_login(world.member)
    because = demands.DEMANDS[9][-1].because
    assert because in client.get(reverse("packet_section", args=[packet.pk, 9])).content.decode()
    assert because in client.get(reverse("packet_detail", args=[packet.pk])).content.decode()
    printed = " ".join(text_of(paper.printed(comparing.said(packet))).split())
    assert "Not needed" in printed and "The runbook" in printed
    packet = classed(draft, RiskClass.HIGH)
    assert because not in client.get(reverse("packet_detail", args=[packet.pk])).content.decode()


class TestNotApplicable:
    """What a person says does not apply."""

    @pytest.fixture
    def without(self, world, draft):
        """The draft with no data source named, and what its section 2 says."""
        content = {**world.sections()[2], "grant": []}
        write(world, draft, 2, content)
        return content

    def say(self, world, draft, content, reason=WHY, by=None):
        said = {**content, "not_applicable": {"data.sources": reason}}
        return actions.write_section(packet=draft, number=2, content=said, by=by or world.author)

    def test_a_reason_takes_the_place_of_what_is_missing_and_stands_in_the_document(self, world, draft, without):
        assert lacks(draft, 2, "grant.rows")
        before = len(world.entries(draft, "packet.section_saved"))
        self.say(world, draft, without)
        assert not section(2).problems(draft)
        row = NotApplicable.objects.get(packet=draft)
        assert row.said_by == world.author and row.reason == WHY
        [said] = section(2).document(draft)["not_applicable"]
        assert said["because"] == WHY and said["said_by"] == {"id": str(world.author.pk), "name": world.author.name}
        entries = world.entries(draft, "packet.section_saved")
        assert len(entries) == before + 1
        assert entries[-1]["data"]["digest"] == sha256(dumps(section(2).document(draft)))

    @pytest.mark.parametrize("reason", ["It reads none.", "x" * 19, " " * 40 + "short" + " " * 40, "x" * 1001])
    def test_a_reason_that_says_nothing_is_refused(self, world, draft, without, reason):
        with pytest.raises(Invalid):
            self.say(world, draft, without, reason)
        assert not NotApplicable.objects.filter(packet=draft).exists()

    def test_an_empty_reason_takes_it_back(self, world, draft, without):
        self.say(world, draft, without)
        self.say(world, draft, without, "")
        assert lacks(draft, 2, "grant.rows") and "not_applicable" not in section(2).document(draft)

    def test_who_may_not_edit_says_nothing(self, world, draft, without):
        with pytest.raises(Denied):
            self.say(world, draft, without, by=world.outsider)

    def test_what_is_filled_in_and_said_not_to_apply_is_a_contradiction(self, world, draft, without):
        self.say(world, draft, world.sections()[2])
        [problem] = section(2).problems(draft)
        assert "yet something stands there" in problem.text and problem.field == "id_na-data.sources"

    def test_an_unchanged_statement_keeps_its_time_and_author(self, world, draft, without):
        self.say(world, draft, without)
        row = NotApplicable.objects.get(packet=draft)
        changed = {**without, "never": [*without["never"], {"kind": "log", "text": "Addresses"}]}
        self.say(world, draft, changed, by=world.member)
        again = NotApplicable.objects.get(packet=draft)
        assert (again.pk, again.said_by) == (row.pk, world.author)

    @pytest.mark.parametrize("key", ["owner.people", "rollout.kill", "data.never_used", "security.llm", "nonsense"])
    def test_the_database_holds_no_other_part(self, world, draft, key):
        with pytest.raises(IntegrityError, match="only_some_parts"), transaction.atomic():
            NotApplicable.objects.create(packet=draft, demand=key, reason=WHY, said_by=world.author)

    def test_a_service_account_says_it_of_nothing(self, world, draft):
        service = add_service_account(team=world.team, name="Pipeline", purpose="CI", by=world.member).person
        content = content_of(section(8), draft)
        content["not_applicable"] = {"cost.routing": WHY}
        with pytest.raises(Denied, match="Only a person"):
            actions.write_section(packet=draft, number=8, content=content, by=service)
        with pytest.raises(DatabaseError, match="only_people"), transaction.atomic():
            NotApplicable.objects.create(packet=draft, demand="cost.routing", reason=WHY, said_by=service)

    @pytest.mark.parametrize("reason", ["", "x" * 19, " " * 30, f" {WHY}", f"{WHY}\n"])
    def test_the_database_holds_no_empty_reason(self, world, draft, reason):
        with pytest.raises(IntegrityError, match="says_why"), transaction.atomic():
            NotApplicable.objects.create(packet=draft, demand="data.sources", reason=reason, said_by=world.author)

    def test_a_class_at_which_it_may_not_be_said_asks_again(self, world, draft):
        content = world.sections()[9]
        content["sheet"]["runbook"] = ""
        write(world, draft, 9, content)
        packet = classed(draft, RiskClass.LIMITED)
        assert lacks(packet, 9, "sheet.runbook")
        write(world, packet, 9, {**content, "not_applicable": {"owner.runbook": WHY}})
        world.accept(packet)
        assert not section(9).problems(packet)
        packet = classed(draft, RiskClass.HIGH)
        assert lacks(packet, 9, "sheet.runbook") and "not_applicable" not in section(9).document(packet)

    def test_the_next_packet_starts_with_it(self, world, without):
        packet = world.draft(world.register("Copied"))
        self.say(world, packet, without)
        world.submit(packet)
        world.sign_all(packet)
        following = actions.start_packet(agent=packet.agent, version="2.0.0", by=world.member)
        [row] = NotApplicable.objects.filter(packet=following)
        assert (row.reason, row.said_by) == (WHY, world.author)

    def test_signers_read_it_and_it_is_frozen(self, world, client, without):
        packet = world.draft(world.register("Read"))
        self.say(world, packet, without)
        revision = world.submit(packet)
        assert revision.content["sections"]["2"]["not_applicable"][0]["because"] == WHY
        client.force_login(world.data)
        page = client.get(reverse("review_detail", args=[packet.pk]), {"section": 2}).content.decode()
        assert WHY in page and world.author.name in page

    def test_it_is_said_and_undone_on_the_page_without_javascript(self, world, draft, without, client):
        client.force_login(world.author)
        address = reverse("packet_section", args=[draft.pk, 2])
        posted = {"never-TOTAL_FORMS": 2, "never-INITIAL_FORMS": 2, "grant-TOTAL_FORMS": 0, "grant-INITIAL_FORMS": 0}
        forms = section(2).forms(draft)
        for i, form in enumerate({rows.prefix: fs for rows, fs in forms.formsets}["never"].forms):
            posted |= {f"never-{i}-id": form.instance.pk, f"never-{i}-kind": form.instance.kind}
            posted |= {f"never-{i}-text": form.instance.text}
        posted |= {"na-data.sources": WHY, "seen": draft.section_states.get(number=2).version}
        assert client.post(address, posted).status_code == 302
        page = client.get(address).content.decode()
        assert WHY in page and 'name="undo" value="data.sources"' in page
        posted |= {"undo": "data.sources", "seen": draft.section_states.get(number=2).version}
        assert client.post(address, posted).status_code == 302
        assert not NotApplicable.objects.filter(packet=draft).exists()

    def test_a_reason_that_two_people_wrote_is_not_lost(self, world, draft, without, client):
        client.force_login(world.author)
        address = reverse("packet_section", args=[draft.pk, 2])
        empty = {"never-TOTAL_FORMS": 0, "never-INITIAL_FORMS": 0, "grant-TOTAL_FORMS": 0, "grant-INITIAL_FORMS": 0}
        response = client.post(address, {**empty, "na-data.sources": WHY, "seen": 0})
        assert response.status_code == 409 and WHY in response.content.decode()

    def test_the_api_takes_and_gives_it(self, world, draft, without):
        call = Caller(world.member)
        address = reverse("api_packet_section", args=[draft.pk, 2])
        read = call("GET", address)
        assert read.json()["may_not_apply"] == {"data.sources": "The data that it reads, with its purpose"}
        content = {**read.json()["content"], "not_applicable": {"data.sources": WHY}}
        wrote = call("PUT", address, json.loads(json.dumps({"content": content})), If_Match=read["ETag"])
        assert wrote.status_code == 200 and wrote.json()["problems"] == []
        assert wrote.json()["content"]["not_applicable"] == {"data.sources": WHY}
        content["not_applicable"] = {"data.never_used": WHY}
        refused = call("PUT", address, {"content": content}, If_Match=wrote["ETag"])
        assert refused.status_code == 422 or refused.status_code == 400
        assert "data.never_used" in refused.content.decode()

    def test_a_comparison_says_that_it_changed(self, world, draft, without):
        before = document(draft, {})
        self.say(world, draft, without)
        found = comparing.differences(before["sections"]["2"], document(draft, {})["sections"]["2"])
        assert any(WHY in str(one.new) for one in found)


@pytest.mark.parametrize("number", range(1, 11))
def test_each_sections_page_shows_what_good_looks_like(draft, world, client, number):
    one = section(number)
    assert one.good.startswith("“") and one.good.endswith("”") and 60 < len(one.good) < 320
    client.force_login(world.member)
    page = client.get(reverse("packet_section", args=[draft.pk, number])).content.decode()
    assert "What good looks like" in page and one.help.split(".")[0] in page


def test_a_draft_of_a_lower_class_costs_no_more_queries_a_row(world, draft, client, django_assert_max_num_queries):
    packet = classed(draft, RiskClass.LIMITED)
    client.force_login(world.member)
    address = reverse("packet_section", args=[packet.pk, 1])
    client.get(address)
    with django_assert_max_num_queries(200) as first:
        client.get(address)
    content = world.sections()[1]
    write(world, packet, 1, {**content, "use": content["use"] * 6})
    with django_assert_max_num_queries(len(first)):
        client.get(address)
