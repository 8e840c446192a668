"""aider: the log of `--analytics-log FILE`, a bill per message that was sent.

    {"event":"message_send","properties":{"main_model":"gpt-4.1","prompt_tokens":10,"completion_tokens":2,"cost":0.00004,
     "total_cost":0.00004},"user_id":"u1","time":1768075201}

From its documentation and sources. It holds no prompts and does not tell cached tokens apart. The chat history
(`.aider.chat.history.md`) has only rounded counts and is not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from agentcost.ingest.apis.contract import Body, Identity
from agentcost.ingest.contract import Hand, Origin, Peek, Reader, Source
from agentcost.ingest.counts import count_at
from agentcost.ingest.exported import Exported, Times, checked, cost_at, object_of, request_of, text_at
from agentcost.ingest.json_values import objects
from agentcost.ingest.litellm_routes import route
from agentcost.ingest.times import moment
from agentcost.model import Item, Knowledge, Other, Place, Skipped, Usage

_KEYS = {"event", "properties", "user_id", "time"}


def sniff(peek: Peek) -> bool:
    """Events in aider's own envelope."""
    return any(_is_event(record) for record in peek.objects())


def _is_event(record: Body) -> bool:
    return record.keys() == _KEYS and isinstance(record["properties"], dict) and isinstance(record["event"], str)


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """A request for every message that was sent; other events are Others. A launch opens a session."""
    launches = 0
    for record in objects(source):
        if record.reason:
            yield Skipped(record.place, record.reason)
        elif not _is_event(record.value):
            yield Other(record.place, "record of another kind")
        else:
            launches += record.value["event"] == "launched"
            session = f"launch {launches}" if launches else ""
            yield from checked(record.place, partial(_items, record.value, record.place, hand, session))


def _items(record: Body, where: Place, hand: Hand, session: str) -> Iterator[Item]:
    told = object_of(record["properties"])
    prompt = count_at(told, "prompt_tokens")
    if record["event"] != "message_send" or prompt is None:
        yield Other(where, f"event: {record['event']}")
        return
    named = route("", "", text_at(told, "main_model"))
    sent, naive = moment(record["time"])
    call = Exported(
        provider=named.provider,
        model=named.model,
        usage=Usage(plain=prompt, output=count_at(told, "completion_tokens"), classes_known=False),
        identity=Identity(session=session, user=text_at(record, "user_id"), client="aider"),
        times=Times(sent, None, None, naive),
        cost=cost_at(told, "cost"),
    )
    yield request_of(call, where, hand, READER.name)


READER = Reader(
    name="aider",
    about="aider's analytics log (--analytics-log): billed messages without their prompts",
    knowledge=Knowledge.COUNTS,
    example=(
        '{"event":"message_send","properties":{"main_model":"gpt-4.1","edit_format":"diff","prompt_tokens":10,'
        '"completion_tokens":2,"total_tokens":12,"cost":0.000036,"total_cost":0.000036},"user_id":"u1","time":1768075201}'
    ),
    identity="session: a launch; user: user_id, which is made up; client: aider; project, task: none",
    sniff=sniff,
    read=read,
    origin=Origin.DOCUMENTED,
)
