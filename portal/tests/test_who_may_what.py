"""Every role against every address: what `who_may_what.txt` says is what happens.

An address that is not in the table fails the test, so that nobody adds one without saying who may use it.
"""

import datetime as dt
import json
import re
from pathlib import Path

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.tokens import add_service_account, make_token
from approvals.actions import evaluate
from ledger.models import LedgerEntry
from registry import ownership, upkeep
from registry.actions import catalogue_source, catalogue_tool
from registry.answering import withdraw_acceptance
from registry.answers import withdraw_answer, write_answer
from registry.attachments import attach
from registry.contracts import publish
from registry.importing import compare_server, plan_card, plan_manifest
from registry.imports.agentcard import read_card
from registry.imports.manifest import read_manifest
from registry.imports.mcp import read_tools
from registry.proposals import Origin, Suggestion, propose
from registry.retirement import retire_agent
from registry.risk import EDITION, QUESTIONS
from registry.saved_views import save_view
from registry.sections import section
from registry.sections.s10_rollout import RolloutPlan
from registry.tests.traces import export, run
from releases.actions import ask_to_resume, suspend
from signals.actions import add_cost_rule
from signals.incidents.actions import close_incident, report_incident
from signals.models import CostLine, CostRule, EvalRun, Pull, Source
from signals.unregistered.actions import ignore_sighting, map_sighting
from signals.unregistered.counting import count_source
from signals.unregistered.models import Sighting
from work import clock

TABLE = Path(__file__).with_name("who_may_what.txt")
NOT_OURS = re.compile(r"^(account_|mfa_|socialaccount)")
CONTRACT = b'{"fields": [{"name": "tariff", "type": "string", "meaning": "What it costs"}]}'
PACKET_ROUTES = (
    "validate",
    "sections",
    "fill",
    "trace",
    "grants",
    "fill_from_run",
    "fill_from_incidents",
    "propose_billed",
)
ASKED = {"api_impact"}
"""Addresses that say nothing without a question in them."""
REFUSED = {"signoff.refused", "release.refused", "release.suspension_refused", "person.reauthentication_failed"}


def read_table():
    """The table: columns, and {(method, url name): {column: expected}}."""
    lines = [line for line in TABLE.read_text().splitlines() if line.strip() and not line.startswith("#")]
    columns = lines[0].split()[2:]
    rows = {}
    for line in lines[1:]:
        method, name, *cells = line.split()
        assert len(cells) == len(columns), f"{name} has {len(cells)} cells, not {len(columns)}"
        rows[method, name] = dict(zip(columns, cells, strict=True))
    return columns, rows


COLUMNS, ROWS = read_table()


def our_url_names(resolver=None):
    """The name of every address, allauth's own aside."""
    found = set()
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            found |= our_url_names(pattern)
        elif isinstance(pattern, URLPattern) and pattern.name and not NOT_OURS.match(pattern.name):
            found.add(pattern.name)
    return found


@pytest.fixture
def scene(world, submitted, promotable):
    """One agent of each state of the team Lending, with all that addresses point to, and what an act posts."""
    world.live(world.register("Live assistant"))
    suspended = world.live(world.register("Stopped assistant"), version="2.0.0")
    suspend(agent=suspended.agent, reason="Wrong answers", by=world.owner)
    ask_to_resume(release=suspended, by=world.owner)
    draft = world.draft(world.register("Drafted assistant"))
    add_cost_rule(field="service", value="Models", agent=world.agent, by=world.finance)
    add_cost_rule(field="service", value="Search", agent=world.agent, by=world.finance)
    source = Source.objects.get(kind="focus")
    live = world.agent.__class__.objects.get(slug="live-assistant")
    entry = LedgerEntry.objects.filter(stream=submitted.stream).first()
    decision = promotable.decisions.first() or submitted.decisions.first()
    return Scene(world, submitted, promotable, suspended, draft, source, live, entry, decision)


class Rereadable(SimpleUploadedFile):
    """A file that is posted again and again."""

    def read(self, *args):
        self.seek(0)
        return super().read(*args)


