"""What evaluating a record gives: tables with fixed columns, and what every figure in them rests on.

`Analysis.tables` holds polars frames by name; `schema` documents their columns and units. Tokens are integers;
null is unknown. Every table's rows are in a fixed order, so equal inputs give equal tables.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from agentcost.model import Kind, Knowledge

if TYPE_CHECKING:
    from polars import DataFrame

KIND_COLUMNS: dict[Kind, str] = {kind: kind.value.lower().replace(" ", "_") for kind in Kind}
"""The column of each component in the tables: `system_prompt`, `mcp_tool_definitions`…"""

FIXED = (Kind.HIDDEN, Kind.OVERHEAD, Kind.SYSTEM, Kind.TOOL, Kind.MCP_TOOL, Kind.SKILL, Kind.MEMORY)
"""The fixed prefix: components that stand before the user's first words, in a session's first main request."""

HIT_RATES: dict[str, str] = {
    "tokens": "of input tokens",
    "cacheable": "of the tokens that an earlier request began with",
    "eligible": "of the input tokens of requests that can be cached",
    "cached": "of the tokens read or written",
    "requests": "requests that read anything",
    "request-mean": "of input tokens, mean of requests",
    "session-mean": "of input tokens, mean of sessions",
    "last-half": "of input tokens, the later half of the requests",
    "blocks": "of the input's blocks",
    "full-blocks": "of the input's blocks, shorter last ones left out",
    "block-mean": "of the input's blocks, mean of requests",
    "last-half-blocks": "of the input's blocks, the later half of the requests",
    "last-half-block-mean": "of the input's blocks, mean of the later half of the requests",
}
"""What a hit rate may be a share of."""

QUANTILES = (("p10", 0.10), ("p50", 0.50), ("p90", 0.90), ("p99", 0.99), ("max", 1.0))
THRESHOLDS = (32_000, 64_000, 96_000, 128_000, 200_000)


class Ruler(msgspec.Struct, frozen=True):
    """How the tokens of one (model, client) were measured.

    `factor` multiplies the counts of `encoding`; `error` is the median share by which a billed prompt differs
    from components + overhead + hidden (None where nothing was billed); `band` the error to expect: of calibrated
    prompts that in which 9 of 10 lie that were left out of the fit, of estimates the published one. `added` are tokens
    that the calibration adds to every prompt beside the template's. `fitted` is how many billed prompts the factor
    rests on, `odd` says that the factor is implausible.
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
    added: int = 0


class Scope(msgspec.Struct, frozen=True):
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


class PathRow(msgspec.Struct, frozen=True):
    """A segment on a request's path: its tokens, those up to it, and whether the request it is compared with had it.

    `tokens` are those of its text, `cumulative` those of the prompt up to and with it, the template's included, under
    the ruler of the simulated caches: that ends at the bill. `breakpoint` is the time to live of a cache marker behind
    it, `marks` what is volatile in it. `place` is where it first stood in the log, `text` is its text where that was
    asked for, `number` its place on the path from 1. `stripped` says that the model does not see it any more. `cost` is
    in dollars, of the prompt from the end of the row before it, the template included; None without a price.
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
    number: int = 0
    stripped: bool = False
    cost: Decimal | None = None


class Excerpt(msgspec.Struct, frozen=True):
    """Where two texts of one thing first differ: at which character (from 1; None: nowhere), in which volatile thing.

    `change` says what is in another order, where the texts differ in nothing else. `before` and `now` are short pieces
    of both texts from there, masked unless texts were asked for.
    """

    position: int | None
    what: str
    change: str
    before: str
    now: str


class PartingRow(msgspec.Struct, frozen=True):
    """A line of two paths side by side: a segment of either, or the same thing in both.

    `change` is same, changed, reordered (in nothing but its order), added, removed or moved. `alike` are bytes that
    both texts surely begin with. `excerpt` is there where both texts could be read again.
    """

    change: str
    before: PathRow | None
    now: PathRow | None
    alike: int = 0
    excerpt: Excerpt | None = None


class Parting(msgspec.Struct, frozen=True):
    """A request beside the one that it is compared with, from a few rows before they part; no rows where it goes on.

    `place` and `id` name the other, `gap_s` lies between their starts, `another` says that it is of another
    conversation. `segments` and `shared` (tokens) are what both begin with, `added` the segments behind.
    """

    place: str
    id: str
    gap_s: float | None
    another: bool
    segments: int
    shared: int
    added: int
    rows: tuple[PartingRow, ...] = ()


class Analysis(msgspec.Struct, frozen=True):
    """A record evaluated under choices: the scope, the rulers, and the tables."""

    scope: Scope
    rulers: tuple[Ruler, ...]
    tables: dict[str, DataFrame] = {}


def simulated(caches: DataFrame) -> dict[str, Any] | None:
    """The row of `caches` that is the simulated log: of the policy that was asked for, else as run; None of neither."""
    rows = caches.filter(caches["basis"].is_in(["simulated", "asked"])).to_dicts()
    return rows[-1] if rows else None


def without_sessions(requests: DataFrame) -> bool:
    """Whether nothing tells which requests are of one session: no ids, and no content that a chain could show in."""
    return bool((requests["session_inferred"] & (requests["knowledge"] == Knowledge.COUNTS)).all())
