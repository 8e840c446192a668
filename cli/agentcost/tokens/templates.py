"""What a provider adds to a prompt around the text: message frames, tool prompts, tool choices."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

import msgspec
from msgspec.structs import replace

from agentcost.model import Basis
from agentcost.names import bare_name
from agentcost.tokens.encodings import CHECKED, CLAUDE_NAME

Api = Literal["anthropic", "openai-chat", "openai-responses", "gemini", "bedrock"]
Choice = Literal["auto", "none", "any", "named"]


class Template(msgspec.Struct, frozen=True):
    """Tokens around the text. Every figure is for one thing of its kind; a prompt may have any number.

    `per_message` includes the role's token. `tools` is added once when there are tools, `tools_forced` in
    its place when the choice is `any` or `named`; then `choice_none` or `choice_named` for those choices
    (the name of the chosen tool is text, counted by the caller), `system_adjust` when there is a system
    message, and `system_suffix` belongs to the first system message's text. Calls of tools add `per_call`
    besides the tokens of name and arguments, named messages `per_name` besides those of the name.
    """

    base: int
    per_message: int
    tools: int
    source: str
    basis: Basis = Basis.ESTIMATED
    tools_forced: int | None = None
    per_tool: int = 0
    per_name: int = 0
    per_call: int = 0
    system_adjust: int = 0
    system_suffix: str = ""
    choice_none: int = 0
    choice_named: int = 0
    checked: str = CHECKED


def overhead(
    template: Template,
    *,
    messages: int,
    tools: int = 0,
    choice: Choice = "auto",
    system: bool = False,
    names: int = 0,
    calls: int = 0,
) -> int:
    """The tokens of a prompt that are no text: of so many messages (the system message is one), tools…"""
    total = template.base + messages * template.per_message
    return (
        total + names * template.per_name + calls * template.per_call + tool_overhead(template, tools, choice, system)
    )


def tool_overhead(template: Template, tools: int, choice: Choice = "auto", system: bool = False) -> int:
    """The part of the overhead that is there because of tools; without tools there is none."""
    if tools == 0:
        return 0
    forced = choice in ("any", "named") and template.tools_forced is not None
    choices = {"none": template.choice_none, "named": template.choice_named}
    return (
        (template.tools_forced or 0 if forced else template.tools)
        + tools * template.per_tool
        + choices.get(choice, 0)
        + (template.system_adjust if system else 0)
    )


@lru_cache(maxsize=1024)
def template_of(model: str, api: str) -> Template:
    """The template of a model, called through an api; an unknown model gets the api's own."""
    name = bare_name(model)
    for pattern, only_api, template in TEMPLATES:
        if only_api in ("", api) and re.search(pattern, name):
            return template
    return API_TEMPLATES.get(api, OPENAI_UNSURE)


@lru_cache(maxsize=1024)
def built_in_tool_tokens(model: str, tool_type: str) -> int | None:
    """Tokens of a tool that Anthropic defines (`bash_20250124`) and a log names only by its type.

    The toolsets include their tool prompt. None for tools that are not of this kind.
    """
    name = bare_name(model)
    for type_pattern, model_pattern, count in BUILT_IN_TOOLS:
        if re.match(type_pattern, tool_type) and re.search(model_pattern, name):
            return count
    return None


AI_TOKENIZER = "ai-tokenizer 1.0.6, fitted"
LITELLM = "litellm 1.109.1"

OPENAI_CHAT = Template(
    3,
    4,
    9,
    "OpenAI cookbook; openai-chat-tokens 0.2.8",
    Basis.EXACT,
    per_name=1,
    per_call=3,
    system_adjust=-4,
    system_suffix="\n",
    choice_none=1,
    choice_named=4,
)
OPENAI_UNSURE = replace(OPENAI_CHAT, basis=Basis.ESTIMATED)
# The fits give tools 16 for gpt-4o, whose exact rule has 9: the differences to 16 go on top of 9.
GPT_5 = replace(OPENAI_UNSURE, base=5, per_message=5, tools=17, source=AI_TOKENIZER)
GPT_5_CODEX = replace(GPT_5, tools=96)
GPT_5_CODEX_MINI = replace(GPT_5, tools=14)

