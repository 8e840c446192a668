"""What a record of LiteLLM tells of its call: the body in its API's dialect, the answer, and who, when and how much.

Four shapes, told apart by their keys (see `SHAPES`):

| payload   | `call_type, startTime, response_cost…`   | LiteLLM's StandardLoggingPayload, and rows of its spend log |
| openhands | `kwargs, timestamp, cost, response…`     | completion logs of OpenHands and its software-agent-sdk     |
| gateway   | `backing_model, gateway_model, response` | OpenHands' OpenAI-compatible gateway                        |
| callback  | `standard_logging_object`                | a callback's whole `kwargs`, the payload inside             |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from agentcost.ingest import envelopes, litellm_routes
from agentcost.ingest.apis import APIS, anthropic, openai_chat, openai_responses
from agentcost.ingest.apis.contract import Api, Body, Identity
from agentcost.ingest.apis.openai_usage import usage_of
from agentcost.ingest.json_values import decode
from agentcost.ingest.litellm_folded import written
from agentcost.ingest.times import moment
from agentcost.model import Usage

REDACTED = "redacted-by-litellm"
"""What stands for messages and answers where message logging is turned off."""

_GENERATES = ("completion", "responses", "anthropic_messages", "passthrough", "pass_through", "generate_content")
"""Parts of the call types that ask a model for text; the others embed, transcribe, rank, draw or administer."""


@dataclass(frozen=True, slots=True)
class Times:
    """When a call started, gave its first token and ended; `naive` where a zone was missing."""

    started: float | None = None
    first_token: float | None = None
    ended: float | None = None
    naive: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A call to a model. `growing` is the record's key for the list that is the body's `api.growing`.

    `body` lacks that list where messages were not logged. `answer` is in the dialect `answer_api`. `folded`
    says that the tools stand in the system prompt and their results in user messages.
    """

    api: Api
    body: Body
    growing: str
    route: litellm_routes.Route
    id: str
    identity: Identity
    times: Times
    cost: str
    labels: tuple[tuple[str, str], ...]
    usage: Usage | None
    answer: Body | None
    answer_api: Api
    folded: bool = False


def call_of(record: Any) -> Call | str | None:
    """The call a record tells of, or what else it is; None where it is in no shape of LiteLLM's."""
    if not isinstance(record, dict):
        return None
    return next((read(record) for owns, read in SHAPES if owns(record)), None)


def is_call(record: Body) -> bool:
    """Whether a record is in one of the shapes."""
    return any(owns(record) for owns, _ in SHAPES)


# Shapes


def _is_callback(record: Body) -> bool:
    return isinstance(record.get("standard_logging_object"), dict)


def _callback(record: Body) -> Call | str:
    return _payload(record["standard_logging_object"])


def _is_payload(record: Body) -> bool:
    costs = ("response_cost", "spend", "custom_llm_provider")
    return isinstance(record.get("call_type"), str) and "startTime" in record and any(key in record for key in costs)


def _payload(record: Body) -> Call | str:
    what = _no_call(record)
    if what:
        return what
    metadata, parameters = _object(record.get("metadata")), _object(record.get("model_parameters"))
    sent = _object(record.get("proxy_server_request"))  # a spend log keeps the client's body here
    api = _dialect(record, parameters)
    body = {**sent, **parameters}
    messages = record.get("messages") or sent.get(api.growing)
    body.pop(api.growing, None)
    if _told(messages):
        body[api.growing] = messages
    answer, answer_api = _answer(api, record.get("response"))
    usage = (answer_api.usage(answer) if answer else None) or usage_of(metadata.get("usage_object")) or usage_of(record)
    labels, named = litellm_routes.tagged(_list(record.get("request_tags")))
    return Call(
        api,
        body,
        "messages",
        litellm_routes.route(record.get("custom_llm_provider"), record.get("api_base"), record.get("model")),
        _text(record, "id", "request_id") or _text(answer or {}, "id"),
        envelopes.merged(_sender(record, metadata), named, api.identity(body)),
        _payload_times(record),
        _cost(record.get("response_cost", record.get("spend"))),
        (*_owners(metadata), *labels),
        usage,
        answer if _told(messages) else None,
        answer_api,
    )


def _is_openhands(record: Body) -> bool:
    prompt = record.get("messages", record.get("input"))
    outcome = record.get("response", record.get("error"))
    own = isinstance(record.get("kwargs"), dict) and "timestamp" in record and "cost" in record
    return own and isinstance(prompt, list) and isinstance(outcome, dict)


def _openhands(record: Body) -> Call | str:
    if not isinstance(record.get("response"), dict):
        return f"failed call ({_text(_object(record.get('error')), 'type') or 'no answer'})"
    kwargs = record["kwargs"]
    folded = any(key in record for key in ("raw_messages", "fncall_messages"))
    api = openai_responses.API if "input" in record else openai_chat.API
    body = {**kwargs, **_object(kwargs.get("extra_body")), api.growing: record[api.growing]}
    if "tools" not in kwargs and not folded:  # folded tools may be sent besides, and are then paid twice
        body["tools"] = record.get("tools")
    body.update({key: record[key] for key in ("instructions",) if key in record})
    answer, answer_api = _answer(api, record["response"])
    tags = _list(_object(body.get("metadata")).get("tags"))
    labels, named = litellm_routes.tagged(tags)
    models = [tag.removeprefix("model:") for tag in tags if tag.startswith("model:")]
    return Call(
        api,
        body,
        api.growing,
        litellm_routes.route("", kwargs.get("api_base"), *models, kwargs.get("model"), record["response"].get("model")),
        _text(record["response"], "id"),
        envelopes.merged(named, api.identity(body), Identity(client="openhands")),
        _openhands_times(record),
        _cost(record.get("cost")),
        labels,
        answer_api.usage(record["response"]),
        written(answer, _object(record.get("raw_response"))) if answer and folded else answer,
        answer_api,
        folded,
    )


