"""The HTTP server of the emulated API Gateway, and its access log."""

from __future__ import annotations

import ipaddress
import json
import time
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import IO, Any, cast

from werkzeug.serving import DechunkedInput
from werkzeug.wsgi import LimitedStream

from pipeline_contract.errors import ConfigurationError
from sandbox.api_gateway.apis import AccountFile
from sandbox.api_gateway.functions import Functions
from sandbox.api_gateway.gateway import MAX_BODY_BYTES, Gateway, Outcome
from sandbox.api_gateway.proxy_event import Answer, Received
from sandbox.api_gateway.throttling import Usage

HEALTH_PATH = "/_sandbox/health"
HEALTH = {"service": "millrace sandbox, emulated API Gateway"}
LOG_NAME = "access.log"
MAX_LINE_BYTES = 1 << 16
_READ_BYTES = 1 << 16


class AccessLog:
    """Lines of JSON, one for each request, whatever a stage's accessLogSettings say."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._lock = Lock()

    def write(self, received: Received, outcome: Outcome, latency_s: float) -> None:
        """Tell of a request that was answered; no header, key or body."""
        line = {
            "requestId": received.request_id,
            "ip": received.source_ip,
            "requestTime": received.moment.isoformat(timespec="milliseconds"),
            "httpMethod": received.method,
            "path": received.raw_path,
            "apiId": outcome.target.api.id if outcome.target else None,
            "stage": outcome.target.stage.name if outcome.target else None,
            "resourcePath": outcome.resource_path,
            "apiKeyId": outcome.api_key_id,
            "status": outcome.answer.status,
            "responseLength": len(outcome.answer.body),
            "responseLatency": round(latency_s * 1000),
            "error": outcome.cause or None,
        }
        with self._lock:
            self._file.write(f"{json.dumps(line, ensure_ascii=False)}\n")

    def close(self) -> None:
        """End it."""
        self._file.close()


class GatewayServer(ThreadingHTTPServer):
    """The gateway behind a socket, with a thread for each connection."""

    request_queue_size = 128

    def __init__(self, host: str, port: int, gateway: Gateway, log: AccessLog) -> None:
        self.gateway = gateway
        self.log = log
        super().__init__((host, port), GatewayRequestHandler)


class GatewayRequestHandler(BaseHTTPRequestHandler):
    """One connection, which is kept: werkzeug's server closes it after every request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: GatewayServer

    def handle_one_request(self) -> None:
        """Read the head of a request as its methods need, whatever the method is called, and answer it."""
        self.raw_requestline = self.rfile.readline(MAX_LINE_BYTES)
        if not self.raw_requestline:
            self.close_connection = True
        elif self.parse_request():
            self._answer()

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the signature is the library's
        """The access log tells of requests."""

    def _answer(self) -> None:
        if self.path == HEALTH_PATH:
            self._send(Answer(200, (("Content-Type", "application/json"),), json.dumps(HEALTH).encode()))
            return
        began_s = time.monotonic()
        received = self._read()
        outcome = self.server.gateway.handle(received)
        self.server.log.write(received, outcome, time.monotonic() - began_s)
        identity = ("x-amzn-RequestId", received.request_id)
        self._send(outcome.answer._replace(headers=(*outcome.answer.headers, identity)))

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in (
            *answer.headers,
            ("Date", self.date_time_string()),
            ("Content-Length", str(len(answer.body))),
        ):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _read(self) -> Received:
        raw_path, _, query = self.path.partition("?")
        address = self.client_address[0]
        added = {
            "X-Forwarded-For": address,
            "X-Forwarded-Port": str(self.server.server_address[1]),
            "X-Forwarded-Proto": "http",
        }
        return Received(
            method=self.command,
            raw_path=raw_path,
            query=query,
            headers=(*self.headers.items(), *added.items()),
            body=self._read_body(),
            source_ip=address,
            request_id=str(uuid.uuid4()),
            moment=datetime.now(UTC),
        )

    def _read_body(self) -> bytes:
        """The body; of one that is too large, one byte more than may be, and the rest is taken off the connection."""
        connection = cast(IO[bytes], self.rfile)
        is_chunked = self.headers.get("Transfer-Encoding", "").lower() == "chunked"
        length = int(self.headers.get("Content-Length") or 0)
        stream = DechunkedInput(connection) if is_chunked else LimitedStream(connection, length)
        body = bytearray()
        while part := stream.read(_READ_BYTES):
            body += part[: MAX_BODY_BYTES + 1 - len(body)]
        return bytes(body)


def serve(host: str, port: int, definitions: Path, state_dir: Path, endpoint_url: str, account_id: str) -> None:
    """Serve what the file in the folder `definitions` says until the process is told to end."""
    if not ipaddress.ip_address(host).is_loopback:
        raise ConfigurationError(
            f"{host} is not a loopback address: the emulated API Gateway serves this machine alone"
        )
    gateway = Gateway(AccountFile(definitions), Functions(endpoint_url), Usage(time.time), account_id)
    log = AccessLog(state_dir / LOG_NAME)
    server = GatewayServer(host, port, gateway, log)
    try:
        server.serve_forever()
    finally:
        server.server_close()
        log.close()
