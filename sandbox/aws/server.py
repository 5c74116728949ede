"""The HTTP server of the emulated AWS endpoint."""

from __future__ import annotations

import ipaddress
import socket
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from moto.s3.models import FakeKey, S3Backend
from werkzeug.serving import make_server

from pipeline_contract.errors import ConfigurationError
from sandbox.api_gateway.control_plane import ControlPlane
from sandbox.api_gateway.service import DEFINITIONS
from sandbox.aws.endpoint import Answer, Emulation, Endpoint
from sandbox.aws.objects import Objects
from sandbox.aws.quicker_moto import make_moto_quicker
from sandbox.aws.requests import AwsRequest
from sandbox.aws.state import Mirror
from sandbox.firehose.service import Firehose
from sandbox.lambda_runtime.api import Call, LambdaApi
from sandbox.lambda_runtime.functions import FunctionStore
from sandbox.lambda_runtime.runtime import Runtime

# What a function is told; every region of the emulated account answers here.
REGION = "us-east-1"


class QuickRequestHandler(MotoRequestHandler):
    """moto's handler, which sends small answers at once and writes no line for each request."""

    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Requests that succeed are not worth a line; failures inside moto are logged by Flask."""


def tell_of_uploads_once() -> None:
    """Correct moto, which tells of a completed multipart upload twice: as such, as S3 does, and also as a PUT."""
    put_object = S3Backend.put_object

    def put_quietly_if_uploaded(backend: S3Backend, *arguments: Any, **named: Any) -> FakeKey:
        if named.get("multipart") is not None:
            named["disable_notification"] = True
        return put_object(backend, *arguments, **named)

    S3Backend.put_object = put_quietly_if_uploaded  # type: ignore[assignment,method-assign]


def serve(host: str, port: int, state_dir: Path, account_id: str) -> None:
    """Bring the saved state back and serve, one thread a connection, until the process is told to end."""
    if not ipaddress.ip_address(host).is_loopback:
        raise ConfigurationError(f"{host} is not a loopback address: the emulated AWS endpoint has no access control")
    tell_of_uploads_once()
    make_moto_quicker()
    mirror = Mirror(state_dir, account_id)
    mirror.load()
    folder = state_dir / "lambda"
    runtime = Runtime(folder, REGION, account_id, f"http://{host}:{port}")
    lock = Lock()
    objects = Objects(mirror, lock)
    functions = LambdaApi(FunctionStore(folder), runtime, objects.read)
    firehose = Firehose(state_dir / "firehose", account_id, objects.put)
    apis = ControlPlane(state_dir / DEFINITIONS)
    emulations = {"lambda": emulate_lambda(functions), "firehose": firehose.answer, "apigateway": apis.answer}
    endpoint = Endpoint(mirror, lock, emulations, {"firehose": firehose.control})
    server = make_server(host, port, endpoint, threaded=True, request_handler=QuickRequestHandler)
    server.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    firehose.start()
    try:
        server.serve_forever()
    finally:
        server.server_close()
        runtime.close()
        firehose.close()
        mirror.close()


def emulate_lambda(functions: LambdaApi) -> Emulation:
    """The emulated Lambda as the endpoint calls it."""

    def answer(request: AwsRequest, body: bytes) -> Answer:
        reply = functions.answer(Call(request.method, request.path, request.headers, body))
        headers = [*reply.headers.items(), ("Content-Length", str(len(reply.body)))]
        return f"{reply.status} {HTTPStatus(reply.status).phrase}", headers, [reply.body]

    return answer
