"""How long every prompt is, by component: rulers are fitted over the whole input, then read off along each path.

A prompt's tokens are the sum over its path (what the template puts around a tool or a call goes with it), plus the rest
of the template's, plus what a transcript hides, plus what the bill has beyond all that (`unexplained`, which may be
negative). Rounding is cumulative along a path: a
component's tokens are differences of rounded totals, so they always add up to the prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy
from numpy.typing import NDArray

from agentcost.measuring.calibration import Fit, Hidden, calibrate, middle, taken
from agentcost.measuring.framing import BARE, Counts, around_of, arounds, framed, speaks
from agentcost.measuring.levels import Floats, Ints, Levels, levels_of
from agentcost.model import Basis, Kind, Knowledge, Request
from agentcost.prefix import Entry, Tree
from agentcost.results import Ruler
from agentcost.tokens import Encoding, document_tokens, encoding_of, image_tokens, state_tokens, template_of

KINDS: tuple[Kind, ...] = tuple(Kind)
COLUMN: dict[Kind, int] = {kind: number for number, kind in enumerate(KINDS)}

Key = tuple[str, str, Knowledge, str]
"""Model, client, knowledge, API: requests of one key share a ruler."""


class Measured(msgspec.Struct, frozen=True):
    """The requests of one ruler: `rows` are their indexes, `lengths` tokens per node (0 off their paths).

    `framed` is how many of those along the path to a node are no text, but stand around tools and calls.
    `reach` is tokens per node up to and with it, the template's included: where a cache may cut.
    `kinds` is tokens by request (in the order of `rows`) and by KINDS; each row's sum is the prompt.
    `hidden` gives per row (tokens, low, high), or None where nothing is hidden or nothing is known of it.
    `counted_as` is the model whose vocabulary and template count: the ruler's own, unless it was given.
    """

    ruler: Ruler
    rows: tuple[int, ...]
    lengths: Ints
    framed: Ints
    reach: Ints
    passing: Ints
    kinds: Ints
    hidden: tuple[Hidden, ...]
    counted_as: str


Given = Callable[[str, str], Ruler | None]
"""The ruler of another run for a model and client: what is measured under it counts what it would have counted there.
None where that run has none, so that one is fitted."""


def measure(
    tree: Tree, requests: Sequence[Request], lineages: Sequence[int], given: Given | None = None
) -> list[Measured]:
    """All requests measured, one `Measured` per ruler, in the order of their keys."""
    levels = levels_of(tree)
    counts = Counts.of(tree, levels)
    groups: dict[Key, list[int]] = {}
    for index, request in enumerate(requests):
        groups.setdefault((request.model, request.client, request.knowledge, speaks(request)), []).append(index)
    return [
        _measured(tree, levels, counts, key, requests, lineages, groups[key], given(key[0], key[1]) if given else None)
        for key in sorted(groups)
    ]


def uncalibrated(tree: Tree, requests: Sequence[Request]) -> tuple[Floats, Ints]:
    """Per request, the tokens of its text and of what stands around it, before any bill is looked at."""
    levels = levels_of(tree)
    counts = Counts.of(tree, levels)
    text, around = numpy.zeros(len(requests)), numpy.zeros(len(requests), dtype=numpy.int64)
    for model in sorted({request.model for request in requests}):
        rows = [row for row, request in enumerate(requests) if request.model == model]
        leaves = numpy.array([requests[row].node for row in rows], dtype=numpy.int64)
        used = levels.up(leaves) > 0
        text[rows] = levels.down(_estimates(tree, used, encoding_of(model), model))[leaves]
        around[rows] = [
            around_of(template_of(model, speaks(one)), counts, [one], one.knowledge).item()
            for one in (requests[row] for row in rows)
        ]
    return text, around


def _measured(tree: Tree, levels: Levels, counts: Counts, key: Key, requests: Sequence[Request],
              lineages: Sequence[int], rows: Sequence[int], given: Ruler | None) -> Measured:  # fmt: skip
    own, _, knowledge, api = key
    given = None if knowledge in BARE else given
    model = given.model if given else own
    encoding = encoding_of(model)
    leaves = numpy.array([requests[row].node for row in rows], dtype=numpy.int64)
    passing = levels.up(leaves)
    estimates = levels.down(_estimates(tree, passing > 0, encoding, model))
    template = template_of(model, api)
    around = around_of(template, counts, [requests[row] for row in rows], knowledge)
    billed = [_billed(requests[row]) for row in rows]
    places = [lineages[row] for row in rows]
    if given:
        fit = taken(given, knowledge, estimates[leaves], around, billed, places)
    else:
        fit = calibrate(knowledge, encoding, estimates[leaves], around, billed, places, counts.media[leaves])
    texts, frames = (
        numpy.rint(estimates * fit.factor).astype(numpy.int64),
        framed(template, counts, passing > 0, levels),
    )
    if knowledge in BARE:
        reach, frames = texts, numpy.zeros_like(frames)
    else:
        reach = texts + arounds(template, counts) + fit.added
    totals = texts + frames
    lengths = totals - totals[levels.parents]
    kinds = _by_kind(tree, levels, lengths, leaves)
    kinds[:, COLUMN[Kind.OVERHEAD]] += around + fit.added - frames[leaves]
    _close(kinds, fit.hidden, billed)
    ruler = _ruler(key, encoding, fit, kinds, billed)
    return Measured(ruler, tuple(rows), lengths, frames, reach, passing, kinds, fit.hidden, model)


def _ruler(key: Key, encoding: Encoding, fit: Fit, kinds: Ints, billed: Sequence[int | None]) -> Ruler:
    """What is told of the measure, and how well it meets the bills."""
    model, client, knowledge, _ = key
    return Ruler(
        model=model,
        client=client,
        knowledge=knowledge.value,
        encoding="" if knowledge in BARE else encoding.name,
        basis=fit.basis.value,
        factor=fit.factor,
        error=_error(kinds, billed),
        band=_band(fit, encoding),
        fitted=fit.fitted,
        requests=len(billed),
        odd=not 0.8 <= fit.factor <= 1.6,
        added=fit.added,
    )


def _band(fit: Fit, encoding: Encoding) -> float:
    """The relative error to expect: of held-out prompts where there are some, else as it is published."""
    if fit.held_out is not None:
        return fit.held_out
    return 0.0 if fit.basis is Basis.EXACT else encoding.band


# --- what is counted along a path ----------------------------------------------------------------------------------


def _estimates(tree: Tree, used: NDArray[numpy.bool_], encoding: Encoding, model: str) -> Floats:
    """Estimated tokens of each node's own segment; 0 for nodes that are not used."""
    segments = numpy.array(tree.segments, dtype=numpy.int64)
    own = numpy.zeros(len(tree.entries) + 1, dtype=numpy.float64)  # the root's at -1
    needed = numpy.zeros(len(own), dtype=bool)
    needed[segments[used]] = True
    for number in numpy.flatnonzero(needed[:-1]).tolist():
        own[number] = estimate(tree.entries[number], encoding, model)
    found: Floats = numpy.where(used, own[segments], 0.0)
    return found


