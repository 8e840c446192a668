"""Where a captured record keeps its request body, its answer, its times and its sender."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote

import msgspec

from agentcost.ingest.apis import APIS
from agentcost.ingest.apis.contract import Api, Body, Identity
from agentcost.ingest.http_bodies import Packed
from agentcost.ingest.json_values import decode
from agentcost.ingest.sse import events
from agentcost.ingest.times import moment

Path = tuple[str, ...]

BODY_PATHS: tuple[Path, ...] = (
    ("request", "body"), ("request", "parsed_body"), ("body",), ("request_body",), ("requestBody",), ("req", "body"),
    ("request", "json"), ("payload",), ("request",), (),
)  # fmt: skip
"""Where proxies and gateways put the request body, the innermost first; () is a bare body."""

_ANSWER_PATHS: tuple[Path, ...] = (
    ("response", "body"), ("response", "parsed_body"), ("response", "body_raw"), ("response", "events"),
    ("response_body",), ("responseBody",), ("res", "body"), ("response", "json"), ("response",),
)  # fmt: skip

_URLS: tuple[Path, ...] = (
    ("request", "url"), ("request", "uri"), ("url",), ("uri",), ("endpoint",), ("path",),
)  # fmt: skip
_STATUSES: tuple[Path, ...] = (("response", "status_code"), ("response", "status"), ("status_code",), ("status",))
_STARTED: tuple[Path, ...] = (
    ("request", "timestamp"), ("started_at",), ("start_time",), ("startTime",), ("request_timestamp",), ("timestamp",),
    ("time",), ("ts",), ("created_at",), ("created",),
)  # fmt: skip
_ENDED: tuple[Path, ...] = (("response", "timestamp"), ("ended_at",), ("end_time",), ("endTime",))
AROUND = frozenset({
    "response", "response_body", "responseBody", "timestamp", "started_at", "start_time", "startTime", "created_at",
    "ts", "session_id", "project", "task", "latency_ms", "duration_ms",
})  # fmt: skip
"""Keys that no API's body has: a record with one tells more than its body."""

_LASTED: tuple[tuple[Path, float], ...] = (
    (("latency_ms",), 1e-3), (("duration_ms",), 1e-3), (("latency_sec",), 1.0), (("duration",), 1.0),
)  # fmt: skip

PROVIDERS = (
    ("api.anthropic.com", "anthropic"), ("api.deepseek.com", "deepseek"), ("api.openai.com", "openai"),
    ("openai.azure.com", "azure"), ("services.ai.azure.com", "azure"), ("cognitiveservices.azure.com", "azure"),
    ("openrouter.ai", "openrouter"), ("generativelanguage.googleapis.com", "google"),
    ("aiplatform.googleapis.com", "vertex"), ("api.groq.com", "groq"), ("api.mistral.ai", "mistral"),
    ("bedrock-runtime", "bedrock"), ("bedrock-mantle", "bedrock"), ("api.x.ai", "xai"),
    ("api.fireworks.ai", "fireworks"),
    ("api.cerebras.ai", "cerebras"), ("api.moonshot", "moonshot"), ("dashscope", "alibaba"), ("api.z.ai", "zai"),
    (":11434", "ollama"),
)  # fmt: skip
"""Provider by a part of the URL's host."""

_OPENAIS = re.compile(r"(?:openai/|ft:)?(?:gpt-(?!oss)|chatgpt|codex|o\d|davinci|babbage|text-|computer-use)")
"""How models of OpenAI's own are called."""

_CLIENTS = {"claude-cli": "claude-code", "codex_cli_rs": "codex", "GeminiCLI": "gemini-cli"}


class Found(msgspec.Struct, frozen=True):
    """A request body in a record: in which API's dialect, at which path, and whether as a string."""

    api: Api
    path: Path
    body: Body
    inner: bytes | None


def dig(record: Any, path: Path) -> Any:
    """The value at a path of keys, None where it ends."""
    for key in path:
        if not isinstance(record, dict):
            return None
        record = record.get(key)
    return record


def _present(record: Any, paths: Sequence[Path]) -> Iterator[Path]:
    """Those of the paths that begin in the record."""
    return (path for path in paths if not path or path[0] in record) if isinstance(record, dict) else iter(())


def body_at(record: Any, path: Path) -> tuple[Body | None, bytes | None]:
    """The body at a path, and its bytes where it is a string."""
    value = dig(record, path)
    if isinstance(value, str) and value[:1] == "{":
        inner = value.encode("utf-8", "surrogatepass")
        try:
            value = decode(inner)
        except ValueError:
            return None, None
        return (value, inner) if isinstance(value, dict) else (None, None)
    return (value, None) if isinstance(value, dict) else (None, None)


def find_body(record: Any) -> Found | None:
    """The request body of a record; None where it holds none that an API would take."""
    url = url_of(record)
    for path in _present(record, BODY_PATHS):
        body, inner = body_at(record, path)
        if body is None:
            continue
        name_model(body, url)
        for api in APIS:
            if api.owns(body):
                return Found(api, path, body, inner)
    return None


