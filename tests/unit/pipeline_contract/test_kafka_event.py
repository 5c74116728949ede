"""Events of a Kafka trigger as AWS documents them, those of the consumer, and the answers to both."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_contract.kafka_event import (
    OWN_PART,
    EventSlice,
    Failure,
    build_answer,
    encode_event,
    measure_record,
    read_event,
)
from pipeline_contract.row_judge import Message

IDS = {"mytopic": "an id"}


def record(offset: int, **more: Any) -> dict[str, Any]:
    """A record as AWS's documents show one: the value is "Hello, this is a test."."""
    return {
        "topic": "mytopic", "partition": 0, "offset": offset, "timestamp": 1545084650987, "timestampType": "CREATE_TIME",
        "key": "abcDEFghiJKLmnoPQRstuVWXyz1234==", "value": "SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg==",
        "headers": [{"headerKey": [104, 101, 97, 100]}], **more,
    }  # fmt: skip


MSK = {
    "eventSource": "aws:kafka",
    "eventSourceArn": "arn:aws:kafka:us-east-1:123456789012:cluster/vpc-2priv-2pub/751d2973-a626-431c-9d4e-d7975eb44dd7-2",
    "bootstrapServers": "b-2.demo-cluster-1.a1bcde.c1.kafka.us-east-1.amazonaws.com:9092",
}
SELF_MANAGED = {"eventSource": "SelfManagedKafka", "bootstrapServers": "abc.example.com:9092"}


@pytest.mark.parametrize("head", [MSK, SELF_MANAGED], ids=["msk", "self-managed"])
def test_an_event_of_a_trigger_is_read(head: dict[str, Any]) -> None:
    holes = [record(15), record(17, value=None), {k: v for k, v in record(20).items() if k != "key"}]
    event = {**head, "records": {"mytopic-0": holes, "mytopic-1": [record(3, partition=1)], "mytopic-2": []}}

    first, second = read_event(event, IDS)

    assert (first.topic, first.topic_id, first.partition, first.first, first.end) == ("mytopic", "an id", 0, 15, 21)
    assert [message.offset for message in first.messages] == [15, 17, 20]
    assert [message.value for message in first.messages] == [b"Hello, this is a test.", None, b"Hello, this is a test."]
    assert [message.key is None for message in first.messages] == [False, False, True]
    assert first.messages[0].timestamp_ms == 1545084650987
    assert (second.name, second.first, second.end) == ("mytopic-1", 3, 4)


class Odd(NamedTuple):
    id: str
    event: dict[str, Any]
    message: str


ODD = (
    Odd("another source", {"eventSource": "aws:sqs", "Records": []}, "no event of a Kafka trigger"),
    Odd("nothing", {}, "no event of a Kafka trigger"),
    Odd("records as a list", {**MSK, "records": [record(1)]}, "no event of a Kafka trigger"),
    Odd("a topic without id", {**MSK, "records": {"x-0": [record(1, topic="x")]}}, "topic 'x'.*function deploy"),
)


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.id)
def test_what_is_no_such_event_is_refused(odd: Odd) -> None:
    with pytest.raises(ValueError, match=odd.message):
        read_event(odd.event, IDS)


MESSAGES = st.lists(
    st.tuples(st.none() | st.binary(max_size=40), st.none() | st.binary(max_size=200)), min_size=1, max_size=20
)


@given(MESSAGES, st.integers(0, 9), st.integers(0, 9))
def test_what_the_consumer_sends_is_what_the_function_reads(
    content: list[tuple[bytes | None, bytes | None]], before: int, behind: int
) -> None:
    messages = tuple(
        Message("a.b-c", "id", 3, 100 + 2 * number, 1_700_000_000_000, key, value)
        for number, (key, value) in enumerate(content)
    )
    piece = EventSlice("a.b-c", "id", 3, 100 - before, messages[-1].offset + 1 + behind, messages)

    encoded = encode_event([piece])

    assert read_event(json.loads(encoded), {}) == [piece]
    assert len(encoded) <= sum(map(measure_record, messages)) + 4096


def test_an_answer_names_each_failed_partitions_first_offset() -> None:
    (piece,) = read_event({**MSK, "records": {"mytopic-0": [record(15), record(16)]}}, IDS)

    answer = build_answer([Failure(piece, "why", is_passing=False)], {"curated": 1})

    assert answer["batchItemFailures"] == [{"itemIdentifier": {"partition": "mytopic-0", "offset": 15}}]
    assert answer[OWN_PART] == {
        "rows": {"curated": 1}, "failures": {"mytopic-0": {"reason": "why", "isPassing": False}},
    }  # fmt: skip
    assert build_answer([], {})["batchItemFailures"] == []
