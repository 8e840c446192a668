"""Sessions that an agent might have had, written as a log whose bill is what the simulation says, and one fault put in.

A session is a list of steps, one per request. A fault changes the steps from a position on; nothing else differs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from types import FrameType
from typing import Any, Literal

from tests.reading import memory_source
from tests.replacing import replace

from agentcost.cache.causes import Miss
from agentcost.cache.prompts import Served
from agentcost.caching.prompts import Asking
from agentcost.caching.run import Run, as_run
from agentcost.lineage import standings
from agentcost.loading.logs import Reading, load_logs
from agentcost.measuring.measure import measure
from agentcost.model import Request
from agentcost.model import Usage as BilledUsage

Json = dict[str, Any]
Usage = tuple[int, dict[str, int], int]
"""Read, written by time to live, plain."""

MODELS = {"anthropic": "claude-opus-4-8", "openai-5.6": "gpt-5.6-sol", "openai": "gpt-4o"}
"""The dialects by the policy that their requests fall under."""

OTHER_MODELS = {"anthropic": "claude-sonnet-5", "openai-5.6": "gpt-6-sol", "openai": "gpt-4o-mini"}
START = datetime(2026, 10, 20, 9, tzinfo=UTC).timestamp()
SPACING, LATENCY = 20.0, 3.0
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
WORDS = (
    "adapter", "branch", "cache", "commit", "deploy", "error", "file", "graph", "handler", "index", "journal", "kernel",
    "ledger", "module", "node", "offset", "parser", "query", "route", "schema", "table", "update", "vector", "zone",
)  # fmt: skip


def text(seed: object, count: int) -> str:
    """So many words, the same for the same seed."""
    random = Random(str(seed))
    return " ".join(random.choice(WORDS) for _ in range(count))


@dataclass(frozen=True)
class Turn:
    """Something said: text of the user or the assistant, its thinking, a call or its result, an image."""

    kind: Literal["user", "assistant", "thinking", "call", "result", "image"]
    text: str
    id: str = ""
    swapped: bool = False


@dataclass(frozen=True)
class Step:
    """One request: what it sends, and when."""

    model: str
    at: float
    turns: tuple[Turn, ...]
    tools: tuple[tuple[str, str], ...]
    system: tuple[str, ...]
    settings: Json = field(default_factory=dict)
    marked: bool = True
    swapped: str = ""
    session: str = "s1"


Fault = Callable[[list[Step], int], list[Step]]
"""fault(steps, position) -> the steps with the fault in them from that position on."""


def session(dialect: str, count: int = 8, *, words: int = 260, model: str = "", thinking: bool = False) -> list[Step]:
    """A session without a fault: a call and its result more with every request."""
    turns = [Turn("user", text("task", 300))]
    tools = tuple((f"tool{number}", text(f"tool{number}", 60)) for number in range(6))
    clock = "Current time: 2026-10-20T09:00:00Z\nSession 6f1d3a52-0b1c-4c7e-9a36-0d2f6f2b9a11\n"
    place = "Working directory: /home/ada/shop\nGit status: clean\n"
    system = (text("identity", 500), text("environment", 60) + "\n" + clock + place)
    steps = []
    for number in range(count):
        if number:
            turns += [Turn("thinking", text(f"thought {number}", 90))] if thinking else []
            turns += [Turn("call", text(f"call {number}", 8), f"c{number}")]
            turns += [Turn("result", text(f"result {number}", words), f"c{number}")]
        steps.append(Step(model or MODELS[dialect], START + SPACING * number, tuple(turns), tools, system))
    return steps


# --- how a dialect writes a step -----------------------------------------------------------------------------------


def _arguments(turn: Turn) -> Json:
    pairs = {"path": turn.text, "mode": "read", "limit": 40}
    return dict(reversed(pairs.items())) if turn.swapped else pairs


def _schema(step: Step, name: str) -> Json:
    path: Json = {"type": "string", "description": "where the file lies"}
    schema = {"type": "object", "properties": {"path": path, "limit": {"type": "integer"}}}
    return dict(reversed(schema.items())) if step.swapped == name else schema


def _anthropic_block(turn: Turn) -> Json:
    match turn.kind:
        case "call":
            return {"type": "tool_use", "id": turn.id, "name": "tool0", "input": _arguments(turn)}
        case "result":
            return {"type": "tool_result", "tool_use_id": turn.id, "content": turn.text}
        case "thinking":
            return {"type": "thinking", "thinking": turn.text, "signature": "c2lnbmVk"}
        case "image":
            return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": turn.text}}
        case _:
            return {"type": "text", "text": turn.text}


def anthropic(step: Step) -> Json:
    """A Messages body, marked behind the tools, the system prompt and the last message."""
    messages: list[Json] = []
    for turn in step.turns:
        role = "assistant" if turn.kind in ("assistant", "call", "thinking") else "user"
        if not messages or messages[-1]["role"] != role:
            messages.append({"role": role, "content": []})
        messages[-1]["content"].append(_anthropic_block(turn))
    tools = [{"name": name, "description": told, "input_schema": _schema(step, name)} for name, told in step.tools]
    system = [{"type": "text", "text": part} for part in step.system]
    if step.marked:
        for blocks in (tools, system, messages[-1]["content"]):
            blocks[-1]["cache_control"] = {"type": "ephemeral"}
    who = {"user_id": f"user_u_account_a_session_{step.session}"}
    return {"model": step.model, "max_tokens": 4096, "metadata": who, "tools": tools, "system": system,
            "messages": messages, **step.settings}  # fmt: skip


def _item(turn: Turn) -> Json:
    match turn.kind:
        case "call":
            arguments = json.dumps(_arguments(turn))
            return {"type": "function_call", "call_id": turn.id, "name": "tool0", "arguments": arguments}
        case "result":
            return {"type": "function_call_output", "call_id": turn.id, "output": turn.text}
        case "assistant":
            return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": turn.text}]}
        case _:
            return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": turn.text}]}


def responses(step: Step) -> Json:
    """A Responses body."""
    tools = [
        {"type": "function", "name": name, "description": told, "parameters": _schema(step, name)}
        for name, told in step.tools
    ]
    return {"model": step.model, "prompt_cache_key": step.session, "tools": tools,
            "instructions": "\n".join(step.system), "input": [*map(_item, step.turns)], **step.settings}  # fmt: skip


def _anthropic_answer(number: int, usage: Usage) -> Json:
    read, writes, plain = usage
    short, long = writes.get("5m", 0), writes.get("1h", 0)
    billed = {
        "input_tokens": plain, "cache_read_input_tokens": read, "cache_creation_input_tokens": short + long,
        "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long}, "output_tokens": 20,
    }  # fmt: skip
    content = [{"type": "text", "text": f"step {number}"}]
    return {"type": "message", "id": f"msg_{number}", "role": "assistant", "content": content, "usage": billed}


def _responses_answer(number: int, usage: Usage) -> Json:
    read, writes, plain = usage
    written = sum(writes.values())
    details = {"cached_tokens": read, "cache_write_tokens": written}
    billed = {"input_tokens": read + written + plain, "input_tokens_details": details, "output_tokens": 20}
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": f"step {number}"}]}
    return {"id": f"resp_{number}", "object": "response", "output": [said], "usage": billed}


def log(dialect: str, steps: Sequence[Step], bill: Sequence[Usage] | None) -> str:
    """The log as a proxy would write it; without a bill the answers are left out."""
    claude = dialect == "anthropic"
    url = "https://api.anthropic.com/v1/messages" if claude else "https://api.openai.com/v1/responses"
    lines = []
    for number, step in enumerate(steps):
        row: Json = {
            "timestamp": datetime.fromtimestamp(step.at, UTC).isoformat().replace("+00:00", "Z"),
            "latency_ms": round(1000 * LATENCY),
            "request": {"method": "POST", "url": url, "body": anthropic(step) if claude else responses(step)},
        }
        if bill:
            answer = _anthropic_answer if claude else _responses_answer
            row["response"] = {"status_code": 200, "body": answer(number, bill[number])}
        lines.append(json.dumps(row) + "\n")
    return "".join(lines)


# --- the bill, and what is made of it ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Replayed:
    """A log that was read and simulated, in the order of its lines."""

    requests: list[Request]
    run: Run

    @property
    def usages(self) -> list[BilledUsage]:
        """What the log says was billed."""
        return [request.usage for request in self.requests if request.usage]

    @property
    def bill(self) -> list[Usage]:
        """What the simulation bills."""
        return [usage_of(served) for served in self.run.served if served]

    def lost(self) -> dict[int, Miss]:
        """The misses by the number of their request, but for those that lost nothing and are no blocked ones."""
        return {row: miss for row, miss in enumerate(self.run.misses) if miss and miss.cause != "first_request"}


def usage_of(served: Served) -> Usage:
    """What was served, as a bill says it."""
    return served.read, dict(served.writes), served.plain


def replayed(dialect: str, steps: Sequence[Step], bill: Sequence[Usage] | None) -> Replayed:
    """The log read again and simulated under the policies of its requests."""
    record = load_logs([memory_source("made.jsonl", log(dialect, steps, bill))], Reading())
    assert not record.skipped
    requests = record.ordered()
    standing = standings(record.tree, requests)
    measured = measure(record.tree, requests, [stand.lineage for stand in standing])
    return Replayed(requests, as_run(record.tree, requests, standing, measured, Asking()))


def settled(dialect: str, steps: Sequence[Step]) -> Replayed:
    """The log whose bill the simulation reproduces to the token: rulers are fitted to it, so it takes a few rounds."""
    found = replayed(dialect, steps, None)
    for _ in range(6):
        bill, found = found.bill, replayed(dialect, steps, found.bill)
        if found.bill == bill:
            return found
    raise AssertionError("the bill does not settle")


def billed(dialect: str, steps: Sequence[Step]) -> list[Usage]:
    """That bill."""
    return settled(dialect, steps).bill


# --- faults --------------------------------------------------------------------------------------------------------


def on(change: Callable[[Step], Step]) -> Fault:
    """A fault that changes every step from the position on alike."""
    return lambda steps, position: [*steps[:position], *map(change, steps[position:])]


def once(change: Callable[[Step], Step]) -> Fault:
    """A fault that changes one step."""
    return lambda steps, position: [*steps[:position], change(steps[position]), *steps[position + 1 :]]


def both(*faults: Fault) -> Fault:
    """Several faults at one position."""

    def put(steps: list[Step], position: int) -> list[Step]:
        for fault in faults:
            steps = fault(steps, position)
        return steps

    return put


def setting(name: str, value: object) -> Fault:
    """A setting changes."""
    return on(lambda step: replace(step, settings={**step.settings, name: value}))


def another_model(dialect: str) -> Fault:
    """The session goes on with another model."""
    return on(lambda step: replace(step, model=OTHER_MODELS[dialect]))


def tool_edited(number: int) -> Fault:
    """A tool's description changes."""

    def edit(step: Step) -> Step:
        name, told = step.tools[number]
        return replace(step, tools=(*step.tools[:number], (name, told + " today"), *step.tools[number + 1 :]))

    return on(edit)


