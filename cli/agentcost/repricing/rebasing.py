"""A log's prompts in the tokens of the models that they could be sent to instead, with how sure that is.

claude-opus-4-5 to claude-haiku-4-5    one tokenizer: as they are
claude-opus-4-5 to gpt-5.5             texts as counted with gpt-5.5's vocabulary, what the log hides scaled
claude-opus-4-5 to glm-5.3             counts scaled by how many tokens the vocabularies need for the same text
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy
from msgspec.structs import replace

from agentcost.measuring.levels import Floats, Ints, Levels
from agentcost.measuring.measure import Measured, estimate
from agentcost.memory.tokens import OVER_O200K, per_o200k, spread_of
from agentcost.model import Request, Usage
from agentcost.prefix import Entry, Tree
from agentcost.tokens import LIKE_CLAUDE, Encoding, encoding_of

SAME_TEXT = {"o200k_harmony": "o200k_base"}
"""Vocabularies that differ in special tokens only."""


class Scale(msgspec.Struct, frozen=True):
    """The prompts of one ruler in a model's tokens: `reach` per node, `totals` per row of the ruler.

    `ratio` is what output is multiplied by, `band` the relative error. `same`: one tokenizer, nothing changes.
    """

    reach: Sequence[int]
    totals: Sequence[int]
    ratio: float
    band: float
    same: bool


class Rebased(msgspec.Struct, frozen=True):
    """The requests in the tokens of their targets, by row: `reach` per node and `totals` of the prompt.

    `ratios` are tokens for each of the log's own, `bands` their relative errors, `same` says that they are the log's.
    """

    reach: list[Sequence[int]]
    totals: list[int]
    ratios: list[float]
    bands: list[float]
    same: list[bool]

    def band(self, rows: Sequence[int]) -> float:
        """The error of some requests together, weighted by their tokens."""
        whole = sum(self.totals[row] for row in rows)
        return sum(self.bands[row] * self.totals[row] for row in rows) / whole if whole else 0.0


class Rebasing(msgspec.Struct):
    """A record's rulers, and what was worked out of other models so far."""

    tree: Tree
    levels: Levels
    requests: Sequence[Request]
    measured: Sequence[Measured]
    known: dict[tuple[int, str], Scale] = {}
    texts: dict[str, tuple[Floats, Floats]] = {}

    def to(self, models: Sequence[str]) -> Rebased:
        """Every request in the tokens of the model at its place; "" is its own."""
        count = len(self.requests)
        found = Rebased([()] * count, [0] * count, [1.0] * count, [0.0] * count, [True] * count)
        for number, group in enumerate(self.measured):
            for place, row in enumerate(group.rows):
                scale = self._scale(number, models[row])
                found.reach[row], found.totals[row] = scale.reach, scale.totals[place]
                found.ratios[row], found.bands[row], found.same[row] = scale.ratio, scale.band, scale.same
        return found

    def _scale(self, number: int, model: str) -> Scale:
        key = number, model
        if key not in self.known:
            self.known[key] = self._scaled(self.measured[number], model)
        return self.known[key]

    def _scaled(self, group: Measured, model: str) -> Scale:
        source, target = encoding_of(group.ruler.model), encoding_of(model or group.ruler.model)
        totals: Ints = group.kinds.sum(axis=1)
        if source == target:
            return Scale(group.reach.tolist(), totals.tolist(), 1.0, 0.0, same=True)
        if not group.ruler.encoding:  # blocks and counts have no text
            ratio = per_o200k(target) / per_o200k(source)
            band = spread_of((source.name, target.name)) + source.band + target.band
            return Scale(_times(group.reach, ratio), _times(totals, ratio), ratio, band, same=False)
        return self._counted(group, model, source, target)

    def _counted(self, group: Measured, model: str, source: Encoding, target: Encoding) -> Scale:
        """The texts in the target's tokens; what stands around them, or is hidden, in proportion."""
        own, scaled = self._texts(model, target)
        alike = source.name == target.name or LIKE_CLAUDE.keys() >= {source.name, target.name}
        times = group.ruler.factor if alike else 1.0
        before = self.levels.down(group.lengths) - group.framed
        after = numpy.rint(self.levels.down(own) * times).astype(numpy.int64)
        leaves = numpy.array([self.requests[row].node for row in group.rows], dtype=numpy.int64)
        seen, new = int(before[leaves].sum()), int(after[leaves].sum())
        ratio = new / seen if seen > 0 and new > 0 else per_o200k(target) / per_o200k(source)
        around: Ints = group.kinds.sum(axis=1) - before[leaves]
        totals = numpy.maximum(after[leaves] + numpy.rint(around * ratio).astype(numpy.int64), 0)
        reach = after + numpy.rint((group.reach - before) * ratio).astype(numpy.int64)
        unsure = float((self.levels.down(scaled) * times)[leaves].sum()) + float(abs(around).sum()) * ratio
        share = min(1.0, unsure / float(totals.sum())) if totals.any() else 1.0
        band = max(source.band, target.band) if alike else target.band
        band += spread_of((source.name, target.name)) * share
        return Scale(reach.tolist(), totals.tolist(), ratio, band, same=False)

    def _texts(self, model: str, target: Encoding) -> tuple[Floats, Floats]:
        """Per node the tokens of its segment in a model's tokens, and of these the ones scaled from another count."""
        if model not in self.texts:
            rows = [_length(entry, target, model) for entry in self.tree.entries]
            lengths = numpy.array([*rows, (0.0, 0.0)], dtype=numpy.float64)
            nodes = lengths[numpy.array(self.tree.segments, dtype=numpy.int64)]  # the root's segment is -1: the last
            self.texts[model] = nodes[:, 0], nodes[:, 1]
        return self.texts[model]


def _times(tokens: Ints, ratio: float) -> list[int]:
    found: list[int] = numpy.rint(tokens * ratio).astype(numpy.int64).tolist()
    return found


def _length(entry: Entry, target: Encoding, model: str) -> tuple[float, float]:
    """Tokens of a segment, and the same again where they are scaled from the count of another vocabulary."""
    if entry.media or target.name in entry.counts or not entry.counts:
        return float(estimate(entry, target, model)), 0.0
    if SAME_TEXT.get(target.name, "") in entry.counts:
        return float(entry.counts[SAME_TEXT[target.name]]), 0.0
    name = min(entry.counts, key=lambda one: (one not in OVER_O200K, one))
    count = entry.counts[name] * OVER_O200K.get(target.name, 1.0) / OVER_O200K.get(name, 1.0)
    return count, count


def rescaled(usage: Usage | None, total: int, ratio: float) -> Usage | None:
    """A bill in other tokens: its classes in the same shares, adding up to `total`."""
    if usage is None:
        return None
    whole = usage.prompt or 1
    parts = [getattr(usage, name) * total // whole for name in ("read", "write_5m", "write_1h", "write")]
    output, reasoning = (None if one is None else round(one * ratio) for one in (usage.output, usage.reasoning))
    return replace(
        usage.recounted(total - sum(parts), *parts),
        output=output, reasoning=reasoning, classes_known=usage.classes_known,
    )  # fmt: skip
