"""Which events were accepted already: their ids in a DynamoDB table, each with the digest of what the event said.

An id is written after its event was handed to Firehose, so that a crash in between makes a repeat and never a loss. Two
requests at the same moment may both find an id unknown: the view over the staging table shows such an event once.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from tenacity import RetryError, Retrying, retry_if_result, stop_after_attempt, wait_random_exponential

from pipeline_contract.errors import ServiceError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html, …/API_BatchWriteItem.html
MAX_READ = 100
MAX_WRITTEN = 25
ATTEMPTS = 6


class IdStore:
    """The accepted ids of one set of events, for `remember_s` seconds each."""

    def __init__(self, client: DynamoDBClient, table: str, remember_s: int) -> None:
        self._client = client
        self._table = table
        self._remember_s = remember_s

    def find(self, event_ids: Iterable[str]) -> dict[str, str]:
        """The digests of those ids that were accepted before and are still remembered."""
        found: dict[str, str] = {}
        for ids in _split(sorted(set(event_ids)), MAX_READ):
            keys = [{"event_id": {"S": event_id}} for event_id in ids]
            for item in self._read({self._table: {"Keys": keys, "ConsistentRead": True}}):
                # DynamoDB deletes what has expired within some days.
                if int(item["expires_at"]["N"]) > time.time():
                    found[item["event_id"]["S"]] = item["digest"]["S"]
        return found

    def remember(self, digests: Mapping[str, str]) -> None:
        """Know these ids again, each with its event's digest."""
        expires_at = str(int(time.time()) + self._remember_s)
        for ids in _split(sorted(digests), MAX_WRITTEN):
            puts = [
                {
                    "PutRequest": {
                        "Item": {
                            "event_id": {"S": event_id},
                            "digest": {"S": digests[event_id]},
                            "expires_at": {"N": expires_at},
                        }
                    }
                }
                for event_id in ids
            ]
            self._write({self._table: puts})

    def _read(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []

        def ask() -> bool:
            answer = self._client.batch_get_item(RequestItems=request)
            items.extend(answer["Responses"].get(self._table, []))
            return self._shrink(request, answer.get("UnprocessedKeys", {}))

        self._repeat(ask, "read")
        return items

    def _write(self, request: dict[str, Any]) -> None:
        def put() -> bool:
            answer = self._client.batch_write_item(RequestItems=request)
            return self._shrink(request, answer.get("UnprocessedItems", {}))

        self._repeat(put, "write")

    @staticmethod
    def _shrink(request: dict[str, Any], left: Mapping[str, Any]) -> bool:
        """Keep what was not processed for the next attempt; whether that is anything."""
        request.clear()
        request.update(left)
        return bool(left)

    def _repeat(self, attempt: Any, verb: str) -> None:
        retrying = Retrying(
            retry=retry_if_result(bool),
            wait=wait_random_exponential(multiplier=0.05, max=2),
            stop=stop_after_attempt(ATTEMPTS),
        )
        try:
            retrying(attempt)
        except RetryError:
            raise ServiceError(f"DynamoDB: table {self._table} is too busy to {verb} ids") from None
        except (ClientError, BotoCoreError) as error:
            raise ServiceError(f"DynamoDB: cannot {verb} ids of table {self._table}: {error}") from error


def _split(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    yield from (ids[start : start + size] for start in range(0, len(ids), size))
