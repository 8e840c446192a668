"""What evaluating a record gives: tables with fixed columns, and what every figure in them rests on.

`Analysis.tables` holds polars frames by name; TABLES documents their columns and units. Tokens are integers;
null is unknown. Every table's rows are in a fixed order, so equal inputs give equal tables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agentcost.model import Kind

if TYPE_CHECKING:
    from polars import DataFrame

SCHEMA_VERSION = 1

KIND_COLUMNS: dict[Kind, str] = {kind: kind.value.lower().replace(" ", "_") for kind in Kind}
"""The column of each component in the tables: `system_prompt`, `mcp_tool_definitions`…"""

QUANTILES = (("p10", 0.10), ("p50", 0.50), ("p90", 0.90), ("p99", 0.99), ("max", 1.0))
THRESHOLDS = (32_000, 64_000, 96_000, 128_000, 200_000)


@dataclass(frozen=True, slots=True)
class Ruler:
    """How the tokens of one (model, client) were measured.

    `factor` multiplies the counts of `encoding`; `error` is the median share by which a billed prompt differs
    from components + overhead + hidden (None where nothing was billed); `band` the published error of an estimate.
    `fitted` is how many billed prompts the factor rests on, `odd` says that the factor is implausible.
    """

    model: str
    client: str
    knowledge: str
    encoding: str
    basis: str
    factor: float
    error: float | None
    band: float
    fitted: int
    requests: int
    odd: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """What an analysis covers: `first` and `last` are seconds since the epoch, None where no request tells the day.

    `filters` are the user's selections as words, `selected` of `total` requests pass them. `assumed_gap` is the
    gap in seconds that the user filled in where the log has no times. `relative` requests have times that count from
    their log's own start. `offered` says, where nothing is selected, what there is to select.
    """

    total: int
    selected: int
    first: float | None
    last: float | None
    zone: str
    filters: tuple[str, ...] = ()
    untimed: int = 0
    naive: int = 0
    relative: int = 0
    inferred_sessions: bool = False
    assumed_gap: float | None = None
    by: tuple[str, ...] = ()
    top: int = 10
    sort: str = ""
    offered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PathRow:
    """A segment on a request's path: its tokens, those up to it, and whether the request before it had it too.

    `breakpoint` is the time to live of a cache marker behind it, `marks` what is volatile in it. `place` is where it
    first stood in the log, `text` is its text where that was asked for.
    """

    level: str
    role: str
    component: str
    name: str
    server: str
    tokens: int
    cumulative: int
    shared: bool
    breakpoint: str = ""
    marks: tuple[str, ...] = ()
    place: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Analysis:
    """A record evaluated under choices: the scope, the rulers, and the tables."""

    scope: Scope
    rulers: tuple[Ruler, ...]
    tables: dict[str, DataFrame] = field(default_factory=dict)


TABLES: dict[str, tuple[str, str]] = {
    "requests": (
        "a selected request",
        "source, line, id, format, knowledge, session, session_inferred, lineage, turn, role, user, project, client, "
        "task, provider, model, tier, started, ended (s since the epoch, UTC; where relative_clock, "
        "since the log's own start), naive_time, relative_clock, gap_s (since the request before it in its lineage), "
        "prompt, read, write (of it write_5m, write_1h), plain (billed tokens; where nothing was billed, prompt is the "
        "ruler's and the classes are null), output, reasoning, output_is_lower_bound, billed, basis, a column of "
        "tokens per component, policy, simulated_read, simulated_write, simulated_plain, readable (what an earlier "
        "request began with), warm_start, cause, lost, evidence, other_causes, label_<name> per label, day, week, "
        "month",
    ),
    "components": (
        "a component that has tokens",
        "component, tokens, share (of all input), requests (that carry it), median (of those), growth (mean change "
        "from a turn to the next of its lineage)",
    ),
    "parts": ("a component, name and server", "component, name, server, tokens (carried), requests, distinct (texts)"),
    "tools": (
        "a tool",
        "tool, server, kind (built-in, MCP, skill), schema_tokens (largest), requests (that carry its schema), "
        "schema_carried, calls, call_carried, result_carried (its results, carried until the session ends), "
        "never_called",
    ),
    "servers": (
        "an MCP server",
        "server, tools, tools_called, schema_tokens, requests, schema_carried, calls, result_carried",
    ),
    "sessions": (
        "a session",
        "session, inferred, project, models, requests, lineages, started, ended, prompt, first_prompt, last_prompt, "
        "largest_prompt, fixed_prefix (tokens before the user's first words), read, write, plain, output",
    ),
    "distribution": ("a measure of input tokens per request", "measure (p10…max, above_<N>), value, share"),
    "groups": (
        "a combination of the --by keys",
        "the keys, requests, sessions, prompt, read, write, plain, output, largest_prompt",
    ),
    "caches": (
        "a cache policy",
        "policy, title, requests, read, write, plain (tokens), hit_rate (of all input tokens), relative_cost (input "
        "cost over that of the same tokens uncached), basis (billed, simulated, what if, bound)",
    ),
    "misses": (
        "a cause of misses",
        "cause, requests, sessions, lost (tokens in the cache that were not read), share (of all input), explained, "
        "evidence (of the worst request), worst (its place), mend",
    ),
    "whatifs": (
        "a way of sending the log otherwise, replayed; only in the report on caches",
        "what_if, how, changes_behaviour (the model sees another prompt), saved (of input cost, in tokens of plain "
        "input), share (of input cost as simulated), read, write, plain (then, with pings), requests (that fare "
        "otherwise), pings, together (ways in one), unpriced_requests",
    ),
    "agreement": (
        "a policy whose simulation is compared with the bill",
        "policy, requests, exact, near (within 1 %), billed_read, simulated_read, warm_start (read from before the "
        "log), both_hit, only_simulated, only_billed, both_miss",
    ),
    "hidden": ("a lineage of a transcript", "session, lineage, requests, hidden (tokens), low, high (interval)"),
    "rulers": (
        "a model and client",
        "model, client, knowledge, encoding, basis, factor, error, band, fitted, requests, odd",
    ),
    "sources": ("a log", "source, format, bytes, records, requests, duplicates, others, skipped"),
    "others": ("a source and kind of record that is no request", "source, what, count"),
    "skipped": ("a record that could not be read", "source, line, reason"),
    "texts": (
        "a distinct text of the selected requests; only with --include-text",
        "component, name, server, role, characters, text",
    ),
}
"""The tables of an analysis: what a row is, and its columns."""
