"""The options that commands share: each is written once, and a command is given what is built of those it names."""

from __future__ import annotations

from collections.abc import Callable, Collection
from decimal import Decimal, InvalidOperation
from inspect import Parameter, Signature, signature
from typing import Annotated

import typer

from agentcost.commands.asked import Asked
from agentcost.errors import UsageError


def one_of(option: str, *choices: str) -> Callable[[str], str]:
    """A parser of an option that takes one of a few words."""

    def parse(text: str) -> str:
        if text not in choices:
            raise UsageError(f"{option} {text}: there is no such choice; write one of {', '.join(choices)}")
        return text

    return parse


def choice(option: str, *choices: str, says: str) -> object:
    """An option that takes one of a few words."""
    return typer.Option(option, metavar="|".join(choices), parser=one_of(option, *choices), help=says)


def share(option: str, text: str) -> Decimal:
    """`1%` or `0.01` as a share."""
    try:
        found = Decimal(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or found < 0:
        raise UsageError(f"{option} {text}: write a share, as 1% or 0.01")
    return found


PRINTED = "What is printed."
PriceFile = Annotated[
    str, typer.Option("--price-file", metavar="FILE.toml", help="Negotiated prices, plans, and who is billed how.")
]
Json = Annotated[bool, typer.Option("--json", help="Short for --format json.")]
AllAsJson = Annotated[bool, typer.Option("--json", help="All of it as JSON.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No warnings.")]
IncludeText = Annotated[
    bool, typer.Option("--include-text", help="With data out and show: read prompts' text again and write it.")
]
ShowText = Annotated[
    bool, typer.Option("--show-text", help="Show the text itself where evidence shows a masked excerpt.")
]


def asked(
    logs: Annotated[
        list[str] | None, typer.Argument(metavar="LOG", help="Files, folders, globs, - for a pipe, saved records.")
    ] = None,
    input_format: Annotated[
        str,
        typer.Option("--input-format", metavar="NAME", help="Read every log as this format, or by a mapping.toml."),
    ] = "",
    columns: Annotated[
        str, typer.Option("--columns", metavar="A=B,…", help="A table's columns: input=prompt_tokens,…")
    ] = "",
    prefix: Annotated[
        list[str] | None,
        typer.Option(
            "--prefix",
            metavar="[SERVER=]FILE",
            help="A captured request or tools list: explains a transcript's hidden prefix.",
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label",
            metavar="KEY=path:N|json:.a.b",
            help="Label requests by a folder of their path or a record's field.",
        ),
    ] = None,
    since: Annotated[
        str,
        typer.Option("--since", metavar="WHEN", help="From this day or time on; 7d counts back from the last request."),
    ] = "",
    until: Annotated[str, typer.Option("--until", metavar="WHEN", help="Up to this day (inclusive) or time.")] = "",
    tz: Annotated[str, typer.Option("--tz", metavar="ZONE", help="The time zone of days.")] = "UTC",
    where: Annotated[
        list[str] | None, typer.Option("--where", metavar="KEY=GLOB", help="Only requests whose key matches.")
    ] = None,
    by: Annotated[
        str, typer.Option("--by", metavar="KEYS", help="Group by keys: session, project, user, client, model, day…")
    ] = "",
    top: Annotated[
        int | None, typer.Option("--top", metavar="N", min=1, help="Rows of a table; the rest is summed or counted.")
    ] = None,
    sort: Annotated[
        str,
        typer.Option(
            "--sort", metavar="COLUMN", help="The column that groups, sessions, tools or turns are sorted by."
        ),
    ] = "",
    assume_gap: Annotated[
        str, typer.Option("--assume-gap", metavar="30s", help="The gap between requests of a log without times.")
    ] = "",
    counter: Annotated[
        str, choice("--counter", "splintr", "tiktoken", says="The tokenizer; both count alike.")
    ] = "splintr",
    tokenizer: Annotated[
        list[str] | None,
        typer.Option(
            "--tokenizer",
            metavar="MODEL=FILE",
            help="Count this model with its own tokenizer.json (Hugging Face): exact.",
        ),
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Keep nothing between runs: neither token counts nor text-free records.")
    ] = False,
    jobs: Annotated[int, typer.Option("--jobs", metavar="N", min=1, help="Processes that read logs.")] = 1,
    strict: Annotated[bool, typer.Option("--strict", help="Fail when a record cannot be read.")] = False,
    policy: Annotated[
        str,
        typer.Option("--policy", metavar="NAME", help="Simulate this cache policy; NAME,SWITCH=VALUE sets a switch."),
    ] = "",
    scope_by: Annotated[
        str,
        typer.Option("--scope-by", metavar="FIELD", help="What shares a cache: session, user, project, client, task."),
    ] = "",
    hit_rate: Annotated[
        str,
        typer.Option(
            "--hit-rate",
            metavar="OF",
            help="What hit rates are a share of: tokens, cacheable, eligible, cached, requests, request-mean, "
            "session-mean, last-half, blocks, full-blocks, block-mean.",
        ),
    ] = "tokens",
    price_file: PriceFile = "",
    price_date: Annotated[
        str,
        typer.Option("--price-date", metavar="DATE", help="The day whose prices requests without a day have."),
    ] = "",
    billing: Annotated[
        str,
        typer.Option("--billing", metavar="api|seat|credits", help="How requests were paid for, where no log tells."),
    ] = "",
    rate: Annotated[
        str, typer.Option("--rate", metavar="EUR=0.92", help="Show dollars in another currency, at this rate.")
    ] = "",
    format_: Annotated[str, choice("--format", "text", "json", "jsonl", "csv", "md", says=PRINTED)] = "text",
    json: Json = False,
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Write here by suffix: .json .jsonl .md .csv .parquet .arrow, or a CSV file per table into a folder/.",
        ),
    ] = "",
    table: Annotated[
        str, typer.Option("--table", metavar="NAME", help="The table that is written; list names them.")
    ] = "",
) -> Asked:
    """What was asked for. Its parameters are the shared options: name, help and default."""
    return Asked(
        logs=tuple(logs or ()), input_format=input_format, columns=columns, prefix=tuple(prefix or ()),
        label=tuple(label or ()), since=since, until=until, tz=tz, where=tuple(where or ()), by=by, top=top, sort=sort,
        assume_gap=assume_gap, counter=counter, tokenizer=tuple(tokenizer or ()), cache=not no_cache, jobs=jobs,
        strict=strict, policy=policy, scope_by=scope_by, hit_rate=hit_rate, price_file=price_file,
        price_date=price_date, billing=billing, rate=rate, form="json" if json else format_, output=output, table=table,
    )  # fmt: skip


