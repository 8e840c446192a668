"""Sources give the same lines and records whatever holds them, and say why where there are none."""

from __future__ import annotations

import gzip
import io
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from agentcost.errors import AgentcostError, BrokenLog
from agentcost.ingest.contract import Line, Source
from agentcost.ingest.inputs import find_sources
from agentcost.ingest.json_values import (
    CUT,
    MALFORMED,
    NOT_UTF8,
    TOO_DEEP,
    Record,
    decode,
    first_keys,
    records,
    values,
)
from agentcost.ingest.peeking import not_a_log
from agentcost.ingest.source import FileSource, StreamSource

BOM = b"\xef\xbb\xbf"
DEEP = b"[" * 100_000 + b"]" * 100_000


class Drops(io.BytesIO):
    """A pipe that gives a few bytes at a time."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(7, size) if size and size > 0 else 7)


def long_window(data: bytes) -> bytes:
    """What `zstd --long=31` writes: a frame that asks for a window beyond the usual limit."""
    parameters = zstandard.ZstdCompressionParameters(window_log=28, enable_ldm=True, write_content_size=False)
    engine = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return engine.compress(data) + engine.flush()


def in_file(write: Callable[[bytes], bytes]) -> Callable[[bytes, Path], Source]:
    def source(data: bytes, folder: Path) -> Source:
        path = folder / "log"
        path.write_bytes(write(data))
        return FileSource("log", path)

    return source


HOLDERS: dict[str, Callable[[bytes, Path], Source]] = {
    "file": in_file(bytes),
    "gzip": in_file(gzip.compress),
    "zstd": in_file(zstandard.compress),
    "members": in_file(lambda data: gzip.compress(data[: len(data) // 2]) + gzip.compress(data[len(data) // 2 :])),
    "padded": in_file(lambda data: gzip.compress(data) + bytes(512)),
    "frames": in_file(
        lambda data: zstandard.compress(data[: len(data) // 2]) + zstandard.compress(data[len(data) // 2 :])
    ),
    "skippable": in_file(lambda data: b"\x50\x2a\x4d\x18\x02\0\0\0hi" + zstandard.compress(data)),
    "pipe": lambda data, _: StreamSource("-", io.BytesIO(data)),
    "drops": lambda data, _: StreamSource("-", Drops(data)),
    "zipped drops": lambda data, _: StreamSource("-", Drops(gzip.compress(data))),
}

LINES = st.lists(st.sampled_from([b"", b" ", b"a", b"\tb", b"{}", b"\r", b"c" * 40, b"\xff\0"]), max_size=9)


@pytest.mark.parametrize("holder", HOLDERS)
@given(lines=LINES, end=st.sampled_from([b"\n", b"\r\n"]), closed=st.booleans(), peeked=st.booleans())
def test_lines_are_those_of_the_bytes(holder: str, lines: list[bytes], end: bytes, closed: bool, peeked: bool) -> None:
    data = end.join(lines) + (end if closed else b"")
    with tempfile.TemporaryDirectory() as folder:
        source = HOLDERS[holder](data, Path(folder))
        if peeked:
            assert source.peek().head == data
            assert source.peek().complete
        found = list(source.lines())
        expected = [(n, text.removesuffix(b"\r")) for n, text in enumerate(data.split(b"\n"), 1) if text.strip()]
        assert [(line.number, line.bytes()) for line in found] == expected
        assert all(data[line.offset :].startswith(line.bytes()) for line in found)


@pytest.mark.parametrize("holder", HOLDERS)
def test_whole_is_the_bytes(holder: str, tmp_path: Path) -> None:
    assert HOLDERS[holder](b'{\n"a":1}\r\n', tmp_path).whole() == b'{\n"a":1}\r\n'


def told(record: Record) -> object:
    return record.reason or record.value


@pytest.mark.parametrize("holder", ["file", "drops", "frames"])
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b" \n\r\n", []),
        (b'{"a":1}\n\n{"a":2}\n', [(1, 0, {"a": 1}), (3, 9, {"a": 2})]),
        (b'{"a":1}\r\n{"a":2}', [(1, 0, {"a": 1}), (2, 9, {"a": 2})]),
        (BOM + b'{"a":1}\n{"a":2}\n', [(1, 3, {"a": 1}), (2, 11, {"a": 2})]),
        (b'{"a":1}\n{"a":', [(1, 0, {"a": 1}), (2, 8, CUT)]),
        (b'{"a":1}\n{"a":"te{xt', [(1, 0, {"a": 1}), (2, 8, CUT)]),
        (b'{"a":"te\n{"a":2}\n', [(1, 0, CUT), (2, 9, {"a": 2})]),
        (b'{"a":[1,\n{"b":2}\n{"c":3}\n', [(1, 0, CUT), (2, 9, {"b": 2}), (3, 17, {"c": 3})]),
        (b'{"a":1}\nhello {"a":2}\n', [(1, 0, {"a": 1}), (2, 8, MALFORMED)]),
        (b"time,tokens\n1,2\n", [(1, 0, MALFORMED), (2, 12, MALFORMED)]),
        (b"{'a': 1}\n", [(1, 0, MALFORMED)]),
        (b'{"a":"\xff"}\n{"a":2}\n', [(1, 0, NOT_UTF8), (2, 10, {"a": 2})]),
        (b'{"a":1}{"a":2}\n{"a":3}', [(1, 0, {"a": 1}), (1, 7, {"a": 2}), (2, 15, {"a": 3})]),
        (b'{"a":1}{"a":', [(1, 0, {"a": 1}), (1, 7, CUT)]),
        (b'\x1e{"a":1}\n\x1e{"a":2}\n', [(1, 1, {"a": 1}), (2, 10, {"a": 2})]),
        (b'{\n  "a": "}{\\""\n}\n{\n  "a": 2\n}\n', [(1, 0, {"a": '}{"'}), (4, 18, {"a": 2})]),
        (b'{\n "a": 1,\n{\n "a": 2\n}\n', [(1, 0, CUT), (3, 11, {"a": 2})]),
        (BOM + b'{\n"a":1}', [(1, 3, {"a": 1})]),
        (b'[{"a":1},{"a":2}]\n', [(1, 1, {"a": 1}), (1, 9, {"a": 2})]),
        (b'[\n{"a":1},\n{"a":2}\n]\n', [(2, 2, {"a": 1}), (3, 11, {"a": 2})]),
        (b'[\n{"a":NaN', [(2, 2, CUT)]),
        (b'[\n{"a":1},\n{"a":', [(2, 2, {"a": 1}), (3, 11, CUT)]),
        (b"[[1],\n[2]]", [(1, 0, [[1], [2]])]),
        (b'{"a":1}\n' + DEEP + b"\n[]", [(1, 0, {"a": 1}), (2, 8, TOO_DEEP), (3, 200_009, [])]),
        (b'{"a":1}\n' + DEEP[:1000], [(1, 0, {"a": 1}), (2, 8, CUT)]),
        (b'"\\ud800"\n', [(1, 0, "\ud800")]),
    ],
)
def test_records(data: bytes, expected: list[tuple[int, int, object]], holder: str, tmp_path: Path) -> None:
    found = list(records(HOLDERS[holder](data, tmp_path)))
    assert [(record.place.line, record.place.offset, told(record)) for record in found] == expected
    for record in found:
        assert data[record.place.offset :].startswith(record.document)
        assert len(record.document) == record.place.length


def test_open_brackets_do_not_cost_their_square() -> None:
    data = b'{"a": [\n' * 100_000
    found = list(records(StreamSource("-", io.BytesIO(data))))
    assert {record.reason for record in found} == {CUT}
    assert found[-1].place.offset + found[-1].place.length == len(data)


def test_numbers_that_are_none() -> None:
    value = decode(BOM + b'{"a":NaN}')
    assert value["a"] != value["a"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.lists(st.dictionaries(st.text(), JSON, min_size=1, max_size=3), min_size=1, max_size=4)


@given(objects=OBJECTS, indent=st.sampled_from([None, 0, 1]), between=st.sampled_from(["", "\n", "\r\n\r\n"]))
def test_objects_come_back_however_they_are_written(
    objects: list[dict[str, object]], indent: int | None, between: str
) -> None:

    texts = [json.dumps(value, indent=indent) for value in objects]
    listed = json.dumps(objects, indent=indent)
    for data in (between.join(texts).encode(), listed.encode()):
        assert [record.value for record in records(StreamSource("-", io.BytesIO(data)))] == objects
        extents = list(values(data))
        assert [decode(data[e.offset : e.offset + e.length]) for e in extents] == objects
        assert list(StreamSource("-", io.BytesIO(data)).peek().records) == objects


@given(objects=OBJECTS, data=st.data())
def test_a_cut_log_keeps_what_stands_before_the_cut(objects: list[dict[str, object]], data: st.DataObject) -> None:

    text = b"\n".join(json.dumps(value).encode() for value in objects)
    whole = text[: data.draw(st.integers(0, len(text)))]
    found = list(records(StreamSource("-", io.BytesIO(whole))))
    good = [record.value for record in found if not record.reason]
    assert good == objects[: len(good)]
    assert [record.reason for record in found[len(good) :]] in ([], [CUT])


def test_a_short_document_stands_for_a_line(tmp_path: Path) -> None:
    data = b'{"a":1}\n{"a":22}\n{"a":333}\n'
    made = {1: b'{"a":0}', 2: None, 3: b"{broken"}

    def shorten(line: Line) -> bytes | None:
        return made[line.number]

    first, second, third = records(HOLDERS["file"](data, tmp_path), shorten)
    assert (first.value, first.document, first.whole().value) == ({"a": 0}, b'{"a":0}', {"a": 1})
    assert (second.value, second.whole().value) == ({"a": 22}, {"a": 22})
    assert (third.value, third.reason) == ({"a": 333}, "")


@pytest.mark.parametrize(
    ("head", "keys"),
    [
        (b'{"a": {"b": 1}, "c": [{"d": 2}], "e": "f', ("a", "c", "e")),
        (b'{\n  "a": 1,\n  "b\\n\\u00e9": 2', ("a", "b\né")),
        (b'[\n {"a": 1}, {"b": 2}]', ("a",)),
        (b'{"a": "\\"b\\": {"}{"c": 1}', ("a",)),
        (b"", ()),
        (b"a,b\n", ()),
    ],
)
def test_first_keys(head: bytes, keys: tuple[str, ...]) -> None:
    assert first_keys(head) == keys


def test_peek_at_a_large_document(tmp_path: Path) -> None:
    data = b'{\n "model": "x",\n "messages": [\n' + b'  {"role": "user"},\n' * 90_000 + b"  {}]\n}"
    peek = HOLDERS["file"](data, tmp_path).peek()
    assert (peek.records, peek.keys, peek.complete) == ((), ("model", "messages"), False)
    assert data.startswith(peek.head)


def test_peek_holds_a_long_first_line(tmp_path: Path) -> None:
    data = b'{"a":"' + b"x" * 3_000_000 + b'"}\n' + b'{"b":1}\n' * 500_000
    for holder in ("file", "pipe", "zstd"):
        peek = HOLDERS[holder](data, tmp_path).peek()
        assert (peek.keys, len(peek.records), peek.complete) == (("a",), 20, False)


def test_a_line_of_a_hundred_megabytes(tmp_path: Path) -> None:
    data = b'{"a":"' + b"x" * 100_000_000 + b'"}\n{"a":"y"}\n'
    for holder in ("file", "pipe"):
        source = HOLDERS[holder](data, tmp_path)
        assert source.peek().keys == ("a",)
        assert [len(record.value["a"]) for record in records(source)] == [100_000_000, 1]


@pytest.mark.parametrize("cut", ["gzip", "zstd"])
@pytest.mark.parametrize("pipe", [False, True])
def test_a_cut_archive_gives_what_it_holds(cut: str, pipe: bool, tmp_path: Path) -> None:
    data = b"".join(b'{"n":%d,"noise":"%s"}\n' % (n, os.urandom(30).hex().encode()) for n in range(5000))
    compress = gzip.compress if cut == "gzip" else zstandard.compress
    half = compress(data)[:-50_000]
    path = tmp_path / "log"
    path.write_bytes(half)

    def source() -> Source:
        return StreamSource("log", io.BytesIO(half)) if pipe else FileSource("log", path)

    lines = []
    with pytest.raises(BrokenLog, match="cut off"):
        for line in source().lines():
            lines.append(line)
    assert len(lines) > 500
    found = list(records(source()))
    assert [record.value["n"] for record in found[:500]] == list(range(500))
    assert "cut off" in found[-1].reason
    with pytest.raises(BrokenLog, match="cut off"):
        source().whole()


def test_a_damaged_archive(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(gzip.compress(b'{"a":1}\n') + b"garbage")
    found = list(records(FileSource("log", path)))
    assert [told(record) for record in found[:1]] == [{"a": 1}]
    assert "damaged archive" in found[-1].reason
    assert FileSource("log", path).peek().records == ({"a": 1},)


def test_a_window_of_gigabytes(tmp_path: Path) -> None:
    data = b'{"a":1}\n' * 10
    (tmp_path / "log").write_bytes(long_window(data))
    assert len(list(FileSource("log", tmp_path / "log").lines())) == 10


@pytest.mark.parametrize("holder", ["file", "gzip"])
def test_reading_goes_on_where_it_ended(holder: str, tmp_path: Path) -> None:
    source = HOLDERS[holder](b'{"a":1}\n{"a":2}\n{"a":3}\n', tmp_path)
    second = list(source.lines())[1]
    again = FileSource("log", tmp_path / "log", second.offset, second.number)
    assert [(line.number, line.offset) for line in again.lines()] == [(2, 8), (3, 16)]
    assert list(FileSource("log", tmp_path / "log", 24, 4).lines()) == []


def test_a_mapped_file_stays_readable_behind_the_window(tmp_path: Path) -> None:
    data = b"".join(b"%07d" % n * 100_000 + b"\n" for n in range(60))
    lines = list(HOLDERS["file"](data, tmp_path).lines())
    assert [line.bytes()[:7] for line in lines] == [b"%07d" % n for n in range(60)]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (BOM, "empty"),
        (b"PK\x03\x04\0\0", "binary"),
        ('{"a":1}'.encode("utf-16"), "UTF-16"),
    ],
)
def test_not_a_log(data: bytes, reason: str) -> None:
    assert reason in not_a_log(StreamSource("-", io.BytesIO(data)).peek())


def test_text_may_be_a_log() -> None:
    assert not_a_log(StreamSource("-", io.BytesIO(b'{"a":1}')).peek()) == ""


def test_a_pipe_is_read_once() -> None:
    source = StreamSource("standard input", io.BytesIO(b"a\nb\n"))
    assert len(list(source.lines())) == 2
    with pytest.raises(AgentcostError, match="only once"):
        list(source.lines())


# What the user named


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b.jsonl", "a.json", "deep/c.jsonl.gz", "deep/notes.md", ".hidden/d.jsonl", "deep/e.log.1", "f"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}\n")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["."], ["a.json", "b.jsonl", "deep/c.jsonl.gz", "deep/e.log.1", "f"]),
        (["b.jsonl", "."], ["b.jsonl", "a.json", "deep/c.jsonl.gz", "deep/e.log.1", "f"]),
        (["deep/notes.md"], ["deep/notes.md"]),
        (["*.jsonl"], ["b.jsonl"]),
        (["**/*.json*"], ["a.json", "b.jsonl", "deep/c.jsonl.gz"]),
        (["d*"], ["deep/c.jsonl.gz", "deep/e.log.1"]),
        ([], []),
    ],
)
def test_what_arguments_name(
    arguments: list[str], found: list[str], tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree)
    assert [source.name for source in find_sources(arguments).sources] == found
    absolute = find_sources([str(tree / argument) for argument in arguments])
    assert [source.name for source in absolute.sources] == [str(tree / name) for name in found]


def test_only_files_named_have_to_be_logs(tree: Path) -> None:
    members = find_sources([str(tree / "f"), str(tree)]).members
    assert [member.named for member in members] == [True, False, False, False, False]


def test_standard_input_is_the_stream_given() -> None:
    (member,) = find_sources(["-"], io.BytesIO(b"a\n")).members
    assert member.named
    assert [line.bytes() for line in member.source.lines()] == [b"a"]


@pytest.mark.parametrize(
    ("argument", "advice"),
    [
        ("b.jsnl", "did you mean .*b.jsonl"),
        ("zzzzzzzz", "look what there is"),
        ("no/such/folder/x", "there is no folder .*no$"),
        ("*.parquet", "no file matches"),
        ("empty", "holds no log"),
    ],
)
def test_paths_that_lead_nowhere(argument: str, advice: str, tree: Path) -> None:
    (tree / "empty").mkdir()
    with pytest.raises(AgentcostError, match=advice):
        find_sources([str(tree / argument)])


def test_standard_input_that_is_none_or_twice() -> None:
    with pytest.raises(AgentcostError, match="nothing is piped"):
        find_sources(["-"])
    with pytest.raises(AgentcostError, match="twice"):
        find_sources(["-", "-"], io.BytesIO(b""))


def test_a_file_that_has_gone(tree: Path) -> None:
    (source,) = find_sources([str(tree / "f")]).sources
    (tree / "f").unlink()
    with pytest.raises(AgentcostError, match="is gone"):
        source.peek()
    with pytest.raises(AgentcostError, match="is gone"):
        list(source.lines())
    with pytest.raises(AgentcostError, match="is a folder"):
        list(FileSource("deep", tree / "deep").lines())


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="may read everything")
def test_a_file_that_may_not_be_read(tree: Path) -> None:
    (tree / "f").chmod(0)
    with pytest.raises(AgentcostError, match="may not be read"):
        FileSource("f", tree / "f").peek()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_a_stream(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    end = os.open(path, os.O_RDWR)
    (source,) = find_sources([str(path)]).sources
    os.write(end, b"a\nb")
    os.close(end)
    assert [line.bytes() for line in source.lines()] == [b"a", b"b"]
