"""A server on this machine that takes one request and sends nothing on."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer

_REFUSAL = b'{"type":"error","error":{"type":"invalid_request_error","message":"captured by agentcost"}}'


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
