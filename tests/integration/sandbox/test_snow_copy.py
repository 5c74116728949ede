"""COPY INTO of Parquet, CSV and JSON: values, row numbers, bad rows, the table's own load history."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from snowflake.connector.errors import ProgrammingError

from tests.integration.sandbox.snow_lab import SnowLab, write_parquet

MOMENT = datetime.fromisoformat("2013-01-01T00:00:00.123456")
CSV = "TYPE=CSV FIELD_OPTIONALLY_ENCLOSED_BY='\"' SKIP_HEADER=1"


def make_rows(count: int) -> pa.Table:
    """Rows of every kind of type that the pipeline writes."""
    moments = [MOMENT + timedelta(seconds=i) for i in range(count)]
    return pa.table(
        {
            "id": pa.array(range(count), pa.int64()),
            "näme": [f"n{i}" for i in range(count)],
            "raw": [b"\xff\x00" + bytes([i % 256]) for i in range(count)],
            "at": pa.array([moment.replace(tzinfo=UTC) for moment in moments], pa.timestamp("us", "UTC")),
            "amount": pa.array([Decimal(i) / 4 for i in range(count)], pa.decimal128(10, 2)),
            "ok": [i % 2 == 0 for i in range(count)],
        }
    )  # fmt: skip


def test_parquet_types_and_metadata_columns(snow: SnowLab) -> None:
    snow.put("p/d=1/it's ä+.parquet", write_parquet(make_rows(3)))
    snow.make_stage("st", "p/", "TYPE=PARQUET USE_LOGICAL_TYPE=TRUE BINARY_AS_TEXT=FALSE")
    snow.run("CREATE TABLE t (id NUMBER(19,0), n VARCHAR, raw BINARY, at TIMESTAMP_NTZ(6), amount NUMBER(10,2), ok BOOLEAN,"
             " nope VARCHAR, f VARCHAR, r NUMBER, k VARCHAR, m TIMESTAMP_NTZ, s TIMESTAMP_NTZ(6), v VARIANT)")  # fmt: skip
    before = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=5)
    result = snow.run(
        """COPY INTO t FROM (SELECT $1:"id"::NUMBER(19,0), t.$1:"näme"::VARCHAR, $1:raw::BINARY,
        CONVERT_TIMEZONE('UTC', $1:at::TIMESTAMP_LTZ(6))::TIMESTAMP_NTZ(6), $1:amount::NUMBER(10,2), $1:ok::BOOLEAN,
        $1:ID, METADATA$FILENAME, METADATA$FILE_ROW_NUMBER, METADATA$FILE_CONTENT_KEY, METADATA$FILE_LAST_MODIFIED,
        CONVERT_TIMEZONE('UTC', METADATA$START_SCAN_TIME)::TIMESTAMP_NTZ(6), $1 FROM @st/d=1/ t)"""
    )
    url = f"s3://{snow.bucket}/p/d=1/it's ä+.parquet"
    assert result == [(url, "LOADED", 3, 3, 1, 0, None, None, None, None)]
    rows = snow.run("SELECT id, n, raw, at, amount, ok, nope, f, r FROM t ORDER BY id")
    assert rows[1] == (1, "n1", bytearray(b"\xff\x00\x01"), MOMENT + timedelta(seconds=1), Decimal("0.25"), False, None,
                       "p/d=1/it's ä+.parquet", 2)  # fmt: skip
    key, modified, scanned, name = snow.run('SELECT k, m, s, v:"näme"::VARCHAR FROM t WHERE id = 0')[0]
    assert len(key) == 32
    assert min(modified, scanned) > before
    assert name == "n0"


def test_sp31_a_time_is_an_instant_or_has_no_zone_as_the_file_says(snow: SnowLab) -> None:
    times = {
        "instant": pa.array([MOMENT.replace(tzinfo=UTC)], pa.timestamp("us", "America/New_York")),
        "plain": pa.array([MOMENT], pa.timestamp("us")),
    }
    snow.put("p/a.parquet", write_parquet(pa.table(times)))
    snow.make_stage("st", "p/", "TYPE=PARQUET USE_LOGICAL_TYPE=TRUE")
    snow.run("CREATE TABLE t (instant_ntz TIMESTAMP_NTZ(6), plain_ntz TIMESTAMP_NTZ(6), instant_there TIMESTAMP_NTZ(6),"
             " instant_tz TIMESTAMP_TZ, plain_ltz TIMESTAMP_LTZ(6))")  # fmt: skip
    snow.run(
        """COPY INTO t FROM (SELECT $1:"instant"::TIMESTAMP_NTZ(6), $1:"plain"::TIMESTAMP_NTZ(6),
        CONVERT_TIMEZONE('America/New_York', $1:"instant")::TIMESTAMP_NTZ(6), $1:"instant", $1:"plain"::TIMESTAMP_LTZ(6)
        FROM @st)"""
    )
    [row] = snow.run("SELECT instant_ntz, plain_ntz, instant_there, instant_tz, plain_ltz FROM t")
    # The session's zone is UTC.
    assert row[:2] == (MOMENT, MOMENT)
    assert row[2] == MOMENT - timedelta(hours=5)
    assert [value.astimezone(UTC) for value in row[3:]] == [MOMENT.replace(tzinfo=UTC)] * 2


def test_sp31_without_the_options_timestamps_are_numbers_and_bytes_are_text(snow: SnowLab) -> None:
    snow.put("p/a.parquet", write_parquet(make_rows(1)))
    snow.make_stage("st", "p/", "TYPE=PARQUET")
    snow.run("CREATE TABLE t (at NUMBER, raw BINARY)")
    snow.run("COPY INTO t (at) FROM (SELECT $1:at FROM @st)")
    assert snow.run("SELECT at FROM t") == [(1356998400123456,)]
    with pytest.raises(ProgrammingError, match=r"a\.parquet"):
        snow.run("COPY INTO t (raw) FROM (SELECT $1:raw::BINARY FROM @st) FORCE=TRUE")


def test_csv_gzip_plain_and_selected(snow: SnowLab) -> None:
    text = 'id,name,value\n1,"a, ""b""\nc",1.5\n2,,\n3,"",NaN\n'
    snow.put("c/a.csv.gz", gzip.compress(text.encode()))
    snow.make_stage("st", "c/", CSV)
    snow.run("CREATE TABLE t (id NUMBER(19,0), name VARCHAR, value FLOAT)")
    snow.run("COPY INTO t FROM @st")
    rows = snow.run("SELECT id, name, value = 'NaN'::FLOAT FROM t ORDER BY id")
    assert rows == [(1, 'a, "b"\nc', False), (2, None, None), (3, "", True)]
    snow.run("CREATE TABLE u (n NUMBER, name VARCHAR, line NUMBER, nothing VARCHAR)")
    snow.run("COPY INTO u FROM (SELECT t.$1::NUMBER * 10, UPPER($2), METADATA$FILE_ROW_NUMBER, $9 FROM @st t)")
    assert snow.run("SELECT n, line, nothing FROM u ORDER BY n") == [(10, 1, None), (20, 2, None), (30, 3, None)]


def test_csv_binary_formats_and_timestamps(snow: SnowLab) -> None:
    snow.put("c/a.csv", b"h\n/wA=,2013-01-01 00:00:00.123456,1356998400\n")
    snow.make_stage("st", "c/", "TYPE=CSV SKIP_HEADER=1 BINARY_FORMAT=BASE64")
    snow.run("CREATE TABLE t (raw BINARY, at TIMESTAMP_NTZ(6), epoch TIMESTAMP_NTZ(6))")
    snow.run("COPY INTO t FROM (SELECT $1, $2::TIMESTAMP_NTZ(6), TO_TIMESTAMP_NTZ($3) FROM @st)")
    assert snow.run("SELECT * FROM t") == [(bytearray(b"\xff\x00"), MOMENT, datetime.fromisoformat("2013-01-01"))]
    snow.run("CREATE TABLE u (raw BINARY)")
    snow.run("COPY INTO u FROM (SELECT TO_BINARY($1, 'BASE64') FROM @st)")
    assert snow.run("SELECT * FROM u") == [(bytearray(b"\xff\x00"),)]


def test_json_lines_and_arrays(snow: SnowLab) -> None:
    snow.put(
        "j/a.json.gz", gzip.compress(b'{"id": 1, "tags": ["x"], "at": "2013-01-01T00:00:00.123456"}\n{"id": null}\n')
    )
    snow.put("k/a.json", b'[{"id": 7}, {"id": 8}]')
    snow.make_stage("st", "j/", "TYPE=JSON")
    snow.make_stage("arrays", "k/", "TYPE=JSON STRIP_OUTER_ARRAY=TRUE")
    snow.run("CREATE TABLE t (id NUMBER, tag VARCHAR, at TIMESTAMP_NTZ(6), whole VARIANT, line NUMBER)")
    snow.run("COPY INTO t FROM (SELECT $1:id::NUMBER, $1:tags[0]::VARCHAR, $1:at::TIMESTAMP_NTZ(6), $1, "
             "METADATA$FILE_ROW_NUMBER FROM @st)")  # fmt: skip
    assert snow.run("SELECT id, tag, at, whole:tags[0]::VARCHAR, line FROM t ORDER BY line") == [
        (1, "x", MOMENT, "x", 1), (None, None, None, None, 2),
    ]  # fmt: skip
    snow.run("CREATE TABLE v (doc VARIANT)")
    snow.run("COPY INTO v FROM @arrays")
    assert snow.run("SELECT doc:id::NUMBER FROM v ORDER BY 1") == [(7,), (8,)]


@pytest.mark.parametrize(
    ("key", "body", "file_format"),
    [
        ("m/a.parquet", write_parquet(pa.table({"Id": [1], "name": ["x"], "more": [2]})), "TYPE=PARQUET"),
        ("m/a.json", b'{"Id": 1, "name": "x", "more": 2}', "TYPE=JSON"),
        ("m/a.csv", b"Id,name,more\n1,x,2\n", "TYPE=CSV PARSE_HEADER=TRUE ERROR_ON_COLUMN_COUNT_MISMATCH=FALSE"),
    ],
    ids=["parquet", "json", "csv"],
)
def test_sp18_sp19_columns_matched_by_name(snow: SnowLab, key: str, body: bytes, file_format: str) -> None:
    snow.put(key, body)
    snow.make_stage("st", "m/", file_format)
    snow.run("CREATE TABLE t (name VARCHAR, id NUMBER, f VARCHAR, nothing VARCHAR)")
    snow.run("COPY INTO t FROM @st MATCH_BY_COLUMN_NAME=CASE_INSENSITIVE INCLUDE_METADATA=(f=METADATA$FILENAME)")
    assert snow.run("SELECT * FROM t") == [("x", 1, key, None)]
    snow.run("CREATE TABLE u (other VARCHAR, more NUMBER)")
    snow.run("COPY INTO u FROM @st MATCH_BY_COLUMN_NAME=CASE_SENSITIVE")
    assert snow.run("SELECT * FROM u") == [(None, None)]


class BadRowCase(NamedTuple):
    """An ON_ERROR over a file with bad rows 2 and 4 of 5, and COPY's status and loaded rows."""

    on_error: str
    status: str
    loaded: int
    limit: int


