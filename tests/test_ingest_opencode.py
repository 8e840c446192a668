"""opencode: its database holds what its export does, however it is handed over, and prompts lose what it clears."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.opencode_database import SCHEMA, fill, write
from tests.reading import FIXTURES, Reading, memory_source, read_all
from tests.test_cli import agentcost

from agentcost.errors import BrokenLog
from agentcost.ingest.contract import Source
from agentcost.ingest.formats import recognised
from agentcost.ingest.opencode import READER
from agentcost.ingest.source import StreamSource, open_source
from agentcost.loading.logs import Reading as Choices
from agentcost.loading.logs import load_logs
from agentcost.model import Kind, Knowledge, Other, Request, Skipped

DOCUMENT: dict[str, Any] = json.loads((FIXTURES / "opencode" / "session.json").read_text())
EXPORT = memory_source("log", json.dumps(DOCUMENT))


def told(found: Reading) -> list[tuple[Any, ...]]:
    """What each request says, wherever it was read."""
    return [
        (call.id, call.usage, call.started, call.ended, call.session, call.project, call.role, call.recorded_cost,
         [segment.digest for segment in found.tree.path(call.answer or call.node)])
        for call in found.requests
    ]  # fmt: skip


def gzipped(path: Path) -> Source:
    packed = path.with_suffix(".gz")
    packed.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    return open_source(packed)


FORMS: dict[str, Callable[[Path], Source]] = {
    "in place": open_source,
    "a pipe": lambda path: StreamSource("-", BytesIO(path.read_bytes())),
    "an archive": gzipped,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_database_tells_what_the_export_does(form: str, tmp_path: Path) -> None:
    path = write(tmp_path / "sessions ?#%.db", DOCUMENT)
    before = path.read_bytes()
    source = FORMS[form](path)
    assert recognised(source.peek()) is READER
    found = read_all(READER, source)
    assert told(found) == told(read_all(READER, EXPORT))
    assert len(found.requests) == 5
    assert path.read_bytes() == before
    assert {entry.name for entry in tmp_path.iterdir()} <= {path.name, path.with_suffix(".gz").name}


@pytest.mark.parametrize("begun", [False, True])
def test_what_is_still_in_the_write_ahead_log_is_read(begun: bool, tmp_path: Path) -> None:
    path = tmp_path / "opencode.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(SCHEMA)
        if begun:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        fill(database, [DOCUMENT])
        files = {entry.name: entry.read_bytes() for entry in tmp_path.iterdir() if not entry.name.endswith("-shm")}
        source = open_source(path)
        assert recognised(source.peek()) is READER
        assert told(read_all(READER, source)) == told(read_all(READER, EXPORT))
        after = {entry.name: entry.read_bytes() for entry in tmp_path.iterdir() if not entry.name.endswith("-shm")}
        assert after == files


def test_a_call_that_the_old_storage_has_too_counts_once_and_keeps_its_prompt(tmp_path: Path) -> None:
    paths = [write(tmp_path / "opencode.db", DOCUMENT)]
    for message in DOCUMENT["messages"]:
        paths.append(tmp_path / f"{message['info']['id']}.json")
        paths[-1].write_text(json.dumps(message["info"]))
    for order in (paths, paths[::-1]):
        record = load_logs([open_source(path) for path in order], Choices(threads=False))
        assert len(record.requests) == 5
        assert {request.knowledge for request in record.requests} == {Knowledge.TRANSCRIPT}


def test_sessions_are_numbered_by_time_and_one_without_messages_is_counted(tmp_path: Path) -> None:
    later = json.loads(json.dumps(DOCUMENT).replace("ses_1", "ses_0").replace("msg_", "msg_b").replace("prt_", "prt_b"))
    for message in later["messages"]:
        message["info"]["time"]["created"] += 60_000
    later["info"]["parentID"] = "ses_1"
    empty = {"info": {"id": "ses_9", "directory": "/srv"}, "messages": []}
    found = read_all(READER, open_source(write(tmp_path / "opencode.db", later, DOCUMENT, empty)))
    lines = {(call.place.line, call.session, call.role) for call in found.requests}
    assert lines == {(2, "ses_1", "main"), (3, "ses_0", "subagent")}
    assert [item.what for item in found.items if isinstance(item, Other) and item.place.line == 1] == [
        "session without messages"
    ]


@pytest.mark.parametrize("data", ["{", "[]", "null", b"\xff\xfe", 5, None])
def test_rows_that_cannot_be_read_are_skipped_with_their_name(data: Any, tmp_path: Path) -> None:
    path = tmp_path / "opencode.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(SCHEMA.replace("text NOT NULL", "").replace(" NOT NULL", ""))
        fill(database, [DOCUMENT])
        database.execute("UPDATE part SET data = ? WHERE id = 'prt_4'", (data,))
        database.execute("UPDATE message SET data = ? WHERE id = 'msg_8'", (data,))
        database.execute("INSERT INTO message VALUES (?, NULL, NULL, ?)", ("msg_x", data))
        database.commit()
    found = read_all(READER, open_source(path))
    reasons = sorted(item.reason.split()[1] for item in found.items if isinstance(item, Skipped))
    assert reasons == ["msg_8", "msg_x", "prt_4"]
    assert len(found.requests) >= 3


OTHERS = {
    "another program's": ("CREATE TABLE cookies (name TEXT)", "only opencode's is read"),
    "a view in place of a table": (
        "CREATE TABLE session (id); CREATE TABLE part (id);"
        "CREATE VIEW message AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT x AS id FROM n;",
        "only opencode's is read",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_database_is_told_from_opencodes(name: str, tmp_path: Path) -> None:
    script, says = OTHERS[name]
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(script)
    done = agentcost(tmp_path / "cache", "analyze", path)
    assert done.returncode == 1
    assert says in " ".join(done.stderr.decode().split())
    assert says in " ".join(agentcost(tmp_path / "cache", "formats", "--doctor", path).stdout.decode().split())
    renamed = path.rename(tmp_path / "opencode.db")
    with pytest.raises(BrokenLog, match="has no tables session, message, part"):
        read_all(READER, open_source(renamed))


def test_a_table_of_another_layout_says_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "opencode.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(SCHEMA.replace("`time_created`", "`made`"))
    with pytest.raises(BrokenLog, match=r"no such column: message\.time_created.*opencode export"):
        read_all(READER, open_source(path))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a database."""
    return write(tmp_path_factory.mktemp("opencode") / "opencode.db", DOCUMENT).read_bytes()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_database_never_crashes(whole: bytes, data: st.DataObject) -> None:
    damaged = bytearray(whole[: data.draw(st.integers(17, len(whole)))])
    for _ in range(data.draw(st.integers(0, 8))):
        damaged[data.draw(st.integers(16, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read_all(READER, memory_source("opencode.db", bytes(damaged)))
    except BrokenLog as error:
        assert "opencode.db" in str(error)
        return
    assert all(isinstance(item, Request | Other | Skipped) for item in found.items)


def test_a_database_that_is_cut_says_what_to_do(whole: bytes) -> None:
    with pytest.raises(BrokenLog, match=r"cannot be read on \(.*\); quit opencode and copy it again"):
        read_all(READER, memory_source("opencode.db", whole[: len(whole) // 2]))


# --- what prompts hold -----------------------------------------------------------------------------------------------


def message(key: str, role: str, when: float, *parts: dict[str, Any], **info: Any) -> dict[str, Any]:
    tokens = {"input": 10, "output": 2, "reasoning": 0, "cache": {"read": 0, "write": 0}}
    own = {"id": key, "sessionID": "s", "role": role, "time": {"created": when * 1000}, **info}
    if role == "assistant":
        own |= {"modelID": "claude-sonnet-4-5", "providerID": "anthropic", "tokens": tokens}
    return {"info": own, "parts": list(parts)}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def tool(output: str, **state: Any) -> dict[str, Any]:
    return {"type": "tool", "tool": "bash", "callID": f"call {output}",
            "state": {"status": "completed", "input": {}, "output": output, **state}}  # fmt: skip


def prompts(*messages: dict[str, Any]) -> list[list[tuple[Kind, str]]]:
    log = {"info": {"id": "s", "directory": "/srv"}, "messages": list(messages)}
    found = read_all(READER, memory_source("log", json.dumps(log)))
    assert not any(isinstance(item, Skipped) for item in found.items)
    return [[(part.kind, part.text) for part in found.tree.path(call.node)] for call in found.requests]


def test_a_result_is_gone_from_the_prompts_after_it_was_cleared() -> None:
    first, second, third = prompts(
        message("m1", "user", 1, text("Run.")),
        message("m2", "assistant", 2, tool("long output", time={"start": 2500, "end": 3000, "compacted": 5000})),
        message("m3", "assistant", 4, text("Done.")),
        message("m4", "user", 6, text("Again.")),
        message("m5", "assistant", 6, text("Done again.")),
    )
    assert first == [(Kind.USER, "Run.")]
    assert (Kind.TOOL_RESULT, "long output") in second
    assert (Kind.TOOL_RESULT, "long output") not in third
    assert [kind for kind, _ in third] == [
        Kind.USER, Kind.TOOL_CALL, Kind.TOOL_RESULT, Kind.ASSISTANT, Kind.USER,
    ]  # fmt: skip


def test_a_summary_keeps_the_tail_that_its_request_names() -> None:
    *_, summing, after = prompts(
        message("m1", "user", 1, text("Old.")),
        message("m2", "assistant", 2, text("Old answer.")),
        message("m3", "user", 3, text("Recent.")),
        message("m4", "assistant", 4, text("Recent answer.")),
        message("m5", "user", 5, {"type": "compaction", "auto": True, "tail_start_id": "m3"}),
        message("m6", "assistant", 6, text("The summary."), summary=True, parentID="m5"),
        message("m7", "user", 7, text("Go on.")),
        message("m8", "assistant", 8, text("Going on.")),
    )
    assert (Kind.USER, "Old.") in summing
    assert after == [
        (Kind.SUMMARY, "The summary."), (Kind.USER, "Recent."), (Kind.ASSISTANT, "Recent answer."),
        (Kind.USER, "Go on."),
    ]  # fmt: skip


def test_a_summary_that_failed_changes_nothing() -> None:
    *_, after = prompts(
        message("m1", "user", 1, text("Old.")),
        message("m2", "assistant", 2, text("Half a summ"), summary=True, error={"name": "APIError"}),
        message("m3", "user", 3, text("Go on.")),
        message("m4", "assistant", 4, text("Going on.")),
    )
    assert after[0] == (Kind.USER, "Old.")
    assert after[-1] == (Kind.USER, "Go on.")


def test_pictures_that_a_tool_gave_back_stand_in_its_result() -> None:
    picture = {"type": "file", "mime": "image/png", "url": "data:image/png;base64,iVBORw0KGgo="}
    *_, after = prompts(
        message("m1", "user", 1, text("Look.")),
        message("m2", "assistant", 2, tool("a screenshot", attachments=[picture])),
        message("m3", "assistant", 3, text("Seen.")),
    )
    assert [kind for kind, _ in after] == [Kind.USER, Kind.TOOL_CALL, Kind.TOOL_RESULT, Kind.IMAGE]
