"""One small request in every API's dialect, and how each component is added to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agentcost.ingest.apis import anthropic, gemini, openai_chat, openai_responses
from agentcost.ingest.apis.contract import Api, Calls
from agentcost.model import Kind, Segment
from agentcost.rendering import claude_call, claude_tool, gemini_tool, openai_tool

Body = dict[str, Any]

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAADCAYAAAC56t6BAAAAEElEQVR4nGNgYGD4z4AFAAAf/gH/"
PDF = "JVBERi0xLjQKMSAwIG9iago8PCAvVHlwZSAvUGFnZSA+PgplbmRvYmoK"

MEMORY = "<system-reminder>\nContents of CLAUDE.md: use tabs\n</system-reminder>"
SKILLS = "<system-reminder>\nThe following skills are available: pdf\n</system-reminder>"
SUMMARY = "This session is being continued from a previous conversation. We fixed a.py."
TWIN = "What does a <system-reminder>tag</system-reminder> do?"

_SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}, "limit": {"type": "integer"}}}
_NAMES = ("read_file", "bash")


@dataclass(frozen=True)
class Dialect:
    """A base request of two tools, a system prompt and one call of each tool; `add` puts one component in."""

    api: Api
    base: Body
    add: dict[Kind, tuple[Callable[[Body], None], str]]
    tool: Callable[[str], Body]
    tool_text: Callable[[str], str]
    user: Callable[[str], Body]


def path(api: Api, body: Body) -> list[Segment]:
    """Every segment of a request, as its model sees them."""
    return [*api.head(body), *(segment for group in api.elements(body[api.growing], 0, Calls()) for segment in group)]


def appending(key: str, *values: Any) -> Callable[[Body], None]:
    """Puts values at the end of one of the body's lists."""
    return lambda body: body[key].extend(values)


def texts(user: Callable[[str], Body], growing: str) -> dict[Kind, tuple[Callable[[Body], None], str]]:
    """The components that are told by a user's text alone."""
    written = {Kind.USER: "Go on.", Kind.MEMORY: MEMORY, Kind.SKILL: SKILLS, Kind.SUMMARY: SUMMARY}
    return {kind: (appending(growing, user(text)), text) for kind, text in written.items()}


def declared(tool: Callable[[str], Body], text: Callable[[str], str]) -> dict[Kind, tuple[Callable[[Body], None], str]]:
    """The components that are tool definitions."""
    names = {Kind.TOOL: "grep", Kind.MCP_TOOL: "mcp__github__list_issues"}
    return {kind: (appending("tools", tool(name)), text(name)) for kind, name in names.items()}


# --- Anthropic Messages --------------------------------------------------------------------------------------------


def _anthropic_tool(name: str) -> Body:
    return {"name": name, "description": f"Runs {name}.", "input_schema": _SCHEMA}


def _anthropic_user(text: str) -> Body:
    return {"role": "user", "content": [{"type": "text", "text": text}]}


def _says(*blocks: Body) -> Body:
    return {"role": "assistant", "content": list(blocks)}


def _gives(*blocks: Body) -> Body:
    return {"role": "user", "content": list(blocks)}


def _source(media: str, data: str) -> Body:
    return {"type": "base64", "media_type": media, "data": data}


