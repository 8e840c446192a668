"""Parts of a Gemini content become segments.

    {"functionCall": {"name": "read_file", "args": {"path": "a.py"}}, "thoughtSignature": "…"}
    {"functionResponse": {"name": "read_file", "response": {"output": "…"}}}

Thought signatures are identity, in either alphabet of base64 (answers come in one, SDKs send the other). Call ids
only pair calls with results: SDKs invent them, and they leave the canonical form. A response that holds one string
is that string: how it is wrapped for the model is not known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from agentcost.ingest import parts
from agentcost.ingest.apis.contract import Body, Calls
from agentcost.ingest.apis.openai_content import sound_or_film
from agentcost.ingest.parts import Spot
from agentcost.model import Ends, Kind, Segment
from agentcost.rendering import gemini_values, spoken

_SNAKE = re.compile(r"(?<!^)([A-Z])")
_TOOL_PARTS = ("functionCall", "functionResponse", "executableCode", "codeExecutionResult", "toolCall", "toolResponse")
_STANDARD = str.maketrans("-_", "+/")
_BESIDE = ("thought", "thoughtSignature", "thought_signature", "videoMetadata", "video_metadata")


def renamed(key: str) -> str:
    """A snake_case key in camelCase."""
    first, *rest = key.split("_")
    return first + "".join(word.capitalize() for word in rest)


def value_of(value: Body, key: str) -> Any:
    """The value of a camelCase key, also where it is written in snake_case."""
    return value[key] if key in value else value.get(_SNAKE.sub(r"_\1", key).lower())


def holding(value: Body, key: str) -> bool:
    """Whether a key is there with something in it."""
    return bool(value_of(value, key))


def runs_end(blocks: Sequence[Body], number: int) -> bool:
    """Whether a run of calls, or of results, ends with this part."""
    return _is_tool(blocks[number]) and (number + 1 == len(blocks) or not _is_tool(blocks[number + 1]))


def _is_tool(block: Body) -> bool:
    return any(holding(block, key) for key in _TOOL_PARTS)


def part_segments(spot: Spot, block: Body, calls: Calls) -> list[Segment]:
    """The segments of one part; what the model thought before a call, encrypted in its signature, is one by itself."""
    signature = str(value_of(block, "thoughtSignature") or "").translate(_STANDARD).rstrip("=")
    if not (signature and holding(block, "functionCall")):
        return _shown(spot, block, calls, signature)
    thought = Spot(spot.level, spot.role, spot.opens, ends=Ends.NOTHING)
    return [parts.state(thought, signature), *_shown(replace(spot, opens=False), block, calls, signature)]


def _shown(spot: Spot, block: Body, calls: Calls, signature: str) -> list[Segment]:
    for key, write in _PARTS.items():
        value = value_of(block, key)
        if isinstance(value, dict):
            return write(spot, value, calls, signature)
    own = Kind.ASSISTANT if spot.role == "assistant" else Kind.USER
    if isinstance(block.get("text"), str):
        if block.get("thought"):
            return [parts.segment(spot, Kind.THINKING, block["text"], identity=signature)]
        return parts.text_segments(spot, own, block["text"], identity=signature)
    rest = {key: value for key, value in block.items() if key not in _BESIDE}
    if not rest:  # a signature by itself
        return [parts.segment(spot, Kind.THINKING, "", identity=signature)]
    return [parts.segment(spot, own, parts.canonical(rest), identity=signature)]


def _call(spot: Spot, value: Body, calls: Calls, signature: str) -> list[Segment]:
    name, call_id = str(value.get("name") or ""), str(value.get("id") or "")
    calls.tools[call_id or name] = name
    arguments = value.get("args") or {}
    text = spoken([name, gemini_values(arguments), name])  # the name opens the result as well
    return [parts.tool_call(spot, name, parts.canonical(arguments), signature, text=text)]


def _response(spot: Spot, value: Body, calls: Calls, signature: str) -> list[Segment]:
    call_id, given = str(value.get("id") or ""), value.get("response")
    tool = str(value.get("name") or calls.named(call_id))
    text, wrapped = _unwrapped(given)
    media = [part for part in value.get("parts") or () if isinstance(part, dict)]
    here = Spot(spot.level, spot.role, spot.opens, ends=Ends.NOTHING if media else spot.ends)
    segments = parts.tool_result(here, tool, text, f"{wrapped} {signature}")
    for number, part in enumerate(media):
        ends = spot.ends if number + 1 == len(media) else Ends.NOTHING
        segments += part_segments(Spot(spot.level, spot.role, ends=ends), part, calls)
    return segments


def _unwrapped(given: Any) -> tuple[str, str]:
    """(text, key it stood under) of a response that holds one string; else its JSON."""
    if isinstance(given, dict) and len(given) == 1:
        key, value = next(iter(given.items()))
        if isinstance(value, str):
            return value, str(key)
    return (given, "") if isinstance(given, str) else (parts.canonical(given), "")


def _code(spot: Spot, value: Body, _: Calls, signature: str) -> list[Segment]:
    return [parts.tool_call(spot, "code_execution", str(value.get("code") or ""), signature)]


def _code_result(spot: Spot, value: Body, _: Calls, signature: str) -> list[Segment]:
    outcome = str(value.get("outcome") or "")
    return parts.tool_result(spot, "code_execution", str(value.get("output") or ""), outcome + signature)


def _server_call(spot: Spot, value: Body, _: Calls, signature: str) -> list[Segment]:
    name = str(value_of(value, "toolType") or "")
    return [parts.tool_call(spot, name, parts.canonical(value.get("args") or {}), signature)]


def _server_response(spot: Spot, value: Body, _: Calls, signature: str) -> list[Segment]:
    name, text = str(value_of(value, "toolType") or ""), parts.canonical(value.get("response"))
    return parts.tool_result(spot, name, text, signature)


def _media(spot: Spot, value: Body, _: Calls, signature: str) -> list[Segment]:
    """Bytes or a reference, by their MIME type; plain text is a document's text."""
    del signature
    mime = str(value_of(value, "mimeType") or "")
    payload = str(value.get("data") or value_of(value, "fileUri") or "")
    if mime.startswith("image/"):
        return [parts.image(spot, payload)]
    if mime.startswith(("audio/", "video/")):
        return [sound_or_film(spot, payload, mime.partition("/")[0])]
    return [parts.document(spot, payload)]


_PARTS: dict[str, Callable[[Spot, Body, Calls, str], list[Segment]]] = {
    "functionCall": _call,
    "functionResponse": _response,
    "executableCode": _code,
    "codeExecutionResult": _code_result,
    "toolCall": _server_call,
    "toolResponse": _server_response,
    "inlineData": _media,
    "fileData": _media,
}
