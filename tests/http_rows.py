"""A web service of rows on a free port of the loopback interface, for tests of sources behind HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE_ROWS = 7


@dataclass
class RowService:
    """What the service knows and was asked: rows of the feed, documents by path, how often to fail first."""

    address: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)
    documents: dict[str, bytes] = field(default_factory=dict)
    failures: int = 0
    offsets: list[int] = field(default_factory=list)

    def answer(self, path: str) -> tuple[int, bytes]:
        """The status and the body for a path."""
        if self.failures:
            self.failures -= 1
            return 503, b""
        parts = urlsplit(path)
        if parts.path in self.documents:
            return 200, self.documents[parts.path]
        if parts.path not in ("/rows", "/lines"):
            return 404, b""
        offset = int(parse_qs(parts.query)["after"][0])
        self.offsets.append(offset)
        page = self.rows[offset : offset + PAGE_ROWS]
        if parts.path == "/lines":
            return 200, b"".join(json.dumps(row).encode() + b"\r\n" for row in page)
        return 200, json.dumps(page, indent=1).encode()


@contextmanager
def serve_rows() -> Iterator[RowService]:
    """A running service."""
    service = RowService()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = service.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