def tool_added(place: int) -> Fault:
    """A tool is put in."""
    new = ("extra", text("extra", 40))
    return on(lambda step: replace(step, tools=(*step.tools[:place], new, *step.tools[place:])))


def tool_removed(number: int) -> Fault:
    """A tool is left out."""
    return on(lambda step: replace(step, tools=(*step.tools[:number], *step.tools[number + 1 :])))


def tools_reordered(step: Step) -> Step:
    """The last tool comes first."""
    return replace(step, tools=(step.tools[-1], *step.tools[:-1]))


def in_system(old: str, new: str) -> Fault:
    """A stretch of the system prompt changes."""
    return on(lambda step: replace(step, system=tuple(part.replace(old, new) for part in step.system)))


def later(seconds: float) -> Fault:
    """The user is away."""
    return on(lambda step: replace(step, at=step.at + seconds))


def at_once(steps: list[Step], position: int) -> list[Step]:
    """A request starts half a second after the one before it."""
    return later(0.5 - SPACING)(steps, position)


def edited(number: int) -> Fault:
    """A message is rewritten."""
    return on(lambda step: replace(step, turns=_with(step.turns, number, text="now: " + step.turns[number].text)))


def keys_swapped(number: int) -> Fault:
    """A call's arguments are written with their keys in another order."""
    return on(lambda step: replace(step, turns=_with(step.turns, number, swapped=True)))


