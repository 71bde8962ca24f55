"""Tools of current MCP servers, asked through the MCP SDK, and a card made with the current a2a-sdk, are read and imported."""

import json
from pathlib import Path

import pytest

from portal.tests.interop.conftest import NOT_LISTENING
from registry.import_actions import import_tools
from registry.imports.agentcard import read_card
from registry.imports.mcp import read_tools
from registry.models import Proposal, Tool

pytestmark = pytest.mark.interop
SCRIPT = Path(__file__).with_name("run_imports.py")


@pytest.fixture(scope="session")
def written(program, tmp_path_factory):
    """The folder with what the servers listed, and the card."""
    folder = tmp_path_factory.mktemp("imports")
    program("python", SCRIPT, folder)
    return folder


@pytest.mark.parametrize(("server", "tool"), [("git", "git.git_commit"), ("time", "time.get_current_time")])
def test_a_real_servers_tools_are_imported(world, written, server, tool):
    found = read_tools((written / f"mcp_server_{server}.json").read_bytes(), server)
    assert tool in {claim.slug for claim in found.tools} and not found.partial
    import_tools(found=found, by=world.member, looked=True)
    kept = dict(Tool.objects.filter(system=server).values_list("slug", "effect"))
    assert kept == {claim.slug: claim.effect or "irreversible" for claim in found.tools}


def test_a_server_from_npm_is_imported_and_then_proposes_what_it_changed(world, written):
    file = written / "mcp_server_filesystem.json"
    if not file.exists():
        pytest.skip(f"The MCP server of npm {NOT_LISTENING}: npm or node is missing, or it could not be installed")
    data = file.read_bytes()
    found = read_tools(data, "filesystem")
    import_tools(found=found, by=world.member, looked=True)
    effects = dict(Tool.objects.filter(system="filesystem").values_list("slug", "effect"))
    assert len(effects) == len(found.tools) >= 10 and effects["filesystem.read_text_file"] == "read"
    changed = json.loads(data)
    [one] = [tool for tool in changed["tools"] if tool["name"] == "read_text_file"]
    one["annotations"] = {"readOnlyHint": False, "destructiveHint": True}
    import_tools(found=read_tools(json.dumps(changed).encode(), "filesystem"), by=world.member, looked=True)
    proposal = Proposal.objects.get()
    assert (proposal.tool.slug, proposal.field, proposal.value) == (
        "filesystem.read_text_file",
        "effect",
        "irreversible",
    )
    assert dict(Tool.objects.filter(system="filesystem").values_list("slug", "effect")) == effects


def test_what_git_says_of_itself_is_the_expected_suggestion(written):
    effects = {
        claim.slug: claim.effect for claim in read_tools((written / "mcp_server_git.json").read_bytes(), "git").tools
    }
    assert effects["git.git_status"] in ("read", "") and effects["git.git_reset"] in ("irreversible", "")


def test_a_card_of_the_real_sdk_fills_in_the_registration(written):
    card = read_card((written / "agent-card.json").read_bytes())
    assert (card.name, card.slug, card.host) == ("Rate finder", "rate-finder", "rates.example")
    assert card.skills[0].name == "Find a rate"
