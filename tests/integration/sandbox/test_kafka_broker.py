"""The broker is a real one: transactions, no topic by accident, and data that outlives a kill."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient


def read_all(bootstrap: str, topic: str, count: int, isolation: str) -> list[bytes]:
    """The first `count` values of a topic, from its beginning."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"{topic}-{isolation}",
            "auto.offset.reset": "earliest",
            "isolation.level": isolation,
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    try:
        return sorted(
            message.value() or b"" for message in consumer.consume(count, timeout=20) if message.error() is None
        )
    finally:
        consumer.close()


def test_transactions_hide_what_was_aborted(kafka_bootstrap: str, unique_topic: str) -> None:
    producer = Producer({"bootstrap.servers": kafka_bootstrap, "transactional.id": unique_topic})
    producer.init_transactions(30)
    for value, finish in ((b"kept", producer.commit_transaction), (b"aborted", producer.abort_transaction)):
        producer.begin_transaction()
        producer.produce(unique_topic, value)
        producer.flush(10)
        finish(30)
    assert read_all(kafka_bootstrap, unique_topic, 1, "read_committed") == [b"kept"]
    assert read_all(kafka_bootstrap, unique_topic, 2, "read_uncommitted") == [b"aborted", b"kept"]


def test_no_topic_comes_into_being_by_itself(kafka_bootstrap: str, unique_name: str) -> None:
    failures: list[str] = []
    producer = Producer({"bootstrap.servers": kafka_bootstrap, "message.timeout.ms": 2000})
    producer.produce(unique_name, b"x", on_delivery=lambda error, _: failures.append(error.name() if error else "sent"))
    producer.flush(10)
    assert len(failures) == 1
    assert failures != ["sent"]
    topics = AdminClient({"bootstrap.servers": kafka_bootstrap}).list_topics(timeout=10).topics
    assert unique_name not in topics


def test_a_second_transactional_client_fences_the_first(kafka_bootstrap: str, unique_topic: str) -> None:
    first, second = (
        Producer({"bootstrap.servers": kafka_bootstrap, "transactional.id": unique_topic}) for _ in range(2)
    )
    first.init_transactions(30)
    second.init_transactions(30)
    first.begin_transaction()
    first.produce(unique_topic, b"x")
    with pytest.raises(KafkaException) as refused:
        first.commit_transaction(30)
    assert refused.value.args[0].fatal()
