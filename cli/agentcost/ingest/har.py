"""HTTP archives (HAR) of browsers and proxies, such as mitmproxy exports: recorded calls among all other traffic.

    {"log": {"version": "1.2", "entries": [{"startedDateTime": "2026-01-10T20:00:01Z", "time": 1500,
     "request": {"url": "https://api.openai.com/v1/responses", "postData": {"text": "{…}"}},
     "response": {"status": 200, "content": {"text": "…", "encoding": "base64"}}}]}}

What is read of a call is what `captured` reads; traffic that asks no model for anything is counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from agentcost.errors import BrokenLog
from agentcost.ingest import captured
from agentcost.ingest.apis.contract import Body
from agentcost.ingest.contract import Hand, Origin, Peek, Reader, Source
from agentcost.ingest.documents import Element, placed
from agentcost.ingest.http_bodies import encoding_of, from_base64, text_or_events
from agentcost.ingest.json_values import BOM, Record, read_value
from agentcost.ingest.times import moment
from agentcost.model import Item, Knowledge, Place


class _Log(msgspec.Struct):
    entries: list[msgspec.Raw]


class _Archive(msgspec.Struct):
    log: _Log


def sniff(peek: Peek) -> bool:
    """A `log` with entries that started and were asked for."""
    head = peek.head
    return peek.keys[:1] == ("log",) and b'"entries"' in head and (b'"creator"' in head or b'"startedDateTime"' in head)


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """A request for every entry that asks a model for something; others are Others."""
    pairs = (Record(item.place, _pair(item.value), reason=item.reason) for item in _entries(source))
    yield from captured.read_pairs(pairs, hand, READER.name)


def _entries(source: Source) -> list[Element]:
    data = source.whole()
    try:
        raws = msgspec.json.decode(data.removeprefix(BOM), type=_Archive).log.entries
        start = data.index(bytes(raws[0]).rstrip()) if raws else 0
        return list(placed(source.name, data, start, raws))
    except (msgspec.DecodeError, UnicodeDecodeError):
        value, reason = read_value(data)
    log = value.get("log") if isinstance(value, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        raise BrokenLog(source.name, f"{reason or 'has no list of entries'}; export it again, whole, or leave it out")
    return [Element(Place(source.name, 1, 0, len(data)), entry) for entry in entries]


def _pair(value: Any) -> Any:
    """An entry as a captured pair."""
    if not isinstance(value, dict) or not isinstance(value.get("request"), dict):
        return value
    asked, given = value["request"], _dict(value.get("response"))
    started, _ = moment(value.get("startedDateTime"))
    lasted = value.get("time")
    ended = started + lasted / 1e3 if started is not None and isinstance(lasted, int | float) and lasted > 0 else None
    headers = _headers(asked.get("headers"))
    answer = _body(_dict(given.get("content")), _headers(given.get("headers")))
    held = {"events": answer} if isinstance(answer, list) else {"body": answer}
    return {
        "request": {
            "url": str(asked.get("url") or ""),
            "headers": headers,
            "body": _body(_dict(asked.get("postData")), headers),
            "timestamp": started,
        },
        "response": {"status_code": given.get("status"), "timestamp": ended, **held},
    }


def _dict(value: Any) -> Body:
    return value if isinstance(value, dict) else {}


def _headers(value: Any) -> Body:
    """Headers by their name."""
    given = value if isinstance(value, list) else []
    return {str(item.get("name")): item.get("value") for item in given if isinstance(item, dict)}


def _body(holder: Body, headers: Body) -> Any:
    text = holder.get("text")
    kept = from_base64(text) if holder.get("encoding") == "base64" and isinstance(text, str) else text
    return text_or_events(kept, encoding_of(headers))


READER = Reader(
    name="har",
    about="HTTP archives (HAR) of browsers, proxies and mitmproxy exports: recorded calls among other traffic",
    knowledge=Knowledge.FULL,
    example=(
        '{"log":{"version":"1.2","creator":{},"entries":[{"startedDateTime":"2026-01-10T20:00:01Z","time":1500,'
        '"request":{"url":"https://api.openai.com/v1/chat/completions","postData":{"text":"{\\"model\\":\\"gpt-4.1\\",'
        '\\"messages\\":[{\\"role\\":\\"user\\",\\"content\\":\\"Hello\\"}]}"}},"response":{"status":200}}]}}'
    ),
    identity=captured.READER.identity,
    sniff=sniff,
    read=read,
    origin=Origin.DOCUMENTED,
)
