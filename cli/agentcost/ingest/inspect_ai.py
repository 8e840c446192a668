"""Logs of inspect_ai evaluations: `.eval` archives (a sample a member) and JSON documents.

    {"version": 2, "status": "success", "eval": {"task": "browser", "run_id": "r1"}, "samples": [{"id": 1, "epoch": 1,
     "attachments": {"5f…": "a long text"}, "events": [{"event": "model", "model": "openai/gpt-4.1", "input": […],
     "call": {"request": {…}, "response": {…}}, "output": {"usage": {"input_tokens": 61, "output_tokens": 17}}}]}]}

A `model` event is one request: the body that was sent where the log holds it and an API takes it, else the messages and
tools in inspect's own words. Long texts are attachments, and newer logs keep messages in a pool: both are put back. An
answer from inspect's own cache was not billed. See `eval_samples` for archives.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec

from agentcost.ingest import retold
from agentcost.ingest.apis import APIS
from agentcost.ingest.apis.contract import Api, Body, Identity
from agentcost.ingest.apis.openai_usage import usage_of
from agentcost.ingest.contract import Hand, Peek, Reader, Source
from agentcost.ingest.documents import Element
from agentcost.ingest.eval_samples import ARCHIVE, Evaluation, opened_log, restored
from agentcost.ingest.exported import Exported, Times, checked, objects_of, request_of, text_at
from agentcost.ingest.times import moment
from agentcost.model import Item, Knowledge, Other, Place, Skipped, Usage

_REMOVED = "<base64-data-removed>"
"""What stands for an image in the body that was sent; the messages have it."""

_PROVIDERS = {
    "openai/azure": "azure", "anthropic/bedrock": "bedrock", "anthropic/vertex": "vertex", "google/vertex": "vertex",
    "openai": "openai", "anthropic": "anthropic", "google": "google", "grok": "xai", "azureai": "azure", "hf": "",
    "bedrock": "bedrock", "vertex": "vertex", "together": "together", "fireworks": "fireworks", "none": "",
}  # fmt: skip
"""Our name of a provider by how a model's name begins in inspect."""


class _Sample(msgspec.Struct, frozen=True):
    """What the calls of a sample have in common."""

    evaluation: Body
    value: Body
    where: Place


def sniff(peek: Peek) -> bool:
    """An archive with a journal or samples, or a document of an evaluation."""
    if peek.head.startswith(b"PK"):
        return any(name in peek.head[:4096] for name in ARCHIVE)
    return {"version", "status", "eval"} <= set(peek.keys)


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """A request for every call of a model; other events are Others."""
    log = opened_log(source)
    found = False
    for element in log.samples:
        found = True
        yield from _sample(log, element, hand)
    if not found:
        yield Other(Place(source.name, 1), "evaluation without samples: sums only")


def _sample(log: Evaluation, element: Element, hand: Hand) -> Iterator[Item]:
    value = element.value
    if element.reason or not isinstance(value, dict):
        yield Skipped(element.place, element.reason or "not a sample; mend or remove it")
        return
    events = value.get("events") or (value.get("transcript") or {}).get("events")
    sample = _Sample(log.evaluation, value, element.place)
    for event in objects_of(events or []):
        yield from checked(element.place, partial(_event, sample, event, hand))


def _event(sample: _Sample, event: Body, hand: Hand) -> Iterator[Item]:
    kind = text_at(event, "event")
    output = event.get("output")
    if kind != "model":
        yield Other(sample.where, f"{kind or 'unnamed'} event")
    elif event.get("cache") == "read":
        yield Other(sample.where, "answer from inspect's own cache, not asked of a provider")
    elif event.get("error") or not isinstance(output, dict) or not output.get("choices"):
        yield Other(sample.where, "failed call" if event.get("error") else "call that was not answered")
    else:
        yield request_of(_call(sample, restored(event, sample.value)), sample.where, hand, READER.name)


def _call(sample: _Sample, event: Body) -> Exported:
    output, named = event["output"], text_at(event, "model")
    model = text_at(output, "model") or named.rpartition("/")[2]
    sent = event.get("call") or {}
    api, body, answer = _asked(event, model, sent)
    reply = sent.get("response")
    billed = api.usage(reply) if isinstance(reply, dict) and api.answers(reply) else None
    started, naive = moment(event.get("timestamp"))
    return Exported(
        provider=_provider(named),
        model=model,
        usage=billed or _usage(output.get("usage")),
        api=api,
        body=body,
        answer=answer,
        id=(text_at(reply, "id") if isinstance(reply, dict) else "") or text_at(event, "uuid"),
        identity=_identity(sample),
        times=Times(started, None, _ended(event, started), naive),
        role="side" if event.get("role") == "grader" else "main",
    )


