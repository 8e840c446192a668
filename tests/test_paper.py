"""Generated sessions of "Don't Break the Cache" (arXiv 2601.06007) save what docs/dont-break-the-cache.md says.

The paper's logs are not public. What it states is generated as stated; what it does not is SESSION, our choice for
every strategy, and how much the model writes. Where a figure lies outside the published range the document says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Literal

import pytest
from tests.caching import Block, Forest
from tests.replacing import replace

from agentcost.cache.catalogue import policy_named
from agentcost.cache.families import policy_of
from agentcost.cache.policy import multipliers_of
from agentcost.cache.prompts import Prompt, Served

DOCUMENT = Path(__file__).parents[1] / "docs" / "dont-break-the-cache.md"
BEGIN = datetime(2026, 1, 9, tzinfo=UTC).timestamp()
RUNS = 40
PAUSE = 6.0
"""Seconds from request to request; a run follows the one before it after as many."""

Strategy = Literal["no_cache", "full_context", "system_prompt_only", "exclude_tool_results"]
CACHED: tuple[Strategy, ...] = ("full_context", "system_prompt_only", "exclude_tool_results")


@dataclass(frozen=True)
class Session:
    """A run of the web-search agent, in tokens: so many requests end in a search, one more in the answer."""

    system: int = 10_000
    question: int = 40
    searches: int = 2
    call: int = 40
    result: int = 120
    answer: int = 250
    random_id: int = 24


@dataclass(frozen=True)
class Reading:
    """What the paper may have done that its summaries do not say: `alone`, a run finds nothing of the one before it;
    `marked`, Claude's breakpoints stay where nothing is to be cached; `once`, an id is new in every run only."""

    alone: bool = False
    marked: bool = False
    once: bool = False


SESSION = Session()
STATED = Reading()
TALKATIVE = replace(SESSION, call=80, answer=500)
"""The same, where the model writes twice as much: no one session gives the figures of all models (the document shows
why), and each model wrote its own."""


@dataclass(frozen=True)
class Model:
    """Dollars per million tokens at list prices of January 2026, and the published range of savings in percent.

    `write` None: what is written is billed as input. `session` is what it makes of a run.
    """

    title: str
    provider: str
    name: str
    input: Decimal
    read: Decimal
    write: Decimal | None
    output: Decimal
    least: int
    most: int
    session: Session = SESSION


GPT_52 = Model("GPT-5.2", "openai", "gpt-5.2", Decimal("1.75"), Decimal("0.175"), None, Decimal(14), 79, 81)
SONNET_45 = Model(
    "Claude Sonnet 4.5", "anthropic", "claude-sonnet-4-5",
    Decimal(3), Decimal("0.30"), Decimal("3.75"), Decimal(15), 78, 79, TALKATIVE,
)  # fmt: skip
GPT_4O = Model("GPT-4o", "openai", "gpt-4o", Decimal("2.50"), Decimal("1.25"), None, Decimal(10), 46, 48)
MODELS = (GPT_52, SONNET_45, GPT_4O)


# ---------------------------------------------------------------- sessions


def content(session: Session, strategy: Strategy, run: int, turn: int, reading: Reading = STATED) -> list[Block]:
    """The prompt of a run's request. Random ids are new in every request; what the run has said stays."""
    system = [Block("system", session.system, "system")]
    ids = 0 if reading.once else turn
    random_id = Block(f"id {run}.{ids}", session.random_id, "system")
    if strategy == "no_cache":
        system = [random_id, *system]
    elif strategy != "full_context":
        system = [*system, random_id]
    talk = [Block(f"question {run}", session.question)]
    for search in range(turn):
        talk.append(Block(f"call {run}.{search}", session.call, run="calls", eligible=False))
        talk.append(Block(f"result {run}.{search}", session.result, run="results"))
        if strategy == "exclude_tool_results":
            talk.append(Block(f"id {run}.{ids}.{search}", session.random_id))
    return system + talk


def marks(model: Model, strategy: Strategy, reading: Reading = STATED) -> Sequence[int]:
    """Claude's breakpoints, as numbers of blocks: 1 is the system prompt, -1 the last block. Others need none."""
    if model.provider != "anthropic":
        return ()
    if strategy == "no_cache":  # behind the id and the system prompt
        return (2,) if reading.marked else ()
    return (1, -1) if strategy == "full_context" else (1,)


def served(model: Model, session: Session, strategy: Strategy, reading: Reading = STATED) -> list[Served]:
    """What the provider's cache makes of all runs, in their order."""
    forest, prompts = Forest(), list[Prompt]()
    for run in range(RUNS):
        for turn in range(session.searches + 1):
            at = BEGIN + PAUSE * len(prompts)
            blocks, placed = content(session, strategy, run, turn, reading), marks(model, strategy, reading)
            scope = f"{run}" if reading.alone else ""
            prompts.append(forest.prompt(blocks, at, placed, model=model.name, scope=scope))
    policy = policy_of(model.provider, model.name)
    assert policy
    return forest.serve(policy_named(policy), *prompts)


