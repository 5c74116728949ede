"""Files as Spark writes them: read back whole by Spark, by pyarrow and by Python's csv, in the documented format."""

from __future__ import annotations

import csv
import dataclasses
import gzip
import io
import math
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from connections.lake_files import parse_object
from pipeline_contract.column_types import parse_type
from pipeline_contract.outputs import Output
from pipeline_contract.passport import PASSPORT
from spark_streaming.row_files import read_output, write_output

COLUMNS = {
    "n": parse_type("bigint"),
    "text": parse_type("string"),
    "last": parse_type("string"),
    "price": parse_type("decimal(12,2)"),
    "share": parse_type("double"),
    "open": parse_type("boolean"),
    "day": parse_type("date"),
    "at": parse_type("timestamp"),
}
AT = datetime(2024, 5, 1, 10, 0, 0, 1)  # noqa: DTZ001 - times of the lake have no zone


class Text(NamedTuple):
    """A text, and the field of a CSV line that stands for it."""

    id: str
    text: str | None
    field: str


TEXTS = [
    Text("plain", "plain", "plain"),
    Text("null", None, ""),
    Text("empty", "", '""'),
    Text("blank", " ", " "),
    Text("spaces_around", "  a  ", "  a  "),
    Text("tab", "\ta\t", "\ta\t"),
    Text("quote", 'a"b', '"a""b"'),
    Text("only_quotes", '""', '""""""'),
    Text("one_quote", '"', '""""'),
    Text("comma", "a,b", '"a,b"'),
    Text("newline", "a\nb", '"a\nb"'),
    Text("carriage_return", "a\rb", '"a\rb"'),
    Text("line_end", "a\r\nb", '"a\r\nb"'),
    Text("newlines_around", "\na\n", '"\na\n"'),
    Text("carriage_return_at_the_end", "a\r", '"a\r"'),
    Text("backslash", "a\\b", "a\\b"),
    Text("backslash_at_the_end", "a\\", "a\\"),
    Text("backslash_before_quote", 'a\\"b', '"a\\""b"'),
    Text("backslash_before_comma", "a\\,b", '"a\\,b"'),
    Text("null_of_snowflake", "\\N", "\\N"),
    Text("word_null", "null", "null"),
    Text("comment_sign", "#a", "#a"),
    Text("beyond_ascii", "Ærø – 東京 😀", "Ærø – 東京 😀"),
    Text("long", "x" * 3_000_000, "x" * 3_000_000),
]


def build_output(file_format: Any) -> Output:
    return Output("curated", "curated", file_format, COLUMNS | PASSPORT, database="D", schema="S", table="T")


def build_row(number: int, text: str | None) -> tuple[Any, ...]:
    passport = ("f.csv#1", number, "orders", "id", number % 2, number, AT, "batch")
    return (number, text, text, Decimal("-1.50"), 0.1, True, date(2024, 2, 29), AT, *passport)


ROWS = [build_row(number, case.text) for number, case in enumerate(TEXTS)]
NULLS = (len(ROWS), "the row of nulls", *[None] * 6, None, None, "orders", "id", 0, len(ROWS), None, "batch")


def write_rows(spark: SparkSession, output: Output, folder: Path, rows: list[tuple[Any, ...]]) -> list[Path]:
    schema = ", ".join(f"`{name}` {kind.spark}" for name, kind in output.columns.items())
    write_output(spark.createDataFrame(rows, schema), output, str(folder), 1)
    return [path for path in folder.rglob("part-*") if not path.name.endswith(".crc")]


