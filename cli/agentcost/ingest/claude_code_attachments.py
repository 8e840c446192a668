"""What Claude Code adds to a prompt beside the conversation: files, memory, skills, reminders.

    {"type": "attachment", "attachment": {"type": "nested_memory", "path": "/w/api/CLAUDE.md",
     "content": {"path": "/w/api/CLAUDE.md", "content": "Keep handlers thin."}}}

The log holds what is attached, not the sentence that Claude Code puts around it: that stays unexplained.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from agentcost.ingest.apis.contract import Body
from agentcost.ingest.turns import Part, content_blocks, text_block
from agentcost.model import Kind

_KINDS = {
    "file": Kind.FILE,
    "compact_file_reference": Kind.FILE,
    "edited_text_file": Kind.FILE,
    "selected_lines_in_ide": Kind.FILE,
    "mcp_resource": Kind.FILE,
    "skill_listing": Kind.SKILL,
    "invoked_skills": Kind.SKILL,
    "dynamic_skill": Kind.SKILL,
}
"""What is no reminder, by the attachment's type."""

_UNSENT = frozenset({
    "already_read_file", "command_permissions", "hook_cancelled", "hook_error_during_execution",
    "hook_non_blocking_error", "hook_permission_decision", "hook_system_message", "structured_output",
})  # fmt: skip
"""What only the user sees."""

_HOOKS_SENT = frozenset({"SessionStart", "UserPromptSubmit"})
"""Events whose hooks speak to the model when they succeed."""

_TEXT_KEYS = (
    "content", "contents", "text", "snippet", "file", "memories", "skills", "planContent", "addedLines",
    "addedBlocks", "blockingError",
)  # fmt: skip


def attachment_part(attachment: Body) -> Part | None:
    """What an attachment puts into the user's message; None where that is nothing the log holds."""
    kind = str(attachment.get("type", ""))
    if kind in _UNSENT or (kind == "hook_success" and attachment.get("hookEvent") not in _HOOKS_SENT):
        return None
    if kind == "queued_command":
        prompt = content_blocks(attachment.get("prompt"))
        return Part("user", prompt) if prompt else None
    blocks = [block for block in _blocks(attachment) if block.get("text") != ""]
    return Part("user", blocks, _KINDS.get(kind, Kind.MEMORY), _name(attachment, kind)) if blocks else None


def _blocks(attachment: Body) -> list[Body]:
    """One reminder with all its texts, and its images."""
    found = list(_leaves(attachment))
    texts = [leaf for leaf in found if isinstance(leaf, str) and leaf]
    images = [leaf for leaf in found if isinstance(leaf, dict)]
    wrapped = "<system-reminder>\n" + "\n".join(texts) + "\n</system-reminder>"
    return [text_block(wrapped), *images] if texts else images


def _leaves(value: Any) -> Iterator[str | Body]:
    """The texts and images in what an attachment holds, in its order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, dict):
        if isinstance(value.get("base64"), str):
            yield {"type": "image", "source": {"data": value["base64"]}}
        for key, item in value.items():
            if key in _TEXT_KEYS:
                yield from _leaves(item)


def _name(attachment: Body, kind: str) -> str:
    """A memory file's own name; else the attachment's type."""
    path = attachment.get("path")
    if kind == "nested_memory" and isinstance(path, str):
        return PurePosixPath(path.replace("\\", "/")).name
    return kind.replace("_", " ")
