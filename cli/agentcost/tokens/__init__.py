"""How long things are in tokens: text, media, and what a provider adds around them."""

from agentcost.tokens.claude import LIKE_CLAUDE
from agentcost.tokens.counters import Counter, Engine, counter
from agentcost.tokens.counts import Counts
from agentcost.tokens.encodings import Encoding, encoding_of, use_tokenizers
from agentcost.tokens.given import Given, given_of
from agentcost.tokens.media import document_tokens, image_tokens, state_tokens
from agentcost.tokens.templates import (
    Api,
    Choice,
    Shape,
    Template,
    built_in_tool_tokens,
    overhead,
    template_of,
    tool_overhead,
)

__all__ = [
    "LIKE_CLAUDE",
    "Api",
    "Choice",
    "Counter",
    "Counts",
    "Encoding",
    "Engine",
    "Given",
    "Shape",
    "Template",
    "built_in_tool_tokens",
    "counter",
    "document_tokens",
    "encoding_of",
    "given_of",
    "image_tokens",
    "overhead",
    "state_tokens",
    "template_of",
    "tool_overhead",
    "use_tokenizers",
]
