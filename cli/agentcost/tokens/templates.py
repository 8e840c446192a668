"""What a provider adds to a prompt around the text: message frames, tool prompts, tool choices."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

import msgspec
from msgspec.structs import replace

from agentcost.model import Basis
from agentcost.names import CLAUDE_NAME, GEMINI_NAME, bare_name
from agentcost.tokens.encodings import CHECKED

Api = Literal["anthropic", "openai-chat", "openai-responses", "gemini", "bedrock"]
Choice = Literal["auto", "none", "any", "named"]


class Template(msgspec.Struct, frozen=True):
    """Tokens around the text. Every figure is for one thing of its kind; a prompt may have any number.

    `per_message` includes the role's token; a system message has `per_system` in its place where that is set, and
    the assistant's text `per_reply` besides. `tools` is added once when there are tools, what opens and closes their
    list included, `tools_forced` in its place when the choice is `any` or `named`; then `choice_none` or
    `choice_named` for those choices, `system_adjust` when there is a system message, and `system_suffix` belongs to
    the first system message's text. Calls of tools add `per_call` besides the tokens of name and arguments, calls
    beside another `per_more_calls` on top, and a message of several `per_parallel` once; named messages `per_name`
    besides those of the name. `thinking` is added where the model is asked to think, `schema` where its answer has to
    follow one, `loaded` where tools joined the conversation on its way, `chosen` where Google is told how to choose
    tools.
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
    per_more_calls: int = 0
    per_parallel: int = 0
    per_system: int | None = None
    per_reply: int = 0
    thinking: int = 0
    schema: int = 0
    loaded: int = 0
    chosen: int = 0
    system_adjust: int = 0
    system_suffix: str = ""
    choice_none: int = 0
    choice_named: int = 0
    checked: str = CHECKED


class Shape(msgspec.Struct, frozen=True):
    """How many things of each kind a prompt has: what a template's overhead depends on.

    `messages` are all but the system's, `systems` those; `replies` the assistant's texts; `more_calls` the calls
    beside another block of a message, `parallel` the messages of several calls, `loaded` the tools that joined on
    the way.
    """

    messages: int
    systems: int = 0
    replies: int = 0
    tools: int = 0
    calls: int = 0
    more_calls: int = 0
    parallel: int = 0
    names: int = 0
    loaded: int = 0


def overhead(
    template: Template,
    shape: Shape,
    choice: Choice = "auto",
    *,
    thinking: bool = False,
    schema: bool = False,
    chosen: bool = False,
) -> int:
    """The tokens of a prompt of this shape that are no text."""
    per_system = template.per_message if template.per_system is None else template.per_system
    total = template.base + shape.messages * template.per_message + shape.systems * per_system
    total += shape.replies * template.per_reply + shape.names * template.per_name
    total += shape.calls * template.per_call + shape.more_calls * template.per_more_calls
    total += shape.parallel * template.per_parallel
    total += (template.thinking if thinking else 0) + (template.schema if schema else 0)
    total += (template.loaded if shape.loaded else 0) + (template.chosen if chosen and shape.tools else 0)
    return total + tool_overhead(template, shape.tools, choice, shape.systems > 0)


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
OBSERVED = "observed in recorded calls"

# Header and footer of the list of functions are 7 tokens; the published rule adds 9 to all of it.
OPENAI_CHAT = Template(
    3,
    4,
    16,
    "OpenAI cookbook; openai-chat-tokens 0.2.8",
    Basis.EXACT,
    per_name=1,
    per_call=4,
    system_adjust=-4,
    system_suffix="\n",
    choice_none=1,
    choice_named=4,
)
GPT_4O = replace(OPENAI_CHAT, source=f"OpenAI cookbook; {OBSERVED}", per_tool=-1)
OPENAI_UNSURE = replace(GPT_4O, basis=Basis.ESTIMATED)
# <|start|>role<|message|>…<|end|>, and <|channel|>final in what the assistant said: openai-harmony.
GPT_5 = replace(
    OPENAI_UNSURE,
    base=2,
    per_tool=-2,
    per_reply=2,
    per_call=11,
    choice_none=0,
    system_adjust=0,
    loaded=96,
    schema=28,
    source=f"harmony; {OBSERVED}",
)
# Chat Completions tells the small one how to use tools.
GPT_5_MINI_CHAT = replace(GPT_5, tools=98)
GPT_5_CODEX = replace(GPT_5, tools=103, source=AI_TOKENIZER)
GPT_5_CODEX_MINI = replace(GPT_5, tools=21, source=AI_TOKENIZER)
# Bedrock renders the functions of OpenAI's models in its own way.
GPT_5_BEDROCK = replace(GPT_5, tools=23)
GPT_OSS = replace(GPT_5, base=67, per_tool=-1, source=f"openai-harmony system preamble; {OBSERVED}")

