"""The prefix that a transcript hides, from what the user captured once: a request body, or a list of tools."""

from __future__ import annotations

from typing import Any

from agentcost.errors import AgentcostError
from agentcost.ingest.apis.anthropic import tool_segment
from agentcost.ingest.envelopes import find_body
from agentcost.ingest.json_values import decode
from agentcost.model import Segment


def prefix_segments(content: bytes, name: str, server: str = "") -> tuple[Segment, ...]:
    """The segments of a captured prefix, each a named component.

    `content` is one captured request (bare or in an envelope; of a log, its first line), a list of tools, a tool, or
    what an MCP server answers to tools/list; `server` names that server. AgentcostError where it is none of these.
    """
    try:
        value = decode(content)
    except ValueError:
        value = _first_line(content, name)
    found = find_body(value)
    if found:
        return tuple(found.api.head(found.body))
    tools = _tools(value)
    if not tools:
        raise AgentcostError(
            f"--prefix {name}: holds no request body, no tools list and no MCP tools/list answer; "
            "`agentcost capture FILE` saves a request of the client"
        )
    return tuple(_tool(tool, server) for tool in tools)


def _first_line(content: bytes, name: str) -> Any:
    try:
        return decode(content.lstrip().partition(b"\n")[0])
    except ValueError as error:
        raise AgentcostError(f"--prefix {name}: is not JSON; save the request body as it was sent") from error


def _tools(value: Any) -> list[dict[str, Any]]:
    """The tools of a list, of {"tools": […]} or of {"result": {"tools": […]}}; a tool alone."""
    if is_tool(value):
        return [value]
    if isinstance(value, dict):
        inner = value.get("tools", value.get("result"))
        return _tools(inner) if inner is not None else []
    if isinstance(value, list):
        return [tool for tool in value if isinstance(tool, dict) and _name(tool)]
    return []


_SCHEMAS = ("input_schema", "inputSchema", "parameters")


def is_tool(value: Any) -> bool:
    """Whether a value is one tool's definition: a name beside a schema."""
    if not isinstance(value, dict) or not _name(value):
        return False
    function = value.get("function")
    own = function if isinstance(function, dict) else value
    return any(isinstance(own.get(key), dict) for key in _SCHEMAS)


def _name(tool: dict[str, Any]) -> str:
    function = tool.get("function")
    return str(tool.get("name") or (function.get("name", "") if isinstance(function, dict) else ""))


def _tool(tool: dict[str, Any], server: str) -> Segment:
    """A tool as Claude's API would take it: annotations and metadata of MCP are not sent to a model."""
    function = tool.get("function")
    own = function if isinstance(function, dict) else tool
    schema = own.get("input_schema") or own.get("inputSchema") or own.get("parameters") or {}
    name = f"mcp__{server}__{_name(tool)}" if server else _name(tool)
    sent = {"name": name, "description": own.get("description", ""), "input_schema": schema}
    return tool_segment(sent)
