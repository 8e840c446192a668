"""Requests as one memory holds them: each path cut into runs of blocks by the request that used them last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from statistics import median

import msgspec
from msgspec.structs import replace

from agentcost import capacity
from agentcost.cache.branches import Branches, branches_of, heaviest_children
from agentcost.cache.prompts import Prompt
from agentcost.cache.told import Told
from agentcost.cache.touches import Touches
from agentcost.caching.prompts import Asking, prompts_of
from agentcost.capacity import NEW, Access, Curve, Reuse, Run
from agentcost.lineage import standings
from agentcost.measuring.levels import levels_of
from agentcost.measuring.measure import measure
from agentcost.memory.tokens import TargetTokens
from agentcost.model import ROOT, Kind, Knowledge, Request
from agentcost.prefix import Tree
from agentcost.record import Record
from agentcost.study import Study

BLOCK = 16
"""Tokens of a block where the log does not tell: vLLM's default."""


class Pool(msgspec.Struct, frozen=True):
    """Requests that share one memory, in the order of their start. Lists are by request.

    `unit` is the tokens of a block. `hashed` requests are made of blocks, whose last may be shorter; of all others
    only full blocks are shared. `hidden` are the tokens before a path, `answers` those of an answer that no path holds,
    `ends` when a request was over (None: the log does not tell).
    """

    prompts: Sequence[Prompt]
    branches: Branches
    unit: int
    hashed: Sequence[bool]
    hidden: Sequence[int]
    answers: Sequence[int]
    ends: Sequence[float | None]
    sessions: Sequence[str]

    @property
    def total(self) -> int:
        """Tokens of all prompts."""
        return sum(self.tokens(row) for row in range(len(self.prompts)))

    def tokens(self, row: int) -> int:
        """Tokens of a prompt: its path's and those before it."""
        prompt = self.prompts[row]
        return prompt.reach[prompt.leaf] + self.hidden[row]

    def part(self, rows: Sequence[int]) -> Pool:
        """The requests of these rows alone."""
        return Pool(
            [self.prompts[row] for row in rows], self.branches, self.unit, [self.hashed[row] for row in rows],
            [self.hidden[row] for row in rows], [self.answers[row] for row in rows], [self.ends[row] for row in rows],
            [self.sessions[row] for row in rows],
        )  # fmt: skip


def pool_of(study: Study, found: TargetTokens | None = None, unit: int | None = None) -> Pool:
    """The requests of a study as one memory holds them: each in its own model's tokens, or all in those of one.

    `unit` is the tokens of a block, as in the log unless told. Answers are kept where the log holds their text; of
    hashed blocks only prompts are.
    """
    sessions = [stand.session for stand in study.standing]
    if found is None:
        return _pool(study.record, study.run.prompts, study.run.shape.branches, sessions, unit)
    reach = levels_of(study.record.tree).down(found.lengths).tolist()
    prompts = [
        replace(
            own, model="", leaf=request.node, total=total, reach=reach, offset=total - reach[request.node],
            answer=request.answer, known=None, told=Told(), marks=(),
        )
        for own, request, total in zip(study.run.prompts, study.requests, found.prompts, strict=True)
    ]  # fmt: skip
    pool = _pool(study.record, prompts, _branches(study.record.tree), sessions, unit)
    answers = [output or 0 if own else 0 for own, output in zip(pool.answers, found.outputs, strict=True)]
    return replace(pool, answers=answers)


def pool_of_record(record: Record, unit: int | None = None) -> Pool:
    """The same of a record of which nothing else is wanted."""
    requests = record.ordered()
    standing = standings(record.tree, requests)
    measured = measure(record.tree, requests, [stand.lineage for stand in standing])
    prompts = prompts_of(requests, standing, measured, Asking())
    return _pool(record, prompts, _branches(record.tree), [stand.session for stand in standing], unit)


def _pool(
    record: Record, prompts: Sequence[Prompt], branches: Branches, sessions: Sequence[str], unit: int | None
) -> Pool:
    requests = record.ordered()
    hashed = list(map(_hashed, requests))
    return Pool(
        prompts, branches, unit or block_of(record.tree, requests), hashed, _hidden(prompts),
        list(map(_answer, requests)),
        [request.ended if request.started is not None else None for request in requests], sessions,
    )  # fmt: skip


def _hashed(request: Request) -> bool:
    return request.knowledge in (Knowledge.BLOCKS, Knowledge.COUNTS)


def _branches(tree: Tree) -> Branches:
    parents = list(tree.parents)
    return branches_of(parents, heaviest_children(parents))


def block_of(tree: Tree, requests: Sequence[Request]) -> int:
    """The tokens of a block: the most common of a log of hashed blocks, else what engines take."""
    if not all(map(_hashed, requests)):
        return BLOCK
    sizes = Counter(entry.tokens for entry in tree.entries if entry.kind is Kind.BLOCK and entry.tokens)
    return max(sizes.items(), key=lambda pair: (pair[1], pair[0]))[0] if sizes else BLOCK


def _hidden(prompts: Sequence[Prompt]) -> list[int]:
    """The tokens before the path, one number for a scope and model, so that its blocks lie at one place."""
    offsets: dict[Hashable, list[int]] = {}
    for prompt in prompts:
        offsets.setdefault((prompt.scope, prompt.model), []).append(prompt.offset)
    found = {scope: max(0, round(median(values))) for scope, values in offsets.items()}
    return [found[prompt.scope, prompt.model] for prompt in prompts]


def _answer(request: Request) -> int:
    return request.usage.output or 0 if request.answer is not None and request.usage else 0