class Scene:
    """What each address takes, and what is posted to it."""

    def __init__(self, world, submitted, promotable, suspended, draft, source, live, entry, decision):
        self.world, self.submitted = world, submitted
        service = add_service_account(team=world.team, name="Build", purpose="Registers", by=world.member)
        token = make_token(person=service.person, name="CI", scopes=["registry:read"], days=30, by=world.member)
        decision = decision or evaluate(packet=submitted, by=None)
        handover = ownership.offer(agent=live, to=world.deputy, by=world.owner)
        proposal = self.proposal()
        line = world.costs(None)
        CostLine.objects.filter(pk=line.pk).update(service_name="Speech")  # no rule ties it
        count_source(line.source)
        sighting = Sighting.objects.get(kind="service")
        ignored, mapped = self.ignored(sighting), self.mapped(sighting)
        idle, retired = world.register("Idle assistant"), world.register("Retired assistant")
        retire_agent(agent=retired, reason="The new one answers", by=world.owner)
        contract = publish(source=world.source, version="3.3", data=CONTRACT, by=world.owner)
        twin = catalogue_source(name="Tariffs two", by=world.owner, owner=world.owner)
        tool_twin = catalogue_tool(slug="read_tariffs", by=world.owner, owner=world.owner)
        sources, tools = [world.source.slug], [world.tool.slug]
        view = save_view(name="Live ones", query="status=live", by=world.member)
        report = attach(packet=draft, number=7, name="report.txt", body=b"All passed", by=world.author)
        unaccepted = world.draft(world.register("Unaccepted assistant"))
        withdraw_acceptance(acceptance=unaccepted.acceptances.get(duty="owner"), by=world.owner)
        [to_accept] = [one for one in section(9).figures(unaccepted)["asked"] if one.duty == "owner"]
        RolloutPlan.objects.filter(packet__agent=live).update(review_on=clock.now().date())
        spare = catalogue_tool(slug="crm.look_up", system="CRM", by=world.owner)
        world.costs(draft.agent, consumed_quantity=4_000_000, consumed_unit="Tokens", sku_meter="Input Tokens")
        pulled = world.evals(draft, prompt="0" * 64)
        incident, closed = self.incident(submitted.agent), self.incident(submitted.agent)
        close_incident(incident=closed, outcome="The prompt was changed.", by=world.owner)
        self.incident(draft.agent)
        packet, state = [submitted.pk], draft.section_states.get(number=9)
        escalation = write_answer(team=world.team, name="Escalation", text="Page the on-call.", by=world.member)
        withdrawn = write_answer(team=world.team, name="Fax", text="Fax the branch.", by=world.member)
        withdraw_answer(answer=withdrawn, reason="The fax is gone", seen=1, by=world.member)
        self.args = {
            "agent_detail": [submitted.agent.slug],
            "agent_manifest": [submitted.agent.slug],
            "agent_edit": [submitted.agent.slug],
            "agent_handover": [submitted.agent.slug],
            "agent_view_remove": [view.pk],
            "agent_map": [submitted.agent.slug],
            "agent_autonomy": [submitted.agent.slug],
            "agent_risk": [submitted.agent.slug],
            "handover_answer": [handover.pk],
            "agent_retire": [idle.slug],
            "sighting_detail": [sighting.pk],
            "sighting_map": [sighting.pk],
            "sighting_claim": [sighting.pk],
            "sighting_ignore": [sighting.pk],
            "sighting_register": [sighting.pk],
            "sighting_reopen": [ignored.pk],
            "sighting_unmap": [mapped.pk],
            "api_sighting_unmap": [mapped.pk],
            "api_sighting_map": [sighting.pk],
            "api_sighting_ignore": [sighting.pk],
            "incident_report": [submitted.agent.slug],
            "incident_detail": [incident.pk],
            "incident_amend": [incident.pk],
            "incident_close": [incident.pk],
            "incident_reopen": [closed.pk],
            "packet_fill_from_incidents": [draft.pk],
            "api_agent_incidents": [submitted.agent.slug],
            "api_incident": [incident.pk],
            "api_incident_close": [incident.pk],
            "api_handovers": [submitted.agent.slug],
            "api_handover_accept": [handover.pk],
            "api_handover_decline": [handover.pk],
            "api_handover_withdraw": [handover.pk],
            "api_agent_retire": [idle.slug],
            "api_agent_take_back": [retired.slug],
            "data_detail": [world.source.pk],
            "data_retire": [world.source.pk],
            "tool_detail": [world.tool.pk],
            "tool_confirm": [world.tool.pk],
            "tool_retire": [world.tool.pk],
            "proposal_answer": [proposal.pk],
            "api_proposal_accept": [proposal.pk],
            "api_proposal_dismiss": [proposal.pk],
            "contract_new": [world.source.pk],
            "contract_detail": [world.source.pk, contract.number],
            "data_link": [world.source.pk],
            "data_merge": [world.source.pk],
            "tool_merge": [world.tool.pk],
            **{f"api_data{part}": sources for part in ("", "_touching", "_contracts", "_retire", "_merge")},
            **{f"api_tool{part}": tools for part in ("", "_touching", "_confirm", "_retire", "_merge")},
            "packet_new": [submitted.agent.slug],
            "packet_detail": packet,
            "packet_section": [draft.pk, 9],
            "packet_compare": packet,
            "packet_read": packet,
            "packet_prompt_text": [submitted.pk, submitted.current.content["sections"]["3"]["prompts"][0]["sha256"]],
            "packet_prompt": [draft.pk],
            "packet_pdf": packet,
            "packet_json": packet,
            "packet_prices": [draft.pk],
            "packet_cases": [draft.pk],
            **{f"answer_{part}": [escalation.pk] for part in ("detail", "rename", "withdraw")},
            "answer_take_back": [withdrawn.pk],
            "api_answer_withdraw": [escalation.pk],
            "api_answer_take_back": [withdrawn.pk],
            "answer_use": [draft.pk, 9],
            "api_answer": [escalation.pk],
            "api_answer_use": [draft.pk, 9],
            "packet_trace": [draft.pk],
            "packet_fill_from_run": [draft.pk, pulled.pk],
            "packet_propose_billed": [draft.pk],
            "packet_tools": [draft.pk],
            "attachment_new": [draft.pk, 7],
            "attachment_file": [draft.pk, report.file_id],
            "attachment_remove": [report.pk],
            "packet_accept": [unaccepted.pk],
            "acceptance_withdraw": [draft.acceptances.get(duty="owner").pk],
            "launch_review": [live.packets.get().pk],
            "packet_submit": [draft.pk],
            "packet_withdraw": [draft.pk],
            "packet_renew": [promotable.pk],
            "packet_evaluate": packet,
            "review_detail": packet,
            "signoff": packet,
            "promote": [promotable.pk],
            "suspend": [live.slug],
            "resume_ask": [suspended.pk],
            "resume": [suspended.pk],
            "decision_detail": [decision.pk],
            "source_detail": [source.pk],
            "source_pull": [source.pk],
            "pull_detail": [Pull.objects.first().pk],
            "eval_run_detail": [EvalRun.objects.exclude(pk=pulled.pk).first().pk],
            "cost_rule_move": [CostRule.objects.first().pk],
            "cost_rule_remove": [CostRule.objects.first().pk],
            "evidence_export": [submitted.agent.slug],
            "ledger_entry": [entry.pk],
            "ledger_entry_raw": [entry.pk],
            "person_detail": [world.bystander.pk],
            "person_role": [world.bystander.pk],
            "person_team": [world.bystander.pk],
            "person_deactivate": [world.bystander.pk],
            "api_agent": [submitted.agent.slug],
            "api_agent_map": [submitted.agent.slug],
            "api_agent_autonomy": [submitted.agent.slug],
            "api_agent_risk": [submitted.agent.slug],
            "api_packet": packet,
            "api_packet_new": [submitted.agent.slug],
            "api_packet_section": [draft.pk, 9],
            "api_packet_submit": [draft.pk],
            "api_packet_compare": packet,
            **{f"api_packet_{part}": [draft.pk] for part in PACKET_ROUTES},
            "api_packet_document": packet,
            "api_packet_moved": packet,
            "api_packet_renewal": [promotable.pk],
            "api_source_pull": [source.pk],
            "api_pull": [Pull.objects.first().pk],
            "service_detail": [service.pk],
            "service_retire": [service.pk],
            "token_revoke": [token.token.pk],
            "api_decision": [decision.pk],
        }
        self.data = {
            "agent_view_new": {"name": "Blocked ones", "query": "gate=fail"},
            "agent_new": {
                "name": "New one", "summary": "Does things", "team": world.team.pk, "owner": world.owner.pk,
                "risk_class": "high", "autonomy": 1, "relationship": "tool_for_teams",
            },
            "agent_edit": {
                "name": "New name", "summary": "Does other things", "deputy": world.deputy.pk, "autonomy": 1,
                "risk_class": "high", "relationship": "tool_for_teams",
            },
            "agent_risk": {
                **dict.fromkeys(QUESTIONS, "no"), "seen": 0, "judged": "minimal", "risk_class": "high", "act": "confirm",
            },
            "api_agent_risk": {"edition": EDITION, "answers": dict.fromkeys(QUESTIONS, "no")},
            "api_impact": {"kind": "tool", "id": "tariffs.read"},
            "agent_handover": {"to": world.bystander.pk},
            "handover_answer": {"answer": "accept"},
            "agent_retire": {"reason": "The new one answers"},
            "sighting_map": {"agent": world.agent.pk},
            "sighting_claim": {"agent": world.agent.pk},
            "sighting_ignore": {"reason": "A trial", "until": str(clock.now().date() + dt.timedelta(days=9))},
            "sighting_register": {
                "name": "Seen one", "summary": "Does things", "team": world.team.pk, "owner": world.owner.pk,
                "risk_class": "high", "autonomy": 1, "relationship": "tool_for_teams",
            },
            "api_sighting_map": {"agent": world.agent.slug},
            "api_sighting_ignore": {"reason": "A trial", "until": str(clock.now().date() + dt.timedelta(days=9))},
            "incident_report": {"what": "It lied", "happened_at": "2026-01-02T10:00", "severity": "low"},
            "incident_amend": {"severity": "critical", "told": "The branch", "seen": 1},
            "incident_close": {"outcome": "The prompt was changed."},
            "api_agent_incidents": {"what": "It lied", "happened_at": "2026-01-02T10:00:00Z", "severity": "low"},
            "api_incident_close": {"outcome": "The prompt was changed."},
            "api_handovers": {"to_email": "bystander@bank.example"},
            "api_agent_retire": {"reason": "The new one answers"},
            "data_detail": {"name": "Tariffs", "owner": world.owner.pk, "classification": "public"},
            "data_retire": {"act": "retire", "agents": upkeep.granted_agents(world.source)},
            "tool_detail": {"name": "Read tariffs"},
            "tool_confirm": {"effect": "write", "tags": ["customer_data"]},
            "tool_retire": {"act": "retire", "agents": upkeep.granted_agents(world.tool)},
            "contract_new": {"version": "4", "text": CONTRACT.decode(), "confirm": "1"},
            "data_link": {"other": twin.pk, "way": "up"},
            "data_merge": {
                "other": twin.pk, "stays": twin.pk, "agents": upkeep.granted_agents(world.source),
            },
            "tool_merge": {
                "other": tool_twin.pk, "stays": tool_twin.pk, "agents": upkeep.granted_agents(world.tool),
            },
            "api_data": {"description": "Other words"},
            "api_data_contracts": {"version": "5", "schema": [{"name": "iban"}]},
            "api_data_retire": {"agents": upkeep.granted_agents(world.source)},
            "api_data_merge": {"agents": upkeep.granted_agents(world.source), "into": twin.slug},
            "api_tool": {"name": "Other words"},
            "api_tool_confirm": {"effect": "write", "tags": []},
            "api_tool_retire": {"agents": upkeep.granted_agents(world.tool)},
            "api_tool_merge": {"agents": upkeep.granted_agents(world.tool), "into": tool_twin.slug},
            "packet_new": {"version": "9.9.9"},
            "packet_section": {
                "seen": state.version, "sheet-authority": "Everything", "sheet-support_hours": "Always",
                "sheet-support_path": "#x", "sheet-escalation": "Call", "sheet-runbook": "https://r.example", "then": "stay",
            },
            "packet_accept": {"duty": "owner", "seen": to_accept.digest},
            "launch_review": {"found": "Complaints stayed below what was promised."},
            "packet_prompt": {"name": "system", "version": "15", "prompt": Rereadable("system.txt", b"Be kind.")},
            "answer_new": {"team": world.team.pk, "name": "Data handling", "text": "Nothing is kept."},
            "answer_detail": {"text": "Page the on-call at once.", "seen": 1},
            "answer_rename": {"name": "On call", "seen": "Escalation"},
            "answer_withdraw": {"reason": "Wrong", "seen": 1},
            "api_answer_withdraw": {"reason": "Wrong"},
            "answer_use": {"version": escalation.newest.pk, "place": "sheet.escalation"},
            "api_answers": {"team": "lending", "name": "Data handling", "text": "Nothing is kept."},
            "PUT api_answer": {"text": "Page the on-call at once."},
            "PATCH api_answer": {"name": "On call"},
            "api_answer_use": {"answer": str(escalation.pk), "into": ["sheet.escalation"]},
            "packet_cases": {"cases": Rereadable("cases.csv", b"case_id\nrefund-7\n")},
            "packet_tools": {"system": "CRM", "tool": [str(spare.pk)]},
            "api_packet_grants": {"tools": [spare.slug]},
            "api_packet_fill_from_run": {"run": str(pulled.pk)},
            "packet_trace": {"file": Rereadable("trace.json", export(*run()))},
            "attachment_new": {"file": Rereadable("other.txt", b"Some failed")},
            "signoff": {
                "digest": submitted.current.digest, "role": "security", "attested": ["security-1", "security-2"],
                "password": "correct horse battery staple", "decision": "approve",
            },
            "suspend": {"reason": "Wrong answers"},
            "data_new": {"name": "Ledger of gifts", "classification": "internal", "contract_version": "1"},
            "import_manifest": {**self.manifest(), "confirm": "1"},
            "import_tools": {**self.tools(), "confirm": "1", "shown": ["gifts.send"]},
            "proposal_answer": {"answer": "accept"},
            "api_import_manifest": {**self.manifest(), "apply": True},
            "api_import_tools": {**self.tools(), "apply": True},
            "api_import_card": self.card(),
            "api_proposal_accept": {"seen": proposal.mark},
            "api_proposal_dismiss": {"reason": "Only borrowers ask it."},
            "tool_new": {"slug": "gifts.read", "name": "Read gifts", "effect": "read", "system": "Gifts"},
            "person_new": {"name": "New Person", "email": "new@bank.example", "password": "correct horse battery staple"},
            "team_new": {"name": "New team"},
            "person_role": {"role": "risk", "act": "grant"},
            "person_team": {"team": world.team.pk, "act": "join"},
            "source_new": {"name": "New source", "kind": "inspect", "folder": "elsewhere", "interval_minutes": 15},
            "budget_new": {"agent": world.agent.pk, "amount": "10.00", "currency": "EUR", "starts": "2026-11-01"},
            "cost_rule_new": {"field": "tag", "key": "agent", "value": "x", "agent": world.agent.pk},
            "cost_rule_move": {"position": 2},
            "token_list": {"name": "Nightly", "scopes": ["registry:read"], "days": "30"},
            "service_detail": {"name": "CI 2", "scopes": ["registry:read"], "days": "30"},
            "service_new": {"name": "Scheduler", "purpose": "Pulls at night", "team": world.team.pk},
            "api_agents": {
                "name": "By script", "summary": "Does things", "team": "lending", "owner_email": "owner@bank.example",
            },
            "api_agent": {"summary": "Does other things"},
            "api_packet_new": {"version": "9.9.9"},
            "api_packet_section": {"content": {"sheet": {"authority": "Everything"}}},
            "api_packet_sections": {"sections": {"9": {"sheet": {"authority": "Everything"}}}},
            "api_packet_fill": {"sections": {"9": {"sheet": {"authority": "Everything"}}}, "origin": "Build 7"},
            "api_packet_trace": {"text": export(*run()).decode()},
            "api_data_list": {"name": "Ledger of gifts"},
            "api_tool_list": {"slug": "gifts.read"},
            "theme": {"theme": "dark", "next": "/"},
        }  # fmt: skip

    def incident(self, agent):
        """Something that the agent did wrong."""
        at = clock.now() - dt.timedelta(hours=1)
        return report_incident(agent=agent, happened_at=at, severity="serious", what="It lied.", by=self.world.member)

    def ignored(self, like):
        """A sighting that an admin ignores."""
        values = {"first_seen": like.first_seen, "last_seen": like.last_seen, "lines": 1}
        one = Sighting.objects.create(kind="project", value="Trial", **values)
        until = clock.now().date() + dt.timedelta(days=9)
        return ignore_sighting(sighting=one, reason="A trial", until=until, by=self.world.admin)

    def mapped(self, like):
        """A sighting that an admin mapped to the world's agent."""
        values = {"first_seen": like.first_seen, "last_seen": like.last_seen, "lines": 1}
        one = Sighting.objects.create(kind="project", value="Second trial", **values)
        return map_sighting(sighting=one, agent=self.world.agent, by=self.world.admin)

    def manifest(self):
        """What the preview of a new agent's manifest posts when it is confirmed."""
        text = (
            "portcullis: 1\nagent: {name: Gift agent, slug: gift-agent, summary: Sends gifts, team: lending, "
            "owner: owner@bank.example}\n"
        )
        plan = plan_manifest(read_manifest(text.encode()), self.world.member)
        return {"text": text, "seen": plan.digest}

    def tools(self):
        """What the preview of a server's tools posts when it is confirmed."""
        text = '{"tools": [{"name": "send"}]}'
        seen = compare_server(read_tools(text.encode(), "gifts"), self.world.member).digest
        return {"server": "gifts", "text": text, "seen": seen}

    def card(self):
        """A card, with what the preview of it said."""
        text = '{"name": "Rate finder", "description": "Finds rates."}'
        seen = plan_card(read_card(text.encode()), self.world.member).digest
        return {"text": text, "seen": seen, "apply": True, "team": "lending", "owner_email": "owner@bank.example"}

    def proposal(self):
        """A proposal for the card of the agent that addresses point to."""
        one = Suggestion(self.submitted.agent, "summary", "Says something else")
        [made] = propose(said=[one], origin=Origin("scan", "nightly", "Nightly scan", "a" * 64), by=None)
        return made

    def client(self, column):
        """A browser of the person that the column names; "anonymous" is signed in as nobody."""
        client = Client()
        if column != "anonymous":
            client.force_login(self.world.person(column), backend="django.contrib.auth.backends.ModelBackend")
        return client

    def outcome(self, method, name, column):
        """What happens, in the table's words; whatever it changed is undone."""
        url = reverse(name, args=self.args.get(name))
        client = self.client(column)
        with transaction.atomic():
            try:
                return self.answer(client, method, name, url)
            finally:
                transaction.set_rollback(True)

    def send(self, client, method, name, url, **headers):
        """The request itself: a form of a page, JSON of the API."""
        data = self.data.get(f"{method} {name}", self.data.get(name, {}))
        if method == "GET":
            return client.get(url, data if name in ASKED else None, headers=headers)
        if not name.startswith("api_"):
            return client.post(url, data)
        headers = {"If-Match": "*", **headers}
        return client.generic(method, url, json.dumps(data), content_type="application/json", headers=headers)

    def answer(self, client, method, name, url):
        """One request, and its outcome in the table's words."""
        newest = LedgerEntry.objects.order_by("-pk").values_list("pk", flat=True).first()
        pulls = Pull.objects.count()
        response = self.send(client, method, name, url)
        written = set(LedgerEntry.objects.filter(pk__gt=newest).values_list("kind", flat=True)) - REFUSED
        if Pull.objects.count() > pulls:
            written.add("a pull was started")  # its entry comes when it ends
        if response.status_code == 302 and response.url.startswith(reverse("account_login")):
            return "login"
        said = {404: "none", 403: "no", 401: "who", 405: "-"}.get(response.status_code)
        if said:
            assert not written, f"{response.status_code} from {name}, and yet {written}"
            return said
        if method == "GET":
            return "sees" if response.status_code == 200 else str(response.status_code)
        if written:
            return "acts"
        words = [str(message) for message in get_messages(response.wsgi_request)]
        return "held" if response.status_code in (302, 409, 422) else f"{response.status_code}{words}"


def test_every_address_is_in_the_table():
    assert our_url_names() == {name for _, name in ROWS}


def test_everybody_may_what_the_table_says_and_nothing_else(scene):
    wrong = []
    for (method, name), cells in ROWS.items():
        for column, expected in cells.items():
            got = scene.outcome(method, name, column)
            if got != expected:
                wrong.append(f"{method} {name} as {column}: {got}, the table says {expected}")
    assert not wrong, "\n".join(wrong)
