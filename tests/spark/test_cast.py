"""Text to the contract's types, in Spark: the value, or null, and never something near it."""

# ruff: noqa: DTZ001 - times of the lake have no zone

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.column_types import parse_type
from spark_streaming.cast import cast_text
from tests.cast_cases import CASES, Case
from tests.spark.builders import FEW_JOBS


def cast_all(spark: SparkSession, cases: Sequence[Case]) -> dict[str, Any]:
    """Every case's value by its id, in one Spark job."""
    ways = {(case.kind, case.pattern): f"w{number}" for number, case in enumerate(cases)}
    columns = [cast_text(F.col("text"), parse_type(kind), way).alias(name) for (kind, way), name in ways.items()]
    texts = spark.createDataFrame([(case.id, case.text) for case in cases], "id string, text string").coalesce(1)
    found = {row["id"]: row for row in texts.select("id", *columns).collect()}
    return {case.id: found[case.id][ways[case.kind, case.pattern]] for case in cases}


@pytest.fixture(scope="module")
def values(spark_session: SparkSession) -> dict[str, Any]:
    return cast_all(spark_session, CASES)


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_text_becomes_the_value_or_null(case: Case, values: dict[str, Any]) -> None:
    assert values[case.id] == case.value
    assert type(values[case.id]) is type(case.value)


def offset_texts(time: datetime, minutes: int) -> str:
    return time.replace(tzinfo=UTC).astimezone(timezone(timedelta(minutes=minutes))).isoformat()


integers = st.integers(-(2**33), 2**33).map(
    lambda n: ("integer", str(n), n if -(2**31) <= n < 2**31 else None),
)
bigints = st.integers(-(2**65), 2**65).map(lambda n: ("bigint", str(n), n if -(2**63) <= n < 2**63 else None))
decimals = st.decimals(-(10**13), 10**13, allow_nan=False, places=4).map(
    lambda d: ("decimal(14,2)", f"{d:f}", d if d == round(d, 2) and abs(d) < 10**12 else None)
)
times = st.tuples(st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)), st.integers(-18 * 60, 18 * 60)).map(
    lambda pair: ("timestamp", offset_texts(*pair), pair[0])
)
doubles = st.floats(allow_nan=False, allow_infinity=False).map(lambda x: ("double", repr(x), x))


@FEW_JOBS
@given(st.lists(integers | bigints | decimals | times | doubles, min_size=60, max_size=100))
def test_what_python_writes_comes_back_exactly(
    spark_session: SparkSession, written: list[tuple[str, str, Any]]
) -> None:
    cases = [Case(str(number), kind, text, value) for number, (kind, text, value) in enumerate(written)]

    found = cast_all(spark_session, cases)

    assert {(c.kind, c.text): found[c.id] for c in cases} == {(c.kind, c.text): c.value for c in cases}
