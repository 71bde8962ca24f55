"""What accepting a proposal does in the rooms above: what has to lapse, lapses."""

import json

from approvals.standing import standings
from registry.import_actions import import_agent
from registry.importing import plan_manifest
from registry.imports.manifest import read_manifest
from registry.models import Proposal
from registry.proposals import accept
from work import clock


def test_an_accepted_risk_class_voids_sign_offs_as_a_change_by_hand_does(world):
    packet = world.approved_packet()
    agent = {"name": "Lending assistant", "slug": world.agent.slug, "team": "lending", "owner": "owner@bank.example"}
    said = read_manifest(json.dumps({"portcullis": 1, "agent": {**agent, "risk_class": "minimal"}}).encode())
    import_agent(manifest=said, seen=plan_manifest(said, world.member).digest, by=world.member)
    assert {one.status for one in _standings(world, packet)} == {"valid"}
    accept(proposal=Proposal.objects.get(), by=world.owner)
    assert world.agent.risk_class == "minimal"
    assert {one.status for one in _standings(world, packet)} == {"lapsed"}


def _standings(world, packet):
    packet = world.fresh(packet)
    return standings(packet, packet.current, clock.now())
