"""What waits to be written: nothing is lost, doubled or reordered, and the limits hold."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kafka_consumer.buffer import Buffer, Limits
from kafka_consumer.destination import Partition, Slice
from pipeline_contract.row_judge import Message

FIRST, SECOND = Partition("topic", "id", 0), Partition("topic", "id", 1)


def make_message(partition: Partition, offset: int, size: int = 10) -> Message:
    return Message(*partition, offset, 0, None, b"x" * size)


def make_buffer(rows: int = 100, size: int = 1_000_000, age_s: float = 5.0) -> Buffer:
    buffer = Buffer(Limits(rows, size, age_s))
    buffer.open(FIRST, 0)
    buffer.open(SECOND, 0)
    return buffer


# Each step of a partition: so many offsets on, holes included, there is a message, or a marker is passed, or a batch cut.
STEPS = st.lists(
    st.tuples(st.sampled_from([FIRST, SECOND]), st.integers(1, 3), st.sampled_from(["message", "marker", "cut"])),
    max_size=60,
)


@given(STEPS)
def test_slices_follow_each_other_without_gap_and_hold_every_message_once(
    steps: list[tuple[Partition, int, str]],
) -> None:
    buffer = make_buffer()
    sent: dict[Partition, list[int]] = {FIRST: [], SECOND: []}
    ends = {FIRST: 0, SECOND: 0}
    slices: list[Slice] = []
    for partition, step, what in [*steps, (FIRST, 1, "cut")]:
        if what == "cut":
            slices += buffer.cut("b").slices
            continue
        ends[partition] += step
        if what == "marker":
            buffer.pass_markers(partition, ends[partition])
        else:
            buffer.add(partition, make_message(partition, ends[partition] - 1), 0.0)
            sent[partition].append(ends[partition] - 1)

    for partition in (FIRST, SECOND):
        own = [piece for piece in slices if piece.partition == partition]
        assert [m.offset for piece in own for m in piece.messages] == sent[partition]
        assert all(before.end == after.first for before, after in pairwise(own))
        assert all(piece.first <= piece.messages[0].offset < piece.end for piece in own)
        assert buffer.position(partition) == buffer.written()[partition] == ends[partition]


def test_a_message_from_before_the_position_is_passed_over() -> None:
    buffer = make_buffer()
    buffer.open(FIRST, 10)
    for offset in (9, 10, 10, 11):
        buffer.add(FIRST, make_message(FIRST, offset), 0.0)

    assert [m.offset for m in buffer.cut("b").messages] == [10, 11]


@pytest.mark.parametrize(
    ("rows", "size", "count", "is_full"), [(3, 1_000, 2, False), (3, 1_000, 3, True), (100, 25, 2, False), (100, 25, 3, True)]
)  # fmt: skip
def test_a_batch_is_full_by_rows_or_by_bytes(rows: int, size: int, count: int, is_full: bool) -> None:
    buffer = make_buffer(rows, size)
    for offset in range(count):
        buffer.add(FIRST, make_message(FIRST, offset), 0.0)

    assert buffer.is_full == is_full
    assert (buffer.wait_s(0.0) == 0.0) == is_full


def test_the_age_counts_from_the_oldest_row_that_waits() -> None:
    buffer = make_buffer(age_s=5.0)
    assert buffer.wait_s(100.0) == float("inf")
    buffer.add(FIRST, make_message(FIRST, 0), 100.0)
    buffer.add(SECOND, make_message(SECOND, 0), 103.0)
    assert (buffer.wait_s(104.0), buffer.wait_s(105.0), buffer.wait_s(200.0)) == (1.0, 0.0, 0.0)
    buffer.cut("b")
    assert buffer.wait_s(200.0) == float("inf")


def test_a_partition_that_is_given_up_leaves_nothing_behind() -> None:
    buffer = make_buffer()
    buffer.add(FIRST, make_message(FIRST, 0, 10), 0.0)
    buffer.add(SECOND, make_message(SECOND, 0, 7), 0.0)
    buffer.close(FIRST)

    assert (buffer.rows, buffer.bytes, list(buffer.partitions)) == (1, 7, [SECOND])
    assert [piece.partition for piece in buffer.cut("b").slices] == [SECOND]