def name_model(body: Body, url: str) -> None:
    """Put the model into a body of Gemini's, Vertex's or Bedrock's, which leave it to the URL; mark one of Ollama's."""
    if url.partition("?")[0].endswith("/api/chat") and "messages" in body:
        body.setdefault("options", {})
    if "model" in body:
        return
    if "/models/" in url and ("contents" in body or "anthropic_version" in body):  # Claude on Vertex AI too
        body["model"] = url.partition("/models/")[2].partition(":")[0].partition("?")[0]
    elif "/model/" in url and "bedrock" in url:
        body["model"] = unquote(url.partition("/model/")[2].partition("/")[0])


def url_of(record: Any) -> str:
    """The URL that was called, "" where the record does not say."""
    for path in _present(record, _URLS):
        value = dig(record, path)
        if isinstance(value, str):
            return value
    return ""


def provider_of(url: str, api: Api, model: str) -> str:
    """The provider behind a URL, else the API's own; "" of somebody's server that speaks as OpenAI does (vLLM)."""
    known = next((name for part, name in PROVIDERS if part in url), "")
    elsewhere = "://" in url and api.provider == "openai" and bool(model) and not _OPENAIS.match(model.lower())
    return known or ("" if elsewhere else api.provider)


def answer_of(record: Any, api: Api) -> Body | None:
    """The answer that a record holds, streams joined; None where there is none that is an answer."""
    for path in _present(record, _ANSWER_PATHS):
        for answer in _readings(dig(record, path), api):
            if api.answers(answer):
                return answer
    return None


def _readings(value: Any, api: Api) -> Sequence[Body]:
    """What a value may mean as an answer: itself, JSON text, a stream's text, or a list of a stream's events."""
    if isinstance(value, str):
        text = value.strip()
        if text[:1] in ("{", "["):
            try:
                return _readings(decode(text.encode("utf-8", "surrogatepass")), api)
            except ValueError:  # one event a line, as Ollama streams, or an answer that was cut
                pass
        return (api.assemble(events(text)),) if text else ()
    if isinstance(value, list):
        parts = [_event(item) for item in value]
        return (api.assemble([part for part in parts if isinstance(part, dict)]),)
    return (value,) if isinstance(value, dict) else ()


def _event(item: Any) -> Any:
    """One event of a list: itself, or what its `data` holds."""
    data = item.get("data") if isinstance(item, dict) else None
    if isinstance(data, str):
        try:
            return decode(data.encode("utf-8", "surrogatepass"))
        except ValueError:
            return None
    return data if isinstance(data, dict) else item


def packed(record: Any) -> str:
    """Why a body of the record could not be unpacked; "" where all were."""
    bodies = (dig(record, (side, "body")) for side in ("request", "response"))
    return next((body.reason for body in bodies if isinstance(body, Packed)), "")


def status_of(record: Any) -> int:
    """The HTTP status of the answer; 0 where it is unknown."""
    for path in _present(record, _STATUSES):
        value = dig(record, path)
        if isinstance(value, dict):
            value = value.get("code")
        if isinstance(value, int):
            return value
    return 0


def times_of(record: Any) -> tuple[float | None, float | None, bool]:
    """(started, ended, whether a zone was missing); None where unknown."""
    started, naive = _first_moment(record, _STARTED)
    ended, naive_end = _first_moment(record, _ENDED)
    if ended is None and started is not None:
        for path, unit in _LASTED:
            lasted = dig(record, path)
            if isinstance(lasted, int | float):
                ended = started + lasted * unit
                break
    return started, ended, naive or naive_end


def _first_moment(record: Any, paths: Sequence[Path]) -> tuple[float | None, bool]:
    for path in _present(record, paths):
        found, naive = moment(dig(record, path))
        if found is not None:
            return found, naive
    return None, False


def sender_of(record: Any) -> Identity:
    """Client from the user-agent, session from a session header or the record's own field, user likewise."""
    headers = dig(record, ("request", "headers")) or dig(record, ("headers",))
    named = {str(key).lower(): str(value) for key, value in headers.items()} if isinstance(headers, dict) else {}
    agent = named.get("user-agent", "").partition("/")[0].strip()
    session = named.get("x-claude-code-session-id") or named.get("x-session-affinity") or named.get("session_id", "")
    own = {
        key: str(record[key]) for key in ("session_id", "user", "project", "task") if isinstance(record.get(key), str)
    }
    return Identity(
        session=own.get("session_id") or session,
        user=own.get("user", ""),
        project=own.get("project", ""),
        client=_CLIENTS.get(agent, agent if agent.isascii() and " " not in agent else ""),
        task=own.get("task", ""),
    )


def merged(*identities: Identity) -> Identity:
    """Field by field the first that is known."""
    session = user = project = client = task = ""
    for identity in identities:
        session, user = session or identity.session, user or identity.user
        project, client, task = project or identity.project, client or identity.client, task or identity.task
    return Identity(session, user, project, client, task)
