"""Hashed blocks become paths of the prefix tree: what a prompt shares with an earlier one is compared list by list.

The earlier prompt is found by its last block, looked for from the end, so that a prompt that goes on from another costs
what is new in it. Behind what they share, a block that is known takes one dictionary look-up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from agentcost.ingest.parts import digest_of
from agentcost.model import ROOT, Grow, Kind, Segment

Name = int | str
"""A block's identity as the log writes it: a number, or a hash in text."""


Prompt = tuple[Sequence[Name], list[int]]
"""The blocks of a prompt, and the node of each."""


def surplus(names: Sequence[Name], tokens: int, size: int) -> int:
    """How many blocks are named beyond those that a prompt of `tokens` can fill."""
    return max(0, len(names) + tokens // -size)


_RECENT = 8
"""Prompts remembered of those that begin with one block."""


def common(left: Sequence[Name], right: Sequence[Name]) -> int:
    """How many elements two lists share at their start: by comparing slices, which is far faster than elements."""
    low, high = 0, min(len(left), len(right))
    if left[:high] == right[:high]:
        return high
    step = 16
    while low + step < high and left[low : low + step] == right[low : low + step]:
        low, step = low + step, step * 2
    high = min(high, low + step)
    while low + 1 < high:
        middle = (low + high) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle
    return low


class Paths:
    """The paths grown so far in one scope (within which a name means one content).

    A name stands for its content *and* length: the same name in a shorter last block is another block.
    """

    def __init__(self, grow: Grow, scope: str, size: int) -> None:
        self._grow = grow
        self._scope = scope
        self._size = size
        self._known: dict[tuple[int, Name, int], int] = {}
        self._ended: dict[Name, Prompt] = {}
        self._recent: dict[Name, deque[Prompt]] = {}

    def leaf(self, names: Sequence[Name], tokens: int, own: str, model: str) -> int:
        """The node of a prompt of `tokens`, its blocks named in order.

        Tokens without a name (a tail that the log does not list, a prompt without blocks) become one last
        segment that no other prompt shares; `own` names the request, so that it is the same in every run.
        """
        lengths, whole = self._lengths(names, tokens), names[: tokens // self._size]
        nodes = self._shared(whole)
        known, node = self._known, nodes[-1] if nodes else ROOT
        for name, length in zip(names[len(nodes) :], lengths[len(nodes) :], strict=False):
            found = known.get((node, name, length))
            if found is None:
                break
            node = found
            nodes.append(node)
        depth = len(nodes)
        fresh = list(zip(names[depth:], lengths[depth:], strict=False))
        segments = [self._block(name, length) for name, length in fresh]
        rest = tokens - sum(lengths[: len(names)])
        if rest or not names:
            segments.append(self._unnamed(rest, own, Kind.BLOCK if names else Kind.UNKNOWN))
        grown = self._grow(node, segments, model) if segments else [node]
        for (name, length), leaf in zip(fresh, grown, strict=False):
            known[node, name, length] = leaf
            node = leaf
            nodes.append(leaf)
        if names:
            self._recent.setdefault(names[0], deque(maxlen=_RECENT)).appendleft((names, nodes))
        if whole:
            self._ended[whole[-1]] = names, nodes
        return grown[-1]

    def _shared(self, names: Sequence[Name]) -> list[int]:
        """The nodes of the most blocks that an earlier prompt begins with too; `names` are those of whole blocks."""
        best: list[int] = []
        for place, (other, nodes) in enumerate(self._earlier(names)):
            depth = common(names, other[: len(nodes)])
            # a block that was its prompt's last may have been shorter
            depth -= depth == len(other)
            if depth > len(best):
                best = nodes[:depth]
            if depth >= len(names) - 1 or (not place and 2 * depth >= len(names)):
                break
        return best

    def _earlier(self, names: Sequence[Name]) -> Iterator[Prompt]:
        """The prompt that these blocks most likely go on from, then the recent ones that begin as they do."""
        ended = self._ended
        known = next((ended[name] for name in reversed(names) if name in ended), None)
        if known:
            yield known
        if names:
            yield from self._recent.get(names[0], ())

    def _lengths(self, names: Sequence[Name], tokens: int) -> list[int]:
        """The tokens of every named block: full ones, then what is left for the last."""
        whole, rest = divmod(tokens, self._size)
        lengths = [self._size] * min(whole, len(names))
        return [*lengths, rest] if rest and len(names) > whole else lengths

    def _block(self, name: Name, tokens: int) -> Segment:
        digest = digest_of("block", self._scope, str(name), str(tokens))
        return Segment("messages", "", Kind.BLOCK, digest, tokens=tokens)

    def _unnamed(self, tokens: int, own: str, kind: Kind) -> Segment:
        digest = digest_of("unnamed", self._scope, own)
        return Segment("messages", "", kind, digest, tokens=tokens)
