"""Rows inserted by one bound JSON text: each value comes back bit for bit, in as many statements as the limits ask for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from connections import row_inserts
from connections.row_inserts import encode_rows, insert_rows, open_transaction
from connections.settings import Settings
from connections.warehouse import Connection, StatementFailed, execute_statement, open_warehouse, run_query
from pipeline_contract.column_types import BINARY
from pipeline_contract.ddl import quote_snowflake
from pipeline_contract.ways import WayTable
from tests.spark.nasty_values import COLUMNS, NASTY, show_bits

COLUMNS_AND_BYTES = COLUMNS | {"bytes": BINARY}


@pytest.fixture
def connection(warehouse_settings: Settings, unique_name: str) -> Iterator[Connection]:
    """A session in a schema of the test's own."""
    with closing(
        open_warehouse(warehouse_settings.warehouse, database="ROWS", schema=unique_name.upper(), paramstyle="qmark")
    ) as opened:
        yield opened


@pytest.fixture
def table(connection: Connection, unique_name: str) -> WayTable:
    """An empty table with a column of every type."""
    table = WayTable("curated", "ROWS", unique_name.upper(), "T", COLUMNS_AND_BYTES)
    columns = ", ".join(f"{quote_snowflake(name)} {kind.snowflake}" for name, kind in table.columns.items())
    execute_statement(connection, f"CREATE TABLE T ({columns})")
    return table


def list_values() -> list[tuple[object, ...]]:
    """Every nasty row, with bytes that are no text."""
    return [
        (number, *(row.values.get(name) for name in list(COLUMNS)[1:]), bytes([number, 0, 255]))
        for number, row in enumerate(NASTY)
    ]


def test_every_value_comes_back_bit_for_bit(connection: Connection, table: WayTable) -> None:
    rows = list_values()

    with open_transaction(connection):
        insert_rows(connection, table, rows)

    found = run_query(connection, 'SELECT * FROM T ORDER BY "N"')
    read = [tuple(show_bits(row[name.upper()]) for name in COLUMNS_AND_BYTES) for row in found]
    assert read == [tuple(map(show_bits, row)) for row in rows]
    age = datetime.now(UTC).replace(tzinfo=None) - found[0]["_LOADED_AT"]
    assert timedelta(seconds=-5) < age < timedelta(minutes=5)


def test_many_rows_go_in_as_few_texts_as_the_limits_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_inserts, "MAX_ROWS", 3)
    monkeypatch.setattr(row_inserts, "MAX_TEXT_BYTES", 40)
    rows = [("a",), ("b",), ("c",), ("d",), ("x" * 30,), ("y" * 30,), ("z" * 99,)]

    texts = list(encode_rows({"t": COLUMNS["text"]}, rows))

    assert texts == ['[["a"],["b"],["c"]]', f'[["d"],["{"x" * 30}"]]', f'[["{"y" * 30}"]]', f'[["{"z" * 99}"]]']
    assert list(encode_rows({"t": COLUMNS["text"]}, [])) == []


def test_what_is_inserted_before_a_failure_is_rolled_back(connection: Connection, table: WayTable) -> None:
    with pytest.raises(StatementFailed):
        insert_and_fail(connection, table)

    assert execute_statement(connection, "SELECT COUNT(*) FROM T").rows == [(0,)]


def insert_and_fail(connection: Connection, table: WayTable) -> None:
    """Insert rows, and then what the warehouse refuses, in one transaction."""
    with open_transaction(connection):
        insert_rows(connection, table, list_values())
        execute_statement(connection, "INSERT INTO nowhere SELECT 1")
