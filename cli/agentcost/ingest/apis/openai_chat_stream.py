"""A stream of Chat Completions chunks becomes the completion that the unstreamed call would have given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentcost.ingest.apis.contract import Body

_TEXTS = ("content", "refusal", "reasoning", "reasoning_content", "arguments", "text", "summary", "thinking", "input")
"""Keys whose strings arrive in pieces; other strings (ids, names, signatures) arrive once."""


def assemble(events: Sequence[Body]) -> Body:
    """Deltas joined by choice; usage from the chunk that has it, which may have no choices."""
    whole: Body = {}
    choices: dict[int, Body] = {}
    for event in events:
        whole.update(
            {key: value for key, value in event.items() if key not in ("choices", "usage") and value is not None}
        )
        groq = event.get("x_groq")
        billed = event.get("usage") or (groq.get("usage") if isinstance(groq, dict) else None)
        if billed:
            whole["usage"] = billed
        for choice in event.get("choices") or ():
            _add_choice(choices.setdefault(int(choice.get("index") or 0), {"message": {}}), choice)
    whole["choices"] = [{"index": index, **choices[index]} for index in sorted(choices)]
    return whole


def _add_choice(whole: Body, choice: Body) -> None:
    if choice.get("finish_reason"):
        whole["finish_reason"] = choice["finish_reason"]
    delta = choice.get("delta") or choice.get("message") or {}
    _add(whole["message"], delta)


def _add(whole: Body, delta: Body) -> None:
    """Texts are joined, lists are joined item by item, anything else is what it was last."""
    for key, value in delta.items():
        known = whole.get(key)
        if value is None:
            whole.setdefault(key, None)
        elif isinstance(value, list) or (key == "content" and isinstance(known, list)):
            _add_items(whole, key, value)
        elif isinstance(value, dict) and isinstance(known, dict):
            _add(known, value)
        elif key in _TEXTS and isinstance(value, str) and isinstance(known, str):
            whole[key] = known + value
        elif value != "" or not known:
            whole[key] = dict(value) if isinstance(value, dict) else value


def _add_items(whole: Body, key: str, value: Any) -> None:
    """Calls, reasoning details and content parts; a string joins a list as a text part."""
    known = whole.get(key)
    if not isinstance(known, list):
        known = whole[key] = [{"type": "text", "text": known}] if isinstance(known, str) and known else []
    for item in [{"type": "text", "text": value}] if isinstance(value, str) else value:
        if not isinstance(item, dict):
            known.append(item)
            continue
        same = _same(known, item)
        if same is None:
            known.append({})
            same = known[-1]
        _add(same, item)


def _same(known: Sequence[Any], item: Body) -> Body | None:
    """The item that a piece goes on: of the same index, type and id; without an index, the last of its type."""
    for other in reversed(known):
        if not isinstance(other, dict):
            return None
        ids, kinds = (other.get("id"), item.get("id")), (other.get("type"), item.get("type"))
        if other.get("index") == item.get("index") and all(_agree(*pair) for pair in (ids, kinds)):
            return other
        if item.get("index") is None:
            return None
    return None


def _agree(one: Any, other: Any) -> bool:
    return not one or not other or one == other
