"""How long every prompt is, by component: rulers are fitted over the whole input, then read off along each path.

A prompt's tokens are the sum over its path, plus the template's overhead, plus what a transcript hides, plus what
the bill has beyond all that (`unexplained`, which may be negative). Rounding is cumulative along a path: a
component's tokens are differences of rounded totals, so they always add up to the prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Literal, TypeVar

import msgspec
import numpy
from numpy.typing import NDArray

from agentcost.model import Basis, Kind, Knowledge, Request
from agentcost.prefix import Entry, Tree
from agentcost.results import Ruler
from agentcost.tokens import (
    Encoding,
    Template,
    document_tokens,
    encoding_of,
    factor,
    image_tokens,
    overhead,
    template_of,
)  # fmt: skip

KINDS: tuple[Kind, ...] = tuple(Kind)
COLUMN: dict[Kind, int] = {kind: number for number, kind in enumerate(KINDS)}
_TOOLS = frozenset({Kind.TOOL, Kind.MCP_TOOL, Kind.SKILL})

Ints = NDArray[numpy.int64]
Floats = NDArray[numpy.float64]
Summed = TypeVar("Summed", Ints, Floats)
Key = tuple[str, str, Knowledge, str]
"""Model, client, knowledge, API: requests of one key share a ruler."""


class Levels(msgspec.Struct, frozen=True):
    """A tree's nodes by depth: sums down the paths and up to the root, one level at a time."""

    parents: Ints
    rows: tuple[Ints, ...]

    def down(self, own: Summed) -> Summed:
        """Per node, the sum of `own` over its path."""
        total = own.copy()
        for row in self.rows:
            total[row] += total[self.parents[row]]
        return total

    def up(self, leaves: Iterable[int]) -> Ints:
        """Per node, how many of the leaves (repeats counted) lie on or behind it."""
        found = numpy.zeros(len(self.parents), dtype=numpy.int64)
        numpy.add.at(found, numpy.fromiter(leaves, dtype=numpy.int64), 1)
        for row in reversed(self.rows):
            numpy.add.at(found, self.parents[row], found[row])
        return found


def levels_of(tree: Tree) -> Levels:
    """The tree's nodes by depth, without the root."""
    parents = numpy.array(tree.parents, dtype=numpy.int64)
    depth = [0] * len(tree)
    for node, parent in enumerate(tree.parents):
        depth[node] = depth[parent] + 1 if node else 0
    order = numpy.argsort(numpy.array(depth), kind="stable")
    edges = numpy.cumsum(numpy.bincount(numpy.array(depth)))
    return Levels(parents, tuple(numpy.split(order, edges[:-1])[1:]))


class Measured(msgspec.Struct, frozen=True):
    """The requests of one ruler: `rows` are their indexes, `lengths` tokens per node (0 off their paths).

    `reach` is tokens per node up to and with it, the template's included: where a cache may cut.
    `kinds` is tokens by request (in the order of `rows`) and by KINDS; each row's sum is the prompt.
    `hidden` gives per row (tokens, low, high), or None where nothing is hidden or nothing is known of it.
    `counted_as` is the model whose vocabulary and template count: the ruler's own, unless it was given.
    """

    ruler: Ruler
    rows: tuple[int, ...]
    lengths: Ints
    reach: Ints
    passing: Ints
    kinds: Ints
    hidden: tuple[tuple[int, int, int] | None, ...]
    counted_as: str


Given = Callable[[str, str], Ruler | None]
"""The ruler of another run for a model and client: what is measured under it counts what it would have counted there.
None where that run has none, so that one is fitted."""


def measure(
    tree: Tree, requests: Sequence[Request], lineages: Sequence[int], given: Given | None = None
) -> list[Measured]:
    """All requests measured, one `Measured` per ruler, in the order of their keys."""
    levels = levels_of(tree)
    groups: dict[Key, list[int]] = {}
    for index, request in enumerate(requests):
        groups.setdefault((request.model, request.client, request.knowledge, request.api), []).append(index)
    return [
        _measured(tree, levels, key, requests, lineages, groups[key], given(key[0], key[1]) if given else None)
        for key in sorted(groups)
    ]


