"""Prompts made by hand from blocks with a name and a length: the tree, its shape, and the requests behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from agentcost.cache.policy import Policy
from agentcost.cache.simulate import LEVELS, Prompt, Served, Shape, simulate
from agentcost.cache.touches import branches_of, heaviest_children
from agentcost.model import ROOT, Ends, Level


@dataclass(frozen=True)
class Block:
    """A content block. Blocks with one `run` in a row are a run of tool calls or results.

    `eligible`: an eligible message ends with it. `whole` False: more of the same content block follows.
    """

    name: str
    tokens: int
    level: Level = "messages"
    run: str = ""
    eligible: bool = True
    whole: bool = True


def blocks(count: int, tokens: int = 200, name: str = "", first: int = 1) -> list[Block]:
    """So many blocks of the messages, numbered; the same numbers of one name are the same blocks."""
    return [Block(f"{name}{number}", tokens) for number in range(first, first + count)]


@dataclass
class Forest:
    """Paths of blocks, each distinct path once."""

    nodes: dict[tuple[int, Block], int] = field(default_factory=dict)
    parents: list[int] = field(default_factory=lambda: [ROOT])
    content: list[Block | None] = field(default_factory=lambda: [None])
    ends: list[int] = field(default_factory=lambda: [0])
    reach: list[int] = field(default_factory=lambda: [0])
    shared: dict[tuple[int, int], float] = field(default_factory=dict)

    def path(self, content: Sequence[Block]) -> list[int]:
        """The nodes of a path from the root, which is the first; made when they are new."""
        found = [ROOT]
        for block in content:
            key = found[-1], block
            if key not in self.nodes:
                self.nodes[key] = len(self.parents)
                self.parents.append(found[-1])
                self.content.append(block)
                self.ends.append(Ends.BLOCK if block.whole else Ends.NOTHING)
                self.reach.append(self.reach[found[-1]] + block.tokens)
            found.append(self.nodes[key])
        runs = [*(block.run for block in content), ""]
        for node, (run, following) in zip(found[1:], pairwise(runs), strict=True):
            if run and run != following:
                self.ends[node] |= Ends.TOOL_RUN
        return found

    def prompt(
        self, content: Sequence[Block], at: float = 0, marks: Mapping[int, str] | Sequence[int] = (), *,
        plain: int = 0, wait: float = 2, model: str = "claude-opus-5", offset: int = 0,
        settings: Mapping[str, str] | None = None, answer: Block | None = None, scope: str = "",
    ) -> Prompt:  # fmt: skip
        """A request of those blocks and of `plain` more tokens, which no other request has.

        `marks` are numbers of blocks, 1 the first, 0 the hidden prefix of `offset` tokens, -1 the last.
        """
        nodes = self.path(content)
        ttls = marks if isinstance(marks, Mapping) else dict.fromkeys(marks, "")
        last = nodes[-1]
        if plain:
            last = self.path([*content, Block(f"plain {len(self.parents)}", plain, eligible=False)])[-1]
        return Prompt(
            scope, model, last, self.reach[last] + offset, at, at + wait, at + 2 * wait, self.reach, offset,
            marks=tuple((nodes[number], ttl) for number, ttl in ttls.items()), settings=settings or {},
            answer=None if answer is None else self.path([*content, answer])[-1],
        )  # fmt: skip

    def shape(self) -> Shape:
        """The tree as caches see it."""
        endings, opening = [ROOT], [ROOT]
        for node, block in enumerate(self.content):
            if block is not None:
                parent = self.parents[node]
                endings.append(node if block.eligible else endings[parent])
                opens = block.level != "messages" and opening[parent] == parent
                opening.append(node if opens else opening[parent])
        return Shape(
            self.parents, [LEVELS[block.level] if block else 0 for block in self.content], self.ends,
            [bool(block and block.run) for block in self.content], endings, opening,
            branches_of(self.parents, heaviest_children(self.parents)), shared=self.shared,
        )  # fmt: skip

    def serve(self, policy: Policy, *prompts: Prompt) -> list[Served]:
        """What becomes of them."""
        return simulate(policy, self.shape(), prompts)


def tokens(served: Served) -> tuple[int, int, int]:
    """Read, written, plain."""
    return served.read, served.written, served.plain


def after(prompt: Prompt, seconds: float) -> Prompt:
    """The same request, later."""
    return replace(
        prompt, start=prompt.start + seconds, first_token=prompt.first_token + seconds, end=prompt.end + seconds
    )
