"""The log formats that are read, the more particular first. A new format is a module and a line here."""

from agentcost.ingest import (
    captured,
    claude_code,
    codex,
    gemini_cli,
    kv_cache_tester,
    litellm,
    mini_swe_agent,
    mooncake,
    pi,
    swe_agent,
    table,
)
from agentcost.ingest.contract import Reader

READERS: tuple[Reader, ...] = (
    claude_code.READER,
    codex.READER,
    gemini_cli.READER,
    pi.READER,
    mini_swe_agent.READER,
    swe_agent.READER,
    kv_cache_tester.READER,
    mooncake.READER,
    litellm.READER,
    captured.READER,
    table.READER,
)
