"""Runs in .venv-interop: writes what current MCP servers list, and a card as the current a2a-sdk makes one."""

import asyncio
import json
import shutil
import sys
from pathlib import Path

from a2a.types import AgentCard
from google.protobuf.json_format import MessageToDict
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

SERVERS = ("mcp_server_git", "mcp_server_time")
FILESYSTEM = "npm/node_modules/@modelcontextprotocol/server-filesystem/dist/index.js"


async def listed(command: str, *arguments: str) -> dict:
    """The server's tools/list, asked through the SDK."""
    parameters = StdioServerParameters(command=command, args=list(arguments))
    async with stdio_client(parameters) as (reading, writing), ClientSession(reading, writing) as session:
        await session.initialize()
        return (await session.list_tools()).model_dump(mode="json", by_alias=True)


def card() -> dict:
    """A card with what A2A 1.0 asks for."""
    made = AgentCard(name="Rate finder", description="Finds rates for borrowers.", version="2.1.0")
    made.supported_interfaces.add(url="https://rates.example/a2a", protocol_binding="JSONRPC", protocol_version="1.0")
    made.skills.add(id="find", name="Find a rate", description="Finds the rate of a product.", tags=["rates"])
    return MessageToDict(made)


def main(folder: Path) -> None:
    """Writes one file for each."""
    for module in SERVERS:
        (folder / f"{module}.json").write_text(json.dumps(asyncio.run(listed(sys.executable, "-m", module))))
    node, server = shutil.which("node"), Path(sys.prefix) / FILESYSTEM
    if node and server.exists():
        found = asyncio.run(listed(node, str(server), str(folder)))
        (folder / "mcp_server_filesystem.json").write_text(json.dumps(found))
    (folder / "agent-card.json").write_text(json.dumps(card()))


main(Path(sys.argv[1]))
