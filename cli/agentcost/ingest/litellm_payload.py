"""LiteLLM's standard logging payload, a callback's `kwargs` that hold one, and the rows of its spend log.

    {"id": "chatcmpl-1", "call_type": "acompletion", "custom_llm_provider": "anthropic", "model": "claude-sonnet-4-5",
     "messages": […], "model_parameters": {"tools": […]}, "response": {…}, "startTime": 1767000000.5,
     "response_cost": 0.0021, "metadata": {"user_api_key_team_alias": "search"}, …}

A row of the spend log says `request_id` and `spend`, and keeps the client's body in `proxy_server_request`.
"""

from __future__ import annotations

from agentcost.ingest import envelopes, litellm_routes
from agentcost.ingest.apis import anthropic, openai_chat, openai_responses
from agentcost.ingest.apis.contract import Api, Body, Identity
from agentcost.ingest.apis.openai_usage import usage_of
from agentcost.ingest.exported import Times, object_of, text_at
from agentcost.ingest.litellm_calls import Call, answer_in, cost_of, messages_of, texts_of
from agentcost.ingest.times import moment
from agentcost.model import Knowledge

_GENERATES = ("completion", "responses", "anthropic_messages", "passthrough", "pass_through", "generate_content")
"""Parts of the call types that ask a model for text; the others embed, transcribe, rank, draw or administer."""


def is_callback(record: Body) -> bool:
    """A payload under the name that callbacks get it by."""
    return isinstance(record.get("standard_logging_object"), dict)


def callback(record: Body) -> Call | str:
    """The call of the payload inside."""
    return payload(record["standard_logging_object"])


def is_payload(record: Body) -> bool:
    """The payload's camel-case time beside its type of call and its cost or provider."""
    costs = ("response_cost", "spend", "custom_llm_provider")
    return isinstance(record.get("call_type"), str) and "startTime" in record and any(key in record for key in costs)


def payload(record: Body) -> Call | str:
    """The call, or what was done instead of one."""
    what = _no_call(record)
    if what:
        return what
    metadata, parameters = object_of(record.get("metadata")), object_of(record.get("model_parameters"))
    sent = object_of(record.get("proxy_server_request"))
    sent = object_of(sent.get("body")) or sent
    api = _dialect(record, parameters)
    body = {**sent, **parameters}
    messages = messages_of(record.get("messages") or sent.get(api.growing))
    body.pop(api.growing, None)
    if messages:
        body[api.growing] = messages
    answer, answer_api = answer_in(api, record.get("response"))
    usage = (answer_api.usage(answer) if answer else None) or usage_of(metadata.get("usage_object")) or usage_of(record)
    labels, named = litellm_routes.tagged(texts_of(record.get("request_tags")))
    trace = Identity(session=text_at(record, "trace_id"))
    return Call(
        api,
        body,
        "messages",
        litellm_routes.route(record.get("custom_llm_provider"), record.get("api_base"), record.get("model")),
        text_at(record, "id", "request_id") or text_at(answer or {}, "id"),
        envelopes.merged(_sender(record, metadata), named, api.identity(body), trace),
        _times(record),
        cost_of(record.get("response_cost", record.get("spend"))),
        (*_owners(metadata), *labels),
        usage,
        answer if messages else None,
        answer_api,
        Knowledge.FULL if messages else Knowledge.COUNTS,
    )


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


def _times(record: Body) -> Times:
    """An unstreamed answer has its end as `completionStartTime`: then the first token is not known."""
    (started, naive), (ended, _) = moment(record["startTime"]), moment(record.get("endTime"))
    first, _ = moment(record.get("completionStartTime"))
    streamed = first is not None and first != ended and record.get("stream") is not False
    return Times(started, first if streamed else None, ended, naive)


def _sender(record: Body, metadata: Body) -> Identity:
    """Who asked: fields of the record, of what the requester sent along, then the owner of the key."""
    own = [object_of(metadata.get(key)) for key in ("requester_metadata", "spend_logs_metadata")]
    agent = text_at(record, "user_agent") or text_at(metadata, "user_agent")
    given = [
        Identity(
            text_at(part, "session_id", "litellm_session_id"), "", text_at(part, "project"), "", text_at(part, "task")
        )
        for part in (record, *own, metadata)
    ]
    owner = Identity(
        user=text_at(record, "end_user") or text_at(metadata, "user_api_key_end_user_id", "user_api_key_user_id"),
        project=text_at(metadata, "user_api_key_team_alias", "user_api_key_team_id"),
    )
    return envelopes.merged(*given, owner, envelopes.sender_of({"headers": {"user-agent": agent}}))


def _owners(metadata: Body) -> tuple[tuple[str, str], ...]:
    """Team and key as labels, by their aliases; the hash of the key is left where it is."""
    named = (
        ("team", text_at(metadata, "user_api_key_team_alias", "user_api_key_team_id")),
        ("key", text_at(metadata, "user_api_key_alias")),
    )
    return tuple((name, value) for name, value in named if value)
