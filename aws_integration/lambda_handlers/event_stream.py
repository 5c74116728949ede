"""Accepted events to Firehose: in batches as large as it takes, and what it refuses for the moment once more."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from tenacity import (
    RetryError,
    Retrying,
    retry_if_result,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

if TYPE_CHECKING:
    from mypy_boto3_firehose import FirehoseClient

# docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html
MAX_RECORDS = 500
MAX_BATCH_BYTES = 4 * 1024 * 1024
ATTEMPTS = 8


class EventStream:
    """One Firehose stream."""

    def __init__(self, client: FirehoseClient, name: str) -> None:
        self._client = client
        self._name = name

    def send(self, records: Mapping[int, bytes], timeout_s: float) -> dict[int, str]:
        """Hand over records by their number; those that Firehose did not take within the time, each with why."""
        deadline_s = time.monotonic() + timeout_s
        failed: dict[int, str] = {}
        for batch in split_batches(records):
            failed |= self._send_batch(batch, max(0.0, deadline_s - time.monotonic()))
        return failed

    def _send_batch(self, batch: Mapping[int, bytes], timeout_s: float) -> dict[int, str]:
        failed = dict.fromkeys(batch, "not sent")

        def put() -> bool:
            outcome = self._put({number: batch[number] for number in failed})
            failed.clear()
            failed.update(outcome)
            return bool(failed)

        retrying = Retrying(
            retry=retry_if_result(bool),
            wait=wait_random_exponential(multiplier=0.1, max=3),
            stop=stop_after_attempt(ATTEMPTS) | stop_after_delay(timeout_s),
        )
        with suppress(RetryError):
            retrying(put)
        return failed

    def _put(self, batch: Mapping[int, bytes]) -> dict[int, str]:
        """Send these once; those that were not taken, each with why."""
        try:
            answer = self._client.put_record_batch(
                DeliveryStreamName=self._name, Records=[{"Data": record} for record in batch.values()]
            )
        except (ClientError, BotoCoreError) as error:
            return dict.fromkeys(batch, f"{error}")
        return {
            number: f"{outcome['ErrorCode']}: {outcome.get('ErrorMessage', '')}"
            for number, outcome in zip(batch, answer["RequestResponses"], strict=True)
            if "ErrorCode" in outcome
        }


def split_batches(records: Mapping[int, bytes]) -> Iterator[dict[int, bytes]]:
    """The records in calls that Firehose takes, in their order."""
    batch: dict[int, bytes] = {}
    size = 0
    for number, record in records.items():
        if batch and (len(batch) == MAX_RECORDS or size + len(record) > MAX_BATCH_BYTES):
            yield batch
            batch, size = {}, 0
        batch[number] = record
        size += len(record)
    if batch:
        yield batch
