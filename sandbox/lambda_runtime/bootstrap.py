"""The program of a function's process: it loads the handler once, then answers one invocation after the other.

It knows the standard library alone, so that a deployment package brings all else. Invocations come on standard input and
answers leave on the file descriptor that the first argument names, each as a line of JSON and the bytes that it announces.
What the handler prints is its log. The end of standard input ends the process.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, BinaryIO

Handler = Callable[[Any, Any], Any]


class Context:
    """What a handler is told of its invocation: docs.aws.amazon.com/lambda/latest/dg/python-context.html."""

    def __init__(self, head: dict[str, Any]) -> None:
        self.aws_request_id: str = head["request_id"]
        self.invoked_function_arn: str = head["arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = None
        self.client_context = None
        self._deadline_s: float = head["deadline_s"]

    def get_remaining_time_in_millis(self) -> int:
        """How long the handler may still take."""
        return max(0, int((self._deadline_s - time.time()) * 1000))


def load_handler(name: str) -> Handler:
    """The function at a dotted path such as `package.module.function`; where it cannot be loaded, one that says so."""
    module, _, function = name.rpartition(".")
    try:
        found: Handler = getattr(importlib.import_module(module.replace("/", ".")), function)
    except Exception as error:
        traceback.print_exc()
        reason = f"Unable to import module {name!r}: {error}"
    else:
        return found

    def refuse(_event: object, _context: object) -> None:
        raise ImportError(reason)

    return refuse


def describe_error(error: BaseException, request_id: str) -> dict[str, Any]:
    """An exception as Lambda's Python runtime tells it to the caller."""
    stack = traceback.format_tb(error.__traceback__)
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "requestId": request_id,
        "stackTrace": stack,
    }


def answer_invocation(handler: Handler, head: dict[str, Any], payload: bytes) -> tuple[bool, bytes]:
    """Whether the handler failed, and its answer, or its error, as JSON."""
    began_s = time.monotonic()
    request_id = head["request_id"]
    log(f"START RequestId: {request_id} Version: $LATEST")
    failed = True
    try:
        answer = json.dumps(handler(json.loads(payload), Context(head)), ensure_ascii=False)
        failed = False
    except Exception as error:
        answer = json.dumps(describe_error(error, request_id))
        log(f"[ERROR] {type(error).__name__}: {error}\n{traceback.format_exc()}")
    duration_ms = (time.monotonic() - began_s) * 1000
    log(f"END RequestId: {request_id}\nREPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms")
    return failed, answer.encode()


def log(line: str) -> None:
    """Write to where the handler prints to."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def serve(invocations: BinaryIO, answers: BinaryIO, handler: Handler) -> None:
    """Answer invocations until there are no more."""
    while line := invocations.readline():
        head = json.loads(line)
        failed, answer = answer_invocation(handler, head, invocations.read(head["bytes"]))
        answers.write(json.dumps({"failed": failed, "bytes": len(answer)}).encode() + b"\n" + answer)
        answers.flush()


def main() -> None:
    """Load the handler that the environment names from the function's folder, and serve."""
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    with os.fdopen(int(sys.argv[1]), "wb") as answers:
        serve(sys.stdin.buffer, answers, load_handler(os.environ["_HANDLER"]))


if __name__ == "__main__":
    main()