ANTHROPIC = Dialect(
    anthropic.API,
    {
        "model": "claude-sonnet-4-5",
        "max_tokens": 100,
        "system": [{"type": "text", "text": "You help."}],
        "tools": [_anthropic_tool(name) for name in _NAMES],
        "messages": [
            _anthropic_user("Hello"),
            _says({"type": "text", "text": "Hi"}, {"type": "tool_use", "id": "c1", "name": "read_file", "input": {}}),
            _says({"type": "tool_use", "id": "c2", "name": "bash", "input": {}}),
        ],
    },
    {
        **texts(_anthropic_user, "messages"),
        **declared(_anthropic_tool, lambda name: claude_tool(_anthropic_tool(name))),
        Kind.SYSTEM: (appending("system", {"type": "text", "text": "Be brief."}), "Be brief."),
        Kind.ASSISTANT: (appending("messages", _says({"type": "text", "text": "Done."})), "Done."),
        Kind.THINKING: (
            appending("messages", _says({"type": "thinking", "thinking": "Let me see.", "signature": "c2ln"})),
            "Let me see.",
        ),
        Kind.TOOL_CALL: (
            appending("messages", _says({"type": "tool_use", "id": "c3", "name": "bash", "input": {"command": "ls"}})),
            claude_call("bash", {"command": "ls"}),
        ),
        Kind.TOOL_RESULT: (
            appending("messages", _gives({"type": "tool_result", "tool_use_id": "c2", "content": "a.py"})),
            "a.py",
        ),
        Kind.FILE: (
            appending("messages", _gives({"type": "tool_result", "tool_use_id": "c1", "content": "x = 1\n"})),
            "x = 1\n",
        ),
        Kind.IMAGE: (appending("messages", _gives({"type": "image", "source": _source("image/png", PNG)})), ""),
        Kind.DOCUMENT: (
            appending("messages", _gives({"type": "document", "source": _source("application/pdf", PDF)})),
            "",
        ),
    },
    _anthropic_tool,
    lambda name: claude_tool(_anthropic_tool(name)),
    _anthropic_user,
)


# --- OpenAI Chat Completions ---------------------------------------------------------------------------------------


def _function(name: str) -> Body:
    return {"name": name, "description": f"Runs {name}.", "parameters": _SCHEMA}


def _chat_tool(name: str) -> Body:
    return {"type": "function", "function": _function(name)}


def _chat_user(text: str) -> Body:
    return {"role": "user", "content": [{"type": "text", "text": text}]}


def _chat_call(call_id: str, name: str, arguments: str) -> Body:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _chat_part(kind: str, inner: Body) -> Body:
    return {"role": "user", "content": [{"type": kind, kind: inner}]}


CHAT = Dialect(
    openai_chat.API,
    {
        "model": "gpt-4.1",
        "tools": [_chat_tool(name) for name in _NAMES],
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "You help."}]},
            _chat_user("Hello"),
            {"role": "assistant", "content": "Hi", "tool_calls": [_chat_call("c1", "read_file", "{}")]},
            {"role": "assistant", "content": None, "tool_calls": [_chat_call("c2", "bash", "{}")]},
        ],
    },
    {
        **texts(_chat_user, "messages"),
        **declared(_chat_tool, lambda name: openai_tool(_function(name))),
        Kind.SYSTEM: (appending("messages", {"role": "developer", "content": "Be brief."}), "Be brief."),
        Kind.ASSISTANT: (appending("messages", {"role": "assistant", "content": "Done."}), "Done."),
        Kind.THINKING: (
            appending("messages", {"role": "assistant", "reasoning_content": "Let me see.", "content": None}),
            "Let me see.",
        ),
        Kind.TOOL_CALL: (
            appending("messages", {"role": "assistant", "tool_calls": [_chat_call("c3", "bash", '{"command":"ls"}')]}),
            'bash\n{"command":"ls"}\n.bash',
        ),
        Kind.TOOL_RESULT: (appending("messages", {"role": "tool", "tool_call_id": "c2", "content": "a.py"}), "a.py"),
        Kind.FILE: (appending("messages", {"role": "tool", "tool_call_id": "c1", "content": "x = 1\n"}), "x = 1\n"),
        Kind.IMAGE: (
            appending("messages", _chat_part("image_url", {"url": f"data:image/png;base64,{PNG}", "detail": "low"})),
            "",
        ),
        Kind.DOCUMENT: (
            appending("messages", _chat_part("file", {"file_data": f"data:application/pdf;base64,{PDF}"})),
            "",
        ),
    },
    _chat_tool,
    lambda name: openai_tool(_function(name)),
    _chat_user,
)


# --- OpenAI Responses ----------------------------------------------------------------------------------------------


def _responses_tool(name: str) -> Body:
    return {"type": "function", **_function(name)}


def _responses_user(text: str) -> Body:
    return {"role": "user", "content": [{"type": "input_text", "text": text}]}


def _responses_call(call_id: str, name: str, arguments: str) -> Body:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}


def _responses_output(call_id: str, output: Any) -> Body:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


