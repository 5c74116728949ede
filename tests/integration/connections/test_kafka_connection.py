"""The Kafka connection on a real broker: ids, offsets, and a reader that ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from kafka import KafkaAdminClient

from connections.kafka import (
    describe_topic_ids,
    open_admin,
    read_stable_ends,
    read_topic,
    read_watermarks,
)
from connections.kafka_clients import configure_confluent
from connections.settings import KafkaSettings
from pipeline_contract.errors import ServiceError


@pytest.fixture
def settings(kafka_bootstrap: str) -> KafkaSettings:
    """Settings of the session's broker."""
    return KafkaSettings(bootstrap_servers=kafka_bootstrap)


@pytest.fixture
def producer(settings: KafkaSettings, unique_name: str) -> Iterator[Producer]:
    """A transactional producer; what it leaves open is aborted."""
    producer = Producer(configure_confluent(settings) | {"transactional.id": unique_name})
    producer.init_transactions(30)
    yield producer
    producer.abort_transaction(30)


def send(producer: Producer, topic: str, values: list[bytes]) -> None:
    """Send in the open transaction, to both partitions in turn, and wait until the broker has it."""
    for number, value in enumerate(values):
        producer.produce(topic, value, partition=number % 2)
    producer.flush(30)


def test_only_what_is_committed_is_read_and_trailing_markers_are_passed(
    settings: KafkaSettings, producer: Producer, unique_topic: str
) -> None:
    producer.begin_transaction()
    send(producer, unique_topic, [b"a", b"b", b"c"])
    producer.commit_transaction(30)
    producer.begin_transaction()
    send(producer, unique_topic, [b"never"] * 4)
    producer.abort_transaction(30)
    producer.begin_transaction()
    send(producer, unique_topic, [b"open"] * 2)
    records = list(read_topic(settings, unique_topic))
    assert sorted(record.value or b"" for record in records) == [b"a", b"b", b"c"]
    assert {(record.partition, record.offset) for record in records} == {(0, 0), (0, 1), (1, 0)}
    # 2 + 1 committed, 2 + 2 aborted, a marker of each, 1 + 1 open.
    assert read_watermarks(settings, unique_topic) == {0: (0, 7), 1: (0, 6)}
    assert read_stable_ends(settings, unique_topic) == {0: 6, 1: 5}


def test_a_reader_with_ends_behind_an_open_transaction_waits_for_its_outcome(
    settings: KafkaSettings, producer: Producer, unique_topic: str
) -> None:
    producer.begin_transaction()
    send(producer, unique_topic, [b"a", b"b"])
    ends = {partition: high for partition, (_, high) in read_watermarks(settings, unique_topic).items()}
    with pytest.raises(ServiceError, match="a transaction is still open"):
        list(read_topic(settings, unique_topic, ends, stall_s=0.5))
    threading.Timer(0.5, producer.commit_transaction).start()
    assert sorted(record.value or b"" for record in read_topic(settings, unique_topic, ends)) == [b"a", b"b"]
    producer.begin_transaction()


def test_an_empty_topic_has_nothing_to_read(settings: KafkaSettings, unique_topic: str) -> None:
    assert list(read_topic(settings, unique_topic)) == []
    assert read_watermarks(settings, unique_topic) == {0: (0, 0), 1: (0, 0)}


def test_a_topic_created_again_has_another_id(settings: KafkaSettings, unique_topic: str) -> None:
    first = describe_topic_ids(settings, [unique_topic, "absent"])
    assert first.keys() == {unique_topic}
    admin = AdminClient(configure_confluent(settings))
    admin.delete_topics([unique_topic])[unique_topic].result(30)
    admin.create_topics([NewTopic(unique_topic, 2, 1)])[unique_topic].result(30)
    second = describe_topic_ids(settings, [unique_topic])
    assert len(second[unique_topic]) == 22
    assert second[unique_topic] != first[unique_topic]


def test_an_id_is_written_as_kafkas_own_tools_write_it(settings: KafkaSettings, unique_name: str) -> None:
    names = [f"{unique_name}-{number}" for number in range(12)]  # an id without + or / in it would prove nothing
    admin = AdminClient(configure_confluent(settings))
    for created in admin.create_topics([NewTopic(name, 1, 1) for name in names]).values():
        created.result(30)
    ids = describe_topic_ids(settings, names)
    other = KafkaAdminClient(bootstrap_servers=settings.bootstrap_servers)
    try:
        described = {topic["name"]: topic["topic_id"] for topic in other.describe_topics(names)}
    finally:
        other.close()
    assert {name: decode_id(text) for name, text in ids.items()} == {name: str(described[name]) for name in names}
    assert not any("+" in text or "/" in text for text in ids.values())


def decode_id(text: str) -> str:
    """The UUID that Kafka writes as URL-safe base64 without padding."""
    import base64
    import uuid

    return str(uuid.UUID(bytes=base64.urlsafe_b64decode(text + "==")))


def test_an_absent_topic_is_named(settings: KafkaSettings) -> None:
    with pytest.raises(ServiceError, match=r"topic 'absent'.*Unknown topic"):
        list(read_topic(settings, "absent"))


def test_a_broker_that_is_not_there_is_named_with_the_reason() -> None:
    with pytest.raises(ServiceError, match=r"127\.0\.0\.1:1: cannot reach the broker.*Connection refused"):
        open_admin(KafkaSettings(bootstrap_servers="127.0.0.1:1", timeout_s=1))
