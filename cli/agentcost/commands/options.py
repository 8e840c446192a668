"""The options of reports: one place for their names and help."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal

import typer

from agentcost.errors import UsageError


def one_of(option: str, *choices: str) -> Callable[[str], str]:
    """A parser of an option that takes one of a few words."""

    def parse(text: str) -> str:
        if text not in choices:
            raise UsageError(f"{option} {text}: there is no such choice; write one of {', '.join(choices)}")
        return text

    return parse


def share(option: str, text: str) -> Decimal:
    """`1%` or `0.01` as a share."""
    try:
        found = Decimal(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or found < 0:
        raise UsageError(f"{option} {text}: write a share, as 1% or 0.01")
    return found


Format = Literal["text", "json", "jsonl", "csv", "md"]
_FORMATS = ("text", "json", "jsonl", "csv", "md")
_COUNTERS = ("splintr", "tiktoken")

Logs = Annotated[
    list[str] | None, typer.Argument(metavar="LOG", help="Files, folders, globs, - for a pipe, saved records.")
]
InputFormat = Annotated[
    str, typer.Option("--input-format", metavar="NAME", help="Read every log as this format, or by a mapping.toml.")
]
Columns = Annotated[str, typer.Option("--columns", metavar="A=B,…", help="A table's columns: input=prompt_tokens,…")]
Prefix = Annotated[
    list[str] | None,
    typer.Option(
        "--prefix",
        metavar="[SERVER=]FILE",
        help="A captured request or tools list: explains a transcript's hidden prefix.",
    ),
]
Label = Annotated[
    list[str] | None,
    typer.Option(
        "--label", metavar="KEY=path:N|json:.a.b", help="Label requests by a folder of their path or a record's field."
    ),
]
Since = Annotated[
    str, typer.Option("--since", metavar="WHEN", help="From this day or time on; 7d counts back from the last request.")
]
Until = Annotated[str, typer.Option("--until", metavar="WHEN", help="Up to this day (inclusive) or time.")]
Zone = Annotated[str, typer.Option("--tz", metavar="ZONE", help="The time zone of days.")]
Where = Annotated[
    list[str] | None, typer.Option("--where", metavar="KEY=GLOB", help="Only requests whose key matches.")
]
By = Annotated[
    str, typer.Option("--by", metavar="KEYS", help="Group by keys: session, project, user, client, model, day…")
]
Top = Annotated[
    int | None, typer.Option("--top", metavar="N", min=1, help="Rows of a table; the rest is summed or counted.")
]
Sort = Annotated[
    str,
    typer.Option("--sort", metavar="COLUMN", help="The column that groups, sessions, tools or turns are sorted by."),
]
Gap = Annotated[
    str, typer.Option("--assume-gap", metavar="30s", help="The gap between requests of a log without times.")
]
Counter = Annotated[
    str,
    typer.Option(
        "--counter",
        metavar="|".join(_COUNTERS),
        parser=one_of("--counter", *_COUNTERS),
        help="The tokenizer; both count alike.",
    ),
]
NoCache = Annotated[
    bool, typer.Option("--no-cache", help="Keep nothing between runs: neither token counts nor text-free records.")
]
Against = Annotated[
    list[str] | None,
    typer.Option("--against", metavar="EXPORT", help="A usage export of the bill: logged against billed, by day."),
]
Jobs = Annotated[int, typer.Option("--jobs", metavar="N", min=1, help="Processes that read logs.")]
Strict = Annotated[bool, typer.Option("--strict", help="Fail when a record cannot be read.")]
As = Annotated[
    str,
    typer.Option("--format", metavar="|".join(_FORMATS), parser=one_of("--format", *_FORMATS), help="What is printed."),
]
Json = Annotated[bool, typer.Option("--json", help="Short for --format json.")]
Output = Annotated[
    str,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="Write here by suffix: .json .jsonl .md .csv .parquet .arrow, or a CSV file per table into a folder/.",
    ),
]
Table = Annotated[str, typer.Option("--table", metavar="NAME", help="The table that is written; list names them.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No warnings.")]
Save = Annotated[
    str,
    typer.Option("--save", metavar="FILE.agentcost", help="Write the text-free record; it is read wherever a log is."),
]
Full = Annotated[
    bool,
    typer.Option(
        "--full",
        help="All of it: every row, distribution, growth, how it was measured, logs, what was skipped.",
    ),
]
IncludeText = Annotated[
    bool, typer.Option("--include-text", help="With data out and show: read prompts' text again and write it.")
]
ShowText = Annotated[
    bool, typer.Option("--show-text", help="Show the text itself where evidence shows a masked excerpt.")
]
Policy = Annotated[
    str, typer.Option("--policy", metavar="NAME", help="Simulate this cache policy; `agentcost policies` lists them.")
]
HitRate = Annotated[
    str,
    typer.Option(
        "--hit-rate",
        metavar="OF",
        help="What hit rates are a share of: tokens, cacheable, eligible, cached, requests, request-mean, "
        "session-mean, last-half.",
    ),
]
ScopeBy = Annotated[
    str, typer.Option("--scope-by", metavar="FIELD", help="What shares a cache: session, user, project, client, task.")
]
PriceFile = Annotated[
    str, typer.Option("--price-file", metavar="FILE.toml", help="Negotiated prices, plans, and who is billed how.")
]
PriceDate = Annotated[
    str, typer.Option("--price-date", metavar="DATE", help="The day whose prices requests without a day have.")
]
Billing = Annotated[
    str, typer.Option("--billing", metavar="api|seat|credits", help="How requests were paid for, where no log tells.")
]
