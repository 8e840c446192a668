"""Messages of a Cline or Roo Code conversation as segments: which tool a text calls, and which a text is the result of.

    <read_file><path>a.py</path></read_file>        a call, in the text of the assistant
    [read_file for 'a.py'] Result:                  what comes back, in the text of the user

Newer tasks hold calls and results as blocks: Anthropic's, or those of the AI SDK.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from agentcost.ingest import parts
from agentcost.ingest.apis.contract import Body, Calls
from agentcost.ingest.parts import Piece, Spot
from agentcost.ingest.turns import Part, content_blocks, text_block, turn_segments, without
from agentcost.model import Ends, Kind, Segment

_TOOLS = (
    "access_mcp_resource", "act_mode_respond", "apply_diff", "apply_patch", "ask_followup_question",
    "attempt_completion", "browser_action", "codebase_search", "condense", "edit_file", "execute_command",
    "fetch_instructions", "generate_image", "insert_content", "list_code_definition_names", "list_files",
    "load_mcp_documentation", "new_rule", "new_task", "plan_mode_respond", "read_file", "replace_in_file",
    "report_bug", "run_slash_command", "search_and_replace", "search_files", "search_replace", "skill",
    "summarize_task", "switch_mode", "update_todo_list", "use_mcp_tool", "use_skill", "web_fetch", "web_search",
    "write_to_file",
)  # fmt: skip
_CALL = re.compile(rf"<(?P<tool>{'|'.join(_TOOLS)})>.*?(?:</(?P=tool)>|\Z)", re.DOTALL)
_RESULT = re.compile(rf"\[(?P<tool>{'|'.join(_TOOLS)})(?P<of>(?: for | \()[^\n]*?)?\] Result:")
_INNER = re.compile(r"<(?P<key>server_name|tool_name)>\s*(?P<value>[^<]*?)\s*</(?P=key)>")
_SERVER = re.compile(r" for '(?P<server>[^']*)'")
_OWN = ("<environment_details>", "<task>", "<feedback>", "<user_message>", "<answer>")
"""Texts of a user's message that are no tool's result, wherever they stand."""

MODEL = re.compile(r"<model>\s*(?P<model>[^<\s]+)\s*</model>")
"""How Roo Code tells the model in the details of the environment."""


def message_segments(message: Body, calls: Calls) -> list[Segment]:
    """A message's segments, the last of which ends it."""
    role, found, tool = str(message["role"]), list[Segment](), Piece(Kind.USER, "")
    for block in content_blocks(message.get("content")):
        if block.get("type") == "text":
            text = str(block.get("text") or "")
            spot = Spot("messages", role, not found)
            if message.get("isSummary"):
                found.append(parts.segment(spot, Kind.SUMMARY, text))
            elif role == "assistant":
                found += parts.joined(spot, list(_called(text)))
            else:
                tool = _answered(text, tool)
                found += parts.text_segments(spot, tool.kind, text, name=tool.name, server=tool.server)
        else:
            [own] = turn_segments([Part(role, [block])], calls, goes_on=bool(found))
            found += [without(segment, Ends.MESSAGE) for segment in own]
    return parts.close_message(found)


def _answered(text: str, before: Piece) -> Piece:
    """The tool that a text of the user comes from, as a piece without text. A header counts for what follows."""
    found = _RESULT.match(text)
    if found:
        tool, server = found["tool"], _SERVER.match(found["of"] or "") if found["tool"] in _MCP else None
        return Piece(parts.result_kind(tool), "", tool, server["server"] if server else "")
    return Piece(Kind.USER, "") if text.lstrip().startswith(_OWN) else before


_MCP = ("use_mcp_tool", "access_mcp_resource")


def _called(text: str) -> Iterator[Piece]:
    """The pieces of an answer, calls apart, with the MCP server that they ask."""
    at = 0
    for found in _CALL.finditer(text):
        if found.start() > at:
            yield Piece(Kind.ASSISTANT, text[at : found.start()])
        inner = {one["key"]: one["value"] for one in _INNER.finditer(found.group())} if found["tool"] in _MCP else {}
        name = inner.get("tool_name") or found["tool"]
        yield Piece(Kind.TOOL_CALL, found.group(), name, inner.get("server_name", ""))
        at = found.end()
    if at < len(text) or not at:
        yield Piece(Kind.ASSISTANT, text[at:])


def known(message: Body) -> Body:
    """A message in Anthropic's words, from those of the AI SDK that Roo Code's later tasks are kept in."""
    role = "user" if message.get("role") == "tool" else str(message.get("role") or "assistant")
    if message.get("type") == "reasoning":  # of OpenAI, an item of its own
        return {"role": "assistant", "content": [_thought(_summary(message), message.get("encrypted_content"))]}
    blocks = [_block(block) for block in content_blocks(message.get("content"))]
    thought = message.get("reasoning_content")
    return {**message, "role": role, "content": [*([_thought(thought, "")] if thought else []), *blocks]}


def _summary(item: Body) -> str:
    given = item.get("summary")
    listed = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    return "\n".join(str(one.get("text") or "") for one in listed)


def _thought(text: Any, opaque: Any) -> Body:
    return {"type": "thinking", "thinking": str(text or ""), "signature": str(opaque or "")}


def _block(part: Body) -> Body:
    kind, name, key = part.get("type"), part.get("toolName"), part.get("toolCallId")
    if kind == "tool-call":
        return {"type": "tool_use", "id": key, "name": name, "input": part.get("input")}
    if kind == "tool-result":
        return {"type": "tool_result", "tool_use_id": key, "content": _output(part.get("output"))}
    if kind == "reasoning":
        return _thought(part.get("text"), "")
    if kind == "image" and "source" not in part:
        return {"type": "image", "source": {"type": "base64", "data": str(part.get("image") or "")}}
    if kind == "file":
        return {"type": "document", "source": {"type": "base64", "data": str(part.get("data") or "")}}
    return part


def _output(output: Any) -> Any:
    """What a tool gave back: a text, or a list of texts and media."""
    value = output.get("value", output) if isinstance(output, dict) else output
    if isinstance(value, list):
        return [text_block(str(one["text"])) if "text" in one else one for one in value if isinstance(one, dict)]
    return value if isinstance(value, str) else parts.canonical(value)
