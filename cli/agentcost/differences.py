"""How two texts of one thing differ: where first, whether in more than their order, and how that looks without words.

    Today is 2026-10-14T08:52 ok, and T09:10 ok       differ from character 21 on, both    9999-99-99A99:99 aa
    {"path":"a","limit":4}                            is {"limit":4,"path":"a"} with its JSON keys in another order

Nothing here reads a log or knows what a text is for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import blake2b
from json import JSONDecodeError, JSONDecoder

import msgspec

SHOWN = 40
"""Characters of a text that an excerpt holds at most."""

WIDE = 400
"""The same, where the text itself was asked for."""

_BACK = 20
"""Characters before the first difference that are shown at most: the start of the word it stands in."""

_MOST_TRIES = 2_000
"""Places of a text at which JSON is looked for."""

SAME = "the same text with another id or form"
KEYS = "JSON keys in another order"
CHANGED = "changed"


class Difference(msgspec.Struct, frozen=True):
    """`position` is how many characters both texts begin with (None where they are one text), `change` CHANGED, SAME
    or what is in another order; `before` and `now` are short excerpts around the first difference."""

    position: int | None
    change: str
    before: str
    now: str


def difference(before: str, now: str, shown: int = SHOWN) -> Difference:
    """How two texts differ; excerpts of at most so many characters."""
    if before == now:
        return Difference(None, SAME, "", "")
    position = _common(before, now)
    start = _start(now if position < len(now) else before, position)
    change = next((words for words, form in ORDERS if _digest(form(before)) == _digest(form(now))), CHANGED)
    return Difference(position, change, _excerpt(before, start, shown), _excerpt(now, start, shown))


def _common(before: str, now: str) -> int:
    """How many characters two texts begin with, halving what is unknown: comparing is faster than looking at each."""
    low, high = 0, min(len(before), len(now))
    while low < high:
        middle = (low + high + 1) // 2
        if before[low:middle] == now[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def masked(text: str) -> str:
    """A text of which only its form is left: letters are a or A, digits 9, ASCII signs stay."""
    return "".join(map(_mask, text))


def _mask(letter: str) -> str:
    if letter.isdigit():
        return "9"
    if letter.isalpha():
        return "A" if letter.isupper() else "a"
    if letter.isspace() or not letter.isprintable():
        return " "
    return letter if letter.isascii() or letter == "…" else "·"


def _start(text: str, position: int) -> int:
    """Where the word begins in which two texts first differ."""
    start = position
    while start > max(0, position - _BACK) and not text[start - 1 : start].isspace():
        start -= 1
    return start


def _excerpt(text: str, start: int, shown: int) -> str:
    end = start + shown - 2
    return "…" * (start > 0) + text[start:end] + "…" * (end < len(text))


# --- whatever the order --------------------------------------------------------------------------------------------


def _keys(text: str) -> str:
    return "".join(piece if isinstance(piece, str) else _form(piece.value, lists=False) for piece in _pieces(text))


def _lists(text: str) -> str:
    return "".join(piece if isinstance(piece, str) else _form(piece.value, lists=True) for piece in _pieces(text))


def _lines(text: str) -> str:
    return "\n".join(sorted(text.split("\n")))


ORDERS: tuple[tuple[str, Callable[[str], str]], ...] = (
    (KEYS, _keys),
    ("JSON keys and lists in another order", _lists),
    ("lines in another order", _lines),
)
"""What may be in another order, and the form that a text has whatever that order is."""


def _digest(form: str) -> bytes:
    return blake2b(form.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class _Number(msgspec.Struct, frozen=True):
    """A number as it is written: 1.0 is not 1."""

    text: str


class _Value(msgspec.Struct, frozen=True):
    """A JSON object or list that stands in a text."""

    value: object


class _Pairs(list[tuple[str, object]]):
    """The pairs of an object, repeated keys too."""


_DECODER = JSONDecoder(object_pairs_hook=_Pairs, parse_float=_Number, parse_int=_Number)


def _pieces(text: str) -> Iterator[str | _Value]:
    """A text as its JSON objects and lists, and what stands between them."""
    at, done = 0, 0
    for _ in range(_MOST_TRIES):
        places = [place for place in (text.find("{", at), text.find("[", at)) if place >= 0]
        if not places:
            break
        at = min(places)
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (JSONDecodeError, RecursionError):
            at += 1
            continue
        yield text[done:at]
        yield _Value(value)
        at = done = end
    yield text[done:]


def _form(value: object, *, lists: bool) -> str:
    """A JSON value as text that does not depend on the order of keys, nor of lists where told."""
    if isinstance(value, _Pairs):
        pairs = sorted(f"{key!r}:{_form(one, lists=lists)}" for key, one in value)
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        found = [_form(one, lists=lists) for one in value]
        return "[" + ",".join(sorted(found) if lists else found) + "]"
    return value.text if isinstance(value, _Number) else repr(value)
