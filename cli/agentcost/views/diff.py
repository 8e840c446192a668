"""The report on two runs: the culprit first, then both sides, the causes, and what became of the prompt."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from agentcost.gate.verdicts import STAGE_WORDS, Cause, Difference
from agentcost.gate.words import both, by_certainty, by_stage, culprit, grown, headline, more, signed, sizes
from agentcost.units import tail
from agentcost.views.layout import Column, Table, filled, plain, quiet, title

CAUSES = 6
"""Causes of a stage that are named; the rest is summed."""

CHANGES = 15


def diff(difference: Difference, width: int, other: Difference | None = None) -> RenderableType:
    """`other` is the same difference with the stages in the opposite order."""
    parts: list[RenderableType] = [
        title(headline(difference), width),
        plain(sizes(difference), width),
        *_look(difference, width),
        quiet(f"{tail(difference.base, 40)} → {tail(difference.head, 40)}, under one ruler", width),
        Text(),
        _sides(difference, width),
    ]
    if difference.causes:
        parts += [Text(), _causes(difference, width, other)]
    if difference.changes:
        parts += [Text(), _changes(difference, width)]
    parts += [quiet(note, width) for note in difference.notes]
    return Group(*parts)


def _look(difference: Difference, width: int) -> list[RenderableType]:
    """Where the culprit shows, of a cache that broke."""
    cause = culprit(difference)
    if cause is None or not cause.where:
        return []
    return [quiet(f"look at {tail(cause.where, 40)}" + (f": {cause.evidence}" if cause.evidence else ""), width)]


def _sides(difference: Difference, width: int) -> RenderableType:
    pairs = difference.pairs
    return Table(
        (
            Column("", [pair.name for pair in pairs], name=16),
            Column("base", [both(pair)[0] for pair in pairs]),
            Column("head", [both(pair)[1] for pair in pairs]),
            Column("change", [grown(pair) for pair in pairs]),
        ),
        width,
        footer="tokens: input and output",
    )


def _causes(difference: Difference, width: int, other: Difference | None) -> RenderableType:
    """The stages in the order of substitution, each with its largest causes."""
    rows: list[tuple[str, int, str, str, str]] = []
    backwards = by_stage(other.causes) if other else {}
    bold = {}
    for stage, (count, cost) in by_stage(difference.causes).items():
        own = [cause for cause in difference.causes if cause.stage == stage]
        turned = backwards.get(stage, (0, None))
        if not own and not turned[0] and not turned[1]:
            continue
        bold[len(rows)] = "bold"
        paid = "–" if cost is None else more(cost)
        rows.append((STAGE_WORDS[stage], count, paid, _turned(turned, difference), ""))
        rows += [_row(cause) for cause in own[:CAUSES]]
        rows += [_rest(own[CAUSES:])] if own[CAUSES:] else []
    money = difference.cost is not None
    total = more(difference.cost) if money else ""
    names, counts, costs, turned_cells, kinds = zip(*rows, strict=True)
    table = Table(
        (
            Column("cause", names, name=30, ends="difference", keeps="start"),
            Column("tokens", [signed(count) for count in counts], ends=signed(difference.tokens)),
            *([Column("cost", costs, ends=total)] if money else []),
            *([Column("in reverse", turned_cells, 1)] if other else []),
            *filled(Column("", kinds, 2, name=6)),
        ),
        width,
        bold,
    )
    told = "head takes the place of base in this order; causes sum to the difference exactly"
    return Group(table, quiet(told, width), quiet(_certainty(difference), width))


def _certainty(difference: Difference) -> str:
    """`from what was sent: +5,440 tokens, +$0.0023; noisy, from luck and load: -96 tokens, -$0.000076`."""
    told = []
    for word, (count, cost) in by_certainty(difference.causes).items():
        name = "noisy, with luck and load" if word == "noisy" else "from what was sent"
        told.append(f"{name}: {signed(count)} tokens" + (f", {more(cost)}" if cost is not None else ""))
    return "; ".join(told)


def _turned(sums: tuple[int, object], difference: Difference) -> str:
    count, cost = sums
    if difference.cost is None:
        return signed(count)
    return more(cost) if hasattr(cost, "is_finite") else "–"  # type: ignore[arg-type]


def _row(cause: Cause) -> tuple[str, int, str, str, str]:
    cost = more(cause.cost) if cause.cost is not None else "–"
    return f"  {cause.what}", cause.tokens, cost, "", "noisy" if cause.noisy else ""


def _rest(causes: list[Cause]) -> tuple[str, int, str, str, str]:
    costs = [cause.cost for cause in causes if cause.cost is not None]
    cost = more(sum(costs[1:], costs[0])) if costs else "–"
    return f"  {len(causes)} more", sum(cause.tokens for cause in causes), cost, "", ""


def _changes(difference: Difference, width: int) -> RenderableType:
    shown_ = difference.changes[:CHANGES]
    left = len(difference.changes) - CHANGES
    return Table(
        filled(
            Column("part of the prompt", [change.what for change in shown_], name=24),
            Column("", [change.change for change in shown_], name=7),
            Column("base", [_size(change.before) for change in shown_]),
            Column("head", [_size(change.now) for change in shown_]),
            Column("server", [change.server for change in shown_], 2, name=8),
            Column("holds", [", ".join(change.marks) for change in shown_], 1, name=10),
        ),
        width,
        footer=f"{left} more parts; --json has all" if left > 0 else "",
    )


def _size(size: int | None) -> str:
    return "–" if size is None else f"{size:,}"
