"""Words that a log may keep when it is shared: they are the same in everybody's logs and name nobody."""

from __future__ import annotations

import re
from functools import lru_cache

from agentcost.model import Kind
from agentcost.pricing import published
from agentcost.pricing.terms import LISTED_AS, MAKERS, ROUTERS, SELF_HOSTED


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TOOLS: dict[str, frozenset[str]] = {
    "Claude Code": _words(
        "Agent AskUserQuestion Bash BashOutput CronCreate CronDelete CronList Edit EnterPlanMode EnterWorktree "
        "ExitPlanMode ExitWorktree Glob Grep KillBash KillShell LS LSP ListMcpResourcesTool MultiEdit NotebookEdit "
        "NotebookRead Read ReadMcpResourceTool ScheduleWakeup SendMessage Skill SlashCommand StructuredOutput Task "
        "TaskCreate TaskGet TaskList TaskOutput TaskStop TaskUpdate TodoRead TodoWrite ToolSearch WebFetch WebSearch "
        "Write"
    ),
    "Codex": _words(
        "apply_patch close_agent container.exec exec_command list_mcp_resource_templates list_mcp_resources "
        "local_shell read_mcp_resource request_user_input resume_agent send_input shell shell_command spawn_agent "
        "unified_exec update_plan view_image wait wait_agent write_stdin"
    ),
    "Gemini CLI": _words(
        "activate_skill ask_user delegate_to_agent enter_plan_mode exit_plan_mode glob google_web_search grep_search "
        "list_directory read_file read_many_files replace run_shell_command save_memory search_file_content "
        "web_fetch write_file write_todos"
    ),
    "pi, OpenCode, Cline, OpenHands, SWE-agent": _words(
        "attempt_completion bash batch browser browser_action edit execute_bash execute_command execute_ipython_cell "
        "fetch_instructions finish find grep insert_content invalid list list_code_definition_names list_files "
        "lsp_diagnostics lsp_hover ls multiedit new_task patch plan_exit plan_enter question read replace_in_file "
        "search_files skill str_replace_editor submit switch_mode task task_tracker think todoread todowrite "
        "update_todo_list webfetch websearch write write_to_file"
    ),
    "run by providers": _words(
        "advisor bash_code_execution code_execution code_interpreter computer computer_use_preview file_search "
        "google_search googleSearch google_maps image_generation memory str_replace_based_edit_tool "
        "text_editor_code_execution tool_search tool_search_tool_bm25 tool_search_tool_regex url_context web_fetch "
        "web_search web_search_preview web_search_20250305"
    ),
}
"""Tools that come with a client or an API, by whose they are. A tool of an MCP server is never one of them."""

BUILT_IN = frozenset().union(*TOOLS.values())

TOOLED = frozenset({
    Kind.TOOL, Kind.MCP_TOOL, Kind.SKILL, Kind.TOOL_CALL, Kind.TOOL_RESULT, Kind.FILE,
})  # fmt: skip
"""Components whose segments are named after a tool or a skill."""

PARTS = frozenset({
    "reminder", "skill list", "response format", "demonstration", "CLAUDE.md", "CLAUDE.local.md", "AGENTS.md",
    "GEMINI.md", "MEMORY.md", "nested memory", "file", "compact file reference", "edited text file",
    "selected lines in ide", "opened file in ide", "mcp resource", "skill listing", "invoked skills", "dynamic skill",
    "todo", "todo reminder", "task reminder", "task status", "plan mode", "plan mode exit", "diagnostics",
    "hook success", "hook additional context", "output style", "deferred tools delta", "agent listing delta",
    "mcp instructions delta", "date change", "critical system reminder", "ultramemory", "relevant memories",
})  # fmt: skip
"""Names of parts of a prompt that clients and readers give."""

CLIENTS = _words(
    "claude-code cline codex copilot gemini-cli helicone inspect_ai kilo-code langfuse litellm mini-swe-agent opencode "
    "openhands pi qwen-code roo-code swe-agent tau-bench"
)
ROLES = _words("assistant developer function model system tool user main side subagent")
LABELS = _words("agent api_key_alias branch key observation region tags team")
"""Names of labels that readers give; their values are hashed."""

