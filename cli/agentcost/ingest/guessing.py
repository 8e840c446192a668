"""A mapping to start from, guessed from the names and values of a log's first records."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from agentcost.ingest.apis.contract import Body
from agentcost.ingest.columns import OURS
from agentcost.ingest.exported import object_of, objects_of, pair_of
from agentcost.ingest.mapping import FIELDS, TELLS, value_at
from agentcost.ingest.times import moment

Found = dict[str, tuple[str, ...]]
"""The path by field."""

_DEEPEST = 6
_MOST_PATHS = 400
_MOST_ROWS = 50
_COUNTS = ("input", "cached", "written", "output", "reasoning")

_NAMES: dict[str, str] = {
    "system": "systemprompt system systeminstruction systemmessage instructions",
    "tools": "tools functions tooldefinitions",
    "reply": "reply completion response answer output responsetext assistantmessage",
    "input": "inputtokens prompttokens tokensin inputtokencount prompttokencount tokensprompt tokeninput prompteval"
    " promptevalcount input prompt",
    "cached": "cachereadinputtokens cachedtokens cachedinputtokens cachereadtokens cacheread cachereads cachehits"
    " cached promptcachehittokens cachedcontenttokencount",
    "written": "cachecreationinputtokens cachewritetokens cachecreationtokens cachewriteinputtokens cachewrite"
    " cachewrites",
    "output": "outputtokens completiontokens tokensout outputtokencount candidatestokencount tokenscompletion"
    " generatedtokens tokenoutput evalcount output completion",
    "reasoning": "reasoningtokens thinkingtokens thoughtstokencount thoughts",
    "model": "model modelname modelid llmmodel deployment engine",
    "provider": "provider providername vendor modelprovider providerid",
    "url": "url uri endpoint",
    "time": "starttime startedat timestamp createdat requesttime created ts time datetime date when at",
    "first_token": "firsttokentime firsttokenat",
    "ended": "endtime endedat completedat finishedat",
    "duration": "latencysec latencyseconds durationseconds durations elapsedseconds",
    "duration_ms": "latencyms durationms elapsedms responsetimems",
    "id": "requestid responseid generationid completionid callid id",
    "session": "sessionid session conversationid conversation threadid chatid traceid runid",
    "user": "userid username user useremail email",
    "project": "projectid project workspace repository repo",
    "client": "client clientname application app agent",
    "task": "taskid task",
    "tier": "servicetier",
    "cost": "costusd totalcost totalcostusd cost price spend",
}  # fmt: skip
"""The names a field goes by, without capitals and signs, the likeliest first."""


_BY_VALUE = ("when",)
"""Names that are a field's only where a value says so: a table's header alone does not."""


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) < 200


def _is_time(value: Any) -> bool:
    found, _ = moment(value)
    return found is not None and found > 1e8


def _is_content(value: Any) -> bool:
    return isinstance(value, str | list | dict) and bool(value)


_FITS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(_COUNTS, _is_count),
    **dict.fromkeys(("time", "first_token", "ended"), _is_time),
    **dict.fromkeys(("duration", "duration_ms"), _is_number),
    **dict.fromkeys(("system", "tools", "reply"), _is_content),
    "cost": lambda value: _is_number(value) or (_is_name(value) and value.lstrip("$").replace(".", "", 1).isdecimal()),
}
"""What a field's value has to be; every other is a name."""


def starter(records: Sequence[Any], log: str) -> str:
    """A mapping file for such records, with what was not found as remarks. The user has to check it."""
    holders = [record for record in records if isinstance(record, dict)]
    calls, rows = _rows(holders)
    found = _found(rows, holders if calls else ())
    lines = [
        "# Guessed from names: check it, save it as map.toml, then",
        f"#   agentcost analyze {log} \\",
        "#     --input-format map.toml",
        "# A path is keys joined by dots; a number counts in a list; of a list of paths",
        "# the first that is there counts.",
    ]
    lines += (
        [f"records = {_quoted(calls)}"] if calls else ['# records = "calls"  # where each record holds a list of calls']
    )
    lines += [_only(rows, found), "", "[fields]"]
    lines += [f"{field} = {_quoted(found[field])}" for field in (*FIELDS,) if field in found]
    if not any(field in found for field in TELLS):
        lines.append(f"# No call was found: one of {', '.join(TELLS)} is needed.")
    left = [field for field in FIELDS if field not in found and field not in _needless(found)]
    width = max((len(field) for field in left), default=0)
    lines += [f'# {field:<{width}} = ""  # {FIELDS[field]}' for field in left]
    return "\n".join([*lines, "", "[constants]", '# provider = "openai"  # where no record says it', ""])


def _needless(found: Found) -> tuple[str, ...]:
    """What a body or an answer tells already."""
    beside = ("messages", "system", "tools", "reply") if "body" in found else ()
    return (*beside, "plain", *_COUNTS, "written_5m", "written_1h") if "answer" in found else beside


def _quoted(path: Sequence[str]) -> str:
    return json.dumps(".".join(path), ensure_ascii=False)


def _rows(holders: Sequence[Body]) -> tuple[tuple[str, ...], list[Body]]:
    """The path of the list that holds calls, where records are none themselves, and the calls."""
    if _tells(_found(holders)):
        return (), list(holders)
    lists: dict[tuple[str, ...], list[Body]] = {}
    for holder in holders:
        for path, value in _paths(holder):
            if isinstance(value, list) and value and isinstance(value[0], dict):
                lists.setdefault(path, []).extend(objects_of(value)[:_MOST_ROWS])
    best = max(lists, key=lambda path: _tells(_found(lists[path])), default=())
    return (best, lists[best]) if best and _tells(_found(lists[best])) else ((), list(holders))


