"""`agentcost prices`: what tokens cost, on a day, from where, as of when."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from msgspec.structs import asdict

from agentcost.commands import options
from agentcost.commands.reading import text_of
from agentcost.commands.report import draw, width
from agentcost.errors import AgentcostError, UsageError
from agentcost.units import NONE, exact, plural

if TYPE_CHECKING:
    from rich.console import RenderableType

    from agentcost.pricing import Book, Price, Step, Unpriced
    from agentcost.pricing.listing import Listed
    from agentcost.views.layout import Column

MARKS = "dollars per million tokens; V verified at its source, S second-hand, U uncertain; – costs what it belongs to"


def prices(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model, as logs write it.")] = "",
    on: Annotated[str, typer.Option("--on", metavar="DATE", help="The day, or 2026-11-20T02:00 in UTC; today.")] = "",
    provider: Annotated[str, typer.Option("--provider", metavar="NAME", help="One provider only.")] = "",
    price_file: options.PriceFile = "",
    json: options.AllAsJson = False,
    refresh_prices: Annotated[
        bool, typer.Option("--refresh-prices", help="Fetch the newest list of genai-prices (network) and keep it.")
    ] = False,
) -> None:
    """What tokens of a model cost: at every provider, in every tier, with sources and dates."""
    from agentcost.commands.sheets import write_tables  # noqa: PLC0415 — heavy
    from agentcost.pricing import Unpriced  # noqa: PLC0415 — heavy
    from agentcost.pricing.listing import listing  # noqa: PLC0415 — heavy

    if refresh_prices:
        fetch_prices()
    moment, book = moment_of(on), book_of(price_file)
    if provider:
        check_provider(model, provider, moment, book)
    if not model:
        if json:
            write_tables("prices", numbers(overlay_tables(moment)))
            return
        draw(overview(moment, book, width()))
        return
    found = listing(model, moment, provider, book)
    if json:
        write_tables("prices", numbers(json_tables(found, moment)))
    elif isinstance(found, Unpriced):
        raise AgentcostError(found.reason)
    else:
        draw(sheet(model, found, moment, width()))


def moment_of(on: str) -> datetime:
    """The moment that was asked for; a day is meant at noon, UTC."""
    if not on:
        return datetime.combine(datetime.now(UTC).date(), time(12), UTC)
    try:
        moment = datetime.fromisoformat(on)
    except ValueError as error:
        raise UsageError(f"--on {on}: write a day as 2026-11-20, or a time as 2026-11-20T02:00") from error
    if len(on) <= 10:
        moment = datetime.combine(moment.date(), time(12))
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment.date() < FIRST_API:
        raise UsageError(f"--on {on}: no model was sold by the token before {FIRST_API}")
    return moment


FIRST_API = date(2020, 6, 11)
"""OpenAI opened the first API of a language model (openai.com/blog/openai-api)."""


def check_provider(model: str, provider: str, moment: datetime, book: Book | None) -> None:
    """UsageError where nobody lists prices of the provider, or no model was named."""
    from agentcost.pricing import Terms  # noqa: PLC0415 — heavy
    from agentcost.pricing.listing import providers, providers_of  # noqa: PLC0415 — heavy

    if not model:
        raise UsageError(f"--provider {provider}: name a model too: agentcost prices MODEL --provider {provider}")
    if Terms(provider, "").host in providers(book):
        return
    having = providers_of(model, moment, book)
    told = f"{model} has prices at {', '.join(having)}" if having else f"there are {', '.join(providers(book))}"
    raise UsageError(f"--provider {provider}: no prices of it are known; {told}")


def book_of(file: str) -> Book | None:
    """The price file; None where none was named. AgentcostError names the line where it is wrong."""
    from agentcost.pricing import read_price_file  # noqa: PLC0415 — heavy

    use_kept_prices()
    if not file:
        return None
    return read_price_file(text_of("--price-file", file), file)


BUNDLED = "bundled"
"""What $AGENTCOST_PRICE_LIST says where a list that was fetched shall not be used."""


def fetch_prices() -> None:
    """Fetch the newest list and keep it in the user's cache folder: the only thing that uses the network."""
    from agentcost.commands.asked import cache_folder  # noqa: PLC0415 — it needs this module
    from agentcost.pricing.refresh import refresh  # noqa: PLC0415 — heavy

    providers, models = refresh(cache_folder(), datetime.now(UTC).date())
    sys.stderr.write(f"agentcost: {exact(models)} models of {providers} providers, kept in {cache_folder()}\n")


def use_kept_prices() -> None:
    """Use the list that was fetched before, if one was."""
    from agentcost.commands.asked import cache_folder  # noqa: PLC0415 — it needs this module
    from agentcost.pricing.refresh import NAME, use_kept  # noqa: PLC0415 — heavy

    if os.environ.get("AGENTCOST_PRICE_LIST") != BUNDLED and (cache_folder() / NAME).is_file():
        use_kept(cache_folder())


