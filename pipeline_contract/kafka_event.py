"""The event by which Kafka's messages reach a Lambda function, and the function's answer: both sides read it here. Pure.

The shape is that of AWS's event source mappings, for MSK and for other clusters; the answer is theirs too. The consumer
sends the same, and beside it what AWS's has no place for. Source: docs.aws.amazon.com/lambda/latest/dg/with-msk.html,
with-kafka.html and kafka-retry-configurations.html there.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from pipeline_contract.row_judge import Message

# The part of an event that only the consumer writes: each topic's id, and the exact stretch of each partition.
OWN_PART = "millrace"
# An invocation's payload: docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_EVENT_BYTES = 6 * 1024 * 1024
# A record without its key and value, and its share of the rest.
_RECORD_BYTES = 200


@dataclass(frozen=True)
class EventSlice:
    """What an event holds of one partition: every message from offset `first` up to, and without, `end`, in order."""

    topic: str
    topic_id: str
    partition: int
    first: int
    end: int
    messages: tuple[Message, ...] = field(repr=False)

    @property
    def name(self) -> str:
        """The partition as an event and an answer name it, such as `flights-0`."""
        return f"{self.topic}-{self.partition}"


@dataclass(frozen=True)
class Failure:
    """Why a function has not taken a partition's messages, and whether the same event may be taken later."""

    slice: EventSlice
    reason: str
    is_passing: bool


def name_function(pipeline: str) -> str:
    """What a pipeline's function is called."""
    return f"millrace-{pipeline}-kafka"


def encode_event(slices: Sequence[EventSlice]) -> bytes:
    """An event of the consumer's."""
    own = {
        "topicIds": {piece.topic: piece.topic_id for piece in slices},
        "ranges": {piece.name: [piece.first, piece.end] for piece in slices},
    }
    records = {piece.name: [_encode_record(message) for message in piece.messages] for piece in slices}
    return orjson.dumps({"eventSource": "SelfManagedKafka", "records": records, OWN_PART: own})


def measure_record(message: Message) -> int:
    """No less than the bytes that a message takes in an event."""
    content = (len(message.key or b"") + 2) // 3 * 4 + (len(message.value or b"") + 2) // 3 * 4
    return content + len(message.topic) + _RECORD_BYTES


def read_event(event: Mapping[str, Any], topic_ids: Mapping[str, str]) -> list[EventSlice]:
    """The slices of an event; `topic_ids` names the topics of an event that is not the consumer's.

    Raise `ValueError` for what is no such event, or for a topic whose id nobody tells.
    """
    records = event.get("records")
    if event.get("eventSource") not in ("aws:kafka", "SelfManagedKafka") or not isinstance(records, Mapping):
        raise ValueError(
            "this is no event of a Kafka trigger: it needs an eventSource, aws:kafka or SelfManagedKafka, and records"
        )
    own = event.get(OWN_PART, {})
    ids = own.get("topicIds", topic_ids)
    return [_read_slice(found, ids, own.get("ranges", {})) for found in records.values() if found]


def build_answer(failures: Sequence[Failure], rows: Mapping[str, int]) -> dict[str, Any]:
    """A function's answer: from which offset each failed partition is to be sent again, and for the consumer, why."""
    return {
        "batchItemFailures": [
            {"itemIdentifier": {"partition": failure.slice.name, "offset": failure.slice.messages[0].offset}}
            for failure in failures
        ],
        OWN_PART: {
            "rows": dict(rows),
            "failures": {
                failure.slice.name: {"reason": failure.reason, "isPassing": failure.is_passing} for failure in failures
            },
        },
    }


def _encode_record(message: Message) -> dict[str, Any]:
    record = {
        "topic": message.topic,
        "partition": message.partition,
        "offset": message.offset,
        "timestamp": message.timestamp_ms,
        "timestampType": "CREATE_TIME",
        "headers": [],
    }
    content = {"key": message.key, "value": message.value}
    return record | {name: b64encode(data).decode() for name, data in content.items() if data is not None}


def _read_slice(
    records: Iterable[Mapping[str, Any]], topic_ids: Mapping[str, str], ranges: Mapping[str, Sequence[int]]
) -> EventSlice:
    found = [(record["topic"], record["partition"], record) for record in records]
    topic, partition, _ = found[0]
    if topic not in topic_ids:
        raise ValueError(
            f"topic {topic!r}: the event does not say the topic's id, and the function was not told it: deploy the function "
            "again, with `python -m aws_integration function deploy`, which looks it up"
        )
    messages = tuple(
        Message(topic, topic_ids[topic], partition, record["offset"], record["timestamp"], *_read_content(record))
        for _, _, record in found
    )
    # Between two records of one event there is no other: Kafka hands a partition's messages over in order.
    first, end = ranges.get(f"{topic}-{partition}", (messages[0].offset, messages[-1].offset + 1))
    return EventSlice(topic, topic_ids[topic], partition, first, end, messages)


def _read_content(record: Mapping[str, Any]) -> tuple[bytes | None, bytes | None]:
    key, value = record.get("key"), record.get("value")
    return None if key is None else b64decode(key), None if value is None else b64decode(value)
