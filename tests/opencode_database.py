"""Builds a database as opencode keeps its sessions in, from the documents that it exports."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE `session` (`id` text PRIMARY KEY, `project_id` text NOT NULL, `parent_id` text, `directory` text NOT NULL,
    `time_created` integer NOT NULL);
CREATE TABLE `message` (`id` text PRIMARY KEY, `session_id` text NOT NULL, `time_created` integer NOT NULL,
    `data` text NOT NULL);
CREATE TABLE `part` (`id` text PRIMARY KEY, `message_id` text NOT NULL, `session_id` text NOT NULL,
    `data` text NOT NULL);
CREATE INDEX `part_session_idx` ON `part` (`session_id`);
"""


def fill(database: sqlite3.Connection, documents: Iterable[dict[str, Any]]) -> None:
    """Put sessions into a database that has its tables."""
    for document in documents:
        info, key = document["info"], document["info"]["id"]
        row = (key, "p1", info.get("parentID"), info["directory"], 1)
        database.execute("INSERT INTO session VALUES (?, ?, ?, ?, ?)", row)
        for message in document["messages"]:
            told = {name: value for name, value in message["info"].items() if name not in ("id", "sessionID")}
            name, created = message["info"]["id"], told["time"]["created"]
            database.execute("INSERT INTO message VALUES (?, ?, ?, ?)", (name, key, created, json.dumps(told)))
            for part in message["parts"]:
                kept = {name: value for name, value in part.items() if name not in ("id", "sessionID", "messageID")}
                database.execute("INSERT INTO part VALUES (?, ?, ?, ?)", (part["id"], name, key, json.dumps(kept)))
    database.commit()


def write(path: Path, *documents: dict[str, Any]) -> Path:
    """A database of sessions, closed."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript(SCHEMA)
        fill(database, documents)
    return path