def _measured(tree: Tree, levels: Levels, key: Key, requests: Sequence[Request], lineages: Sequence[int],
              rows: Sequence[int], given: Ruler | None) -> Measured:  # fmt: skip
    own, client, knowledge, api = key
    given = None if knowledge in (Knowledge.BLOCKS, Knowledge.COUNTS) else given
    model = given.model if given else own
    encoding = encoding_of(model)
    leaves = numpy.array([requests[row].node for row in rows], dtype=numpy.int64)
    passing = levels.up(leaves)
    counts = _Counts.of(tree, levels, passing > 0)
    estimates = levels.down(_estimates(tree, passing > 0, encoding, model))
    around = [_overhead(template_of(model, api), counts, requests[row], knowledge) for row in rows]
    billed = [_billed(requests[row]) for row in rows]
    fit = _fit(
        knowledge, encoding, estimates[leaves], around, billed, [lineages[row] for row in rows], counts.media[leaves],
        given,
    )  # fmt: skip
    totals = numpy.rint(estimates * fit.factor).astype(numpy.int64)
    lengths = totals - totals[levels.parents]
    kinds = _by_kind(tree, levels, lengths, leaves)
    kinds[:, COLUMN[Kind.OVERHEAD]] += around
    _close(kinds, fit.hidden, billed)
    ruler = Ruler(
        model=own,
        client=client,
        knowledge=knowledge.value,
        encoding="" if knowledge in (Knowledge.BLOCKS, Knowledge.COUNTS) else encoding.name,
        basis=fit.basis.value,
        factor=fit.factor,
        error=_error(kinds, billed),
        band=0.0 if fit.basis is Basis.EXACT else encoding.band,
        fitted=fit.fitted,
        requests=len(rows),
        odd=not 0.8 <= fit.factor <= 1.6,
    )
    reach = totals + (_overheads(template_of(model, api), counts) if ruler.encoding else 0)
    return Measured(ruler, tuple(rows), lengths, reach, passing, kinds, fit.hidden, model)


# --- what is counted along a path ----------------------------------------------------------------------------------


class _Counts(msgspec.Struct, frozen=True):
    """Per node, how many messages, tools, calls, system segments and media its path has."""

    messages: Ints
    tools: Ints
    calls: Ints
    system: Ints
    media: Ints

    @classmethod
    def of(cls, tree: Tree, levels: Levels, used: NDArray[numpy.bool_]) -> _Counts:
        own = numpy.zeros((len(tree), 5), dtype=numpy.int64)
        for node in numpy.flatnonzero(used)[1:].tolist():
            entry = tree.entry(node)
            system = entry.level == "system"
            own[node] = (
                entry.opens_message, entry.level == "tools", entry.kind is Kind.TOOL_CALL, system, bool(entry.media),
            )  # fmt: skip
        total = levels.down(own)
        return cls(*(total[:, column] for column in range(5)))


def _estimates(tree: Tree, used: NDArray[numpy.bool_], encoding: Encoding, model: str) -> Floats:
    """Estimated tokens of each node's own segment; 0 for nodes that are not used."""
    known: dict[int, float] = {}
    own = numpy.zeros(len(tree), dtype=numpy.float64)
    for node in numpy.flatnonzero(used)[1:].tolist():
        number = tree.segments[node]
        found = known.get(number)
        if found is None:
            found = known[number] = estimate(tree.entries[number], encoding, model)
        own[node] = found
    return own


def estimate(entry: Entry, encoding: Encoding, model: str) -> float:
    """Tokens of a segment before calibration: as the log says, by its media, or by its count."""
    if entry.tokens is not None:
        return entry.tokens
    if entry.media:
        return _media(entry.media, model)
    count = entry.counts.get(encoding.name, 0)
    return count * factor(encoding, entry.kind, entry.ascii / entry.characters if entry.characters else 1.0)


