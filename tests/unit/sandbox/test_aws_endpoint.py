"""Requests to the AWS endpoint are handled one at a time, except those that wait for messages."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws.endpoint import HEALTH_PATH, Endpoint, read_body
from sandbox.aws.state import Mirror

THREADS = 8
MEETING_S = 0.3


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Endpoint]:
    """An endpoint whose moto may be replaced."""
    mirror = Mirror(tmp_path, "000000000000")
    yield Endpoint(mirror, threading.Lock())
    mirror.close()


def build_environ(path: str, **more: Any) -> dict[str, Any]:
    """A request with an empty body."""
    return {"REQUEST_METHOD": "PUT", "PATH_INFO": path, "QUERY_STRING": "", "wsgi.input": BytesIO(), **more}


def count_who_meet(endpoint: Endpoint, environ: Callable[[], dict[str, Any]]) -> int:
    """The most requests that were inside moto at one moment, each staying until another comes or some time has passed."""
    inside, most = 0, 0
    change = threading.Condition()

    def stay(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        nonlocal inside, most
        with change:
            inside += 1
            most = max(most, inside)
            change.notify_all()
            change.wait_for(lambda: most > 1, timeout=MEETING_S / THREADS)
            inside -= 1
        start_response("404 Not Found", [])
        return [b""]

    endpoint.moto = stay  # type: ignore[assignment]
    with ThreadPoolExecutor(THREADS) as pool:
        for answer in [pool.submit(endpoint, environ(), lambda *_: None) for _ in range(THREADS)]:
            answer.result()
    return most


def test_no_two_requests_to_s3_meet(endpoint: Endpoint) -> None:
    assert count_who_meet(endpoint, lambda: build_environ("/bucket/key")) == 1


def test_those_who_wait_for_messages_do_not_keep_others_out(endpoint: Endpoint) -> None:
    def build_receive() -> dict[str, Any]:
        return build_environ("/", REQUEST_METHOD="POST", HTTP_X_AMZ_TARGET="AmazonSQS.ReceiveMessage")

    assert count_who_meet(endpoint, build_receive) > 1


def test_health_is_answered_while_a_request_is_under_way(endpoint: Endpoint) -> None:
    begun: list[str] = []
    with endpoint.lock:
        body = b"".join(endpoint(build_environ(HEALTH_PATH), lambda status, _headers: begun.append(status)))
    assert begun == ["200 OK"]
    assert b"emulated AWS" in body


@pytest.mark.parametrize("chunked", [False, True], ids=["with length", "chunked"])
def test_the_body_is_there_for_the_next_reader(chunked: bool) -> None:
    head = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"} if chunked else {"CONTENT_LENGTH": "4"}
    environ: dict[str, Any] = {"wsgi.input": BytesIO(b"body"), **head}
    assert read_body(environ) == b"body"
    assert environ["CONTENT_LENGTH"] == "4"
    assert environ["wsgi.input"].read() == b"body"
