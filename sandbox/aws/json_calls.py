"""The calls to Athena and to Glue's crawlers that are answered here, before moto sees them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from sandbox.aws.refusals import CallRefused
from sandbox.aws.requests import AwsRequest
from sandbox.aws.state import Mirror

Call = Callable[[Mapping[str, Any]], dict[str, Any] | None]
Answer = tuple[str, list[tuple[str, str]], list[bytes]]


class JsonCalls:
    """One account's calls; executions and crawls live until the process ends."""

    def __init__(self, mirror: Mirror, lock: Lock) -> None:
        self._mirror = mirror
        self._lock = lock
        self._by_region: dict[str, dict[str, Call]] = {}
        self._regions = Lock()

    def answer(self, request: AwsRequest, body: bytes) -> Answer | None:
        """The answer of a call of this kind; None for one that is moto's."""
        target = request.headers.get("x-amz-target", "")
        if not target.startswith(("AmazonAthena.", "AWSGlue.")):
            return None
        call = self._list_calls(request.region).get(target)
        if call is None:
            return None
        try:
            answer = call(json.loads(body or b"{}"))
        except CallRefused as refusal:
            return write_answer("400 Bad Request", {"__type": refusal.name, "message": str(refusal)})
        return None if answer is None else write_answer("200 OK", answer)

    def _list_calls(self, region: str) -> dict[str, Call]:
        with self._regions:
            if region not in self._by_region:
                # They import the engine and Arrow: seconds that a sandbox without queries need not spend.
                from sandbox.aws.account import open_calls  # noqa: PLC0415

                self._by_region[region] = open_calls(self._mirror, self._lock, region)
            return self._by_region[region]


def write_answer(status: str, value: Mapping[str, Any]) -> Answer:
    """An answer of AWS's JSON protocol."""
    body = json.dumps(value, default=_write_time).encode()
    return status, [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(body)))], [body]


def _write_time(value: datetime) -> float:
    """Seconds since the epoch; moto's times are in UTC without saying so."""
    return value.replace(tzinfo=value.tzinfo or UTC).timestamp()
