"""The consumer on a real broker: every committed message once, whatever comes in between."""

from __future__ import annotations

import time
from functools import partial
from threading import Event
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from kafka_consumer.buffer import Limits
from kafka_consumer.runner import HOLD_S
from kafka_consumer.starts import OffsetsGone
from pipeline_contract.errors import ServiceError, TopicMismatch
from tests.integration.kafka_consumer.consumer_runs import (
    Memory,
    consumer_settings,
    count_values,
    drain,
    make_runner,
    once,
    refuse,
    running,
    send,
    wait_until,
)


def test_a_topic_is_drained_past_trailing_aborts_and_a_second_run_reads_nothing_again(
    kafka_bootstrap: str, unique_topic: str
) -> None:
    send(kafka_bootstrap, unique_topic, range(1_200), aborted=10)
    memory = Memory()

    first = drain(kafka_bootstrap, [unique_topic], memory)
    second = drain(kafka_bootstrap, [unique_topic], memory)
    send(kafka_bootstrap, unique_topic, range(1_200, 1_250))
    third = drain(kafka_bootstrap, [unique_topic], memory)

    assert (first.messages, second.messages, third.messages) == (1_200, 0, 50)
    assert count_values(memory) == once(range(1_250))


def test_a_batch_has_at_most_the_limits_rows(kafka_bootstrap: str, unique_topic: str) -> None:
    send(kafka_bootstrap, unique_topic, range(1_000))
    memory = Memory()

    drain(kafka_bootstrap, [unique_topic], memory, limits=Limits(rows=64, bytes=1_000_000, age_s=60))

    assert max(memory.sizes) == 64
    assert count_values(memory) == once(range(1_000))


def test_the_tail_of_a_quiet_topic_arrives_by_age_without_new_data(kafka_bootstrap: str, unique_topic: str) -> None:
    memory = Memory()
    limits = Limits(rows=1_000_000, bytes=10_000_000, age_s=0.5)
    runner = make_runner(consumer_settings(kafka_bootstrap), [unique_topic], memory, limits=limits, until_drained=False)
    with running(runner) as errors:
        send(kafka_bootstrap, unique_topic, range(10))
        sent_s = time.monotonic()
        wait_until(lambda: len(memory.values) == 10)
    assert errors == []
    assert time.monotonic() - sent_s < 15
    assert count_values(memory) == once(range(10))


def test_a_partition_that_was_taken_away_while_it_was_held_back_is_read_when_it_returns(
    kafka_bootstrap: str, unique_topic: str
) -> None:
    send(kafka_bootstrap, unique_topic, range(1_000))
    memory, is_slow = Memory(), Event()
    memory.trouble = lambda: time.sleep(3 * HOLD_S if is_slow.is_set() else 0)
    settings, limits = consumer_settings(kafka_bootstrap), Limits(rows=100, bytes=1_000_000, age_s=0.2)
    first, second = (
        make_runner(settings, [unique_topic], memory, limits=limits, until_drained=False) for _ in range(2)
    )
    with running(first) as errors:
        wait_until(lambda: holds(memory, 1_000))
        is_slow.set()
        send(kafka_bootstrap, unique_topic, range(1_000, 2_000))
        wait_until(lambda: bool(first._paused))
        with running(second):
            wait_until(lambda: len(list(first._buffer.partitions)) == 1)
            is_slow.clear()
        send(kafka_bootstrap, unique_topic, range(2_000, 2_500))
        wait_until(lambda: holds(memory, 2_500))
    assert errors == []
    assert count_values(memory) == once(range(2_500))


def holds(memory: Memory, count: int) -> bool:
    return len(memory.values) == count


def test_the_markers_of_transactions_are_no_gap_to_the_destination(kafka_bootstrap: str, unique_topic: str) -> None:
    memory, said = Memory(), list[str]()
    at_once = Limits(rows=10, bytes=1_000_000, age_s=60)
    settings = consumer_settings(kafka_bootstrap)
    runner = make_runner(settings, [unique_topic], memory, limits=at_once, until_drained=False, say=said.append)
    with running(runner) as errors:
        for end in (10, 20, 30):
            send(kafka_bootstrap, unique_topic, range(end - 10, end), aborted=3)
            wait_until(partial(holds, memory, end))
            time.sleep(0.5)  # time to be told of the markers behind the last message
    assert errors == []
    assert count_values(memory) == once(range(30))
    assert not [line for line in said if "another consumer" in line]


