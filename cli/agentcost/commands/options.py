"""The options of reports: one place for their names and help."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

Format = Literal["text", "json", "jsonl", "csv", "md"]

Logs = Annotated[
    list[str] | None, typer.Argument(metavar="LOG…", help="Files, folders, globs, - for a pipe, saved records.")
]
InputFormat = Annotated[str, typer.Option("--input-format", metavar="NAME", help="Read every log as this format.")]
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
Top = Annotated[int | None, typer.Option("--top", metavar="N", min=1, help="Rows of a table; the rest is summed.")]
Sort = Annotated[str, typer.Option("--sort", metavar="COLUMN", help="The column that groups are sorted by.")]
Gap = Annotated[
    str, typer.Option("--assume-gap", metavar="30s", help="The gap between requests of a log without times.")
]
Counter = Annotated[Literal["splintr", "tiktoken"], typer.Option("--counter", help="The tokenizer; both count alike.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Keep no token counts between runs.")]
Jobs = Annotated[int, typer.Option("--jobs", metavar="N", min=1, help="Processes that read logs.")]
Strict = Annotated[bool, typer.Option("--strict", help="Fail when a record cannot be read.")]
As = Annotated[Format, typer.Option("--format", help="What is printed.")]
Json = Annotated[bool, typer.Option("--json", help="Short for --format json.")]
Output = Annotated[
    str,
    typer.Option("-o", "--output", metavar="FILE", help="Write here by suffix: .json .md .csv .parquet, or a folder/."),
]
Table = Annotated[str, typer.Option("--table", metavar="NAME", help="The table that is written; list names them.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No warnings.")]
Save = Annotated[
    str,
    typer.Option("--save", metavar="FILE.agentcost", help="Write the text-free record; it is read wherever a log is."),
]
Full = Annotated[bool, typer.Option("--full", help="Everything: distribution, growth, top tools, what was skipped.")]
IncludeText = Annotated[
    bool, typer.Option("--include-text", help="With data out and show: read prompts' text again and write it.")
]