# A tool stands in a tag, calls and results in one each. A message of one token is billed 8 (ctoc's report). Read off
# recorded prompts on 2026-11-26: of eleven with tools and without calls all are within 3 tokens; leaving out one
# recording in turn, 12 of 13 would have 7 a tool, and what is left out is half within 0.3 %. 24 a call is what recorded
# answers of a call alone are billed beyond its text, and what prompts grow by a call (two messages of 3 with it: 28 in
# 260 short turns of pi, 32 in 70 of Claude Code, by the median). Calls made at once add 30: two recorded prompts to the
# token; of 13 short turns of Claude Code with several calls six add 29 to 40, the others more (reminders it hides).
CLAUDE = Template(
    4, 3, 286, f"Anthropic docs, pricing; {OBSERVED}", tools_forced=406, per_tool=8, per_call=24, per_parallel=30,
    per_system=0, thinking=28, schema=185,
)  # fmt: skip
CLAUDE_NEW = replace(CLAUDE, per_tool=21)
# "\n\nHuman: …\n\nAssistant:" stands around these: 7 recorded pairs, to the token.
CLAUDE_2 = replace(CLAUDE, base=5, per_message=4)
# Recorded prompts of plain text are billed at the tokens of their text, or one more.
# A call is billed 2, and what it is signed with besides (`media.STATES`): two prompts without signatures.
GEMINI = Template(0, 0, 0, "observed, gemini-2.0-flash to gemini-3.5-flash", per_call=2)
NOVA = Template(-2, 2, 320, OBSERVED, per_tool=37, per_call=30, per_system=0)
PLAIN = Template(0, 0, 0, "one text, as it is")

API_TEMPLATES = {"anthropic": CLAUDE, "bedrock": CLAUDE, "gemini": GEMINI}

CLAUDE_TOOL_PROMPTS = (
    (r"opus-4\.8", CLAUDE_NEW, 290, 410),
    (r"opus-4\.7", CLAUDE_NEW, 675, 804),
    (r"sonnet-5(?![.\d])", CLAUDE_NEW, 354, 474),
    (r"(opus|sonnet)-4\.6", CLAUDE, 497, 589),
    (r"(opus|sonnet|haiku)-4\.5", CLAUDE, 496, 588),
    (r"(opus|sonnet)-4(\.[01])?(?![.\d])", CLAUDE, 313, 315),
    (r"haiku-3\.5", CLAUDE, 264, 355),
    (r"sonnet-3\.5-20240620", CLAUDE, 294, 261),
    (r"sonnet-3(?![.\d])", CLAUDE, 159, 235),
    (r"(opus|sonnet|haiku)-3", CLAUDE, 313, 315),
    (r"claude-(instant|v?[12]\b)", CLAUDE_2, 313, 315),
)
"""Model, template, tool prompt under auto or none, and under any or a named tool; those not listed have CLAUDE's."""


def fitted(base: int, per_message: int, tools: int, per_tool: int) -> Template:
    """A template from fitted constants, where `tools` holds one tool and `per_message` no role."""
    return Template(base, per_message + 1, tools - per_tool, AI_TOKENIZER)


TEMPLATES: tuple[tuple[str, str, Template], ...] = tuple(
    (pattern, api, template)
    for pattern, api, template in (
        (r"", "completions", PLAIN),
        *(
            (pattern, "", replace(base, tools=auto, tools_forced=forced))
            for pattern, base, auto, forced in CLAUDE_TOOL_PROMPTS
        ),
        (CLAUDE_NAME, "", CLAUDE_NEW),
        (r"gpt-?3\.5|gpt-35|gpt-4(?![.\do])", "", OPENAI_CHAT),
        (r"gpt-4", "", GPT_4O),
        (r"openai\.gpt-5", "openai-responses", GPT_5_BEDROCK),
        (r"gpt-5.*codex-mini", "openai-responses", GPT_5_CODEX_MINI),
        (r"gpt-5.*codex", "openai-responses", GPT_5_CODEX),
        (r"gpt-5-mini", "openai-chat", GPT_5_MINI_CHAT),
        (r"gpt-[56]", "", GPT_5),
        (r"openai\.gpt-oss", "", replace(GPT_OSS, base=63)),  # as Bedrock names it
        (r"gpt-oss", "", GPT_OSS),
        (r"gpt-|^o[134]\b|^codex", "", OPENAI_UNSURE),
        (r"gemini-3", "", replace(GEMINI, chosen=18)),
        (r"gemini-2\.5", "", replace(GEMINI, schema=1)),  # three recorded prompts, 2026-11-26
        (GEMINI_NAME, "", GEMINI),
        (r"nova-(micro|lite|pro|premier|2|sonic)", "", NOVA),
        (r"titan", "", Template(0, 3, 0, OBSERVED)),
        (r"llama-?v?3\.[1-3]", "", Template(25, 5, 0, f"Llama 3.1 chat template; {OBSERVED}")),
        (r"llama-?v?3(?!\d)|distill-llama", "", Template(5, 5, 0, "Llama 3 chat template")),
        (r"llama-4", "", Template(5, 5, 643, OBSERVED, per_call=28)),
        (r"[a-z]*stral\b|mixtral", "", Template(1, 2, 3, "Mistral v3 chat template")),
        (r"deepseek-v3\.1", "", fitted(7, 3, 143, 71)),
        (r"deepseek-v3\.2", "", fitted(3, 1, 142, 42)),
        (r"deepseek-v4", "", Template(81, 2, 212, f"{LITELLM}; {OBSERVED}", per_call=33)),
        (r"deepseek", "", Template(3, 2, 198, f"{LITELLM}; {OBSERVED}", per_call=30)),
        (r"qwen-?3\.5", "", Template(7, 5, 201, f"{LITELLM}; {AI_TOKENIZER}", system_adjust=-5)),
        (r"qwen.*coder", "", fitted(7, 4, 229, 24)),
        (r"qwen", "", Template(3, 5, 86, f"Qwen 3 chat template; {OBSERVED}")),
        (r"kimi|moonshot", "", fitted(6, 4, 33, 17)),
        (r"glm", "", replace(fitted(5, 3, 127, 28), source=f"{AI_TOKENIZER}; {OBSERVED}")),
        (r"minimax", "", replace(fitted(36, 4, 147, 51), source=f"{AI_TOKENIZER}; {OBSERVED}")),
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