def money(value: Decimal) -> str:
    """A price to its last digit: 0.0028, 12.5, 1,250."""
    return f"{value.normalize():,f}"


def sheet(model: str, found: Sequence[Listed], moment: datetime, columns: int) -> RenderableType:
    """A row per provider, tier and size of the prompt."""
    from rich.console import Group  # noqa: PLC0415 — heavy

    from agentcost.views.layout import Column, Table, quiet, title  # noqa: PLC0415 — heavy

    rows = [(one, step) for one in found for step in one.price.steps]
    listed = [
        Column("provider", [one.price.provider or "any" for one, _ in rows], name=12),
        Column("under", [one.under for one, _ in rows], name=8),
        Column("prompt", [f"> {exact(step.over)}" if step.over >= 0 else "" for _, step in rows]),
        *_price_columns([(one.price, step) for one, step in rows]),
        Column("", [one.price.mark for one, _ in rows], drop=4, name=1),
        Column(
            "as of", [one.price.checked.isoformat() if one.price.checked else "" for one, _ in rows], drop=3, name=10
        ),
        Column("source", [one.price.source for one, _ in rows], drop=2, name=16, keeps="start"),
        Column("model", [one.price.model for one, _ in rows], drop=5, name=16),
    ]
    head = f"{model} on {moment:%Y-%m-%d %H:%M} UTC: {plural(len({one.price.provider for one in found}), 'provider')}"
    sources = dict.fromkeys(
        f"{one.price.source}{f' as of {one.price.checked}' if one.price.checked else ''}" for one in found
    )
    notes = [*_notes(found), *_storage(found, moment), *_oldest(found, moment)]
    return Group(
        title(head, columns), quiet(f"from {'; '.join(sources)}", columns), Table(listed, columns),
        *(quiet(note, columns) for note in notes), quiet(MARKS, columns),
    )  # fmt: skip


def _storage(found: Sequence[Listed], moment: datetime) -> Iterator[str]:
    """What keeping an explicit cache costs, where that is charged."""
    from agentcost.pricing.overlay import storage_of  # noqa: PLC0415 — heavy

    for provider, model in dict.fromkeys((one.price.provider, one.price.model) for one in found):
        kept = storage_of(provider, model, moment)
        if kept:
            yield f"{provider}: a cache that is kept: {money(kept.hourly)} for each hour ({kept.mark}, {kept.source})"


def _oldest(found: Sequence[Listed], moment: datetime) -> Iterator[str]:
    """On a day before prices were looked at: which of them nothing tells the beginning of."""
    day = moment.date()
    unsure = [one.price for one in found if one.oldest and one.price.checked and day < one.price.checked]
    if not unsure:
        return
    where = ", ".join(dict.fromkeys(price.provider or "any" for price in unsure))
    first = min(price.checked for price in unsure if price.checked)
    yield (
        f"{where}: the oldest price on record, looked at on {first}; no list tells since when it holds, nor when the "
        f"model came out, so nothing says that it was sold on {day}"
    )


def _price_columns(rows: Sequence[tuple[Price, Step]]) -> Iterator[Column]:
    from agentcost.views.layout import Column  # noqa: PLC0415 — heavy

    def cells(name: str) -> list[str]:
        return [NONE if name in price.filled else money(getattr(step.rates, name)) for price, step in rows]

    yield Column("input", cells("plain"))
    yield Column("read", cells("read"))
    yield Column("write", cells("write"))
    for name, shown in (("write_1h", "1h"), ("write_12h", "12h"), ("reasoning", "reasoning")):
        if any(name not in price.filled for price, _ in rows):
            yield Column(shown, cells(name), drop=1)
    yield Column("output", cells("output"))


def _notes(found: Sequence[Listed]) -> list[str]:
    """What was assumed, each once, with where that was."""
    notes: dict[str, list[str]] = {}
    for one in found:
        for note in one.price.notes:
            if note not in (one.under, f"tier {one.under}"):
                notes.setdefault(note, []).append(f"{one.price.provider} {one.under}".strip())
    return [f"{', '.join(dict.fromkeys(where))}: {note}" for note, where in notes.items()]


