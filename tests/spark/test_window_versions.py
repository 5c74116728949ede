"""Versions of windows: which stand, which are withdrawn, and which meet others."""

from __future__ import annotations

from datetime import datetime, timedelta

from pyspark.sql import DataFrame, SparkSession

from pipeline_contract.event_range import EventRange
from pipeline_contract.outputs import aggregate_columns
from spark_streaming.window_versions import (
    drop_meeting,
    drop_met,
    keep_met,
    select_meeting,
    select_newest,
    select_withdrawn,
    select_within,
)
from tests.orders import build_contract

CONTRACT = build_contract(
    aggregate=[
        {
            "name": "visits",
            "gap": "5 minutes",
            "group_by": ["country"],
            "measures": [{"name": "orders", "type": "bigint", "expression": "count(*)"}],
        }
    ]
)
[VISITS] = CONTRACT.aggregates
BEGIN = datetime(2024, 5, 1)  # noqa: DTZ001 - times of the lake have no zone
KEY = "window_start timestamp_ntz, window_end timestamp_ntz, country string"
Window = tuple[int, int, str | None]


def at(minute: int) -> datetime:
    return BEGIN + timedelta(minutes=minute)


def build_windows(spark: SparkSession, *windows: Window) -> DataFrame:
    return spark.createDataFrame([(at(start), at(end), group) for start, end, group in windows], KEY)


def show(windows: DataFrame) -> list[Window]:
    minute = timedelta(minutes=1)
    rows = [tuple(row) for row in windows.select("window_start", "window_end", "country").collect()]
    return sorted(((start - BEGIN) // minute, (end - BEGIN) // minute, group) for start, end, group in rows)


def test_the_newest_version_of_each_window_counts(spark_session: SparkSession) -> None:
    lineage, batch = "0001-a", "0001-a-0000000001"
    versions = [
        # a window by itself, of a group without a value
        (0, 5, None, lineage, 10, batch, False),
        # withdrawn by a backfill as of the same offsets
        (0, 5, "NO", lineage, 20, batch, False),
        (0, 5, "NO", lineage, 20, "backfill-000001", True),
        # withdrawn, and published again by the stream as of more
        (5, 10, "NO", lineage, 20, "backfill-000001", True),
        (5, 10, "NO", lineage, 30, batch, False),
        # a later lineage counts, though it has read less
        (9, 12, "NO", lineage, 40, batch, False),
        (9, 12, "NO", "0002-b", 5, "0002-b-0000000000", True),
    ]
    schema = f"{KEY}, _lineage string, _as_of bigint, _batch_id string, _withdrawn boolean"
    frame = spark_session.createDataFrame([(at(s), at(e), *rest) for s, e, *rest in versions], schema)

    assert show(select_newest(frame, VISITS)) == [(0, 5, None), (5, 10, "NO")]


def test_what_stands_and_is_not_computed_any_more_is_withdrawn(spark_session: SparkSession) -> None:
    newest = build_windows(spark_session, (0, 5, None), (0, 5, "NO"), (0, 7, "NO"), (8, 9, None))
    computed = build_windows(spark_session, (0, 5, None), (0, 7, "NO"), (0, 7, "SE"))

    withdrawn = select_withdrawn(newest, computed, CONTRACT, VISITS).orderBy("country")

    assert withdrawn.columns == list(aggregate_columns(CONTRACT, VISITS))
    assert [(*row,) for row in withdrawn.collect()] == [(at(8), at(9), None, None), (at(0), at(5), "NO", None)]


def test_sessions_that_meet_another_of_their_group_are_dropped(spark_session: SparkSession) -> None:
    sessions = build_windows(spark_session, (0, 5, None), (0, 5, "NO"), (6, 9, "NO"), (9, 12, "NO"))
    others = build_windows(spark_session, (4, 6, None), (8, 9, "NO"))

    assert show(drop_met(sessions, others, VISITS)) == [(0, 5, "NO"), (9, 12, "NO")]
    assert show(keep_met(sessions, others, VISITS)) == [(0, 5, None), (6, 9, "NO")]


def test_windows_of_a_span_lie_in_it_or_meet_it(spark_session: SparkSession) -> None:
    span = EventRange(at(2), at(6))
    windows = build_windows(
        spark_session, *((start, end, "NO") for start, end in [(0, 2), (0, 3), (2, 6), (5, 9), (6, 7)])
    )

    assert show(select_within(span, windows)) == [(2, 6, "NO")]
    assert show(select_meeting(span, windows)) == [(0, 3, "NO"), (2, 6, "NO"), (5, 9, "NO")]
    assert show(drop_meeting(span, windows)) == [(0, 2, "NO"), (6, 7, "NO")]