def _with(turns: tuple[Turn, ...], number: int, **changes: Any) -> tuple[Turn, ...]:
    return (*turns[:number], replace(turns[number], **changes), *turns[number + 1 :])


def dropped(first: int, count: int) -> Fault:
    """Messages are left out."""
    return on(lambda step: replace(step, turns=(*step.turns[:first], *step.turns[first + count :])))


def reordered(first: int, second: int) -> Fault:
    """Two steps of the history change places: each is a call and its result."""

    def swap(step: Step) -> Step:
        turns = list(step.turns)
        turns[first : first + 2], turns[second : second + 2] = turns[second : second + 2], turns[first : first + 2]
        return replace(step, turns=tuple(turns))

    return on(swap)


def compacted(opening: str, words: int) -> Fault:
    """A summary takes the place of the history."""

    def put(steps: list[Step], position: int) -> list[Step]:
        gone = len(steps[position].turns)
        summary = Turn("user", f"{opening} {text('summary', words)}")
        return [
            *steps[:position],
            *[replace(step, turns=(summary, *step.turns[gone:])) for step in steps[position:]],
        ]

    return put


def said(position_of: int, *turns: Turn) -> Fault:
    """More is said in front of the last `position_of` turns of the step, and stays."""

    def put(steps: list[Step], position: int) -> list[Step]:
        place = len(steps[position].turns) - position_of
        return [
            *steps[:position],
            *[replace(step, turns=(*step.turns[:place], *turns, *step.turns[place:])) for step in steps[position:]],
        ]

    return put


def chatter(count: int) -> list[Turn]:
    """Short messages, of the assistant and the user in turn."""
    return [Turn("user" if number % 2 else "assistant", text(f"chat {number}", 5)) for number in range(count)]


def evicted(bill: Sequence[Usage], position: int) -> list[Usage]:
    """A bill that reads nothing where it should, and writes it all again where writes are billed."""
    read, writes, plain = bill[position]
    again = {name: tokens + read for name, tokens in list(writes.items())[:1]}
    return [*bill[:position], (0, again or writes, plain + (0 if again else read)), *bill[position + 1 :]]


def lines_of(run: Callable[[], object], where: str) -> int:
    """How many lines of code of files whose path holds `where` a call runs: a cost that no clock disturbs."""
    count = 0

    def line(_: FrameType, event: str, __: object) -> Any:
        nonlocal count
        count += event == "line"
        return line

    def call(frame: FrameType, _: str, __: object) -> Any:
        return line if where in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        run()
    finally:
        sys.settrace(before)
    return count
