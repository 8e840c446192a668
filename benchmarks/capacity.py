"""Times exact capacity curves on generated traces, beside an LRU that is simulated block by block at one capacity.

python benchmarks/capacity.py growth                    # 1,000 to 50,000 requests of 100k tokens
python benchmarks/capacity.py write trace.jsonl 7000    # 7,000 requests, 10 M block accesses (Mooncake format)
python benchmarks/capacity.py curve trace.jsonl         # its whole curve, read from the file
"""

from __future__ import annotations

import json
import random
import resource
import sys
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentcost import capacity
from agentcost.cache.branches import branches_of, heaviest_children
from agentcost.cache.prompts import Prompt
from agentcost.ingest.source import open_source
from agentcost.loading.logs import Reading, load_logs
from agentcost.memory.pools import Pool, pool_of_record, reuse_of

BLOCK = 512
HEAD, TAIL = 40, 311
"""Blocks that all sessions begin with, and those that a session has when it ends."""

TURNS = 40
SAMPLE = 500
"""Requests on which the block by block simulation is timed."""

SMALL = 16
"""Tokens of a block as engines cut them: 32 of them are one of ours."""

REQUESTS = (1_000, 5_000, 10_000, 25_000, 50_000)


@dataclass(slots=True)
class Trace:
    """Paths of blocks: node n goes on from `parents[n]`, `leaves` are the requests in order, `reach` tokens by node."""

    parents: list[int]
    leaves: list[int]
    reach: list[int]

    def path(self, leaf: int) -> list[int]:
        """The blocks of a request, from the first."""
        found = []
        while leaf:
            found.append(leaf)
            leaf = self.parents[leaf]
        return found[::-1]


def trace(requests: int, seed: int = 1, head: int = HEAD, tail: int = TAIL) -> Trace:
    """Sessions of 40 turns, 64 at a time in a random order, on one beginning of 20k tokens; 100k tokens in the mean."""
    chance = random.Random(seed)
    parents, reach = [0], [0]
    leaves: list[int] = []

    def grown(node: int, blocks: int) -> int:
        for _ in range(blocks):
            parents.append(node)
            reach.append(reach[node] + BLOCK)
            node = len(parents) - 1
        return node

    start = grown(0, head)
    open_: list[tuple[int, int]] = [(start, 0)] * 64
    each = (tail - head) / TURNS
    while len(leaves) < requests:
        place = chance.randrange(len(open_))
        node, turn = open_[place]
        first = round(each * TURNS / 4) if turn == 0 else 0  # a session opens with files
        node = grown(node, first + max(1, round(chance.uniform(0.5, 1.5) * each * 0.75)))
        leaves.append(node)
        open_[place] = (node, turn + 1) if turn + 1 < TURNS else (start, 0)
    return Trace(parents, leaves, reach)


def curve(made: Trace) -> tuple[float, int, int, float]:
    """(seconds, runs, units for all hits, hit rate of all) of the exact curve for every capacity."""

    reach = made.reach
    prompts = [Prompt("", "", leaf, reach[leaf], row, row, row, reach) for row, leaf in enumerate(made.leaves)]
    count = len(prompts)
    start = time.perf_counter()
    branches = branches_of(made.parents, heaviest_children(made.parents))
    pool = Pool(prompts, branches, BLOCK, [True] * count, [0] * count, [0] * count, [None] * count, [""] * count)
    reuse = reuse_of(pool)
    found = capacity.curve([reuse], pool.total, BLOCK)
    return time.perf_counter() - start, len(reuse.rows), found.full, found.rate(found.full) or 0.0


def lru(paths: Sequence[Sequence[int]], size: int) -> int:
    """Blocks that are read from a cache of `size` blocks: simulated block by block, at this one capacity."""
    kept: OrderedDict[int, None] = OrderedDict()
    hits = 0
    for blocks in paths:
        for block in blocks:
            if block not in kept:
                break
            hits += 1
        for block in reversed(blocks):
            kept[block] = None
            kept.move_to_end(block)
        while len(kept) > size:
            kept.popitem(last=False)
    return hits


def naive(made: Trace, size: int, parts: int) -> float:
    """Seconds of the block by block simulation of the whole trace at one capacity, every block cut into `parts`: timed
    on a sample of full-grown requests, scaled by accesses."""
    middle = len(made.leaves) // 2
    sample = [made.path(leaf) for leaf in made.leaves[middle : middle + SAMPLE // parts + 1]]
    if parts > 1:
        sample = [[parts * node + part for node in path for part in range(parts)] for path in sample]
    start = time.perf_counter()
    lru(sample, size * parts)
    blocks = sum(made.reach[leaf] for leaf in made.leaves) // BLOCK * parts
    return (time.perf_counter() - start) / sum(map(len, sample)) * blocks


def growth() -> None:
    """The table: our seconds for every capacity, and those of one capacity block by block."""
    print(f"{'requests':>9} {'tokens':>8} {'runs':>8} {'every capacity':>15} {'us/request':>11}"
          f" {'naive, one capacity:':>22} {f'blocks of {BLOCK}':>14} {f'of {SMALL}':>9} {'hit rate':>9}")  # fmt: skip
    for requests in REQUESTS:
        made = trace(requests)
        tokens = sum(made.reach[leaf] for leaf in made.leaves) // requests
        seconds, runs, full, rate = min(curve(made) for _ in range(3))
        one, other = (naive(made, full // 4, parts) for parts in (1, BLOCK // SMALL))
        print(f"{requests:>9,} {tokens:>8,} {runs:>8,} {seconds:>13.2f} s {1e6 * seconds / requests:>11.1f}"
              f" {'':>22} {one:>12.2f} s {other:>7.1f} s {100 * rate:>8.1f}%")  # fmt: skip
    print(
        "naive: timed on a sample, scaled by accesses; one point of the curve. Ours is the same for any size of block"
    )


def lines(made: Trace) -> Iterator[bytes]:
    """The trace in the Mooncake format."""
    for row, leaf in enumerate(made.leaves):
        text = {"timestamp": 100 * row, "input_length": made.reach[leaf], "output_length": 200}
        yield json.dumps({**text, "hash_ids": made.path(leaf)}).encode() + b"\n"


def write(path: Path, requests: int) -> None:
    """A trace of requests of 770k tokens, as long-running agents send them: 7,000 are 10 M accesses."""
    with path.open("wb") as file:
        file.writelines(lines(trace(requests, head=280, tail=2_300)))


def read(path: Path) -> None:
    """The whole curve of a trace in a file, and the seconds of each step, as JSON."""

    start = time.perf_counter()
    record = load_logs([open_source(str(path))], Reading())
    loaded = time.perf_counter()
    pool = pool_of_record(record)
    ready = time.perf_counter()
    found = capacity.curve([reuse_of(pool)], pool.total, pool.unit)
    done = time.perf_counter()
    print(json.dumps({
        "requests": len(pool.prompts), "accesses": pool.total // pool.unit, "edges": len(found.edges),
        "read_s": round(loaded - start, 3), "measure_s": round(ready - loaded, 3), "step_s": round(done - ready, 3),
        "whole_s": round(done - start, 3), "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }))  # fmt: skip


def main() -> None:
    """One of the three."""
    what, *rest = sys.argv[1:] or ["growth"]
    if what == "write":
        write(Path(rest[0]), int(rest[1]))
    elif what == "curve":
        read(Path(rest[0]))
    else:
        growth()


if __name__ == "__main__":
    main()
