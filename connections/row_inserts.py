"""Rows into a table by INSERT, thousands in a statement, inside a transaction that the caller holds.

The rows travel as one bound JSON text that the warehouse takes apart. VALUES with a mark for each value would be a
statement of megabytes (Snowflake takes 1 MB) that is parsed anew each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson

from connections.warehouse import Connection, execute_statement
from pipeline_contract.column_types import ColumnType
from pipeline_contract.ddl import quote_snowflake, way_table_name
from pipeline_contract.ways import LOADED_AT, WayTable

Row = Sequence[Any]

# A bound text may have 16 MB: docs.snowflake.com/en/sql-reference/data-types-text
MAX_TEXT_BYTES = 8 * 1024 * 1024
MAX_ROWS = 20_000
_NOW = "CURRENT_TIMESTAMP()::TIMESTAMP_NTZ(6)"


@contextmanager
def open_transaction(connection: Connection) -> Iterator[None]:
    """Run the block in one transaction: committed when it ends, rolled back when it raises."""
    execute_statement(connection, "BEGIN")
    try:
        yield
    except BaseException:
        execute_statement(connection, "ROLLBACK")
        raise
    execute_statement(connection, "COMMIT")


def insert_rows(connection: Connection, table: WayTable, rows: Sequence[Row]) -> None:
    """Insert rows whose values follow `table.written`; the warehouse's clock fills the last column, in UTC.

    The connection must bind on the server (`paramstyle="qmark"`). Raise `StatementFailed` with the warehouse's reason.
    """
    statement = insert_statement(table)
    for text in encode_rows(table.written, rows):
        execute_statement(connection, statement, (text,))


def insert_statement(table: WayTable) -> str:
    """The INSERT of a table, whose one parameter is a JSON array of rows."""
    names = ", ".join(quote_snowflake(name) for name in (*table.written, LOADED_AT))
    values = ", ".join(_read_value(number, kind) for number, kind in enumerate(table.written.values()))
    rows = "TABLE(FLATTEN(INPUT => PARSE_JSON(?)))"
    return f"INSERT INTO {way_table_name(table)} ({names}) SELECT {values}, {_NOW} FROM {rows}"  # noqa: S608 - names are quoted


def encode_rows(columns: Mapping[str, ColumnType], rows: Sequence[Row]) -> Iterator[str]:
    """Rows as JSON arrays of arrays, as few as the limits allow; one row is never parted."""
    encoders = [
        (number, encode) for number, kind in enumerate(columns.values()) if (encode := _ENCODERS.get(kind.name))
    ]
    parts: list[bytes] = []
    size = 0
    for row in rows:
        values = list(row)
        for number, encode in encoders:
            if values[number] is not None:
                values[number] = encode(values[number])
        part = orjson.dumps(values)
        if parts and (len(parts) >= MAX_ROWS or size + len(part) > MAX_TEXT_BYTES):
            yield _join(parts)
            parts, size = [], 0
        parts.append(part)
        size += len(part) + 1
    if parts:
        yield _join(parts)


def _join(parts: Sequence[bytes]) -> str:
    return (b"[" + b",".join(parts) + b"]").decode()


def _write_decimal(value: Decimal) -> str:
    return format(value, "f")


def _write_time(value: datetime) -> str:
    return value.isoformat(sep=" ", timespec="microseconds")


# What JSON has no value for, or rounds, travels as text: `repr` brings back each bit of a double.
_ENCODERS: dict[str, Callable[[Any], str]] = {
    "binary": bytes.hex,
    "date": date.isoformat,
    "decimal": _write_decimal,
    "double": repr,
    "timestamp": _write_time,
}


def _read_value(number: int, kind: ColumnType) -> str:
    """The SQL that takes one value out of a row and casts it."""
    value = f"VALUE[{number}]"
    if kind.name == "binary":
        return f"TO_BINARY({value}::VARCHAR, 'HEX')"
    text = f"{value}::VARCHAR" if kind.name in _ENCODERS else value
    return f"{text}::{kind.snowflake}"
