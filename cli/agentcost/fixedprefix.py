"""What stands before any conversation, from files in a repository: a request body, a tools list, MCP's tools/list, a
single tool.

There is no log: a record of one request for each body, counted as it would be in a log, and one for all lists of
tools together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import msgspec

from agentcost.errors import AgentcostError
from agentcost.ingest.apis import APIS
from agentcost.ingest.apis.contract import Calls
from agentcost.ingest.captured_prefix import is_tool, prefix_segments
from agentcost.ingest.envelopes import AROUND, Found, find_body, provider_of
from agentcost.ingest.json_values import decode
from agentcost.loading.growth import Growth
from agentcost.model import ROOT, Knowledge, Place, Request, Segment
from agentcost.names import bare_name
from agentcost.record import Log, Record

FORMAT = "fixed prefix"

LARGEST = 32_000_000
"""Bytes up to which a file may be one."""


class Captured(msgspec.Struct, frozen=True):
    """A file with a fixed prefix: its name, what it holds, and for lists of tools the MCP server they are of."""

    name: str
    content: bytes
    server: str = ""


def is_fixed_prefix(content: bytes) -> bool:
    """Whether a file holds one bare request body, a list of tools, or a tool, and nothing else."""
    try:
        value = decode(content)
    except ValueError:
        return False
    if isinstance(value, dict) and not AROUND.isdisjoint(value):
        return False
    found = find_body(value)
    if found:
        return found.path == () and found.inner is None
    if is_tool(value):
        return True
    inner = _listed(value)
    return isinstance(inner, list) and bool(inner) and all(isinstance(tool, dict) and _named(tool) for tool in inner)


def is_empty_list(content: bytes) -> bool:
    """Whether a file holds a list of tools, or of anything, and nothing in it."""
    try:
        return _listed(decode(content)) == []
    except ValueError:
        return False


def _listed(value: object) -> object:
    inner = value.get("tools", value.get("result")) if isinstance(value, dict) else value
    return inner.get("tools") if isinstance(inner, dict) else inner


def _named(tool: dict[str, object]) -> bool:
    return bool(tool.get("name")) or isinstance(tool.get("function"), dict)


def fixed_prefix(files: Sequence[Captured], model: str) -> Record:
    """The record of captured prefixes; `model` counts what names none. AgentcostError where no model is known."""
    record = Record()
    growth = Growth(record.tree, threads=False)
    lists: list[tuple[Captured, tuple[Segment, ...]]] = []
    for file in files:
        found = find_body(decode(file.content))
        if found is None:
            lists.append((file, prefix_segments(file.content, file.name, file.server)))
        else:
            head = found.api.head({"model": model, **found.body})
            _send(record, growth, file, [*head, *_messages(found)], model, found)
    if lists:
        together = [segment for _, segments in lists for segment in segments]
        found = _declared(together, model)
        _send(record, growth, lists[0][0], found.api.head(found.body) if found else together, model, found)
    growth.finish()
    return record


def _messages(found: Found) -> Iterator[Segment]:
    """The messages of a body: system messages stand among them in OpenAI's dialects. A bare string is the user's."""
    items = found.body.get(found.api.growing)
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    own = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    for group in found.api.elements(own, 0, Calls()):
        yield from group


def _function(tool: dict[str, object]) -> dict[str, object]:
    return {"name": tool["name"], "description": tool.get("description", ""), "parameters": tool["parameters"]}


_DIALECTS: tuple[tuple[str, str, Callable[[list[dict[str, object]]], list[dict[str, object]]]], ...] = (
    ("gpt-|^o[134]\\b|^codex", "openai-chat", lambda tools: [{"type": "function", "function": tool} for tool in tools]),
    ("gemini", "gemini", lambda tools: [{"functionDeclarations": tools}]),
)
"""Models whose API takes tools in another form than Claude's: that API, and its form."""


def _declared(tools: Sequence[Segment], model: str) -> Found | None:
    """A body of the model's API that declares these tools; None where they are sent as they are."""
    for pattern, name, form in _DIALECTS:
        if re.search(pattern, bare_name(model)):
            api = next(api for api in APIS if api.name == name)
            declared = form([_function(decode(tool.text.encode())) for tool in tools])
            return Found(api, (), {"tools": declared, "model": model}, None)
    return None


def _send(
    record: Record, growth: Growth, file: Captured, segments: Sequence[Segment], model: str, found: Found | None = None
) -> None:
    """A request of these segments; a body's own model counts before any other."""
    body = found.body if found else {}
    model = str(body.get("model", "")) or model
    if not model:
        raise AgentcostError(
            f'{file.name}: names no model to count for; write model = "claude-sonnet-4-5" into the budget, or --model'
        )
    nodes = growth.grow(ROOT, segments, model)
    size = len(file.content)
    record.logs.append(Log(file.name, FORMAT, size, 1, 1, 1))
    growth.settle((len(record.logs) - 1, 0, size))
    record.add(
        Request(
            Place(file.name, 1, 0, size),
            FORMAT,
            Knowledge.FULL,
            provider_of("", found.api, model) if found else "",
            model,
            nodes[-1] if nodes else ROOT,
            found.api.name if found else "",
            settings=tuple(sorted(found.api.settings(body).items())) if found else (),
        )
    )
