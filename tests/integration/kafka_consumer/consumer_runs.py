"""Runs of the consumer inside the test's process, and a destination that keeps what it gets in memory."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from confluent_kafka import Producer
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from connections.settings import ConsumerSettings, KafkaSettings, Settings
from kafka_consumer.buffer import Limits
from kafka_consumer.destination import Batch, Destination, Partition, Written
from kafka_consumer.metrics import Metrics
from kafka_consumer.report import Report, RunSummary, Silence
from kafka_consumer.runner import Job, Runner
from kafka_consumer.starts import check_topic_id
from pipeline_contract.errors import ServiceError

LIMITS = Limits(rows=500, bytes=1_000_000, age_s=0.2)


@dataclass
class Memory:
    """A destination of this process: messages, and how far it stands in each partition, moved together or not at all.

    `trouble` is called at the begin of each call and may raise; it is the outage of a service.
    """

    trouble: Callable[[], None] = lambda: None
    ends: dict[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    offsets: list[tuple[str, int, int]] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def resume(self, committed: Mapping[Partition, int | None]) -> dict[Partition, int | None]:
        self.trouble()
        return {partition: self._stand(partition) for partition in committed}

    def write(self, batch: Batch) -> Written:
        self.trouble()
        with self.lock:
            ends = {piece.partition: self._stand(piece.partition) for piece in batch.slices}
            if any(ends[piece.partition] not in (None, piece.first) for piece in batch.slices):
                return Written({p: end or 0 for p, end in ends.items()}, {})
            for piece in batch.slices:
                p = piece.partition
                self.ends[p.topic, p.number] = (p.topic_id, piece.end)
                self.offsets += [(m.topic, m.partition, m.offset) for m in piece.messages]
                self.values += [m.value for m in piece.messages]
            self.sizes.append(len(batch.messages))
        return Written({piece.partition: piece.end for piece in batch.slices}, {"curated": len(batch.messages)})

    def close(self) -> None:
        pass

    def _stand(self, partition: Partition) -> int | None:
        topic_id, end = self.ends.get((partition.topic, partition.number), (None, None))
        if topic_id is not None:
            check_topic_id(partition, topic_id, "what is in memory")
        return end


def consumer_settings(bootstrap: str) -> Settings:
    """Settings of this broker, with a group that soon misses a dead consumer."""
    return Settings(
        environment="test",
        kafka=KafkaSettings(bootstrap_servers=bootstrap),
        consumer=ConsumerSettings(session_timeout_s=2),
    )


def make_runner(
    settings: Settings,
    topics: Iterable[str],
    destination: Destination,
    *,
    limits: Limits = LIMITS,
    until_drained: bool = True,
    patience_s: float = 60.0,
    say: Callable[[str], None] = lambda _: None,
) -> Runner:
    """A run of a group of the first topic's name."""
    names = tuple(topics)
    report = Report(names[0], "memory", Silence(), Metrics(names[0], "memory"), say)
    job = Job(names, f"group-{names[0]}", limits, 10_000, until_drained, patience_s)
    return Runner(settings, job, destination, report)


def drain(bootstrap: str, topics: Iterable[str], destination: Destination, **options: Any) -> RunSummary:
    """Read the topics to where they end now."""
    runner = make_runner(consumer_settings(bootstrap), topics, destination, **options)
    runner.run()
    return runner.report.summarise()


@contextmanager
def running(runner: Runner) -> Iterator[list[BaseException]]:
    """The run in a thread of its own, and the errors that it ends with; it is asked to stop when the block ends."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            runner.run()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield errors
    finally:
        runner.stop.set()
        thread.join(60)
    assert not thread.is_alive()


def send(bootstrap: str, topic: str, values: Iterable[int], *, aborted: int = 0, partitions: int = 2) -> None:
    """Send numbers in one transaction and then so many messages in one that is aborted."""
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": f"send-{topic}", "log_level": 0})
    producer.init_transactions(30)
    producer.begin_transaction()
    for number in values:
        producer.produce(topic, value=str(number).encode(), partition=number % partitions)
    producer.commit_transaction(30)
    if aborted:
        producer.begin_transaction()
        for number in range(aborted):
            producer.produce(topic, value=b"aborted", partition=number % partitions)
        producer.flush(30)
        producer.abort_transaction(30)


def wait_until(true: Callable[[], bool], timeout_s: float = 30.0) -> None:
    """Wait until something is so, or fail."""
    Retrying(retry=retry_if_result(lambda x: not x), wait=wait_fixed(0.02), stop=stop_after_delay(timeout_s))(true)


def count_values(memory: Memory) -> dict[int, int]:
    """How often each number arrived."""
    return dict(Counter(int(value or b"") for value in memory.values))


def once(numbers: Iterable[int]) -> dict[int, int]:
    """Each of these numbers once."""
    return dict.fromkeys(numbers, 1)


def refuse(times: int) -> Callable[[], None]:
    """A service that is away for so many calls."""
    left = iter(range(times))

    def fail() -> None:
        if next(left, None) is not None:
            raise ServiceError("the destination is away")

    return fail
