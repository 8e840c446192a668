"""What could be done otherwise with a log: a few ways of each kind, of which replay finds the best."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import combinations
from math import ceil

import msgspec
import numpy

from agentcost.cache.catalogue import policy_named
from agentcost.cache.placing import SHORTLIST, STUDIED, Placement, placements
from agentcost.model import ROOT, Kind
from agentcost.units import exact, plural
from agentcost.whatifs import PINGS, TIME
from agentcost.whatifs.edits import RESULTS, SEARCH, SUMMARY, Behind, Edit
from agentcost.whatifs.keys import first_sent, formats_as_first_sent
from agentcost.whatifs.replay import Change, Markers, Stage, prices
from agentcost.whatifs.sides import sides
from agentcost.whatifs.unions import unions
from agentcost.whatifs.volatile import volatile

MOST_STEPS = 2_000_000
"""Rules times nodes and requests that are replayed at most: some seconds."""

MARKERS = (
    Placement(system="last"),
    Placement(system="last", calm=True),
    Placement(system="last", messages=1),
    Placement(system="last", messages=2),
    Placement(messages=3),
    Placement(system="last", messages=1, every=15),
)
"""The rules that are tried for markers beside message ends."""

_PER_REQUEST = 10
"""What a request costs beside a node."""

_PINGS = (1, 3, 6)
_TURNS = (5, 10, 20)
_SUMMED_UP = (20, 40, 80)
"""Messages that stay beside a summary: with fewer an agent forgets what it does, however cheaply."""

_ROUND = 100
_ORDERS = 50
"""Orders of tools that are compared at most."""


class Candidate(msgspec.Struct, frozen=True):
    """One way to send the log otherwise. One of a `kind` can be chosen; `behaviour`: the model sees other text."""

    kind: str
    name: str
    words: str
    change: Change
    behaviour: bool = False


def candidates(stage: Stage) -> Iterator[list[Candidate]]:
    """Lists of which the best counts."""
    yield list(_placed(stage))
    yield list(_marked(stage))
    yield from ([found] for found in _studied(stage))
    yield list(_timed(stage))
    yield list(_moved(stage))
    if _reordered(stage):
        yield list(_ordered())
    yield list(_keyed(stage))
    yield list(_stable(stage))
    yield list(_behind(stage))
    yield from ([found] for found in _fewer_tools(stage))
    sizes = _sizes_of(stage, RESULTS)
    if sizes:
        yield [_capped(sizes)]
        yield list(_cleared())
    yield list(_compacted(stage))


# --- breakpoints ---------------------------------------------------------------------------------------------------


def _placed(stage: Stage) -> Iterator[Candidate]:
    rows = [row for row in range(len(stage.requests)) if stage.placeable(row)]
    if not rows:
        return
    most = max(policy_named(stage.scene.policies[row]).max_breakpoints for row in rows)
    rules: Sequence[Placement] = placements(most)
    note = ""
    steps = len(stage.ground.tree) + _PER_REQUEST * len(rows)
    if len(rules) * steps > MOST_STEPS:
        rules, note = SHORTLIST, f" (of {len(SHORTLIST)} rules only: the log is long)"
    kinds = {bool(stage.scene.prompts[row].marks) for row in rows}
    best = min(rules, key=lambda rule: stage.cost(Change(placement=rule, everywhere=True not in kinds)))
    for everywhere in sorted({False in kinds, True not in kinds}):
        more = ", also where none stood" if everywhere and True in kinds else ""
        words = f"behind {best.words}{more}{note}"
        yield Candidate("placement", "breakpoints placed better", words, Change(placement=best, everywhere=everywhere))


def _studied(stage: Stage) -> Iterator[Candidate]:
    """The three strategies, where the log has breakpoints to place or could have."""
    rows = [row for row in range(len(stage.requests)) if stage.placeable(row)]
    marked = any(stage.scene.prompts[row].marks for row in rows)
    for name, rule in STUDIED.items() if rows else ():
        words = f"{name}: behind {rule.words}"
        change = Change(placement=rule, everywhere=not marked)
        yield Candidate("placement", "strategy of arXiv 2601.06007", words, change)


def _marked(stage: Stage) -> Iterator[Candidate]:
    """Markers set by the client where a policy keeps message ends: beside the implicit endpoint, and instead of it."""
    rows = [row for row in range(len(stage.requests)) if stage.markable(row)]
    if not rows:
        return
    instructed = any(stage.requests[row].api == "openai-responses" for row in rows)
    for rule in MARKERS:
        for only in (False, True):
            how = "and nowhere else" if only else "beside the implicit endpoint"
            how += "; instructions as a developer message" if rule.system and instructed else ""
            words = f"prompt_cache_breakpoint (GPT-5.6 and later) behind {rule.words}, {how}"
            yield Candidate("markers", "explicit markers", words, Change(markers=Markers(rule, only)))


# --- time ----------------------------------------------------------------------------------------------------------


def _timed(stage: Stage) -> Iterator[Candidate]:
    """Every time to live that has a price, and pings in idle gaps; with the break-even of the commonest model."""
    common = Counter(
        (stage.scene.policies[row], stage.requests[row].model) for row in stage.chosen if stage.scene.policies[row]
    )
    if not common:
        return
    (name, model), _ = min(common.items(), key=lambda item: (-item[1], item[0]))
    times = prices(name, model)
    if times.read is None or times.read >= 1:
        return
    for ttl, write in times.writes.items():
        if write is None:
            continue
        reads = max(Decimal(0), (write - 1) / (1 - times.read))
        pays = f"pays from {plural(ceil(reads), 'read')} on"
        yield Candidate("time", TIME, f"{ttl} everywhere; {pays}", Change(ttl=ttl))
        yield Candidate("time", TIME, f"{ttl} for tools and system; {pays}", Change(ttl=ttl, head=True))
    ttl = policy_named(name).ttls[0].name if policy_named(name).ttls else ""
    limit = ((times.writes.get(ttl) or 1) - times.read) / times.read if times.read else 0
    for pings in (*_PINGS, int(limit)):
        if pings and pings <= limit:
            words = f"up to {plural(pings, 'ping')} in an idle gap; pays below {limit:.1f}"
            yield Candidate("time", PINGS, words, Change(pings=pings))


# --- content that stays the same -------------------------------------------------------------------------------------


def _moved(stage: Stage) -> Iterator[Candidate]:
    tree = stage.ground.tree
    whole = volatile(tree, _used(stage))
    formed = frozenset(split for split in whole if split.formed)
    for found in dict.fromkeys((formed, whole)):
        if found:
            entries = [tree.entries[split.segment] for split in found]
            what = sorted({mark.what for entry in entries for mark in entry.marks})
            where = sorted({entry.kind.value for entry in entries})
            words = f"{', '.join(what)} of the {', '.join(where)}, behind the last message"
            yield Candidate("volatile", "volatile text moved to the end", words, Change(Edit(split=found)))


def _used(stage: Stage) -> list[int]:
    passing = sum(stage.ground.passing, numpy.zeros(len(stage.ground.tree), dtype=numpy.int64))
    return [node for node in numpy.flatnonzero(passing).tolist() if node != ROOT]


def _reordered(stage: Stage) -> bool:
    """Whether two prompts send tools of the same names in different orders."""
    tree = stage.ground.tree
    orders: set[tuple[str, ...]] = set()
    ends = {stage.scene.shape.opening[prompt.leaf] for prompt in stage.scene.prompts}
    for end in sorted(ends):
        names = [tree.entry(node).name for node in tree.path(end) if tree.entry(node).level == "tools"]
        orders.add(tuple(names))
    return any(_conflict(one, other) for one, other in combinations(sorted(orders)[:_ORDERS], 2))


def _ordered() -> Iterator[Candidate]:
    """Where a tool is rendered by what stands before it, or its keys change too, it takes both."""
    yield Candidate("order", "tools in a fixed order", "by name", Change(Edit(ordered=True)))
    words = "tools by name, JSON with sort_keys=True"
    yield Candidate("order", "tools and their keys in a fixed order", words, Change(Edit(ordered=True, keyed=True)))


def _keyed(stage: Stage) -> Iterator[Candidate]:
    """JSON that is sent again with its keys in another order, as it was first sent."""
    tree, prompts = stage.ground.tree, stage.scene.prompts
    found = [tree.entries[segment] for segment in first_sent(tree, (prompt.leaf for prompt in prompts))]
    formed = any(one is not other for one, other in zip(prompts, formats_as_first_sent(prompts), strict=True))
    what = sorted({entry.name if entry.kind is Kind.SYSTEM else entry.kind.value for entry in found})
    what += ["response format"] * (formed and "response format" not in what)
    if what:
        how = "sort_keys=True" + (", or the arguments string as the model sent it" if "tool calls" in what else "")
        yield Candidate("keys", "JSON keys in one order", f"{', '.join(what)}: {how}", Change(Edit(keyed=True)))


def _conflict(one: Sequence[str], other: Sequence[str]) -> bool:
    both = set(one) & set(other)
    return [name for name in one if name in both] != [name for name in other if name in both]


# --- another head ---------------------------------------------------------------------------------------------------


def _stable(stage: Stage) -> Iterator[Candidate]:
    """Every tool from the first request on, where the tools of a conversation change on the way."""
    found = unions(stage.scene, stage.ground, stage.standing)
    if found:
        talks = plural(len({stage.standing[row].lineage for row in found}), "conversation")
        most = plural(max(map(len, found.values())), "tool")
        words = f"{talks} whose tools change: up to {most} from the first request on, each as it was first sent"
        yield Candidate("union", "tools kept the same all session", words, Change(Edit(union=True)), behaviour=True)


def _behind(stage: Stage) -> Iterator[Candidate]:
    """Side calls of the main model sent behind the main prompt, those first that say the conversation again."""
    seen: set[int] = set()
    whiches: tuple[Behind, ...] = ("carrying", "all")
    for which in whiches:
        found = sides(stage.scene, stage.requests, stage.standing, which, stage.ground.tree)
        if found.keys() - seen:
            kind = " that repeat it" if which == "carrying" else ""
            words = f"{plural(len(found), 'call')}{kind}: as one more message, with the main prompt's tools and system"
            yield Candidate("behind", "side calls in one lineage", words, Change(Edit(behind=which)), behaviour=True)
        seen |= found.keys()


# --- content that is left out ----------------------------------------------------------------------------------------


def _fewer_tools(stage: Stage) -> Iterator[Candidate]:
    tree = stage.ground.tree
    called = {(entry.name, entry.server) for entry in tree.entries if entry.kind is Kind.TOOL_CALL}
    unused = {number: entry for number, entry in enumerate(tree.entries)
              if entry.level == "tools" and entry.name and (entry.name, entry.server) not in called}  # fmt: skip
    if not called or not unused:
        return
    names = {(entry.name, entry.server) for entry in unused.values()}
    servers = {server for _, server in names if server} - {server for _, server in called}
    words = plural(len(names), "tool that no request called", "tools that no request called")
    words += f", of them all of {plural(len(servers), 'MCP server')}" if servers else ""
    dropped = frozenset(unused)
    yield Candidate("tools", "never-called tools dropped", words, Change(Edit(dropped)), behaviour=True)
    words = f"{plural(len(names), 'tool')}, for a search tool of {SEARCH} tokens (assumed)"
    yield Candidate("tools", "never-called tools deferred", words, Change(Edit(dropped, search=SEARCH)), behaviour=True)


def _sizes_of(stage: Stage, kinds: frozenset[Kind]) -> list[int]:
    """Tokens of every distinct text of these kinds, in order."""
    tree = stage.ground.tree
    sizes: list[int] = []
    for lengths, passing in zip(stage.ground.own, stage.ground.passing, strict=True):
        nodes = {tree.segments[node]: node for node in numpy.flatnonzero(passing).tolist()
                 if node != ROOT and tree.entry(node).kind in kinds}  # fmt: skip
        sizes += lengths[list(nodes.values())].tolist() if nodes else []
    return sorted(sizes)


def _capped(sizes: Sequence[int]) -> Candidate:
    """Results cut where a tenth of them is longer."""
    cap = max(1, ceil(sizes[len(sizes) * 9 // 10] / _ROUND)) * _ROUND
    words = f"at {exact(cap)} tokens, which a tenth of them exceeds"
    return Candidate("cap", "tool results cut", words, Change(Edit(cap=cap)), behaviour=True)


def _cleared() -> Iterator[Candidate]:
    for turns in _TURNS:
        words = f"but those of the last {turns} to {2 * turns - 1} messages"
        yield Candidate("clear", "old tool results cleared", words, Change(Edit(cleared=turns)), behaviour=True)


def _compacted(stage: Stage) -> Iterator[Candidate]:
    """Compaction at another point, to summaries as long as the log's own, else as assumed."""
    sizes = _sizes_of(stage, frozenset({Kind.SUMMARY}))
    summary, basis = (sizes[len(sizes) // 2], "as in this log") if sizes else (SUMMARY, "assumed")
    for turns in _SUMMED_UP:
        words = f"to {exact(summary)} tokens ({basis}) but for the last {turns} to {2 * turns - 1} messages"
        words += ", not counting the calls that sum up"
        edit = Edit(compacted=turns, summary=summary)
        yield Candidate("clear", "compaction at another point", words, Change(edit), behaviour=True)