BAD_ROWS = [
    BadRowCase("CONTINUE", "PARTIALLY_LOADED", 3, 5),
    BadRowCase("SKIP_FILE", "LOAD_FAILED", 0, 1),
    BadRowCase("SKIP_FILE_2", "LOAD_FAILED", 0, 2),
    BadRowCase("SKIP_FILE_3", "PARTIALLY_LOADED", 3, 3),
    BadRowCase("'SKIP_FILE_40%'", "PARTIALLY_LOADED", 3, 2),
    BadRowCase("'SKIP_FILE_39%'", "LOAD_FAILED", 0, 1),
]


@pytest.mark.parametrize("case", BAD_ROWS, ids=lambda case: case.on_error)
def test_sp07_sp08_bad_rows(snow: SnowLab, case: BadRowCase) -> None:
    snow.put("c/bad.csv", b"id,name\n1,a\nx,b\n3,c\n4,much too long\n5,e\n")
    snow.make_stage("st", "c/", CSV)
    snow.run("CREATE TABLE t (id NUMBER(10,0) NOT NULL, name VARCHAR(5))")
    url = f"s3://{snow.bucket}/c/bad.csv"
    result = snow.run(f"COPY INTO t FROM @st ON_ERROR={case.on_error}")
    error = ("Numeric value 'x' is not recognized", 2, None, "ID")
    assert result == [(url, case.status, 5, case.loaded, case.limit, 2, *error)]
    assert snow.run("SELECT id FROM t ORDER BY id") == [(1,), (3,), (5,)][: case.loaded]


