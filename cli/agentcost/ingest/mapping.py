"""A user's own format: a TOML file that says at which path of a record each thing lies.

records = "calls"              # the list of calls in a record; leave it out where each record is a call
only = { kind = "llm" }        # of records, those that are calls; the others are counted

[fields]                       # keys joined by dots; a number counts in a list; of several the first that is there
messages = "prompt.messages"
input = ["usage.prompt_tokens", "usage.input"]
time = "created_at"

[constants]
provider = "openai"

[labels]
team = "meta.team"
"""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from typing import Any

import msgspec

from agentcost.errors import UsageError

SUFFIX = ".toml"

Path = tuple[str, ...]

FIELDS: dict[str, str] = {
    "body": "the body sent to a provider's API, or its JSON text",
    "answer": "the API's answer to it, with its usage",
    "url": "the address that was called",
    "messages": "without a body: the messages, or the prompt",
    "system": "the system prompt beside them",
    "tools": "the tools beside them",
    "reply": "the message that came back",
    "input": "input tokens, with those of a cache",
    "plain": "input tokens, without those of a cache",
    "cached": "input tokens read from a cache",
    "written": "input tokens written to a cache",
    "written_5m": "of a cache that lives 5 minutes",
    "written_1h": "of a cache that lives an hour",
    "output": "output tokens, reasoning included",
    "reasoning": "reasoning tokens",
    "model": "the model's name",
    "provider": "who was asked: anthropic, openai, google…",
    "time": "when it began: ISO 8601, or s, ms, µs, ns since 1970",
    "first_token": "when the first token came",
    "ended": "when the call ended",
    "duration": "how long it took, in seconds",
    "duration_ms": "the same in milliseconds",
    "id": "the provider's id of the call: repeats have the same",
    "session": "which conversation it belongs to",
    "user": "who asked",
    "project": "for which project",
    "client": "with which program",
    "task": "for which task",
    "tier": "the service tier",
    "cost": "what it cost in US dollars",
}
"""What a mapping may name, and what it is."""

TELLS = ("body", "answer", "messages", "input", "plain")
"""A call is one only with one of these."""

CONSTANTS = ("provider", "model", "url", "user", "project", "client", "task", "tier")
"""What a mapping may set for every call."""


class Mapping(msgspec.Struct, frozen=True):
    """Where things lie: alternatives of paths by field. `calls` is the path of the list of calls, `only` what a call
    has at which path."""

    name: str
    fields: dict[str, tuple[Path, ...]]
    constants: dict[str, str] = {}
    labels: dict[str, tuple[Path, ...]] = {}
    calls: Path = ()
    only: tuple[tuple[Path, tuple[str, ...]], ...] = ()

    def text(self, field: str, *holders: Any) -> str:
        """A field as text: a name, a number; "" where no holder has one."""
        value = self.value(field, *holders)
        if isinstance(value, str):
            return value.strip()
        return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""

    def value(self, field: str, *holders: Any) -> Any:
        """What a field's paths find in the first holder that has it; else its constant, else None."""
        found = first_at(self.fields.get(field, ()), *holders)
        return self.constants.get(field) if found is None else found


def first_at(paths: tuple[Path, ...], *holders: Any) -> Any:
    """What the first of the paths finds in the first holder that has it; None where none does."""
    for holder in holders:
        for path in paths:
            found = value_at(holder, path)
            if found is not None:
                return found
    return None


def value_at(holder: Any, path: Path) -> Any:
    """The value at a path; a key of an object may hold dots itself. None where the path ends."""
    if not path:
        return holder
    if isinstance(holder, list):
        number = int(path[0]) if path[0].removeprefix("-").isdecimal() else len(holder)
        return value_at(holder[number], path[1:]) if -len(holder) <= number < len(holder) else None
    if not isinstance(holder, dict):
        return None
    for length in range(1, len(path) + 1):
        inner = holder.get(".".join(path[:length]))
        found = None if inner is None else value_at(inner, path[length:])
        if found is not None:
            return found
    return None


def read_mapping(text: str, name: str) -> Mapping:
    """The mapping in a TOML file. UsageError where it is none, or names what is not there."""
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        hint = "`agentcost formats --doctor LOG` writes one to start from"
        raise UsageError(f"{name}: is no TOML ({error}); {hint}") from error
    _check(told, ("records", "only", "fields", "constants", "labels"), name)
    fields, constants = _table(told, "fields", name), _table(told, "constants", name)
    _check(fields, FIELDS, f"{name}: [fields]")
    _check(constants, CONSTANTS, f"{name}: [constants]")
    if not any(field in fields for field in TELLS):
        raise UsageError(f"{name}: maps no call; [fields] needs one of {', '.join(TELLS)}")
    records = told.get("records", "")
    return Mapping(
        name=name,
        fields={field: _paths(value, f"{name}: {field}") for field, value in fields.items()},
        constants={field: str(value) for field, value in constants.items()},
        labels={label: _paths(value, f"{name}: {label}") for label, value in _table(told, "labels", name).items()},
        calls=_paths(records, f"{name}: records")[0] if records else (),
        only=tuple(
            (_path(key), tuple(str(one) for one in (value if isinstance(value, list) else [value])))
            for key, value in _table(told, "only", name).items()
        ),
    )


def _table(told: dict[str, Any], key: str, name: str) -> dict[str, Any]:
    value = told.get(key, {})
    if not isinstance(value, dict):
        raise UsageError(f"{name}: {key} is no table; write it as [{key}] with a line for each")
    return value


def _check(told: dict[str, Any], known: Any, name: str) -> None:
    for key in told:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise UsageError(f"{name}: there is no {key}; {hint}")


def _paths(value: Any, what: str) -> tuple[Path, ...]:
    """One path, or several of which the first that is there counts."""
    given = value if isinstance(value, list) else [value]
    if not given or not all(isinstance(one, str) and one.strip(".") for one in given):
        raise UsageError(f'{what} is no path; write it as "usage.input_tokens", or as a list of such')
    return tuple(_path(one) for one in given)


def _path(text: str) -> Path:
    return tuple(text.strip().split("."))
