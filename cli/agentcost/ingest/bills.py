"""Usage exports of a bill: sums by day, user and model, whose single requests are unknown.

| export | known by |
| --- | --- |
| GitHub: AI usage report (CSV) | `date`, `username`, `model`, `input`, `output`, `cache_read`, `cache_write` |
| Anthropic: usage report (Admin API) | `data[].results[].uncached_input_tokens` |
| Anthropic: Claude Code analytics (Admin API) | `data[].model_breakdown[].tokens` |
| OpenAI: organisation usage (Admin API) | `data[].results[].input_cached_tokens` |

From the providers' documentation. Read as a log, every row is an Other: `rows` gives the sums, to stand beside what
logs hold of the same days. Token columns are disjoint but for OpenAI's, whose input holds the cached tokens.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from agentcost.ingest.apis.contract import Body
from agentcost.ingest.contract import Hand, Origin, Peek, Reader, Source, place
from agentcost.ingest.exported import object_of, objects_of, text_at
from agentcost.ingest.json_values import records
from agentcost.ingest.times import moment
from agentcost.model import Item, Knowledge, Other, Place, Skipped, Usage

_GITHUB = {"date", "model", "net_amount"}
_TOKENS = ("input", "output", "cache_read", "cache_write")

NO_REQUEST = "billed sum of a day, a user and a model, without its requests"
"""What a row is where requests are looked for."""


class BilledSum(msgspec.Struct, frozen=True):
    """What a provider billed for a day, a user and a model. "" and None are unknown.

    `day` is of UTC, `user` a name, an address or the id of a key. `requests` is their number where the export has it;
    `cost` is in US dollars, before (`gross`) and after discounts; `credits` is what was used of GitHub's.
    """

    place: Place
    source: str
    day: str
    user: str
    model: str
    usage: Usage | None
    requests: int | None = None
    cost: Decimal | None = None
    gross: Decimal | None = None
    credits: Decimal | None = None
    project: str = ""


def sniff(peek: Peek) -> bool:
    """The header of GitHub's report, or a page of an Admin API."""
    head = peek.head.lstrip(b"\xef\xbb\xbf \r\n")
    if head[:1] in (b"{", b"["):
        return any(_sums(Place("", 0), record) for record in peek.objects())
    columns = _header(head.split(b"\n", 1)[0])
    return columns.keys() >= _GITHUB and bool(columns.keys() & {*_TOKENS, "username", "quantity"})


def _header(line: bytes) -> dict[str, int]:
    """The columns of a CSV by their names in small letters."""
    return {name.strip().lower(): number for number, name in enumerate(_cells(line))}


def _cells(line: bytes) -> list[str]:
    """The cells of a line; none where it is no CSV."""
    try:
        return next(csv.reader([line.decode("utf-8-sig", "replace").strip()]), [])
    except csv.Error:
        return []


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """Every row as an Other: it is no request."""
    del hand
    for row in rows(source):
        if isinstance(row, BilledSum):
            yield Other(row.place, NO_REQUEST)
        else:
            yield row


def rows(source: Source) -> Iterator[BilledSum | Skipped | Other]:
    """The sums of an export, in its order."""
    if source.peek().head.lstrip(b"\xef\xbb\xbf \r\n")[:1] not in (b"{", b"["):
        yield from _csv(source)
        return
    for record in records(source):
        found = _sums(record.place, record.value) if isinstance(record.value, dict) else []
        if record.reason:
            yield Skipped(record.place, record.reason)
        elif not found:
            yield Other(record.place, "record without sums")
        yield from found


def _csv(source: Source) -> Iterator[BilledSum | Skipped | Other]:
    """GitHub's report: a row a line; rows of other products have no model."""
    columns: dict[str, int] = {}
    for line in source.lines():
        where = place(source, line)
        if not columns:
            columns = _header(line.bytes())
            yield Other(where, "header")
            continue
        cells = _cells(line.bytes())
        row = {name: cells[at].strip() for name, at in columns.items() if at < len(cells)}
        if row.get("date") and row.get("model"):
            yield _github(where, row)
        elif row.get("date"):
            yield Other(where, "row of another product")
        else:
            yield Skipped(where, "has no date; export the report again, or remove the line")


