"""A model call as an export tells of it, and the request it becomes.

Exports of gateways, tracers and test benches hold a call whole: its body in the dialect of an API (see `apis`), its
answer, its bill. Where the messages were not recorded the bill alone tells how long the prompt was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import msgspec

from agentcost.ingest import envelopes
from agentcost.ingest.apis import openai_chat
from agentcost.ingest.apis.contract import Api, Body, Calls, Identity
from agentcost.ingest.apis.served import served_settings, served_tier
from agentcost.ingest.chains import State, advance
from agentcost.ingest.contract import Hand, Source
from agentcost.ingest.json_values import WRONG_TYPE, Record, decode, objects
from agentcost.ingest.parts import digest_of
from agentcost.model import ROOT, Item, Kind, Knowledge, Other, Place, Request, Segment, Skipped, Usage


class Times(msgspec.Struct, frozen=True):
    """When a call started, gave its first token and ended; `naive` where a zone was missing."""

    started: float | None = None
    first_token: float | None = None
    ended: float | None = None
    naive: bool = False


class Exported(msgspec.Struct, frozen=True):
    """A call to a model, its body and answer in the dialect `api`. Without a growing list nothing was recorded of it.

    `hides` says that the body lacks something that was sent, such as the tools.
    """

    provider: str
    model: str
    usage: Usage | None
    api: Api = openai_chat.API
    body: Body | None = None
    answer: Body | None = None
    id: str = ""
    identity: Identity = msgspec.field(default_factory=Identity)
    times: Times = msgspec.field(default_factory=Times)
    cost: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    role: str = "main"
    tier: str = ""
    hides: bool = False

    @property
    def messages(self) -> list[Body]:
        """The growing list of the body; a bare text is one user message."""
        given = (self.body or {}).get(self.api.growing)
        if isinstance(given, str):
            return [{"role": "user", "content": given}]
        return [item for item in given if isinstance(item, dict)] if isinstance(given, list) else []


Tell = Callable[[Body], Iterable[Exported | str]]
"""Gives the calls that a record tells of, or what it is that is no call."""


def read_calls(source: Source, hand: Hand, name: str, told: Tell) -> Iterator[Item]:
    """The items of a log in the format `name`."""
    for record in objects(source):
        if record.reason:
            yield Skipped(record.place, record.reason)
        else:
            yield from checked(record.place, partial(_items, record, hand, name, told))


def _items(record: Record, hand: Hand, name: str, told: Tell) -> Iterator[Item]:
    for number, call in enumerate(told(record.value)):
        if isinstance(call, str):
            yield Other(record.place, call)
        else:
            yield request_of(call, record.place, hand, name, number)


class Pair(msgspec.Struct, frozen=True):
    """A body in the dialect of an API, and its answer in the same dialect."""

    api: Api
    body: Body
    answer: Body | None


def pair_of(body: Any, answer: Any, model: str = "", url: str = "") -> Pair | None:
    """A recorded body and its answer, each a value or its text; None where no API would take the body."""
    asked = object_of(body)
    if model:
        asked = {"model": model, **asked}
    found = envelopes.find_body({"request": {"body": asked, "url": url}})
    if found is None:
        return None
    return Pair(found.api, found.body, envelopes.answer_of({"response": {"body": answer}}, found.api))


def request_of(call: Exported, where: Place, hand: Hand, name: str, number: int = 0) -> Request | Skipped:
    """The request that a call is, in the format `name`; a Skipped where nothing tells its length.

    `number` tells it from other calls of its record: two that are equal and have no id are two calls.
    """
    messages, calls = call.messages, Calls(model=call.model)
    if not messages and call.usage is None:
        return Skipped(where, "has neither messages nor usage; turn on the recording of one of them, or leave it out")
    if messages:
        declared = call.api.head({**(call.body or {}), "model": call.model})
        head = advance(hand.grow, State(_start(call, hand)), [declared], call.model)[-1]
        states = advance(hand.grow, head, call.api.elements(messages, 0, calls), call.model)
        state = states[-1]
    else:
        state = State(hand.grow(ROOT, [_unknown(call, where, number)], call.model)[-1])
    reply = call.api.answer(call.answer, calls) if messages and call.answer else []
    answer = hand.grow(state.node, reply, call.model)
    return _request(call, where, name, state, answer[-1] if answer else None)


def _start(call: Exported, hand: Hand) -> int:
    """The node behind what the export hides and the user captured."""
    return hand.grow(ROOT, hand.prefix, call.model)[-1] if call.hides and hand.prefix else ROOT


def _unknown(call: Exported, where: Place, number: int) -> Segment:
    """A prompt of which only the length is known: it shares nothing with any other."""
    own = (call.id, str(call.times.ended), call.identity.session)
    mark = digest_of("exported", where.source, str(where.offset), *own, *([str(number)] if number else []))
    return Segment("messages", "", Kind.UNKNOWN, mark, tokens=call.usage.prompt if call.usage else 0)


def _request(call: Exported, where: Place, name: str, state: State, answer: int | None) -> Request:
    settings = call.api.settings(call.body or {})
    known = Knowledge.TRANSCRIPT if call.hides else Knowledge.FULL
    who = call.identity
    return Request(
        place=where,
        format=name,
        knowledge=known if call.messages else Knowledge.COUNTS,
        provider=call.provider,
        model=call.model,
        node=state.node,
        api=call.api.name,
        id=call.id,
        session=who.session,
        user=who.user,
        project=who.project,
        client=who.client,
        task=who.task,
        role=call.role,
        tier=call.tier or served_tier(call.answer, settings),
        started=call.times.started,
        first_token=call.times.first_token,
        ended=call.times.ended,
        naive_time=call.times.naive,
        usage=call.usage,
        recorded_cost=call.cost,
        answer=answer,
        finished=call.answer is not None or call.usage is not None,
        breakpoints=state.breakpoints,
        settings=tuple(sorted((settings | served_settings(call.answer, settings)).items())),
        labels=call.labels,
    )


def checked(where: Place, read: Callable[[], Iterable[Item]]) -> list[Item]:
    """What `read` makes of a record; a Skipped where it meets a value of another type than its format has there."""
    try:
        return list(read())
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
        return [Skipped(where, f"{WRONG_TYPE} ({error})")]


def opened(value: Any) -> Any:
    """The JSON in a text that is an object or a list; every other value as it is."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return value
    try:
        return decode(value.encode("utf-8", "surrogatepass"))
    except ValueError:
        return value


def object_of(value: Any) -> Body:
    """An object, also where it is kept as text; empty where there is none."""
    found = opened(value)
    return found if isinstance(found, dict) else {}


def objects_of(value: Any) -> list[Body]:
    """The objects of a list, also where it, or each, is kept as text; one object is a list of itself."""
    found = opened(value)
    items = [opened(item) for item in found] if isinstance(found, list) else [found]
    return [item for item in items if isinstance(item, dict)]


def text_at(holder: Body, *keys: str) -> str:
    """The first of these that is a text with something in it."""
    return next((value for key in keys if isinstance(value := holder.get(key), str) and value), "")


def cost_at(holder: Body, *keys: str) -> str:
    """The first of these that is a price; 0 is unknown, for tracers write it where they know no price."""
    for key in keys:
        value = holder.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and value:
            return str(value)
        if isinstance(value, str) and value.replace(".", "", 1).isdecimal() and float(value):
            return value
    return ""
