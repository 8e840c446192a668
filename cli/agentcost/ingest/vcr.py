"""Cassettes of VCR recorders (vcrpy, Ruby's VCR, go-vcr): the requests and responses of a test, as YAML or JSON.

    interactions:
    - request:
        method: POST
        uri: https://api.anthropic.com/v1/messages
        body: '{"model": "claude-sonnet-4-5", "messages": […]}'
      response:
        status: {code: 200}
        body: {string: '{"id": "msg_1", …}'}

Bodies may be values (`parsed_body`), bytes, base64, compressed, streams. What is read of a call is what `captured`
reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from agentcost.errors import BrokenLog
from agentcost.ingest import captured
from agentcost.ingest.apis.contract import Body
from agentcost.ingest.contract import Hand, Peek, Reader, Source
from agentcost.ingest.documents import read_document
from agentcost.ingest.http_bodies import encoding_of, from_base64, text_or_events
from agentcost.ingest.json_values import BOM, Record
from agentcost.model import Item, Knowledge, Place

_LISTS = ("interactions", "http_interactions")
_YAML = re.compile(rb"(?:^|\n)(?:http_)?interactions:[ \t]*(?:#[^\n]*)?\r?\n")


def sniff(peek: Peek) -> bool:
    """A list of interactions with requests, as YAML or JSON."""
    known = next((name for name in _LISTS if name in peek.keys), "")
    if known and peek.head.lstrip()[:1] == b"{":
        return b'"request"' in peek.head
    found = _YAML.search(peek.head[: 1 << 16])
    return bool(found) and b"request:" in peek.head


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """A request for every interaction that asks a model for something; others are Others."""
    yield from captured.read_pairs(_pairs(source), hand, READER.name)


def _pairs(source: Source) -> Iterator[Record]:
    head = source.peek().head.lstrip()
    known = next((name for name in _LISTS if name in source.peek().keys), "")
    if head[:1] == b"{" and known:
        for element in read_document(source, known).elements:
            yield Record(element.place, _pair(element.value), reason=element.reason)
        return
    yield from _yaml_pairs(source)


def _yaml_pairs(source: Source) -> Iterator[Record]:
    from agentcost.ingest.yaml_values import listed  # noqa: PLC0415 — PyYAML, for this form alone

    data = source.whole()
    try:
        text = data.removeprefix(BOM).decode()
        items = listed(text, _LISTS)
    except (ValueError, RecursionError) as error:
        raise BrokenLog(source.name, f"is no YAML that can be read ({error}); save the cassette as JSON") from error
    if items is None:
        raise BrokenLog(source.name, "has no list of interactions; get it again, whole, or leave it out")
    line, at, offset = 1, 0, len(data) - len(text.encode())
    ends = [start for start, _ in items[1:]] + [len(text)]
    for (start, value), end in zip(items, ends, strict=True):
        passed = text[at:start]
        line, at, offset = line + passed.count("\n"), start, offset + len(passed.encode())
        yield Record(Place(source.name, line, offset, len(text[start:end].encode())), _pair(value))


def _pair(value: Any) -> Any:
    """An interaction as a captured pair."""
    if not isinstance(value, dict) or not isinstance(value.get("request"), dict):
        return value
    asked, given = value["request"], value.get("response")
    given = given if isinstance(given, dict) else {}
    status = given.get("status", given.get("status_code", given.get("code")))
    answer = _body(given)
    held = {"events": answer} if isinstance(answer, list) else {"body": answer}
    return {
        "request": {
            "url": str(asked.get("uri") or asked.get("url") or ""),
            "headers": _headers(asked.get("headers")),
            "body": _body(asked),
            "timestamp": value.get("recorded_at"),
        },
        "response": {"status_code": status.get("code") if isinstance(status, dict) else status, **held},
    }


def _headers(value: Any) -> Body:
    """Headers with one value each."""
    given = value if isinstance(value, dict) else {}
    return {str(key): item[0] if isinstance(item, list) and item else item for key, item in given.items()}


def _body(holder: Body) -> Any:
    """A body as it was sent; recorders keep it as text, as bytes, as base64 or as the value it is."""
    if holder.get("parsed_body") is not None:
        return holder["parsed_body"]
    body = holder.get("body", holder.get("content"))
    if isinstance(body, dict) and ("string" in body or "base64_string" in body):
        body = from_base64(str(body["base64_string"])) if "base64_string" in body else body["string"]
    return text_or_events(body, encoding_of(_headers(holder.get("headers"))))


READER = Reader(
    name="vcr",
    about="Cassettes of vcrpy, VCR and go-vcr (YAML, JSON): recorded calls with their answers, streams and compression",
    knowledge=Knowledge.FULL,
    example=(
        '{"interactions":[{"request":{"method":"POST","uri":"https://api.openai.com/v1/chat/completions","body":'
        '"{\\"model\\":\\"gpt-4.1\\",\\"messages\\":[{\\"role\\":\\"user\\",\\"content\\":\\"Hello\\"}]}"},'
        '"response":{"status":{"code":200},"body":{"string":"{}"}}}],"version":1}'
    ),
    identity=captured.READER.identity,
    sniff=sniff,
    read=read,
    unseen="JSON, VCR and go-vcr",
)