def test_sp07_a_copy_aborts_and_leaves_nothing(snow: SnowLab) -> None:
    snow.put("c/a.csv", b"id\n1\n")
    snow.put("c/b.csv", b"id\n1\nx\n")
    snow.make_stage("st", "c/", CSV)
    snow.run("CREATE TABLE t (id NUMBER)")
    with pytest.raises(ProgrammingError, match=r"(?s)Numeric value 'x' is not recognized.*c/b.csv.*line 2"):
        snow.run("COPY INTO t FROM @st")
    assert snow.run("SELECT COUNT(*) FROM t") == [(0,)]
    assert snow.history("T") == []


class BadFileCase(NamedTuple):
    """A file of which a part or nothing can be read, and the reason that COPY gives."""

    id: str
    body: bytes
    file_format: str
    reason: str


BAD_FILES = [
    BadFileCase("no-parquet", b"PAR1 this is not", "TYPE=PARQUET", ""),
    BadFileCase("no-gzip", b"1,a\n", "TYPE=CSV COMPRESSION=GZIP", "not valid gzip"),
    BadFileCase("too-few-columns", b"1\n", "TYPE=CSV", "Number of columns in file (1) does not match"),
    BadFileCase("too-many-columns", b"1,a,b\n", "TYPE=CSV", "Number of columns in file (3) does not match"),
    BadFileCase("null", b",a\n", "TYPE=CSV", "NULL result in a non-nullable column 'ID'"),
    BadFileCase("too-large", b"99999999999999,a\n", "TYPE=CSV", "Numeric value '99999999999999' is not recognized"),
    BadFileCase("not-utf-8", b"1,\xff\n", "TYPE=CSV", "Invalid UTF8"),
]


