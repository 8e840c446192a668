"""What a log says that cannot be kept: half a surrogate pair in a name, a count, a time or a price that is none."""

from __future__ import annotations

from operator import attrgetter

from msgspec.structs import replace

from agentcost.model import MOST_TOKENS, Item, Other, Request, Skipped, Usage
from agentcost.prefix import Entry

_TOO_MANY = "tells more tokens than any request has; mend or remove it"
_COUNTS = {
    "plain": "plain input tokens", "read": "tokens read from the cache", "write_5m": "tokens written for 5 minutes",
    "write_1h": "tokens written for an hour", "write": "tokens written to the cache", "output": "output tokens",
    "reasoning": "reasoning tokens", "searches": "searches of the web", "file_searches": "searches of files",
    "media": "tokens of media",
}  # fmt: skip
"""The counts of a bill, in words."""

_counts = attrgetter(*_COUNTS)


def sound_text(text: str) -> str:
    """The text as UTF-8 can hold it: half of a surrogate pair, which JSON may name, becomes a question mark.

    >>> sound_text("Read\\ud800")
    'Read?'
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def sound_item(item: Item) -> Item:
    """The item with names, times and costs that can be kept; a Skipped where its counts cannot be meant."""
    if isinstance(item, Other):
        return item if item.what.isascii() else Other(item.place, sound_text(item.what))
    if isinstance(item, Skipped):
        return item if item.reason.isascii() else Skipped(item.place, sound_text(item.reason))
    wrong = _miscounted(item.usage) if item.usage else ""
    if wrong:
        return Skipped(item.place, wrong)
    item = item if _is_told(item) else _told(item)
    return item if _is_sound(item) else _sound_request(item)


def _miscounted(usage: Usage) -> str:
    """Why a bill cannot be meant; "" where it can. What is left of it would be a figure that nobody told."""
    told = [count for count in _counts(usage) if count is not None]
    if {*map(type, told)} != {int} or min(told) < 0:
        for count, words in zip(_counts(usage), _COUNTS.values(), strict=True):
            if count is not None and (type(count) is not int or count < 0):
                return f"tells {str(count)[:20]} {words}, which is no count; mend or remove it"
    return _TOO_MANY if max(usage.prompt, usage.output or 0, usage.reasoning or 0) >= MOST_TOKENS else ""


_DEAREST = 1e9
"""Dollars that no call costs."""
_LATEST = 1e11
"""Seconds since the epoch: the year 5138, beyond which a number is no time in any unit."""


def _is_time(value: float | None) -> bool:
    return value is None or -_LATEST < value < _LATEST  # not so of NaN


def _is_cost(text: str) -> bool:
    """Whether a recorded cost may be what a call cost in dollars, or is not told."""
    try:
        return not text or 0 <= float(text) < _DEAREST
    except ValueError:
        return False


def _is_told(item: Request) -> bool:
    times = _is_time(item.started) and _is_time(item.ended) and _is_time(item.first_token)
    return times and _is_cost(item.recorded_cost)


def _told(item: Request) -> Request:
    """The request without what are no times and no costs: unknown, as those that a log does not tell."""
    times = {name: getattr(item, name) for name in ("started", "first_token", "ended")}
    known = {name: value if _is_time(value) else None for name, value in times.items()}
    return replace(item, **known, recorded_cost=item.recorded_cost if _is_cost(item.recorded_cost) else "")


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
    """Make the names and the length of a part of a prompt such that they can be kept."""
    if entry.tokens is not None and not 0 <= entry.tokens < MOST_TOKENS:
        entry.tokens = None  # the request that tells it is skipped; the part stays in the tree
    if not (entry.name + entry.server + entry.role).isascii():
        entry.name, entry.server, entry.role = (sound_text(text) for text in (entry.name, entry.server, entry.role))
