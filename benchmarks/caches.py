"""Times the simulation of a log under every cache policy, beside reading that log in the same process.

python benchmarks/caches.py log.jsonl      # seconds of each step as JSON: read, measure, simulate under all policies
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from agentcost.caching.prompts import Asking
from agentcost.caching.run import under_every_policy
from agentcost.ingest.source import open_source
from agentcost.loading.logs import Reading, load_logs
from agentcost.study import study


def steps(path: Path) -> dict[str, float]:
    """Seconds of a cold read of the log, of measuring it and its own policy, and of all policies side by side."""
    start = time.process_time()
    record = load_logs([open_source(str(path))], Reading())
    loaded = time.process_time()
    found = study(record, Asking())
    ready = time.process_time()
    served = under_every_policy(found.run)
    done = time.process_time()
    return {
        "requests": len(record.requests), "nodes": len(record.tree), "policies": len(served),
        "read_s": round(loaded - start, 4), "measure_s": round(ready - loaded, 4), "step_s": round(done - ready, 4),
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(steps(Path(sys.argv[1]))))