@cache
def dollars(model: Model, session: Session, strategy: Strategy, reading: Reading = STATED) -> Decimal:
    """What all runs cost: input, reads, writes and output."""
    total = Decimal(0)
    for request in served(model, session, strategy, reading):
        total += request.read * model.read + request.plain * model.input
        total += request.written * (model.input if model.write is None else model.write)
    return (total + RUNS * (session.searches * session.call + session.answer) * model.output) / 1_000_000


def saved(model: Model, session: Session, strategy: Strategy, reading: Reading = STATED) -> Decimal:
    """Percent of the cost without a cache."""
    without = dollars(model, session, "no_cache", reading)
    return 100 * (1 - dollars(model, session, strategy, reading) / without)


# ---------------------------------------------------------------- figures


def inside(model: Model, figure: Decimal) -> bool:
    """Whether a saving lies in the published range."""
    return model.least <= figure <= model.most


def cells(model: Model, session: Session, reading: Reading = STATED) -> list[str]:
    """The savings by strategy as the document shows them; `*`: outside the published range."""
    figures = [saved(model, session, strategy, reading) for strategy in CACHED]
    return [f"{figure:.1f}" + "*" * (not inside(model, figure)) for figure in figures]


def row(title: str, *columns: str) -> str:
    """A line of a table."""
    return "| " + " | ".join((title, *columns)) + " |"


def plain(model: Model, session: Session) -> list[str]:
    """The savings by strategy where no range is published."""
    return [f"{saved(model, session, by):.1f}" for by in CACHED]


LONGER = {
    "requests: 10 instead of 3": {"searches": 9},
    "results: 2,000 tokens instead of 120": {"result": 2_000},
    "both": {"searches": 9, "result": 2_000},
}
"""What is changed in longer sessions, with the names the document gives them."""

READINGS: dict[str, tuple[Session, Reading]] = {
    "every run writes the system prompt": (SESSION, Reading(alone=True)),
    "the same, 12 requests a run": (replace(SESSION, searches=11), Reading(alone=True)),
    "the same, 12 requests of a tenth": (
        replace(SESSION, searches=11, call=4, result=12, answer=25, random_id=2), Reading(alone=True)
    ),
    "Claude's breakpoints stay without a cache": (SESSION, Reading(marked=True)),
    "an id new in every run, not in every request": (SESSION, Reading(once=True)),
    "a fifth more tokens for the same words": (
        replace(SESSION, question=47, call=47, result=142, answer=295, random_id=28), STATED
    ),
}  # fmt: skip
"""Other readings of what was done, where all models write alike, with the names the document gives them."""

ROWS = (
    *(row(model.title, f"{model.least}–{model.most}", *cells(model, model.session)) for model in MODELS),
    row("Claude Sonnet 4.5, writing as little as GPT", "78–79", *cells(SONNET_45, SESSION)),
    *(
        row(f"{size:,}", model.title, *plain(model, replace(model.session, system=size)))
        for size in (500, 50_000)
        for model in MODELS
    ),
    row("500, 10 requests", "GPT-5.2", *plain(GPT_52, replace(SESSION, system=500, searches=9))),
    *(
        row(title, model.title, *plain(model, replace(model.session, **changes)))
        for title, changes in LONGER.items()
        for model in MODELS
    ),
    *(
        row(title, *(" ".join(cells(model, session, reading)) for model in MODELS))
        for title, (session, reading) in READINGS.items()
    ),
)


@pytest.mark.parametrize("line", ROWS)
def test_the_document_shows_what_is_simulated(line: str) -> None:
    assert line in DOCUMENT.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("strategy", CACHED)
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_sessions_save_what_was_published(model: Model, strategy: Strategy) -> None:
    assert inside(model, saved(model, model.session, strategy))


@pytest.mark.parametrize("strategy", CACHED)
def test_sonnet_saves_more_than_published_where_it_writes_as_little_as_gpt(strategy: Strategy) -> None:
    assert Decimal(82) < saved(SONNET_45, SESSION, strategy) < Decimal(84)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_policies_and_prices_agree(model: Model) -> None:
    policy = policy_of(model.provider, model.name)
    assert policy
    multipliers = multipliers_of(policy_named(policy), model.name)
    assert multipliers.read == model.read / model.input
    assert next(iter(multipliers.writes.values())) == (None if model.write is None else model.write / model.input)


def test_costs_are_those_worked_out_by_hand() -> None:
    # A run without a cache: 3 system prompts, ids and questions, then 1 + 2 calls with results; 330 tokens of output.
    run = (3 * (10_000 + 24 + 40) + 3 * (40 + 120)) * Decimal("1.75") + 330 * 14
    assert dollars(GPT_52, SESSION, "no_cache") == RUNS * run / 1_000_000
    # 120 requests: the system prompt is written once and read 119 times, the rest is plain.
    whole = 119 * 10_000 * Decimal("0.3") + 10_000 * Decimal("3.75") + (120 * 64 + 40 * 480) * 3 + 40 * 330 * 15
    assert dollars(SONNET_45, SESSION, "system_prompt_only") == whole / 1_000_000


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_an_id_before_the_system_prompt_leaves_nothing_to_read(model: Model) -> None:
    assert {(request.read, request.written) for request in served(model, SESSION, "no_cache")} == {(0, 0)}
