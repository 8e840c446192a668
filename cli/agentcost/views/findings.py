"""What stands out in an analysis: sentences with a number and what to do, the heaviest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agentcost.model import Kind
from agentcost.results import KIND_COLUMNS, Analysis
from agentcost.units import agreed, exact, in_tokens, middle, percent, plural, rounded, tokens
from agentcost.views.figures import CARRIED, HISTORY, LABELS, TOOLS, component_tokens, median, total

LONG = 128_000

LEAST = 500
"""Tokens below which nothing is worth a sentence."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence that names itself, the rest of it, the input tokens it is about, and its weight: those tokens, times
    how sure a remedy there is."""

    tokens: int
    weight: float
    lead: str
    text: str


def findings(analysis: Analysis, most: int) -> list[Finding]:
    """At most `most` findings, the heaviest first."""
    whole = total(analysis.tables["requests"])
    found = [finding for finder in FINDERS for finding in finder(analysis, whole)] if whole else []
    found = [finding for finding in found if max(whole / 100, LEAST) <= finding.tokens <= whole]
    return sorted(found, key=lambda finding: (-finding.weight, finding.lead))[:most]


def never_called(analysis: Analysis, whole: int) -> Iterator[Finding]:
    """Definitions that every request carries and no request used."""
    tools, servers = analysis.tables["tools"], analysis.tables["servers"]
    unused = tools.filter(tools["never_called"])
    carried = total(unused, "schema_carried")
    if not carried:
        return
    idle = servers.filter(servers["tools_called"] == 0).head(1)
    if not len(idle):
        yield Finding(
            carried,
            3 * carried,
            f"{len(unused)} of {plural(len(tools), 'tool')} never called:",
            f"{exact(carried)} tokens of definitions ({percent(carried, whole)} of input); "
            "`agentcost tools` lists them, drop what is not needed.",
        )
        return
    server, own, each = idle["server"].item(), total(idle, "schema_carried"), total(idle, "schema_tokens")
    others = len(unused) - total(idle, "tools")
    more = (
        f" {plural(others, 'more tool')} never called: {tokens(carried - own)} ({percent(carried - own, whole)})."
        if others
        else ""
    )
    yield Finding(
        carried,
        3 * carried,
        f"{middle(server, 24)}: {plural(total(idle, 'tools'), 'tool')}, none ever called:",
        f"{plural(each, 'token')} in {_each(total(idle, 'requests'))} = "
        f"{exact(own)} tokens ({percent(own, whole)} of input); disconnect it.{more}",
    )


def _each(requests: int) -> str:
    return "the only request that has them" if requests == 1 else f"each of {plural(requests, 'request')}"


def fixed_prefix(analysis: Analysis, whole: int) -> Iterator[Finding]:
    """What stands before the user's first words, sent again with every request."""
    import polars as pl  # noqa: PLC0415 — with the frame it works on

    parts = component_tokens(analysis)
    frame = analysis.tables["requests"].with_columns(fixed=pl.sum_horizontal(CARRIED))
    tooled = frame.filter(pl.sum_horizontal(TOOLS) > 0)
    own = tooled if len(tooled) else frame.filter(pl.col("role") == "main")
    known = analysis.tables["sessions"]["fixed_prefix"].drop_nulls().to_list()
    carried = total(own, "fixed")
    if not known or carried < whole / 4 or 2 * parts.get(KIND_COLUMNS[Kind.HIDDEN], 0) > carried:
        return
    yield Finding(
        carried,
        carried,
        f"{exact(median(known))} tokens stand before the user's first words",
        f"{_most(known)}: {percent(carried, whole)} of input. "
        f"Each 1,000 tokens cut there save {tokens(1000 * len(own))}.",
    )


def _most(sizes: list[int]) -> str:
    """`in a median session, 10,278 at most`: what a budget limits is the most."""
    return f"in a median session, {exact(max(sizes))} at most" if len(sizes) > 1 else "in the session"


def hidden(analysis: Analysis, whole: int) -> Iterator[Finding]:
    """What a transcript does not show."""
    count = component_tokens(analysis).get(KIND_COLUMNS[Kind.HIDDEN], 0)
    if count < whole / 50:
        return
    sizes = [size for size in analysis.tables["requests"][KIND_COLUMNS[Kind.HIDDEN]].to_list() if size]
    least, most = tokens(min(sizes)), tokens(max(sizes))
    each = f"{most} tokens of each prompt" if least == most else f"{least} to {most} tokens of a prompt"
    yield Finding(
        count,
        count,
        f"{each} are not in the transcript:",
        f"system prompt and tools, {percent(count, whole)} of input; `agentcost capture` and --prefix FILE show them.",
    )


