"""Two prompts side by side where they part: what the one has in place of what stood in the other.

    before  Read  Edit   system 09:00   "go"  call 1
    now     Edit  Read   system 09:07   "go"  call 1  result 1       Read moved, system changed, result 1 added

Segments are told apart by their digests: no text is needed to align them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

import msgspec
from msgspec.structs import replace

from agentcost.cache.references import Reference
from agentcost.model import ROOT
from agentcost.prefix import Entry, shared_bytes
from agentcost.results import KIND_COLUMNS, Parting, PartingRow, PathRow
from agentcost.study import Study

CONTEXT = 3
"""Segments in front of the parting that are shown."""

SAME, CHANGED, REORDERED, ADDED, REMOVED, MOVED = "same", "changed", "reordered", "added", "removed", "moved"


# --- one path ------------------------------------------------------------------------------------------------------


def nodes_of(study: Study, index: int) -> list[int]:
    """The nodes of a prompt as its model sees it, the first first."""
    node, parents = study.run.prompts[index].leaf, study.run.shape.parents
    found = []
    while node != ROOT:
        found.append(node)
        node = parents[node]
    return found[::-1]


def path_of(
    study: Study, index: int, reference: Reference | None, texts: Mapping[int, str] | None = None
) -> list[PathRow]:
    """The path of a request as it was sent, segment by segment; `texts` by segment number."""
    tree = study.record.tree
    group = next(group for group in study.measured if index in group.rows)
    seen = nodes_of(study, index)
    lengths = reached(study, index, seen)
    known = set(nodes_of(study, reference.row)) if reference else set()
    markers = {mark.node: mark.ttl for mark in study.requests[index].breakpoints}
    rows: list[PathRow] = []
    at = 0
    for number, node in enumerate(tree.path(study.requests[index].node), 1):
        segment = tree.segments[node]
        visible = at < len(seen) and study.run.segments[seen[at]] == segment
        shared = visible and seen[at] in known
        at += visible
        row = _row(study, segment, number, int(group.lengths[node]), lengths[at])
        text, marker = (texts or {}).get(segment, ""), markers.get(node, "")
        rows.append(replace(row, shared=shared, breakpoint=marker, text=text, stripped=not visible))
    return rows


def reached(study: Study, index: int, nodes: Sequence[int]) -> list[int]:
    """Tokens of a prompt before its first node, then up to each: all of them at the last.

    Bills tell how long some of its prefixes are. Between those the ruler's lengths are stretched to meet them.
    """
    prompt = study.run.prompts[index]
    group = next(group for group in study.measured if index in group.rows)
    hidden = group.hidden[group.rows.index(index)]
    first = min(prompt.total, prompt.reach[ROOT] + (hidden[0] if hidden else 0))
    told = {**prompt.told.lengths, **dict([prompt.known] if prompt.known else [])}
    anchors = [(0, max(0, first))]
    for place, node in enumerate(nodes[:-1], 1):
        if node in told and anchors[-1][1] <= told[node] <= prompt.total:
            anchors.append((place, told[node]))
    anchors += [(len(nodes), prompt.total)] if nodes else []
    ruler = [prompt.reach[ROOT], *(prompt.reach[node] for node in nodes)]
    found = [anchors[0][1]]
    for (start, low), (end, high) in pairwise(anchors):
        span = ruler[end] - ruler[start]
        found += (
            low + round((high - low) * ((ruler[place] - ruler[start]) / span if span else 1))
            for place in range(start + 1, end + 1)
        )
    return found


def _row(study: Study, segment: int, number: int, tokens: int, until: int) -> PathRow:
    entry = study.record.tree.entries[segment]
    return PathRow(
        level=entry.level,
        role=entry.role,
        component=KIND_COLUMNS[entry.kind],
        name=entry.name,
        server=entry.server,
        tokens=tokens,
        cumulative=until,
        shared=False,
        marks=tuple(sorted({mark.what for mark in entry.marks})),
        place=_place(study, entry),
        number=number,
    )


def _place(study: Study, entry: Entry) -> str:
    source, offset, _ = entry.place
    logs = study.record.logs
    return f"{logs[source].name}@{offset}" if 0 <= source < len(logs) else ""


# --- two paths -----------------------------------------------------------------------------------------------------


def parting_of(study: Study, index: int, reference: Reference) -> Parting:
    """A request beside the one that it is compared with."""
    now, before = nodes_of(study, index), nodes_of(study, reference.row)
    common = next((n for n, (one, other) in enumerate(zip(now, before, strict=False)) if one != other), None)
    common = min(len(now), len(before)) if common is None else common
    other = study.requests[reference.row]
    request = study.requests[index]
    timed = request.started is not None and other.started is not None
    rows = tuple(_beside(study, (reference.row, before), (index, now), common)) if common < len(before) else ()
    if reference.other:
        rows = tuple(_head(rows))
    return Parting(
        place=str(other.place),
        id=other.id,
        gap_s=(request.started or 0) - (other.started or 0) if timed else None,
        another=reference.other,
        segments=common,
        shared=reached(study, index, now)[common],
        added=len(now) - common,
        rows=rows,
    )


def _head(rows: Sequence[PartingRow]) -> Iterator[PartingRow]:
    """Of two conversations only what both could begin with: what follows is another matter in each."""
    differs = False
    for row in rows:
        side = row.now or row.before
        if differs and side and side.level == "messages":
            return
        differs = differs or row.change != SAME
        yield row


def _beside(
    study: Study, before: tuple[int, Sequence[int]], now: tuple[int, Sequence[int]], common: int
) -> Iterator[PartingRow]:
    """The lines from a few before the parting on."""
    start = max(0, common - CONTEXT)
    old, new = _side(study, *before, start), _side(study, *now, start)
    segments, entries = study.run.segments, study.record.tree.entries
    left, right = [segments[node] for node in before[1][start:]], [segments[node] for node in now[1][start:]]
    slots = [_slot(entries[number]) for number in left], [_slot(entries[number]) for number in right]
    led = study.requests[now[0]].api.startswith("openai")
    sides = _freed(entries, left, right, common - start) if led else (left, right)
    for one in aligned(*sides, *slots):
        mine = None if one.now is None else new[one.now]
        theirs = None if one.before is None else old[one.before]
        alike = 0
        if one.change == CHANGED and one.before is not None and one.now is not None:
            alike = shared_bytes(entries[left[one.before]].runs, entries[right[one.now]].runs)
        yield PartingRow(one.change, theirs, mine, alike)


def _freed(
    entries: Sequence[Entry], before: Sequence[int], now: Sequence[int], parting: int
) -> tuple[list[int], list[int]]:
    """The two sides with one number for tools of one text: where a template joins tools, what stands in front of a
    tool is part of its digest. The two at the parting follow on the same and do differ."""
    names: dict[Hashable, int] = {}

    def number(segment: int) -> int:
        entry = entries[segment]
        return names.setdefault((_slot(entry), entry.size, entry.runs), segment) if entry.level == "tools" else segment

    left, right = [number(segment) for segment in before], [number(segment) for segment in now]
    if parting < min(len(left), len(right)) and left[parting] == right[parting]:
        left[parting] = -1
    return left, right


def _slot(entry: Entry) -> Hashable:
    """What two texts must have in common to be two states of one thing."""
    return entry.level, entry.role, entry.kind, entry.name, entry.server


def _side(study: Study, index: int, nodes: Sequence[int], start: int) -> list[PathRow]:
    """The rows of one path from a segment on."""
    group = next(group for group in study.measured if index in group.rows)
    tree, segments = study.record.tree, study.run.segments
    own = {tree.segments[node]: int(group.lengths[node]) for node in tree.path(study.requests[index].node)}
    until = reached(study, index, nodes)
    return [
        _row(study, segments[node], number, own[segments[node]], until[number])
        for number, node in enumerate(nodes[start:], start + 1)
    ]


class Pair(msgspec.Struct, frozen=True):
    """A line of two sequences side by side: places in either, or in both."""

    change: str
    before: int | None
    now: int | None


def aligned(
    before: Sequence[int], now: Sequence[int], slots_before: Sequence[Hashable], slots_now: Sequence[Hashable]
) -> list[Pair]:
    """Two sequences side by side, every place of each once and in its order.

    Equal numbers are the same; what stands between them is changed where both have the same slot, moved where the
    other side has it elsewhere, else removed or added.
    """
    pairs: list[Pair] = []
    for what, left, left_end, right, right_end in SequenceMatcher(None, before, now, autojunk=False).get_opcodes():
        if what == "equal":
            pairs += (Pair(SAME, left + step, right + step) for step in range(left_end - left))
            continue
        pairs += _replaced(range(left, left_end), range(right, right_end), slots_before, slots_now)
    return _moved(pairs, before, now)


def _replaced(
    left: range, right: range, slots_before: Sequence[Hashable], slots_now: Sequence[Hashable]
) -> Iterator[Pair]:
    """What stands in place of what: things of one slot, in their order."""
    old, new = [slots_before[n] for n in left], [slots_now[n] for n in right]
    for what, start, end, first, last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            yield from (Pair(CHANGED, left[start + step], right[first + step]) for step in range(end - start))
            continue
        yield from (Pair(REMOVED, left[place], None) for place in range(start, end))
        yield from (Pair(ADDED, None, right[place]) for place in range(first, last))


def _moved(pairs: Sequence[Pair], before: Sequence[int], now: Sequence[int]) -> list[Pair]:
    """What was removed here and put in there was moved; what was changed into something known elsewhere was too."""
    apart: list[Pair] = []
    gone = {before[pair.before] for pair in pairs if pair.before is not None and pair.change != SAME}
    came = {now[pair.now] for pair in pairs if pair.now is not None and pair.change != SAME}
    both = gone & came
    for pair in pairs:
        left, right = pair.before, pair.now
        if pair.change == CHANGED and (_in(both, before, left) or _in(both, now, right)):
            apart += [Pair(REMOVED, left, None), Pair(ADDED, None, right)]
        else:
            apart.append(pair)
    return [
        Pair(MOVED, pair.before, pair.now)
        if pair.change in (REMOVED, ADDED) and (_in(both, before, pair.before) or _in(both, now, pair.now))
        else pair
        for pair in apart
    ]


def _in(both: set[int], numbers: Sequence[int], place: int | None) -> bool:
    return place is not None and numbers[place] in both