def _asked(event: Body, model: str, sent: Body) -> tuple[Api, Body, Body | None]:
    """The body that was sent and its answer, in the API's words or in inspect's."""
    request, response = sent.get("request"), sent.get("response")
    if isinstance(request, dict) and _REMOVED not in str(request):
        body = {"model": model, **{key: value for key, value in request.items() if value is not None}}
        api = next((api for api in APIS if api.owns(body)), None)
        if api and isinstance(response, dict) and api.answers(response):
            return api, body, response
    given = event.get("input")
    messages = [_chat(message) for message in objects_of(given)]
    tools = retold.tools_of(event.get("tools") or [])
    said = [_chat(choice["message"]) for choice in event["output"]["choices"][:1]]
    told = retold.told(model, messages, tools, said)
    return told.api, told.body, told.answer


def _chat(message: Body) -> Body:
    """A message of inspect's in the words of Chat Completions."""
    content, thought = message.get("content"), ""
    if isinstance(content, list):
        thought = "".join(
            str(part.get("reasoning") or "") for part in objects_of(content) if part.get("type") == "reasoning"
        )
        content = [_part(part) for part in objects_of(content) if part.get("type") != "reasoning"]
    known: Body = {"role": str(message.get("role") or "user"), "content": content}
    if message.get("tool_calls"):
        known["tool_calls"] = [
            retold.called(call.get("function"), call.get("arguments"), call.get("id"))
            for call in objects_of(message["tool_calls"])
        ]
    if thought:
        known["reasoning_content"] = thought
    if message.get("role") == "tool":
        known |= {"tool_call_id": message.get("tool_call_id"), "name": message.get("function")}
    return known


def _part(part: Body) -> Body:
    kind = part.get("type")
    if kind == "image":
        return {"type": "image_url", "image_url": {"url": part.get("image"), "detail": part.get("detail") or ""}}
    if kind == "document":
        return retold.picture(part.get("document"), "application/pdf")
    return part


def _usage(billed: Any) -> Usage | None:
    """The usage in inspect's own words: of some providers the input includes cached tokens; the total tells."""
    if not isinstance(billed, dict):
        return None
    reasoning = billed.get("reasoning_tokens")
    return usage_of({
        "prompt_tokens": billed.get("input_tokens"), "completion_tokens": billed.get("output_tokens"),
        "total_tokens": billed.get("total_tokens"),
        "cache_read_input_tokens": billed.get("input_tokens_cache_read"),
        "cache_creation_input_tokens": billed.get("input_tokens_cache_write"),
        "completion_tokens_details": {} if reasoning is None else {"reasoning_tokens": reasoning},
    })  # fmt: skip


def _provider(model: str) -> str:
    first, _, rest = model.partition("/")
    found = _PROVIDERS.get(f"{first}/{rest.partition('/')[0]}")
    return _PROVIDERS.get(first, first) if found is None else found


def _identity(sample: _Sample) -> Identity:
    """A session is one run of a sample; the task is the sample, the project the evaluation's task."""
    run, name = text_at(sample.evaluation, "run_id", "eval_id"), str(sample.value.get("id", ""))
    session = f"{run}:{name}:{sample.value.get('epoch', 1)}"
    return Identity(session=session, project=text_at(sample.evaluation, "task"), client="inspect_ai", task=name)


def _ended(event: Body, started: float | None) -> float | None:
    completed, _ = moment(event.get("completed"))
    lasted = event["output"].get("time")
    if completed is None and started is not None and isinstance(lasted, int | float):
        return started + lasted
    return completed


READER = Reader(
    name="inspect_ai",
    about="inspect_ai evaluations (.eval archives, JSON logs): every call of a model in every sample",
    knowledge=Knowledge.FULL,
    example=(
        '{"version":2,"status":"success","eval":{"task":"t","run_id":"r1"},"samples":[{"id":1,"epoch":1,"events":[{'
        '"event":"model","model":"openai/gpt-4.1","input":[{"role":"user","content":"Hello"}],"output":{"choices":[{'
        '"message":{"role":"assistant","content":"Hi."}}],"usage":{"input_tokens":8,"output_tokens":3}}}]}]}'
    ),
    identity=(
        "session: the run, the sample and its epoch; task: the sample's id; project: eval.task; client: inspect_ai; "
        "user: none"
    ),
    sniff=sniff,
    read=read,
    unseen="message pools and Zstandard",
)
