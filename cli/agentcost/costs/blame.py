"""What the input dollars were for: by component and by tool, under the cache state each token was really in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import msgspec
import numpy
import polars as pl

from agentcost.cache.causes import Miss
from agentcost.caching.run import Run
from agentcost.costs.attribution import NOTHING, Attribution, Ladder, charged, paths_of, placed, plus
from agentcost.costs.requests import COLUMN, ORDER, Costs
from agentcost.costs.tables import MONEY, OUTPUT, priced_rows
from agentcost.measuring.levels import Ints, levels_of
from agentcost.measuring.measure import Measured
from agentcost.model import Kind, Request
from agentcost.prefix import Tree
from agentcost.pricing import BESIDE, dollars, exact_sum
from agentcost.results import KIND_COLUMNS


class Blame(msgspec.Struct, frozen=True):
    """What every segment and component was charged, over the chosen requests: in femtodollars as read, written and
    plain input; `read`, `written` and `plain` in tokens the same way."""

    cost_read: Attribution
    cost_write: Attribution
    cost_plain: Attribution
    read: Attribution
    written: Attribution
    plain: Attribution

    @property
    def cost(self) -> Attribution:
        """All dollars of input."""
        return plus(plus(self.cost_read, self.cost_write), self.cost_plain)


def blame(
    tree: Tree, requests: Sequence[Request], measured: Sequence[Measured], costs: Costs, chosen: Collection[int]
) -> Blame:
    """The input dollars and tokens of the chosen requests that have a price, by what they were for."""
    levels = levels_of(tree)
    ladder = Ladder.of(levels)
    found = [NOTHING] * 6
    for group in measured:
        places = [place for place, row in enumerate(group.rows) if row in chosen and costs.priced[row]]
        if places:
            leaves = [requests[group.rows[place]].node for place in places]
            paths = paths_of(group, levels, ladder, places, leaves)
            rows = [group.rows[place] for place in places]
            ends, weights = _stretches(costs, rows)
            place = placed(paths, ends)
            found = [plus(one, charged(tree, place, own)) for one, own in zip(found, weights, strict=True)]
    return Blame(*found)


def _stretches(costs: Costs, rows: Sequence[int]) -> tuple[Ints, list[Ints]]:
    """The ends of the stretches that any prompt has; weights as read, written and plain: priced, then counted."""
    tokens = costs.tokens[rows]
    names = [name for name in ORDER if name == "plain" or tokens[:, COLUMN[name]].any()]
    order = [COLUMN[name] for name in names]
    units = costs.units[rows][:, order]
    masks = [numpy.array([name.startswith(state) for name in names]) for state in ("read", "write", "plain")]
    weights = [units * mask for mask in masks] + [numpy.ones_like(units) * mask for mask in masks]
    return tokens[:, order].cumsum(axis=1)[:, :-1], weights


_COMPONENTS: dict[str, pl.DataType] = {
    "component": pl.String(), "cost": MONEY, "share": pl.Float64(), "cost_read": MONEY, "cost_write": MONEY,
    "cost_plain": MONEY, "read": pl.Int64(), "write": pl.Int64(), "plain": pl.Int64(),
}  # fmt: skip


def component_costs(tree: Tree, blamed: Blame, costs: Costs, chosen: Collection[int]) -> pl.DataFrame:
    """A row per component, then the output and what is paid beside tokens; the dearest first. They sum to the total."""
    parts = [
        one.by_kind(tree)
        for one in (blamed.cost_read, blamed.cost_write, blamed.cost_plain, blamed.read, blamed.written, blamed.plain)
    ]
    own = priced_rows(costs, sorted(chosen))
    total = exact_sum(costs.amounts[own])
    rows: list[tuple[object, ...]] = []
    for kind in Kind:
        read, write, plain, *tokens = [part.get(kind, 0) for part in parts]
        if read or write or plain or any(tokens):
            cost = read + write + plain
            split = dollars(read), dollars(write), dollars(plain)
            rows.append((KIND_COLUMNS[kind], dollars(cost), cost / total if total else None, *split, *tokens))
    for name, classes in (("output", OUTPUT), ("beside_tokens", BESIDE)):
        cost = sum(exact_sum(costs.amounts[own, COLUMN[column]]) for column in classes)
        if cost:
            rows.append((name, dollars(cost), cost / total if total else None, *[None] * 6))
    return pl.DataFrame(rows, schema=_COMPONENTS, orient="row").sort("cost", "component", descending=[True, False])


_TOOLS: dict[str, pl.DataType] = {
    "tool": pl.String(), "server": pl.String(), "calls": pl.Int64(), "cost": MONEY, "schema_cost": MONEY,
    "call_cost": MONEY, "result_cost": MONEY, "break_cost": MONEY, "breaks": pl.Int64(), "cost_per_call": pl.Float64(),
}  # fmt: skip
_COSTS = ("schema_cost", "call_cost", "result_cost", "break_cost")
_RESULTS = frozenset({Kind.TOOL_RESULT, Kind.FILE})

Tool = tuple[str, str]
"""Name, server."""


def tool_costs(
    tree: Tree, blamed: Blame, costs: Costs, run: Run, chosen: Collection[int], tools: pl.DataFrame
) -> pl.DataFrame:
    """A row per tool of the tools table, the dearest first: its schema at the rates paid, its calls and results carried
    until the session ends, and what the caches it broke cost."""
    parts = _tool_parts(tree, blamed)
    broken: Counter[Tool] = Counter()
    for row in priced_rows(costs, sorted(chosen)):
        entry = _breaker(tree, run.misses[row])
        if entry:
            parts.setdefault(entry, Counter())["break_cost"] += int(costs.lost[row])
            broken[entry] += 1
    rows = []
    for tool, server, calls in tools.select("tool", "server", "calls").iter_rows():
        own = parts.get((tool, server), Counter())
        total = own.total()
        each = float(dollars(total) / calls) if calls else None
        rows.append((
            tool, server, calls, dollars(total), *(dollars(own[name]) for name in _COSTS), broken[tool, server], each,
        ))  # fmt: skip
    frame = pl.DataFrame(rows, schema=_TOOLS, orient="row")
    return frame.sort("cost", "tool", "server", descending=[True, False, False])


def _tool_parts(tree: Tree, blamed: Blame) -> dict[Tool, Counter[str]]:
    """What the schemas, calls and results of each tool were charged."""
    found: dict[Tool, Counter[str]] = {}
    for number, value in blamed.cost.segments.items():
        entry = tree.entries[number]
        column = _tool_column(entry.kind, entry.level)
        if entry.name and column:
            found.setdefault((entry.name, entry.server), Counter())[column] += value
    return found


def _breaker(tree: Tree, miss: Miss | None) -> Tool | None:
    """The tool whose definition broke a cache."""
    if miss is None or miss.parted is None or not miss.lost:
        return None
    entry = tree.entry(miss.parted)
    return (entry.name, entry.server) if entry.level == "tools" and entry.name else None


def _tool_column(kind: Kind, level: str) -> str:
    if level == "tools":
        return "schema_cost"
    if kind is Kind.TOOL_CALL:
        return "call_cost"
    return "result_cost" if kind in _RESULTS or kind is Kind.SKILL else ""
