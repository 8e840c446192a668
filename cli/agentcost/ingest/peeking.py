"""The peek a log is recognised by: its first bytes and the records in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from agentcost.ingest.contract import Peek
from agentcost.ingest.json_values import BOM, first_keys, is_document, read_value, values

SQLITE = b"SQLite format 3\0"
"""How an SQLite database begins."""

SHORTEST_HEAD = 1 << 20
LONGEST_HEAD = 1 << 25
_MITMPROXY = re.compile(rb"\d+:\d+:(?:websocket|response|request|version|type|mode|intercepted|error|metadata)[;,]")
"""How a dump of mitmproxy's flows begins: lengths and the first key."""
_MOST_RECORDS = 20
_MOST_BYTES = 1 << 22
"""Of records: enough to know a format by."""
_LOOKED_AT = 1 << 13


def peek_of(name: str, head: bytes, complete: bool) -> Peek:
    """The peek of a log that begins with `head`."""
    records = tuple(_records(head, complete))
    first = next((record for record in records if isinstance(record, dict)), None)
    return Peek(name, head, records, first_keys(head) if first is None else tuple(first), complete)


def _records(head: bytes, complete: bool) -> Iterator[Any]:
    """The values in the head, split as `json_values.records` will split them."""
    taken = found = 0
    for text in _pieces(head, complete):
        if b"{" not in text and b"[" not in text:
            continue  # numbers and words tell no format: a table has thousands of such lines
        for extent in values(text):
            value, reason = read_value(text[extent.offset : extent.offset + extent.length])
            if reason or extent.reason:
                continue
            yield value
            found += 1
            taken += extent.length
            if found == _MOST_RECORDS or taken > _MOST_BYTES:
                return


def _pieces(head: bytes, complete: bool) -> Iterator[bytes]:
    """The document, or each line that ends in the head."""
    if is_document(head):
        yield head
        return
    start = 0
    while (end := head.find(b"\n", start)) >= 0:
        yield head[start:end]
        start = end + 1
    if complete:
        yield head[start:]


def not_a_log(peek: Peek) -> str:
    """Why no reader can know it, whatever the format: it is empty or no text. "" where it is text."""
    head = peek.head
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "is UTF-16; convert it to UTF-8 (iconv -f utf-16 -t utf-8)"
    if head.startswith(SQLITE):
        return "is an SQLite database, of which only opencode's is read; export the calls in it as JSON lines or CSV"
    if _MITMPROXY.match(head):
        return "is a dump of mitmproxy; export its calls (mitmdump -nr FILE --set hardump=log.har) and name log.har"
    if head.startswith(b"PK\x03\x04"):
        return "is a binary file, a zip archive; unpack it and name the log in it"
    if b"\0" in head[:_LOOKED_AT]:
        return "is a binary file; name the log itself, as text, gzip or zstd"
    return "" if head.removeprefix(BOM).strip() else "is empty; check that the client wrote its log there"
