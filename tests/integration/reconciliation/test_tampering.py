"""Whatever is deleted, doubled or altered behind the pipeline's back is named; put right again, all is complete."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

import pytest

from connections.warehouse import open_warehouse, run_query
from reconciliation.__main__ import app
from tests.integration.reconciliation.lake_builder import BuiltLake

ROWS = 200
REJECTED = 20  # every tenth price is wrong; the last of these rows is refused by the producer already


class Case(NamedTuple):
    id: str
    tamper: Callable[[BuiltLake], AbstractContextManager[str]]
    kind: str
    zone: str
    figures: dict[str, int]


def check(lake: BuiltLake, *options: str) -> tuple[int, dict[str, Any]]:
    result = lake.run(app, "check", str(lake.contract_file), "--json", "--quiet", *options)
    assert result.stdout, result.output
    return result.exit_code, json.loads(result.stdout)


@contextmanager
def changed_object(lake: BuiltLake, key: str, body: bytes | None) -> Iterator[str]:
    """Another body under a key, or none, for a while."""
    before = lake.s3.get_object(Bucket=lake.bucket, Key=key)["Body"].read()
    if body is None:
        lake.s3.delete_object(Bucket=lake.bucket, Key=key)
    else:
        lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=body)
    try:
        yield key
    finally:
        lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=before)


@contextmanager
def changed_table(lake: BuiltLake, kind: str, *statements: str) -> Iterator[str]:
    """A table changed by SQL for a while; {table} stands for its name."""
    connection = open_warehouse(lake.settings.warehouse)
    table = lake.table(kind)
    schema = table.rsplit(".", 1)[0]
    run_query(connection, f'CREATE OR REPLACE TABLE {schema}."BACKUP" AS SELECT * FROM {table}')
    try:
        for statement in statements:
            run_query(connection, statement.format(table=table))
        yield table
    finally:
        run_query(connection, f"DELETE FROM {table}")
        run_query(connection, f'INSERT INTO {table} SELECT * FROM {schema}."BACKUP"')
        run_query(connection, f'DROP TABLE {schema}."BACKUP"')
        connection.close()


def delete_object(kind: str) -> Callable[[BuiltLake], AbstractContextManager[str]]:
    return lambda lake: changed_object(lake, lake.keys(kind)[1], None)


def alter_object(kind: str) -> Callable[[BuiltLake], AbstractContextManager[str]]:
    """Under the key of one object lies another one's content."""

    def alter(lake: BuiltLake) -> AbstractContextManager[str]:
        keys = lake.keys(kind)
        other = lake.s3.get_object(Bucket=lake.bucket, Key=keys[0])["Body"].read()
        return changed_object(lake, keys[1], other)

    return alter


def break_object(lake: BuiltLake) -> AbstractContextManager[str]:
    return changed_object(lake, lake.keys("curated")[1], b"no rows at all")


@contextmanager
def double_object(lake: BuiltLake) -> Iterator[str]:
    """A copy of an object beside it, which the pipe loads like any other."""
    key = lake.keys("raw")[0]
    copy = key.replace("-0000.", "-copy.")
    lake.s3.copy_object(Bucket=lake.bucket, Key=copy, CopySource={"Bucket": lake.bucket, "Key": key})
    lake.wait_loaded()
    try:
        yield copy
    finally:
        lake.s3.delete_object(Bucket=lake.bucket, Key=copy)
        connection = open_warehouse(lake.settings.warehouse)
        run_query(connection, f'DELETE FROM {lake.table("raw")} WHERE "_FILE_NAME" = %s', [copy])
        connection.close()


def manifest_key(lake: BuiltLake, batch: int) -> str:
    return f"{lake.ledger().prefix}0001-abcdef/{batch:010d}.json"


def delete_manifest(batch: int) -> Callable[[BuiltLake], AbstractContextManager[str]]:
    return lambda lake: changed_object(lake, manifest_key(lake, batch), None)


def break_manifest(lake: BuiltLake) -> AbstractContextManager[str]:
    return changed_object(lake, manifest_key(lake, 1), b'{"kind": "batch"}')


@contextmanager
def double_manifest(lake: BuiltLake) -> Iterator[str]:
    """The manifest of one batch under the number of the next."""
    copy = manifest_key(lake, 3)
    lake.s3.copy_object(Bucket=lake.bucket, Key=copy, CopySource={"Bucket": lake.bucket, "Key": manifest_key(lake, 2)})
    try:
        yield copy
    finally:
        lake.s3.delete_object(Bucket=lake.bucket, Key=copy)


