"""The samples of an inspect_ai log, from an archive or a document, and the texts and messages they refer to."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any

import msgspec
import zstandard

from agentcost.errors import BrokenLog
from agentcost.ingest.apis.contract import Body
from agentcost.ingest.contract import Source
from agentcost.ingest.documents import Element, read_document
from agentcost.ingest.json_values import read_value
from agentcost.model import Place

ARCHIVE = (b"_journal/start.json", b"samples/", b"header.json")
"""Names of members, one of which an archive begins with."""

_SPECIFICATIONS = ("header.json", "_journal/start.json")
_ZSTANDARD = 93
"""The number of a method that Python's zipfile does not know before 3.14."""
_ATTACHMENT = re.compile(r"attachment://([0-9a-f]{32})")


class Evaluation(msgspec.Struct, frozen=True):
    """What a log says of its evaluation, and its samples."""

    evaluation: Body
    samples: Iterable[Element]


def opened_log(source: Source) -> Evaluation:
    """The evaluation of a log. BrokenLog where an archive or a document cannot be read."""
    head = source.peek()
    if head.head.startswith(b"PK"):
        return _archive(source)
    try:
        document = read_document(source, "samples")
    except BrokenLog:
        if "eval" not in head.keys or read_value(source.whole())[1]:
            raise
        return Evaluation({}, ())  # a log without samples, or with null for them
    return Evaluation(_inner(document.head, "eval"), document.elements)


def _archive(source: Source) -> Evaluation:
    data = source.whole()
    try:
        members = zipfile.ZipFile(BytesIO(data))
    except zipfile.BadZipFile as error:
        raise BrokenLog(
            source.name, f"is an archive that was not finished ({error}); recover it with `inspect log recover`"
        ) from error
    names = {info.filename: info for info in members.infolist()}
    specification = next((names[name] for name in _SPECIFICATIONS if name in names), None)
    known = _member(source.name, 0, members, specification, data).value if specification else None
    return Evaluation(_inner(known, "eval"), _samples(source.name, members, data))


def _samples(name: str, members: zipfile.ZipFile, data: bytes) -> Iterator[Element]:
    """The samples in the order of the archive; a place is the member's, its line the number of the sample."""
    infos = [info for info in members.infolist() if re.fullmatch(r"samples/[^/]+\.json", info.filename)]
    for number, info in enumerate(infos, 1):
        yield _member(name, number, members, info, data)


def _member(name: str, number: int, members: zipfile.ZipFile, info: zipfile.ZipInfo, data: bytes) -> Element:
    """A member as a JSON value. RuntimeError is an encrypted one, NotImplementedError an unknown method."""
    where = Place(name, number, info.header_offset, info.compress_size)
    try:
        return Element(where, *read_value(_content(members, info, data)))
    except (zipfile.BadZipFile, zlib.error, zstandard.ZstdError, NotImplementedError, RuntimeError) as error:
        return Element(where, None, f"member {info.filename} cannot be unpacked ({error}); get the archive again")


def _content(members: zipfile.ZipFile, info: zipfile.ZipInfo, data: bytes) -> bytes:
    if info.compress_type != _ZSTANDARD:
        return members.read(info)
    at = info.header_offset  # the local header: 30 bytes, of which the last four are the lengths of name and extra
    start = (
        at + 30 + int.from_bytes(data[at + 26 : at + 28], "little") + int.from_bytes(data[at + 28 : at + 30], "little")
    )
    return zstandard.ZstdDecompressor().decompressobj().decompress(data[start : start + info.compress_size])


def _inner(value: Any, key: str) -> Body:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def restored(event: Body, sample: Body) -> Body:
    """The event with its messages from the sample's pool and its texts from the attachments."""
    pool = _inner(sample, "events_data") or {
        "messages": sample.get("message_pool"), "calls": sample.get("call_pool"),
    }  # fmt: skip
    whole = dict(event)
    if event.get("input_refs") is not None and not event.get("input"):
        whole["input"] = _pooled(event["input_refs"], pool.get("messages"))
    call = _inner(event, "call")
    if call.get("call_refs") is not None:
        key = call.get("call_key") or "messages"
        request = {**_inner(call, "request"), key: _pooled(call["call_refs"], pool.get("calls"))}
        whole["call"] = {**call, "request": request}
    texts = _inner(sample, "attachments")
    found = _attached(whole, texts) if texts else whole
    return found if isinstance(found, dict) else whole


def _pooled(references: Any, pool: Any) -> list[Any]:
    """The members of a pool that half-open ranges name."""
    members = pool if isinstance(pool, list) else []
    return [member for start, end in references for member in members[start:end]]


def _attached(value: Any, texts: Body) -> Any:
    """The value with every reference to an attachment replaced by its text."""
    if isinstance(value, str):
        return (
            _ATTACHMENT.sub(lambda found: str(texts.get(found[1], found[0])), value)
            if "attachment:" in value
            else value
        )
    if isinstance(value, dict):
        return {key: _attached(item, texts) for key, item in value.items()}
    return [_attached(item, texts) for item in value] if isinstance(value, list) else value
