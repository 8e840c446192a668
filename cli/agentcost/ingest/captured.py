"""Request bodies of provider APIs, bare or with their answers, as proxies and gateways capture them.

One line (or one JSON document) is one call:

    {"model": "claude-sonnet-4-5", "system": […], "tools": […], "messages": […]}
    {"request": {"url": "https://api.anthropic.com/v1/messages", "body": {…}}, "response": {"body": {…}}}

The body may be a string of JSON, the answer an event stream. Lines of one session repeat each other, and only
what is new in a line is parsed: see `skipping`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec import structs

from agentcost.ingest import envelopes
from agentcost.ingest.apis.contract import Api, Body, Calls, Identity
from agentcost.ingest.apis.diagnostics import diagnosis
from agentcost.ingest.apis.served import served_settings, served_tier
from agentcost.ingest.chains import Chains, Location, State, advance, guarded
from agentcost.ingest.contract import Hand, Peek, Reader, Source
from agentcost.ingest.envelopes import Found
from agentcost.ingest.http_bodies import Packed
from agentcost.ingest.json_values import Record, records
from agentcost.ingest.skipping import Cut, is_short
from agentcost.model import ROOT, Item, Knowledge, Other, Request, Skipped


class Context(msgspec.Struct, frozen=True):
    """What every line of a chain has in common.

    `before` is the node its prompt goes on from, `identity` what the values tell that are cut out of later lines. A
    body with other `keys` may be in another API's dialect.
    """

    api: Api
    path: tuple[str, ...]
    escaped: bool
    model: str
    stable: tuple[str, ...]
    before: int
    identity: Identity
    calls: Calls
    keys: frozenset[str]


class Prompt(msgspec.Struct):
    """A body that stands in the tree: its context, and its state behind what was read of it."""

    context: Context
    body: Body
    state: State


class Log(msgspec.Struct):
    """What reading one log remembers: chains of repeated lines, and answers that later bodies refer to."""

    hand: Hand
    answers: dict[str, int]
    chains: Chains = msgspec.field(default_factory=Chains)


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """Every record of the log as one item."""
    log = Log(hand, dict(hand.answers))
    for record in records(source, log.chains.shorten):
        yield guarded(record, partial(_call, log))


def read_pairs(pairs: Iterable[Record], hand: Hand, name: str) -> Iterator[Item]:
    """Calls that another format `name` holds, each as a record of a request and its response."""
    log = Log(hand, dict(hand.answers))
    for record in pairs:
        item = guarded(record, partial(_call, log))
        yield structs.replace(item, format=name) if isinstance(item, Request) else item


def _call(log: Log, record: Record) -> Item:
    if log.chains.cut:
        prompt = _continued(log, record, log.chains.cut)
        if prompt:
            return _request(log, record, prompt)
        record = record.whole()  # the zeros stand elsewhere: a look-alike, so nothing is known
    found = envelopes.find_body(record.value)
    if not found:
        return _no_request(record)
    prompt = _opened(log, record, found)
    return _request(log, record, prompt)


def _no_request(record: Record) -> Item:
    value = record.value
    if not isinstance(value, dict):
        return Skipped(record.place, "not a JSON object; one request per line is expected")
    if isinstance(envelopes.dig(value, ("request", "body")), Packed):
        return Skipped(record.place, envelopes.packed(value))
    url = envelopes.url_of(value)
    return Other(record.place, "call to another API" if url else "record without a request body")


def _opened(log: Log, record: Record, found: Found) -> Prompt:
    """A body read from its start."""
    api, body = found.api, found.body
    before, model = _before(log, body), str(body.get("model", ""))
    context = Context(
        api, found.path, found.inner is not None, model, api.stable, before, _repeated(record, found),
        Calls(model=model), frozenset(body),
    )  # fmt: skip
    head = api.head(body) if before == ROOT else []
    opened = advance(log.hand.grow, State(before), [head], model)[-1]
    prompt = Prompt(context, body, structs.replace(opened, messages=0))
    states = _grow(log, prompt, _items(body, api))
    log.chains.remember(record, Location(found.path, found.inner, api.growing, api.stable), states, context)
    return prompt


def _repeated(record: Record, found: Found) -> Identity:
    """What lines that go on from this one do not show again; from a short one none will."""
    if record.line is None or is_short(record.line):
        return Identity()
    api, body = found.api, found.body
    return api.identity({key: body[key] for key in (*api.stable, api.growing) if key in body})


def _before(log: Log, body: Body) -> int:
    """The node that a prompt goes on from: the answer it names, where the log holds that."""
    return log.answers.get(str(body.get("previous_response_id")), ROOT)


def _items(body: Body, api: Api) -> Sequence[Any]:
    """The growing list; a bare string is one user message."""
    items = body.get(api.growing)
    if isinstance(items, str):
        return [{"role": "user", "content": items}]
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _continued(log: Log, record: Record, cut: Cut) -> Prompt | None:
    """A body of which the part before `cut.boundary` is known; None where the cut does not hold."""
    context: Context = cut.chain.context
    body, inner = envelopes.body_at(record.value, context.path)
    growing = context.api.growing
    if body is None or (inner is not None) != context.escaped:
        return None
    envelopes.name_model(body, envelopes.url_of(record.value))
    same = str(body.get("model", "")) == context.model and _before(log, body) == context.before
    if not (same and context.keys == set(body) and cut.holds(body, growing)):
        return None
    prompt = Prompt(context, body, cut.boundary.state)
    states = _grow(log, prompt, _items({growing: body[growing][1:]}, context.api))
    log.chains.go_on(record, Location(context.path, inner, growing, ()), states)
    return prompt


def _grow(log: Log, prompt: Prompt, items: Sequence[Any]) -> list[State]:
    """Put messages behind the prompt; returns the state behind each."""
    context, state = prompt.context, prompt.state
    groups = context.api.elements(items, state.messages, context.calls)
    states = advance(log.hand.grow, state, groups, context.model)
    prompt.state = states[-1] if states else state
    return states


def _request(log: Log, record: Record, prompt: Prompt) -> Item:
    context, state, value = prompt.context, prompt.state, record.value
    api, url, status, answer = context.api, "", 0, None
    enveloped = bool(context.path) or not envelopes.AROUND.isdisjoint(value)
    if enveloped:
        url, status = envelopes.url_of(value), envelopes.status_of(value)
        answer = envelopes.answer_of(value, api)
    if "count" in url.rpartition("/")[2].lower() and "tokens" in url.lower():
        return Other(record.place, "token count")
    if status >= 400 and not answer:
        return Other(record.place, f"failed call (status {status})")
    if enveloped and (reason := envelopes.packed(value)):
        return Skipped(record.place, reason)
    sender = (envelopes.sender_of(value),) if enveloped else ()
    identity = envelopes.merged(*sender, api.identity(prompt.body), context.identity)
    started, ended, naive = envelopes.times_of(value) if enveloped else (None, None, False)
    request_id = _id_of(answer)
    reply = log.hand.grow(state.node, api.answer(answer, context.calls), context.model) if answer else []
    if request_id and reply:
        log.answers[request_id] = reply[-1]
    model = context.model or str((answer or {}).get("model", ""))
    settings = api.settings(prompt.body)
    settings |= served_settings(answer, settings) | diagnosis(answer)
    return Request(
        place=record.place,
        format=READER.name,
        knowledge=Knowledge.FULL,
        provider=envelopes.provider_of(url, api, model),
        model=model,
        node=state.node,
        api=api.name,
        id=request_id,
        session=identity.session,
        user=identity.user,
        project=identity.project,
        client=identity.client,
        task=identity.task,
        tier=served_tier(answer, settings),
        started=started,
        ended=ended,
        naive_time=naive,
        usage=api.usage(answer) if answer else None,
        recorded_cost=_cost_of(answer),
        answer=reply[-1] if reply else None,
        finished=answer is not None or not enveloped,
        breakpoints=state.breakpoints,
        settings=tuple(sorted(settings.items())),
    )


def _id_of(answer: Body | None) -> str:
    for key in ("id", "responseId"):
        if answer and isinstance(answer.get(key), str):
            return str(answer[key])
    return ""


def _cost_of(answer: Body | None) -> str:
    """What a gateway says that the call cost: OpenRouter puts it beside the tokens, in US dollars."""
    billed = (answer or {}).get("usage")
    cost = billed.get("cost") if isinstance(billed, dict) else None
    return str(cost) if isinstance(cost, int | float) and not isinstance(cost, bool) and cost else ""


def sniff(peek: Peek) -> bool:
    """A record that holds a request body at a place where captures put it, or the keys of one too long for the peek."""
    if peek.records:
        return any(envelopes.find_body(record) is not None for record in peek.objects())
    keys = set(peek.keys)
    bare = "model" in keys and keys & {"messages", "contents", "input"}
    return bool(bare or {"request", "request_body"} & keys)


READER = Reader(
    name="requests",
    about="Anthropic, OpenAI, Gemini, Bedrock, Ollama and compatible servers: request bodies, pairs, captures",
    knowledge=Knowledge.FULL,
    example='{"model":"claude-sonnet-4-5","max_tokens":1024,"messages":[{"role":"user","content":"Hello"}]}',
    identity=(
        "session: x-claude-code-session-id header, metadata.user_id, prompt_cache_key; user: metadata.user_id, user; "
        "project: the working directory in the system prompt; client: user-agent"
    ),
    sniff=sniff,
    read=read,
    standalone=True,
    unseen="Ollama, vLLM, SGLang and Azure",
)
