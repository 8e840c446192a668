"""Prompts that are one text: legacy completions, Bedrock's text models, Ollama's and SGLang's `generate`.

| body | answer and its usage |
| --- | --- |
| OpenAI, vLLM `{"model", "prompt", "max_tokens"}` | `choices[].text`, `usage` |
| Ollama `{"model", "prompt", "system", "options"}` | `response`, `prompt_eval_count`, `eval_count` |
| SGLang `{"text", "sampling_params"}` | `text`, `meta_info{prompt_tokens, completion_tokens, cached_tokens}` |
| Llama `{"prompt", "max_gen_len"}` | `generation`, `prompt_token_count`, `generation_token_count` |
| Titan `{"inputText", "textGenerationConfig"}` | `results[].outputText`, `inputTextTokenCount` |
| Mistral `{"prompt", "max_tokens"}` | `outputs[].text` |
| Cohere `{"message", "chat_history"}`, `{"prompt", "p"}` | `text`, `generations[].text` |

What Bedrock streams ends with `amazon-bedrock-invocationMetrics`; where its answer has no usage the headers had it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from agentcost.ingest import parts
from agentcost.ingest.apis import openai_chat
from agentcost.ingest.apis.contract import Api, Body, Calls, Identity
from agentcost.ingest.apis.openai_content import identity_of
from agentcost.ingest.apis.openai_usage import usage_of
from agentcost.ingest.apis.parameters import as_text, chosen
from agentcost.ingest.counts import count_at
from agentcost.ingest.parts import Spot
from agentcost.model import Kind, Segment, Usage

_METRICS = "amazon-bedrock-invocationMetrics"
_SETTINGS = frozenset({"max_tokens", "options", "sampling_params", "textGenerationConfig", "service_tier", "think"})
_SIGNS: dict[str, frozenset[str]] = {
    "prompt": frozenset({
        "max_tokens", "max_tokens_to_sample", "max_gen_len", "temperature", "top_p", "top_k", "p", "k", "stop",
        "stream", "options", "keep_alive", "suffix", "logprobs", "num_generations",
    }),
    "inputText": frozenset({"textGenerationConfig"}),
    "message": frozenset({"chat_history", "preamble", "connectors", "p", "k", "max_tokens"}),
    "text": frozenset({"sampling_params"}),
}  # fmt: skip
"""Keys of a prompt, and what has to stand beside it: a text alone asks no model for anything."""

_OTHERS = ("messages", "input", "size", "quality", "voice", "negative_prompt", "aspect_ratio", "level", "taskType")
"""Signs of other APIs that take a prompt: images, speech; and of records of a logger."""

_TEXTS: tuple[tuple[str, str], ...] = (
    ("choices", "text"), ("results", "outputText"), ("outputs", "text"), ("generations", "text"),
)  # fmt: skip
_PIECES = ("response", "generation", "outputText", "completion", "text")
"""Where an answer's text stands: in the first of a list, or by itself (also one piece of a stream)."""


def _owns(key: str) -> Callable[[Body], bool]:
    def owns(body: Body) -> bool:
        given = body.get(key)
        asked = isinstance(given, str) or (isinstance(given, list) and all(isinstance(item, str) for item in given))
        if not asked or not given or any(other in body for other in _OTHERS):
            return False
        return ("model" in body or key == "text") and not _SIGNS[key].isdisjoint(body)

    return owns


def head(body: Body) -> list[Segment]:
    """The system prompt that goes before the text; of Cohere, the preamble."""
    text = body.get("system") or body.get("preamble")
    spot = Spot("system", "system", True)
    return parts.text_segments(spot, Kind.SYSTEM, text) if isinstance(text, str) and text else []


def elements(items: Sequence[Any], start: int, calls: Calls) -> list[list[Segment]]:
    """One list of segments per prompt; several prompts of one call are read as one."""
    given = [item if isinstance(item, dict) else {"role": "user", "content": str(item)} for item in items]
    return openai_chat.elements(given, start, calls)


def settings(body: Body) -> dict[str, str]:
    """What decides billing."""
    return as_text(chosen(body, _SETTINGS))


def identity(body: Body) -> Identity:
    """Who sent it, from parameters."""
    return identity_of(body, "", "", "")


def answers(answer: Body) -> bool:
    """A text where one of these APIs has it, or the metrics of one."""
    if any(_first_of(answer, key) for key, _ in _TEXTS if key != "choices"):
        return True
    choice = _first_of(answer, "choices")
    if choice is not None:
        return isinstance(choice.get("text"), str)
    return any(isinstance(answer.get(key), str) for key in _PIECES) and "error" not in answer


def _first_of(answer: Body, key: str) -> Body | None:
    listed = answer.get(key)
    first = listed[0] if isinstance(listed, list) and listed else None
    return first if isinstance(first, dict) else None


def usage(answer: Body) -> Usage | None:
    """Billed tokens under the names of these APIs."""
    metrics = answer.get(_METRICS)
    plain = count_at(metrics, "inputTokenCount") if isinstance(metrics, dict) else None
    if isinstance(metrics, dict) and plain is not None:
        return Usage(
            plain=plain,
            read=count_at(metrics, "cacheReadInputTokenCount") or 0,
            write=count_at(metrics, "cacheWriteInputTokenCount") or 0,
            output=count_at(metrics, "outputTokenCount"),
        )
    titan = _first_of(answer, "results") or {}
    meta = answer.get("meta_info")
    for prompt, output in (
        (answer.get("prompt_eval_count"), answer.get("eval_count")),
        (answer.get("prompt_token_count"), answer.get("generation_token_count")),
        (answer.get("inputTextTokenCount"), titan.get("tokenCount")),
    ):
        if isinstance(prompt, int):
            return usage_of({"prompt_tokens": prompt, "completion_tokens": output})
    return usage_of(meta if isinstance(meta, dict) else answer.get("usage"))


def answer(answer: Body, calls: Calls) -> list[Segment]:
    """The text as the message it would be in the next prompt."""
    return openai_chat.elements([{"role": "assistant", "content": _text(answer)}], 0, calls)[0]


def _text(answer: Body) -> str:
    for key, inner in _TEXTS:
        first = _first_of(answer, key)
        if first is not None:
            return str(first.get(inner) or "")
    return next((answer[key] for key in _PIECES if isinstance(answer.get(key), str)), "")


def assemble(events: Sequence[Body]) -> Body:
    """Pieces of text joined; what else the events tell, as the last of them has it. SGLang repeats what it said."""
    whole: Body = {}
    text = ""
    for event in events:
        piece = _text(event)
        text = piece if "meta_info" in event else text + piece
        whole.update({key: value for key, value in event.items() if value is not None})
    if not whole:
        return {}
    for key in ("choices", "results", "outputs", "generations", *_PIECES):
        whole.pop(key, None)
    return {**whole, "completion": text}


def _api(key: str) -> Api:
    return Api(
        name="completions",
        provider="openai",
        growing=key,
        stable=("system", "preamble"),
        owns=_owns(key),
        head=head,
        elements=elements,
        settings=settings,
        identity=identity,
        answers=answers,
        usage=usage,
        answer=answer,
        assemble=assemble,
    )


APIS: tuple[Api, ...] = tuple(_api(key) for key in _SIGNS)
"""One per key that a prompt may stand under."""