def estimate(entry: Entry, encoding: Encoding, model: str) -> float:
    """Tokens of a segment before calibration: as the log says, by its media, or by its count."""
    if entry.tokens is not None:
        return entry.tokens
    if entry.media:
        return _media(entry.media, model)
    count = entry.counts.get(encoding.name)
    if count is None:  # a record that was saved under another tokenizer: its text is gone
        count = next((entry.counts[name] for name in sorted(entry.counts)), 0)
    return count


def _media(media: str, model: str) -> int:
    what, *details = media.split(" ")
    if what == "state":
        return state_tokens(model, int(details[0]))
    if what == "document":
        return document_tokens(model, int(details[0]) if details else None)
    width, _, height = details[0].partition("x") if details and "x" in details[0] else ("", "", "")
    detail = details[-1] if details and "x" not in details[-1] else "auto"
    return image_tokens(model, int(width) if width else None, int(height) if height else None, detail)


def _billed(request: Request) -> int | None:
    return request.usage.prompt if request.usage else None


# --- components ----------------------------------------------------------------------------------------------------


def _by_kind(tree: Tree, levels: Levels, lengths: Ints, leaves: Ints) -> Ints:
    columns = numpy.array([COLUMN[entry.kind] for entry in tree.entries], dtype=numpy.int64)
    there, place = numpy.unique(columns, return_inverse=True)
    own = numpy.zeros((len(tree), len(there)), dtype=numpy.int64)
    own[numpy.arange(1, len(tree)), place[numpy.array(tree.segments, dtype=numpy.int64)[1:]]] = lengths[1:]
    found: Ints = numpy.zeros((len(leaves), len(KINDS)), dtype=numpy.int64)
    found[:, there] = levels.down(own)[leaves]
    return found


def _close(kinds: Ints, hidden: Sequence[Hidden], billed: Sequence[int | None]) -> None:
    """Add what is hidden and what stays unexplained, so that each row sums to the bill."""
    if any(hidden):
        kinds[:, COLUMN[Kind.HIDDEN]] = [part[0] if part else 0 for part in hidden]
    known = [row for row, total in enumerate(billed) if total is not None]
    totals = numpy.array([total for total in billed if total is not None], dtype=numpy.int64)
    kinds[known, COLUMN[Kind.UNEXPLAINED]] = totals - kinds[known].sum(axis=1)


def _error(kinds: Ints, billed: Sequence[int | None]) -> float | None:
    """The median share of the bill that stays unexplained."""
    rows = [row for row, total in enumerate(billed) if total]
    totals = numpy.array([total for total in billed if total], dtype=numpy.int64)
    return middle(numpy.abs(kinds[rows, COLUMN[Kind.UNEXPLAINED]]) / totals) if rows else None