@pytest.fixture(scope="module")
def csv_file(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    [path] = write_rows(spark_session, build_output("csv"), tmp_path_factory.mktemp("lake") / "csv", [*ROWS, NULLS])
    return path


@pytest.fixture(scope="module")
def csv_fields(csv_file: Path) -> list[list[str]]:
    with gzip.open(csv_file, "rt", encoding="utf-8", newline="") as file:
        csv.field_size_limit(10_000_000)
        return list(csv.reader(file))


@pytest.mark.parametrize("number", range(len(TEXTS)), ids=[case.id for case in TEXTS])
def test_csv_text_stands_as_documented(number: int, csv_file: Path, csv_fields: list[list[str]]) -> None:
    fields = csv_fields[number + 1]

    assert fields[1] == fields[2] == (TEXTS[number].text or "")
    line = f"\n{number},{TEXTS[number].field},{TEXTS[number].field},-1.50,0.1,true,2024-02-29,"
    assert line in gzip.decompress(csv_file.read_bytes()).decode()


def test_csv_has_a_header_and_an_empty_field_for_each_null(csv_file: Path, csv_fields: list[list[str]]) -> None:
    assert csv_fields[0] == [*COLUMNS, *PASSPORT]
    assert csv_fields[1][7] == csv_fields[1][14] == "2024-05-01 10:00:00.000001"
    assert csv_file.name.endswith(".csv.gz")
    assert (
        gzip.decompress(csv_file.read_bytes())
        .decode()
        .endswith(f"\n{len(ROWS)},the row of nulls,,,,,,,,,orders,id,0,{len(ROWS)},,batch\n")
    )


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_spark_reads_back_what_it_wrote(spark_session: SparkSession, tmp_path: Path, file_format: str) -> None:
    output = build_output(file_format)
    write_rows(spark_session, output, tmp_path / "out", [*ROWS, NULLS])

    found = read_output(spark_session, output, [str(tmp_path / "out")]).orderBy("n").collect()

    assert [tuple(row) for row in found] == [*ROWS, NULLS]
    assert read_output(spark_session, output, []).collect() == []


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_pyarrow_reads_the_passport(spark_session: SparkSession, tmp_path: Path, file_format: str) -> None:
    output = build_output(file_format)
    [path] = write_rows(spark_session, output, tmp_path / "out", [*ROWS, NULLS])

    table = parse_object(path.read_bytes(), output, ["_topic", "_partition", "_event_time"])

    assert table.num_rows == len(ROWS) + 1
    assert table.schema.field("_event_time").type == pa.timestamp("us")
    assert table.column("_partition").to_pylist() == [row[12] for row in [*ROWS, NULLS]]
    assert table.column("_event_time").to_pylist() == [*[AT] * len(ROWS), None]


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_no_rows_are_written_as_none(spark_session: SparkSession, tmp_path: Path, file_format: str) -> None:
    output = build_output(file_format)
    paths = write_rows(spark_session, output, tmp_path / "out", [])

    assert [parse_object(path.read_bytes(), output, ["_topic"]).num_rows for path in paths] == [0] * len(paths)


def test_an_empty_text_is_quoted_in_every_place(csv_fields: list[list[str]]) -> None:
    # A reader that knows quotes, as Snowflake's, tells the two apart: see the field of the case `empty` above.
    assert {len(fields) for fields in csv_fields} == {len(COLUMNS) + len(PASSPORT)}


def test_doubles_keep_every_digit(spark_session: SparkSession, tmp_path: Path) -> None:
    values = [0.1, 1 / 3, 1e300, -5e-324, 123456789012345680.0]
    rows = [(n, None, None, None, value, None, None, None, *ROWS[0][8:]) for n, value in enumerate(values)]
    [path] = write_rows(spark_session, build_output("csv"), tmp_path / "out", rows)

    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        found = [float(row["share"]) for row in csv.DictReader(io.StringIO(file.read()))]

    assert found == values
    assert all(math.isfinite(value) for value in found)


def test_files_of_an_older_contract_are_read_as_todays(spark_session: SparkSession, tmp_path: Path) -> None:
    older = {"small": "integer", "n": "bigint", "price": "decimal(12,2)", "gone": "string"}
    newer = {"new": "string", "price": "decimal(38,2)", "n": "decimal(20,0)", "small": "bigint"}
    rows: list[Any] = [(2**31 - 1, 2**63 - 1, Decimal("1.25"), "x"), ("y", Decimal(10**35), Decimal(10**19), 2**40)]
    for number, (columns, row) in enumerate(zip((older, newer), rows, strict=True)):
        types = {name: parse_type(kind) for name, kind in columns.items()}
        output = dataclasses.replace(build_output("parquet"), columns=types)
        schema = ", ".join(f"{name} {kind.spark}" for name, kind in types.items())
        write_output(spark_session.createDataFrame([row], schema), output, f"{tmp_path}/{number}", 1)

    read = read_output(spark_session, output, [f"{tmp_path}/0", f"{tmp_path}/1"]).orderBy("small").collect()

    assert [tuple(row) for row in read] == [
        (None, Decimal("1.25"), Decimal(2**63 - 1), 2**31 - 1),
        ("y", Decimal(10**35), Decimal(10**19), 2**40),
    ]
