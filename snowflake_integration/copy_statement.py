"""The COPY statement that fills a table from its files: the same text in the pipe, the backfill and the tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from connections.warehouse import quote_literal
from pipeline_contract.column_types import ColumnType
from pipeline_contract.ddl import quote_snowflake
from pipeline_contract.outputs import Output
from pipeline_contract.passport import LOAD_PASSPORT
from snowflake_integration.naming import Names, Target


class TableColumn(NamedTuple):
    """One column of a table: its quoted name, its type, and the expression that reads it from a file."""

    name: str
    type: str
    source: str


def derive_columns(output: Output) -> tuple[TableColumn, ...]:
    """The columns of an output's table: those of its files in their order, then where each row was loaded from."""
    columns = [
        TableColumn(quote_snowflake(name), kind.snowflake, read_value(output, number, name, kind))
        for number, (name, kind) in enumerate(output.columns.items(), start=1)
    ]
    columns += [
        TableColumn(quote_snowflake(name), kind.snowflake, read_metadata(kind, source))
        for name, (kind, source) in LOAD_PASSPORT.items()
    ]
    return tuple(columns)


def read_value(output: Output, number: int, name: str, kind: ColumnType) -> str:
    """The expression of one value: by name from Parquet and JSON, by position from CSV.

    Times lie in every format without a zone, in UTC: a plain cast keeps them whatever zone the account is in. A cast by
    way of an instant would shift them there.
    """
    if output.format == "csv":
        return f"${number}::{kind.snowflake}"
    return '$1:"' + name.replace('"', '""') + f'"::{kind.snowflake}'


def read_metadata(kind: ColumnType, source: str) -> str:
    """The expression of one metadata column; METADATA$START_SCAN_TIME is an instant, kept in UTC (SP21)."""
    if kind.name == "timestamp":
        return f"CONVERT_TIMEZONE('UTC', {source})::{kind.snowflake}"
    return source


def copy_statement(target: Target, location: str, options: tuple[str, ...]) -> str:
    """COPY INTO a target's table from a place in the stage; `options` follow, one a line."""
    columns = derive_columns(target.output)
    names = ",\n".join(f"    {column.name}" for column in columns)
    sources = ",\n".join(f"        {column.source}" for column in columns)
    tail = "\n".join((f"FILE_FORMAT = (FORMAT_NAME = {target.file_format})", *options))
    return f"COPY INTO {target.table} (\n{names}\n)\nFROM (\n    SELECT\n{sources}\n    FROM {location}\n)\n{tail}"


def pipe_copy(target: Target) -> str:
    """A pipe's COPY: a file with an error is skipped whole and recorded, as is Snowpipe's default (SP07)."""
    return copy_statement(target, target.location(), ("ON_ERROR = SKIP_FILE",))


def reload_copy(target: Target, file_name: str) -> str:
    """A COPY of one named file, loaded or not: bulk COPY keeps a history of its own (SP04), hence FORCE."""
    return named_copy(target, target.location(), [file_name])


def replacing_copy(target: Target, names: Names, *file_names: str) -> str:
    """A COPY of named files that a backfill has published; the names begin below the stage of the operations."""
    return named_copy(target, f"@{names.operations_stage}/", file_names)


def named_copy(target: Target, location: str, file_names: Iterable[str]) -> str:
    """A COPY of these files and no others, all or none."""
    files = ", ".join(quote_literal(name) for name in file_names)
    return copy_statement(target, location, (f"FILES = ({files})", "ON_ERROR = ABORT_STATEMENT", "FORCE = TRUE"))
