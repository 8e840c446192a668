"""What a cache would have served: one loop over the requests in the order of their start, for every mechanism.

A request costs its breakpoints times the look-back, or its branches, never its length: nodes are content-addressed,
so an entry is (scope, salts, node), and what lies before a node needs no comparing.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Protocol

from agentcost.cache.lengths import cacheable
from agentcost.cache.policy import Mechanism, Policy, collapses, minimum_of, ttl_of
from agentcost.cache.touches import Branches, Touches
from agentcost.model import ROOT, Ends, Level

LEVELS: dict[Level, int] = {"tools": 0, "system": 1, "messages": 2}


@dataclass(frozen=True, slots=True)
class Shape:
    """The prefix tree as caches see it; every sequence is by node.

    `levels` numbers LEVELS, `ends` is Ends, `runs` says that a node is a block of a run of tool calls or results,
    `endings` the nearest node on the path, itself included, at which an eligible message ends (ROOT: none), `opening`
    the last node of the opening system messages. `shared` estimates the share (0 to 1) of a node's text that a sibling
    begins with; `siblings` are the children of nodes that have several.
    """

    parents: Sequence[int]
    levels: Sequence[int]
    ends: Sequence[int]
    runs: Sequence[bool]
    endings: Sequence[int]
    opening: Sequence[int]
    branches: Branches
    siblings: Mapping[int, Sequence[int]] = field(default_factory=dict)
    shared: Mapping[tuple[int, int], float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One request as a cache sees it. Times are seconds; `first_token` is when what it wrote becomes visible.

    `reach` gives the tokens up to a node, `offset` those before the path (hidden, overhead). `known` is (node,
    tokens) where the bill tells how many tokens lie up to a node. `marks` are its breakpoints in the order of the path.
    `settings` are what policies salt keys with, by the salts' names. `answer` is the node behind the answer.
    """

    scope: Hashable
    model: str
    leaf: int
    total: int
    start: float
    first_token: float
    end: float
    reach: Sequence[int]
    offset: int = 0
    known: tuple[int, int] | None = None
    marks: tuple[tuple[int, str], ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    answer: int | None = None
    answer_tokens: int = 0

    def tokens(self, node: int) -> int:
        """Tokens up to a node of the path, never more than the prompt has."""
        if self.known and node == self.known[0]:
            return self.known[1]
        return min(self.total, self.reach[node] + self.offset)


@dataclass(frozen=True, slots=True)
class Served:
    """What became of a prompt's tokens: read, written by time to live, and plain; they sum to the prompt.

    `hit` is the node up to which it was read (None: nothing was). `blocked` says why nothing could be kept.
    """

    read: int
    writes: Mapping[str, int]
    plain: int
    hit: int | None = None
    blocked: str = ""

    @property
    def written(self) -> int:
        """Tokens written, whatever their time to live."""
        return sum(self.writes.values())


@dataclass(slots=True)
class Entry:
    """A prefix that is kept: until when, from when on it can be read, and its length as its writer had it."""

    expires: float
    visible: float
    seconds: float
    tokens: int


def simulate(policy: Policy, shape: Shape, prompts: Sequence[Prompt]) -> list[Served]:
    """One Served per prompt; prompts come in the order of their start."""
    engine = ENGINES[policy.mechanism](policy, shape)
    return [engine.serve(prompt) for prompt in prompts]


class Engine(Protocol):
    """A mechanism with what it has kept so far."""

    def __init__(self, policy: Policy, shape: Shape) -> None: ...

    def serve(self, prompt: Prompt) -> Served:
        """What becomes of the next prompt; what it writes is kept."""


def salted(policy: Policy, prompt: Prompt) -> tuple[Hashable, Hashable, Hashable]:
    """The keys of the three levels: what of the settings an entry of that level depends on."""
    keys: list[tuple[str, ...]] = []
    for level in range(3):
        names = [salt.name for salt in policy.salts if LEVELS[salt.level] <= level]
        keys.append(tuple(prompt.settings.get(name, "") for name in names))
    return keys[0], keys[1], keys[2]


def day_of(seconds: float) -> date | None:
    """The day of a request; None where its clock is relative."""
    return datetime.fromtimestamp(seconds, UTC).date() if seconds > 1e8 else None


class Entries:
    """Entries at exact places of the tree, by scope, salts and node."""

    def __init__(self, policy: Policy, shape: Shape) -> None:
        self.policy = policy
        self.shape = shape
        self.kept: dict[tuple[Hashable, Hashable, int], Entry] = {}

    def live(self, key: tuple[Hashable, Hashable, int], now: float) -> Entry | None:
        """The entry of that key, if it can be read now."""
        entry = self.kept.get(key)
        return entry if entry and entry.visible <= now < entry.expires else None

    def write(self, key: tuple[Hashable, Hashable, int], prompt: Prompt, seconds: float, tokens: int) -> None:
        """Keep a prefix; a live one that is there already stays visible from when it was."""
        old = self.kept.get(key)
        visible = self._visible(prompt)
        if old and old.expires > prompt.start:
            visible = min(old.visible, visible)
        self.kept[key] = Entry(max(prompt.start + seconds, old.expires if old else 0.0), visible, seconds, tokens)

    def _visible(self, prompt: Prompt) -> float:
        if self.policy.visible == "end":
            return prompt.end
        return prompt.start + (self.policy.build_seconds or 0) if self.policy.visible == "built" else prompt.first_token

    def seconds(self, prompt: Prompt, ttl: str) -> float:
        """How long an entry lives that is asked for with a time to live."""
        found = ttl_of(self.policy, prompt.model, ttl)
        return float(found.seconds) if found else float("inf")


class Breakpoints(Entries):
    """Entries at breakpoints only; a lookup tests each breakpoint and a few positions before it."""

    def serve(self, prompt: Prompt) -> Served:
        """Read up to the deepest entry in reach, write at every breakpoint behind it."""
        marks = prompt.marks[-self.policy.max_breakpoints :] if self.policy.max_breakpoints else prompt.marks
        least = minimum_of(self.policy, prompt.model)
        if not marks:
            return Served(0, {}, prompt.total, blocked="no_breakpoint")
        if prompt.tokens(marks[-1][0]) < least:
            return Served(0, {}, prompt.total, blocked="below_minimum")
        keys = salted(self.policy, prompt)
        hit = self._hit(prompt, [node for node, _ in marks], keys)
        read = min(prompt.total, hit[1].tokens) if hit else 0
        writes, reached = self._write(prompt, [mark for mark in marks if prompt.tokens(mark[0]) >= least], keys, read)
        if hit:
            hit[1].expires = max(hit[1].expires, prompt.start + hit[1].seconds)
        return Served(read, writes, prompt.total - max(read, reached), hit[0] if hit else None)

    def _key(self, prompt: Prompt, keys: Sequence[Hashable], node: int) -> tuple[Hashable, Hashable, int]:
        return prompt.scope, keys[self.shape.levels[node]], node

    def _hit(self, prompt: Prompt, nodes: Sequence[int], keys: Sequence[Hashable]) -> tuple[int, Entry] | None:
        collapsed = collapses(self.policy, day_of(prompt.start))
        for node in reversed(nodes):
            for number, position in enumerate(self.positions(node, collapsed)):
                if number == self.policy.lookback:
                    break
                entry = self.live(self._key(prompt, keys, position), prompt.start)
                if entry:
                    return position, entry
        return None

    def positions(self, node: int, collapsed: bool) -> Iterator[int]:
        """The positions of a look-back from a breakpoint, itself first; with `collapsed` a tool run is one."""
        shape = self.shape
        yield node
        inside = shape.runs[node]
        node = shape.parents[node]
        while node != ROOT:
            ends = shape.ends[node]
            if ends & Ends.BLOCK:
                same_run = collapsed and inside and shape.runs[node] and not ends & Ends.TOOL_RUN
                if not same_run:
                    yield node
                inside = shape.runs[node]
            node = shape.parents[node]
        yield ROOT

    def _write(
        self, prompt: Prompt, marks: Sequence[tuple[int, str]], keys: Sequence[Hashable], read: int
    ) -> tuple[dict[str, int], int]:
        """What is written by time to live, and the tokens up to the last breakpoint."""
        long, reached = read, read
        for node, ttl in marks:
            tokens, key = prompt.tokens(node), self._key(prompt, keys, node)
            seconds = self.seconds(prompt, ttl)
            if tokens > read:
                self.write(key, prompt, seconds, tokens)
                reached = max(reached, tokens)
                long = max(long, tokens) if ttl == "1h" else long
            elif self.policy.refresh == "own_breakpoints":
                entry = self.live(key, prompt.start)
                if entry:
                    entry.expires = max(entry.expires, prompt.start + seconds)
        written = {"1h": long - read, "5m": reached - long}
        return {ttl: tokens for ttl, tokens in written.items() if tokens}, reached


class Endpoints(Entries):
    """Entries at the end of the latest eligible message and at markers; boundaries match exactly or not at all."""

    def serve(self, prompt: Prompt) -> Served:
        """Read up to the longest candidate that is kept, write at the endpoint and the latest markers."""
        implicit = prompt.settings.get("cache_mode", "implicit") != "explicit" and self.policy.implicit_endpoint
        explicit = [node for node, _ in prompt.marks]
        endpoint = self.shape.endings[prompt.leaf] if implicit else ROOT
        room = self.policy.max_breakpoints - (1 if endpoint != ROOT else 0)
        targets = explicit[-room:] + ([endpoint] if endpoint != ROOT else [])
        if not targets:
            return Served(0, {}, prompt.total, blocked="no_breakpoint")
        last = max(targets, key=prompt.tokens)
        if prompt.tokens(last) < minimum_of(self.policy, prompt.model):
            return Served(0, {}, prompt.total, blocked="below_minimum")
        key = salted(self.policy, prompt)[2]
        hit = self._hit(prompt, key, self._candidates(prompt, explicit, endpoint))
        read = min(prompt.total, hit[1].tokens) if hit else 0
        ttls = dict(prompt.marks)
        for node in targets:
            seconds = self.seconds(prompt, ttls.get(node, prompt.settings.get("cache_ttl", "")))
            self.write((prompt.scope, key, node), prompt, seconds, prompt.tokens(node))
        if hit:
            hit[1].expires = max(hit[1].expires, prompt.start + hit[1].seconds)
        written = max(0, prompt.tokens(last) - read)
        name = self._ttl_name(prompt)
        return Served(read, {name: written} if written else {}, prompt.total - read - written, hit[0] if hit else None)

    def _ttl_name(self, prompt: Prompt) -> str:
        found = ttl_of(self.policy, prompt.model, prompt.settings.get("cache_ttl", ""))
        return found.name if found else ""

    def _candidates(self, prompt: Prompt, explicit: Sequence[int], endpoint: int) -> Iterator[int]:
        rule = self.policy.candidates
        if rule is None:
            return
        yield from explicit[: rule.first]
        yield from explicit[-rule.latest :] if rule.latest else ()
        if endpoint == ROOT:
            return
        node = endpoint
        for _ in range(rule.endings + 1):
            yield node
            node = self.shape.endings[self.shape.parents[node]]
            if node == ROOT:
                break
        if rule.initial:
            yield self.shape.opening[prompt.leaf]

    def _hit(self, prompt: Prompt, key: Hashable, candidates: Iterator[int]) -> tuple[int, Entry] | None:
        found: tuple[int, Entry] | None = None
        for node in candidates:
            entry = self.live((prompt.scope, key, node), prompt.start)
            if entry and (found is None or entry.tokens > found[1].tokens):
                found = node, entry
        return found


class Blocks:
    """Every full block of tokens is kept; a lookup takes the longest chain that is. With a probability it fails."""

    def __init__(self, policy: Policy, shape: Shape) -> None:
        self.policy = policy
        self.shape = shape
        self.touches = Touches(shape.branches)

    def serve(self, prompt: Prompt) -> Served:
        """Read the blocks that agree with what is kept; the expected share of them where hits are not sure."""
        policy, scope = self.policy, (prompt.scope, salted(self.policy, prompt)[2])
        ttl = ttl_of(policy, prompt.model, "")
        seconds = float(ttl.seconds) if ttl else float("inf")
        hit = self.touches.deepest_live(scope, prompt.leaf, prompt.start, seconds)
        matched = self._matched(prompt, scope, hit, seconds)
        read = round(cacheable(policy, prompt.model, matched, prompt.total) * policy.hit_probability)
        self._keep(prompt, scope)
        written = self._written(prompt, read)
        return Served(read, written, prompt.total - read - sum(written.values()), hit if read else None)

    def _matched(self, prompt: Prompt, scope: Hashable, hit: int | None, seconds: float) -> int:
        """Tokens that agree: up to the deepest node that is kept, and into the next as far as its text goes on."""
        matched = prompt.tokens(hit) if hit is not None else 0
        parent = ROOT if hit is None else hit
        others = self.shape.siblings.get(parent)
        if not others or parent == prompt.leaf:
            return matched
        node = prompt.leaf
        while self.shape.parents[node] != parent:
            node = self.shape.parents[node]
        live = (other for other in others if other != node and self._is_live(scope, other, prompt.start, seconds))
        share = max((self.shape.shared.get((node, other), 0.0) for other in live), default=0.0)
        before = prompt.tokens(parent) if parent != ROOT else prompt.offset
        return max(matched, before + int(share * (prompt.tokens(node) - before))) if share else matched

    def _is_live(self, scope: Hashable, node: int, now: float, seconds: float) -> bool:
        last = self.touches.last(scope, node)
        return last is not None and now - last < seconds

    def _keep(self, prompt: Prompt, scope: Hashable) -> None:
        policy = self.policy
        visible = prompt.first_token
        if policy.visible == "end":
            visible = prompt.end
        elif policy.visible == "built":
            visible = prompt.start + (policy.build_seconds or 0)
        self.touches.touch(scope, prompt.leaf, prompt.start, max(prompt.start, visible))
        if policy.caches_answer and prompt.answer is not None:
            self.touches.touch(scope, prompt.answer, prompt.start, max(prompt.start, prompt.end))

    def _written(self, prompt: Prompt, read: int) -> dict[str, int]:
        """What is billed as written: nothing, where writes are no class of the bill."""
        ttl = ttl_of(self.policy, prompt.model, "")
        if ttl is None or ttl.write is None or prompt.total < minimum_of(self.policy, prompt.model):
            return {}
        return {ttl.name: prompt.total - read} if prompt.total > read else {}


ENGINES: Mapping[Mechanism, type[Engine]] = {
    "breakpoint": Breakpoints,
    "endpoint": Endpoints,
    "block": Blocks,
    "best_effort": Blocks,
}
