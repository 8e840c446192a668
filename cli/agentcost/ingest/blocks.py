"""Hashed blocks become paths of the prefix tree, at one dictionary look-up for every block known already."""

from __future__ import annotations

from collections.abc import Sequence

from agentcost.ingest.parts import digest_of
from agentcost.model import ROOT, Grow, Kind, Segment

Name = int | str
"""A block's identity as the log writes it: a number, or a hash in text."""


def surplus(names: Sequence[Name], tokens: int, size: int) -> int:
    """How many blocks are named beyond those that a prompt of `tokens` can fill."""
    return max(0, len(names) + tokens // -size)


class Paths:
    """The paths grown so far in one scope (within which a name means one content).

    A name stands for its content *and* length: the same name in a shorter last block is another block.
    """

    def __init__(self, grow: Grow, scope: str, size: int) -> None:
        self._grow = grow
        self._scope = scope
        self._size = size
        self._known: dict[tuple[int, Name, int], int] = {}

    def leaf(self, names: Sequence[Name], tokens: int, own: str, model: str) -> int:
        """The node of a prompt of `tokens`, its blocks named in order.

        Tokens without a name (a tail that the log does not list, a prompt without blocks) become one last
        segment that no other prompt shares; `own` names the request, so that it is the same in every run.
        """
        lengths = self._lengths(names, tokens)
        known, node, depth = self._known, ROOT, 0
        for name, length in zip(names, lengths, strict=False):
            found = known.get((node, name, length))
            if found is None:
                break
            node = found
            depth += 1
        fresh = list(zip(names[depth:], lengths[depth:], strict=False))
        segments = [self._block(name, length) for name, length in fresh]
        rest = tokens - sum(lengths[: len(names)])
        if rest or not names:
            segments.append(self._unnamed(rest, own, Kind.BLOCK if names else Kind.UNKNOWN))
        grown = self._grow(node, segments, model) if segments else [node]
        for (name, length), leaf in zip(fresh, grown, strict=False):
            known[node, name, length] = leaf
            node = leaf
        return grown[-1]

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
