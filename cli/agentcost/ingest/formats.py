"""The log formats that are read, the more particular first; a reader is imported when a log may be in its format.

A new format is a module and a line here.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import msgspec

from agentcost.ingest.contract import Peek, Reader
from agentcost.ingest.json_values import BOM


class Format(msgspec.Struct, frozen=True):
    """A format: the module of its reader, and what a log must show for the reader to be asked.

    `signs` are beginnings of keys: a JSON log in the format has one of them in its first records. `bare`: a log that
    begins with no JSON may be in it too.
    """

    name: str
    module: str
    signs: tuple[str, ...]
    bare: bool = False

    @property
    def reader(self) -> Reader:
        """The reader, imported now."""
        reader: Reader = import_module(f"agentcost.ingest.{self.module}").READER
        return reader

    def may_be(self, keys: frozenset[str], bare: bool) -> bool:
        """Whether a log with these keys, or of bare text, may be in the format."""
        return (bare and self.bare) or any(key.startswith(self.signs) for key in keys)


FORMATS: tuple[Format, ...] = (
    Format("claude-code", "claude_code", ("parentUuid", "sessionId", "leafUuid", "messageId")),
    Format("codex", "codex", ("payload", "instructions")),
    Format("gemini-cli", "gemini_cli", ("projectHash",)),
    Format("pi", "pi", ("cwd", "message")),
    Format("opencode", "opencode", ("info", "sessionID"), bare=True),
    Format("cline", "cline", ("ts", "modelInfo", "role", "version", "encrypted_content")),
    Format("copilot-cli", "copilot_cli", ("parentId",)),
    Format("openhands", "openhands", ("stats", "metrics", "llm_metrics", "tool_call_metadata", "kind")),
    Format("aider", "aider", ("properties",)),
    Format("mini-swe-agent", "mini_swe_agent", ("info",)),
    Format("swe-agent", "swe_agent", ("history", "trajectory")),
    Format("tau-bench", "tau_bench", ("traj", "simulations")),
    Format("kv-cache-tester", "kv_cache_tester", ("hash_id_scope",)),
    Format("mooncake", "mooncake", ("input_length",)),
    Format("lmcache", "lmcache", ("chunk_hashes",)),
    Format("inspect_ai", "inspect_ai", ("eval",), bare=True),
    Format("otel", "otel", ("resource", "attributes", "gen_ai.", "llm.", "ai.", "openinference.", "traceloop.")),
    Format("bedrock-log", "bedrock_log", ("schemaType", "logEvents", "message", "@message")),
    Format("helicone", "helicone", ("request_id", "data")),
    Format("langfuse", "langfuse", ("traceId", "trace_id", "observations", "data")),
    Format("langsmith", "langsmith", ("run_type", "runs")),
    Format("portkey", "portkey", ("ai_org",)),
    Format("har", "har", ("log",)),
    Format("vcr", "vcr", ("interactions", "http_interactions"), bare=True),
    Format("bill", "bills", ("data",), bare=True),
    Format("litellm", "litellm", ("call_type", "standard_logging_object", "kwargs", "backing_model")),
    Format("requests", "captured", ("",)),
    Format("table", "table", (), bare=True),
)


def candidates(peek: Peek) -> Iterator[Format]:
    """The formats that a log may be in, in order."""
    keys = frozenset(peek.keys).union(*peek.objects())
    bare = peek.head.removeprefix(BOM).lstrip()[:1] not in (b"{", b"[")
    return (one for one in FORMATS if one.may_be(keys, bare))


def recognised(peek: Peek) -> Reader | None:
    """The reader of the first format that a log is in; None where it is in none."""
    return next((reader for one in candidates(peek) if (reader := one.reader).sniff(peek)), None)