@pytest.mark.parametrize("case", BAD_FILES, ids=lambda case: case.id)
def test_unreadable_files_fail_with_their_reason(snow: SnowLab, case: BadFileCase) -> None:
    snow.put("c/bad", case.body)
    snow.make_stage("st", "c/", case.file_format)
    snow.run("CREATE TABLE t (id NUMBER(10,0) NOT NULL, name VARCHAR)")
    source = "(SELECT $1:id, $1:name FROM @st)" if case.file_format == "TYPE=PARQUET" else "@st"
    (row,) = snow.run(f"COPY INTO t FROM {source} ON_ERROR=CONTINUE")
    assert row[1] == "LOAD_FAILED"
    assert case.reason in row[6]
    assert snow.run("SELECT COUNT(*) FROM t") == [(0,)]


def test_ragged_rows_are_loaded_when_they_may_be(snow: SnowLab) -> None:
    snow.put("c/a.csv", b"1,a,extra\n2\n")
    snow.make_stage("st", "c/", "TYPE=CSV ERROR_ON_COLUMN_COUNT_MISMATCH=FALSE")
    snow.run("CREATE TABLE t (id NUMBER, name VARCHAR)")
    snow.run("COPY INTO t FROM @st")
    assert snow.run("SELECT * FROM t ORDER BY id") == [(1, "a"), (2, None)]


