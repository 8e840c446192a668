"""What may be sent otherwise in every prompt: parts left out, moved to the end, put in order, cut, or cleared."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec.structs import replace

from agentcost.model import Kind

RESULTS = frozenset({Kind.TOOL_RESULT, Kind.FILE})
CLEARED = 12
"""Tokens of the note that stands where a result was cleared, as assumed."""

SUMMARY = 2_000
"""Tokens of a summary that takes the place of the history, as assumed."""

SEARCH = 300
"""Tokens of a tool that finds deferred tools, as assumed."""


Behind = Literal["", "carrying", "all"]
"""Which side calls: none, those that carry what was said in the conversation, all."""


class Split(msgspec.Struct, frozen=True):
    """A segment of which a part is volatile: `alias` names what stays (equal for texts that differ only in what is
    volatile), `kept` is the share of its tokens that stays; the rest is sent behind the last message. `formed`: what
    stays is known to be the same all through, not only where it begins."""

    segment: int
    alias: bytes
    kept: float
    formed: bool = True


class Edit(msgspec.Struct, frozen=True):
    """A way to rewrite paths; the empty one leaves them as they are.

    `dropped` are segments not sent, `split` those of which a part goes to the end, `ordered` puts tools in the order
    of their names, `search` adds a tool of so many tokens behind tools of which some were dropped, `cap` cuts tool
    results to so many tokens, `cleared` keeps those of the last so many messages of the client, up to twice as many.
    `compacted` puts a summary of `summary` tokens in the place of all but the last so many messages of the client, up
    to twice as many, and holds instead of `cleared`. `union` sends every tool of a conversation from its first request
    on, `behind` side calls behind the main prompt. `keyed` writes JSON that is sent again as it was first sent, where
    only the order of its keys has changed.
    """

    dropped: frozenset[int] = frozenset()
    split: frozenset[Split] = frozenset()
    ordered: bool = False
    search: int = 0
    cap: int = 0
    cleared: int = 0
    compacted: int = 0
    summary: int = 0
    union: bool = False
    behind: Behind = ""
    keyed: bool = False

    def __add__(self, other: Edit) -> Edit:
        """Both at once."""
        caps = [cap for cap in (self.cap, other.cap) if cap]
        return Edit(
            self.dropped | other.dropped, self.split | other.split, self.ordered or other.ordered,
            max(self.search, other.search), min(caps, default=0), max(self.cleared, other.cleared),
            max(self.compacted, other.compacted), max(self.summary, other.summary),
            self.union or other.union, other.behind or self.behind, self.keyed or other.keyed,
        )  # fmt: skip

    @property
    def heads(self) -> bool:
        """Whether it gives prompts another head."""
        return self.union or bool(self.behind)

    @property
    def rest(self) -> Edit:
        """All of it but the heads."""
        return replace(self, union=False, behind="")

    @property
    def kept(self) -> int:
        """How many of the client's last messages are sent as they were, up to twice as many; 0: all."""
        return self.compacted or self.cleared

    @property
    def tools(self) -> bool:
        """Whether it touches which tools are sent, or their order."""
        return bool(self.dropped or self.ordered)
