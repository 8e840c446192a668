"""Invents coding-agent sessions as Anthropic request bodies: system prompt, tool schemas, a growing conversation.

A session's messages are made once; a request is a head of them. What is invented depends on the seed alone, never
on how the log will be laid out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import count

from wording import Wording

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Block = dict[str, Json]

MODEL = "claude-sonnet-4-5-20250929"
TOOL_BYTES = (58_000, 78_000, 98_000, 119_000)
SYSTEM_BYTES = 16_300
MEMORY_BYTES, ATTACHED_BYTES = 6_000, 30_000
ROUND_BYTES = 7_100
"""Text of one round at the default size: with it a line is 288 KB in the mean."""

BUILT_IN = ("Bash", "Edit", "Glob", "Grep", "NotebookEdit", "Read", "Skill", "Task", "TodoWrite", "WebFetch",
            "WebSearch", "Write")  # fmt: skip
SERVERS = ("github", "linear", "postgres", "browser", "sentry", "notion")
RESULTS: Mapping[str, str] = {
    "Read": "file", "Grep": "search", "Glob": "listing", "Bash": "log", "Edit": "diff", "WebFetch": "prose",
}  # fmt: skip
"""What a tool answers with; MCP tools answer with JSON."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a session is cut: requests, rounds of new text, bytes of each; `rounds` None is one per request."""

    turns: int
    rounds: int | None = None
    round_bytes: int = ROUND_BYTES
    model: str = MODEL


@dataclass(frozen=True, slots=True)
class Message:
    """A message and the bytes of text in it; blocks as a client that never shortens them would send."""

    role: str
    blocks: list[Block]
    text_bytes: int


@dataclass(slots=True)
class Session:
    """What the requests of a session have in common, and its conversation: the messages each request adds."""

    id: str
    user_id: str
    model: str
    system: list[Block]
    tools: list[Block]
    turns: Iterator[list[Message]]


def size(text: str) -> int:
    """Bytes of a text in UTF-8."""
    return len(text.encode())


def compact(value: Json) -> str:
    """JSON as JavaScript writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def session(seed: int, number: int, shape: Shape) -> Session:
    """The session of this number."""
    words = Wording(f"session {seed} {number}")
    environment = (
        f"<env>\nWorking directory: /home/{words.any('word')}/{words.any('name')}\nIs directory a git repo: Yes\n"
        f"Platform: linux\nToday's date: 2026-10-{words.any('day')}\n</env>\n\ngitStatus: branch {words.any('name')}\n"
        + words.text("listing", 600)
    )
    digits = words.hex(32)
    identifier = f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
    turns = (
        shape.turns if shape.rounds is not None else max(1, words.between(0.68 * shape.turns, 1.3 * shape.turns + 1))
    )
    tools = tool_set(seed, TOOL_BYTES[number % len(TOOL_BYTES)])
    return Session(
        id=identifier,
        user_id=f"user_{digits * 2}_account__session_{identifier}",
        model=shape.model,
        system=[*system_prompt(seed), {"type": "text", "text": environment}],
        tools=tools,
        turns=conversation(words, turns, shape, [str(tool["name"]) for tool in tools]),
    )


@lru_cache
def system_prompt(seed: int) -> list[Block]:
    """The part of the system prompt that all sessions share."""
    text = Wording(f"system {seed}").text("prose", SYSTEM_BYTES)
    return [{"type": "text", "text": "You are a coding agent in the user's terminal."}, {"type": "text", "text": text}]


@lru_cache
def tool_set(seed: int, limit: int) -> list[Block]:
    """Tools of about `limit` bytes of JSON: the built-in ones, then server after server."""
    words, tools, total = Wording(f"tools {seed}"), list[Block](), 0
    names = iter(BUILT_IN)
    for number in count():
        name = (
            next(names, "") or f"mcp__{SERVERS[number // 24 % len(SERVERS)]}__{words.any('word')}_{words.any('name')}"
        )
        made = tool(words, name, 2400 if number < len(BUILT_IN) else 500)
        total += size(compact(made)) + 1
        if total > limit:
            return tools
        tools.append(made)
    raise AssertionError("count() ends")


def tool(words: Wording, name: str, description: int) -> Block:
    """A tool's schema."""
    properties: Block = {}
    for _ in range(words.between(2, 7)):
        schema: Block = {"type": words.random.choice(("string", "integer", "boolean"))}
        schema["description"] = words.text("prose", 40).strip()
        if words.random.random() < 0.25:
            enum: list[Json] = [words.any("word") for _ in range(3)]
            schema["enum"] = enum
        properties[words.any("name")] = schema
    required: list[Json] = [name for name, _ in zip(properties, range(2), strict=False)]
    return {
        "name": name,
        "description": words.text("prose", description).strip(),
        "input_schema": {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
            "$schema": "http://json-schema.org/draft-07/schema#",
        },
    }


