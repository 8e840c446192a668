"""Which component a piece of text is: each mark with its twin that lacks it, and digests that tell what differs."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcost.ingest import parts
from agentcost.ingest.parts import Spot
from agentcost.model import Ends, Kind, Segment

USER = Spot("messages", "user", opens=True, ends=Ends.BLOCK | Ends.MESSAGE, breakpoint="5m")
REMINDER = "<system-reminder>\nUse tabs.\n</system-reminder>"


def split(text: str, kind: Kind = Kind.USER, name: str = "") -> list[tuple[Kind, str, str]]:
    return [(segment.kind, segment.text, segment.name) for segment in parts.text_segments(USER, kind, text, name=name)]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Hello", [Kind.USER]),
        ("", [Kind.USER]),
        (REMINDER, [Kind.MEMORY]),
        (f"Hello\n{REMINDER}", [Kind.USER, Kind.MEMORY]),
        (f"{REMINDER}\nHello", [Kind.MEMORY, Kind.USER]),
        (f"{REMINDER}\n{REMINDER}\n", [Kind.MEMORY, Kind.MEMORY]),
        (f"a\n{REMINDER}\nb\n{REMINDER}", [Kind.USER, Kind.MEMORY, Kind.USER, Kind.MEMORY]),
        (f"  {REMINDER}  \nHello", [Kind.MEMORY, Kind.USER]),
        ("<environment_context>linux</environment_context>", [Kind.MEMORY]),
        ("<system-reminder>\n<available_skills>pdf</available_skills>\n</system-reminder>", [Kind.SKILL]),
        # twins: the same words without the mark
        (f"What is {REMINDER}", [Kind.USER]),
        (f"{REMINDER} is odd", [Kind.USER]),
        ("<system-reminder>\nnever closed", [Kind.USER]),
        ("never opened\n</system-reminder>", [Kind.USER]),
        ("<system-reminder>\nUse tabs.\n</environment_context>", [Kind.USER]),
        ("<reminder>\nUse tabs.\n</reminder>", [Kind.USER]),
        ("<System-Reminder>\nUse tabs.\n</System-Reminder>", [Kind.USER]),
        ("The following skills are available: pdf", [Kind.USER]),
        ("This session is being continued from a previous conversation. It was long.", [Kind.SUMMARY]),
        ("Note: This session is being continued from a previous conversation", [Kind.USER]),
    ],
)
def test_components_of_a_user_text(text: str, kinds: list[Kind]) -> None:
    assert [kind for kind, _, _ in split(text)] == kinds


@pytest.mark.parametrize("kind", [Kind.ASSISTANT, Kind.SYSTEM, Kind.THINKING, Kind.SUMMARY, Kind.DOCUMENT])
def test_only_what_users_and_tools_say_holds_reminders(kind: Kind) -> None:
    assert split(f"a\n{REMINDER}", kind) == [(kind, f"a\n{REMINDER}", "")]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Contents of /home/a/CLAUDE.md: tabs", "CLAUDE.md"),
        ("See AGENTS.md", "AGENTS.md"),
        ("CLAUDE.local.md", "CLAUDE.local.md"),
        ("README.md", "reminder"),
        ("CLAUDE.mdx", "reminder"),
        ("the claude.md file", "reminder"),
    ],
)
def test_memory_files_are_named(text: str, name: str) -> None:
    assert split(f"<system-reminder>\n{text}\n</system-reminder>") == [
        (Kind.MEMORY, f"<system-reminder>\n{text}\n</system-reminder>", name)
    ]


LINES = st.lists(
    st.sampled_from([REMINDER, "text", "", "<system-reminder>", "</system-reminder>", "é\ud83d", "x" * 1200]),
    max_size=8,
)


@given(LINES.map("\n".join), st.sampled_from([Kind.USER, Kind.TOOL_RESULT, Kind.FILE, Kind.ASSISTANT]))
def test_no_text_is_lost(text: str, kind: Kind) -> None:
    segments = parts.text_segments(USER, kind, text, name="Read", identity="c1")
    assert "".join(segment.text for segment in segments) == text
    assert [segment.opens_message for segment in segments] == [True] + [False] * (len(segments) - 1)
    assert [segment.ends for segment in segments] == [Ends.NOTHING] * (len(segments) - 1) + [USER.ends]
    assert [segment.breakpoint for segment in segments] == [""] * (len(segments) - 1) + ["5m"]
    before = ""
    for segment in segments:
        assert before.endswith(segment.lead)
        assert len(segment.lead) >= min(len(before), 1000)
        before += segment.text


@pytest.mark.parametrize(
    ("name", "server", "bare"),
    [
        ("mcp__github__list_issues", "github", "list_issues"),
        ("mcp__my_server__do__it", "my_server", "do__it"),
        ("mcp_github__list", "github", "list"),
        ("github__list_issues", "github", "list_issues"),
        ("my-server.x__list", "my-server.x", "list"),
        ("mcp_github_list", "", "mcp_github_list"),
        ("mcp__github", "mcp", "github"),
        ("list_issues", "", "list_issues"),
        ("__init__", "", "__init__"),
        ("read__", "", "read__"),
        ("", "", ""),
    ],
)
def test_names_of_mcp_tools(name: str, server: str, bare: str) -> None:
    assert parts.split_mcp(name) == (server, bare)


@pytest.mark.parametrize(
    ("tool", "kind"),
    [
        ("Read", Kind.FILE), ("read_file", Kind.FILE), ("mcp__files__read_file", Kind.FILE), ("fs__cat", Kind.FILE),
        ("Skill", Kind.SKILL), ("activate_skill", Kind.SKILL), ("reader", Kind.TOOL_RESULT), ("Bash", Kind.TOOL_RESULT),
        ("read-file", Kind.TOOL_RESULT), ("skills", Kind.TOOL_RESULT), ("", Kind.TOOL_RESULT),
    ],
)  # fmt: skip
def test_results_by_the_tool_that_gave_them(tool: str, kind: Kind) -> None:
    result = parts.tool_result(USER, tool, f"a.py\n{REMINDER}", "c1")
    reminded = [] if kind is Kind.SKILL else [(Kind.MEMORY, "reminder", "")]
    server = parts.split_mcp(tool)[0]
    assert [(segment.kind, segment.name, segment.server) for segment in result] == [(kind, tool, server), *reminded]


@pytest.mark.parametrize(
    ("name", "kind", "server"),
    [("Bash", Kind.TOOL, ""), ("Skill", Kind.SKILL, ""), ("mcp__a__b", Kind.MCP_TOOL, "a"), ("skills", Kind.TOOL, "")],
)
def test_definitions(name: str, kind: Kind, server: str) -> None:
    found = parts.tool_definition(Spot("tools", "system"), name, "{}")
    assert (found.kind, found.server, found.name) == (kind, server, name)
    assert parts.tool_definition(Spot("tools", "system"), name, "{}", server="s").kind is Kind.MCP_TOOL


# --- digests -------------------------------------------------------------------------------------------------------

BASE = parts.segment(USER, Kind.USER, "text", name="n", server="s", lead="l", identity="i")


def changed(**more: object) -> Segment:
    fields: dict[str, object] = {
        "kind": Kind.USER,
        "text": "text",
        "name": "n",
        "server": "s",
        "lead": "l",
        "identity": "i",
    }
    fields.update(more)
    spot = fields.pop("spot", USER)
    return parts.segment(spot, fields.pop("kind"), fields.pop("text"), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "more",
    [
        {"kind": Kind.FILE}, {"text": "texT"}, {"name": "m"}, {"server": "t"}, {"lead": "m"}, {"identity": "j"},
        {"spot": Spot("system", "user", True)}, {"spot": Spot("messages", "tool", True)},
        {"spot": Spot("messages", "user")}, {"name": "ns", "server": ""}, {"text": "texti", "identity": ""},
        {"lead": "", "text": "ltext"},
    ],
)  # fmt: skip
def test_what_the_model_sees_is_in_the_digest(more: dict[str, object]) -> None:
    assert changed(**more).digest != BASE.digest


@pytest.mark.parametrize("more", [{"breakpoint": ""}, {"breakpoint": "1h"}, {"ends": Ends.BLOCK}])
def test_marks_and_edges_are_not(more: dict[str, object]) -> None:
    spot = Spot("messages", "user", True, **more)  # type: ignore[arg-type]
    assert changed(spot=spot).digest == BASE.digest == changed().digest


@given(st.lists(st.text(max_size=3), max_size=4), st.lists(st.text(max_size=3), max_size=4))
def test_digests_of_parts_are_framed(left: list[str], right: list[str]) -> None:
    assert (parts.digest_of(*left) == parts.digest_of(*right)) == (left == right)
    assert len(parts.digest_of(*left)) == 16


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=5), st.just("\ud83d")),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=8,
)


@given(VALUES)
def test_the_canonical_form_is_free_of_space_and_escapes(value: object) -> None:
    for text in (json.dumps(value), json.dumps(value, indent=2, ensure_ascii=False), parts.canonical(value)):
        assert parts.canonical(json.loads(text)) == parts.canonical(value)


def test_the_canonical_form_keeps_the_order_of_keys() -> None:
    assert parts.canonical({"b": [2, 1], "a": "é"}) == '{"b":[2,1],"a":"é"}'


@pytest.mark.parametrize("text", ["[]", "1", "", "{", '"{}"'])
def test_what_is_no_object(text: str) -> None:
    with pytest.raises(ValueError):
        parts.json_object(text)


def test_closing_a_message() -> None:
    closed = parts.close_message([BASE, parts.segment(Spot("messages", "user"), Kind.USER, "b")])
    assert [bool(segment.ends & Ends.MESSAGE) for segment in closed] == [True, True]
    assert closed[1].ends == Ends.BLOCK | Ends.MESSAGE
    assert parts.close_message([]) == []