def test_an_altered_file_format_is_read_by_from_then_on(snow: SnowLab) -> None:
    snow.put("c/a.csv", b"h\n1|a\n")
    snow.run("CREATE FILE FORMAT pipes TYPE=CSV SKIP_HEADER=1")
    snow.make_stage("st", "c/", "FORMAT_NAME=pipes")
    snow.run("CREATE TABLE t (id NUMBER, name VARCHAR)")
    assert snow.run("COPY INTO t FROM @st ON_ERROR=SKIP_FILE")[0][1] == "LOAD_FAILED"
    snow.run("ALTER FILE FORMAT pipes SET FIELD_DELIMITER='|'")
    assert snow.run("COPY INTO t FROM @st")[0][1] == "LOADED"
    assert snow.run("SELECT * FROM t") == [(1, "a")]


def count_files(result: list[Any]) -> int:
    """The number of files that a COPY has loaded."""
    return 0 if len(result[0]) == 1 else len(result)


def test_sp04_a_copy_remembers_its_files_until_the_table_is_new(snow: SnowLab) -> None:
    snow.put("c/a.csv", b"1\n")
    snow.make_stage("st", "c/", "TYPE=CSV")
    snow.run("CREATE TABLE t (id NUMBER)")
    copy = "COPY INTO t FROM @st"
    assert count_files(snow.run(copy)) == 1
    assert snow.run(copy) == [("Copy executed with 0 files processed.",)]
    snow.put("c/b.csv", b"2\n")
    assert count_files(snow.run(copy)) == 1
    assert count_files(snow.run(f"{copy} FORCE=TRUE")) == 2
    snow.run("TRUNCATE TABLE t")
    assert count_files(snow.run(copy)) == 0
    snow.run("CREATE TABLE IF NOT EXISTS t (id NUMBER)")
    assert count_files(snow.run(copy)) == 0
    snow.run("CREATE OR REPLACE TABLE t (id NUMBER)")
    assert count_files(snow.run(copy)) == 2


def test_files_pattern_and_purge_choose_and_remove(snow: SnowLab) -> None:
    for name in ("a.csv", "b.csv", "c.txt"):
        snow.put(f"c/x/{name}", b"1\n")
    snow.make_stage("st", "c/", "TYPE=CSV")
    snow.run("CREATE TABLE t (id NUMBER)")
    assert count_files(snow.run("COPY INTO t FROM @st/x/ FILES=('a.csv')")) == 1
    assert count_files(snow.run("COPY INTO t FROM @st PATTERN='x/.*[.]csv' FORCE=TRUE PURGE=TRUE")) == 2
    assert [row[0] for row in snow.run("LIST @st")] == [f"s3://{snow.bucket}/c/x/c.txt"]
    with pytest.raises(ProgrammingError, match=r"gone\.csv"):
        snow.run("COPY INTO t FROM @st FILES=('gone.csv')")


def test_delete_and_copy_in_one_transaction_are_seen_together(snow: SnowLab) -> None:
    snow.put("c/a.csv", b"1\n")
    snow.make_stage("st", "c/", "TYPE=CSV")
    snow.run("CREATE TABLE t (id NUMBER)")
    snow.run("INSERT INTO t VALUES (0)")
    snow.run("BEGIN")
    snow.run("DELETE FROM t")
    snow.run("COPY INTO t FROM @st FORCE=TRUE")
    snow.run("ROLLBACK")
    assert snow.run("SELECT id FROM t") == [(0,)]
    assert snow.history("T") == []
    snow.run("BEGIN")
    snow.run("DELETE FROM t")
    snow.run("COPY INTO t FROM @st")
    snow.run("COMMIT")
    assert snow.run("SELECT id FROM t") == [(1,)]
