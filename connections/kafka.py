"""The one place that opens Kafka: settings in, clients, topic ids, offsets and a bounded reader out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from typing import NamedTuple, TypeVar, cast

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from connections.kafka_clients import configure_confluent
from connections.kafka_errors import ErrorLog, advise, explain_errors
from connections.settings import KafkaSettings
from pipeline_contract.access_lists import READER_GROUP
from pipeline_contract.errors import ServiceError

EARLIEST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]
READ_BATCH = 5_000
# A reader that is told nothing new for this long gives up: the broker is gone, or a transaction hangs.
READ_STALL_S = 90.0

Answer = TypeVar("Answer")


class TopicRecord(NamedTuple):
    """One committed message as it lies in its topic; `timestamp_ms` is the send time."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None


def open_admin(settings: KafkaSettings) -> AdminClient:
    """An admin client of brokers that have answered; `ServiceError` when none does within `timeout_s`."""
    log = ErrorLog()
    with explain_errors(settings, "reach the broker", log):
        admin = AdminClient(configure_confluent(settings) | {"error_cb": log})
        try:
            admin.list_topics(timeout=settings.timeout_s)
        finally:
            admin.poll(0)  # only now does the error log hear what happened
    return admin


def wait_for(settings: KafkaSettings, action: str, future: Future[Answer]) -> Answer:
    """The result of one of the admin client's futures, or a `ServiceError`."""
    with explain_errors(settings, action):
        return future.result(timeout=settings.timeout_s * 2)


def describe_topic_ids(
    settings: KafkaSettings, topics: Iterable[str], admin: AdminClient | None = None
) -> dict[str, str]:
    """The id (KIP-516) of each of these topics that exists, as Kafka's own tools write it; absent ones are left out.

    A topic that was deleted and created again has another id. Who asks often gives an `admin` client that stays open.
    """
    names = sorted(set(topics))
    if not names:
        return {}
    admin = admin or open_admin(settings)  # a future of an admin client that is collected never answers
    futures = admin.describe_topics(TopicCollection(names), request_timeout=settings.timeout_s)
    ids = {}
    for name, future in futures.items():
        with explain_errors(settings, f"describe topic {name!r}"):
            try:
                description = future.result(timeout=settings.timeout_s * 2)
            except KafkaException as error:
                if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    continue
                raise
        # The client writes plain base64, Kafka's tools (and Java's Uuid.toString) the URL-safe one.
        ids[name] = str(description.topic_id).replace("+", "-").replace("/", "_")
    return ids


def list_partitions(settings: KafkaSettings, admin: AdminClient, topic: str) -> list[int]:
    """The partitions of a topic, in order; `ServiceError` when there is no such topic."""
    with explain_errors(settings, f"list the partitions of topic {topic!r}"):
        metadata = admin.list_topics(topic, timeout=settings.timeout_s).topics[topic]
        if metadata.error is not None:
            raise KafkaException(metadata.error)
    return sorted(metadata.partitions)


def read_watermarks(settings: KafkaSettings, topic: str) -> dict[int, tuple[int, int]]:
    """Each partition's first offset and the offset after its last one, messages of open transactions included."""
    admin = open_admin(settings)
    low = _list_offsets(settings, admin, topic, EARLIEST, IsolationLevel.READ_UNCOMMITTED)
    high = _list_offsets(settings, admin, topic, LATEST, IsolationLevel.READ_UNCOMMITTED)
    return {partition: (low[partition], high[partition]) for partition in low}


def read_stable_ends(settings: KafkaSettings, topic: str) -> dict[int, int]:
    """Each partition's last stable offset: every message before it is committed or aborted for good."""
    return _list_offsets(settings, open_admin(settings), topic, LATEST, IsolationLevel.READ_COMMITTED)


def _list_offsets(
    settings: KafkaSettings, admin: AdminClient, topic: str, spec: OffsetSpec, isolation: IsolationLevel
) -> dict[int, int]:
    partitions = list_partitions(settings, admin, topic)
    futures = admin.list_offsets(
        {TopicPartition(topic, partition): spec for partition in partitions},
        isolation_level=isolation,
        request_timeout=settings.timeout_s,
    )
    action = f"list the offsets of topic {topic!r}"
    return {place.partition: wait_for(settings, action, future).offset for place, future in futures.items()}


def read_topic(
    settings: KafkaSettings, topic: str, ends: Mapping[int, int] | None = None, stall_s: float = READ_STALL_S
) -> Iterator[TopicRecord]:
    """Every committed message of a topic, in order within each partition, from its start to where it ended at the call.

    It ends behind trailing transaction markers too. `ends` gives other end offsets; where those lie behind an open
    transaction the reader waits for its outcome. `ServiceError` when nothing moves for `stall_s`.
    """
    wanted = read_stable_ends(settings, topic) if ends is None else dict(ends)
    return _read_until(settings, topic, {p: end for p, end in wanted.items() if end > 0}, OFFSET_BEGINNING, stall_s)


def read_range(settings: KafkaSettings, topic: str, partition: int, start: int, end: int) -> Iterator[TopicRecord]:
    """Every committed message of one partition from offset `start` up to, and without, `end`; expired ones are left out."""
    return _read_until(settings, topic, {partition: end}, start, READ_STALL_S)


def _read_until(
    settings: KafkaSettings, topic: str, ends: dict[int, int], start: int, stall_s: float
) -> Iterator[TopicRecord]:
    log = ErrorLog()
    consumer = Consumer(
        {
            **configure_confluent(settings),
            "group.id": READER_GROUP,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            # Trailing transaction markers are never delivered: the end-of-partition event tells that they were passed.
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 50,
            "error_cb": log,
        }
    )
    try:
        consumer.assign([TopicPartition(topic, partition, start) for partition in ends])
        moved_at_s = time.monotonic()
        while ends:
            with explain_errors(settings, f"read topic {topic!r}", log):
                messages = consumer.consume(READ_BATCH, timeout=0.2)
            if messages:
                yield from _take_messages(settings, topic, messages, ends)
                moved_at_s = time.monotonic()
            elif time.monotonic() - moved_at_s > stall_s:
                last = log.last
                reason = f"{last.str()}. {advise(settings, last)}" if last else "a transaction is still open"
                raise ServiceError(
                    f"Kafka at {settings.bootstrap_servers}: topic {topic!r}: nothing to read for {stall_s:.0f} s, "
                    f"but partition → end offset {ends} was to be reached: {reason}"
                )
    finally:
        consumer.close()


def _take_messages(
    settings: KafkaSettings, topic: str, messages: list[Message], ends: dict[int, int]
) -> Iterator[TopicRecord]:
    """The records among these messages before `ends`; a partition that has reached its end is removed there."""
    for message in messages:
        error = message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            raise ServiceError(
                f"Kafka at {settings.bootstrap_servers}: cannot read topic {topic!r} partition {message.partition()} "
                f"offset {message.offset()}: {error.str()}"
            )
        partition, offset = cast(int, message.partition()), cast(int, message.offset())
        end = ends.get(partition)
        if end is None:
            continue
        if error is None and offset < end:
            yield TopicRecord(topic, partition, offset, message.timestamp()[1], message.key(), message.value())
        # An end-of-partition event stands one behind the last message that it follows.
        if offset + (error is None) >= end:
            del ends[partition]
