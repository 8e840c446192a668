"""OpenHands' completion logs, and those of its OpenAI-compatible gateway.

    {"messages": […], "tools": […], "kwargs": {…}, "response": {…}, "cost": 0.0166, "timestamp": 1757015025.97,
     "latency_sec": 4.66}
    {"backing_model": "gpt-5-nano", "gateway_model": "my_agent", "messages": […], "response": {…}}

`messages` are what was sent. Where tools were folded into them (see `litellm_folded`), the log keeps the messages
as they were before besides: `raw_messages`, in older logs `fncall_messages`.
"""

from __future__ import annotations

from agentcost.ingest import envelopes, litellm_routes
from agentcost.ingest.apis import openai_chat, openai_responses
from agentcost.ingest.apis.contract import Body, Identity
from agentcost.ingest.exported import Times, object_of, text_at
from agentcost.ingest.litellm_calls import Call, answer_in, cost_of, messages_of, texts_of
from agentcost.ingest.litellm_folded import written
from agentcost.ingest.times import moment
from agentcost.model import Knowledge


def is_openhands(record: Body) -> bool:
    """A prompt and what came of it beside the keyword arguments of the call, its time and its cost."""
    prompt = record.get("messages", record.get("input"))
    outcome = record.get("response", record.get("error"))
    own = isinstance(record.get("kwargs"), dict) and "timestamp" in record and "cost" in record
    return own and isinstance(prompt, list) and isinstance(outcome, dict)


def openhands(record: Body) -> Call | str:
    """The call as it was sent; a failed one is none."""
    if not isinstance(record.get("response"), dict):
        return f"failed call ({text_at(object_of(record.get('error')), 'type') or 'no answer'})"
    kwargs = record["kwargs"]
    folded = any(key in record for key in ("raw_messages", "fncall_messages"))
    api = openai_responses.API if "input" in record else openai_chat.API
    body = {**kwargs, **object_of(kwargs.get("extra_body")), api.growing: messages_of(record[api.growing])}
    if "tools" not in kwargs and not folded:  # folded tools may be sent besides, and are then paid twice
        body["tools"] = record.get("tools")
    body.update({key: record[key] for key in ("instructions",) if key in record})
    answer, answer_api = answer_in(api, record["response"])
    tags = texts_of(object_of(body.get("metadata")).get("tags"))
    labels, named = litellm_routes.tagged(tags)
    models = [tag.removeprefix("model:") for tag in tags if tag.startswith("model:")]
    return Call(
        api,
        body,
        api.growing,
        litellm_routes.route("", kwargs.get("api_base"), *models, kwargs.get("model"), record["response"].get("model")),
        text_at(record["response"], "id"),
        envelopes.merged(named, api.identity(body), Identity(client="openhands")),
        _times(record),
        cost_of(record.get("cost")),
        labels,
        answer_api.usage(record["response"]),
        written(answer, object_of(record.get("raw_response"))) if answer and folded else answer,
        answer_api,
        folded=folded,
    )


def is_gateway(record: Body) -> bool:
    """The two models of the gateway: the one asked for and the one behind it."""
    own = isinstance(record.get("backing_model"), str) and isinstance(record.get("gateway_model"), str)
    return own and isinstance(record.get("response"), dict)


def gateway(record: Body) -> Call | str:
    """The agent behind the gateway put its own prompt before what came in, which the log does not hold."""
    api = openai_chat.API
    answer, answer_api = answer_in(api, record["response"])
    created, _ = moment(record["response"].get("created"))
    profile = text_at(record, "profile_name")
    return Call(
        api,
        {**record, "messages": messages_of(record.get("messages"))},
        "messages",
        litellm_routes.route("", "", record["backing_model"]),
        text_at(record["response"], "id"),
        api.identity(record),
        Times(created),
        "",
        (("profile", profile),) if profile else (),
        answer_api.usage(record["response"]),
        answer,
        answer_api,
        Knowledge.TRANSCRIPT,
    )


def _times(record: Body) -> Times:
    """The log is written when the answer is there. Without a latency the answer's `created` is the start."""
    ended, naive = moment(record["timestamp"])
    if ended is None:
        return Times()
    lasted = record.get("latency_sec")
    if isinstance(lasted, int | float):
        return Times(ended - lasted, None, ended, naive)
    created, _ = moment(record["response"].get("created"))
    return Times(min(created or ended, ended), None, ended, naive)