_SETTINGS = _words(
    # what a setting says
    "adaptive all any auto concise custom default detailed disabled dynamic enabled ephemeral explicit fast flex "
    "function global high implicit in-memory in_memory json json_object json_schema low max medium minimal mcp none "
    "not_available null off on on_demand optimized persistent priority relative required standard standard_only text "
    "tool true false us eu ultrafast batch latency xhigh hit miss 5m 30m 1h 12h 24h object "
    # the keys inside one
    "type name mode ttl effort summary budget_tokens display disable_parallel_tool_use allowed_tools tools format "
    "generate_summary context encrypted_content include schema strict thinkingBudget thinkingLevel includeThoughts "
    "functionCallingConfig allowedFunctionNames maxTokens temperature topP topK stopSequences latency edits trigger "
    "value keep clear_at_least exclude_tools input_tokens tool_uses clear_tool_uses_20250919 clear_thinking_20251015 "
    "compact_20260112 num_ctx num_predict seed auto_mode"
)
"""Values and inner keys of settings that decide caching, tier or billing."""

_REASONS = _words(
    "cache_hit cache_miss prefix_changed system_changed tools_changed messages_changed model_changed expired evicted "
    "too_short below_minimum not_found no_previous_request unknown previous_message_not_found unavailable"
)
"""Why a provider says it missed; every other word for it is hashed."""

_RECORDS = _words(
    "a a-day account agent and another answer answered api are asked asks attachment attempt attributes "
    "base_state.json bill billed body branch cache call calls change command compaction complete completion context "
    "conversation count custom cut day demonstration entry error evaluation event exit failed file final first for "
    "from function greeting header history hook in info input inspect's is item its kind last level limits local "
    "log marker mcp message messages meta model name no not note nothing of only operation other output own "
    "permission product progress prompt provider queue rate reasoning record records repeated request response "
    "result rewind role row run sample samples score session snapshot started status step stop sub-agent sum "
    "summary sums system task telemetry text that the thinking title to token tool turn type ui_messages.json "
    "unnamed update user was which without world"
)
"""Words of which the kinds of records that are no requests are made."""

_NUMBER = re.compile(r"-?\d+(?:\.\d+)*")
_PIXELS = re.compile(r"\d+(?:x\d+)?")
_MEDIA = _words("image document audio video low high auto original")


def is_tool(name: str, server: str) -> bool:
    """Whether a tool comes with a client or an API."""
    return not server and name in BUILT_IN


def is_setting(word: str) -> bool:
    """Whether a word of a setting says nothing about whose it is; numbers and versions do not."""
    return word in _SETTINGS or word in _REASONS or _NUMBER.fullmatch(word) is not None


def is_record(what: str) -> bool:
    """Whether the name of a kind of record is made of our words."""
    words = [word.strip(",;:()").lower() for word in what.split()]
    return all(word in _RECORDS or _NUMBER.fullmatch(word) for word in words)


@lru_cache(maxsize=1)
def _providers() -> frozenset[str]:
    listed = {*published.hosts(), *LISTED_AS, *LISTED_AS.values(), *SELF_HOSTED, *ROUTERS, *MAKERS.values()}
    hosts = _words("github groq mistral fireworks cerebras alibaba bedrock azure vertex google openai")
    return frozenset(listed | hosts)


def is_provider(name: str) -> bool:
    """Whether a provider is one that everybody can buy from."""
    return name.lower() in _providers()


_STATE = re.compile(r"state \d+")


def media_of(text: str) -> str:
    """Of what is told of an image or a document only its kind, size and detail; of encrypted reasoning its length."""
    if _STATE.fullmatch(text):
        return text
    return " ".join(word for word in text.split() if word in _MEDIA or _PIXELS.fullmatch(word))


_ACCOUNT, _PROFILE = re.compile(r":\d{12}:"), re.compile(r"(application-inference-profile/).+")


def public_part(model: str) -> str:
    """A model's name up to where it names an owner: not a folder, an account, or who tuned it.

    >>> public_part("/home/ann/models/Llama-3.1-8B")
    'Llama-3.1-8B'
    >>> public_part("ft:gpt-4.1-mini-2025-04-14:acme:support:B7xyz")
    'ft:gpt-4.1-mini-2025-04-14:'
    """
    if model.startswith(("/", "~", ".")) or "\\" in model:
        return re.split(r"[/\\]", model.rstrip("/\\"))[-1]
    if model.startswith("ft:"):
        return ":".join(model.split(":")[:2]) + ":"
    return _PROFILE.sub(r"\1", _ACCOUNT.sub(":000000000000:", model))
