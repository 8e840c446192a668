"""`agentcost capture`: save one request of a client, so that a transcript's hidden prefix can be explained."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Annotated

import typer

from agentcost.errors import AgentcostError

_REFUSAL = b'{"type":"error","error":{"type":"invalid_request_error","message":"captured by agentcost"}}'

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
    if file.exists():
        raise AgentcostError(f"{file} exists; name another file, or remove it first")
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


class Receiver(HTTPServer):
    """Takes requests on the loopback interface until one carries tools; keeps its body and no header."""

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.body: bytes | None = None


_DECODERS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.decompress, "deflate": zlib.decompress}


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        body = _DECODERS.get(self.headers.get("content-encoding", ""), bytes)(body)
        if b'"tools"' in body:
            self.server.body = body
        self._refuse()

    def do_GET(self) -> None:
        self._refuse()

    do_HEAD = do_GET

    def _refuse(self) -> None:
        self.send_response(400)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(_REFUSAL)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(_REFUSAL)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not logged: they name what is private."""
