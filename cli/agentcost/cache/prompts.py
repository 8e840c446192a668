"""What a cache sees of a log: the shape of the prefix tree, prompts, and what became of their tokens."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache

import msgspec

from agentcost.cache.branches import Branches
from agentcost.cache.policy import Policy, Salt
from agentcost.cache.told import Told
from agentcost.model import Level

LEVELS: dict[Level, int] = {"tools": 0, "system": 1, "messages": 2}


class Shape(msgspec.Struct, frozen=True):
    """The prefix tree as caches see it; every sequence is by node.

    `levels` numbers LEVELS, `ends` is Ends, `runs` says that a node is a block of a run of tool calls or results,
    `endings` the nearest node on the path, itself included, at which an eligible message ends (ROOT: none), `opening`
    the last node of the opening system messages. `shared` estimates the share (0 to 1) of a node's text that a sibling
    begins with. The root stands for a hidden prefix: its level is the one that prefix ends with.
    """

    parents: Sequence[int]
    levels: Sequence[int]
    ends: Sequence[int]
    runs: Sequence[bool]
    endings: Sequence[int]
    opening: Sequence[int]
    branches: Branches
    shared: Mapping[tuple[int, int], float] = {}

    def alike(self) -> dict[int, list[tuple[float, int]]]:
        """Of nodes whose text a sibling begins with: the share and the sibling, the largest share first."""
        found: dict[int, list[tuple[float, int]]] = {}
        for (node, other), share in self.shared.items():
            found.setdefault(node, []).append((share, other))
        for rows in found.values():
            rows.sort(reverse=True)
        return found


class Prompt(msgspec.Struct, frozen=True):
    """One request as a cache sees it. Times are seconds; `first_token` is when what it wrote becomes visible.

    `reach` gives the tokens up to a node, `offset` those before the path (hidden, overhead). `known` is (node,
    tokens) where the bill tells how many tokens lie up to a node, `told` the same from other requests' bills.
    `marks` are its breakpoints in the order of the path, each with the time to live it asks for ("" the default); one
    on the root stands behind the hidden prefix. `settings` are what policies salt keys with, by the salts' names, and
    `cache_mode` and `cache_ttl`. `answer` is the node behind the answer. Of an `opaque` one nothing but its length is
    known: it shares nothing with any other.
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
    told: Told = msgspec.field(default_factory=Told)
    marks: tuple[tuple[int, str], ...] = ()
    settings: Mapping[str, str] = {}
    answer: int | None = None
    opaque: bool = False

    def tokens(self, node: int) -> int:
        """Tokens up to a node of the path, never more than the prompt has nor less than none; they never fall along
        the path. The prompt's own bill holds before any other."""
        found, known = self.told.within(node, self.reach[node] + self.offset), self.known
        if known:
            place, tokens = known
            found = tokens if node == place else min(found, tokens) if node < place else max(found, tokens)
        return 0 if found < 0 else min(found, self.total)


class Served(msgspec.Struct, frozen=True, gc=False):
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


def salted(policy: Policy, prompt: Prompt) -> tuple[Hashable, Hashable, Hashable]:
    """The keys of the three levels: what of the settings an entry of that level depends on."""
    salts, ends = _by_level(policy.salts)
    values = tuple(_value(policy, prompt, salt) for salt in salts)
    return values[: ends[0]], values[: ends[1]], values


class Keys(msgspec.Struct):
    """The keys of requests under a policy as small numbers, one per level: what has equal numbers can share entries.

    A request's settings are looked at once for each mapping of settings: it is kept, so that no other takes its place
    in memory.
    """

    policy: Policy
    known: dict[tuple[int, str, Hashable], tuple[int, int, int]] = {}
    numbers: dict[Hashable, int] = {}
    kept: list[Mapping[str, str]] = []

    def of(self, prompt: Prompt) -> tuple[int, int, int]:
        """The numbers of the tools, the system and the messages level."""
        probe = id(prompt.settings), prompt.model, prompt.scope
        found = self.known.get(probe)
        if found is None:
            self.kept.append(prompt.settings)
            tools, system, messages = (self._number(prompt.scope, key) for key in salted(self.policy, prompt))
            found = self.known[probe] = tools, system, messages
        return found

    def _number(self, scope: Hashable, key: Hashable) -> int:
        return self.numbers.setdefault((scope, key), len(self.numbers))


@lru_cache(maxsize=256)
def _by_level(salts: tuple[Salt, ...]) -> tuple[tuple[Salt, ...], tuple[int, int]]:
    """The salts with those of the tools first, and how many of them the tools and the system level have."""
    ordered = tuple(sorted(salts, key=lambda salt: LEVELS[salt.level]))
    counts = [sum(LEVELS[salt.level] <= level for salt in salts) for level in (0, 1)]
    return ordered, (counts[0], counts[1])


def _value(policy: Policy, prompt: Prompt, salt: Salt) -> str:
    if salt.name == "model":
        return prompt.settings.get("model", prompt.model)
    value = prompt.settings.get(salt.name, "")
    if salt.name == "images" and policy.images == "presence":
        return "present" if value not in ("", "0") else ""
    return value


def day_of(seconds: float) -> date | None:
    """The day of a request; None where its clock is relative."""
    return datetime.fromtimestamp(seconds, UTC).date() if seconds > 1e8 else None


def visible_from(policy: Policy, prompt: Prompt) -> float:
    """When what a request writes can be read: never before it started. A time to build counts from its start."""
    if policy.visible == "end":
        return max(prompt.start, prompt.end)
    built = prompt.start + (policy.build_seconds or 0) if policy.visible == "built" else prompt.start
    return max(built, prompt.first_token)
