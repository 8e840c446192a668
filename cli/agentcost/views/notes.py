"""What the figures of a report rest on, and what became of every record of the logs."""

from __future__ import annotations

from collections.abc import Iterator

from agentcost.model import Basis, Kind, Knowledge
from agentcost.results import KIND_COLUMNS, Analysis, Ruler
from agentcost.units import in_tokens, percent, plural, tail, tokens
from agentcost.views.figures import outweighed, total

TEXTS = (Knowledge.FULL, Knowledge.TRANSCRIPT)
"""Logs that hold texts."""

RELIABLE = 0.9
"""The share of billed requests reproduced within 1 % of the prompt below which a simulation advises nothing."""


def basis(analysis: Analysis) -> Iterator[str]:
    """Sentences: how tokens were measured, what is hidden, what is unknown."""
    parts = [text for kind, text in _measured(analysis.rulers) if kind]
    if parts:
        yield "Measured: " + "; ".join(parts)
    yield from _hidden(analysis)
    yield from _unexplained(analysis)
    yield from _unknown(analysis)


def _measured(rulers: tuple[Ruler, ...]) -> Iterator[tuple[str, str]]:
    for kind in ("exact", "calibrated", "estimated"):
        own = [ruler for ruler in rulers if ruler.basis == kind]
        if own:
            yield kind, f"{plural(sum(ruler.requests for ruler in own), 'request')} {kind}{_reach(kind, own)}"
    odd = [ruler.model for ruler in rulers if ruler.odd]
    if odd:
        yield "odd", f"the calibration of {', '.join(odd)} is implausible, do not trust its components"


def _reach(kind: str, rulers: list[Ruler]) -> str:
    """How far off the figures of a kind may be."""
    if kind == "exact":
        return ""
    errors = sorted(ruler.error for ruler in rulers if ruler.error is not None)
    each = " to ".join(dict.fromkeys(percent(error) for error in (*errors[:1], *errors[-1:])))
    if kind == "estimated":  # bills tell more than what is published, where all have one
        return f", median error {each}" if len(errors) == len(rulers) else f" ±{percent(max(r.band for r in rulers))}"
    return f" on billed prompts, median error {each}" if each else ""


def _hidden(analysis: Analysis) -> Iterator[str]:
    frame = analysis.tables["hidden"]
    if total(frame, "hidden"):
        low, high = min(frame["low"].to_list()), max(frame["high"].to_list())
        interval = in_tokens(low) if low == high else f"between {tokens(low)} and {in_tokens(high)}"
        yield f"Hidden prefix: {interval} a request"


def _unexplained(analysis: Analysis) -> Iterator[str]:
    """What a tokenizer that is exact cannot be wrong about, and a bill below the text."""
    requests = analysis.tables["requests"]
    whole, column = total(requests), KIND_COLUMNS[Kind.UNEXPLAINED]
    if outweighed(analysis):
        more = -total(requests, column)
        yield f"The log's text measures {in_tokens(more)} more than the {tokens(whole)} that were billed"
        return
    own = requests.filter((requests["basis"] == Basis.EXACT) & requests["knowledge"].is_in(TEXTS))
    beyond = total(own, column)
    if 50 * beyond > total(own):
        yield (
            f"Unexplained: {in_tokens(beyond)} of exactly measured prompts; server-side tools, encrypted reasoning "
            "and built-in tools are billed but not in the log"
        )


def _unknown(analysis: Analysis) -> Iterator[str]:
    requests = analysis.tables["requests"]
    if not len(requests):
        return
    classes = requests["read"].null_count()
    if classes:
        which = "all requests" if classes == len(requests) else plural(classes, "request")
        yield f"Unknown: cache reads and writes of {which}"
    least = int(requests["output_is_lower_bound"].sum())
    if least:
        yield f"Output of {plural(least, 'request')} was logged before it ended: output sums are lower bounds"
    missing = requests["output"].null_count()
    if 0 < missing < len(requests):
        yield f"Output of {plural(missing, 'request')} is unknown"


def words(cause: str) -> str:
    """A cause of misses as it is read: system changed."""
    return cause.replace("_", " ")


def reproduced(analysis: Analysis) -> str:
    """How far the simulated cache agrees with the bill: what its causes and what-ifs rest on."""
    frame = analysis.tables["agreement"]
    count, near, same, warm = (total(frame, name) for name in ("requests", "near", "exact", "warm_start"))
    if not count:
        return "no bill in the log to compare with"
    within = "" if near == same else f", {percent(near, count)} within 1%"
    before = f" ({tokens(warm)} of the reads were cached before the log began)" if warm else ""
    return f"{same:,} of {plural(count, 'request')} reproduced to the token{within}{before}"


def doubt(analysis: Analysis) -> str:
    """That the simulation must not be relied on; nothing where it may be."""
    frame = analysis.tables["agreement"]
    count, near = total(frame, "requests"), total(frame, "near")
    if near >= RELIABLE * count:
        return ""
    return f"Only {percent(near, count)} of requests are reproduced within 1%: take causes and what-ifs as unreliable."


def accounts(analysis: Analysis) -> str:
    """`68 records = 66 requests + 1 duplicate + 1 other`."""
    sources = analysis.tables["sources"]
    kinds = (("requests", "request", ""), ("duplicates", "duplicate", ""), ("others", "other", "others"))
    counts = {name: total(sources, name) for name in ("records", "requests", "duplicates", "others", "skipped")}
    parts = [plural(counts[name], noun, many) for name, noun, many in kinds if counts[name] or name == "requests"]
    parts.append(f"{counts['skipped']:,} skipped")
    return f"{plural(counts['records'], 'record')} = {' + '.join(parts)}"


def skips(analysis: Analysis) -> str:
    """The first reason why a record was skipped, and where; nothing where none was."""
    frame = analysis.tables["skipped"]
    if not len(frame):
        return ""
    source, line, reason = frame.row(0)
    where = tail(f"{source}:{line}" if line else source, 40)
    more = f"; {len(frame) - 1:,} more, --full lists every reason" if len(frame) > 1 else ""
    return f"Skipped {where}: {reason}{more}"
