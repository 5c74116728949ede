"""The WSGI application around moto's: one request at a time, conditions that moto lacks, and every change mirrored."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from threading import Lock
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import FakeKey, s3_backends

from sandbox.aws.item_requests import READS, name_call
from sandbox.aws.json_calls import JsonCalls
from sandbox.aws.requests import AwsRequest, find_failed_copy_condition, is_receive, read_copy_source, read_request
from sandbox.aws.state import Mirror

HEALTH_PATH = "/_sandbox/health"
CONTROL_PATH = "/_sandbox/"
HEALTH = {"service": "millrace sandbox, emulated AWS"}
PRECONDITION_FAILED = """\
<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>PreconditionFailed</Code><Message>At least one of the pre-conditions you specified did not hold</Message>\
<Condition>{condition}</Condition></Error>"""

Header = tuple[str, str]
StartResponse = Callable[..., Any]
Answer = tuple[str, list[Header], list[bytes]]
# What answers a service's requests in the place of moto; it keeps its own state and its own locks.
Emulation = Callable[[AwsRequest, bytes], Answer]
# What a test or the sandbox itself asks of an emulation: method, the rest of the path, body.
Control = Callable[[str, str, bytes], Answer]


class Endpoint:
    """One AWS account behind one WSGI application.

    moto looks and then puts, and rebuilds lists while others append to them, so requests are handled one after the
    other (under Python's interpreter lock this costs next to nothing). Only ReceiveMessage, which may wait, runs
    beside, and the calls to Athena and to crawlers that moto has no answer to: those lock what they touch.
    A change is on disk before its answer leaves.
    """

    def __init__(
        self,
        mirror: Mirror,
        lock: Lock,
        emulations: Mapping[str, Emulation] | None = None,
        controls: Mapping[str, Control] | None = None,
    ) -> None:
        self.mirror = mirror
        self.lock = lock
        self.emulations = dict(emulations or {})
        self.controls = dict(controls or {})
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.json_calls = JsonCalls(mirror, self.lock)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        name, _, rest = path.removeprefix(CONTROL_PATH).partition("/")
        if path == HEALTH_PATH:
            answer = "200 OK", [("Content-Type", "application/json")], [json.dumps(HEALTH).encode()]
        elif path.startswith(CONTROL_PATH) and name in self.controls:
            answer = self.controls[name](environ["REQUEST_METHOD"], rest, read_body(environ))
        else:
            answer = self.handle(environ)
        status, headers, body = answer
        start_response(status, headers)
        return body

    def handle(self, environ: dict[str, Any]) -> Answer:
        """Answer one AWS request."""
        body = read_body(environ)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self.mirror.account_id
        request = read_request(environ)
        if request.service in self.emulations:
            return self.emulations[request.service](request, body)
        if is_receive(request, body):
            return call(self.moto, environ)
        own_answer = self.json_calls.answer(request, body)
        if own_answer is not None:
            return own_answer
        with self.lock:
            refusal = self.refuse_copy(request)
            if refusal is not None:
                return refusal
            answer = call(self.moto, environ)
            if request.changes_something and answer[0] < "4":
                self.save(request, body)
            return answer

    def save(self, request: AwsRequest, body: bytes) -> None:
        """Bring to disk what a request that succeeded has changed."""
        if request.service == "dynamodb":
            # The busiest of the services that moto answers, and the one whose calls touch nothing else.
            self.save_tables(request, body)
            return
        with self.mirror.commit_together():
            if request.service == "s3" and not request.is_part_of_an_upload:
                self.save_objects(request)
            if request.service == "cloudformation":
                self.mirror.save_buckets()
                self.mirror.tables.save_tables()
            if request.service in ("glue", "athena"):
                self.mirror.save_catalogs()
            self.mirror.save_queues()

    def save_tables(self, request: AwsRequest, body: bytes) -> None:
        """Save the items or the table that a request to DynamoDB was about."""
        name = name_call(request.headers.get("x-amz-target", ""))
        if name not in READS:
            with self.mirror.commit_together():
                self.mirror.tables.save(request.region, name, json.loads(body))

    def save_objects(self, request: AwsRequest) -> None:
        """Save the object, objects or bucket that a request to S3 was about."""
        if request.key:
            self.mirror.save_object(request.bucket, request.key)
        elif request.method == "POST":
            self.mirror.forget_deleted_objects(request.bucket)
        else:
            self.mirror.save_bucket(request.bucket)

    def refuse_copy(self, request: AwsRequest) -> Answer | None:
        """The refusal of a COPY whose conditions do not hold; None when it may go on."""
        source = read_copy_source(request)
        if source is None:
            return None
        condition = find_failed_copy_condition(
            request, self.find_etag(*source), self.find_etag(request.bucket, request.key)
        )
        if condition is None:
            return None
        body = PRECONDITION_FAILED.format(condition=condition).encode()
        return (
            "412 Precondition Failed",
            [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))],
            [body],
        )

    def find_etag(self, bucket_name: str, key_name: str) -> str | None:
        """The ETag of an object, or None where there is none."""
        bucket = s3_backends[self.mirror.account_id]["aws"].buckets.get(bucket_name)
        key = bucket.keys.get(key_name) if bucket is not None else None
        return key.etag if isinstance(key, FakeKey) else None


def read_body(environ: dict[str, Any]) -> bytes:
    """Take the whole body off the wire, before any lock is held, and leave it there for the next reader."""
    stream = environ["wsgi.input"]
    if environ.pop("wsgi.input_terminated", False):
        body: bytes = stream.read()
        environ.pop("HTTP_TRANSFER_ENCODING", None)
    else:
        body = stream.read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["CONTENT_LENGTH"] = str(len(body))
    environ["wsgi.input"] = BytesIO(body)
    return body


def call(application: Callable[..., Iterable[bytes]], environ: dict[str, Any]) -> Answer:
    """Call a WSGI application and take its whole answer."""
    begun: list[tuple[str, list[Header]]] = []

    def begin(status: str, headers: list[Header], _exc_info: object = None) -> None:
        begun.append((status, headers))

    chunks = application(environ, begin)
    try:
        body = list(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    status, headers = begun[-1]
    return status, headers, body
