"""Windows computed as plain Python computes them; and the plan, which parses a value once."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.model import Contract
from pipeline_contract.outputs import AGGREGATE_PASSPORT, aggregate_columns
from spark_streaming.aggregates import WindowVersion, add_aggregate_passport, define_aggregate
from spark_streaming.curate import judge_rows, select_curated
from spark_streaming.lineage import describe_change, hash_definition
from spark_streaming.source import add_fields
from spark_streaming.windows import aggregate_rows
from tests.orders import build_contract, build_csv_contract, order_json
from tests.spark.builders import FEW_JOBS, build_messages, raw_of

HOURLY = {
    "name": "hourly",
    "window": "90 minutes",
    "group_by": ["country"],
    "measures": [
        {"name": "orders", "type": "bigint", "expression": "count(*)"},
        {"name": "mean_count", "type": "double", "expression": "avg(count)"},
        {"name": "most", "type": "integer", "expression": "max(count)"},
    ],
}
CONTRACT = build_contract(aggregate=[HOURLY])
BEGIN = datetime(2024, 5, 1)  # noqa: DTZ001 - times of the lake have no zone
SPAN = timedelta(minutes=90)
Order = tuple[datetime, str | None, int | None]
# Some on a bound of a window, and one microsecond before it.
times = st.integers(0, 40).map(lambda n: BEGIN + n * timedelta(minutes=30)) | st.integers(1, 12).map(
    lambda n: BEGIN + n * SPAN - timedelta(microseconds=1)
)
orders = st.tuples(times, st.sampled_from(["NO", "SE", None]), st.none() | st.integers(-5, 5))


def aggregate_in_python(
    given_orders: list[Order],
) -> dict[tuple[datetime, str | None], tuple[int, float | None, int | None]]:
    groups = defaultdict(list)
    for time, country, count in given_orders:
        groups[BEGIN + (time - BEGIN) // SPAN * SPAN, country].append(count)
    result = {}
    for key, counts in groups.items():
        known = [count for count in counts if count is not None]
        mean = sum(known) / len(known) if known else None
        result[key] = (len(counts), mean, max(known, default=None))
    return result


@FEW_JOBS
@given(st.lists(orders, min_size=30, max_size=60))
def test_windows_are_what_python_computes(spark_session: SparkSession, given_orders: list[Order]) -> None:
    rows = spark_session.createDataFrame(given_orders, "_event_time timestamp_ntz, country string, count int")
    [aggregate] = CONTRACT.aggregates

    # A stream's event time is an instant, a file's is not: both give the same windows.
    frames = [rows.coalesce(1), rows.coalesce(1).withColumn("_event_time", F.col("_event_time").cast("timestamp"))]
    for frame in frames:
        windows = aggregate_rows(frame, CONTRACT, aggregate)
        found = windows.collect()

        assert windows.columns == list(aggregate_columns(CONTRACT, aggregate))
        assert [dict(windows.dtypes)[n] for n in ("window_start", "window_end")] == ["timestamp_ntz"] * 2
        assert {row["window_end"] - row["window_start"] for row in found} == {SPAN}
        assert {
            (row["window_start"], row["country"]): (row["orders"], row["mean_count"], row["most"]) for row in found
        } == aggregate_in_python(given_orders)
        assert len(found) == len(aggregate_in_python(given_orders))


def test_sliding_windows_and_sessions_have_the_bounds_that_the_docs_say(spark_session: SparkSession) -> None:
    minute = timedelta(minutes=1)
    # The second row comes when the first one's gap ends, the third a moment later than the second one's.
    times = [BEGIN, BEGIN + 10 * minute, BEGIN + 20 * minute + timedelta(microseconds=1)]
    rows = spark_session.createDataFrame(
        [(t, "NO", 1) for t in times], "_event_time timestamp_ntz, country string, count int"
    )

    def find_windows(**spans: str | None) -> set[tuple[timedelta, timedelta, int]]:
        contract = build_contract(aggregate=[{k: v for k, v in (HOURLY | spans).items() if v is not None}])
        found = aggregate_rows(rows, contract, contract.aggregates[0]).collect()
        return {(row["window_start"] - BEGIN, row["window_end"] - BEGIN, row["orders"]) for row in found}

    assert find_windows(window=None, gap="10 minutes") == {
        (0 * minute, 20 * minute, 2),
        (times[2] - BEGIN, times[2] - BEGIN + 10 * minute, 1),
    }
    assert find_windows(window="20 minutes", slide="15 minutes") == {
        (-15 * minute, 5 * minute, 1), (0 * minute, 20 * minute, 2), (15 * minute, 35 * minute, 1),
    }  # fmt: skip


def test_windows_carry_their_passport(spark_session: SparkSession) -> None:
    windows = spark_session.createDataFrame([(1,)], "orders bigint")

    version = WindowVersion("0001-a", 42, "b-1")
    [row] = add_aggregate_passport(windows, CONTRACT, version).select(*AGGREGATE_PASSPORT).collect()

    assert tuple(row) == ("orders", "0001-a", 42, False, "b-1")


def test_a_changed_aggregate_or_watermark_is_named() -> None:
    other = build_contract(aggregate=[HOURLY | {"window": "1 hour"}])
    later = build_contract(aggregate=[HOURLY], event_time={"column": "at", "watermark": "2 hours"})

    before, spans, marks = (define_aggregate(c, c.aggregates[0]) for c in (CONTRACT, other, later))

    assert describe_change(before, spans) == "window was 1:30:00, now 1:00:00"
    assert describe_change(before, marks) == "watermark was 1:00:00, now 2:00:00"
    assert len({hash_definition(d) for d in (before, spans, marks)}) == 3
    again = build_contract(aggregate=[HOURLY])
    assert define_aggregate(again, again.aggregates[0]) == before


@pytest.mark.parametrize("contract", [build_contract(), build_csv_contract()], ids=["json", "csv"])
def test_a_value_is_parsed_once_a_row(spark_session: SparkSession, contract: Contract) -> None:
    raw = raw_of(spark_session, contract, build_messages([order_json()])).localCheckpoint()

    curated = select_curated(judge_rows(raw, contract, {}), contract)

    plan = curated._jdf.queryExecution().executedPlan().toString()
    parser = {"json": "from_json", "csv": "from_csv"}[contract.topic.value_format]
    # One that reads the message; the other from_json, of a rejected message's envelope, is not in valid rows' way.
    fields = re.findall(rf"{parser}\([^\n]*?StructField\(_?corrupt", plan)
    assert len(fields) == 1, plan
    assert plan.count("Generate inline") == 2


def test_added_fields_keep_a_row_a_row(spark_session: SparkSession) -> None:
    frame = spark_session.createDataFrame([(1, "a"), (2, None)], "n int, a string")
    struct = F.when(F.col("a").isNotNull(), F.struct("a", "n"))

    rows = add_fields(frame, struct, ["x", "y"]).orderBy("n").collect()

    assert [tuple(row) for row in rows] == [(1, "a", "a", 1), (2, None, None, None)]
