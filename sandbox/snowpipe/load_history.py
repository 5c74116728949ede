"""The load histories: what each pipe and each table's COPY has done with each file, kept beside the table itself.

One transaction of duckdb writes to one database only, so the history of a table lies in the table's database: rows and
record are committed together.
"""

# ruff: noqa: S608  names are quoted by quote_name, values by quote_text or bound
from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import duckdb

from sandbox.snowpipe.copy_engine import FileLoad
from sandbox.snowpipe.load_rules import HISTORY_STATUS, Outcome
from sandbox.snowpipe.sql_names import ObjectName, quote_name, quote_text

HISTORY_SCHEMA = "_fs_information_schema"
HISTORY_TABLE = "_sandbox_loads"
_COLUMNS = (
    "pipe_id VARCHAR, pipe_database VARCHAR, pipe_schema VARCHAR, pipe_name VARCHAR, schema_name VARCHAR, "
    "table_name VARCHAR, bucket VARCHAR, file_key VARCHAR, stage_location VARCHAR, file_name VARCHAR, "
    "file_size BIGINT, received_at TIMESTAMPTZ, loaded_at TIMESTAMPTZ, status VARCHAR, row_count BIGINT, "
    "row_parsed BIGINT, error_count BIGINT, error_limit BIGINT, first_error_message VARCHAR, "
    "first_error_line BIGINT, first_error_character BIGINT, first_error_column VARCHAR, is_current BOOLEAN"
)


class Loader(NamedTuple):
    """Who loads: a pipe, by the id of its creation, or a user's COPY, whose id and name are None."""

    pipe_id: str | None
    pipe: ObjectName | None


class FileOrigin(NamedTuple):
    """Where a file was found: its stage's URL, its name below it, and when its event arrived."""

    stage_location: str
    file_name: str
    received_at: datetime | None


class KnownLoad(NamedTuple):
    """The last record of a file: when, and how it ended."""

    loaded_at: datetime
    status: str


def history_of(database: str) -> str:
    """Return the quoted name of a database's history table."""
    return f"{quote_name(database)}.{HISTORY_SCHEMA}.{HISTORY_TABLE}"


def create_history(connection: duckdb.DuckDBPyConnection, database: str) -> None:
    """Create a database's history table unless it is there."""
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote_name(database)}.{HISTORY_SCHEMA}")
    connection.execute(f"CREATE TABLE IF NOT EXISTS {history_of(database)} ({_COLUMNS})")


def record_load(
    connection: duckdb.DuckDBPyConnection,
    loader: Loader,
    table: ObjectName,
    load: FileLoad,
    origin: FileOrigin,
    loaded_at: datetime,
) -> None:
    """Add a file's record, inside the caller's transaction."""
    error = load.first_error
    values = [
        loader.pipe_id,
        *(loader.pipe or (None, None, None)),
        table.schema,
        table.name,
        load.file.bucket,
        load.file.key,
        *origin[:2],
        load.file.size,
        origin.received_at,
        loaded_at,
        HISTORY_STATUS[load.outcome],
        load.rows_loaded,
        load.rows_parsed,
        load.errors_seen,
        load.error_limit,
        *((error.message, error.row_number, error.character, error.column_name) if error else (None,) * 4),
        True,
    ]
    marks = ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO {history_of(table.database)} VALUES ({marks})", values)


def find_pipe_load(
    connection: duckdb.DuckDBPyConnection, pipe_id: str, database: str, bucket: str, key: str
) -> KnownLoad | None:
    """Return what a pipe's history says about a file: by path and name, the ETag is ignored (SP01)."""
    row = connection.execute(
        f"SELECT loaded_at, status FROM {history_of(database)} "
        "WHERE pipe_id = ? AND bucket = ? AND file_key = ? ORDER BY loaded_at DESC LIMIT 1",
        [pipe_id, bucket, key],
    ).fetchone()
    return KnownLoad(*row) if row else None