def alter_manifest(change: Callable[[dict[str, Any]], object]) -> Callable[[BuiltLake], AbstractContextManager[str]]:
    def alter(lake: BuiltLake) -> AbstractContextManager[str]:
        key = manifest_key(lake, 1)
        manifest = json.loads(lake.s3.get_object(Bucket=lake.bucket, Key=key)["Body"].read())
        change(manifest)
        return changed_object(lake, key, json.dumps(manifest).encode())

    return alter


def alter_rows(kind: str, *statements: str) -> Callable[[BuiltLake], AbstractContextManager[str]]:
    return lambda lake: changed_table(lake, kind, *statements)


ONE_ROW = 'WHERE "_SOURCE_LINE" = (SELECT MIN("_SOURCE_LINE") FROM {table})'
CASES = [
    Case("raw_object_deleted", delete_object("raw"), "missing", "raw objects", {"missing": 0, "loaded": 180}),
    Case("curated_object_deleted", delete_object("curated"), "missing", "curated objects", {"missing": 0, "loaded": 180}),
    Case("rejected_object_deleted", delete_object("rejected"), "missing", "rejected objects", {"rejected": REJECTED}),
    Case("object_altered", alter_object("curated"), "altered", "curated objects", {"loaded": 180}),
    Case("object_altered_doubles_rows", alter_object("raw"), "duplicate", "raw objects", {"raw": 133}),
    Case("object_broken", break_object, "altered", "curated objects", {"loaded": 180}),
    Case("object_doubled", double_object, "unexplained", "raw objects", {"raw": ROWS, "duplicates": 130}),
    Case("row_deleted", alter_rows("curated", f"DELETE FROM {{table}} {ONE_ROW}"), "missing", "table ORDERS",
         {"loaded": 179, "missing": 1}),
    Case("row_doubled", alter_rows("curated", f"INSERT INTO {{table}} SELECT * FROM {{table}} {ONE_ROW}"), "duplicate",
         "table ORDERS", {"loaded": 180, "duplicates": 1}),
    Case("row_altered", alter_rows("curated", f'UPDATE {{table}} SET "PRICE" = "PRICE" + 1 {ONE_ROW}'), "altered",
         "table ORDERS", {"loaded": 180}),
    Case("row_altered_to_null", alter_rows("curated", f'UPDATE {{table}} SET "WEIGHT" = NULL {ONE_ROW}'), "altered",
         "table ORDERS", {"loaded": 180}),
    Case("row_altered_line", alter_rows("curated", f'UPDATE {{table}} SET "_SOURCE_LINE" = 90000 {ONE_ROW}'), "altered",
         "table ORDERS", {"loaded": 179, "missing": 1}),
    Case("row_altered_offset", alter_rows("curated", f'UPDATE {{table}} SET "_OFFSET" = 90000 {ONE_ROW}'),
         "unexplained", "curated table", {"loaded": 179, "missing": 1}),
    Case("raw_bytes_altered", alter_rows("raw", f"UPDATE {{table}} SET \"VALUE\" = TO_BINARY('00', 'HEX') {ONE_ROW}"),
         "altered", "table ORDERS_RAW", {"loaded": 180}),
    Case("raw_row_deleted", alter_rows("raw", f"DELETE FROM {{table}} {ONE_ROW}"), "missing", "table ORDERS_RAW",
         {"missing": 0}),
    Case("rejected_row_deleted", alter_rows("rejected", f"DELETE FROM {{table}} {ONE_ROW}"), "missing",
         "table ORDERS_REJECTED", {"rejected": REJECTED}),
    Case("window_altered", alter_rows("aggregate", 'UPDATE {table} SET "ORDERS" = "ORDERS" + 1'), "altered",
         "table ORDERS_HOURLY_VERSIONS", {"loaded": 180}),
    Case("window_deleted", alter_rows("aggregate", "DELETE FROM {table} WHERE \"COUNTRY\" = 'DE'"), "missing",
         "table ORDERS_HOURLY_VERSIONS", {"loaded": 180}),
    Case("manifest_deleted", delete_manifest(1), "missing", "ledger", {"loaded": 180, "missing": 0}),
    Case("last_manifest_deleted", delete_manifest(2), "unexplained", "curated objects", {"loaded": 180, "missing": 0}),
    Case("manifest_broken", break_manifest, "altered", "ledger", {"loaded": 180}),
    Case("manifest_doubled", double_manifest, "altered", "ledger", {"loaded": 180, "duplicates": 0}),
    Case("manifest_counts", alter_manifest(lambda m: m["counts"][0].update(raw=1)), "altered", "ledger", {}),
    Case("manifest_ranges", alter_manifest(lambda m: m["ranges"][0].update(start=0)), "altered", "ledger", {}),
    Case("manifest_checksum", alter_manifest(lambda m: m["files"][0].update(sha256="0" * 64)), "altered",
         "raw objects", {}),
    Case("manifest_file_dropped", alter_manifest(lambda m: m["files"].pop(0)), "unexplained", "raw objects", {}),
]  # fmt: skip


