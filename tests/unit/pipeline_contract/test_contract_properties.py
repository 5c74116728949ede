"""Rules that hold for every input."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_contract.column_types import ColumnType, parse_type
from pipeline_contract.durations import parse_duration
from pipeline_contract.message import KEY_SEPARATOR, choose_partition, encode_csv, encode_json, encode_key

SIMPLE = st.sampled_from(["string", "integer", "bigint", "double", "boolean", "date", "timestamp"]).map(ColumnType)
DECIMALS = st.integers(1, 38).flatmap(lambda p: st.integers(0, p).map(lambda s: ColumnType("decimal", p, s)))
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
ROWS = st.lists(TEXT | st.none(), min_size=1, max_size=5)
UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


@given(SIMPLE | DECIMALS)
def test_a_type_is_read_back_from_its_text(column_type: ColumnType) -> None:
    assert parse_type(str(column_type)) == column_type


@given(SIMPLE | DECIMALS)
def test_every_type_has_a_name_in_every_system(column_type: ColumnType) -> None:
    assert all([column_type.spark, column_type.snowflake, column_type.glue, column_type.json_schema["type"]])


@given(st.text(max_size=20))
def test_any_other_text_is_no_type(text: str) -> None:
    try:
        read = parse_type(text)
    except ValueError as error:
        assert "allowed: string, integer" in str(error)  # noqa: PT017 - both outcomes are right, each on its text
    else:
        assert str(read) == text.replace(" ", "")


@given(st.integers(1, 10_000), st.sampled_from(sorted(UNITS)), st.sampled_from(["", "s"]))
def test_a_duration_is_number_times_unit(number: int, unit: str, plural: str) -> None:
    assert parse_duration(f"{number} {unit}{plural}") == timedelta(seconds=number * UNITS[unit])


@pytest.mark.parametrize(
    "text", ["", "1", "hour", "0 hours", "-1 day", "1.5 hours", "1  hour", "1 hours ago", "1 week"]
)
def test_another_text_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="allowed: a whole number and a unit"):
        parse_duration(text)


@given(st.binary(max_size=40), st.integers(1, 1000))
def test_a_partition_exists_and_stays(key: bytes, partitions: int) -> None:
    partition = choose_partition(key, partitions)

    assert 0 <= partition < partitions
    assert partition == choose_partition(bytes(key), partitions)


def test_the_partition_of_a_key_never_changes() -> None:
    # Rows of one key must stay in one partition for ever: these are CRC-32 as published, check value 0xCBF43926.
    assert choose_partition(b"123456789", 2**32) == 0xCBF43926
    assert [choose_partition(key, 4) for key in (b"UA\x1f1545", b"AA\x1f2", b"")] == [3, 1, 0]


@given(ROWS, TEXT, st.integers(1, 2**62))
def test_a_csv_value_is_read_back(values: list[str | None], source_file: str, line: int) -> None:
    encoded = encode_csv(values, source_file, line).decode()

    read = list(csv.reader(io.StringIO(encoded, newline="")))

    assert read == [[source_file, str(line), *(value or "" for value in values)]]


@given(ROWS, TEXT, st.integers(1, 2**62))
def test_a_json_value_is_read_back(values: list[str | None], source_file: str, line: int) -> None:
    names = [f"c{number}" for number in range(len(values))]

    read = json.loads(encode_json(["_source_file", "_source_line", *names], values, source_file, line))

    named = {name: value for name, value in zip(names, values, strict=True) if value is not None}
    assert read == {"_source_file": source_file, "_source_line": line} | named


@given(st.lists(TEXT, min_size=1, max_size=3))
def test_a_key_is_its_columns_text(values: list[str]) -> None:
    assert encode_key(values).decode() == KEY_SEPARATOR.join(values)
