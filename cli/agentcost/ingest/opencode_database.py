"""opencode's database (`opencode.db`): its sessions as the documents that `opencode export` writes.

    session (id, parent_id, directory, …)
    message (id, session_id, time_created, data)             data: {"role":"assistant","modelID":…,"tokens":{…}}
    part    (id, message_id, session_id, data)               data: {"type":"tool","callID":…,"state":{…}}

From its sources. `data` is the JSON of the export without the ids. The database is never written to: it is read in
place, and where that cannot be (a pipe, an archive, a write-ahead log beside it that holds what came last) from a copy.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agentcost.errors import BrokenLog
from agentcost.ingest.apis.contract import Body
from agentcost.ingest.contract import Peek, Source
from agentcost.ingest.documents import Element
from agentcost.ingest.json_values import NO_OBJECT, read_value
from agentcost.ingest.peeking import SQLITE
from agentcost.ingest.source import FileSource
from agentcost.model import Place

_TABLES = ("session", "message", "part")
_CREATED = re.compile(rb"CREATE TABLE [`\"\[']?(session|message|part)[`\"\]']?\s*\(")
_NAME = re.compile(r"(?:^|[/\\])opencode[^/\\]*\.db$")
"""What opencode calls it: where it was just begun, all of it is still in its write-ahead log."""


def is_database(peek: Peek) -> bool:
    """Whether a log is an SQLite database with opencode's tables, or with its name."""
    if not peek.head.startswith(SQLITE):
        return False
    return len(set(_CREATED.findall(peek.head))) == len(_TABLES) or bool(_NAME.search(peek.name))


def sessions(source: Source) -> Iterator[Element]:
    """Every session, the oldest first; its line is its number. A row that cannot be read has its reason.

    BrokenLog where the database, or the rest of it, cannot be read.
    """
    with ExitStack() as opened:
        try:
            database = opened.enter_context(_opened(source))
            _check(source.name, database)
            yield from _sessions(source.name, database)
        except sqlite3.Error as error:
            raise BrokenLog(
                source.name,
                f"is a database that cannot be read on ({error}); quit opencode and copy it again, or "
                "export its sessions (opencode export)",
            ) from error


@contextmanager
def _opened(source: Source) -> Iterator[sqlite3.Connection]:
    """The database in place, or a copy of it with its write-ahead log, for as long as it is read."""
    with ExitStack() as opened:
        path, options = _in_place(source), "mode=ro&immutable=1"
        if path is None:
            path, options = _copied(source, Path(opened.enter_context(TemporaryDirectory()))), "mode=ro"
        uri = f"{path.resolve().as_uri()}?{options}"
        database = opened.enter_context(closing(sqlite3.connect(uri, uri=True, check_same_thread=False)))
        database.text_factory = bytes
        database.execute("PRAGMA trusted_schema = OFF")
        yield database


def _in_place(source: Source) -> Path | None:
    """The file of a source that holds all of the database; None where there is none."""
    if not isinstance(source, FileSource) or not source.is_plain():
        return None
    return None if _ahead(source.path) else source.path


def _ahead(path: Path) -> Path | None:
    """The write-ahead log beside a database, where it holds something."""
    log = path.with_name(f"{path.name}-wal")
    return log if log.is_file() and log.stat().st_size else None


def _copied(source: Source, folder: Path) -> Path:
    copy = folder / "opencode.db"
    copy.write_bytes(source.whole())
    log = _ahead(source.path) if isinstance(source, FileSource) and source.is_plain() else None
    if log:
        shutil.copyfile(log, f"{copy}-wal")
    return copy


def _check(name: str, database: sqlite3.Connection) -> None:
    found = {_text(row[0]) for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not found.issuperset(_TABLES):
        raise BrokenLog(name, f"has no tables {', '.join(_TABLES)} as opencode's has; name its opencode.db itself")


def _sessions(name: str, database: sqlite3.Connection) -> Iterator[Element]:
    ordered = database.execute(
        "SELECT known.id FROM (SELECT id FROM session UNION SELECT session_id FROM message) AS known "
        "LEFT JOIN message ON message.session_id = known.id "
        "GROUP BY known.id ORDER BY MIN(message.time_created), known.id"
    ).fetchall()
    for number, (key,) in enumerate(ordered, 1):
        yield from _session(Place(name, number), database, key)


def _session(where: Place, database: sqlite3.Connection, key: Any) -> Iterator[Element]:
    """What of a session cannot be read, and then the rest as one document."""
    messages: dict[str, Body] = {}
    rows = database.execute(
        "SELECT id, data FROM message WHERE session_id IS CAST(? AS TEXT) ORDER BY time_created, id", (key,)
    )
    for name, data in rows:
        value, reason = _row(data)
        if reason:
            yield Element(where, None, f"message {_text(name)} {reason}")
        messages[_text(name)] = {"info": {**value, "id": _text(name), "sessionID": _text(key)}, "parts": []}
    rows = database.execute(
        "SELECT message_id, id, data FROM part WHERE session_id IS CAST(? AS TEXT) ORDER BY id", (key,)
    )
    for message, name, data in rows:
        value, reason = _row(data)
        if reason:
            yield Element(where, None, f"part {_text(name)} {reason}")
        elif _text(message) in messages:
            messages[_text(message)]["parts"].append({**value, "id": _text(name)})
    yield Element(where, {"info": _head(database, key), "messages": list(messages.values())})


def _head(database: sqlite3.Connection, key: Any) -> Body:
    """A session's own row, by the names that the export has for its columns."""
    cursor = database.execute("SELECT * FROM session WHERE id IS CAST(? AS TEXT)", (key,))
    row = cursor.fetchone() or ()
    told = {column[0]: value for column, value in zip(cursor.description, row, strict=False) if value is not None}
    named = {"id": key, "directory": told.get("directory"), "parentID": told.get("parent_id")}
    return {name: _text(value) for name, value in named.items() if value is not None}


def _row(data: Any) -> tuple[Body, str]:
    """The JSON of a row, or an empty object and the reason why there is none."""
    value, reason = read_value(data) if isinstance(data, bytes) else (None, NO_OBJECT)
    if isinstance(value, dict):
        return value, ""
    return {}, reason or f"is {NO_OBJECT}"


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
