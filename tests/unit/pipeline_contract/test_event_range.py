"""Ranges of event time: half-open, widened to whole windows, and the bounds that the ledger knows of files."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_contract.event_range import EventRange, find_file_ranges, join_ranges
from pipeline_contract.manifest import PartitionCount
from tests.unit.pipeline_contract.operation_builder import (
    END,
    START,
    build_compaction,
    build_file,
    build_manifest,
    build_operation_file,
)

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - times of rows have no zone
times = st.datetimes(datetime(1969, 12, 25), datetime(1970, 1, 8))  # noqa: DTZ001
minutes = st.integers(1, 120).map(lambda n: timedelta(minutes=n))
MICROSECOND = timedelta(microseconds=1)


def list_windows(at: datetime, window: timedelta, slide: timedelta) -> list[tuple[datetime, datetime]]:
    """Every window that holds a time, as Spark's are aligned."""
    last = EPOCH + (at - EPOCH) // slide * slide
    starts = [last - n * slide for n in range(window // slide + 1)]
    return [(start, start + window) for start in starts if start <= at < start + window]


@given(times, minutes, minutes, st.integers(1, 4))
def test_a_range_is_widened_to_the_windows_that_its_times_are_in(
    start: datetime, length: timedelta, slide: timedelta, factor: int
) -> None:
    window = slide * factor
    taken = EventRange(start, start + length)

    wide = taken.widen_to_windows(window, slide)

    first, last = list_windows(start, window, slide), list_windows(taken.end - MICROSECOND, window, slide)
    assert (wide.start, wide.end) == (min(begin for begin, _ in first), max(end for _, end in last))


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 1, True), (1, 2, False), (-1, 0, False), (-1, 5, True)],
    ids=["the same", "right behind", "right before", "around"],
)
def test_ranges_are_half_open(start: int, end: int, expected: bool) -> None:
    hour = timedelta(hours=1)
    other = EventRange(START + start * hour, START + end * hour)
    assert EventRange(START, START + hour).overlaps(other) is expected
    assert EventRange(START, START + hour).overlaps(None) is False


def test_what_is_known_of_no_file_is_no_range() -> None:
    assert join_ranges([None, None]) is None


def test_a_file_has_the_bounds_of_its_batch_or_its_own() -> None:
    bounds = {"topic": "orders", "partition": 0, "raw": 1, "curated": 1, "rejected": 0}
    count = PartitionCount(**bounds, event_time_min=START, event_time_max=START)
    manifest = build_manifest(0, build_file("a"), build_file("r", "raw")).model_copy(update={"counts": (count,)})
    operation = build_compaction(1, ["a"], build_operation_file("b"))

    ranges = find_file_ranges([manifest], [operation])

    moment = EventRange(START, START + MICROSECOND)
    assert ranges == {"a": moment, "r": moment, "b": EventRange(START, END + MICROSECOND)}


def test_a_range_is_widened_as_far_as_there_are_years() -> None:
    day, last = timedelta(days=1), datetime.max  # noqa: DTZ901 - times of rows have no zone
    middle = EventRange(datetime(2024, 5, 1), datetime(2024, 5, 2))  # noqa: DTZ001
    assert middle.widen(day) == EventRange(middle.start - day, middle.end + day)
    assert middle.widen(3_000_000 * day).end == last
    assert middle.widen(1_000_000 * day).start == datetime.min  # noqa: DTZ901


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(2, 22, True), (1, 22, False), (2, 23, False), (0, 24, False)],
)
def test_a_range_surrounds_another_with_a_margin(start: int, end: int, expected: bool) -> None:
    day = datetime(2024, 5, 1)  # noqa: DTZ001
    hour = timedelta(hours=1)
    assert (
        EventRange(day, day + 24 * hour).surrounds(EventRange(day + start * hour, day + end * hour), hour) == expected
    )
    everything = EventRange(datetime.min, datetime.max)  # noqa: DTZ901
    assert everything.surrounds(everything, hour)
