"""Reading staged CSV and JSON bytes as Snowflake reads them."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.snowpipe import csv_reader
from sandbox.snowpipe.csv_reader import read_csv
from sandbox.snowpipe.file_formats import FileFormat
from sandbox.snowpipe.json_reader import read_json
from sandbox.snowpipe.object_store import StagedFile
from sandbox.snowpipe.staged_relation import StagedRelation
from sandbox.snowpipe.staged_rows import ROW_NUMBER, StagedRows

QUOTED = FileFormat(field_optionally_enclosed_by='"', escape_unenclosed_field="")


def list_rows(rows: StagedRows) -> list[list[Any]]:
    """The rows as lists, the row number last."""
    names = [name for name in rows.table.column_names if name != "FIELD_COUNT"]
    return [[row[name] for name in names] for row in rows.table.to_pylist()]


class CsvCase(NamedTuple):
    """CSV bytes under a format, and the rows, the row number last."""

    id: str
    data: bytes
    file_format: FileFormat
    rows: list[list[Any]]


CSV_CASES = [
    CsvCase("plain", b"1,a\n2,b\n", FileFormat(), [["1", "a", 1], ["2", "b", 2]]),
    CsvCase("no-final-newline-crlf", b"1,a\r\n2,b", FileFormat(), [["1", "a", 1], ["2", "b", 2]]),
    CsvCase("empty-file", b"", FileFormat(), []),
    CsvCase("bom", b"\xef\xbb\xbf1,a\n", FileFormat(), [["1", "a", 1]]),
    CsvCase("row-numbers-count-after-the-header", b"h,i\n1,a\n", FileFormat(skip_header=1), [["1", "a", 1]]),
    CsvCase("empty-is-null", b"1,\n,b\n", FileFormat(), [["1", None, 1], [None, "b", 2]]),
    CsvCase("empty-is-text", b"1,\n", FileFormat(empty_field_as_null=False), [["1", "", 1]]),
    CsvCase("quoted-empty-is-text", b'1,""\n2,\n', QUOTED, [["1", "", 1], ["2", None, 2]]),
    CsvCase("null-if", b"NA,1\nx,NA\n", FileFormat(null_if=("NA",)), [[None, "1", 1], ["x", None, 2]]),
    CsvCase("null-if-default", b"\\N,1\n", FileFormat(), [[None, "1", 1]]),
    CsvCase("quoted-newline", b'1,"a\nb"\n2,c\n', QUOTED, [["1", "a\nb", 1], ["2", "c", 2]]),
    CsvCase("doubled-quote", b'"a ""b""",1\n', QUOTED, [['a "b"', "1", 1]]),
    CsvCase("escaped", b"a\\,b,c\n", FileFormat(), [["a,b", "c", 1]]),
    CsvCase("escape-off", b"a\\,b\n", QUOTED, [["a\\", "b", 1]]),
    CsvCase("ragged", b"1,a,x\n2\n", FileFormat(), [["1", "a", "x", 1], ["2", None, None, 2]]),
    CsvCase("trim", b' 1 , "a" \n', QUOTED.__class__(**{**vars(QUOTED), "trim_space": True}), [["1", "a", 1]]),
    CsvCase("blank-line-counts", b"1\n\n2\n", FileFormat(), [["1", 1], [None, 2], ["2", 3]]),
    CsvCase("blank-line-skipped", b"1\n\n2\n", FileFormat(skip_blank_lines=True), [["1", 1], ["2", 2]]),
    CsvCase("tab", b"1\ta\n", FileFormat(field_delimiter="\t"), [["1", "a", 1]]),
    CsvCase("long-delimiter", b"1||a\n", FileFormat(field_delimiter="||"), [["1", "a", 1]]),
    CsvCase("unicode", "é,日本\n".encode(), FileFormat(), [["é", "日本", 1]]),
]


@pytest.mark.parametrize("case", CSV_CASES, ids=lambda case: case.id)
def test_csv_rows(case: CsvCase) -> None:
    found = read_csv(case.data, case.file_format).rows
    assert list_rows(found) == case.rows
    assert found.errors == []


def test_a_broken_record_is_one_error_and_the_others_are_read() -> None:
    found = read_csv(b'1,"a"x\n2,b\n\xff,c\n4,d\n', QUOTED).rows
    assert [row[-1] for row in list_rows(found)] == [2, 4]
    assert [error.row_number for error in found.errors] == [1, 3]
    assert "Found character 'x'" in found.errors[0].message
    assert "Invalid UTF8" in found.errors[1].message


def test_an_unclosed_quote_is_an_error_at_its_record() -> None:
    found = read_csv(b'1,a\n2,"b\n3,c\n', QUOTED).rows
    assert [row[-1] for row in list_rows(found)] == [1]
    assert [error.row_number for error in found.errors] == [2]


