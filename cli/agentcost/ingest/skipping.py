"""Request lines repeat the line before them: the known part is cut out of a line before it is parsed.

A request body is a few large stable values (`tools`, `system`) and one growing list (`messages`). Of the last
bodies seen, a `Chain` remembers where their values stood and the digest of their bytes, and for the growing
list the digests of its bytes up to its last few elements (`Boundary`). A new line whose bytes agree is shortened to

    {"model":…,"system":0,"tools":0,"messages":[0,<new elements>],…}

which is an ordinary small JSON document. A zero in place of each value proves that the cut was made where
the body has that key, and not at a look-alike deeper in the text: see `Cut.holds`.
Keys may stand in any order, with any white space, and the body may itself be a string in the line's JSON:
everything is compared as it is written in the file, and only what is new is ever decoded or unescaped.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import msgspec
import xxhash

from agentcost.ingest.contract import Line
from agentcost.ingest.spread import Spread

SHORT = 8192
"""Lines below this many bytes are parsed whole: there is little to save."""

_CHAINS, _BOUNDARIES, _PROBE, _LOOK_ALIKES, _SLACK = 64, 6, 32, 4, 512
_ZERO = b"0"


class Boundary(msgspec.Struct):
    """The growing list's bytes from `[` to behind one element, and what they amounted to."""

    offset: int
    digest: bytes
    probe: bytes
    state: Any


class Span(msgspec.Struct, frozen=True):
    """A stable value: the bytes of its key and colon, its length and digest; the growing list has no length.

    `gap` is how far its key stood behind the value before it: -1 behind the growing list, where that changes.
    """

    key: str
    anchor: bytes
    gap: int
    length: int = 0
    digest: bytes = b""

    @property
    def grows(self) -> bool:
        """Whether this is the growing list."""
        return not self.length

    def find(self, line: Line, position: int) -> int:
        """Where its value may begin, behind `position`; -1 where its key is not near enough."""
        end = line.end if self.gap < 0 else min(line.end, position + self.gap + len(self.anchor) + _SLACK)
        at: int = line.buffer.find(self.anchor, position, end)
        return at + len(self.anchor) if at >= 0 else -1


class Chain(msgspec.Struct):
    """A body seen before: `context` is the reader's own, equal for every line of the chain."""

    spans: list[Span]
    boundaries: list[Boundary]
    context: Any


class Cut(msgspec.Struct):
    """A shortened line: every byte range left out is one zero in `document`.

    `zero` is where that of the growing list stands; `array` is where the list begins in the line's buffer.
    """

    chain: Chain
    boundary: Boundary
    document: bytes
    zero: int
    array: int
    hasher: Any

    def holds(self, body: dict[str, Any], growing: str) -> bool:
        """Whether the zeros stand where the body has these keys, and no other large key has come."""
        spans = {span.key for span in self.chain.spans}
        items = body.get(growing)
        return (
            isinstance(items, list)
            and items[:1] == [0]
            and all(body.get(key) == 0 for key in spans if key != growing)
            and not any(key in body for key in self.chain.context.stable if key not in spans)
        )

    def in_list(self, offset: int) -> int:
        """A byte offset of the document, behind the list's zero and in the list, as one of the line's list."""
        return self.boundary.offset + offset - self.zero - len(_ZERO)


class Skipper(msgspec.Struct):
    """The chains of one log, the latest first."""

    chains: list[Chain] = []

    def cut(self, line: Line) -> Cut | None:
        """The shortened line, or None where no chain agrees with it."""
        if is_short(line):
            return None
        view = memoryview(line.buffer)
        for number, chain in enumerate(self.chains):
            if _may_agree(chain, line):
                cut = _cut(chain, line, view)
                if cut:
                    self.chains.insert(0, self.chains.pop(number))
                    return cut
        return None

    def add(self, chain: Chain) -> None:
        """Remember a new chain; the one unused longest is forgotten."""
        self.chains.insert(0, chain)
        del self.chains[_CHAINS:]


def is_short(line: Line) -> bool:
    """Whether a line is better parsed whole."""
    return line.end - line.start < SHORT


def _may_agree(chain: Chain, line: Line) -> bool:
    """A look at a few bytes only: most chains that do not agree are refused here."""
    position = line.start
    for span in chain.spans:
        value = span.find(line, position)
        if value < 0:
            return False
        if span.grows:
            return _probed(chain, line, value) is not None
        position = value + span.length
    return False


def _probed(chain: Chain, line: Line, value: int) -> int | None:
    """The deepest boundary whose last bytes agree."""
    for number in range(len(chain.boundaries) - 1, -1, -1):
        boundary = chain.boundaries[number]
        end = value + boundary.offset
        if end < line.end and bytes(line.buffer[end - len(boundary.probe) : end]) == boundary.probe:
            return number
    return None


