"""Duplicates by the contract's key: what plain Python finds, however the rows fall into batches."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from pipeline_contract.model import Dedupe
from spark_streaming.dedupe import (
    Span,
    find_duplicates,
    read_spans,
    reject_duplicates,
    remove_duplicates,
    select_keys,
    select_same_keys,
    span_times,
)
from tests.dedupe_oracle import KeyedRow, find_first_rows
from tests.spark.builders import FEW_JOBS

BEGIN = datetime(2024, 5, 1)  # noqa: DTZ001 - times of the lake have no zone
HOUR = timedelta(hours=1)
DEDUPE = Dedupe(key=("id", "kind"), within="2 hours")
SCHEMA = (
    "_topic_id string, _partition int, _offset bigint, id bigint, kind string, _event_time timestamp_ntz, "
    "_source_file string, _source_line bigint"
)
# Bounds of `within` to the microsecond; the second topic is the first one created again.
times = st.builds(
    lambda hours, more: BEGIN + hours * HOUR + more * timedelta(microseconds=1), st.integers(0, 8), st.integers(-1, 1)
)
keys = st.tuples(st.sampled_from([1, 2]), st.sampled_from(["a", None]))


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[KeyedRow], list[list[KeyedRow]]]:
    """Rows of two partitions of two topics, and the batches that they fall into."""
    rows: list[KeyedRow] = []
    batches: list[list[KeyedRow]] = []
    for topic_id in ("old", "new"):
        parts = [draw(st.lists(st.tuples(keys, times), max_size=12)) for _ in range(2)]
        of_topic = [
            [KeyedRow(topic_id, number, offset, key, time) for offset, (key, time) in enumerate(part)]
            for number, part in enumerate(parts)
        ]
        cuts = [draw(st.integers(0, len(part))) for part in of_topic]
        batches.append([row for part, cut in zip(of_topic, cuts, strict=True) for row in part[:cut]])
        batches.append([row for part, cut in zip(of_topic, cuts, strict=True) for row in part[cut:]])
        rows += [row for part in of_topic for row in part]
    return rows, batches


def frame_rows(spark: SparkSession, rows: list[tuple[int, KeyedRow]]) -> DataFrame:
    """Rows of several cases in one frame: the case stands before the partition and in the topic's id."""
    values = [
        (
            f"{case}-{r.topic_id}",
            r.partition,
            r.offset,
            case * 100 + r.key[0],
            r.key[1],
            r.time,
            f"{r.topic_id}.csv",
            r.offset,
        )
        for case, r in rows
    ]
    return spark.createDataFrame(values, SCHEMA).coalesce(1)


@FEW_JOBS
@given(st.lists(cases(), min_size=40, max_size=40))
def test_duplicates_are_what_python_finds_however_the_rows_are_split(
    spark_session: SparkSession, given_cases: list[tuple[list[KeyedRow], list[list[KeyedRow]]]]
) -> None:
    accepted: list[tuple[int, KeyedRow]] = []
    found: dict[tuple[str, int, int], str] = {}
    for number in range(4):
        batch = [(case, row) for case, (_, batches) in enumerate(given_cases) for row in batches[number]]
        rows = frame_rows(spark_session, batch)
        published = select_keys(frame_rows(spark_session, accepted), DEDUPE)
        before = select_same_keys(published, select_keys(rows, DEDUPE), DEDUPE)
        duplicates = find_duplicates(select_keys(rows, DEDUPE), before, DEDUPE).localCheckpoint()
        found |= {(r["_topic_id"], r["_partition"], r["_offset"]): r["found"] for r in duplicates.collect()}
        kept = {(r["_topic_id"], r["_partition"], r["_offset"]) for r in remove_duplicates(rows, duplicates).collect()}
        accepted += [(case, row) for case, row in batch if (f"{case}-{row.topic_id}", *row[1:3]) in kept]

    assert len(accepted) + len(found) == sum(len(rows) for rows, _ in given_cases)
    expected = {
        (f"{case}-{row.topic_id}", row.partition, row.offset): (
            f"{case}-{first.topic_id}/{first.partition}/{first.offset} {first.topic_id}.csv:{first.offset}"
        )
        for case, (rows, _) in enumerate(given_cases)
        for row, first in find_first_rows(rows, DEDUPE.within).items()
    }
    assert found == expected


def test_a_duplicate_is_rejected_with_its_bytes_and_the_first_rows_passport(spark_session: SparkSession) -> None:
    raw = spark_session.createDataFrame(
        [(bytearray(b"k"), bytearray(b"v"), BEGIN, "f.csv", 3, "orders", "id", 0, 1, BEGIN, "b-1")],
        "key binary, value binary, _kafka_timestamp timestamp_ntz, _source_file string, _source_line bigint, "
        "_topic string, _topic_id string, _partition int, _offset bigint, _event_time timestamp_ntz, _batch_id string",
    )
    duplicates = spark_session.createDataFrame(
        [("id", 0, 1, "id/0/0 f.csv:2")], "_topic_id string, _partition int, _offset bigint, found string"
    )

    [row] = reject_duplicates(raw, duplicates).collect()

    assert tuple(row) == (
        "dedupe", "duplicate", '[{"reason":"duplicate","found":"id/0/0 f.csv:2"}]', bytearray(b"v"),
        "f.csv", 3, "orders", "id", 0, 1, BEGIN, "b-1",
    )  # fmt: skip


def span(first_hour: float, last_hour: float) -> Span:
    return span_times(BEGIN + first_hour * HOUR, BEGIN + last_hour * HOUR)


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ([], []),
        ([0.5], [span(-2, 4)]),
        ([0.5, 1.5, 3], [span(-2, 6)]),
        ([0.5, 100], [span(-2, 4), span(98, 104)]),
    ],
    ids=["none", "one", "neighbours", "apart"],
)
def test_only_stretches_of_event_time_near_the_rows_are_looked_through(
    spark_session: SparkSession, hours: list[float], expected: list[Span]
) -> None:
    rows: list[Any] = [(BEGIN + hour * HOUR,) for hour in hours]
    frame = spark_session.createDataFrame(rows, "_event_time timestamp_ntz")

    assert read_spans(frame, DEDUPE) == expected