def test_parse_header_gives_the_names() -> None:
    found = read_csv(b'id,"a b"\n1,x\n', FileFormat(parse_header=True, field_optionally_enclosed_by='"'))
    assert found.header == ["id", "a b"]
    assert list_rows(found.rows) == [["1", "x", 1]]


FIELD = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=8)


@given(st.lists(st.lists(FIELD, min_size=2, max_size=2), min_size=1, max_size=6))
def test_what_a_csv_writer_writes_is_read_back(rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    data = text.getvalue().encode()
    exact = csv_reader._read_exact(data, QUOTED)
    assert [row[:-1] for row in list_rows(read_csv(data, QUOTED).rows)] == rows
    assert [row[:-1] for row in list_rows(exact)] == rows


@given(st.lists(st.lists(st.sampled_from(["", "a", "NA", "1.5", '"x"', '""']), min_size=3, max_size=3), min_size=1))
def test_the_fast_reader_agrees_with_the_exact_one(rows: list[list[str]]) -> None:
    data = "".join(",".join(row) + "\n" for row in rows).encode()
    file_format = FileFormat(field_optionally_enclosed_by='"', escape_unenclosed_field="", null_if=("NA",))
    assert list_rows(read_csv(data, file_format).rows) == list_rows(csv_reader._read_exact(data, file_format))


class JsonCase(NamedTuple):
    """JSON bytes under a format, and the documents with their numbers."""

    id: str
    data: bytes
    strip: bool
    rows: list[list[Any]]


JSON_CASES = [
    JsonCase("lines", b'{"a":1}\n{"a":2}\n', False, [[{"a": 1}, 1], [{"a": 2}, 2]]),
    JsonCase("blank-lines", b'\n{"a":1}\r\n\n{"a":2}', False, [[{"a": 1}, 1], [{"a": 2}, 2]]),
    JsonCase("pretty", b'{\n "a": 1\n}\n{"a":2}', False, [[{"a": 1}, 1], [{"a": 2}, 2]]),
    JsonCase("one-line-many", b'{"a":1}{"a":2} 3', False, [[{"a": 1}, 1], [{"a": 2}, 2], [3, 3]]),
    JsonCase("array-kept", b"[1, 2]", False, [[[1, 2], 1]]),
    JsonCase("array-stripped", b'[{"a":1}, {"a":2}]', True, [[{"a": 1}, 1], [{"a": 2}, 2]]),
    JsonCase("big-number", b'{"a":12345678901234567890123}', False, [[{"a": 12345678901234567890123}, 1]]),
    JsonCase("empty", b"", False, []),
]


@pytest.mark.parametrize("case", JSON_CASES, ids=lambda case: case.id)
def test_json_documents(case: JsonCase) -> None:
    found = read_json(case.data, FileFormat(type="JSON", strip_outer_array=case.strip))
    assert [[json.loads(row["C1"]), row[ROW_NUMBER]] for row in found.table.to_pylist()] == case.rows
    assert found.errors == []


def test_a_broken_document_is_one_error_and_the_next_line_is_read() -> None:
    found = read_json(b'{"a":1}\n{"a":\n{"a":3}\n{"a":4}\n', FileFormat(type="JSON"))
    assert len(found.errors) == 1
    assert "Error parsing JSON" in found.errors[0].message
    assert json.loads(found.table.column("C1").to_pylist()[-1]) == {"a": 4}


def test_sp31_only_an_instant_depends_on_the_zone(tmp_path: Path) -> None:
    moment = datetime.fromisoformat("2013-01-01T12:00:00.123456")
    times = {
        "adjusted": pa.array([moment.replace(tzinfo=UTC)], pa.timestamp("us", "UTC")),
        "plain": pa.array([moment], pa.timestamp("us")),
    }
    buffer = io.BytesIO()
    pq.write_table(pa.table(times), buffer)
    file = StagedFile("bucket", "a.parquet", 1, "etag", datetime.now(UTC))
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'America/New_York'")
        relation = StagedRelation(connection, tmp_path)
        relation.open_file(file, buffer.getvalue(), FileFormat(type="PARQUET", use_logical_type=True))
        found = connection.execute("SELECT CAST(adjusted AS TIMESTAMP), CAST(plain AS TIMESTAMP) FROM _SANDBOX_FILE")
        assert found.fetchone() == (moment - timedelta(hours=5), moment)
    assert [(column.name, column.type) for column in relation.columns[:2]] == [
        ("adjusted", "TIMESTAMP WITH TIME ZONE"),
        ("plain", "TIMESTAMP"),
    ]
