"""Server-sent events become the JSON objects they carry.

    event: message_start
    data: {"type":"message_start","message":{…}}

Captures pad streams with blanks, cut them short, drop empty lines and keep either line end; Gemini without
`alt=sse` sends one JSON array. Lines are cut at CR and LF only: a U+2028 inside a string of JSON ends no line.
What is no JSON object (`[DONE]`, comments, the broken last event of a cut stream) carries nothing and is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec


def events(text: str) -> list[dict[str, Any]]:
    """The JSON objects of a stream, in order; also of a JSON array, or of one JSON object per line."""
    stripped = text.strip()
    if stripped[:1] == "[":
        value = _decoded(stripped)
        if isinstance(value, list):
            return [item for item in value if isinstance(item, dict)]
    return list(_objects(stripped.replace("\r\n", "\n").replace("\r", "\n").split("\n")))


def _objects(lines: list[str]) -> Iterator[dict[str, Any]]:
    """One object per `data:` line; several lines of one event are joined, as the standard has it."""
    begun = ""
    for line in lines:
        piece = _payload(line.strip(" \t\ufeff"))
        if piece is None:
            begun = ""
            continue
        for candidate in (piece, f"{begun}\n{piece}") if begun else (piece,):
            value = _decoded(candidate)
            if isinstance(value, dict):
                yield value
                begun = ""
                break
        else:
            begun = f"{begun}\n{piece}" if begun else piece


def _payload(line: str) -> str | None:
    """What a line says of its event's data; None where it says nothing."""
    if line.startswith("data:"):
        return line[5:].lstrip(" ")
    return line if line[:1] == "{" else None


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text.encode("utf-8", "surrogatepass"))
    except msgspec.DecodeError:
        return None