def overview(moment: datetime, book: Book | None, columns: int) -> RenderableType:
    """Where prices come from, what of them is our own, and the plans."""
    from rich.console import Group  # noqa: PLC0415 — heavy
    from rich.text import Text  # noqa: PLC0415 — heavy

    from agentcost.pricing import plans, price_list  # noqa: PLC0415 — heavy
    from agentcost.pricing import published as gp  # noqa: PLC0415 — heavy
    from agentcost.views.layout import Column, Table, quiet, title  # noqa: PLC0415 — heavy

    known = price_list()
    of_day = list(plans(moment.date(), *(book.plans if book else ())).values())
    providers, models = gp.size()
    head = f"genai-prices {gp.version()}: {exact(models)} models of {providers} providers; {_kept()}"
    own = [entry for entry in known.prices if entry.numbers]
    table = [
        Column("provider", [entry.provider for entry in own], name=10),
        Column("models", [entry.models for entry in own], name=18),
        Column("from", [_day(entry.begins) for entry in own], drop=1),
        Column("until", [_day(entry.until) for entry in own], drop=2),
        Column("input", [money(entry.numbers.input) for entry in own if entry.numbers]),
        Column("read", [_or_none(entry.numbers.read) for entry in own if entry.numbers]),
        Column("output", [money(entry.numbers.output) for entry in own if entry.numbers]),
        Column("", [entry.mark for entry in own], name=1),
        Column("checked", [entry.checked.isoformat() for entry in own], drop=4),
        Column("source", [entry.source for entry in own], drop=3, name=20, keeps="start"),
    ]
    return Group(
        title(head, columns), quiet("agentcost prices MODEL shows what a model costs, and where that is from", columns),
        Text(), title("Our own prices, which go before", columns), Table(table, columns),
        Text(), title("What a tier, a speed or a region multiplies by, where no price is listed", columns),
        _factors(columns), Text(), title(f"Plans on {moment:%Y-%m-%d}", columns), _plans(of_day, columns),
        quiet(MARKS, columns),
    )  # fmt: skip


def _kept() -> str:
    from agentcost.pricing import published as gp  # noqa: PLC0415 — heavy

    return "fetched by --refresh-prices" if gp.refreshed() else "its own copy, no network"


def _factors(columns: int) -> RenderableType:
    from agentcost.pricing import price_list  # noqa: PLC0415 — heavy
    from agentcost.views.layout import Column, Table  # noqa: PLC0415 — heavy

    rows = price_list().factors
    return Table(
        [
            Column("provider", [one.hosts.split("|")[0] for one in rows], name=10),
            Column("models", [one.models for one in rows], name=18),
            Column("under", [f"{one.term} {one.value}" for one in rows], name=14),
            Column("×", [money(one.times) for one in rows]),
            Column("but", [", ".join(one.kept) for one in rows], drop=2, name=4),
            Column("", [one.mark for one in rows], name=1),
            Column("source", [one.source for one in rows], drop=1, name=20, keeps="start"),
        ],
        columns,
    )


def _plans(rows: Sequence[object], columns: int) -> RenderableType:
    from agentcost.pricing import Plan  # noqa: PLC0415 — heavy
    from agentcost.views.layout import Column, Table  # noqa: PLC0415 — heavy

    known = [one for one in rows if isinstance(one, Plan)]
    return Table(
        [
            Column("plan", [one.name for one in known], name=18),
            Column("$ a seat", [money(one.seat) for one in known]),
            Column("includes $", [_or_none(one.included) for one in known]),
            Column("credits", [exact(int(one.credits)) if one.credits else NONE for one in known]),
            Column("beyond ×", [_or_none(one.overage) for one in known]),
            Column("pooled", ["yes" if one.pooled else "no" for one in known], drop=1, name=6),
            Column("source", [one.source for one in known], drop=2, name=20, keeps="start"),
        ],
        columns,
    )


def _or_none(value: Decimal | None) -> str:
    return NONE if value is None else money(value)


def _day(moment: datetime | date | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d}"


def numbers(tables: Mapping[str, Sequence[object]]) -> dict[str, list[object]]:
    """Tables as plain rows, in which money is a JSON number to its last digit."""
    return {name: [_plain(msgspec.to_builtins(row, builtin_types=(Decimal,))) for row in rows]
            for name, rows in tables.items()}  # fmt: skip


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return msgspec.Raw(f"{value.normalize():f}".encode())
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def json_tables(found: Sequence[Listed] | Unpriced, moment: datetime) -> dict[str, list[object]]:
    """A row per provider, tier and size of the prompt; a reason where there is no price."""
    from agentcost.pricing import Unpriced  # noqa: PLC0415 — heavy

    if isinstance(found, Unpriced):
        return {"prices": [], "unpriced": [{"reason": found.reason}]}
    rows: list[object] = [
        {
            "provider": one.price.provider, "model": one.price.model, "on": moment.isoformat(), "under": one.under,
            "over_tokens": step.over if step.over >= 0 else None,
            **asdict(step.rates),
            "filled": one.price.filled, "included": one.price.included, "source": one.price.source,
            "checked": one.price.checked, "oldest_on_record": one.oldest, "mark": one.price.mark,
            "notes": one.price.notes,
        }
        for one in found
        for step in one.price.steps
    ]  # fmt: skip
    return {"prices": rows, "unpriced": []}


def overlay_tables(moment: datetime) -> dict[str, Sequence[object]]:
    """Our own list as it is, and the plans of the day."""
    from agentcost.pricing import plans, price_list  # noqa: PLC0415 — heavy

    known = price_list()
    return {
        "prices": known.prices, "factors": known.factors, "writes_12h": known.writes_12h, "peaks": known.peaks,
        "aliases": known.aliases, "plans": list(plans(moment.date()).values()),
    }  # fmt: skip
