"""Halden Bank's history, told in order through the clock: every act is the same action, every file the same pull."""

import datetime as dt
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings

from accounts.actions import add_person, add_team, bootstrap_admin, grant_role, join_team
from accounts.models import Person, Team
from accounts.reauth import Proof
from approvals.actions import sign, submit_packet
from approvals.builtin import ITEMS
from approvals.models import SignOff
from approvals.renewing import renew_if_due
from portal.demo.catalogue import CONTRACTS, LINKS, NEVER_LEAVES, PUBLISHED_SINCE, TWICE
from portal.demo.contents import contents
from portal.demo.dossiers import DOSSIERS, SOURCES, TOOLS
from portal.demo.incidents import INCIDENTS
from portal.demo.people import ROLES, SIGN_INS, TEAMS, email
from portal.demo.standing import CALLS, RAISED, RISK
from registry.actions import catalogue_source, catalogue_tool, change_agent, register_agent, start_packet, write_section
from registry.answering import accept
from registry.answers import change_answer, use_answer, write_answer
from registry.contracts import publish
from registry.import_actions import import_agent, import_tools
from registry.importing import plan_manifest
from registry.imports.manifest import read_manifest
from registry.imports.mcp import read_tools
from registry.lineage import link
from registry.models import Agent, DataSource, Packet, Proposal, Tool
from registry.proposals import dismiss
from registry.risk import QUESTIONS, answer
from registry.sections import section
from registry.sections.s09_owner import asked
from registry.upkeep import change_source, confirm_tool
from registry.vocabulary import PacketState
from releases.actions import promote, suspend
from samples.stage import stage
from signals.actions import add_cost_rule, add_source, pull, set_budget
from signals.incidents.actions import close_incident, report_incident
from signals.models import Source
from signals.unregistered.actions import claim_sighting, ignore_sighting
from signals.unregistered.models import Sighting
from work import clock

AGENTS: list[dict[str, Any]] = json.loads((settings.BASE_DIR / "samples" / "agents.json").read_text())["agents"]
SIGNED = {"live", "suspended", "approved"}
"""States in which every role has signed."""
ENDS_SOON = "mortgage-enquiry"
"""The agent whose approval is old enough to be renewed."""
LONG_SIGNED = min(60, settings.SIGNOFF_DAYS - max(settings.RENEWAL_DAYS, 2))
"""Days that it was approved before the others: no longer ago than the bank knows what the packet is about."""
COMMENTS = {
    "security": "Read sections 6 and 7, tried two injected instructions on the pilot.",
    "data": "Contracts and retention checked with the sources' owners.",
    "risk": "Cases match the incidents that we know of.",
    "finance": "Workload matches the pilot's bills.",
    "operations": "On-call roster confirmed.",
    "owner": "",
}


