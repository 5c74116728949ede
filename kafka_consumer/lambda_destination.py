"""The destination `lambda`: batches as events of a Kafka trigger, handed to the pipeline's function until it has taken them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from connections.functions import FunctionFailed, invoke_function, open_lambda
from connections.settings import Settings
from kafka_consumer.destination import Batch, Partition, Slice, Written
from pipeline_contract.errors import ConfigurationError, PipelineError, ServiceError
from pipeline_contract.kafka_event import (
    MAX_EVENT_BYTES,
    OWN_PART,
    EventSlice,
    encode_event,
    measure_record,
    name_function,
)
from pipeline_contract.model import Contract
from pipeline_contract.row_judge import Message

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

# Of one batch; each partition's events go one after the other.
MOST_AT_ONCE = 4
# For what stands in an event beside its records.
_ENVELOPE_BYTES = 4096
# What the function's process raises when its settings or contract are wrong: the next attempt would end the same way.
_LASTING = {"ConfigurationError", "ContractError"}


class FunctionRefused(PipelineError):
    """A function that says that it will not take these messages, however often they are sent."""

    exit_code = 1


class LambdaDestination:
    """A pipeline's function. What it has taken is not sent again; what it is sent twice, it knows."""

    def __init__(self, client: LambdaClient, function: str, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._client = client
        self._function = function
        self._room = max_event_bytes - _ENVELOPE_BYTES
        self._ends: dict[Partition, int] = {}

    def resume(self, committed: Mapping[Partition, int | None]) -> Mapping[Partition, int | None]:
        """Where the group stands: the function tells what it has already when it is sent again."""
        for partition, offset in committed.items():
            self._ends.pop(partition, None)
            if offset is not None:
                self._ends[partition] = offset
        return committed

    def write(self, batch: Batch) -> Written:
        """Send all slices, partitions beside each other, and return when the function has taken every message."""
        with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
            futures = [pool.submit(self._send, piece) for piece in batch.slices]
        errors = [error for future in futures if (error := future.exception())]
        # What will never be taken goes before what may be.
        if errors:
            raise min(errors, key=lambda error: isinstance(error, ServiceError))
        rows = sum((future.result() for future in futures), Counter[str]())
        return Written({piece.partition: piece.end for piece in batch.slices}, rows)

    def close(self) -> None:
        """Close the client's connections."""
        self._client.close()

    def _send(self, piece: Slice) -> Counter[str]:
        """Send what of a slice was not taken by an earlier attempt, in as many events as it needs; the rows it became."""
        rows = Counter[str]()
        # Between the last slice's end and this one's begin there was nothing to read.
        begin = self._ends.get(piece.partition, piece.first)
        left = [message for message in piece.messages if message.offset >= begin]
        for event in cut_events(piece.partition, begin, piece.end, left, self._room):
            rows.update(self._invoke(event))
            self._ends[piece.partition] = event.end
        return rows

    def _invoke(self, event: EventSlice) -> Mapping[str, int]:
        """Have one event taken, and return the rows that it became."""
        try:
            answer = invoke_function(self._client, self._function, encode_event([event]))
        except FunctionFailed as error:
            if error.kind in _LASTING:
                raise FunctionRefused(str(error)) from error
            raise
        own: Mapping[str, Any] = answer[OWN_PART]
        if failed := own["failures"].get(event.name):
            text = f"function {self._function} has not taken {event.name} from offset {event.first}: {failed['reason']}"
            raise ServiceError(text) if failed["isPassing"] else FunctionRefused(text)
        rows: Mapping[str, int] = own["rows"]
        return rows


def cut_events(
    partition: Partition, first: int, end: int, messages: Sequence[Message], room_bytes: int
) -> Iterator[EventSlice]:
    """Messages as events of at most so many bytes, which together cover the offsets from `first` to `end`."""
    held: list[Message] = []
    size = 0
    for message in messages:
        needed = measure_record(message)
        if held and size + needed > room_bytes:
            yield EventSlice(*partition, first, message.offset, tuple(held))
            held, size, first = [], 0, message.offset
        held.append(message)
        size += needed
    if held:
        yield EventSlice(*partition, first, end, tuple(held))


def open_function(contract: Contract, settings: Settings) -> LambdaDestination:
    """The function of a pipeline; `ConfigurationError` where one message of the topic may be larger than an event."""
    largest = contract.topic.max_message_bytes
    if largest * 4 // 3 + 2 * _ENVELOPE_BYTES > MAX_EVENT_BYTES:
        raise ConfigurationError(
            f"topic.max_message_bytes of {contract.name} is {largest}: a message of that size does not fit into an event of "
            f"Lambda's ({MAX_EVENT_BYTES} bytes, in base64); lower it to {(MAX_EVENT_BYTES - 2 * _ENVELOPE_BYTES) * 3 // 4}, "
            "or take another destination"
        )
    return LambdaDestination(open_lambda(settings), name_function(contract.name))