def conversation(words: Wording, turns: int, shape: Shape, tools: list[str]) -> Iterator[list[Message]]:
    """Per request the messages it adds: the user's task, then rounds, spread evenly."""
    rounds = turns - 1 if shape.rounds is None else shape.rounds
    done = 0
    for turn in range(turns):
        new = [] if turn else [opening(words)]
        due = rounds * turn // (turns - 1) if turns > 1 else 0
        for _ in range(done, due):
            new += exchange(words, shape.round_bytes, tools)
        done = due
        yield new


def opening(words: Wording) -> Message:
    """A memory file, the files the user attached, and the task."""
    texts = [f"<system-reminder>\nContents of CLAUDE.md:\n{words.text('prose', MEMORY_BYTES)}\n</system-reminder>"]
    texts += [f"Contents of {words.any('path')}:\n{words.text('file', ATTACHED_BYTES // 4)}" for _ in range(4)]
    texts.append(words.text("prose", 300))
    return message("user", [{"type": "text", "text": text} for text in texts])


def exchange(words: Wording, budget: int, tools: list[str]) -> list[Message]:
    """The assistant calls one or two tools, they answer, and the client adds a reminder in a message of its own."""
    calls: list[Block] = []
    results: list[Block] = []
    number = words.random.choice((1, 1, 2))
    for _ in range(number):
        name = words.random.choice((*RESULTS, words.random.choice(tools)))
        call_id = f"toolu_01{words.hex(22)}"
        length = int(budget / number * words.random.choice((0.15, 0.4, 0.7, 0.9, 1.4)))
        calls.append({"type": "tool_use", "id": call_id, "name": name, "input": arguments(words, name, budget // 10)})
        text = words.text(RESULTS.get(name, "json"), length)
        results.append({"type": "tool_result", "tool_use_id": call_id, "content": [{"type": "text", "text": text}]})
    said: Block = {"type": "text", "text": words.text("prose", budget // 12).strip()}
    reminder = f"<system-reminder>\n{words.text('prose', budget // 20)}\n</system-reminder>"
    return [
        message("assistant", [said, *calls]),
        message("user", results),
        message("user", [{"type": "text", "text": reminder}]),
    ]


def arguments(words: Wording, name: str, length: int) -> Block:
    """The input of a call."""
    if name == "Edit":
        return {
            "file_path": words.any("path"),
            "old_string": words.text("code", length),
            "new_string": words.text("code", 2 * length),
        }
    if name == "Bash":
        return {"command": f"cd {words.any('path')} && {words.text('code', length // 3)}", "timeout": 120_000}
    return {"file_path": words.any("path"), words.any("word"): words.any("name"), "limit": words.between(10, 2000)}


def message(role: str, blocks: list[Block]) -> Message:
    """A message with its text measured."""
    return Message(role, blocks, sum(text_bytes(block) for block in blocks))


def text_bytes(block: Block) -> int:
    """Bytes of the text in a block, the input of a call as JSON."""
    content = block.get("content")
    if isinstance(content, list):
        return sum(text_bytes(inner) for inner in content if isinstance(inner, dict))
    if "input" in block:
        return size(compact(block["input"]))
    return size(str(block.get("text", "")))
