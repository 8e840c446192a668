"""A log's prompts in the tokens of another model: counted again where the text is at hand, scaled with a band else.

Blocks are taken as they are. Where a log tells counts only, or only another vocabulary's, they are multiplied by how
many tokens vocabularies need for the same text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy

from agentcost.measuring.levels import Floats, Ints, Levels, levels_of
from agentcost.measuring.measure import Measured, estimate
from agentcost.model import Basis, Knowledge, Request
from agentcost.prefix import Entry, Tree
from agentcost.tokens import Encoding, encoding_of

OVER_O200K: dict[str, float] = {
    "o200k_base": 1.0, "o200k_harmony": 1.0, "cl100k_base": 1.0, "phi4": 1.0, "olmo2": 1.0, "llama3": 1.0,
    "glm4": 1.0, "kimi_k2": 0.99, "kimi_k3": 0.99, "qwen3": 1.03, "deepseek_v3": 1.06, "mistral_v3": 1.10,
    "cl100k_claude3": 1.13, "gemma4": 1.15, "mistral_v1": 1.25, "mistral_v2": 1.25, "llama2": 1.30, "codellama": 1.30,
    "cl100k_claude4.7": 1.41,
}  # fmt: skip
"""Tokens of a vocabulary for each of o200k's: the mean over code, Markdown, English prose and JSON, 0.6 million
characters of each, counted by splintr-rs 0.22.0 on 2026-11-25 (Claude's: 2026-11-26). Other scripts lie further
apart."""

SPREAD = 0.06
"""How far the four kinds of text lie from that mean at most."""

WIDER = {"cl100k_claude4.7": 0.15}
"""The same of a vocabulary of short pieces, in which prose of long words falls apart: licences, on 2026-11-26."""


class TargetTokens(msgspec.Struct, frozen=True):
    """A log in a model's tokens: `lengths` per node, `reach` up to and with it, `prompts` and `outputs` per request.

    An output is None where it is unknown. `basis` says where tokens come from: as is (blocks), exact, counted again,
    scaled. `band` is the relative error, `factor` the tokens for each of the log's own.
    """

    encoding: str
    basis: str
    band: float
    factor: float
    lengths: Ints
    reach: Ints
    prompts: tuple[int, ...]
    outputs: tuple[int | None, ...]


def target_tokens(
    tree: Tree,
    requests: Sequence[Request],
    measured: Sequence[Measured],
    model: str,
    recounted: Mapping[int, int] | None = None,
) -> TargetTokens:
    """The requests in the tokens of `model`. `recounted` gives its counts of texts, by segment."""
    encoding, levels = encoding_of(model), levels_of(tree)
    ratios = _ratios_of_counts(tree, levels, requests, measured, encoding)
    again = recounted or {}
    known = numpy.zeros(len(tree.entries) + 1)  # the root's segment is -1: the last, of no length
    known[:-1] = [
        _length(entry, encoding, model, again.get(number)) if again or entry.tokens is None else entry.tokens
        for number, entry in enumerate(tree.entries)
    ]
    totals = numpy.rint(levels.down(known[numpy.asarray(tree.segments)] * ratios)).astype(numpy.int64)
    lengths: Ints = totals - totals[levels.parents]
    prompts = numpy.zeros(len(requests), dtype=numpy.int64)
    outputs: list[int | None] = [None] * len(requests)
    before = after = 0
    for group in measured:
        reach = levels.down(group.lengths) - group.framed
        ratio = _ratio(group, reach, totals, requests, encoding)
        leaves = [requests[row].node for row in group.rows]
        whole = group.kinds.sum(axis=1)
        own = numpy.maximum(0, totals[leaves] + numpy.rint((whole - reach[leaves]) * ratio).astype(numpy.int64))
        before, after = before + int(whole.sum()), after + int(own.sum())
        prompts[list(group.rows)] = own
        for row in group.rows:
            outputs[row] = _output(requests[row], ratio, totals)
    basis, band = _basis(tree, requests, encoding, recounted)
    factor = after / before if before else 1.0
    return TargetTokens(encoding.name, basis, band, factor, lengths, totals, tuple(prompts.tolist()), tuple(outputs))


def spread_of(names: Iterable[str]) -> float:
    """How far texts lie from the mean where they are scaled between these vocabularies."""
    return max(WIDER.get(name, SPREAD) for name in names)


def per_o200k(encoding: Encoding) -> float:
    """Tokens of a model for each of o200k's."""
    return OVER_O200K.get(encoding.name, 1.0)


def _length(entry: Entry, encoding: Encoding, model: str, again: int | None) -> float:
    if again is not None:
        return again
    if entry.tokens is not None or entry.media or encoding.name in entry.counts:
        return estimate(entry, encoding, model)
    for name in sorted(entry.counts):
        if name in OVER_O200K:
            return entry.counts[name] * OVER_O200K.get(encoding.name, 1.0) / OVER_O200K[name]
    return 0.0


def _ratios_of_counts(
    tree: Tree, levels: Levels, requests: Sequence[Request], measured: Sequence[Measured], encoding: Encoding
) -> Floats:
    """Per node, what a length that the log itself tells is multiplied by: 1 but for logs of counts."""
    found = numpy.ones(len(tree), dtype=numpy.float64)
    for group in measured:
        if group.ruler.knowledge == Knowledge.COUNTS.value:
            used = levels.up([requests[row].node for row in group.rows]) > 0
            found[used] = per_o200k(encoding) / per_o200k(encoding_of(group.ruler.model))
    return found


def _ratio(group: Measured, reach: Ints, totals: Ints, requests: Sequence[Request], encoding: Encoding) -> float:
    """What the part of a bill that stands in no segment, and the output, are multiplied by."""
    leaves = [requests[row].node for row in group.rows]
    seen, target = int(reach[leaves].sum()), int(totals[leaves].sum())
    if group.ruler.knowledge == Knowledge.BLOCKS.value:
        return 1.0
    return target / seen if seen and target else per_o200k(encoding) / per_o200k(encoding_of(group.ruler.model))


def _output(request: Request, ratio: float, totals: Ints) -> int | None:
    if request.usage and request.usage.output is not None:
        return round(request.usage.output * ratio)
    return None if request.answer is None else int(totals[request.answer] - totals[request.node])


def _basis(
    tree: Tree, requests: Sequence[Request], encoding: Encoding, recounted: Mapping[int, int] | None
) -> tuple[str, float]:
    """Where the tokens come from and the relative error: the worst of what the log holds."""
    kinds = {request.knowledge for request in requests}
    if kinds <= {Knowledge.BLOCKS}:
        return "as is", 0.0
    counted = [
        number for number, entry in enumerate(tree.entries) if entry.tokens is None and not entry.media and entry.counts
    ]
    if Knowledge.COUNTS in kinds:
        models = {request.model for request in requests if request.knowledge is Knowledge.COUNTS}
        others = [encoding_of(model) for model in models]
        band = encoding.band + max(other.band for other in others)
        return "scaled", band + spread_of([encoding.name, *(other.name for other in others)])
    own = all(encoding.name in tree.entries[number].counts for number in counted)
    if own or all(number in (recounted or {}) for number in counted):
        basis = "exact" if own else "counted again"
        return (basis, 0.0) if encoding.basis is Basis.EXACT else ("estimated", encoding.band)
    texts = [tree.entries[number].counts for number in counted]
    return "scaled", encoding.band + spread_of({encoding.name}.union(*texts))