def _tells(found: Found) -> int:
    return sum(field in found for field in (*TELLS, "output", "model")) if any(field in found for field in TELLS) else 0


def _paths(holder: Body, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every path into nested objects with its value; those of lists end at the list."""
    for key, value in list(holder.items())[:_MOST_PATHS]:
        if not key.isprintable() or not key:
            continue
        yield (*before, key), value
        if isinstance(value, dict) and len(before) < _DEEPEST:
            yield from _paths(value, (*before, key))


def _known(rows: Sequence[Body]) -> dict[tuple[str, ...], list[Any]]:
    """The values that stand at each path, the shallowest paths first."""
    known: dict[tuple[str, ...], list[Any]] = {}
    for row in rows[:_MOST_ROWS]:
        for path, value in _paths(row):
            if value is not None and (path in known or len(known) < _MOST_PATHS):
                known.setdefault(path, []).append(value)
    return dict(sorted(known.items(), key=lambda item: len(item[0])))


def _found(rows: Sequence[Body], holders: Sequence[Body] = ()) -> Found:
    """What the names and values of rows say; `holders` may tell what all their calls share."""
    known = _known(rows)
    found = _bodies(known)
    if "body" not in found:
        found |= _messages(known)
    taken = set(found.values())
    for field in _NAMES:
        for source in (known, _known(holders)) if field not in _COUNTS else (known,):
            inside = [path for path in source if not any(path[: len(one)] == one for one in _opaque(found))]
            path = _named(field, {path: source[path] for path in inside if path not in taken})
            if path and field not in found:
                found[field] = path
                taken.add(path)
    if "body" in found:
        for field in ("system", "tools", "reply"):
            found.pop(field, None)
    return _disjoint(found, rows)


def _opaque(found: Found) -> list[tuple[str, ...]]:
    """What is read as a whole: nothing inside it is a field of its own."""
    return [found[field] for field in ("body", "answer", "messages", "tools") if field in found]


def _bodies(known: dict[tuple[str, ...], list[Any]]) -> Found:
    """The body of an API, and the answer to it."""
    for path, values in known.items():
        body = next((value for value in values if len(object_of(value)) > 1 and pair_of(value, None)), None)
        if body is None:
            continue
        found: Found = {"body": path}
        for other, answers in known.items():
            if other != path and any((pair := pair_of(body, answer)) and pair.answer for answer in answers[:3]):
                return found | {"answer": other}
        return found
    return {}


def _messages(known: dict[tuple[str, ...], list[Any]]) -> Found:
    """A list of messages with roles, else a text that is called a prompt."""
    for path, values in known.items():
        if any(isinstance(value, list) and any("role" in item for item in objects_of(value)) for value in values):
            return {"messages": path}
    for path, values in known.items():
        if _plain(path[-1]) in ("prompt", "prompttext", "query", "question", "input") and any(map(_is_text, values)):
            return {"messages": path}
    return {}


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _plain(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())


def _named(field: str, known: dict[tuple[str, ...], list[Any]]) -> tuple[str, ...]:
    """The path whose last key is the likeliest name of a field, and whose values fit it."""
    fits = _FITS.get(field, _is_name)
    for name in _NAMES[field].split():
        for path, values in known.items():
            if name == _plain(path[-1]) and any(fits(value) for value in values):
                return path
    return ()


def _disjoint(found: Found, rows: Sequence[Body]) -> Found:
    """Input beside which more is cached, or that is Anthropic's, leaves out what was cached."""
    if not {"input", "cached"} <= found.keys():
        return found
    pairs = [(value_at(row, found["input"]), value_at(row, found["cached"])) for row in rows]
    more = any(_is_count(whole) and _is_count(cached) and cached > whole for whole, cached in pairs)
    theirs = _plain(found["cached"][-1]) == "cachereadinputtokens" and _plain(found["input"][-1]) == "inputtokens"
    if not more and not theirs:
        return found
    return {("plain" if field == "input" else field): path for field, path in found.items()}


def _only(rows: Sequence[Body], found: Found) -> str:
    """What tells calls from other records, where one field does."""
    tells = [found[field] for field in TELLS if field in found]
    for key in ("type", "kind", "event", "event_type", "operation"):
        calls = {row.get(key) for row in rows if isinstance(row.get(key), str) and _has(row, tells)}
        others = {row.get(key) for row in rows if isinstance(row.get(key), str) and not _has(row, tells)}
        if len(calls) == 1 and others and not calls & others:
            return f"only = {{ {key} = {_quoted([str(*calls)])} }}"
    return '# only = { type = "llm" }  # which records are calls'


def _has(row: Body, paths: Sequence[tuple[str, ...]]) -> bool:
    return any(value_at(row, path) is not None for path in paths)


def columns(header: Sequence[str]) -> dict[str, str]:
    """A table's columns by our names for them, guessed from theirs."""
    found: dict[str, str] = {}
    for field, spellings in _NAMES.items():
        sure = (wanted for wanted in spellings.split() if wanted not in _BY_VALUE)
        names = [name for wanted in sure for name in header if _plain(name) == wanted]
        if field in OURS and names and names[0] not in found.values():
            found[field] = names[0]
    return found
