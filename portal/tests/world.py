"""A small bank, made only through actions: the fixtures `world` and `committed_world`.

`world` is built once a module inside a transaction that is rolled back after it; each test sees it as it was built.
`committed_world` is for transactional tests (threads, several connections), and is built anew for each.
"""

import contextlib
import datetime as dt
import threading
import uuid
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.db import connection, connections, transaction

from accounts import actions as accounts
from accounts.models import Person
from accounts.reauth import Proof
from approvals import actions as approvals
from approvals import builtin
from ledger.models import LedgerEntry
from portal.tests import content
from registry import actions as registry
from registry import answering
from registry.models import Agent, Packet
from registry.sections import section
from registry.sections.s09_owner import asked
from releases import actions as releases
from signals.actions.costs import set_budget
from signals.actions.sources import add_source
from signals.models import CaseResult, CostLine, EvalRun, Pull, PulledFile, Source
from work import clock

PASSWORD = "correct horse battery staple"
FAST_HASHER = ["django.contrib.auth.hashers.MD5PasswordHasher"]
APPROVERS = ("security", "data", "risk", "finance", "operations")
PEOPLE = {
    "admin": "Ada Adeyemi",
    "other_admin": "Bo Berg",
    "auditor": "Aude Kessler",
    "owner": "Ana Ruiz",
    "deputy": "Dirk de Boer",
    "member": "Mina Okafor",
    "author": "Ari Lind",
    "outsider": "Otto Stranger",
    "bystander": "Bea Nobody",
    **{role: f"{role.title()} One" for role in APPROVERS},
    **{f"{role}_two": f"{role.title()} Two" for role in APPROVERS},
}


@pytest.fixture
def password():
    """Everybody's password."""
    return PASSWORD


@pytest.fixture(autouse=True)
def fast_passwords(settings):
    """Argon2 is slow on purpose; tests of rules need no slow hash."""
    settings.PASSWORD_HASHERS = FAST_HASHER