def _cut(chain: Chain, line: Line, view: memoryview) -> Cut | None:
    removed: list[tuple[int, int]] = []
    position, array, found = line.start, 0, None
    for span in chain.spans:
        if span.grows:
            found = _find_growing(chain, span, line, view, position)
            if not found:
                return None
            array, boundary, hasher = found
            removed.append((array + 1, array + boundary.offset))
        else:
            value = _find_stable(span, line, view, position)
            if value is None:
                return None
            removed.append((value, value + span.length))
        position = removed[-1][1]
    if not found:
        return None
    pieces: list[bytes | memoryview] = []
    position, length, zero = line.start, 0, 0
    for start, end in removed:
        pieces += [view[position:start], _ZERO]
        length += start - position + len(_ZERO)
        if start == array + 1:
            zero = length - len(_ZERO)
        position = end
    pieces.append(view[position : line.end])
    return Cut(chain, boundary, b"".join(pieces), zero, array, hasher)


def _find_stable(span: Span, line: Line, view: memoryview, position: int) -> int | None:
    """Where the value stands whose bytes are those remembered; look-alikes of its key are passed over."""
    for _ in range(_LOOK_ALIKES):
        value = span.find(line, position)
        if value < 0:
            return None
        if xxhash.xxh3_128_digest(view[value : value + span.length]) == span.digest:
            return value
        position = value
    return None


def _find_growing(
    chain: Chain, span: Span, line: Line, view: memoryview, position: int
) -> tuple[int, Boundary, Any] | None:
    """The list's place, the deepest boundary that agrees, and the hasher as it stood there."""
    for _ in range(_LOOK_ALIKES):
        array = span.find(line, position)
        if array < 0:
            return None
        deepest = _probed(chain, line, array)
        if deepest is not None:
            found = _deepest(chain.boundaries[: deepest + 1], view, array)
            if found:
                return array, *found
        position = array
    return None


def _deepest(boundaries: Sequence[Boundary], view: memoryview, array: int) -> tuple[Boundary, Any] | None:
    hasher, done, best = xxhash.xxh3_128(), 0, None
    for boundary in boundaries:
        hasher.update(view[array + done : array + boundary.offset])
        done = boundary.offset
        if hasher.digest() != boundary.digest:
            break
        best = boundary, hasher.copy()
    return best


def new_chain(line: Line, found: Spread, growing: str, states: Sequence[Any], context: Any) -> Chain | None:
    """What to remember of a line that was parsed whole; `states` are what each element amounted to."""
    if not found.elements:
        return None
    # the list's "[" is the last one before its first element
    array = line.buffer.rfind(b"[", line.start, line.start + found.elements[0][0])
    places = [(line.start + start, line.start + end, key) for key, (start, end) in found.values.items()]
    places.append((array, line.start + found.elements[-1][1], growing))
    ends = [(line.start + end - array, state) for (_, end), state in zip(found.elements, states, strict=True)]
    view = memoryview(line.buffer)
    return Chain(
        _spans(line, view, sorted(places), growing), _boundaries(view[array:], xxhash.xxh3_128(), 0, ends), context
    )


def _spans(line: Line, view: memoryview, places: Sequence[tuple[int, int, str]], growing: str) -> list[Span]:
    """The values of a line in their order."""
    spans: list[Span] = []
    behind = line.start
    for start, end, key in places:
        anchor = _anchor(line, key, start)
        gap = -1 if spans and spans[-1].grows else start - len(anchor) - behind
        if key == growing:
            spans.append(Span(key, anchor, gap))
        else:
            spans.append(Span(key, anchor, gap, end - start, xxhash.xxh3_128_digest(view[start:end])))
        behind = end
    return spans


def extend_chain(cut: Cut, line: Line, ends: Sequence[int], states: Sequence[Any]) -> None:
    """Move a chain on by the elements that its latest line added, which end there in its document."""
    chain, view = cut.chain, memoryview(line.buffer)
    pairs = [(cut.in_list(end), state) for end, state in zip(ends, states, strict=True)]
    added = _boundaries(view[cut.array :], cut.hasher, cut.boundary.offset, pairs)
    kept = bisect_right([boundary.offset for boundary in chain.boundaries], cut.boundary.offset)
    chain.boundaries = (chain.boundaries[:kept] + added)[-_BOUNDARIES:]


def _boundaries(array: memoryview, hasher: Any, done: int, ends: Sequence[tuple[int, Any]]) -> list[Boundary]:
    """The last few boundaries of a list that begins at `array`; `hasher` has seen its first `done` bytes."""
    found = []
    for end, state in ends[-_BOUNDARIES:]:
        hasher.update(array[done:end])
        done = end
        found.append(Boundary(end, hasher.digest(), bytes(array[max(0, end - _PROBE) : end]), state))
    return found


def _anchor(line: Line, key: str, value: int) -> bytes:
    """The bytes of a key, its quotes and its colon, as they stand before a value."""
    name = key.encode()
    at = line.buffer.rfind(name, max(line.start, value - len(name) - 64), value)
    quote = 2 if line.buffer[at - 2 : at - 1] == b"\\" else 1
    return bytes(line.buffer[at - quote : value])
