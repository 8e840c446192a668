"""What every named part, tool and MCP server carries, summed over the tree: each node times the requests behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

import numpy
import polars as pl

from agentcost.measuring.levels import levels_of
from agentcost.measuring.measure import Measured
from agentcost.model import ROOT, Kind, Request
from agentcost.prefix import Tree
from agentcost.results import KIND_COLUMNS

Part = tuple[str, str, str]
"""Component column, name, server."""


def parts(
    tree: Tree, requests: Sequence[Request], measured: Sequence[Measured], chosen: Collection[int]
) -> pl.DataFrame:
    """Tokens carried by every named part of every component, over the chosen requests."""
    levels = levels_of(tree)
    keys = [(KIND_COLUMNS[entry.kind], entry.name, entry.server) for entry in tree.entries]
    names = sorted(set(keys))
    number = {key: place for place, key in enumerate(names)}
    of_segment = numpy.array([number[key] for key in keys], dtype=numpy.int64)
    segments = numpy.array(tree.segments, dtype=numpy.int64)
    tokens, carriers = (numpy.zeros(len(names), dtype=numpy.int64) for _ in range(2))
    held: set[int] = set()
    for group in measured:
        passing = levels.up([requests[row].node for row in group.rows if row in chosen])
        used = numpy.flatnonzero(passing)[1:]
        own = of_segment[segments[used]]
        numpy.add.at(tokens, own, group.lengths[used] * passing[used])
        held.update(segments[used].tolist())
        top = numpy.fromiter(_topmost(tree, own.tolist(), used.tolist()), dtype=numpy.int64)
        numpy.add.at(carriers, of_segment[segments[top]], passing[top])
    texts = numpy.bincount(of_segment[sorted(held)], minlength=len(names)) if held else numpy.zeros(len(names))
    rows = [
        (*key, int(tokens[place]), int(carriers[place]), int(texts[place]))
        for key, place in number.items()
        if texts[place]
    ]
    schema = {
        "component": pl.String, "name": pl.String, "server": pl.String, "tokens": pl.Int64, "requests": pl.Int64,
        "distinct": pl.Int64,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row").sort(
        "tokens", "component", "name", "server", descending=[True, False, False, False]
    )


def _topmost(tree: Tree, keys: Sequence[int], used: Sequence[int]) -> Iterator[int]:
    """The nodes above which no node of their path has the same key; parents come before their children.

    `keys` are those of the nodes `used`.
    """
    above: dict[int, frozenset[int]] = {ROOT: frozenset()}
    for node, key in zip(used, keys, strict=True):
        held = above[tree.parents[node]]
        if key not in held:
            held |= {key}
            yield node
        above[node] = held


_TOOL_KINDS = {Kind.TOOL: "built-in", Kind.MCP_TOOL: "MCP", Kind.SKILL: "skill"}
_RESULT_KINDS = (Kind.TOOL_RESULT, Kind.FILE, Kind.SKILL)


def tools(
    tree: Tree, requests: Sequence[Request], measured: Sequence[Measured], chosen: Collection[int], parts: pl.DataFrame
) -> pl.DataFrame:
    """A row per tool that was defined or called, the one that carries the most tokens first."""
    calls = _calls(tree, requests, chosen)
    schemas = _schemas(tree, requests, measured, chosen)
    carried: dict[tuple[str, str, str], tuple[int, int]] = {
        (component, name, server): (tokens, carriers)
        for component, name, server, tokens, carriers, _ in parts.iter_rows()
    }
    rows = []
    for name, server in sorted({*schemas, *calls}):
        kind, size, own = schemas.get((name, server), ("not defined in the log", None, 0))
        defined = [
            carried.get((KIND_COLUMNS[component], name, server), (0, 0)) for component in _TOOL_KINDS
        ] if size is not None else []  # fmt: skip
        results = sum(carried.get((KIND_COLUMNS[k], name, server), (0, 0))[0] for k in _RESULT_KINDS)
        results -= own if kind == "skill" else 0  # what a skill tool gave is of the kind of its definition
        rows.append((
            name, server, kind, size, max((pair[1] for pair in defined), default=0), own,
            calls[name, server], carried.get((KIND_COLUMNS[Kind.TOOL_CALL], name, server), (0, 0))[0], results,
            size is not None and not calls[name, server],
        ))  # fmt: skip
    schema = {
        "tool": pl.String, "server": pl.String, "kind": pl.String, "schema_tokens": pl.Int64, "requests": pl.Int64,
        "schema_carried": pl.Int64, "calls": pl.Int64, "call_carried": pl.Int64, "result_carried": pl.Int64,
        "never_called": pl.Boolean,
    }  # fmt: skip
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    total = pl.col("schema_carried") + pl.col("call_carried") + pl.col("result_carried")
    return frame.sort(total, "tool", "server", descending=[True, False, False])


def _calls(tree: Tree, requests: Sequence[Request], chosen: Collection[int]) -> Counter[tuple[str, str]]:
    """Distinct calls of each tool: in the prompts, and in the answers that no prompt of the log repeats."""
    seen: set[int] = set()
    found: Counter[tuple[str, str]] = Counter()
    visited: set[int] = set()
    for row in sorted(chosen):
        request = requests[row]
        node = request.node if request.answer is None else request.answer
        while node != ROOT and node not in visited:
            visited.add(node)
            entry = tree.entry(node)
            if entry.kind is Kind.TOOL_CALL and tree.segments[node] not in seen:
                seen.add(tree.segments[node])
                found[entry.name, entry.server] += 1
            node = tree.parents[node]
    return found


def _schemas(
    tree: Tree, requests: Sequence[Request], measured: Sequence[Measured], chosen: Collection[int]
) -> dict[tuple[str, str], tuple[str, int, int]]:
    """Kind, largest schema and tokens carried of every tool that a chosen request carries."""
    levels = levels_of(tree)
    found: dict[tuple[str, str], tuple[str, int, int]] = {}
    for group in measured:
        passing = levels.up([requests[row].node for row in group.rows if row in chosen])
        for node in numpy.flatnonzero(passing)[1:].tolist():
            entry = tree.entry(node)
            if entry.level == "tools" and entry.kind in _TOOL_KINDS:
                key, size = (entry.name, entry.server), int(group.lengths[node])
                _, largest, carried = found.get(key, ("", 0, 0))
                found[key] = _TOOL_KINDS[entry.kind], max(largest, size), carried + size * int(passing[node])
    return found


def servers(tools: pl.DataFrame) -> pl.DataFrame:
    """A row per MCP server, the one that carries the most schema tokens first."""
    return (
        tools.filter(pl.col("server") != "")
        .group_by("server")
        .agg(
            tools=pl.len().cast(pl.Int64),
            tools_called=(pl.col("calls") > 0).sum().cast(pl.Int64),
            schema_tokens=pl.col("schema_tokens").sum(),
            requests=pl.col("requests").max(),
            schema_carried=pl.col("schema_carried").sum(),
            calls=pl.col("calls").sum(),
            result_carried=pl.col("result_carried").sum(),
        )
        .sort("schema_carried", "server", descending=[True, False])
    )