class World:
    """The bank. `world.owner`, `world.security`… are read afresh at every access, as a request would."""

    password = PASSWORD

    def __init__(self):
        self.ids = {}
        first = accounts.bootstrap_admin(email="admin@bank.example", name=PEOPLE["admin"], password=PASSWORD)
        self.ids["admin"] = first.pk
        for key, name in PEOPLE.items():
            if key != "admin":
                one = accounts.add_person(email=f"{key}@bank.example", name=name, password=PASSWORD, by=first)
                self.ids[key] = one.pk
        self.grant("other_admin", "admin")
        self.grant("auditor", "auditor")
        for role in APPROVERS:
            self.grant(role, role)
            self.grant(f"{role}_two", role)
        self.team = accounts.add_team(name="Lending", by=first)
        self.other_team = accounts.add_team(name="Claims", by=first)
        for key in ("owner", "deputy", "member", "author"):
            accounts.join_team(person=self.person(key), team=self.team, by=first)
        accounts.join_team(person=self.outsider, team=self.other_team, by=first)
        self.source = registry.catalogue_source(
            name="Tariffs", by=self.member, classification="internal", contract_version="3.2", owner=self.owner
        )
        self.tool = registry.catalogue_tool(slug="tariffs.read", by=self.member, effect="read", tags=["customer_data"])
        self.agent_id = self.register("Lending assistant").pk

    def __getattr__(self, key):
        if key in PEOPLE:
            return self.person(key)
        raise AttributeError(key)

    def person(self, key):
        """Somebody by their key in PEOPLE, read afresh."""
        return Person.objects.get(pk=self.ids[key])

    @property
    def agent(self):
        """The bank's first agent, read afresh: high risk, owner and deputy named."""
        return Agent.objects.get(pk=self.agent_id)

    def grant(self, key, role):
        """Grant a role, by the admin."""
        return accounts.grant_role(person=self.person(key), role=role, by=self.admin)

    def revoke(self, key, role):
        """End a role, by the admin."""
        accounts.revoke_role(person=self.person(key), role=role, by=self.admin)

    def register(self, name, **values):
        """Register an agent of the team Lending, as a member of the team."""
        return registry.register_agent(
            **{
                "name": name,
                "summary": "Answers borrowers",
                "team": self.team,
                "owner": self.owner,
                "deputy": self.deputy,
                "support_path": "#lending",
                "by": self.member,
                **values,
            }
        )

    def sections(self, **values):
        """Valid content of all ten sections."""
        return content.sections(self.source, self.tool, **values)

    def draft(self, agent=None, version="1.0.0", by=None, **values):
        """A packet with all ten sections filled, and accepted where the agent has a deputy; in draft. Author is Ari Lind
        unless `by` is given."""
        by = by or self.author
        packet = registry.start_packet(agent=agent or self.agent, version=version, by=by)
        for number, one in self.sections(**values).items():
            registry.write_section(packet=packet, number=number, content=one, by=by)
        if packet.agent.deputy:
            self.accept(packet)
        return packet

    def accept(self, packet, *duties):
        """Owner and deputy accept section 9 as it is now, or only those in `duties`; who accepted it already does nothing."""
        packet = self.fresh(packet)
        for one in asked(packet.agent, section(9).content(packet), packet.acceptances.open()):
            if one.duty in (duties or (one.duty,)):
                answering.accept(packet=packet, duty=one.duty.value, digest=one.digest, by=one.person)

    def complete_packet(self, agent=None, version="1.0.0", by=None, **values):
        """A packet with all ten sections filled, submitted by its author."""
        packet = self.draft(agent, version, by, **values)
        approvals.submit_packet(packet=packet, by=by or self.author)
        return self.fresh(packet)

    def submit(self, packet, by=None):
        """Submit the packet as it is now, accepted again if need be, as its author unless `by` is given."""
        self.accept(packet)
        return approvals.submit_packet(packet=self.fresh(packet), by=by or self.author)

    def promote(self, packet, by=None):
        """Promote the packet to production, as the owner unless `by` is given."""
        return releases.promote(packet=packet, by=by or self.owner)

    def change(self, packet, number, by=None, **sheet):
        """Change fields of a section's sheet."""
        values = {**self.sections()[number], "sheet": {**self.sections()[number]["sheet"], **sheet}}
        return registry.write_section(packet=packet, number=number, content=values, by=by or self.author)

    def proof(self, person, method="password"):
        """That the person gave their password just now."""
        return Proof(person, method, clock.now())

    def sign(self, packet, role, by=None, decision="approve", comment="", **values):
        """Sign in a role, as its first holder unless `by` is given, on what the signer sees now."""
        packet = self.fresh(packet)
        by = by or self.person(role)
        if "attested" not in values:
            values["attested"] = [f"{role}-{i}" for i in range(1, 4)]
        return approvals.sign(
            **{
                "packet": packet,
                "role": role,
                "decision": decision,
                "digest": packet.current.digest if packet.current else "",
                "by": by,
                "proof": self.proof(by),
                "comment": comment or ("" if decision == "approve" else "The refund limit is missing."),
                **values,
            }
        )

    def sign_all(self, packet, but=()):
        """Approve in every role that is asked, apart from `but`."""
        return [self.sign(packet, role) for role in self.fresh(packet).roles_asked if role not in but]

    def approved_packet(self, agent=None, version="1.0.0", **values):
        """A packet that every role has approved."""
        packet = self.complete_packet(agent, version, **values)
        self.sign_all(packet)
        return self.fresh(packet)

    def fresh(self, row):
        """The row as it is now."""
        return type(row).objects.get(pk=row.pk)

    def entries(self, row, kind=None):
        """The ledger records of a packet or agent, oldest first."""
        stream = row if isinstance(row, str) else f"{type(row).__name__.lower()}:{row.pk}"
        found = LedgerEntry.objects.filter(stream=stream).order_by("stream_seq")
        return [entry.record for entry in found if kind in (None, entry.kind)]

    def _watched(self, name, kind):
        found = Source.objects.filter(name=name).first()
        return found or add_source(name=name, kind=kind, folder=f"bank/{kind}", by=self.admin)

    def evals(
        self, packet, *, total=content.RUN_CASES, failed=(), missing=(), at=None, snapshot="20250514", prompt=None
    ):
        """An eval run of the packet's version: cases `case-01`… pass, apart from `failed`; `missing` have no result."""
        at = at or clock.now() - dt.timedelta(hours=1)
        source = self._watched("Eval logs", Source.Kind.INSPECT)
        ids = [f"case-{i:02}" for i in range(1, total + 1) if f"case-{i:02}" not in missing]
        passed = sum(one not in failed for one in ids)
        digest = prompt or packet.current.content["sections"]["3"]["prompts"][0]["sha256"]
        run = EvalRun.objects.create(
            source=source,
            agent=packet.agent,
            agent_named=packet.agent.slug,
            version=packet.version,
            eval_id=uuid.uuid4().hex,
            run_id="r",
            task="lending-regression",
            model=f"anthropic/claude-sonnet-4-{snapshot}",
            status="success",
            started_at=at,
            completed_at=at,
            received_at=at,
            metadata={"portcullis_prompts": digest},
            file="a.json",
            file_sha256="0" * 64,
            results_sha256="0" * 64,
            total=len(ids),
            passed=passed,
            failed=len(ids) - passed,
            errored=0,
        )
        CaseResult.objects.bulk_create(
            CaseResult(
                run=run,
                case_id=one,
                epochs=1,
                passed_epochs=int(one not in failed),
                errored_epochs=0,
                outcome="fail" if one in failed else "pass",
            )
            for one in ids
        )
        return run

    def budget(self, agent, amount="5000", currency="EUR"):
        """A budget for this month, set by finance."""
        starts = clock.now().date().replace(day=1)
        return set_budget(amount=Decimal(amount), currency=currency, starts=starts, by=self.finance, agent=agent)

    def costs(self, agent, amount="12.50", currency="EUR", at=None, **values):
        """One charge of this month, pulled just now."""
        at = at or clock.now()
        source = self._watched("Bills", Source.Kind.FOCUS)
        file, _ = PulledFile.objects.get_or_create(
            source=source, path="a.csv", defaults={"sha256": "0" * 64, "size": 1, "mtime_ns": 1, "read_at": at}
        )
        line = CostLine.objects.create(
            source=source,
            file=file,
            agent=agent,
            billed_cost=amount,
            effective_cost=amount,
            billing_currency=currency,
            charge_period_start=at - dt.timedelta(minutes=2),
            charge_period_end=at,
            billing_period_start=at - dt.timedelta(days=1),
            billing_period_end=at + dt.timedelta(days=20),
            row_sha256=uuid.uuid4().hex * 2,
            ordinal=0,
            received_at=at,
            **{"service_name": "Models", "charge_category": "Usage", **values},
        )
        Pull.objects.create(source=source, state="done", started_at=at, finished_at=at, covers_through=at)
        return line

    def signals(self, packet):
        """Everything that the gate reads from signals, so that it passes."""
        self.evals(packet)
        self.budget(packet.agent)
        self.costs(packet.agent)

    def promotable(self, agent=None, version="1.0.0", **values):
        """An approved packet whose gate passes."""
        packet = self.approved_packet(agent, version, **values)
        self.signals(packet)
        return packet

    def live(self, agent=None, version="1.0.0", **values):
        """A release in production, promoted by the owner."""
        return releases.promote(packet=self.promotable(agent, version, **values), by=self.owner)


