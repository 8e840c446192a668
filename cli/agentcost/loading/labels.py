"""Labels that the user gives requests: from a folder of the log's path, or from a field of its record."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

import msgspec
from msgspec.structs import replace

from agentcost.errors import UsageError
from agentcost.model import Request

FIELDS = ("session", "user", "project", "client", "task")
"""Labels of these names set what a reader found; any other name is a key of its own."""


class Label(msgspec.Struct, frozen=True):
    """`name` gets the folder number `folder` of the path (from 1 at the left, -1 at the right; 0 is none), or the
    value at `keys` of the record."""

    name: str
    folder: int = 0
    keys: tuple[str, ...] = ()


_RULE = re.compile(
    r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?:path:(?P<folder>-?[1-9]\d*)|json:\.(?P<keys>[^.]+(?:\.[^.]+)*))"
)


def parse_labels(arguments: Sequence[str]) -> tuple[Label, ...]:
    """`user=path:2` and `task=json:.metadata.task` arguments. UsageError where one is written otherwise."""
    labels = []
    for argument in arguments:
        rule = _RULE.fullmatch(argument)
        if not rule:
            raise UsageError(
                f"--label {argument}: write it as name=path:N, N the number of a folder in the log's path, "
                "or as name=json:.a.b, the keys of a field of the record"
            )
        keys = tuple(rule["keys"].split(".")) if rule["keys"] else ()
        labels.append(Label(rule["name"], int(rule["folder"] or 0), keys))
    return tuple(labels)


def labelled(request: Request, labels: Sequence[Label], record: object = None) -> Request:
    """The request with its labels set; `record` is the JSON value that it was read from."""
    parts = [part for part in PurePath(request.place.source).parts[:-1] if part not in ("/", "\\")]
    found = {label.name: _field(record, label.keys) if label.keys else _part(parts, label.folder) for label in labels}
    own = {name: value for name, value in found.items() if name in FIELDS and value}
    rest = {name: value for name, value in found.items() if name not in FIELDS}
    return replace(
        request,
        session=own.get("session", request.session),
        user=own.get("user", request.user),
        project=own.get("project", request.project),
        client=own.get("client", request.client),
        task=own.get("task", request.task),
        labels=tuple(sorted({**dict(request.labels), **rest}.items())),
    )


def _part(parts: Sequence[str], number: int) -> str:
    index = number - 1 if number > 0 else len(parts) + number
    return parts[index] if 0 <= index < len(parts) else ""


def _field(record: object, keys: Sequence[str]) -> str:
    """A text or number in a record, a list's items by their number; "" where there is none."""
    for key in keys:
        if isinstance(record, dict):
            record = record.get(key)
        elif isinstance(record, list) and key.isdigit() and int(key) < len(record):
            record = record[int(key)]
        else:
            return ""
    return "" if record is None or isinstance(record, dict | list) else str(record)
