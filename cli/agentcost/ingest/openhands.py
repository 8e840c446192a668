"""OpenHands: the metrics of its conversations (`base_state.json`), evaluations (`output.jsonl`), and older events.

    {"id":"c1","stats":{"usage_to_metrics":{"agent":{"model_name":"…","token_usages":[{"prompt_tokens":10,…}]}}}}

From its sources. Metrics list a bill per call, and hold no prompts; the completion logs it can keep of those are read
by `litellm`. Prompt tokens hold the cached ones, unless more was cached than came in.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from agentcost.ingest.apis.contract import Body, Identity
from agentcost.ingest.apis.openai_usage import usage_of
from agentcost.ingest.contract import Hand, Origin, Peek, Reader, Source
from agentcost.ingest.counts import count_at
from agentcost.ingest.exported import Exported, Times, checked, cost_at, object_of, objects_of, request_of, text_at
from agentcost.ingest.json_values import objects
from agentcost.ingest.litellm_routes import route
from agentcost.ingest.times import moment
from agentcost.model import Item, Knowledge, Other, Place, Skipped, Usage

_MAIN = ("agent", "default", "")
"""Uses of a model that are the agent's own; every other (a condenser, a title) is beside it."""


def sniff(peek: Peek) -> bool:
    """A state with its statistics, an evaluation with its metrics, or events of an older conversation."""
    return any(_metrics(record) or _is_event(record) for record in peek.objects())


def _metrics(record: Body) -> list[tuple[str, Body]]:
    """The metrics in a record, by what the model was used for."""
    uses = object_of(object_of(record.get("stats")).get("usage_to_metrics"))
    found = [(use, object_of(metrics)) for use, metrics in uses.items()]
    own = record.get("metrics")
    if "instance_id" in record and isinstance(own, dict):
        found.append(("agent", own))
    return [(use, metrics) for use, metrics in found if isinstance(metrics.get("token_usages"), list)]


def _is_event(record: Body) -> bool:
    return {"id", "timestamp", "source"} <= record.keys() and bool(
        record.keys() & {"llm_metrics", "tool_call_metadata"}
    )


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """A request for every call that was billed; events and states without one are Others."""
    for record in objects(source):
        if record.reason:
            yield Skipped(record.place, record.reason)
        else:
            yield from checked(record.place, partial(_items, record.value, record.place, hand))


def _items(record: Body, where: Place, hand: Hand) -> Iterator[Item]:
    uses = _metrics(record)
    if not uses:
        yield _event(record, where, hand)
        return
    task = text_at(record, "instance_id")
    session = text_at(record, "id") or task
    calls = [
        call for use, metrics in uses for call in _calls(use, metrics, Identity(session, client="openhands", task=task))
    ]
    if not calls:
        yield Other(where, "conversation without calls")
    for call in calls:
        yield request_of(call, where, hand, READER.name)


def _calls(use: str, metrics: Body, who: Identity) -> Iterator[Exported]:
    """The bills of a use; costs and times are told apart from them, in the same order."""
    usages, costs = objects_of(metrics["token_usages"]), objects_of(metrics.get("costs") or [])
    latencies = {
        text_at(one, "response_id"): one.get("latency") for one in objects_of(metrics.get("response_latencies") or [])
    }
    paired = costs if len(costs) == len(usages) else [{} for _ in usages]
    for number, (billed, paid) in enumerate(zip(usages, paired, strict=True)):
        usage = _usage(billed)
        if usage is None:
            continue
        named = route("", "", text_at(billed, "model"), text_at(metrics, "model_name"))
        key = text_at(billed, "response_id")
        ended, lasted = moment(paid.get("timestamp"))[0], latencies.get(key)
        timed = ended is not None and isinstance(lasted, int | float) and 0 <= lasted < ended
        yield Exported(
            provider=named.provider,
            model=named.model,
            usage=usage,
            id=key or f"{who.session}/{use}/{number}",
            identity=who,
            times=Times(ended - lasted if timed and ended is not None and lasted is not None else ended, None, ended),
            cost=cost_at(paid, "cost"),
            role="main" if use in _MAIN else "side",
        )


def _usage(billed: Body) -> Usage | None:
    whole, read, write = (
        count_at(billed, key) or 0 for key in ("prompt_tokens", "cache_read_tokens", "cache_write_tokens")
    )
    output = count_at(billed, "completion_tokens")
    if not any((whole, read, write, output)):
        return None
    beside = read + write > whole
    return Usage(
        plain=whole if beside else whole - read - write,
        read=read,
        write=write,
        output=output,
        reasoning=count_at(billed, "reasoning_tokens"),
    )


def _event(record: Body, where: Place, hand: Hand) -> Item:
    """An event of an older conversation: the first one that an answer led to holds its bill."""
    answer = object_of(object_of(record.get("tool_call_metadata")).get("model_response"))
    usage = usage_of(answer.get("usage"))
    if usage is None or "observation" in record:  # what a tool gave back repeats the answer that called it
        what = text_at(record, "action", "observation", "kind")
        return Other(where, f"event: {what}" if what else "record of another kind")
    named = route("", "", text_at(answer, "model"))
    ended, naive = moment(record.get("timestamp"))
    call = Exported(
        provider=named.provider,
        model=named.model,
        usage=usage,
        id=text_at(answer, "id"),
        identity=Identity(client="openhands"),
        times=Times(ended, None, ended, naive),
    )
    return request_of(call, where, hand, READER.name)


READER = Reader(
    name="openhands",
    about="OpenHands: metrics of conversations (base_state.json) and evaluations, older events",
    knowledge=Knowledge.COUNTS,
    example=(
        '{"id":"c1","stats":{"usage_to_metrics":{"agent":{"model_name":"claude-sonnet-4-5","token_usages":[{"model":'
        '"claude-sonnet-4-5","prompt_tokens":10,"completion_tokens":2,"cache_read_tokens":0,"cache_write_tokens":0,'
        '"response_id":"r1"}],"costs":[{"model":"claude-sonnet-4-5","cost":0.00006,"timestamp":1768075201.0}]}}}}'
    ),
    identity="session: the conversation; task: instance_id of an evaluation; client: openhands; user, project: none",
    sniff=sniff,
    read=read,
    origin=Origin.DOCUMENTED,
)