@pytest.fixture(scope="module")
def _built(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), _fast(), transaction.atomic():
        yield World()
        transaction.set_rollback(True)


@contextlib.contextmanager
def _fast():
    from django.test import override_settings

    with override_settings(PASSWORD_HASHERS=FAST_HASHER):
        yield


@pytest.fixture
def world(_built, db):
    """The bank, inside a transaction that is rolled back after the test."""
    return _copy(_built)


@pytest.fixture(scope="module")
def _draft(_built, django_db_blocker):
    with django_db_blocker.unblock(), _fast():
        bank = _copy(_built)
        return bank.draft(bank.register("Drafted assistant")).pk


@pytest.fixture
def draft(world, _draft):
    """A high-risk packet with all ten sections filled, made once a module, not submitted."""
    return Packet.objects.get(pk=_draft)


@pytest.fixture(scope="module")
def _submitted(_built, django_db_blocker):
    with django_db_blocker.unblock(), _fast():
        bank = _copy(_built)
        return bank.complete_packet(bank.register("Waiting assistant")).pk


@pytest.fixture
def submitted(world, _submitted):
    """A high-risk packet in review, made once a module: author Ari Lind submitted it, nobody has signed."""
    return Packet.objects.get(pk=_submitted)


@pytest.fixture(scope="module")
def _promotable(_built, django_db_blocker):
    with django_db_blocker.unblock(), _fast():
        bank = _copy(_built)
        return bank.promotable(bank.register("Ready assistant")).pk


@pytest.fixture
def promotable(world, _promotable):
    """An approved high-risk packet of another agent, made once a module, whose gate passes."""
    return Packet.objects.get(pk=_promotable)


@pytest.fixture
def committed_world(transactional_db):
    """The bank, committed: for tests with threads. Checklists and policies are published again after a flush."""
    assert not connection.in_atomic_block, "tests with committed_world need a file without tests that use world"
    builtin.publish()
    return World()


def _copy(built):
    other = object.__new__(World)
    other.__dict__ = {**built.__dict__, "ids": dict(built.ids)}
    for name in ("team", "other_team", "source", "tool"):
        row = built.__dict__[name]
        other.__dict__[name] = type(row).objects.get(pk=row.pk)
    return other


@pytest.fixture
def at_once():
    """`at_once(call, call, …)`: runs the calls in threads with connections of their own, starting together.

    Returns a list of SimpleNamespace(value, error), in the order of the calls.
    """

    def run(*calls):
        barrier, outcomes = threading.Barrier(len(calls)), [None] * len(calls)

        def one(i, call):
            outcomes[i] = SimpleNamespace(value=None, error=None)
            try:
                with connection.cursor() as cursor:  # connect first, so that the race is about the act
                    cursor.execute("SELECT 1")
                barrier.wait(20)
                outcomes[i].value = call()
            except Exception as error:
                outcomes[i].error = error
            finally:
                connections.close_all()

        threads = [threading.Thread(target=one, args=(i, call)) for i, call in enumerate(calls)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads), "a call still waits: two acts wait for each other"
        return outcomes

    return run