CSV_CASES = ("object_altered", "row_deleted", "row_altered", "row_altered_to_null")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_was_tampered_with_is_named(case: Case, parquet_lake: BuiltLake) -> None:
    expect_named(case, parquet_lake)


@pytest.mark.parametrize("case", [case for case in CASES if case.id in CSV_CASES], ids=lambda case: case.id)
def test_a_lake_of_csv_is_watched_in_the_same_way(case: Case, csv_lake: BuiltLake) -> None:
    expect_named(case, csv_lake)


def expect_named(case: Case, lake: BuiltLake) -> None:
    with case.tamper(lake) as name:
        code, found = check(lake)

    named = [finding for finding in found["findings"] if (finding["kind"], finding["zone"]) == (case.kind, case.zone)]
    assert named, found["findings"]
    assert (code, found["complete"]) == (1, False)
    assert {figure: found[figure] for figure in case.figures} == case.figures
    assert found["produced"] == ROWS == found["curated"] + found["rejected"]
    assert found["curated"] == found["loaded"] + found["pending"] + found["missing"]
    # The object itself is named, or the rows of a table: by line and offset, or by window.
    words = [name] if "/" in name else ["windows that start at"] if "VERSIONS" in name else ["line ", "offset "]
    assert all(word in json.dumps(found["findings"]) for word in words), found["findings"]


@pytest.mark.parametrize("lake_name", ["parquet_lake", "csv_lake"])
def test_a_lake_that_is_left_alone_is_complete(lake_name: str, request: pytest.FixtureRequest) -> None:
    code, found = check(request.getfixturevalue(lake_name))

    figures = {name: found[name] for name in ("produced", "raw", "curated", "rejected", "loaded")}
    assert figures == {"produced": ROWS, "raw": ROWS, "curated": 180, "rejected": REJECTED, "loaded": 180}
    assert (found["pending"], found["missing"], found["duplicates"], found["findings"]) == (0, 0, 0, [])
    assert (code, found["complete"]) == (0, True)
    assert found["rejected_by_reason"] == {"producer:ragged_row": 1, "type:price": 19}
    # 200 minutes from 10:00: the windows of 10, 11 and 12 o'clock are published, those from 13:00 on are open.
    assert found["open_windows"] == {"hourly": 4}


def test_the_quick_check_agrees_and_says_what_it_trusts(parquet_lake: BuiltLake) -> None:
    code, found = check(parquet_lake, "--fast")
    _, full = check(parquet_lake)
    shown = parquet_lake.run(app, "check", str(parquet_lake.contract_file), "--fast", "--quiet").stdout

    figures = ("produced", "raw", "curated", "rejected", "loaded", "pending", "missing", "duplicates", "complete")
    assert {name: found[name] for name in figures} == {name: full[name] for name in figures}
    assert (code, found["mode"]) == (0, "fast")
    assert "--fast: the ledger's word and counts" in shown


def test_the_quick_check_counts_what_is_missing_and_doubled(parquet_lake: BuiltLake) -> None:
    half = 'WHERE "_SOURCE_LINE" < 12'
    with changed_table(parquet_lake, "curated", f"DELETE FROM {{table}} {half}"):
        code, found = check(parquet_lake, "--fast")
    with changed_table(parquet_lake, "curated", f"INSERT INTO {{table}} SELECT * FROM {{table}} {half}"):
        doubled = check(parquet_lake, "--fast")[1]

    assert (code, found["loaded"], found["missing"], found["complete"]) == (1, 172, 8, False)
    assert (doubled["loaded"], doubled["missing"], doubled["duplicates"]) == (180, 0, 8)


def test_the_report_is_one_table_with_every_figure(parquet_lake: BuiltLake) -> None:
    shown = parquet_lake.run(app, "check", str(parquet_lake.contract_file), "--quiet").stdout

    for line in (
        "produced",
        "raw",
        "curated",
        "rejected",
        "loaded",
        "pending",
        "missing",
        "duplicates",
        "open windows",
    ):
        assert f"│ {line}" in shown
    assert "complete: every row is accounted for, exactly once" in shown