RESPONSES = Dialect(
    openai_responses.API,
    {
        "model": "gpt-5",
        "instructions": "You help.",
        "tools": [_responses_tool(name) for name in _NAMES],
        "input": [
            _responses_user("Hello"),
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]},
            _responses_call("c1", "read_file", "{}"),
            _responses_call("c2", "bash", "{}"),
        ],
    },
    {
        **texts(_responses_user, "input"),
        **declared(_responses_tool, lambda name: openai_tool(_function(name))),
        Kind.SYSTEM: (appending("input", {"role": "developer", "content": "Be brief."}), "Be brief."),
        Kind.ASSISTANT: (appending("input", {"role": "assistant", "content": "Done."}), "Done."),
        Kind.THINKING: (
            appending(
                "input",
                {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Let me see."}]},
            ),
            "Let me see.",
        ),
        Kind.TOOL_CALL: (
            appending("input", _responses_call("c3", "bash", '{"command":"ls"}')),
            'bash\n{"command":"ls"}\n.bash',
        ),
        Kind.TOOL_RESULT: (appending("input", _responses_output("c2", "a.py")), "a.py"),
        Kind.FILE: (
            appending("input", _responses_output("c1", [{"type": "input_text", "text": "x = 1\n"}])),
            "x = 1\n",
        ),
        Kind.IMAGE: (
            appending(
                "input",
                {"role": "user", "content": [{"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}]},
            ),
            "",
        ),
        Kind.DOCUMENT: (
            appending(
                "input",
                {
                    "role": "user",
                    "content": [{"type": "input_file", "file_data": f"data:application/pdf;base64,{PDF}"}],
                },
            ),
            "",
        ),
    },
    _responses_tool,
    lambda name: openai_tool(_function(name)),
    _responses_user,
)


# --- Gemini --------------------------------------------------------------------------------------------------------


def _gemini_tool(name: str) -> Body:
    return {"functionDeclarations": [_function(name)]}


def _gemini(role: str, *blocks: Body) -> Body:
    return {"role": role, "parts": list(blocks)}


def _gemini_user(text: str) -> Body:
    return _gemini("user", {"text": text})


def _gemini_response(name: str, text: str) -> Body:
    return _gemini("user", {"functionResponse": {"name": name, "response": {"output": text}}})


GEMINI = Dialect(
    gemini.API,
    {
        "model": "gemini-2.5-pro",
        "systemInstruction": {"parts": [{"text": "You help."}]},
        "tools": [_gemini_tool(name) for name in _NAMES],
        "contents": [
            _gemini_user("Hello"),
            _gemini("model", {"text": "Hi"}, {"functionCall": {"name": "read_file", "args": {}}}),
            _gemini("model", {"functionCall": {"name": "bash", "args": {}}}),
        ],
    },
    {
        **texts(_gemini_user, "contents"),
        **declared(_gemini_tool, lambda name: gemini_tool(_function(name))),
        Kind.SYSTEM: (lambda body: body["systemInstruction"]["parts"].append({"text": "Be brief."}), "Be brief."),
        Kind.ASSISTANT: (appending("contents", _gemini("model", {"text": "Done."})), "Done."),
        Kind.THINKING: (
            appending("contents", _gemini("model", {"text": "Let me see.", "thought": True})),
            "Let me see.",
        ),
        Kind.TOOL_CALL: (
            appending("contents", _gemini("model", {"functionCall": {"name": "bash", "args": {"command": "ls"}}})),
            "bash command ls bash",
        ),
        Kind.TOOL_RESULT: (appending("contents", _gemini_response("bash", "a.py")), "a.py"),
        Kind.FILE: (appending("contents", _gemini_response("read_file", "x = 1\n")), "x = 1\n"),
        Kind.IMAGE: (
            appending("contents", _gemini("user", {"inlineData": {"mimeType": "image/png", "data": PNG}})),
            "",
        ),
        Kind.DOCUMENT: (
            appending("contents", _gemini("user", {"inlineData": {"mimeType": "application/pdf", "data": PDF}})),
            "",
        ),
    },
    _gemini_tool,
    lambda name: gemini_tool(_function(name)),
    _gemini_user,
)

DIALECTS = (ANTHROPIC, CHAT, RESPONSES, GEMINI)
