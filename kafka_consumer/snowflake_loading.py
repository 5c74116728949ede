"""Rows into a table of Snowflake, inside a transaction: by PUT and COPY where the server can, by INSERT elsewhere."""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from connections.lake_files import arrow_schema
from connections.row_inserts import Row, insert_rows
from connections.warehouse import Connection, StatementFailed, execute_statement, put_stream, quote_literal
from pipeline_contract.column_types import ColumnType
from pipeline_contract.ddl import quote_snowflake, way_table_name
from pipeline_contract.errors import ServiceError
from pipeline_contract.ways import LOADED_AT, WayTable

# A user's own stage needs no privilege; other users cannot read it.
STAGE = "@~/millrace"
_NOW = "CONVERT_TIMEZONE('UTC', METADATA$START_SCAN_TIME)::TIMESTAMP_NTZ(6)"
_FORMAT = "(TYPE = PARQUET USE_LOGICAL_TYPE = TRUE BINARY_AS_TEXT = FALSE)"

LoadRows: TypeAlias = Callable[[Connection, WayTable, Sequence[Row], str], None]


def choose_loading(connection: Connection) -> LoadRows:
    """How this server takes rows: it is asked for the files of the stage, which one without PUT does not know."""
    try:
        execute_statement(connection, f"LIST {STAGE}/")
    except StatementFailed:
        return insert_all
    return copy_all


def insert_all(connection: Connection, table: WayTable, rows: Sequence[Row], name: str) -> None:  # noqa: ARG001
    """Insert rows, thousands in a statement."""
    insert_rows(connection, table, rows)


def copy_all(connection: Connection, table: WayTable, rows: Sequence[Row], name: str) -> None:
    """Load rows as one Parquet file below this name, which the COPY deletes when it has loaded it.

    The file outlives a crash in between. Each attempt has a file of its own: a COPY passes over one whose name it has
    loaded before (SP04).
    """
    if not rows:
        return
    folder = f"{STAGE}/{table.name}/{name}-{secrets.token_hex(4)}"
    put_stream(connection, io.BytesIO(write_parquet(table, rows)), "rows.parquet", folder)
    answer = execute_statement(connection, copy_statement(table, folder))
    loaded = sum(int(row[answer.columns.index("rows_loaded")]) for row in answer.rows)
    if loaded != len(rows):
        raise ServiceError(f"COPY into {table.name} loaded {loaded} of the {len(rows)} rows of {folder}")


def write_parquet(table: WayTable, rows: Sequence[Row]) -> bytes:
    """Rows whose values follow `table.written` as one Parquet file."""
    schema = arrow_schema(table.written)
    columns: list[Any] = [
        pa.array(values, field.type) for values, field in zip(zip(*rows, strict=True), schema, strict=True)
    ]
    file = io.BytesIO()
    pq.write_table(pa.table(columns, schema=schema), file, compression="snappy")
    return file.getvalue()


def copy_statement(table: WayTable, folder: str) -> str:
    """The COPY of all files of a folder of the stage, all rows or none."""
    names = ", ".join(quote_snowflake(name) for name in (*table.written, LOADED_AT))
    values = ", ".join(_read_value(name, kind) for name, kind in table.written.items())
    return (
        f"COPY INTO {way_table_name(table)} ({names}) FROM (SELECT {values}, {_NOW} FROM {quote_literal(folder + '/')}) "  # noqa: S608
        f"FILE_FORMAT = {_FORMAT} ON_ERROR = ABORT_STATEMENT PURGE = TRUE"
    )


def _read_value(name: str, kind: ColumnType) -> str:
    return '$1:"' + name.replace('"', '""') + f'"::{kind.snowflake}'
