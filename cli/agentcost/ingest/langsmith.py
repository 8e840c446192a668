"""LangSmith's runs, as its API and its SDKs give them: one JSON object a run.

    {"id": "u1", "run_type": "llm", "start_time": "2026-01-10T20:00:01", "inputs": {"messages": [[…]]},
     "outputs": {"generations": [[{"message": {"kwargs": {"content": "…", "usage_metadata": {…}}}}]]},
     "extra": {"metadata": {"ls_provider": "anthropic", "ls_model_name": "…"}, "invocation_params": {"tools": […]}}}

From its documentation. A run of type `llm` is one request, every other an Other. Messages are LangChain's, or the body
and answer of an API where its client was wrapped. Input includes what was cached.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentcost.ingest import retold
from agentcost.ingest.apis.contract import Body, Identity
from agentcost.ingest.apis.openai_usage import usage_of
from agentcost.ingest.contract import Hand, Origin, Peek, Reader, Source
from agentcost.ingest.exported import Exported, Times, cost_at, object_of, objects_of, pair_of, read_calls, text_at
from agentcost.ingest.litellm_routes import PROVIDERS, route
from agentcost.ingest.times import moment
from agentcost.model import Item, Knowledge, Usage

_TYPES = frozenset({"llm", "chain", "tool", "retriever", "embedding", "prompt", "parser"})


def sniff(peek: Peek) -> bool:
    """A run by its type, its start and its inputs, or a page of runs."""
    return any(_is_run(row) for record in peek.objects() for row in _rows(record))


def _rows(record: Body) -> list[Body]:
    return objects_of(record["runs"]) if isinstance(record.get("runs"), list) else [record]


def _is_run(row: Body) -> bool:
    return row.get("run_type") in _TYPES and "start_time" in row and ("inputs" in row or "outputs" in row)


def read(source: Source, hand: Hand) -> Iterator[Item]:
    """A request for every run of a model."""
    yield from read_calls(source, hand, READER.name, _told)


def _told(record: Body) -> Iterator[Exported | str]:
    for row in _rows(record):
        kind = text_at(row, "run_type")
        if kind != "llm":
            yield f"{kind} run" if kind else "record of another kind"
        else:
            yield _call(row)


def _call(row: Body) -> Exported | str:
    inputs, outputs, extra = (object_of(row.get(key)) for key in ("inputs", "outputs", "extra"))
    metadata, parameters = object_of(extra.get("metadata")), object_of(extra.get("invocation_params"))
    said = _answer(outputs)
    usage = _usage(row, outputs, said)
    if row.get("error") and usage is None:
        return "failed run"
    model = text_at(metadata, "ls_model_name") or text_at(parameters, "model", "model_name") or text_at(inputs, "model")
    pair = pair_of(inputs, outputs, model)
    if pair and pair.answer:
        told = retold.Told(pair.api, pair.body, pair.answer, hides=False)
    else:
        tools = retold.tools_of(parameters.get("tools") or inputs.get("tools") or [])
        answers = [{**message, "role": "assistant"} for message in retold.messages_of(said)]
        told = retold.told(model, retold.messages_of(inputs.get("messages", inputs.get("prompts"))), tools, answers)
    provider = text_at(metadata, "ls_provider").lower()
    (started, naive), (ended, _) = moment(row["start_time"]), moment(row.get("end_time"))
    first, _ = moment(row.get("first_token_time"))
    tags = sorted(tag for tag in row.get("tags") or [] if isinstance(tag, str) and not tag.startswith("seq:"))
    return Exported(
        provider=_PROVIDERS.get(provider, PROVIDERS.get(provider, provider)) or route("", "", model).provider,
        model=model,
        usage=usage,
        api=told.api,
        body=told.body,
        answer=told.answer,
        id=text_at(row, "id"),
        identity=Identity(
            session=text_at(metadata, "session_id", "thread_id", "conversation_id") or text_at(row, "trace_id"),
            user=text_at(metadata, "user_id"),
            project=text_at(row, "session_name") or text_at(metadata, "LANGSMITH_PROJECT", "project"),
            task=text_at(metadata, "task"),
        ),
        times=Times(started, first, ended, naive),
        cost=cost_at(row, "total_cost"),
        labels=(("tags", ",".join(tags)),) if tags else (),
        hides=told.hides,
    )


_PROVIDERS = {
    "google_genai": "google", "google_vertexai": "vertex", "amazon_bedrock": "bedrock", "azure": "azure",
    "mistralai": "mistral",
}  # fmt: skip
"""Our name of a provider by LangChain's, where LiteLLM has another."""


def _answer(outputs: Body) -> Any:
    """The message in an answer: LangChain's first generation, a message, or the text of one."""
    generations = outputs.get("generations")
    while isinstance(generations, list) and generations:
        generations = generations[0]
    if isinstance(generations, dict):
        return generations.get("message") or generations.get("text")
    return outputs.get("messages") or outputs.get("message") or outputs.get("content") or outputs.get("output")


def _usage(row: Body, outputs: Body, said: Any) -> Usage | None:
    """Billed tokens: of the message, of the outputs, of an API's answer, else of the run."""
    message = object_of(said)
    inner = object_of(message.get("kwargs")) or message
    metadata = object_of(inner.get("usage_metadata")) or object_of(outputs.get("usage_metadata"))
    if metadata:
        return _of_metadata(metadata)
    whole = object_of(outputs.get("usage")) or object_of(object_of(outputs.get("llm_output")).get("token_usage"))
    found = usage_of(whole)
    if found:
        return found
    details, spent = object_of(row.get("prompt_token_details")), object_of(row.get("completion_token_details"))
    return _of_metadata({
        "input_tokens": row.get("prompt_tokens"), "output_tokens": row.get("completion_tokens"),
        "total_tokens": row.get("total_tokens"), "input_token_details": details, "output_token_details": spent,
    })  # fmt: skip


def _of_metadata(counts: Body) -> Usage | None:
    """LangChain's usage metadata."""
    details, spent = object_of(counts.get("input_token_details")), object_of(counts.get("output_token_details"))
    return usage_of({
        "prompt_tokens": counts.get("input_tokens"), "completion_tokens": counts.get("output_tokens"),
        "total_tokens": counts.get("total_tokens"), "cache_read_input_tokens": details.get("cache_read"),
        "cache_creation_input_tokens": details.get("cache_creation"), "cache_creation": details,
        "completion_tokens_details": {"reasoning_tokens": spent["reasoning"]} if "reasoning" in spent else {},
    })  # fmt: skip


READER = Reader(
    name="langsmith",
    about="LangSmith runs (API, SDK): LangChain messages or wrapped clients' bodies",
    knowledge=Knowledge.FULL,
    example=(
        '{"id":"u1","run_type":"llm","start_time":"2026-01-10T20:00:01","inputs":{"model":"gpt-4.1","messages":[{"role":'
        '"user","content":"Hello"}]},"outputs":{},"prompt_tokens":8,"completion_tokens":3,"total_tokens":11}'
    ),
    identity=(
        "session: metadata session_id, thread_id, else the trace; user: metadata user_id; project: the session's name; "
        "task: metadata; tags are a label"
    ),
    sniff=sniff,
    read=read,
    origin=Origin.DOCUMENTED,
)
