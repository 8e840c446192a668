"""`agentcost capture`: save one request of a client, so that a transcript's hidden prefix can be explained."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from agentcost.errors import AgentcostError

CLIENTS = """\
  ANTHROPIC_BASE_URL={url} claude -p hi
  codex exec -c model_provider=c -c 'model_providers.c={{name="c",base_url="{url}/v1",wire_api="responses"}}' hi
  GOOGLE_GEMINI_BASE_URL={url} gemini -p hi
"""
"""How each client is pointed at another address for one call."""


def capture(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the request body is written.")],
    port: Annotated[
        int, typer.Option("--port", metavar="N", help="The port on this machine; 0 takes a free one.")
    ] = 8787,
) -> None:
    """Listen on this machine, save the first request that carries tools, and stop. Nothing is sent on."""
    from agentcost.commands.receiver import Receiver  # noqa: PLC0415 — a server that no other command needs

    if file.exists():
        raise AgentcostError(f"{file} exists; name another file, or remove it first")
    if not file.absolute().parent.is_dir():
        raise AgentcostError(f"there is no folder {file.absolute().parent}; make it first, or name another file")
    try:
        server = Receiver(port)
    except OSError as error:
        raise AgentcostError(f"port {port} cannot be used ({error.strerror}); name another with --port") from error
    with server:
        url = f"http://127.0.0.1:{server.server_port}"
        sys.stderr.write(f"waiting on {url} for one request with tools; in another terminal, one of:\n")
        sys.stderr.write(CLIENTS.format(url=url))
        while server.body is None:
            server.handle_request()
    file.touch(mode=0o600)
    file.write_bytes(server.body)
    sys.stderr.write(f"saved; now: agentcost analyze LOG --prefix {file}\n")
