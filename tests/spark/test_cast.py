"""Text to the contract's types, in Spark: the value, or null, and never something near it."""

# ruff: noqa: DTZ001, DTZ901 - times of the lake have no zone

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.column_types import parse_type
from spark_streaming.cast import cast_text
from tests.spark.builders import FEW_JOBS


class Case(NamedTuple):
    id: str
    kind: str
    text: str | None
    value: Any = None
    pattern: str | None = None


CASES = [
    Case("string_as_it_is", "string", " a\t\n", " a\t\n"),
    Case("string_empty", "string", "", ""),
    Case("string_null", "string", None),
    Case("integer", "integer", "42", 42),
    Case("integer_white_space", "integer", " \t42\r\n", 42),
    Case("integer_plus", "integer", "+42", 42),
    Case("integer_leading_zeros", "integer", "-007", -7),
    Case("integer_max", "integer", "2147483647", 2**31 - 1),
    Case("integer_min", "integer", "-2147483648", -(2**31)),
    Case("integer_above", "integer", "2147483648"),
    Case("integer_below", "integer", "-2147483649"),
    Case("integer_with_fraction", "integer", "1.0"),
    Case("integer_with_exponent", "integer", "1e3"),
    Case("integer_with_suffix", "integer", "1L"),
    Case("integer_hexadecimal", "integer", "0x10"),
    Case("integer_thousands", "integer", "1,000"),
    Case("integer_underscore", "integer", "1_000"),
    Case("integer_other_digits", "integer", "٣"),
    Case("integer_empty", "integer", ""),
    Case("integer_sign_alone", "integer", "-"),
    Case("integer_null", "integer", None),
    Case("integer_words", "integer", "NaN"),
    Case("bigint_max", "bigint", "9223372036854775807", 2**63 - 1),
    Case("bigint_min", "bigint", "-9223372036854775808", -(2**63)),
    Case("bigint_above", "bigint", "9223372036854775808"),
    Case("bigint_with_fraction", "bigint", "5.5"),
    Case("double", "double", "1.5", 1.5),
    Case("double_white_space", "double", "\t1.5 ", 1.5),
    Case("double_exponent", "double", "-1.5E-3", -0.0015),
    Case("double_no_leading_digit", "double", ".5", 0.5),
    Case("double_no_trailing_digit", "double", "5.", 5.0),
    Case("double_max", "double", "1.7976931348623157e308", 1.7976931348623157e308),
    Case("double_underflow", "double", "1e-400", 0.0),
    Case("double_too_great", "double", "1e400"),
    Case("double_too_small", "double", "-1e400"),
    Case("double_nan", "double", "NaN"),
    Case("double_infinity", "double", "Infinity"),
    Case("double_inf", "double", "-inf"),
    Case("double_java_suffix_d", "double", "1d"),
    Case("double_java_suffix_f", "double", "1.5f"),
    Case("double_java_hexadecimal", "double", "0x1p3"),
    Case("double_decimal_comma", "double", "1,5"),
    Case("double_empty", "double", ""),
    Case("double_point_alone", "double", "."),
    Case("boolean_true", "boolean", "true", True),
    Case("boolean_upper_case", "boolean", "FALSE", False),
    Case("boolean_letter", "boolean", "t", True),
    Case("boolean_yes", "boolean", "yes", True),
    Case("boolean_digit", "boolean", " 0 ", False),
    Case("boolean_other_digit", "boolean", "2"),
    Case("boolean_on", "boolean", "on"),
    Case("boolean_empty", "boolean", ""),
    Case("decimal", "decimal(5,2)", "1.23", Decimal("1.23")),
    Case("decimal_white_space", "decimal(5,2)", "\t1.5 ", Decimal("1.50")),
    Case("decimal_trailing_zeros", "decimal(5,2)", "1.2300000", Decimal("1.23")),
    Case("decimal_leading_zeros", "decimal(5,2)", "0" * 50 + "1.5", Decimal("1.50")),
    Case("decimal_no_leading_digit", "decimal(5,2)", "-.5", Decimal("-0.50")),
    Case("decimal_limit", "decimal(5,2)", "999.99", Decimal("999.99")),
    Case("decimal_above", "decimal(5,2)", "1000.00"),
    Case("decimal_would_round", "decimal(5,2)", "1.234"),
    Case("decimal_would_round_above", "decimal(5,2)", "999.995"),
    Case("decimal_exponent", "decimal(5,2)", "1e2"),
    Case("decimal_empty", "decimal(5,2)", ""),
    Case("decimal_point_alone", "decimal(5,2)", "."),
    Case("decimal_sign_alone", "decimal(5,2)", "+"),
    Case("decimal_38_digits", "decimal(38,0)", "9" * 38, Decimal("9" * 38)),
    Case("decimal_39_digits", "decimal(38,0)", "9" * 39),
    Case("decimal_whole_with_point", "decimal(38,0)", "5.0", Decimal(5)),
    Case("date", "date", "2013-02-28", date(2013, 2, 28)),
    Case("date_white_space", "date", "\t2013-02-28\n", date(2013, 2, 28)),
    Case("date_leap_day", "date", "2012-02-29", date(2012, 2, 29)),
    Case("date_that_does_not_exist", "date", "2013-02-30"),
    Case("date_bare_year", "date", "2013"),
    Case("date_without_zeros", "date", "2013-2-8"),
    Case("date_with_time", "date", "2013-02-28T00:00:00"),
    Case("date_special_word", "date", "today"),
    Case("date_first", "date", "0001-01-01", date(1, 1, 1)),
    Case("date_last", "date", "9999-12-31", date(9999, 12, 31)),
    Case("date_year_0", "date", "0000-12-31"),
    Case("date_empty", "date", ""),
    Case("date_own_format", "date", " 28.02.2013 ", date(2013, 2, 28), "dd.MM.yyyy"),
    Case("date_own_format_does_not_exist", "date", "31.02.2013", None, "dd.MM.yyyy"),
    Case("date_own_format_iso_given", "date", "2013-02-28", None, "dd.MM.yyyy"),
    Case("date_own_format_two_digits", "date", "28.02.13", None, "dd.MM.yyyy"),
    Case("timestamp_zulu", "timestamp", "2013-01-01T10:00:00Z", datetime(2013, 1, 1, 10)),
    Case("timestamp_without_zone", "timestamp", "2013-01-01 10:00:00", datetime(2013, 1, 1, 10)),
    Case("timestamp_without_seconds", "timestamp", "2013-01-01T10:00", datetime(2013, 1, 1, 10)),
    Case("timestamp_white_space", "timestamp", "\t2013-01-01T10:00:00Z ", datetime(2013, 1, 1, 10)),
    Case("timestamp_offset", "timestamp", "2013-01-01T10:00:00+05:30", datetime(2013, 1, 1, 4, 30)),
    Case("timestamp_offset_no_colon", "timestamp", "2013-01-01T10:00:00-0530", datetime(2013, 1, 1, 15, 30)),
    Case("timestamp_offset_too_great", "timestamp", "2013-01-01T10:00:00+19:00"),
    Case("timestamp_micros", "timestamp", "2013-01-01T10:00:00.123456Z", datetime(2013, 1, 1, 10, 0, 0, 123456)),
    Case("timestamp_millis", "timestamp", "2013-01-01T10:00:00.1", datetime(2013, 1, 1, 10, 0, 0, 100_000)),
    Case("timestamp_7_digits", "timestamp", "2013-01-01T10:00:00.1234567"),
    Case("timestamp_hour_of_no_dst_in_utc", "timestamp", "2013-03-31T02:30:00", datetime(2013, 3, 31, 2, 30)),
    Case("timestamp_date_alone", "timestamp", "2013-01-01"),
    Case("timestamp_named_zone", "timestamp", "2013-01-01T10:00:00 UTC"),
    Case("timestamp_hour_24", "timestamp", "2013-01-01T24:00:00"),
    Case("timestamp_leap_second", "timestamp", "2013-01-01T23:59:60"),
    Case("timestamp_day_that_does_not_exist", "timestamp", "2013-02-30T10:00:00Z"),
    Case("timestamp_year_0", "timestamp", "0000-12-31T10:00:00"),
    Case("timestamp_before_year_1", "timestamp", "0001-01-01T00:00:00+14:00"),
    Case("timestamp_after_year_9999", "timestamp", "9999-12-31T23:59:59-14:00"),
    Case("timestamp_last", "timestamp", "9999-12-31T23:59:59.999999Z", datetime.max),
    Case("timestamp_number", "timestamp", "1357034400"),
    Case("timestamp_empty", "timestamp", ""),
    Case("timestamp_own_format", "timestamp", "01/02/2013 10:30", datetime(2013, 1, 2, 10, 30), "MM/dd/yyyy HH:mm"),
    Case("timestamp_own_format_surplus", "timestamp", "01/02/2013 10:30:00", None, "MM/dd/yyyy HH:mm"),
    Case("timestamp_own_format_month_13", "timestamp", "13/01/2013 10:30", None, "MM/dd/yyyy HH:mm"),
    Case(
        "timestamp_own_format_offset",
        "timestamp",
        "2013-01-01 10:00 +02:00",
        datetime(2013, 1, 1, 8),
        "yyyy-MM-dd HH:mm XXX",
    ),
    Case("timestamp_own_format_before_year_1", "timestamp", "0001-01-01 +02:00", None, "yyyy-MM-dd XXX"),
]


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