def test_a_destination_that_comes_back_is_waited_for_and_reading_is_held_back(
    kafka_bootstrap: str, unique_topic: str
) -> None:
    send(kafka_bootstrap, unique_topic, range(3_000))
    memory, said = Memory(trouble=refuse(3)), list[str]()

    drain(kafka_bootstrap, [unique_topic], memory, say=said.append)

    assert count_values(memory) == once(range(3_000))
    assert sum("the destination is away" in line for line in said) == 3


def test_a_destination_that_stays_away_ends_the_run_and_the_next_one_goes_on(
    kafka_bootstrap: str, unique_topic: str
) -> None:
    send(kafka_bootstrap, unique_topic, range(700))
    memory = Memory(trouble=refuse(1_000))

    with pytest.raises(ServiceError, match="the destination is away"):
        drain(kafka_bootstrap, [unique_topic], memory, patience_s=0.5)
    memory.trouble = refuse(0)
    drain(kafka_bootstrap, [unique_topic], memory)

    assert count_values(memory) == once(range(700))


def test_consumers_that_come_and_go_leave_every_message_once(kafka_bootstrap: str, unique_topic: str) -> None:
    settings, memory = consumer_settings(kafka_bootstrap), Memory()
    limits = Limits(rows=20, bytes=1_000_000, age_s=0.05)

    def member(**options: Any) -> Any:
        return make_runner(settings, [unique_topic], memory, limits=limits, until_drained=False, **options)

    with running(member()) as errors:
        for turn in range(3):
            send(kafka_bootstrap, unique_topic, range(turn * 400, turn * 400 + 200))
            said: list[str] = []
            with running(member(say=said.append)) as more_errors:
                wait_until(lambda said=said: any("reads topic" in line for line in said))  # type: ignore[misc]
                send(kafka_bootstrap, unique_topic, range(turn * 400 + 200, turn * 400 + 400))
            assert more_errors == []
        wait_until(lambda: len(memory.values) >= 1_200)

    assert errors == []
    assert count_values(memory) == once(range(1_200))


def test_a_stop_that_overtakes_an_assignment_ends_the_run_without_an_error(
    kafka_bootstrap: str, unique_topic: str
) -> None:
    send(kafka_bootstrap, unique_topic, range(100))

    class LateStop(Event):
        """Is seen only when the group has given partitions out, before the client could tell of it."""

        def is_set(self) -> bool:
            time.sleep(5)
            return True

    memory = Memory()
    runner = make_runner(consumer_settings(kafka_bootstrap), [unique_topic], memory, until_drained=False)
    runner.stop = LateStop()
    runner.run()
    drain(kafka_bootstrap, [unique_topic], memory)

    assert count_values(memory) == once(range(100))


def test_a_topic_recreated_under_a_running_consumer_stops_it(kafka_bootstrap: str, unique_topic: str) -> None:
    memory = Memory()
    runner = make_runner(consumer_settings(kafka_bootstrap), [unique_topic], memory, until_drained=False)
    send(kafka_bootstrap, unique_topic, range(100))
    with running(runner) as errors:
        wait_until(lambda: len(memory.values) == 100)
        recreate(kafka_bootstrap, unique_topic)
        send(kafka_bootstrap, unique_topic, range(100, 400))
        wait_until(lambda: bool(errors))

    assert [type(error) for error in errors] == [TopicMismatch]
    assert count_values(memory) == once(range(100))


def test_expired_offsets_stop_the_consumer_with_wanted_and_available(kafka_bootstrap: str, unique_topic: str) -> None:
    send(kafka_bootstrap, unique_topic, range(100))
    memory = Memory()
    drain(kafka_bootstrap, [unique_topic], memory)
    send(kafka_bootstrap, unique_topic, range(100, 200))
    (_, end) = memory.ends[unique_topic, 0]
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    for future in admin.delete_records([TopicPartition(unique_topic, 0, end + 30)]).values():
        future.result(30)

    with pytest.raises(OffsetsGone, match=rf"partition 0: wanted {end}, available {end + 30} to \d+"):
        drain(kafka_bootstrap, [unique_topic], memory)

    assert count_values(memory) == once(range(100))


def recreate(bootstrap: str, topic: str) -> None:
    """Delete a topic and create it again."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.delete_topics([topic], operation_timeout=30).values():
        future.result(30)

    def create() -> bool:
        try:
            admin.create_topics([NewTopic(topic, num_partitions=2, replication_factor=1)])[topic].result(30)
        except Exception:  # the broker still deletes it
            return False
        return True

    wait_until(create)