def _media(media: str, model: str) -> int:
    what, *details = media.split(" ")
    if what == "document":
        return document_tokens(model, int(details[0]) if details else None)
    width, _, height = details[0].partition("x") if details and "x" in details[0] else ("", "", "")
    detail = details[-1] if details and "x" not in details[-1] else "auto"
    return image_tokens(model, int(width) if width else None, int(height) if height else None, detail)


def _overhead(template: Template, counts: _Counts, request: Request, knowledge: Knowledge) -> int:
    """Tokens that stand around the text. Blocks and counts have theirs inside; a transcript's tools are hidden."""
    if knowledge in (Knowledge.BLOCKS, Knowledge.COUNTS):
        return 0
    node = request.node
    return overhead(
        template,
        messages=int(counts.messages[node]),
        tools=int(counts.tools[node]),
        choice=_choice(request),
        system=bool(counts.system[node]),
        calls=int(counts.calls[node]),
    )


def _overheads(template: Template, counts: _Counts) -> Ints:
    """`_overhead` of every node at once, for the usual tool choice."""
    for_tools = template.tools + template.per_tool * counts.tools + template.system_adjust * (counts.system > 0)
    found: Ints = template.base + template.per_message * counts.messages + template.per_call * counts.calls
    found += for_tools * (counts.tools > 0)
    return found


def _choice(request: Request) -> Literal["auto", "none", "any", "named"]:
    value = dict(request.settings).get("tool_choice", "auto")
    if '"none"' in value or value == "none":
        return "none"
    if '"any"' in value or value == "required":
        return "any"
    return "named" if '"name"' in value or '"function"' in value else "auto"


def _billed(request: Request) -> int | None:
    return request.usage.prompt if request.usage else None


# --- the ruler -----------------------------------------------------------------------------------------------------


_FEWEST, _LIGHTEST = 3, 2_000
"""Billed prompts, and estimated tokens in them, from which on a factor is fitted."""

_PLAUSIBLE = (0.5, 2.0)
"""A fitted factor outside tells of something else than a tokenizer (hidden text, tools run by the provider)."""


class _Fit(msgspec.Struct, frozen=True):
    factor: float
    basis: Basis
    fitted: int
    hidden: tuple[tuple[int, int, int] | None, ...]


def _fit(knowledge: Knowledge, encoding: Encoding, estimates: Floats, around: Sequence[int],
         billed: Sequence[int | None], lineages: Sequence[int], media: Ints, given: Ruler | None) -> _Fit:  # fmt: skip
    """The factor that makes estimates meet the bill, or the given one; for transcripts also what each lineage hides."""
    nothing = (None,) * len(billed)
    if given:
        hides = knowledge is Knowledge.TRANSCRIPT
        hidden = _hidden(given.factor, estimates, around, billed, lineages) if hides else nothing
        return _Fit(given.factor, Basis(given.basis), given.fitted, hidden)
    if knowledge in (Knowledge.BLOCKS, Knowledge.COUNTS):
        return _Fit(1.0, Basis.EXACT, 0, nothing)
    usable = [row for row, total in enumerate(billed) if total and estimates[row] > 0 and not media[row]]
    over = [(float(estimates[row]), float((billed[row] or 0) - around[row])) for row in usable]
    if knowledge is Knowledge.TRANSCRIPT:
        slope = None if encoding.basis is Basis.EXACT else _common_slope([lineages[row] for row in usable], over)
        basis = encoding.basis if slope is None else Basis.CALIBRATED
        scale = 1.0 if slope is None else slope
        return _Fit(scale, basis, len(usable) if slope else 0, _hidden(scale, estimates, around, billed, lineages))
    weight = sum(estimate_ for estimate_, _ in over)
    if encoding.basis is Basis.EXACT or len(over) < _FEWEST or weight < _LIGHTEST:
        return _Fit(1.0, encoding.basis, 0, nothing)
    scale = sum(e * u for e, u in over) / sum(e * e for e, _ in over)
    if not _PLAUSIBLE[0] <= scale <= _PLAUSIBLE[1]:
        return _Fit(1.0, encoding.basis, 0, nothing)
    return _Fit(scale, Basis.CALIBRATED, len(over), nothing)