def find_table_loads(connection: duckdb.DuckDBPyConnection, table: ObjectName, bucket: str) -> dict[str, KnownLoad]:
    """Return what COPY's own history of a table says, by key; what pipes loaded is not in it (SP04)."""
    rows = connection.execute(
        f"SELECT file_key, max(loaded_at), arg_max(status, loaded_at) FROM {history_of(table.database)} "
        "WHERE pipe_id IS NULL AND is_current AND schema_name = ? AND table_name = ? AND bucket = ? GROUP BY file_key",
        [table.schema, table.name, bucket],
    ).fetchall()
    return {key: KnownLoad(loaded_at, status) for key, loaded_at, status in rows}


def forget_table(connection: duckdb.DuckDBPyConnection, table: ObjectName) -> None:
    """End COPY's own history of a table that is dropped or created anew."""
    connection.execute(
        f"UPDATE {history_of(table.database)} SET is_current = FALSE "
        "WHERE is_current AND schema_name = ? AND table_name = ? AND pipe_id IS NULL",
        [table.schema, table.name],
    )


def insert_rows(connection: duckdb.DuckDBPyConnection, table: ObjectName, load: FileLoad) -> None:
    """Add a file's good rows to the table, inside the caller's transaction."""
    if load.rows is None or not load.rows.num_rows:
        return
    columns = ", ".join(quote_name(column.name) for column in load.columns)
    target = ".".join(quote_name(part) for part in table)
    connection.register("_sandbox_good_rows", load.rows)
    try:
        connection.execute(f"INSERT INTO {target} ({columns}) SELECT * FROM _sandbox_good_rows")
    finally:
        connection.unregister("_sandbox_good_rows")


def copy_history_sql(database: str, live_pipes: list[str]) -> str:
    """Return the query behind INFORMATION_SCHEMA.COPY_HISTORY of a database; loads of dropped pipes are left out (SP23).

    Columns: docs.snowflake.com/en/sql-reference/functions/copy_history.
    """
    pipes = ", ".join(quote_text(pipe_id) for pipe_id in live_pipes) or "''"
    return f"""SELECT file_name AS FILE_NAME, stage_location AS STAGE_LOCATION, loaded_at AS LAST_LOAD_TIME,
        row_count AS ROW_COUNT, row_parsed AS ROW_PARSED, file_size AS FILE_SIZE,
        first_error_message AS FIRST_ERROR_MESSAGE, first_error_line AS FIRST_ERROR_LINE_NUMBER,
        first_error_character AS FIRST_ERROR_CHARACTER_POS, first_error_column AS FIRST_ERROR_COLUMN_NAME,
        error_count AS ERROR_COUNT, error_limit AS ERROR_LIMIT, status AS STATUS,
        {quote_text(database)} AS TABLE_CATALOG_NAME, schema_name AS TABLE_SCHEMA_NAME, table_name AS TABLE_NAME,
        pipe_database AS PIPE_CATALOG_NAME, pipe_schema AS PIPE_SCHEMA_NAME, pipe_name AS PIPE_NAME,
        received_at AS PIPE_RECEIVED_TIME, loaded_at AS FIRST_COMMIT_TIME, bucket AS SANDBOX_BUCKET,
        file_key AS SANDBOX_FILE_KEY
    FROM {history_of(database)} WHERE pipe_id IS NULL OR pipe_id IN ({pipes})"""


def copy_result_row(load: FileLoad, url: str) -> tuple[object, ...]:
    """Return the row of COPY's result for a file: docs.snowflake.com/en/sql-reference/sql/copy-into-table, output."""
    error = load.first_error
    status = load.outcome.value if load.outcome != Outcome.ABORTED else Outcome.LOAD_FAILED.value
    return (
        url,
        status,
        load.rows_parsed,
        load.rows_loaded,
        load.error_limit,
        load.errors_seen,
        error.message if error else None,
        error.row_number if error else None,
        error.character if error else None,
        error.column_name if error else None,
    )