def _github(where: Place, row: dict[str, str]) -> BilledSum:
    plain, output, read, written = (_whole(row.get(name)) for name in _TOKENS)
    known = plain is not None or output is not None
    usage = Usage(plain=plain or 0, read=read or 0, write=written or 0, output=output) if known else None
    return BilledSum(
        place=where,
        source="github",
        day=_day(row["date"]),
        user=row.get("username") or row.get("user") or "",
        model=row["model"],
        usage=usage,
        cost=_amount(row.get("net_amount")),
        gross=_amount(row.get("gross_amount")),
        credits=_amount(row.get("quantity")),
        project=row.get("repository") or row.get("cost_center_name") or row.get("organization") or "",
    )


def _sums(where: Place, page: Body) -> list[BilledSum]:
    """The sums of a page of an Admin API; none where it is no such page."""
    found: list[BilledSum] = []
    for bucket in objects_of(page.get("data") or []):
        start = bucket.get("starting_at") or bucket.get("start_time_iso") or bucket.get("start_time")
        for result in objects_of(bucket.get("results") or []):
            if "uncached_input_tokens" in result:
                found.append(_anthropic(where, _day(start), result))
            elif "num_model_requests" in result or "input_cached_tokens" in result:
                found.append(_openai(where, _day(start), result))
        for part in objects_of(bucket.get("model_breakdown") or []):
            found.append(_claude_code(where, bucket, part))
    return found


def _anthropic(where: Place, day: str, result: Body) -> BilledSum:
    written = object_of(result.get("cache_creation"))
    usage = Usage(
        plain=_whole(result["uncached_input_tokens"]) or 0,
        read=_whole(result.get("cache_read_input_tokens")) or 0,
        write_5m=_whole(written.get("ephemeral_5m_input_tokens")) or 0,
        write_1h=_whole(written.get("ephemeral_1h_input_tokens")) or 0,
        output=_whole(result.get("output_tokens")),
    )
    user, project = text_at(result, "api_key_id", "account_id"), text_at(result, "workspace_id")
    return BilledSum(where, "anthropic", day, user, text_at(result, "model"), usage, project=project)


def _openai(where: Place, day: str, result: Body) -> BilledSum:
    given, read = _whole(result.get("input_tokens")) or 0, _whole(result.get("input_cached_tokens")) or 0
    return BilledSum(
        place=where,
        source="openai",
        day=day,
        user=text_at(result, "user_id", "api_key_id"),
        model=text_at(result, "model"),
        usage=Usage(plain=max(0, given - read), read=read, output=_whole(result.get("output_tokens"))),
        requests=_whole(result.get("num_model_requests")),
        project=text_at(result, "project_id"),
    )


def _claude_code(where: Place, bucket: Body, part: Body) -> BilledSum:
    """Claude Code's share of a day, in cents of a dollar."""
    tokens, actor, price = (
        object_of(bucket_or_part.get(key))
        for bucket_or_part, key in ((part, "tokens"), (bucket, "actor"), (part, "estimated_cost"))
    )
    usage = Usage(
        plain=_whole(tokens.get("input")) or 0,
        read=_whole(tokens.get("cache_read")) or 0,
        write=_whole(tokens.get("cache_creation")) or 0,
        output=_whole(tokens.get("output")),
    )
    cents = _amount(price.get("amount"))
    return BilledSum(
        place=where,
        source="claude-code",
        day=_day(bucket.get("date")),
        user=text_at(actor, "email_address", "api_key_name"),
        model=text_at(part, "model"),
        usage=usage,
        gross=None if cents is None else cents / 100,
    )


def _day(value: Any) -> str:
    """The day of a time, as 2026-01-31."""
    found, _ = moment(value)
    return "" if found is None else datetime.fromtimestamp(found, UTC).date().isoformat()


def _whole(value: Any) -> int | None:
    """A count, also as text with thousands apart."""
    amount = _amount(value)
    return int(amount) if amount is not None and amount >= 0 else None


def _amount(value: Any) -> Decimal | None:
    if isinstance(value, bool) or value in (None, ""):
        return None
    try:
        found = Decimal(str(value).strip().lstrip("$").replace(",", ""))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


READER = Reader(
    name="bill",
    about="usage exports of a bill (GitHub AI usage, Anthropic and OpenAI Admin APIs): sums by day, no requests",
    knowledge=Knowledge.COUNTS,
    example="date,username,model,quantity,net_amount,input,output,cache_read,cache_write\n"
    "2026-01-10,ada,claude-sonnet-4.5,12.5,0.13,1000,200,40000,3000",
    identity="user: username, the key's id, the actor's address; project: repository, workspace, project; others: none",
    sniff=sniff,
    read=read,
    origin=Origin.DOCUMENTED,
)
