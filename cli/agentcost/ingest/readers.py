"""Every reader, imported: for those who list them or ask them all (see `formats` for one log's)."""

from agentcost.ingest.contract import Reader
from agentcost.ingest.formats import FORMATS

READERS: tuple[Reader, ...] = tuple(one.reader for one in FORMATS)