def _is_gateway(record: Body) -> bool:
    own = isinstance(record.get("backing_model"), str) and isinstance(record.get("gateway_model"), str)
    return own and isinstance(record.get("response"), dict)


def _gateway(record: Body) -> Call | str:
    answer, answer_api = _answer(openai_chat.API, record["response"])
    created, _ = moment(record["response"].get("created"))
    profile = _text(record, "profile_name")
    return Call(
        openai_chat.API,
        record,
        "messages",
        litellm_routes.route("", "", record["backing_model"]),
        _text(record["response"], "id"),
        openai_chat.API.identity(record),
        Times(created),
        "",
        (("profile", profile),) if profile else (),
        answer_api.usage(record["response"]),
        answer,
        answer_api,
    )


SHAPES: tuple[tuple[Callable[[Body], bool], Callable[[Body], Call | str]], ...] = (
    (_is_callback, _callback),
    (_is_payload, _payload),
    (_is_openhands, _openhands),
    (_is_gateway, _gateway),
)


# Their parts


def _no_call(record: Body) -> str:
    """What a payload is that no model was asked for; "" where one was."""
    kind = str(record["call_type"])
    if not any(part in kind for part in _GENERATES):
        return f"{kind or 'unnamed'} call"
    if record.get("status") == "failure":
        return "failed call"
    if str(record.get("cache_hit")).lower() == "true":
        return "answer from LiteLLM's own cache, not asked of a provider"
    return ""


def _dialect(record: Body, parameters: Body) -> Api:
    kind = str(record["call_type"])
    if "responses" in kind:
        return openai_responses.API
    tools = parameters.get("tools")
    native = isinstance(tools, list) and any(isinstance(tool, dict) and "input_schema" in tool for tool in tools)
    return anthropic.API if "anthropic_messages" in kind or native else openai_chat.API


def _answer(api: Api, response: Any) -> tuple[Body | None, Api]:
    """The answer and its dialect: LiteLLM keeps some APIs' answers as they came and turns others into chat."""
    answer = _object(response)
    for dialect in (api, *APIS):
        if dialect.answers(answer):
            return answer, dialect
    return None, api


def _told(messages: Any) -> bool:
    """Whether there are messages, and not a note that they were not logged."""
    first = messages[0] if isinstance(messages, list) and messages else messages
    text = first.get("content") if isinstance(first, dict) else first
    return bool(messages) and isinstance(messages, list | str) and text != REDACTED


def _payload_times(record: Body) -> Times:
    """An unstreamed answer has its end as `completionStartTime`: then the first token is not known."""
    (started, naive), (ended, _) = moment(record["startTime"]), moment(record.get("endTime"))
    first, _ = moment(record.get("completionStartTime"))
    streamed = first is not None and first != ended and record.get("stream") is not False
    return Times(started, first if streamed else None, ended, naive)


def _openhands_times(record: Body) -> Times:
    """The log is written when the answer is there. Without a latency the answer's `created` is the start."""
    ended, naive = moment(record["timestamp"])
    if ended is None:
        return Times()
    lasted = record.get("latency_sec")
    if isinstance(lasted, int | float):
        return Times(ended - lasted, None, ended, naive)
    created, _ = moment(record["response"].get("created"))
    return Times(min(created or ended, ended), None, ended, naive)


def _sender(record: Body, metadata: Body) -> Identity:
    """Who asked: fields of the record, of what the requester sent along, then the owner of the key."""
    own = [_object(metadata.get(key)) for key in ("requester_metadata", "spend_logs_metadata")]
    agent = _text(record, "user_agent") or _text(metadata, "user_agent")
    given = [
        Identity(_text(part, "session_id", "litellm_session_id"), "", _text(part, "project"), "", _text(part, "task"))
        for part in (record, *own, metadata)
    ]
    owner = Identity(
        _text(record, "trace_id"),
        _text(record, "end_user") or _text(metadata, "user_api_key_end_user_id", "user_api_key_user_id"),
        _text(metadata, "user_api_key_team_alias", "user_api_key_team_id"),
    )
    return envelopes.merged(*given, owner, envelopes.sender_of({"headers": {"user-agent": agent}}))


def _owners(metadata: Body) -> tuple[tuple[str, str], ...]:
    """Team and key as labels, by their aliases; the hash of the key is left where it is."""
    named = (
        ("team", _text(metadata, "user_api_key_team_alias", "user_api_key_team_id")),
        ("key", _text(metadata, "user_api_key_alias")),
    )
    return tuple((name, value) for name, value in named if value)


def _cost(value: Any) -> str:
    """The recorded cost; LiteLLM writes 0 where it knows no price, so 0 is unknown."""
    return str(value) if isinstance(value, int | float) and value and not isinstance(value, bool) else ""


def _object(value: Any) -> Body:
    """An object, also where it is kept as text; empty where there is none."""
    if isinstance(value, str) and value[:1] == "{":
        try:
            value = decode(value.encode("utf-8", "surrogatepass"))
        except ValueError:
            return {}
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> Sequence[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _text(holder: Body, *keys: str) -> str:
    """The first of these that is a text with something in it."""
    return next((value for key in keys if isinstance(value := holder.get(key), str) and value), "")
