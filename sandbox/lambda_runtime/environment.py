"""One execution environment: a process that has loaded a function's handler and answers one invocation at a time."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.lambda_runtime.functions import Function

BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
LOG_TAIL_BYTES = 4096
# docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_ANSWER_BYTES = 6 * 1024 * 1024
_READ_BYTES = 1 << 16


@dataclass(frozen=True)
class Invocation:
    """How one invocation ended: the handler's answer or its error as JSON, and the end of its log."""

    payload: bytes
    failed: bool
    log_tail: bytes


class ExecutionEnvironment:
    """A function's process; started here, and gone with the endpoint that it answers, however that ends."""

    def __init__(self, function: Function, variables: Mapping[str, str], log: Path) -> None:
        self.function = function
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        answers, written = os.pipe()
        # A package must bring all that it imports, so its Python sees nothing installed here; a folder may rely on it.
        alone = ["-S"] if function.is_packaged else []
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - the command is ours
                [sys.executable, "-u", "-I", *alone, str(BOOTSTRAP), str(written)],
                cwd=function.code,
                env=dict(variables),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                pass_fds=(written,),
            )
        os.close(written)
        self._answers = answers

    @property
    def is_usable(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def invoke(self, request_id: str, arn: str, payload: bytes) -> Invocation:
        """Run the handler; a process that takes too long or ends is an error, and of no more use."""
        begin = self._log.stat().st_size
        deadline_s = time.monotonic() + self.function.timeout_s
        head = {
            "request_id": request_id,
            "arn": arn,
            "deadline_s": time.time() + self.function.timeout_s,
            "bytes": len(payload),
        }
        try:
            self._send(json.dumps(head).encode() + b"\n" + payload)
            failed, answer = self._receive(deadline_s)
        except TimeoutError:
            self.close()
            text = f"RequestId: {request_id} Error: Task timed out after {self.function.timeout_s:.2f} seconds"
            failed, answer = True, _describe("Sandbox.Timedout", text)
        except (EOFError, BrokenPipeError):
            self.close()
            text = f"RequestId: {request_id} Error: Runtime exited with status {self._process.returncode}"
            failed, answer = True, _describe("Runtime.ExitError", text)
        if len(answer) > MAX_ANSWER_BYTES:
            text = f"Response payload size exceeded maximum allowed payload size ({MAX_ANSWER_BYTES} bytes)."
            failed, answer = True, _describe("Function.ResponseSizeTooLarge", text)
        return Invocation(answer, failed, self._read_log(begin))

    def close(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(BrokenPipeError):
            assert self._process.stdin is not None  # noqa: S101 - it was asked for
            self._process.stdin.close()
        with contextlib.suppress(OSError):
            os.close(self._answers)

    def _send(self, data: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def _receive(self, deadline_s: float) -> tuple[bool, bytes]:
        received = b""
        while b"\n" not in received:
            received += self._read(deadline_s)
        line, _, begun = received.partition(b"\n")
        head = json.loads(line)
        parts, missing = [begun], head["bytes"] - len(begun)
        while missing > 0:
            parts.append(self._read(deadline_s))
            missing -= len(parts[-1])
        return head["failed"], b"".join(parts)

    def _read(self, deadline_s: float) -> bytes:
        ready, _, _ = select.select([self._answers], [], [], max(0.0, deadline_s - time.monotonic()))
        if not ready:
            raise TimeoutError
        data = os.read(self._answers, _READ_BYTES)
        if not data:
            raise EOFError
        return data

    def _read_log(self, begin: int) -> bytes:
        with self._log.open("rb") as log:
            log.seek(max(begin, log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
            return log.read()


def _describe(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()