def _common_slope(lineages: Sequence[int], over: Sequence[tuple[float, float]]) -> float | None:
    """How much the bill grows per estimated token within lineages: each hides its own constant.

    None where too little grows to tell. The median of the growth between neighbours withstands the turns at
    which a harness changes what it hides.
    """
    last: dict[int, tuple[float, float]] = {}
    slopes: list[tuple[float, float]] = []
    for lineage, (estimate_, total) in zip(lineages, over, strict=True):
        before = last.get(lineage)
        if before and estimate_ - before[0] >= 200 and total > before[1]:
            slopes.append(((total - before[1]) / (estimate_ - before[0]), estimate_ - before[0]))
        last[lineage] = (estimate_, total)
    if len(slopes) < 3:
        return None
    found = _weighted_median(slopes)
    return found if _PLAUSIBLE[0] <= found <= _PLAUSIBLE[1] else None


def _weighted_median(pairs: Sequence[tuple[float, float]]) -> float:
    half, seen = sum(weight for _, weight in pairs) / 2, 0.0
    for value, weight in sorted(pairs):
        seen += weight
        if seen >= half:
            return value
    return 1.0


def _hidden(scale: float, estimates: Floats, around: Sequence[int], billed: Sequence[int | None],
            lineages: Sequence[int]) -> tuple[tuple[int, int, int] | None, ...]:  # fmt: skip
    """Per request, what its lineage hides: the median of the bill beyond what is seen, and the middle 80 %."""
    beyond: dict[int, list[float]] = {}
    for row, total in enumerate(billed):
        if total is not None:
            beyond.setdefault(lineages[row], []).append(total - around[row] - scale * float(estimates[row]))
    found = {}
    for lineage, values in beyond.items():
        ordered = sorted(max(0.0, value) for value in values)
        low, high = ordered[len(ordered) // 10], ordered[-1 - len(ordered) // 10]
        found[lineage] = (round(median(ordered)), round(low), round(high))
    return tuple(found.get(lineage) for lineage in lineages)


# --- components ----------------------------------------------------------------------------------------------------


def _by_kind(tree: Tree, levels: Levels, lengths: Ints, leaves: Ints) -> Ints:
    own = numpy.zeros((len(tree), len(KINDS)), dtype=numpy.int64)
    columns = numpy.array([COLUMN[entry.kind] for entry in tree.entries] or [0], dtype=numpy.int64)
    nodes = numpy.arange(1, len(tree))
    own[nodes, columns[numpy.array(tree.segments, dtype=numpy.int64)[1:]]] = lengths[1:]
    found: Ints = levels.down(own)[leaves]
    return found


def _close(kinds: Ints, hidden: Sequence[tuple[int, int, int] | None], billed: Sequence[int | None]) -> None:
    """Add what is hidden and what stays unexplained, so that each row sums to the bill."""
    for row, (part, total) in enumerate(zip(hidden, billed, strict=True)):
        if part:
            kinds[row, COLUMN[Kind.HIDDEN]] = part[0]
        if total is not None:
            kinds[row, COLUMN[Kind.UNEXPLAINED]] = total - int(kinds[row].sum())


def _error(kinds: Ints, billed: Sequence[int | None]) -> float | None:
    """The median share of the bill that stays unexplained."""
    rows = [(abs(int(kinds[row, COLUMN[Kind.UNEXPLAINED]])), total) for row, total in enumerate(billed) if total]
    return median(part / total for part, total in rows) if rows else None
