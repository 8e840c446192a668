"""The capture command: one request with tools is saved, refused, and never sent on."""

from __future__ import annotations

import gzip
import json
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from agentcost.commands.capture import capture
from agentcost.commands.receiver import Receiver
from agentcost.errors import AgentcostError

BODY = json.dumps(
    {"model": "claude-sonnet-4-5", "tools": [{"name": "Read", "input_schema": {}}], "messages": []}
).encode()


def post(port: int, body: bytes, encoding: str = "") -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/messages", body, {"content-encoding": encoding})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize(("sent", "encoding"), [(BODY, ""), (gzip.compress(BODY), "gzip")])
def test_saves_the_first_body_with_tools(sent: bytes, encoding: str) -> None:
    with Receiver(0) as server:
        statuses = []
        for body, how in ((b'{"model":"probe"}', ""), (sent, encoding)):
            thread = threading.Thread(
                target=lambda body=body, how=how: statuses.append(post(server.server_port, body, how))
            )
            thread.start()
            server.handle_request()
            thread.join()
        assert statuses == [400, 400]
        assert server.body == BODY


def test_listens_on_this_machine_only() -> None:
    with Receiver(0) as server:
        assert server.server_address[0] == "127.0.0.1"


def test_does_not_overwrite(tmp_path: Path) -> None:
    taken = tmp_path / "prefix.json"
    taken.write_text("{}")
    with pytest.raises(AgentcostError, match="exists"):
        capture(taken, 0)
