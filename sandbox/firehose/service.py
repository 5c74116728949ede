"""The emulated Firehose as the endpoint calls it, and as its control path does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import requests
from pydantic import ValidationError

from sandbox.aws.json_calls import Answer, write_answer
from sandbox.aws.refusals import CallRefused
from sandbox.aws.requests import AwsRequest
from sandbox.firehose.calls import FirehoseCalls
from sandbox.firehose.delivery import Delivery, PutObject
from sandbox.firehose.record_store import RecordStore

TARGET = "Firehose_20150804."


class Firehose:
    """One account's streams, kept in a folder; `put_object` writes to the emulated S3."""

    def __init__(self, folder: Path, account_id: str, put_object: PutObject) -> None:
        self._account_id = account_id
        self._delivery = Delivery(RecordStore(folder), put_object)

    def start(self) -> None:
        """Begin to deliver what waits and what comes."""
        self._delivery.start()

    def close(self) -> None:
        """End; what waits stays on disk."""
        self._delivery.close()

    def answer(self, request: AwsRequest, body: bytes) -> Answer:
        """Answer one call of Firehose's API."""
        name = request.headers.get("x-amz-target", "").removeprefix(TARGET)
        call = FirehoseCalls(self._delivery, self._account_id, request.region).by_name.get(name)
        if call is None:
            return write_answer(
                "400 Bad Request", {"__type": "UnknownOperationException", "message": f"{name} is not emulated"}
            )
        try:
            return write_answer("200 OK", call(json.loads(body)))
        except CallRefused as refusal:
            is_fault = refusal.name == "ServiceUnavailableException"
            status = "503 Service Unavailable" if is_fault else "400 Bad Request"
            return write_answer(status, {"__type": refusal.name, "message": str(refusal)})

    def control(self, method: str, name: str, body: bytes) -> Answer:
        """Tell how the streams fare (GET), or change the faults of one (PUT): `sandbox.firehose.faults`."""
        if method == "PUT":
            if self._delivery.find(name) is None:
                return write_answer("404 Not Found", {"message": f"no delivery stream {name!r}"})
            try:
                self._delivery.order_faults(name, json.loads(body))
            except ValidationError as error:
                return write_answer("400 Bad Request", {"message": str(error)})
        return write_answer("200 OK", {"streams": self._delivery.describe_states()})


def read_pending(url: str) -> dict[str, int]:
    """How many records wait in each stream of the endpoint at a URL; none where it does not answer."""
    try:
        answer: dict[str, Any] = requests.get(f"{url}/_sandbox/firehose", timeout=5).json()
    except requests.RequestException:
        return {}
    return {name: state["pending_records"] for name, state in answer["streams"].items()}
