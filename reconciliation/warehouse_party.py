"""The warehouse as a party: each table in one query, and the history of what was loaded into it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import snowflake.connector

from connections.lake_files import arrow_schema
from connections.warehouse import Connection, StatementFailed, describe_error, run_query
from pipeline_contract.ddl import quote_snowflake
from pipeline_contract.outputs import Output
from reconciliation.compared_values import compare_as
from reconciliation.row_keys import empty_zone, make_zone
from snowflake_integration.naming import Names, Target
from snowflake_integration.pipes import read_history

IN_PROGRESS = "Load in progress"
FILE_COLUMNS = {"_file_name": ("place", pa.string()), "_file_row_number": ("place_row", pa.int64())}


@dataclass(frozen=True)
class Load:
    """What the load history says of one object: its status there (SP23), and the first error."""

    status: str
    error: str = ""


@dataclass(frozen=True)
class WarehouseTable:
    """One output's table: all rows with the object that each was loaded from as `place`, and the load history by key.

    `trouble` says why nothing could be read, such as a table that does not exist; `odd_columns` are those whose values
    are no longer of the contract's type.
    """

    output: Output
    rows: pa.Table
    zone: pa.Table
    history: dict[str, Load] = field(default_factory=dict)
    trouble: str | None = None
    odd_columns: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the report calls it."""
        return self.output.table if self.output.has_pipe else f"{self.output.name} of Delta"


def read_table(connection: Connection, names: Names, target: Target, bucket: str) -> WarehouseTable:
    """A table and its load history; the history first, so that what it calls loaded is in the rows read after it."""
    output = target.output
    schema = table_schema(output)
    try:
        history = read_loads(connection, names, target, bucket)
        rows, odd = cast_rows(fetch_columns(connection, target.table, [*output.columns, *FILE_COLUMNS]), schema)
    except StatementFailed as error:
        if not error.is_about_nothing:
            raise
        return WarehouseTable(output, schema.empty_table(), empty_zone(), trouble=error.reason)
    zone = empty_zone() if output.kind == "aggregate" else make_zone(rows)
    return WarehouseTable(output, rows, zone, history, odd_columns=odd)


def table_schema(output: Output) -> Any:
    """The Arrow schema of a table's rows as they are compared: the output's columns, then file and row in it."""
    schema = arrow_schema(output.columns)
    for name, kind in FILE_COLUMNS.values():
        schema = schema.append(pa.field(name, kind))
    return schema


def cast_rows(batches: Iterable[pa.Table], schema: Any) -> tuple[pa.Table, tuple[str, ...]]:
    """The warehouse's answer in the contract's types, and the columns whose values do not fit them, which are null."""
    odd: set[str] = set()
    tables = [schema.empty_table()]
    for batch in batches:
        columns = []
        for number, wanted in enumerate(schema):
            try:
                columns.append(compare_as(batch.column(number), wanted.type))
            except pa.ArrowException:
                odd.add(wanted.name)
                columns.append(pa.nulls(batch.num_rows, wanted.type))
        tables.append(pa.table(columns, schema=schema))
    return pa.concat_tables(tables), tuple(sorted(odd))


def read_loads(connection: Connection, names: Names, target: Target, bucket: str) -> dict[str, Load]:
    """What the warehouse's history says of each object, the newest attempt; it reaches back 14 days."""
    return {key: Load(*load) for key, load in read_history(connection, names, target, bucket).items()}


def count_table(connection: Connection, target: Target) -> tuple[int, int]:
    """The rows of a table, and the different positions among them."""
    statement = f"""
        SELECT COUNT(*) AS ALL_ROWS, (
            SELECT COUNT(*) FROM (SELECT DISTINCT "_TOPIC_ID", "_PARTITION", "_OFFSET" FROM {target.table})
        ) AS DIFFERENT
        FROM {target.table}
    """  # noqa: S608 - a quoted name
    row = run_query(connection, statement)[0]
    return int(row["ALL_ROWS"]), int(row["DIFFERENT"])


def fetch_columns(connection: Connection, table: str, columns: list[str]) -> Iterator[pa.Table]:
    """These columns of a table as the warehouse hands them out, in one query."""
    names = ", ".join(quote_snowflake(name) for name in columns)
    statement = f"SELECT {names} FROM {table}"  # noqa: S608 - quoted names
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            yield from cursor.fetch_arrow_batches()
    except snowflake.connector.errors.Error as error:
        raise StatementFailed(statement, describe_error(error), error.errno) from None