def reuse_of(pool: Pool) -> Reuse:
    """What of a pool is used again, and how deep it lies then."""
    return capacity.reuse(accesses(pool), len(pool.prompts))


def curve_of(pool: Pool, replicas: Sequence[Sequence[int]] = ()) -> Curve:
    """Tokens read by capacity, in blocks: in one memory, or in equal ones that serve these rows each."""
    pools = [reuse_of(pool.part(rows)) for rows in replicas] or [reuse_of(pool)]
    return capacity.curve(pools, pool.total, pool.unit)


# --- the runs of a path --------------------------------------------------------------------------------------------


def accesses(pool: Pool) -> Iterator[Access]:
    """Every request as the runs of its path, by who used them last."""
    touches = Touches(pool.branches)
    opened: dict[Hashable, int] = {}
    for row, prompt in enumerate(pool.prompts):
        scope = (prompt.scope, prompt.model)
        path = _Path(pool, row)
        runs = list(path.hidden(opened.get(scope, NEW)))
        runs += path.runs(touches, scope, prompt.leaf, ROOT)
        end = path.end()
        behind = list(path.runs(touches, scope, end, prompt.leaf)) if end != prompt.leaf else []
        own = path.partial(end) + (0 if behind else pool.answers[row] // pool.unit)
        yield Access(runs, behind, own, prompt.start, pool.ends[row])
        opened[scope] = row
        touches.touch(scope, end, row)


class _Path(msgspec.Struct):
    """The path of one request, in blocks."""

    pool: Pool
    row: int

    @property
    def hashed(self) -> bool:
        """Whether it is made of blocks."""
        return self.pool.hashed[self.row]

    def end(self) -> int:
        """The node up to which blocks are kept: that of the answer where it goes on from the prompt."""
        prompt = self.pool.prompts[self.row]
        if prompt.answer is None or self.hashed:
            return prompt.leaf
        depth, leaf = self.pool.branches.depth[prompt.leaf], prompt.leaf
        goes_on = leaf == ROOT or _above(self.pool.branches, prompt.answer, depth) == leaf
        return prompt.answer if goes_on else leaf

    def tokens(self, node: int) -> int:
        """Tokens up to and with a node."""
        return self.pool.prompts[self.row].reach[node] + self.pool.hidden[self.row]

    def blocks(self, node: int) -> int:
        """Blocks that end with a node or before it; of hashed ones the last may be shorter."""
        tokens, unit = self.tokens(node), self.pool.unit
        return -(-tokens // unit) if self.hashed else tokens // unit

    def partial(self, node: int) -> int:
        """1 where a block is begun behind the last full one: it is held, and shared with nobody."""
        return int(not self.hashed and self.tokens(node) % self.pool.unit > 0)

    def hidden(self, last: int) -> Iterator[Run]:
        """The run before the path."""
        if self.blocks(ROOT):
            yield Run(last, self.blocks(ROOT), self.pool.unit)

    def runs(self, touches: Touches, scope: Hashable, leaf: int, above: int) -> Iterator[Run]:
        """The path below the node `above`, cut where the request that used it last changes."""
        branches, least = self.pool.branches, self.pool.branches.depth[above]
        before = self.blocks(above)
        stretches = branches.stretches(leaf)[::-1]
        for _, bottom, last in touches.runs(scope, leaf):
            if bottom <= least:
                continue
            node = next(branches.node(branch, bottom) for branch, end in stretches if end >= bottom)
            yield from self._cut(int(last), before, node)
            before = self.blocks(node)
        yield from self._cut(NEW, before, leaf)

    def _cut(self, last: int, before: int, node: int) -> Iterator[Run]:
        """Blocks of one size: a shorter last one is a run of its own."""
        unit, blocks = self.pool.unit, self.blocks(node)
        short = self.tokens(node) % unit if self.hashed else 0
        whole = blocks - before - bool(short)
        if whole > 0:
            yield Run(last, whole, unit)
        if short and blocks > before:
            yield Run(last, 1, short)


def _above(branches: Branches, leaf: int, depth: int) -> int | None:
    """The node at this depth of a leaf's path; None where the path is shorter."""
    stretches = branches.stretches(leaf)[::-1]
    return next((branches.node(branch, depth) for branch, end in stretches if end >= depth), None)


# --- several replicas ----------------------------------------------------------------------------------------------


def routed(pool: Pool, routing: str, replicas: int) -> list[list[int]]:
    """The rows that each replica serves. How much of a prompt a replica has seen does not depend on its capacity."""
    if routing == "session":
        chosen = capacity.by_session(pool.sessions, replicas)
    elif routing == "prefix":
        chosen = _by_prefix(pool, replicas)
    else:
        chosen = capacity.round_robin(len(pool.prompts), replicas)
    return [[row for row, own in enumerate(chosen) if own == replica] for replica in range(replicas)]


def _by_prefix(pool: Pool, replicas: int) -> list[int]:
    """Each request to the replica that has seen most of it, or to the one with the least work."""
    touches = Touches(pool.branches)
    work, chosen = [0] * replicas, []
    for row, prompt in enumerate(pool.prompts):
        scopes = [(replica, prompt.scope, prompt.model) for replica in range(replicas)]
        matches = [_seen(touches, scope, prompt, row) for scope in scopes]
        best = capacity.nearest(matches, pool.tokens(row), work)
        touches.touch(scopes[best], prompt.leaf, row)
        work[best] += pool.tokens(row) - matches[best]
        chosen.append(best)
    return chosen


def _seen(touches: Touches, scope: Hashable, prompt: Prompt, row: int) -> int:
    node = touches.deepest_live(scope, prompt.leaf, row, float("inf"))
    return 0 if node is None else prompt.reach[node]
