"""The records of Claude Code's sessions, as far as they are read; what is written otherwise fails to convert."""

from __future__ import annotations

from typing import Any

import msgspec

from agentcost.ingest.apis.contract import Body
from agentcost.ingest.counts import Count
from agentcost.ingest.turns import content_blocks


class Creation(msgspec.Struct):
    """Tokens written to the cache, by time to live."""

    ephemeral_5m_input_tokens: Count | None = None
    ephemeral_1h_input_tokens: Count | None = None


class ServerTools(msgspec.Struct):
    """What the provider's own tools did during a call."""

    web_search_requests: Count | None = None


class Billed(msgspec.Struct):
    """The usage of a call; its input counts exclude each other."""

    input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation: Creation | None = None
    output_tokens: Count | None = None
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    server_tool_use: ServerTools | None = None


class Message(msgspec.Struct):
    """A message as the API has it."""

    content: str | list[Any] | None = None
    id: str | None = None
    model: str | None = None
    usage: Billed | None = None
    stop_reason: str | None = None


class Entry(msgspec.Struct, rename="camel"):
    """A record that has a place in a conversation."""

    type: str
    uuid: str = ""
    parent_uuid: str | msgspec.UnsetType | None = msgspec.UNSET
    timestamp: str | float | None = None
    message: Message | None = None
    request_id: str | None = None
    session_id: str | None = None
    agent_id: str | None = None
    cwd: str | None = None
    version: str | None = None
    git_branch: str | None = None
    is_sidechain: bool | None = None
    is_meta: bool | None = None
    is_compact_summary: bool | None = None
    is_api_error_message: bool | None = None
    source_tool_use: str | None = msgspec.field(default=None, name="sourceToolUseID")
    parent_tool_use: str | None = msgspec.field(default=None, name="parentToolUseID")
    subtype: str | None = None
    content: Any = None
    attachment: dict[str, Any] | None = None
    data: dict[str, Any] | None = None

    @property
    def blocks(self) -> list[Body]:
        """The content blocks of its message."""
        return content_blocks(self.message.content) if self.message else []


def entry_of(value: Any) -> Entry:
    """The record as an Entry. ValidationError where it is written otherwise."""
    try:
        return msgspec.convert(value, Entry)
    except UnicodeEncodeError as error:  # how msgspec fails to name a key or a value that it cannot take
        raise msgspec.ValidationError("a lone surrogate where none may stand") from error
