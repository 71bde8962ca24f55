"""Readers of what teams bring along: the manifest, an MCP server's tools, an A2A AgentCard. Pure: bytes in, values or
faults out; no Django, no database."""
