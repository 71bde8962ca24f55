"""A small bank with one agent whose packet was submitted, signed and decided on, all through the portal's actions."""

from types import SimpleNamespace

import pytest
from django.db import transaction

from accounts.actions import add_person, add_team, bootstrap_admin, grant_role, join_team
from accounts.reauth import Proof
from approvals.actions import current_policy, decide, sign
from approvals.models import Checklist
from registry.actions import freeze, register_agent, start_packet, write_section
from registry.models import Packet
from work import clock

PASSWORD = "a long pass phrase"


@pytest.fixture
def bank(db, settings):
    settings.GRANT_WAIT_HOURS = 0
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # seven people a test
    admin = bootstrap_admin(email="admin@bank.example", name="Ada Admin", password=PASSWORD)
    people = {
        name: add_person(email=f"{name}@bank.example", name=f"{name.title()} Bank", password=None, by=admin)
        for name in ("owner", "author", "approver", "finance", "auditor", "stranger")
    }
    team = add_team(name="Lending", by=admin)
    for name in ("owner", "author"):
        join_team(person=people[name], team=team, by=admin)
    for name, role in (("approver", "risk"), ("finance", "finance"), ("auditor", "auditor")):
        grant_role(person=people[name], role=role, by=admin)
    agent = register_agent(
        name="Loan helper",
        summary="Answers.",
        team=team,
        owner=people["owner"],
        by=people["author"],
        risk_class="minimal",
    )
    return SimpleNamespace(admin=admin, team=team, agent=agent, packet=filed(agent, "1.0.0", people), **people)


@transaction.atomic
def filed(agent, version, people):
    """A packet for `version`, as far as its gate decision. Its sections are not complete, so the gate blocks."""
    packet = start_packet(agent=agent, version=version, by=people["author"])
    write_section(packet=packet, number=1, content={"use": [{"text": f"Größe of {version}"}]}, by=people["author"])
    policy, checklist = current_policy(packet), Checklist.objects.get(risk_class="minimal")
    core = {
        "checklist": {"risk_class": "minimal", "version": checklist.version, "sha256": checklist.sha256},
        "policy": {"key": policy.key, "version": policy.version, "sha256": policy.sha256},
    }
    roles = [role["role"] for role in checklist.content["roles"]]
    revision = freeze(packet, core=core, roles=roles, by=people["author"])
    for role, who in (("owner", "owner"), ("risk", "approver")):
        items = next(one["items"] for one in checklist.content["roles"] if one["role"] == role)
        sign(
            packet=packet,
            role=role,
            decision="approve",
            digest=revision.digest,
            by=people[who],
            proof=Proof(people[who], "password", clock.now()),
            attested=[item["id"] for item in items],
        )
    packet = Packet.objects.select_related("agent__team").get(pk=packet.pk)
    decide(packet, "production", people["owner"])
    return packet