READING = ("input_format", "columns", "prefix", "label")
SELECTION = ("since", "until", "tz", "where")
SIMULATION = ("policy", "scope_by")
PRICES = ("price_file", "price_date", "billing")
COUNTING = ("counter", "tokenizer")
RUN = (*READING, *SELECTION, "assume_gap", *SIMULATION, *PRICES, *COUNTING)
COST = ("no_cache", "jobs", "strict")
DATA = ("format_", "json", "output", "table")


def only(*names: str) -> Callable[..., Asked]:
    """A builder of what was asked for, with these of the shared options."""

    def built(**given: object) -> Asked:
        return asked(**given)  # type: ignore[arg-type]  # Typer has checked them

    known = signature(asked).parameters
    built.__signature__ = Signature([known[name] for name in names])  # type: ignore[attr-defined]  # what inspect reads
    return built


def composed(**builders: Callable[..., object]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command, some of whose parameters are built of options: in --help these stand in their parameter's place.

    @composed(asked=only(*READING, *COST))
    def command(budget: Budget = "", *, asked: Asked, quiet: Quiet = False) -> None:
    """
    parts = {name: _parameters(builder) for name, builder in builders.items()}

    def of(command: Callable[..., None]) -> Callable[..., None]:
        def run(**given: object) -> None:
            made = {
                name: build(**{option: given.pop(option) for option in parts[name]}) for name, build in builders.items()
            }
            command(**given, **made)

        own = {name: parts.get(name, {name: one}) for name, one in _parameters(command, built=parts).items()}
        found = [one.replace(kind=Parameter.KEYWORD_ONLY) for options in own.values() for one in options.values()]
        run.__signature__ = Signature(found)  # type: ignore[attr-defined]  # what inspect, and so Typer, reads
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        return run

    return of


def _parameters(function: Callable[..., object], built: Collection[str] = ()) -> dict[str, Parameter]:
    """The parameters, their annotations evaluated, but of those that are built: their types are imported late."""
    scope = function.__globals__
    return {
        name: one
        if name in built or not isinstance(one.annotation, str)
        else one.replace(annotation=eval(one.annotation, scope))  # as inspect does, one by one
        for name, one in signature(function).parameters.items()
    }
