"""The log formats that are read, the more particular first. A new format is a module and a line here."""

from agentcost.ingest import captured, kv_cache_tester, mooncake, table
from agentcost.ingest.contract import Reader

READERS: tuple[Reader, ...] = (
    kv_cache_tester.READER,
    mooncake.READER,
    captured.READER,
    table.READER,
)
