"""Messages that harnesses write into a chat and that are neither a user's nor a tool's by their role."""

from __future__ import annotations

from typing import Any

from agentcost.ingest import parts
from agentcost.ingest.apis.openai_content import Write, content_segments
from agentcost.ingest.parts import Spot
from agentcost.model import Ends, Kind, Segment


def observation(content: Any, tool: str) -> list[Segment]:
    """A user message that carries what a command gave back: a result of `tool`."""
    spot = Spot("messages", "user", True, ends=Ends.BLOCK | Ends.TOOL_RUN)
    return _message(spot, content, lambda here, text: parts.tool_result(here, tool, text))


def demonstration(role: str, content: Any) -> list[Segment]:
    """A message of an example that the harness shows before the task: part of its instructions."""
    spot = Spot("messages", role, True)
    return _message(spot, content, lambda here, text: [parts.segment(here, Kind.SYSTEM, text, name="demonstration")])


def _message(spot: Spot, content: Any, write: Write) -> list[Segment]:
    return parts.close_message(content_segments(spot, content, write) or write(spot, ""))
