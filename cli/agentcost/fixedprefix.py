"""What stands before any conversation, from files in a repository: a request body, a tools list, MCP's tools/list.

There is no log: a record of one request for each body, and one for all lists of tools together.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agentcost.errors import AgentcostError
from agentcost.growth import Growth
from agentcost.ingest.captured_prefix import prefix_segments
from agentcost.ingest.envelopes import AROUND, find_body, provider_of
from agentcost.ingest.json_values import decode
from agentcost.model import ROOT, Knowledge, Place, Request, Segment
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
    """Whether a file holds one bare request body, or a list of tools, and nothing else."""
    try:
        value = decode(content)
    except ValueError:
        return False
    if isinstance(value, dict) and not AROUND.isdisjoint(value):
        return False
    found = find_body(value)
    if found:
        return found.path == () and found.inner is None
    inner = value.get("tools", value.get("result")) if isinstance(value, dict) else value
    inner = inner.get("tools") if isinstance(inner, dict) else inner
    return isinstance(inner, list) and bool(inner) and all(isinstance(tool, dict) and _named(tool) for tool in inner)


def _named(tool: dict[str, object]) -> bool:
    return bool(tool.get("name")) or isinstance(tool.get("function"), dict)


def fixed_prefix(files: Sequence[Captured], model: str) -> Record:
    """The record of captured prefixes; `model` counts what names none. AgentcostError where no model is known."""
    record = Record()
    growth = Growth(record.tree, threads=False)
    lists: list[tuple[Captured, tuple[Segment, ...]]] = []
    for file in files:
        segments = prefix_segments(file.content, file.name, file.server)
        found = find_body(decode(file.content))
        if found is None:
            lists.append((file, segments))
            continue
        own = str(found.body.get("model", "")) or model
        _send(record, growth, file, segments, own, found.api.name, provider_of("", found.api))
    if lists:
        together = [segment for _, segments in lists for segment in segments]
        _send(record, growth, lists[0][0], together, model, "", "")
    growth.finish()
    return record


def _send(
    record: Record, growth: Growth, file: Captured, segments: Sequence[Segment], model: str, api: str, provider: str
) -> None:
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
            provider,
            model,
            nodes[-1] if nodes else ROOT,
            api,
        )
    )
