"""Cline and Roo Code: what a conversation sent, call by call, and the bills that lie beside it."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reading import FIXTURES, Growth, Reading, memory_source, read_all, read_file

from agentcost.ingest.cline import READER
from agentcost.ingest.cline_conversation import Bill, Conversation
from agentcost.ingest.formats import recognised
from agentcost.ingest.source import open_source
from agentcost.loading.logs import Reading as Choices
from agentcost.loading.logs import load_logs
from agentcost.model import Kind, Knowledge, Other, Skipped, Usage

FOLDER = FIXTURES / "cline"
HISTORY = "api_conversation_history.json"


def kinds(found: Reading, number: int) -> list[tuple[Kind, str, str]]:
    return [(part.kind, part.name, part.server) for part in found.tree.path(found.requests[number].node)]


def others(found: Reading) -> Counter[str]:
    return Counter(item.what for item in found.items if isinstance(item, Other))


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """A task's folder, as Cline keeps it."""
    folder = tmp_path / "1768075200000"
    folder.mkdir()
    for name in (HISTORY, "ui_messages.json"):
        shutil.copyfile(FOLDER / name, folder / name)
    return folder


def test_calls_in_text_have_the_bills_beside_them(task: Path) -> None:
    found = read_all(READER, open_source(task / HISTORY))
    first, second = found.requests
    assert (first.usage, second.usage) == (
        Usage(plain=10, write=1000, output=20), Usage(plain=300, read=1000, output=8),
    )  # fmt: skip
    assert [(call.provider, call.model) for call in (first, second)] == [
        ("anthropic", "claude-sonnet-4-5"), ("openai", "gpt-5"),
    ]  # fmt: skip
    assert kinds(found, 1) == [
        (Kind.USER, "", ""),
        (Kind.MEMORY, "reminder", ""),
        (Kind.ASSISTANT, "", ""),
        (Kind.TOOL_CALL, "execute_command", ""),
        (Kind.TOOL_RESULT, "execute_command", ""),
        (Kind.TOOL_RESULT, "execute_command", ""),
        (Kind.MEMORY, "reminder", ""),
    ]
    path = found.tree.path(second.node)
    assert path[2].text + path[3].text == json.loads((FOLDER / HISTORY).read_text())[1]["content"][0]["text"]
    assert path[3].lead == path[2].text
    assert (first.recorded_cost, first.session, first.started) == ("0.0041", task.name, 1768075201.0)
    assert first.knowledge is Knowledge.TRANSCRIPT
    assert others(found) == {"user message": 2}


def test_no_call_of_a_folder_counts_twice(task: Path) -> None:
    for names in ((HISTORY, "ui_messages.json"), ("ui_messages.json", HISTORY)):
        record = load_logs([open_source(task / name) for name in names], Choices(threads=False))
        assert [(request.knowledge, request.id) for request in record.ordered()] == [
            (Knowledge.TRANSCRIPT, f"{task.name}/{when}") for when in ("1768075201.000", "1768075204.000")
        ]  # fmt: skip
        assert sum(record.duplicates.values()) == 2


def test_a_conversation_alone_has_no_bills_and_one_that_fits_none_leaves_them_to_their_file(task: Path) -> None:
    alone = read_all(READER, memory_source(HISTORY, (FOLDER / HISTORY).read_bytes()))
    assert [call.usage for call in alone.requests] == [None, None]
    history = json.loads((task / HISTORY).read_text())
    (task / HISTORY).write_text(json.dumps([*history, history[1]]))  # an answer more than bills
    found = read_all(READER, open_source(task / HISTORY))
    assert not found.requests
    assert others(found) == {"message of the conversation; its bill is in ui_messages.json": 5}


def test_answers_are_paired_by_what_stood_before_them(task: Path) -> None:
    history, shown = (json.loads((task / name).read_text()) for name in (HISTORY, "ui_messages.json"))
    (task / HISTORY).write_text(json.dumps([*history, {"role": "user", "content": "Go on."}, history[1]]))
    billed = [message for message in shown if message.get("say") == "api_req_started"]
    billed[0]["conversationHistoryIndex"], billed[1]["conversationHistoryIndex"] = -1, 3
    (task / "ui_messages.json").write_text(json.dumps(shown))
    found = read_all(READER, open_source(task / HISTORY))
    assert [call.usage.prompt if call.usage else None for call in found.requests] == [1010, None, 1300]


def test_what_cline_cut_off_is_in_no_later_prompt(task: Path) -> None:
    shown = json.loads((task / "ui_messages.json").read_text())
    shown[3]["conversationHistoryDeletedRange"] = [1, 2]
    (task / "ui_messages.json").write_text(json.dumps(shown))
    found = read_all(READER, open_source(task / HISTORY))
    assert kinds(found, 1) == [(Kind.USER, "", ""), (Kind.MEMORY, "reminder", "")]