class Story:
    """Tells the history up to `now`. `say` is called with a line for each chapter."""

    def __init__(self, now: dt.datetime, say: Callable[[str], None]) -> None:
        self.now, self.say = now, say
        self.password = secrets.token_urlsafe(12)
        self.people: dict[str, Person] = {}
        self.teams: dict[str, Team] = {}

    @contextmanager
    def ago(self, agent: dict[str, Any] | None = None, **before: float) -> Iterator[None]:
        """Acts inside happen that long before now; of the agents, each some minutes after the one before it."""
        minutes = 2 * AGENTS.index(agent) if agent else 0
        with clock.at(self.now - dt.timedelta(**before) + dt.timedelta(minutes=minutes)):
            yield

    def until_signed(self, agent: dict[str, Any], **before: float) -> AbstractContextManager[None]:
        """As `ago`, for what leads to the sign-offs: of one agent they were given so long ago that they end soon."""
        days = LONG_SIGNED if agent["slug"] == ENDS_SOON else 0
        return self.ago(agent, days=before.pop("days", 0) + days, **before)

    def tell(self) -> None:
        """The whole history. Expects an empty portal."""
        self.say("People, teams and roles")
        self.found_the_bank()
        self.say("Data sources, tools and watched folders")
        self.fill_the_catalogue()
        self.describe_the_data()
        self.say(f"{len(AGENTS)} agents and their budgets")
        for act in (self.register, self.classify, self.call, self.budget):
            for agent in AGENTS:
                act(agent)
        self.say("Packets, submissions and signatures")
        self.review([agent for agent in AGENTS if agent["slug"] == ENDS_SOON])
        self.publish_since()
        self.review([agent for agent in AGENTS if agent["slug"] != ENDS_SOON])
        self.say("Pulling eval logs and cost files")
        self.pull_everything()
        self.answer_the_unregistered()
        self.say("Promotions, and what went wrong")
        for act in (self.promote, self.fail, self.start_the_next, self.suspend):
            for agent in AGENTS:
                act(agent)
        self.say("Imports, and what they propose")
        self.import_again()
        self.say("An approval that ends soon")
        self.renew()

    def found_the_bank(self) -> None:
        """People, teams, role grants; each administrator is granted by the other one's hand or at the start."""
        with self.ago(days=90):
            root = bootstrap_admin(email=email("Simon Roth"), name="Simon Roth", password=self.password)
            self.people["Simon Roth"] = root
            names = {name for trio in TEAMS.values() for name in trio} | {n for some in ROLES.values() for n in some}
            for name in sorted(names - {"Simon Roth"}):
                # Only those whose sign-ins are printed get a password: hashing one takes a while, on purpose.
                password = self.password if name in SIGN_INS.values() else None
                self.people[name] = add_person(email=email(name), name=name, password=password, by=root)
            for team, trio in TEAMS.items():
                self.teams[team] = add_team(name=team, by=root)
                for name in trio:
                    join_team(person=self.people[name], team=self.teams[team], by=root)
            for role, some in ROLES.items():
                for name in some:
                    if name != "Simon Roth":
                        grant_role(person=self.people[name], role=role, by=root)

    def fill_the_catalogue(self) -> None:
        """Data sources with contracts, tools with effects, two watched folders."""
        admin = self.people["Petra Adler"]
        with self.ago(days=80):
            for name, classification, contract, description in SOURCES.values():
                catalogue_source(
                    name=name,
                    classification=classification,
                    contract_version=contract,
                    description=description,
                    owner=self.people["Anders Berg"],
                    fresh_on=(self.now - dt.timedelta(days=3)).date(),
                    by=admin,
                )
            for slug, (name, system, effect, tags) in TOOLS.items():
                catalogue_tool(slug=slug, name=name, system=system, effect=effect, tags=tags, by=admin)
            for name, kind in (("Nightly evals", "inspect"), ("Cloud and model bills", "focus")):
                add_source(name=name, kind=kind, folder=kind, interval_minutes=15, by=admin)
        with self.ago(days=75):
            for tool in Tool.objects.exclude(slug__in=["orders.place", "letters.draft"]):
                confirm_tool(tool=tool, effect=tool.effect, tags=tool.tags, by=self.people["Priya Raman"])

    def describe_the_data(self) -> None:
        """Contracts with their schemas, where data comes from, what may never leave, and one source that is there twice."""
        admin, anders = self.people["Petra Adler"], self.people["Anders Berg"]
        sources = {source.slug: source for source in DataSource.objects.all()}
        for step, (slug, version, note, schema) in enumerate(CONTRACTS):
            with self.ago(days=74 - step):
                publish(source=sources[slug], version=version, note=note, data=schema.encode(), by=anders)
        with self.ago(days=66):
            for one, other, note in LINKS:
                link(upstream=sources[one], downstream=sources[other], note=note, by=anders)
            for slug, rules in NEVER_LEAVES.items():
                change_source(source=sources[slug], never_leaves=rules, by=anders)
        with self.ago(days=20):
            name, classification, contract, description = TWICE
            catalogue_source(
                name=name,
                classification=classification,
                contract_version=contract,
                description=description,
                owner=anders,
                by=admin,
            )

    def publish_since(self) -> None:
        """What the oldest approval rests on, and that is newer by now."""
        slug, version, note, schema = PUBLISHED_SINCE
        with self.ago(days=min(44, LONG_SIGNED)):
            source = DataSource.objects.get(slug=slug)
            publish(source=source, version=version, note=note, data=schema.encode(), by=self.people["Anders Berg"])

    def register(self, agent: dict[str, Any]) -> None:
        """The agent's card, by a member of its team."""
        owner, deputy, member = (self.people[name] for name in TEAMS[agent["team"]])
        with self.ago(agent, days=79):
            register_agent(
                name=agent["name"],
                slug=agent["slug"],
                summary=agent["summary"],
                team=self.teams[agent["team"]],
                owner=owner,
                deputy=deputy,
                relationship=agent["relationship"],
                autonomy=agent["autonomy"],
                risk_class=agent["risk_class"],
                support_path=f"Queue {agent['slug']}-support",
                next_review=(self.now + dt.timedelta(days=54)).date(),
                by=member,
            )

    def classify(self, agent: dict[str, Any]) -> None:
        """The risk questionnaire, by a member of the team; some were never asked."""
        given = dict(RISK.get(agent["slug"], {}))
        if not given:
            return
        row, member = Agent.objects.get(slug=agent["slug"]), self.people[TEAMS[agent["team"]][2]]
        chosen, reason = given.pop("risk_class", ""), given.pop("reason", "")
        with self.ago(agent, days=77):
            answers = {**dict.fromkeys(QUESTIONS, "no"), **given}
            answer(agent=row, answers=answers, risk_class=chosen, reason=reason, by=member)
        if agent["slug"] in RAISED:
            with self.ago(agent, days=76):
                change_agent(agent=row, risk_class=RAISED[agent["slug"]], by=member)

    def call(self, agent: dict[str, Any]) -> None:
        """The agents that it calls."""
        if called := CALLS.get(agent["slug"]):
            with self.ago(agent, days=75):
                row, member = Agent.objects.get(slug=agent["slug"]), self.people[TEAMS[agent["team"]][2]]
                change_agent(agent=row, calls=list(Agent.objects.filter(slug__in=called)), by=member)

    def budget(self, agent: dict[str, Any]) -> None:
        """The rule that ties its costs, and the budget of those that are far enough."""
        row, finance = Agent.objects.get(slug=agent["slug"]), self.people["Felix Hart"]
        with self.ago(agent, days=74):
            add_cost_rule(field="tag", key="agent", value=agent["slug"], agent=row, by=finance)
            if agent["state"] not in ("registered", "draft"):
                amount, currency = Decimal(agent["budget"]["amount"]), agent["budget"]["currency"]
                starts = (self.now - dt.timedelta(days=74)).date().replace(day=1)
                set_budget(agent=row, amount=amount, currency=currency, starts=starts, by=finance)

    def file(self, agent: dict[str, Any]) -> None:
        """The packet, with all that is known; a draft is half done."""
        if agent["state"] == "registered":
            return
        row, member = Agent.objects.get(slug=agent["slug"]), self.people[TEAMS[agent["team"]][2]]
        with self.until_signed(agent, days=12):
            packet = start_packet(agent=row, version=agent["version"], by=member)
            pages = contents(agent, DOSSIERS[agent["slug"]], clock.now().date() + dt.timedelta(days=12))
            for number, page in pages.items():
                if agent["state"] != "draft" or number in (1, 2, 3, 4, 9):
                    write_section(packet=packet, number=number, content=page, by=member)

    def review(self, agents: list[dict[str, Any]]) -> None:
        """Packets of `agents` from the first section to what their reviewers said."""
        for act in (self.file, self.accept, self.submit):
            for agent in agents:
                act(agent)
        for step in range(len(ROLES)):
            for agent in agents:
                self.sign_next(agent, step)
        for agent in agents:
            self.ask_for_changes(agent)

    def pull_everything(self) -> None:
        """Put the sample files where the sources look, and pull both."""
        stage(Path(settings.SIGNALS_ROOT), self.now)
        with self.ago(hours=13):
            for source in Source.objects.order_by("name"):
                pull(source=source)

    def answer_the_unregistered(self) -> None:
        """Of what nobody registered, one name is ignored for a while and one is claimed; the others wait."""
        with self.ago(hours=11):
            ignore_sighting(
                sighting=Sighting.objects.get(value="shared-platform"),
                reason="The vector index serves every agent; it is shared out once a year.",
                until=(self.now + dt.timedelta(days=120)).date(),
                by=self.people["Felix Hart"],
            )
            claim_sighting(
                sighting=Sighting.objects.get(value="branch-queue-bot"),
                agent=Agent.objects.get(slug="branch-knowledge"),
                by=self.people["Tariq Aziz"],
            )

    def accept(self, agent: dict[str, Any]) -> None:
        """Owner and deputy read section 9 and accept it, each for themselves."""
        if agent["state"] not in ("registered", "draft"):
            packet = self.packet(agent)
            for minutes, one in enumerate(asked(packet.agent, section(9).content(packet), [])):
                with self.until_signed(agent, hours=31 - minutes / 60):
                    accept(packet=packet, duty=one.duty.value, digest=one.digest, by=one.person)

    def submit(self, agent: dict[str, Any]) -> None:
        """Submission by the member who filled the packet."""
        if agent["state"] not in ("registered", "draft"):
            with self.until_signed(agent, hours=29):
                submit_packet(packet=self.packet(agent), by=self.people[TEAMS[agent["team"]][2]])

    def sign_next(self, agent: dict[str, Any], step: int) -> None:
        """The signature of the step's role; who is in review has only some of them."""
        if agent["state"] not in (*SIGNED, "in_review"):
            return
        packet = self.packet(agent)
        roles = self.roles(packet)
        if agent["state"] == "in_review":
            roles = [role for role in roles if role in ("data", "operations")]
        if step < len(roles):
            with self.until_signed(agent, hours=27 - step):
                self.sign(packet, roles[step], SignOff.Decision.APPROVE, COMMENTS[roles[step]])

    def ask_for_changes(self, agent: dict[str, Any]) -> None:
        """One reviewer was not content."""
        if agent["state"] == "changes_requested":
            with self.ago(agent, hours=18):
                words = "Two of the regulated phrases have no case. Add them, and mark them critical."
                self.sign(self.packet(agent), "risk", SignOff.Decision.CHANGES, words)

    def promote(self, agent: dict[str, Any]) -> None:
        """Promotion by the deputy."""
        if agent["state"] in ("live", "suspended"):
            with self.ago(agent, hours=12):
                promote(packet=self.packet(agent), by=self.people[TEAMS[agent["team"]][1]])

    def fail(self, agent: dict[str, Any]) -> None:
        """What somebody saw it do wrong; where it was mended, its deputy said how."""
        told = INCIDENTS.get(agent["slug"])
        if told is None:
            return
        row, hours = Agent.objects.get(slug=agent["slug"]), told["hours"]
        happened = self.now - dt.timedelta(hours=hours + 2)
        with self.ago(agent, hours=hours):
            incident = report_incident(agent=row, happened_at=happened, by=self.people[told["by"]], **told["report"])
        if outcome := told.get("outcome"):
            with self.ago(agent, hours=hours - 2):
                close_incident(incident=incident, outcome=outcome, by=self.people[TEAMS[agent["team"]][1]])

    def start_the_next(self, agent: dict[str, Any]) -> None:
        """One team works on its next version already: a copy of what was approved, with a tool more and one less, and the
        escalation that the team answers every time, which it has written anew since."""
        if agent["slug"] == "mortgage-enquiry":
            with self.ago(agent, hours=5):
                row, member = Agent.objects.get(slug=agent["slug"]), self.people[TEAMS[agent["team"]][2]]
                packet = start_packet(agent=row, version="1.5.0", by=member)
                page = contents(agent, DOSSIERS[agent["slug"]], self.now.date())[6]
                tool = Tool.objects.get(slug="letters.draft")
                page["grant"][1] |= {"tool": str(tool.pk), "scope": "Letters to the signed-in borrower"}
                write_section(packet=packet, number=6, content=page, by=member)
                words = "The **on-call of Retail Lending** within 15 minutes, then the head of lending within the hour."
                kept = write_answer(team=row.team, name="Escalation", text=words, by=member)
                use_answer(packet=packet, number=9, places=["sheet.escalation"], version=kept.newest, by=member)
            with self.ago(agent, hours=3):
                more = f"{words}\n\nOutside office hours the telephone of the incident desk."
                change_answer(answer=kept, text=more, seen=1, by=self.people[TEAMS[agent["team"]][1]])

    def import_again(self) -> None:
        """A team's manifest and a server's list that say something else than what people wrote."""
        agent = next(one for one in AGENTS if one["slug"] == "mortgage-enquiry")
        owner, deputy, member = (self.people[name] for name in TEAMS[agent["team"]])
        row = Agent.objects.select_related("team").get(slug=agent["slug"])
        card: dict[str, Any] = {"name": row.name, "slug": row.slug, "team": row.team.slug, "owner": owner.email}
        card |= {
            "summary": "Answers mortgage questions from the product guide, and hands rates over to an adviser.",
            "support_path": "Channel #mortgage-assistant",
            "autonomy": 4,
        }
        said = {
            "portcullis": 1,
            "agent": card,
            "data_sources": [{"slug": "product-sheets", "contract_version": "7.3"}],
        }
        with self.ago(hours=4):
            manifest = read_manifest(json.dumps(said).encode())
            import_agent(manifest=manifest, seen=plan_manifest(manifest, member).digest, by=member)
        with self.ago(hours=3, minutes=30):
            autonomy = Proposal.objects.get(agent=row, field="autonomy")
            dismiss(proposal=autonomy, reason="It was approved as it is; L4 needs a packet of its own.", by=deputy)
        with self.ago(hours=2):
            hints = {"readOnlyHint": False, "destructiveHint": False, "openWorldHint": True}
            listed = json.dumps({"tools": [{"name": "draft", "title": "Draft a letter", "annotations": hints}]})
            import_tools(found=read_tools(listed.encode(), "letters"), by=member)

    def renew(self) -> None:
        """The portal drafts the renewal of the approval that ends soon, as its hourly look would."""
        with self.ago(hours=1):
            renew_if_due(Packet.objects.get(agent__slug=ENDS_SOON, state=PacketState.APPROVED).pk)

    def suspend(self, agent: dict[str, Any]) -> None:
        """One agent was stopped this morning."""
        if agent["state"] == "suspended":
            with self.ago(agent, hours=3):
                suspend(
                    agent=Agent.objects.get(slug=agent["slug"]),
                    by=self.people[TEAMS[agent["team"]][0]],
                    reason="Three password resets went to the wrong person's telephone; stopped until we know why.",
                )

    def sign(self, packet: Packet, role: str, decision: str, comment: str) -> None:
        """One signature by the role's first holder."""
        packet.refresh_from_db()
        person = packet.agent.owner if role == "owner" else self.people[ROLES[role][0]]
        revision = packet.current
        assert revision is not None
        attested = [f"{role}-{i}" for i in range(1, len(ITEMS[role]) + 1)]
        sign(
            packet=packet,
            role=role,
            decision=decision,
            digest=revision.digest,
            comment=comment,
            attested=attested,
            by=person,
            proof=Proof(person, "demo story", clock.now()),
        )

    def roles(self, packet: Packet) -> list[str]:
        """The roles asked, in the checklist's order with the owner last, as people do."""
        return sorted(packet.roles_asked, key="owner".__eq__)

    def packet(self, agent: dict[str, Any]) -> Packet:
        """The agent's newest packet."""
        row = Agent.objects.get(slug=agent["slug"])
        return row.packets.select_related("agent__owner", "agent__team").get(version=agent["version"])

    def sign_ins(self) -> dict[str, dict[str, str]]:
        """Role → address and password, for `up` to print."""
        return {role: {"email": email(name), "password": self.password} for role, name in SIGN_INS.items()}