def growth(analysis: Analysis, whole: int) -> Iterator[Finding]:
    """What the turns of a session add, and every later turn sends again."""
    frame = analysis.tables["components"]
    history = frame.filter(frame["component"].is_in(HISTORY))
    carried = total(history, "tokens")
    grown = [
        (mean, name)
        for mean, name in zip(history["growth"].to_list(), history["component"].to_list(), strict=True)
        if mean and mean > 0
    ]
    if not grown or carried < whole / 10:
        return
    most = ", ".join(f"{LABELS[name]} {rounded(mean)}" for mean, name in sorted(grown, reverse=True)[:3])
    yield Finding(
        carried,
        carried,
        f"History grows {rounded(sum(mean for mean, _ in grown))} tokens a turn",
        f"({most}) and every later turn sends it again: {percent(carried, whole)} of input."
        f"{_heaviest(analysis, whole)}",
    )


def _heaviest(analysis: Analysis, whole: int) -> str:
    """The tool whose results the session carries most of."""
    tools = analysis.tables["tools"]
    top = tools.sort("result_carried", "tool", descending=[True, False]).head(1)
    count = total(top, "result_carried")
    if count < max(whole / 100, LEAST):
        return ""
    return f" Shorten what {middle(top['tool'].item(), 24)} returns: {tokens(count)} ({percent(count, whole)})."


def long_prompts(analysis: Analysis, whole: int) -> Iterator[Finding]:
    """Prompts above 128k."""
    requests = analysis.tables["requests"]
    above = requests.filter(requests["prompt"] > LONG)
    if len(above):
        count = total(above)
        yield Finding(
            count,
            count,
            f"{plural(len(above), 'prompt')} of {len(requests):,} above {tokens(LONG)} tokens",
            f"({percent(len(above), len(requests))}) {agreed(len(above), 'carries', 'carry')} "
            f"{percent(count, whole)} of input: compact earlier, or start "
            "a new session for a new task.",
        )


def beside(analysis: Analysis, whole: int) -> Iterator[Finding]:
    """Side calls and subagents."""
    requests = analysis.tables["requests"]
    for role, noun in (("side", "side call"), ("subagent", "subagent request")):
        own = requests.filter(requests["role"] == role)
        count = total(own)
        if count > whole / 100:
            yield Finding(
                count,
                count,
                f"{plural(len(own), noun)}:",
                f"{exact(count)} tokens ({percent(count, whole)} of input) beside the conversation; "
                f"see `agentcost turns --where role={role}`.",
            )


def one_session(analysis: Analysis, whole: int) -> Iterator[Finding]:
    """A session that takes much more than its share."""
    sessions = analysis.tables["sessions"]
    count = int(sessions["prompt"][0])
    if len(sessions) > 2 and count > whole / 3 and count > 2 * whole / len(sessions):
        yield Finding(
            count,
            count / 2,
            f"One session of {len(sessions):,} takes {percent(count, whole)} of input:",
            f"{middle(sessions['session'][0], 40)}, {plural(int(sessions['requests'][0]), 'request')}, "
            f"largest prompt {tokens(sessions['largest_prompt'][0])}; see `agentcost show`.",
        )


def unexplained(analysis: Analysis, whole: int) -> Iterator[Finding]:
    """What was billed beyond the text of the log."""
    count = component_tokens(analysis).get(KIND_COLUMNS[Kind.UNEXPLAINED], 0)
    if count > whole / 33:
        yield Finding(
            count,
            count,
            f"{exact(count)} tokens are unexplained",
            f"({percent(count, whole)} of input): billed beyond what the text in the log measures.",
        )


def concentrated(analysis: Analysis, whole: int) -> Iterator[Finding]:
    """How much of the input the largest tenth of the prompts carries."""
    prompts = analysis.tables["requests"]["prompt"].sort(descending=True)
    tenth = len(prompts) // 10
    count = int(prompts.head(tenth).sum()) if tenth else 0
    if 4 * count > whole:
        yield Finding(
            count,
            count / 4,
            f"The largest tenth of the prompts carries {percent(count, whole)} of input:",
            f"{plural(tenth, 'prompt')} of {in_tokens(int(prompts[tenth - 1]))} and more.",
        )


FINDERS: tuple[Callable[[Analysis, int], Iterator[Finding]], ...] = (
    never_called,
    fixed_prefix,
    hidden,
    growth,
    long_prompts,
    beside,
    one_session,
    unexplained,
    concentrated,
)
"""What is looked for. A new finding is a function and a line here."""
