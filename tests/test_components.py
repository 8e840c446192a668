"""A part put into a request: its component grows by the part's tokens, the overhead by the template's, nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache

import pytest
from tests.dialects import ANTHROPIC, CHAT, GEMINI, MEMORY, RESPONSES, SUMMARY, TWIN, Body, Dialect
from tests.forms import BILLED, FORMS, Form, captured, escaped, paired
from tests.reading import memory_source

from agentcost.analyze import evaluate
from agentcost.loading.logs import Reading, load_logs
from agentcost.model import Kind
from agentcost.rendering import FOOTER, HEADER, claude_call
from agentcost.results import KIND_COLUMNS
from agentcost.tokens import (
    Shape,
    Template,
    counter,
    document_tokens,
    encoding_of,
    image_tokens,
    overhead,
    template_of,
)

Components = dict[Kind, int]
"""Tokens of every component that has any."""


@dataclass(frozen=True, eq=False)
class Case:
    """A dialect, a model behind it, and how many messages the base request has in that dialect."""

    dialect: Dialect
    model: str
    messages: int

    @property
    def base(self) -> Body:
        """The base request to this model."""
        return {**deepcopy(self.dialect.base), "model": self.model}

    def with_part(self, kind: Kind) -> Body:
        """The base request with one part of this kind more."""
        body = self.base
        self.dialect.add[kind][0](body)
        return body

    @property
    def openai(self) -> bool:
        """Whether a system text is a message and tools are one text; the others have places of their own."""
        return self.dialect in (CHAT, RESPONSES)


CASES = {
    "exact, chat": Case(CHAT, "gpt-4o", 4),
    "exact, responses": Case(RESPONSES, "gpt-4o", 5),
    "Claude": Case(ANTHROPIC, "claude-sonnet-4-5", 3),
    "Claude, new tokenizer": Case(ANTHROPIC, "claude-opus-4-8", 3),
    "Gemini": Case(GEMINI, "gemini-2.5-pro", 3),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
PARTS = [(name, kind) for name, case in CASES.items() for kind in case.dialect.add]


# --- as the program measures it ------------------------------------------------------------------------------------


def measured(records: Sequence[Body]) -> list[Components]:
    """The components of every request of a log of these records, in their order."""
    log = memory_source("log.jsonl", "".join(json.dumps(record) + "\n" for record in records))
    tables = evaluate(load_logs([log], Reading(threads=False))).tables
    assert tables["sources"].select("requests", "skipped").rows() == [(len(records), 0)]
    rows = tables["requests"].sort("line").iter_rows(named=True)
    return [{kind: row[name] for kind, name in KIND_COLUMNS.items() if row[name]} for row in rows]


@cache
def alone(case: Case) -> dict[Kind | None, Components]:
    """The base request (None) and the base with each part put into it, each measured as a log of its own."""
    bodies: dict[Kind | None, Body] = {None: case.base, **{kind: case.with_part(kind) for kind in case.dialect.add}}
    return {kind: measured([body])[0] for kind, body in bodies.items()}


# --- as it is done by hand -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """A text (behind another of the same block), or the tokens of what is no text."""

    kind: Kind
    text: str = ""
    lead: str = ""
    tokens: int = 0

    def count(self, model: str) -> int:
        """Its tokens, behind what leads it."""
        tokenizer = counter(encoding_of(model).name)
        return self.tokens or tokenizer.count(self.lead + self.text) - tokenizer.count(self.lead)


def tools(case: Case, *names: str) -> list[Part]:
    """Definitions in their order; OpenAI renders them into one text."""
    texts = [case.dialect.tool_text(name) for name in names]
    leads = [HEADER, *texts] if case.openai else [""] * len(texts)
    kinds = [Kind.MCP_TOOL if "__" in name else Kind.TOOL for name in names]
    return [Part(*row) for row in zip(kinds, texts, leads, strict=False)]


def called_text(case: Case, name: str) -> str:
    """A call without arguments, as the dialect shows it: the name opens the result as well."""
    if case.openai:
        return f"{name}\n{{}}\n.{name}"
    return f"{name} {name}" if case.dialect is GEMINI else claude_call(name, {})


def by_hand(case: Case, more: Sequence[Part] = (), *, system: Sequence[Part] = (), tool: str = "",
            messages: int = 0, calls: int = 0, replies: int = 0) -> Components:  # fmt: skip
    """The components of the base request, and of what was put behind its tools, its system prompt, its messages."""
    names = ["read_file", "bash", *([tool] if tool else [])]
    said = [Part(Kind.USER, "Hello"), Part(Kind.ASSISTANT, "Hi")]
    called = [Part(Kind.TOOL_CALL, called_text(case, name)) for name in names[:2]]
    path = [*tools(case, *names), Part(Kind.SYSTEM, "You help."), *system, *said, *called, *more]
    found: Components = {}
    for part in path:
        found[part.kind] = found.get(part.kind, 0) + part.count(case.model)
    shape = Shape(
        messages=case.messages + messages - case.openai, systems=int(case.openai), replies=1 + replies,
        tools=len(names), calls=2 + calls, more_calls=0 if case.dialect is RESPONSES else 1,
    )  # fmt: skip
    template = template_of(case.model, case.dialect.api.name)
    around = overhead(template, shape)
    for kind, frame in frames(template, shape, path):
        found[kind] += frame
        around -= frame
    return {kind: count for kind, count in (found | {Kind.OVERHEAD: around}).items() if count}


def frames(template: Template, shape: Shape, path: Sequence[Part]) -> Iterator[tuple[Kind, int]]:
    """What the template puts around every tool and call is part of it."""
    yield from ((part.kind, template.per_tool) for part in path if part.kind in (Kind.TOOL, Kind.MCP_TOOL))
    yield Kind.TOOL_CALL, template.per_call * shape.calls + template.per_more_calls * shape.more_calls


def with_part_by_hand(case: Case, kind: Kind) -> Components:
    """What the base request with one part more has, from what the dialect says of the part."""
    text = case.dialect.add[kind][1]
    if kind in (Kind.TOOL, Kind.MCP_TOOL):
        return by_hand(case, tool="grep" if kind is Kind.TOOL else "mcp__github__list_issues")
    if kind is Kind.SYSTEM and not case.openai:
        return by_hand(case, system=[Part(kind, text)])
    media = {
        Kind.IMAGE: image_tokens(case.model, 2, 3, "low" if case.dialect is CHAT else "auto"),
        Kind.DOCUMENT: document_tokens(case.model, 1),
    }
    return by_hand(case, [Part(kind, text, tokens=media.get(kind, 0))], messages=1, calls=int(kind is Kind.TOOL_CALL))


def grown(before: Components, after: Components) -> Components:
    """By how much each component differs."""
    return {kind: after.get(kind, 0) - before.get(kind, 0) for kind in {*before, *after}
            if after.get(kind, 0) != before.get(kind, 0)}  # fmt: skip


# --- the law -------------------------------------------------------------------------------------------------------


@every_case
def test_the_base_request_is_its_parts(case: Case) -> None:
    assert alone(case)[None] == by_hand(case)


@pytest.mark.parametrize(("name", "kind"), PARTS)
def test_a_part_grows_its_component_by_its_tokens_and_the_overhead_by_the_templates(name: str, kind: Kind) -> None:
    case = CASES[name]
    before, after = alone(case)[None], alone(case)[kind]
    assert after == with_part_by_hand(case, kind)
    others = {other: tokens for other, tokens in grown(before, after).items() if other not in (kind, Kind.OVERHEAD)}
    assert not others
    assert after[kind] > before.get(kind, 0)


AROUND = {"exact, chat": (4, 4, 0), "exact, responses": (4, 4, 0), "Claude": (3, 3, 0),
          "Claude, new tokenizer": (3, 3, 0), "Gemini": (0, 0, 0)}  # fmt: skip
FRAMES = {"exact, chat": (4, -1), "exact, responses": (4, -1), "Claude": (24, 8),
          "Claude, new tokenizer": (24, 21), "Gemini": (2, 0)}  # fmt: skip


@pytest.mark.parametrize(("name", "around"), AROUND.items(), ids=list(AROUND))
def test_the_overhead_of_a_message_a_call_and_a_tool(name: str, around: tuple[int, int, int]) -> None:
    found = alone(CASES[name])
    grew = [grown(found[None], found[kind]).get(Kind.OVERHEAD, 0) for kind in (Kind.USER, Kind.TOOL_CALL, Kind.TOOL)]
    assert tuple(grew) == around


@pytest.mark.parametrize(("name", "frame"), FRAMES.items(), ids=list(FRAMES))
def test_what_stands_around_a_call_and_a_tool_is_part_of_it(name: str, frame: tuple[int, int]) -> None:
    case, found = CASES[name], alone(CASES[name])
    grew = {kind: found[kind][kind] - found[None].get(kind, 0) for kind in (Kind.TOOL_CALL, Kind.TOOL)}
    texts = {
        Kind.TOOL_CALL: Part(Kind.TOOL_CALL, case.dialect.add[Kind.TOOL_CALL][1]).count(case.model),
        Kind.TOOL: tools(case, "read_file", "bash", "grep")[-1].count(case.model),
    }
    for kind, around in zip(texts, frame, strict=True):
        assert grew[kind] == texts[kind] + around


@every_case
def test_all_in_one_log_are_what_they_are_alone(case: Case) -> None:
    wanted = alone(case)
    bodies = [case.base, *(case.with_part(kind) for kind in case.dialect.add)]
    assert measured(bodies) == [wanted[None], *(wanted[kind] for kind in case.dialect.add)]


def test_openai_counts_all_tools_as_one_text() -> None:
    case = CASES["exact, chat"]
    texts = [case.dialect.tool_text(name) for name in ("read_file", "bash", "mcp__github__list_issues")]
    with_server = alone(case)[Kind.MCP_TOOL]
    whole = counter("o200k_base").count(HEADER + "".join(texts) + FOOTER)
    frame = counter("o200k_base").count(HEADER + FOOTER)
    around = len(texts) * template_of(case.model, case.dialect.api.name).per_tool
    assert with_server[Kind.TOOL] + with_server[Kind.MCP_TOOL] == whole - frame + around


@every_case
def test_parts_join_where_all_are_put_in(case: Case) -> None:
    body = case.base
    for add, _ in case.dialect.add.values():
        add(body)
    parts = [grown(alone(case)[None], alone(case)[kind]) for kind in case.dialect.add]
    for kind, tokens in measured([body])[0].items():
        wanted = alone(case)[None].get(kind, 0) + sum(part.get(kind, 0) for part in parts)
        assert tokens == wanted, kind


# --- twins, and pieces of one block --------------------------------------------------------------------------------

TWINS = (
    TWIN,
    f"What came of this? {SUMMARY}",
    "The following skills are available: pdf",
    "Read CLAUDE.md, then <environment_context>",
    "mcp__github__list_issues",
)


@every_case
def test_what_lacks_the_mark_stays_what_it_is(case: Case) -> None:
    bodies = [case.base for _ in TWINS]
    for body, text in zip(bodies, TWINS, strict=True):
        body[case.dialect.api.growing].append(case.dialect.user(text))
    wanted = [by_hand(case, [Part(Kind.USER, text)], messages=1) for text in TWINS]
    assert measured(bodies) == wanted


@every_case
def test_a_tool_with_one_underscore_behind_mcp_is_no_servers(case: Case) -> None:
    body = case.base
    body["tools"].append(case.dialect.tool("mcp_x"))
    assert measured([body]) == [by_hand(case, tool="mcp_x")]


@every_case
def test_a_reminder_takes_its_own_share_of_a_block(case: Case) -> None:
    body, pieces = case.base, ("Look:\n", f"{MEMORY}\n", "Thanks, now go on.")
    body[case.dialect.api.growing].append(case.dialect.user("".join(pieces)))
    kinds = (Kind.USER, Kind.MEMORY, Kind.USER)
    parts = [Part(kind, text, "".join(pieces[:at])) for at, (kind, text) in enumerate(zip(kinds, pieces, strict=True))]
    assert measured([body]) == [by_hand(case, parts, messages=1)]


# --- the same request in every full format -------------------------------------------------------------------------

FORMED = [
    pytest.param(case, form, id=f"{name}-{form.__name__}")
    for form, dialects in FORMS for name, case in CASES.items() if case.dialect in dialects
]  # fmt: skip


@pytest.mark.parametrize(("case", "form"), FORMED)
def test_every_full_format_has_the_same_components(case: Case, form: Form) -> None:
    for kind, wanted in alone(case).items():
        [found] = measured([form(case.dialect, case.base if kind is None else case.with_part(kind))])
        billed = sum(wanted.values()) if form is escaped else BILLED
        unexplained = found.pop(Kind.UNEXPLAINED, 0)
        assert found == wanted, kind
        assert sum(found.values()) + unexplained == billed


@pytest.mark.parametrize("case", [CASES["exact, chat"], CASES["exact, responses"]], ids=["chat", "responses"])
def test_a_bill_of_zeros_is_no_bill(case: Case) -> None:
    record = paired(case.dialect, case.base)
    record["response"]["body"]["usage"] = dict.fromkeys(record["response"]["body"]["usage"], 0)
    assert measured([record]) == [alone(case)[None]]


@pytest.mark.parametrize("said", [(), ({"type": "text", "text": "I look."},)], ids=["calls", "text and calls"])
@pytest.mark.parametrize("calls", [1, 2, 3, 4])
def test_calls_made_at_once_cost_claude_something_once(calls: int, said: tuple[Body, ...]) -> None:
    case = CASES["Claude"]
    made = [{"type": "tool_use", "id": f"m{number}", "name": "bash", "input": {}} for number in range(calls)]
    body = case.base
    body["messages"].append({"role": "assistant", "content": [*said, *made]})
    text = Part(Kind.TOOL_CALL, claude_call("bash", {})).count(case.model)
    grew = grown(alone(case)[None], measured([body])[0])
    assert grew[Kind.TOOL_CALL] == calls * (text + 24) + (30 if calls > 1 else 0)
    assert grew[Kind.OVERHEAD] == 3


@pytest.mark.parametrize(
    ("model", "more"), [("gemini-2.0-flash", 0), ("gemini-2.5-flash", 1), ("gemini-3-pro-preview", 0)]
)
def test_an_answer_that_follows_a_schema_costs_gemini_2_5_a_token(model: str, more: int) -> None:
    """The schema itself is not billed."""
    body = {**CASES["Gemini"].base, "model": model}
    formed = {
        **body,
        "generationConfig": {"responseMimeType": "application/json", "responseSchema": {"type": "STRING"}},
    }
    before, after = measured([body])[0], measured([formed])[0]
    assert grown(before, after) == ({Kind.OVERHEAD: more} if more else {})


def test_content_that_is_stored_for_later_is_no_call() -> None:
    case = CASES["Gemini"]
    stored = captured(GEMINI, {**case.base, "ttl": "120s"})
    stored["request"]["url"] = "https://generativelanguage.googleapis.com/v1beta/cachedContents"
    lines = json.dumps(stored) + "\n" + json.dumps(case.base)
    sources = evaluate(load_logs([memory_source("log.jsonl", lines)], Reading(threads=False))).tables["sources"]
    assert sources.select("records", "requests", "others").rows() == [(2, 1, 1)]
