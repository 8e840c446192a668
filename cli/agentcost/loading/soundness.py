"""What a log says that cannot be kept: half a surrogate pair in a name, impossible counts."""

from __future__ import annotations

from msgspec.structs import replace

from agentcost.model import Item, Other, Request, Skipped, Usage
from agentcost.prefix import Entry

_BEYOND = 10**12
_IMPOSSIBLE = "tells more tokens than any request has, or fewer than none; mend or remove it"


def sound_text(text: str) -> str:
    """The text as UTF-8 can hold it: half of a surrogate pair, which JSON may name, becomes a question mark.

    >>> sound_text("Read\\ud800")
    'Read?'
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def sound_item(item: Item) -> Item:
    """The item with names that can be kept; a Skipped where its counts cannot be meant."""
    if isinstance(item, Other):
        return item if item.what.isascii() else Other(item.place, sound_text(item.what))
    if isinstance(item, Skipped):
        return item if item.reason.isascii() else Skipped(item.place, sound_text(item.reason))
    if item.usage and not _can_be_meant(item.usage):
        return Skipped(item.place, _IMPOSSIBLE)
    return item if _is_sound(item) else _sound_request(item)


def _can_be_meant(usage: Usage) -> bool:
    counts = (usage.plain, usage.read, usage.write_5m, usage.write_1h, usage.write, usage.output or 0)
    return min(counts) >= 0 and max(counts) < _BEYOND


_NAMES = ("provider", "model", "id", "session", "user", "project", "client", "task", "tier")


def _is_sound(item: Request) -> bool:
    names = (
        item.provider + item.model + item.id + item.session + item.user + item.project + item.client + item.task
        + item.tier
    )  # fmt: skip
    return names.isascii() and "".join(map("".join, (*item.settings, *item.labels))).isascii()


def _sound_request(item: Request) -> Request:
    pairs = {
        name: tuple((sound_text(key), sound_text(value)) for key, value in getattr(item, name))
        for name in ("settings", "labels")
    }
    return replace(item, **{name: sound_text(getattr(item, name)) for name in _NAMES}, **pairs)


def make_sound(entry: Entry) -> None:
    """Make the names of a part of a prompt such that they can be kept."""
    if not (entry.name + entry.server + entry.role).isascii():
        entry.name, entry.server, entry.role = (sound_text(text) for text in (entry.name, entry.server, entry.role))
