"""The consumer's connection to Kafka: librdkafka's configuration, what its errors mean, and topics that are read."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from confluent_kafka import Consumer, KafkaError
from confluent_kafka.admin import AdminClient

from connections.kafka import describe_topic_ids
from connections.kafka_clients import configure_confluent
from connections.settings import Settings
from pipeline_contract.errors import ConfigurationError, ServiceError, TopicMismatch

_TOPIC_GONE = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.UNKNOWN_TOPIC_ID,
    KafkaError.INCONSISTENT_TOPIC_ID,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
}
# librdkafka goes on by itself after these: it connects again, or joins the group again.
_PASSING = {
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._RESOLVE,
    KafkaError._TIMED_OUT,
    KafkaError._MAX_POLL_EXCEEDED,
    KafkaError._WAIT_COORD,
    KafkaError._NO_OFFSET,
}


class BrokerWatch:
    """Knows since when no broker answers; librdkafka tells it."""

    def __init__(self) -> None:
        self.away_since_s: float | None = None
        self.reason = ""

    def __call__(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN and self.away_since_s is None:
            self.away_since_s = time.monotonic()
        elif error.code() != KafkaError._ALL_BROKERS_DOWN:
            self.reason = error.str()

    def clear(self) -> None:
        """A broker has answered."""
        self.away_since_s = None

    def is_away_for(self, seconds: float) -> bool:
        """Whether no broker has answered for so long."""
        return self.away_since_s is not None and time.monotonic() - self.away_since_s > seconds


def configure_consumer(settings: Settings, group: str, queue_bytes: int) -> dict[str, Any]:
    """The configuration of a member of the group that holds at most about `queue_bytes` of fetched messages."""
    return {
        **configure_confluent(settings.kafka),
        "group.id": group,
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": int(settings.consumer.session_timeout_s * 1000),
        "heartbeat.interval.ms": int(settings.consumer.session_timeout_s * 1000 / 3),
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        # Offsets that are gone are told, never skipped.
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        # Trailing transaction markers are never delivered: the end-of-partition event tells that they were passed.
        "enable.partition.eof": True,
        "queued.max.messages.kbytes": max(1024, queue_bytes // 1024),
        "fetch.wait.max.ms": 100,
        "topic.metadata.refresh.interval.ms": 10_000,
    }


def open_client(settings: Settings, group: str, queue_bytes: int, watch: BrokerWatch) -> Consumer:
    """A consumer of the group that has subscribed to nothing yet."""
    return Consumer(configure_consumer(settings, group, queue_bytes) | {"error_cb": watch})


def read_topic_ids(settings: Settings, topics: Iterable[str], admin: AdminClient | None = None) -> dict[str, str]:
    """The id of each topic; `ConfigurationError` names one that does not exist."""
    wanted = list(topics)
    ids = describe_topic_ids(settings.kafka, wanted, admin)
    if absent := [topic for topic in wanted if topic not in ids]:
        raise ConfigurationError(
            f"Kafka at {settings.kafka.bootstrap_servers} has no topic {', '.join(map(repr, absent))}: create the "
            "pipeline's topics with `python -m kafka_producer topics PIPELINE`"
        )
    return ids


def check_event(error: KafkaError, topic: str | None, partition: int | None) -> None:
    """Return where librdkafka goes on by itself, or raise what an error event means."""
    place = f"topic {topic!r} partition {partition}"
    if error.code() in _TOPIC_GONE:
        raise TopicMismatch(
            f"{place}: {error.str()}: the topic was deleted while it was read. What was written of it stays; nothing "
            "is read on until the topic and the destination are of one mind again (docs/direct.md, troubleshooting)"
        )
    if error.fatal() or not (error.code() in _PASSING or error.retriable()):
        raise ServiceError(f"Kafka cannot be read on at {place}: {error.str()} ({error.name()})")
