"""Logs in a format of the user's own, read by a mapping of field paths (see mapping.py).

A call is a body and answer of a provider's API, or messages in the words of one, or a bill alone. Its usage is taken
from the fields that are mapped, else from the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from agentcost.errors import UsageError
from agentcost.ingest import retold
from agentcost.ingest.apis import anthropic, openai_chat
from agentcost.ingest.apis.contract import Api, Body, Identity
from agentcost.ingest.contract import Hand, Peek, Reader, Source
from agentcost.ingest.counts import told_count
from agentcost.ingest.envelopes import provider_of
from agentcost.ingest.exported import Exported, Times, objects_of, pair_of, read_calls
from agentcost.ingest.litellm_routes import route
from agentcost.ingest.mapping import Mapping, first_at, read_mapping, value_at
from agentcost.ingest.times import moment
from agentcost.model import MOST_TOKENS, Item, Knowledge, Request, Usage

_FIRST_EPOCH = 10**8
"""Seconds below this (spring of 1973) are no date: the log counts from its own start."""

_COUNTS = ("input", "plain", "cached", "written", "written_5m", "written_1h", "output", "reasoning")


def reader_from(path: str) -> Reader:
    """The reader that a mapping file makes, by the file's own name. UsageError where it cannot be used."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UsageError(f"--input-format {path}: cannot be read ({reason}); name a mapping") from error
    return reader_of_mapping(read_mapping(text, path))


def reader_of_mapping(mapping: Mapping) -> Reader:
    """The reader of a mapping. It claims no log: it is asked for."""
    return Reader(
        name=mapping.name,
        about="a format of your own",
        knowledge=Knowledge.FULL,
        example="",
        identity="as mapped",
        sniff=_claims_nothing,
        read=partial(_read, mapping),
        standalone=True,
    )


def _claims_nothing(peek: Peek) -> bool:
    del peek
    return False


def _read(mapping: Mapping, source: Source, hand: Hand) -> Iterator[Item]:
    for item in read_calls(source, hand, mapping.name, partial(_told, mapping)):
        if isinstance(item, Request) and item.started is not None and abs(item.started) < _FIRST_EPOCH:
            yield replace(item, settings=(*item.settings, ("clock", "relative")))
        else:
            yield item


def _told(mapping: Mapping, record: Body) -> Iterator[Exported | str]:
    """The calls of a record, those that are listed in it with what the record tells of all."""
    rows = objects_of(value_at(record, mapping.calls) or []) if mapping.calls else [record]
    if not rows:
        yield "record without calls"
    for row in rows:
        if all(_scalar(value_at(row, path)) in wanted for path, wanted in mapping.only):
            yield _call(mapping, row, record)
        else:
            yield "record of another kind"


def _scalar(value: Any) -> str:
    """A value as a mapping writes it: true, not True."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _call(mapping: Mapping, row: Body, record: Body) -> Exported:
    model, url = mapping.text("model", row, record), mapping.text("url", row, record)
    body, answer = mapping.value("body", row), mapping.value("answer", row)
    pair = pair_of(body, answer, model, url)
    if pair:
        told = retold.Told(pair.api, pair.body, pair.answer or _reply(mapping, row, pair.api), hides=False)
    else:
        told = _retold(mapping, row, record, model, body, answer)
    name = model or str(told.body.get("model") or "")
    provider = mapping.text("provider", row, record).lower()
    return Exported(
        provider=provider or (provider_of(url, told.api, name) if pair else route("", url, name).provider),
        model=name,
        usage=_usage(mapping, row) or (told.api.usage(told.answer) if pair and told.answer else None),
        api=told.api,
        body=told.body,
        answer=told.answer,
        id=mapping.text("id", row) or str((pair and pair.answer and pair.answer.get("id")) or ""),
        identity=Identity(
            *(mapping.text(field, row, record) for field in ("session", "user", "project", "client", "task"))
        ),
        times=_times(mapping, row),
        cost=_cost(mapping, row),
        labels=tuple(
            (name, _scalar(value)) for name, paths in sorted(mapping.labels.items())
            if (value := first_at(paths, row, record)) is not None and not isinstance(value, dict | list)
        ),
        tier=mapping.text("tier", row, record),
        hides=told.hides,
    )  # fmt: skip


def _reply(mapping: Mapping, row: Body, api: Api) -> Body | None:
    """The reply to a body, in the body's dialect; None where there is none, or no words of ours for it."""
    if api not in (anthropic.API, openai_chat.API):
        return None
    return retold.answer_of(api, _replies(mapping.value("reply", row)))


def _replies(value: Any) -> list[Body]:
    return [{**one, "role": "assistant"} for one in retold.messages_of(value)]


def _retold(mapping: Mapping, row: Body, record: Body, model: str, body: Any, answer: Any) -> retold.Told:
    """Messages in their own words; a body that no API would take may hold some."""
    system = mapping.value("system", row, record)
    said = [{"role": "system", "content": system}] if system else []
    asked = retold.messages_of(mapping.value("messages", row) or body)
    replies = _replies(mapping.value("reply", row) or answer)
    tools = retold.tools_of(mapping.value("tools", row, record) or [])
    return retold.told(model, [*said, *asked] if asked else [], tools, replies)


def _usage(mapping: Mapping, row: Body) -> Usage | None:
    """The classes made disjoint; None where no input is told. ValueError for what is no count, or does not add up."""
    counts = {field: told_count(field, mapping.value(field, row)) for field in _COUNTS if field in mapping.fields}
    whole, plain = counts.get("input"), counts.get("plain")
    if whole is None and plain is None:
        return None
    read = counts.get("cached") or 0
    written = [counts.get(field) or 0 for field in ("written", "written_5m", "written_1h")]
    if plain is None and whole is not None:
        plain = whole - read - sum(written)
    if plain is None or plain < 0:
        raise ValueError(f"{read + sum(written):,} cached and written tokens are more than the input; map it as plain")
    return Usage(
        plain=plain, read=read, write=written[0], write_5m=written[1], write_1h=written[2],
        output=counts.get("output"), reasoning=counts.get("reasoning"),
        classes_known=bool({"plain", "cached"} & counts.keys()),
    )  # fmt: skip


def _times(mapping: Mapping, row: Body) -> Times:
    (started, naive), (first, _), (ended, _) = (
        moment(mapping.value(field, row)) for field in ("time", "first_token", "ended")
    )
    lasted = _number(mapping.value("duration", row))
    if lasted is None and (milliseconds := _number(mapping.value("duration_ms", row))) is not None:
        lasted = milliseconds / 1000
    if lasted is not None and started is not None and ended is None:
        ended = started + lasted
    if lasted is not None and ended is not None and started is None:
        started = ended - lasted
    return Times(started, first, ended, naive)


def _number(value: Any) -> float | None:
    """A length of time; None where it is none."""
    try:
        found = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else -1.0
    except (ValueError, OverflowError):
        return None
    return found if 0 <= found < _FIRST_EPOCH else None


def _cost(mapping: Mapping, row: Body) -> str:
    try:
        found = Decimal(mapping.text("cost", row).removeprefix("$"))
    except InvalidOperation:
        return ""
    return f"{found:f}" if found.is_finite() and abs(found) < MOST_TOKENS else ""
