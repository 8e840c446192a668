"""Prompts made by hand from blocks with a name and a length: the tree, its shape, and the requests behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import strategies as st
from tests.replacing import replace

from agentcost.cache.branches import branches_of, heaviest_children
from agentcost.cache.catalogue import policy_named
from agentcost.cache.policy import Policy, Salt
from agentcost.cache.prompts import LEVELS, Prompt, Served, Shape
from agentcost.cache.simulate import simulate
from agentcost.cache.told import Told
from agentcost.model import ROOT, Ends, Level

BOUND = replace(
    policy_named("vllm"), name="content", title="any cache", grid=None, minimum=0,
    salts=(Salt("model", "tools", "model_changed"),), visible="first_token", hit_probability=1.0, ttls=(),
    caches_answer=True,
)  # fmt: skip
"""What content alone allows, as a policy: it keeps every token for ever."""


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


# ---------------------------------------------------------------- any log

MODELS = ("claude-opus-5", "claude-haiku-4-5", "gpt-5.4", "gpt-6.1-sol", "kimi-k3", "gemini-2.5-pro")
TTLS = ("", "5m", "1h", "30m", "12h", "24h")
GAPS = (0.0, 1.0, 2.0, 30.0, 299.0, 300.0, 301.0, 1800.0, 4000.0, 90_000.0)
SETTINGS = ("tool_choice", "images", "speed", "prompt_cache_key", "thinking")

HEAD = [Block(f"tool {n}", 400 * n + 40, "tools") for n in range(2)]
SYSTEM = [Block(f"system {n}", 900 * n + 64, "system") for n in range(2)]
TALK = [
    Block("user", 333), Block("long", 5000), Block("assistant", 70, eligible=False),
    Block("call a", 50, run="calls", eligible=False), Block("call b", 700, run="calls", eligible=False),
    Block("result a", 300, run="results"), Block("result b", 1100, run="results"),
    Block("piece", 128, eligible=False, whole=False),
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A log."""

    forest: Forest
    shape: Shape
    prompts: list[Prompt]

    def __repr__(self) -> str:
        return f"Case({self.prompts})"


@st.composite
def cases(draw: st.DrawFn, *, consistent: bool = False, at_once: bool = False) -> Case:
    """Requests in the order of their start. `consistent`: every prompt has the same lengths of the same prefixes;
    `at_once`: what they write is there when the next one starts, and times rise strictly."""
    forest, at = Forest(), 0.0
    prompts: list[Prompt] = []
    contents: list[list[Block]] = []
    offset = draw(st.integers(0, 5000))
    for _ in range(draw(st.integers(1, 7))):
        at += draw(st.sampled_from(GAPS)) + (1 if at_once else 0)
        contents.append(draw(paths(contents)))
        prompts.append(draw(requests(forest, contents[-1], at, offset, consistent=consistent, at_once=at_once)))
    for (parent, _), node in list(forest.nodes.items()):
        for (above, _), other in list(forest.nodes.items()):
            if parent == above and node != other and draw(st.booleans()):
                forest.shared[node, other] = draw(st.sampled_from((0.1, 0.5, 1.0)))
    shape = forest.shape()
    return Case(forest, shape, [replace(prompt, told=prompt.told.on(shape.parents)) for prompt in prompts])


@st.composite
def paths(draw: st.DrawFn, earlier: list[list[Block]]) -> list[Block]:
    """Tools, system, messages; often those of an earlier request, whole or in part, and more."""
    if earlier and draw(st.sampled_from((True, True, False))):
        base: list[Block] = draw(st.sampled_from(earlier))
        kept = draw(st.integers(0, len(base))) if draw(st.booleans()) else len(base)
        if draw(st.booleans()):
            return base[:kept]
        return base[:kept] + draw(st.lists(st.sampled_from(TALK), max_size=3))
    content = [block for block in HEAD if draw(st.booleans())] + [block for block in SYSTEM if draw(st.booleans())]
    return content + draw(st.lists(st.sampled_from(TALK), max_size=6))


@st.composite
def requests(
    draw: st.DrawFn, forest: Forest, content: list[Block], at: float, offset: int, *, consistent: bool, at_once: bool
) -> Prompt:
    """A request of that content, with settings, breakpoints and times of any kind."""
    numbers = sorted(draw(st.sets(st.integers(0, len(content)), max_size=5)))
    prompt = forest.prompt(
        content, at, {number: draw(st.sampled_from(TTLS)) for number in numbers},
        plain=draw(st.sampled_from((0, 77))), wait=0 if at_once else draw(st.sampled_from((0, 1, 400))),
        model=draw(st.sampled_from((MODELS[0], MODELS[0], *MODELS))),
        offset=offset if consistent else draw(st.integers(-600, 5000)),
        settings={
            **{name: draw(st.sampled_from(("", "1", "2"))) for name in draw(st.sets(st.sampled_from(SETTINGS)))},
            "cache_mode": draw(st.sampled_from(("implicit", "explicit"))),
        },
        scope=draw(st.sampled_from(("", "", "other"))),
        answer=draw(st.sampled_from((None, TALK[2], TALK[3]))),
    )  # fmt: skip
    prompt = replace(prompt, total=max(0, prompt.total))
    if consistent or not prompt.marks:
        return prompt
    lengths = {node: draw(st.integers(0, 9000)) for node in draw(st.sets(st.integers(0, len(forest.parents) - 1)))}
    known = draw(st.sampled_from((None, (prompt.marks[-1][0], draw(st.integers(0, 9000))))))
    return replace(prompt, known=known, told=Told(lengths))


def path(shape: Shape, node: int) -> list[int]:
    """The nodes from the root, the first, to `node`."""
    found = [node]
    while node != ROOT:
        node = shape.parents[node]
        found.append(node)
    return found[::-1]
