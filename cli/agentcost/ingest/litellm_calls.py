"""A call that LiteLLM made, and what its logs have in common: answers, messages, costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from agentcost.ingest.apis import APIS
from agentcost.ingest.apis.contract import Api, Body, Identity
from agentcost.ingest.exported import Times, object_of, opened
from agentcost.ingest.litellm_routes import Route
from agentcost.model import Knowledge, Usage

REDACTED = "redacted-by-litellm"
"""What stands for messages and answers where message logging is turned off."""


class Call(msgspec.Struct, frozen=True):
    """A call to a model. `growing` is the record's key for the list that is the body's `api.growing`.

    Where the messages were not logged, `body` lacks that list and the knowledge is of counts. `answer` is in the
    dialect `answer_api`. `folded` says that the tools stand in the system prompt, their results in user messages.
    """

    api: Api
    body: Body
    growing: str
    route: Route
    id: str
    identity: Identity
    times: Times
    cost: str
    labels: tuple[tuple[str, str], ...]
    usage: Usage | None
    answer: Body | None
    answer_api: Api
    knowledge: Knowledge = Knowledge.FULL
    folded: bool = False


def answer_in(api: Api, response: Any) -> tuple[Body | None, Api]:
    """The answer and its dialect: LiteLLM keeps some APIs' answers as they came and turns others into chat."""
    answer = object_of(response)
    for dialect in (api, *APIS):
        if dialect.answers(answer):
            return answer, dialect
    return None, api


def messages_of(given: Any) -> list[Body]:
    """The messages, one a dictionary; none where a note stands in their place."""
    if isinstance(given, str):
        held = opened(given) if given.startswith("[{") else given
        given = held if isinstance(held, list) else [given]
    items = [
        item if isinstance(item, dict) else {"role": "user", "content": item}
        for item in (given if isinstance(given, list) else ())
    ]
    return [] if items and items[0].get("content") == REDACTED else items


def cost_of(value: Any) -> str:
    """The recorded cost; LiteLLM writes 0 where it knows no price, so 0 is unknown."""
    return str(value) if isinstance(value, int | float) and value and not isinstance(value, bool) else ""


def texts_of(value: Any) -> Sequence[str]:
    """The texts of a list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