# Fits give 53 a tool with the JSON that stands around names and descriptions, about 40 of it; the log has
# that JSON, and it is counted as text.
CLAUDE = Template(6, 3, 286, f"Anthropic docs, pricing; {AI_TOKENIZER}", tools_forced=406, per_tool=12)
# Recorded prompts of plain text are billed at the tokens of their text, or one more.
GEMINI = Template(0, 0, 0, "observed, gemini-2.0-flash to gemini-3.5-flash")

API_TEMPLATES = {"anthropic": CLAUDE, "bedrock": CLAUDE, "gemini": GEMINI}

CLAUDE_TOOL_PROMPTS = (
    (r"opus-4\.8", 290, 410),
    (r"opus-4\.7", 675, 804),
    (r"sonnet-5(?![.\d])", 354, 474),
    (r"(opus|sonnet)-4\.6", 497, 589),
    (r"(opus|sonnet|haiku)-4\.5", 496, 588),
    (r"(opus|sonnet)-4(\.1)?(?![.\d])", 313, 315),
    (r"haiku-3\.5", 264, 355),
    (r"(opus|sonnet|haiku)-3|claude-(instant|v?[12]\b)", 313, 315),
)
"""Model, tool prompt under auto or none, and under any or a named tool; those not listed have CLAUDE's."""


def fitted(base: int, per_message: int, tools: int, per_tool: int) -> Template:
    """A template from fitted constants, where `tools` holds one tool and `per_message` no role."""
    return Template(base, per_message + 1, tools - per_tool, AI_TOKENIZER)


TEMPLATES: tuple[tuple[str, str, Template], ...] = tuple(
    (pattern, api, template)
    for pattern, api, template in (
        *(
            (pattern, "", replace(CLAUDE, tools=auto, tools_forced=forced))
            for pattern, auto, forced in CLAUDE_TOOL_PROMPTS
        ),
        (CLAUDE_NAME, "", CLAUDE),
        (r"gpt-?3\.5|gpt-35|gpt-4", "openai-chat", OPENAI_CHAT),
        (r"gpt-5.*codex-mini", "openai-responses", GPT_5_CODEX_MINI),
        (r"gpt-5.*codex", "openai-responses", GPT_5_CODEX),
        (r"gpt-5", "openai-responses", GPT_5),
        (r"gpt-oss", "", replace(OPENAI_UNSURE, base=65, source="openai-harmony system preamble, observed")),
        (r"gpt-|^o[134]\b|^codex", "", OPENAI_UNSURE),
        (r"gemini|gemma", "", GEMINI),
        (r"llama-?v?3(?!\d)|distill-llama", "", Template(5, 5, 0, "Llama 3 chat template")),
        (r"[a-z]*stral\b|mixtral", "", Template(1, 2, 0, "Mistral v3 chat template")),
        (r"deepseek-v3\.1", "", fitted(7, 3, 143, 71)),
        (r"deepseek-v3\.2", "", fitted(3, 1, 142, 42)),
        (r"deepseek", "", Template(3, 2, 222, f"{LITELLM}; {AI_TOKENIZER}")),
        (r"qwen-?3\.5", "", Template(7, 5, 201, f"{LITELLM}; {AI_TOKENIZER}", system_adjust=-5)),
        (r"qwen.*coder", "", fitted(7, 4, 229, 24)),
        (r"qwen", "", fitted(7, 4, 245, 56)),
        (r"kimi|moonshot", "", fitted(6, 4, 33, 17)),
        (r"glm", "", fitted(9, 3, 127, 28)),
        (r"minimax", "", fitted(40, 4, 147, 51)),
    )
)

BUILT_IN_TOOLS: tuple[tuple[str, str, int], ...] = tuple(
    (tool_type, model, count)
    for tool_type, model, count in (
        (r"bash_", r"(opus|sonnet|haiku)-(3|4(\.[0-6])?(?![.\d]))", 244),
        (r"bash_", r"", 325),
        (r"text_editor_", r"", 700),
        (r"computer_toolset_", r"sonnet-5(?![.\d])", 4_590),
        (r"computer_toolset_", r"", 4_520),
        (r"browser_toolset_", r"sonnet-5(?![.\d])", 6_670),
        (r"browser_toolset_", r"", 6_600),
        (r"computer_", r"", 735),
    )
)
"""Type, model, tokens (Anthropic docs, pricing, 2026-08-21)."""
