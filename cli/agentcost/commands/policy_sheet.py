"""Cache policies drawn: a table of all, or one with its rows, switches and notes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal

from msgspec.structs import fields, replace
from rich.console import Group, RenderableType
from rich.text import Text

from agentcost.cache.policy import ForModels, Grid, Minimum, Policy, Ttl
from agentcost.units import NONE, UNKNOWN, duration, exact, plural
from agentcost.views.layout import Column, Paragraph, Table, quiet, title

MARKS = (
    "V verified at its source, S second-hand, E measured, U uncertain. write×, read×: of the input price, – no class "
    "of the bill. unit and minimum in tokens. ttl – kept until evicted, ? not published."
)
ENGINES = ("lru", "priority")
"""How entries leave the caches of engines, which bill nothing."""

WITHOUT_GRID = {"breakpoint": "content block", "endpoint": "exact", "block": UNKNOWN, "best_effort": UNKNOWN}


def overview(policies: Collection[Policy], width: int) -> RenderableType:
    """A line per policy."""
    rows = list(policies)
    columns = [
        Column("policy", [policy.name for policy in rows], name=15),
        Column("mechanism", [policy.mechanism for policy in rows], drop=2, name=11),
        Column("minimum", [minimum(policy) for policy in rows], drop=1),
        Column("unit", [unit(policy) for policy in rows], name=13),
        Column("ttl", [ttls(policy) for policy in rows], name=8),
        Column("write×", [writes(policy) for policy in rows]),
        Column("read×", [reads(policy) for policy in rows]),
        Column("", [policy.mark for policy in rows], name=1),
        Column("checked", [policy.checked.isoformat() for policy in rows], drop=4),
        Column("source", [policy.source for policy in rows], drop=3, name=20),
    ]
    return Group(Table(columns, width), quiet(MARKS, width), quiet("agentcost policies NAME shows all of one.", width))


def sheet(policy: Policy, width: int) -> RenderableType:
    """Everything that one policy says."""
    parts: list[RenderableType] = [title(f"{policy.name}: {policy.title}", width), *_values(policy, width)]
    for what, rows in _tables(policy):
        parts += [Text(), title(what, width), Table(rows, width)]
    parts += [quiet(f"{ttl.name}: {ttl.note}", width) for ttl in policy.ttls if ttl.note]
    if policy.switches:
        parts += [Text(), title("switches: sources conflict, or say nothing", width), *_switches(policy, width)]
        parts.append(quiet(f"--policy {policy.name},SWITCH=VALUE simulates with one of them set", width))
    if policy.notes:
        parts += [Text(), title("notes", width)]
        parts += [Paragraph(Text(note), width, "- ") for note in policy.notes]
    parts += [Text(), quiet(f"source: {policy.source}; checked {policy.checked}; mark {policy.mark}", width)]
    return Group(*parts)


def minimum(policy: Policy) -> str:
    """The minimum, or the least and the most of its models."""
    sizes = sorted({row.tokens for row in policy.minimums} or {policy.minimum})
    return NONE if sizes == [0] else _range([exact(size) for size in sizes])


def unit(policy: Policy) -> str:
    """Where a prefix may end."""
    if policy.grid is None:
        return WITHOUT_GRID[policy.mechanism]
    first = f"{exact(policy.grid.first)}+" if policy.grid.first else ""
    return f"{first}{exact(policy.grid.block)}"


def ttls(policy: Policy) -> str:
    """The times to live, the default first."""
    if not policy.ttls:
        return UNKNOWN if policy.eviction == "undocumented" else NONE
    return ", ".join(dict.fromkeys(_short(ttl.seconds) for ttl in policy.ttls))


def writes(policy: Policy) -> str:
    """Write multipliers in the order of the times to live."""
    known = [str(ttl.write) for ttl in policy.ttls if ttl.write is not None]
    return ", ".join(known) or NONE


def reads(policy: Policy) -> str:
    """Read multipliers from the least to the most."""
    known = sorted({row.times for row in policy.reads} | ({policy.read} if policy.read is not None else set()))
    if not known:
        return NONE if policy.eviction in ENGINES else UNKNOWN
    return _range([_plain(times) for times in known])


def _plain(value: Decimal) -> str:
    return f"{value:f}"


def _range(ascending: Sequence[str]) -> str:
    return ascending[0] if len(ascending) == 1 else f"{ascending[0]}–{ascending[-1]}"


def _short(seconds: int) -> str:
    return duration(seconds).replace(" 00s", "").replace(" 00m", "").replace(" 0h", "")


HIDDEN = {"name", "title", "source", "checked", "mark", "notes", "switches", "minimums", "ttls", "reads", "storage"}
"""What stands elsewhere on the sheet than among the values."""


def _values(policy: Policy, width: int) -> Iterator[RenderableType]:
    """A line per value that the policy has."""
    for entry in fields(policy):
        text = "" if entry.name in HIDDEN or _idle(policy, entry.name) else _text(policy, entry.name)
        if text:
            yield Paragraph(Text(text), width, f"{entry.name.replace('_', ' '):<20}")


def _idle(policy: Policy, name: str) -> bool:
    """Whether a value decides nothing under this policy."""
    if name == "images":
        return all(salt.name != "images" for salt in policy.salts)
    if name in ("expiry", "refresh"):
        return not policy.ttls
    return name.startswith("collapse") and not policy.lookback


def _text(policy: Policy, name: str) -> str:
    """A value in words; "" for one that says nothing."""
    value: object = getattr(policy, name)
    if name == "salts":
        return "; ".join(f"{salt.name}: from {salt.level} on ({salt.cause})" for salt in policy.salts)
    if name == "candidates" and policy.candidates:
        found = policy.candidates
        ends = f"{plural(found.endings, 'earlier message end')}{', the opening developer messages' * found.initial}"
        return f"first {found.first} and latest {found.latest} explicit, {ends}"
    if name == "grid" and policy.grid:
        return _grid(policy.grid)
    if name in ("hit_probability", "caches_answer"):
        return UNKNOWN if value is None else str(value).lower()
    if value is True:
        return "yes"
    if value is None or value is False or value in (0, ()):
        return ""
    return (
        ", ".join(map(str, value)) if isinstance(value, tuple) else f"{value:,}" if type(value) is int else str(value)
    )


def _grid(grid: Grid) -> str:
    facts = [
        f"first at {exact(grid.first)}, then steps of {exact(grid.block)}" if grid.first else f"{exact(grid.block)}"
    ]
    facts += [f"with {plural(grid.hidden, 'hidden token')} before"] * bool(grid.hidden)
    facts += [f"rounded down to {exact(grid.rounding)}"] * (grid.rounding > 1)
    facts += ["the last token is always computed"] * grid.recompute_last
    facts += ["part of a block is served"] * grid.partial
    return ", ".join(facts)


def _tables(policy: Policy) -> Iterator[tuple[str, list[Column]]]:
    """The tables by model that the policy has, each with its heading; the notes on lifetimes go under the last."""
    if policy.minimums:
        yield "minimum by model: the first that fits", _minimums(policy.minimums)
    if policy.reads:
        yield "read multiplier by model: the first that fits", _reads(policy)
    if policy.storage:
        yield "storage, $ for a million tokens an hour", _storage(policy.storage)
    if policy.ttls:
        yield "time to live: the default first", _ttls(policy.ttls)


def _minimums(rows: Sequence[Minimum]) -> list[Column]:
    return [
        _models(rows),
        Column("tokens", [exact(row.tokens) for row in rows]),
        Column("", [row.mark for row in rows], name=1),
        Column("source", [row.source for row in rows], name=20),
    ]


def _reads(policy: Policy) -> list[Column]:
    """The rows, and what holds for every other model."""
    rest = UNKNOWN if policy.read is None else _plain(policy.read)
    models = _models(policy.reads)
    return [
        replace(models, cells=[*models.cells, "any other"]),
        Column("read×", [*(_plain(row.times) for row in policy.reads), rest]),
        Column("", [*(row.mark for row in policy.reads), policy.mark], name=1),
        Column("note", [*(row.note for row in policy.reads), ""], name=20),
    ]


def _storage(provider: str) -> list[Column]:
    """What the price list says of the provider: of a model's rows the last that has begun holds."""
    from agentcost.pricing import price_list  # noqa: PLC0415 — heavy

    rows = [row for row in price_list().storage if row.provider == provider]
    return [
        _models(rows),
        Column("$", [_plain(row.hourly) for row in rows]),
        Column("from", [row.begins.isoformat() if row.begins else NONE for row in rows]),
        Column("", [row.mark for row in rows], name=1),
    ]


def _ttls(rows: Sequence[Ttl]) -> list[Column]:
    return [
        Column("ttl", [row.name for row in rows], name=9),
        Column("idle", [_short(row.seconds) for row in rows]),
        Column("at most", [_short(row.at_most) if row.at_most else NONE for row in rows]),
        Column("write×", [NONE if row.write is None else _plain(row.write) for row in rows]),
        Column("", [row.mark for row in rows], name=1),
        _models(rows),
    ]


def _models(rows: Sequence[ForModels]) -> Column:
    return Column("models", [row.models or "any" for row in rows], name=20)


def _switches(policy: Policy, width: int) -> Iterator[RenderableType]:
    for switch in policy.switches:
        others = [choice for choice in switch.choices if choice != switch.default]
        other = " | ".join(others) + (" | " * bool(others) + "any value") * bool(switch.sets)
        yield Paragraph(Text(f"{switch.name} = {switch.value or switch.default} (or {other})"), width)
        yield Paragraph(Text(switch.why, style="dim"), width, "    ")
