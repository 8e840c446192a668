"""How long things are in tokens: text, media, and what a provider adds around them."""

from agentcost.tokens.counters import Counter, Engine, counter
from agentcost.tokens.counts import Counts
from agentcost.tokens.encodings import Encoding, ascii_share, encoding_of, factor
from agentcost.tokens.media import document_tokens, image_tokens
from agentcost.tokens.templates import (
    Api,
    Choice,
    Template,
    built_in_tool_tokens,
    overhead,
    template_of,
    tool_overhead,
)

__all__ = [
    "Api",
    "Choice",
    "Counter",
    "Counts",
    "Encoding",
    "Engine",
    "Template",
    "ascii_share",
    "built_in_tool_tokens",
    "counter",
    "document_tokens",
    "encoding_of",
    "factor",
    "image_tokens",
    "overhead",
    "template_of",
    "tool_overhead",
]