def test_roo_code_keeps_blocks_servers_pictures_and_summaries() -> None:
    found = read_file(READER, FOLDER / "roo_conversation.json")
    assert recognised(open_source(FOLDER / "roo_conversation.json").peek()) is READER
    assert not any(isinstance(item, Skipped) for item in found.items)
    assert [call.model for call in found.requests] == ["claude-sonnet-4-5", "claude-sonnet-4-5", "gpt-5"]
    assert kinds(found, 1) == [
        (Kind.USER, "", ""),
        (Kind.MEMORY, "reminder", ""),
        (Kind.THINKING, "", ""),
        (Kind.ASSISTANT, "", ""),
        (Kind.TOOL_CALL, "mcp--tracker--get_issue", "tracker"),
        (Kind.TOOL_RESULT, "mcp--tracker--get_issue", "tracker"),
        (Kind.IMAGE, "", ""),
        (Kind.USER, "", ""),
    ]
    assert kinds(found, 2) == [(Kind.SUMMARY, "", ""), (Kind.USER, "", ""), (Kind.MEMORY, "reminder", "")]
    last = found.requests[2]
    assert [part.kind for part in found.tree.path(last.answer or 0)][-2:] == [Kind.THINKING, Kind.ASSISTANT]
    assert (last.started, last.ended) == (1768080007.0, 1768080009.0)
    assert others(found) == {"user message": 3, "tool message": 1, "summary": 1, "reasoning message": 1}


@st.composite
def tasks(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A Roo Code conversation in which summaries and truncations hide messages, in any order."""
    messages: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 12))):
        role = draw(st.sampled_from(("user", "assistant")))
        names = {
            key: draw(st.sampled_from(("a", "b")))
            for key in ("condenseParent", "truncationParent") if draw(st.integers(0, 3)) == 0
        }  # fmt: skip
        if role == "user" and draw(st.integers(0, 2)) == 0:
            names[draw(st.sampled_from(("condenseId", "truncationId")))] = draw(st.sampled_from(("a", "b")))
        messages.append({"role": role, "content": f"message {number}", **names})
    return [*messages, {"role": "assistant", "content": "last"}]


@given(tasks(), st.lists(st.none() | st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=14, max_size=14))
def test_a_prompt_is_all_that_is_not_hidden(messages: list[dict[str, Any]], cuts: list[tuple[int, int] | None]) -> None:
    tree = Growth()
    talk, present = Conversation(tree.grow, ()), set[str]()
    for number, message in enumerate(messages):
        if message["role"] == "user":
            talk.hear(message)
            present |= {message[key] for key in ("condenseId", "truncationId") if key in message}
            continue
        cut = cuts[number]
        call = talk.ask(message, Bill(0.0, None, "", "m", "", cut=cut))
        shown = [
            f"message {place}" for place, other in enumerate(messages[:number])
            if present.isdisjoint({other.get("condenseParent"), other.get("truncationParent")})
            and not (cut and cut[0] <= place <= cut[1])
        ]  # fmt: skip
        assert [part.text for part in tree.path(call.node)] == shown
        assert tree.path(call.answer)[-1].text == message["content"]


CALLS: dict[str, tuple[dict[str, Any], list[tuple[Kind, str, str]]]] = {
    "an MCP call in text": (
        {"role": "assistant", "content": "<use_mcp_tool>\n<server_name>tracker</server_name>\n<tool_name>get_issue"
         "</tool_name>\n<arguments>{}</arguments>\n</use_mcp_tool> Done."},
        [(Kind.TOOL_CALL, "get_issue", "tracker"), (Kind.ASSISTANT, "", "")],
    ),
    "a call that was cut off": (
        {"role": "assistant", "content": "<write_to_file>\n<path>a.py"}, [(Kind.TOOL_CALL, "write_to_file", "")],
    ),
    "a tag that is no tool": (
        {"role": "assistant", "content": "Use <read> and <b>."}, [(Kind.ASSISTANT, "", "")],
    ),
    "a file and feedback": (
        {"role": "user", "content": [{"type": "text", "text": "[read_file for 'a.py'] Result:\nx = 1"},
                                     {"type": "text", "text": "<feedback>No.</feedback>"}]},
        [(Kind.FILE, "read_file", ""), (Kind.USER, "", "")],
    ),
    "an MCP server's result": (
        {"role": "user", "content": "[use_mcp_tool for 'tracker'] Result:"},
        [(Kind.TOOL_RESULT, "use_mcp_tool", "tracker")],
    ),
    "blocks of Anthropic's": (
        {"role": "assistant", "content": [
            {"type": "text", "text": "So:"},
            {"type": "tool_use", "id": "t", "name": "read_file", "input": {"path": "a"}},
        ]},
        [(Kind.ASSISTANT, "", ""), (Kind.TOOL_CALL, "read_file", "")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_messages(name: str) -> None:
    message, wanted = CALLS[name]
    log = [message | {"ts": 1}, {"role": "assistant", "content": "x", "ts": 3}]
    found = read_all(READER, memory_source(HISTORY, json.dumps(log)))
    assert not any(isinstance(item, Skipped) for item in found.items)
    assert kinds(found, -1) == wanted
