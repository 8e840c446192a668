"""How long prefixes are by the bills: exactly where one tells it, and within what others tell wherever none does.

    ruler   4,800   9,100   15,400        told   –   9,600   –        so   4,800   9,600   at least 9,600

A prefix is never longer than one that it begins, so along every path lengths never fall.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

NEVER = 1 << 60
"""More tokens than any prompt has."""


class Told(msgspec.Struct):
    """Of one ruler: `lengths` by node as bills tell them, the first of each; after `settle`, `least` and `most` tokens
    up to every node: what is told before it on its path, and behind it on any."""

    lengths: dict[int, int] = {}
    least: list[int] = []
    most: list[int] = []

    def settle(self, parents: Sequence[int]) -> None:
        """To be called when more is told, or the tree has grown; a parent comes before its children."""
        if not self.lengths:
            return
        count, lengths = len(parents), self.lengths
        least, most = [-NEVER] * count, [NEVER] * count
        for node, tokens in lengths.items():
            least[node] = most[node] = tokens
        for node in range(1, count):
            least[node] = max(least[node], least[parents[node]])
        for node in range(count - 1, 0, -1):
            parent = parents[node]
            most[parent] = min(most[parent], most[node])
        self.least, self.most = least, most

    def within(self, node: int, tokens: int) -> int:
        """A length of a prefix within what is told. Where a bill tells less than one of a shorter prefix does (what is
        hidden has shrunk), that one holds."""
        return max(min(tokens, self.most[node]), self.least[node]) if self.least else tokens

    def on(self, parents: Sequence[int]) -> Told:
        """The same lengths in a tree that has grown."""
        found = Told(self.lengths)
        found.settle(parents)
        return found
