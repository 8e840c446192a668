"""What could be done otherwise with a log: a few ways of each kind, of which replay finds the best."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy

from agentcost.cache.catalogue import policy_named
from agentcost.cache.placing import SHORTLIST, STUDIED, Placement, placements
from agentcost.model import ROOT, Kind
from agentcost.units import exact, plural
from agentcost.whatifs.edits import RESULTS, SEARCH, Edit
from agentcost.whatifs.replay import Change, Outcome, Stage, prices
from agentcost.whatifs.volatile import volatile

MOST_STEPS = 400_000
"""Requests times rules that are replayed at most: some seconds."""

_PINGS = (1, 3, 6)
_TURNS = (5, 10, 20)
_ROUND = 100


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to send the log otherwise. Of one `kind` only one can be chosen; `behaviour`: the model sees other text."""

    kind: str
    name: str
    words: str
    change: Change
    behaviour: bool = False


def candidates(stage: Stage, base: Outcome) -> Iterator[list[Candidate]]:
    """Lists of which the best counts."""
    yield list(_placed(stage))
    for name, rule in STUDIED.items():
        words = f"{name}: breakpoints behind {rule.words}"
        yield [Candidate("placement", "strategy of arXiv 2601.06007", words, change)
               for change in _ruled(stage, rule)]  # fmt: skip
    yield list(_timed(stage))
    yield list(_moved(stage))
    yield [Candidate("order", "tools in a fixed order", "by name", Change(Edit(ordered=True)))]
    yield from ([found] for found in _fewer_tools(stage))
    yield list(_capped(stage))
    yield list(_cleared())


# --- breakpoints ---------------------------------------------------------------------------------------------------


def _placed(stage: Stage) -> Iterator[Candidate]:
    rows = [row for row in range(len(stage.requests)) if stage.placeable(row)]
    if not rows:
        return
    most = max(policy_named(stage.scene.policies[row]).max_breakpoints for row in rows)
    rules: Sequence[Placement] = placements(most)
    note = ""
    if len(rules) * len(rows) > MOST_STEPS:
        rules, note = SHORTLIST, f" (of {len(SHORTLIST)} rules only: the log is long)"
    for rule in rules:
        for change in _ruled(stage, rule):
            everywhere = ", also where none stood" if change.everywhere else ""
            yield Candidate("placement", "breakpoints placed better", f"behind {rule.words}{everywhere}{note}", change)


def _ruled(stage: Stage, rule: Placement) -> Iterator[Change]:
    """A rule for the requests that have breakpoints, and for all where some have none."""
    marked = {bool(stage.scene.prompts[row].marks) for row in range(len(stage.requests)) if stage.placeable(row)}
    if True in marked:
        yield Change(placement=rule)
    if False in marked:
        yield Change(placement=rule, everywhere=True)


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
        reads = max(0, (write - 1) / (1 - times.read))
        pays = f"pays from {plural(ceil(reads), 'read')} on"
        yield Candidate("time", "time to live", f"{ttl} everywhere; {pays}", Change(ttl=ttl))
        yield Candidate("time", "time to live", f"{ttl} for tools and system; {pays}", Change(ttl=ttl, head=True))
    ttl = policy_named(name).ttls[0].name if policy_named(name).ttls else ""
    limit = ((times.writes.get(ttl) or 1) - times.read) / times.read if times.read else 0
    for pings in (*_PINGS, int(limit)):
        if pings and pings <= limit:
            words = f"up to {plural(pings, 'ping')} in an idle gap; pays below {limit:.1f}"
            yield Candidate("time", "cache kept alive", words, Change(pings=pings))


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
    passing = sum((group.passing for group in stage.ground.measured), numpy.zeros(len(stage.ground.tree), dtype="int64"))
    return [node for node in numpy.flatnonzero(passing).tolist() if node != ROOT]


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


def _capped(stage: Stage) -> Iterator[Candidate]:
    """Results cut where a tenth of them is longer."""
    tree, sizes = stage.ground.tree, []
    for group in stage.ground.measured:
        seen: set[int] = set()
        for node in numpy.flatnonzero(group.passing).tolist():
            if node != ROOT and tree.segments[node] not in seen and tree.entry(node).kind in RESULTS:
                seen.add(tree.segments[node])
                sizes.append(int(group.lengths[node]))
    if sizes:
        cap = ceil(sorted(sizes)[len(sizes) * 9 // 10] / _ROUND) * _ROUND
        words = f"at {exact(cap)} tokens, which a tenth of them exceeds"
        yield Candidate("cap", "tool results cut", words, Change(Edit(cap=max(cap, _ROUND))), behaviour=True)


def _cleared() -> Iterator[Candidate]:
    for turns in _TURNS:
        words = f"but those of the last {turns} to {2 * turns - 1} messages"
        yield Candidate("clear", "old tool results cleared", words, Change(Edit(cleared=turns)), behaviour=True)
