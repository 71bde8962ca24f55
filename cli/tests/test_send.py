"""`portcullis send`: the portal's plan is printed, done only with --apply, and the token is seen by nobody."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from accounts.tokens import add_service_account, make_token
from registry.actions import change_agent, write_section
from registry.models import Agent, Packet

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
MANIFEST = """portcullis: 1
agent: {name: Gift agent, slug: gift-agent, summary: Sends gifts., team: lending, owner: owner@bank.example}
tools: [{slug: gifts.list, effect: read}]
"""


@pytest.fixture
def checkout(tmp_path):
    """An agent's checkout with a manifest."""
    (tmp_path / "portcullis.yaml").write_text(MANIFEST)
    return tmp_path


def run(*arguments, token=""):
    """The command in a process of its own: exit code, and all that it printed."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **({"PORTCULLIS_TOKEN": token} if token else {})}
    done = subprocess.run(
        [sys.executable, "-m", "cli", "send", *map(str, arguments)], capture_output=True, text=True, env=env, timeout=60
    )
    said = done.stdout + done.stderr
    assert not token or token not in said
    return done.returncode, said


def test_it_shows_then_applies(live_server, committed_world, checkout):
    token = make_token(
        person=committed_world.member, name="CI", scopes=["registry:write"], days=7, by=committed_world.member
    ).secret
    code, said = run(checkout, "--portal", live_server.url, token=token)
    assert code == 0 and "added: Owner  Ana Ruiz" in said and "Nothing was written" in said
    assert "added: gifts.list  Irreversible" in said and not Agent.objects.filter(slug="gift-agent").exists()
    code, said = run(checkout / "portcullis.yaml", "--portal", live_server.url, "--apply", "--looked", token=token)
    assert code == 0 and said.endswith("Done.\n") and Agent.objects.filter(slug="gift-agent").exists()
    code, said = run(checkout, "--portal", live_server.url + "/", token=token)
    assert code == 0 and "Nothing would change" in said
    (checkout / "portcullis.yaml").write_text(MANIFEST.replace("effect: read", "effect: yes"))
    code, said = run(checkout, "--portal", live_server.url, token=token)
    assert code == 1 and 'tools[0].effect: expected read, write or irreversible, got "yes"' in said
    (checkout / "portcullis.yaml").write_text(MANIFEST.replace("owner@", "nobody@").replace("gift-agent", "other"))
    code, said = run(checkout, "--portal", live_server.url, "--apply", token=token)
    assert code == 3 and "nobody signs in as nobody@bank.example" in said


def test_a_packet_block_is_shown_then_filled_and_submitted_only_by_a_person(live_server, committed_world, checkout):
    world = committed_world
    block = 'packet: {version: "7.0.0", sections: {"9": {sheet: {runbook: "https://r.example"}}}}\n'
    (checkout / "portcullis.yaml").write_text(MANIFEST + block)
    narrow = make_token(person=world.member, name="CI", scopes=["registry:write"], days=7, by=world.member).secret
    code, said = run(checkout, "--portal", live_server.url, token=narrow)
    assert code == 1 and "packets:write" in said
    scopes = ["registry:write", "packets:write"]
    token = make_token(person=world.member, name="CI", scopes=scopes, days=7, by=world.member).secret
    code, said = run(checkout, "--portal", live_server.url, token=token)
    assert code == 0 and "added: Runbook  https://r.example" in said and not Packet.objects.exists()
    code, said = run(checkout, "--portal", live_server.url, "--apply", "--looked", "--submit", token=token)
    assert code == 1 and "Done." in said and "Section 1: " in said
    packet = Packet.objects.get(version="7.0.0")
    assert packet.state == "draft"
    service = add_service_account(team=world.team, name="Pipeline", purpose="CI", by=world.member).person
    robot = make_token(person=service, name="CI", scopes=scopes, days=7, by=world.member).secret
    code, said = run(checkout, "--portal", live_server.url, "--apply", "--submit", token=robot)
    assert code == 1 and "never submits a packet" in said
    for number, content in world.sections().items():
        write_section(packet=packet, number=number, content=content, by=world.member)
    change_agent(agent=packet.agent, deputy=world.deputy, by=world.member)
    world.accept(packet)
    code, said = run(checkout, "--portal", live_server.url, "--apply", "--submit", token=token)
    assert code == 0 and "Submitted for review, revision 1." in said
    assert Packet.objects.get(pk=packet.pk).state == "in_review"


def test_a_token_that_is_refused_is_not_printed(live_server, committed_world, checkout):
    code, said = run(checkout, "--portal", live_server.url, token="ptc_not_a_token_of_this_portal")
    assert code == 1 and "token" in said


@pytest.mark.parametrize(
    ("arguments", "token", "words"),
    [
        (["--portal", "http://portal.example"], "ptc_0x", "over https only"),
        (["--portal", "portal.example"], "ptc_0x", "the portal's address"),
        (["--portal", "https://me:secret@portal.example"], "ptc_0x", "the portal's address"),
        (["--portal", "http://localhost:1"], "", "PORTCULLIS_TOKEN is not set"),
        (["--portal", "http://localhost:1"], "two words", "no API token"),
        (["--portal", "http://localhost:1"], "secret-word", "could not be asked"),
    ],
)
def test_what_stops_it_is_said(checkout, arguments, token, words):
    code, said = run(checkout, *arguments, token=token)
    assert code == 1 and words in said


def test_without_a_manifest_it_says_how_to_make_one(tmp_path):
    code, said = run(tmp_path, "--portal", "https://portal.example", token="ptc_0x")
    assert code == 1 and "portcullis init" in said
