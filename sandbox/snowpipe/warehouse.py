"""What COPY statements and pipes share: the databases, the catalog, the stage's files, and how a load is committed."""

# ruff: noqa: S608  names are quoted by quote_name, values by quote_text or bound
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, ParamSpec, TypeVar
from urllib.parse import urlparse

import duckdb
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_random_exponential

from sandbox.snowpipe.catalog import Catalog
from sandbox.snowpipe.copy_engine import CopyEngine, TargetTable
from sandbox.snowpipe.copy_select import TableColumn
from sandbox.snowpipe.copy_statement import CopyStatement, StagePath
from sandbox.snowpipe.file_formats import FileFormat
from sandbox.snowpipe.load_history import create_history
from sandbox.snowpipe.object_store import AwsEndpoint
from sandbox.snowpipe.sql_errors import not_found
from sandbox.snowpipe.sql_names import ObjectName, SessionScope, quote_text
from sandbox.snowpipe.sql_reader import get_options
from sandbox.snowpipe.user_stage import USER_BUCKET, USER_STAGE, StagedFiles


class StageLocation(NamedTuple):
    """A stage's place: its bucket, the prefix of its URL, and the prefix with the path below the stage."""

    bucket: str
    stage_prefix: str
    prefix: str

    @property
    def stage_url(self) -> str:
        """The stage's URL as it was declared, or `@~/`."""
        return self.name_file(self.stage_prefix)

    def name_file(self, key: str) -> str:
        """What results call a file of the stage."""
        return f"@~/{key}" if self.bucket == USER_BUCKET else f"s3://{self.bucket}/{key}"


class Warehouse(NamedTuple):
    """The parts of the emulated warehouse that loading needs."""

    root: duckdb.DuckDBPyConnection
    catalog: Catalog
    store: StagedFiles
    engine: CopyEngine
    endpoint: AwsEndpoint


def locate_stage(catalog: Catalog, source: StagePath) -> StageLocation:
    """Return where a stage path lies; the URL and the path are joined as they are, a prefix and no folder (SP12)."""
    if source.stage == USER_STAGE:
        return StageLocation(USER_BUCKET, "", source.path)
    url = str(catalog.get_object("STAGE", source.stage).definition["url"])
    parsed = urlparse(url)
    stage_prefix = url[len(f"s3://{parsed.netloc}") :].lstrip("/")
    separator = "/" if source.path and stage_prefix and not stage_prefix.endswith("/") else ""
    return StageLocation(parsed.netloc, stage_prefix, stage_prefix + separator + source.path)


def resolve_file_format(catalog: Catalog, statement: CopyStatement, scope: SessionScope) -> FileFormat:
    """Return the file format by which a COPY reads."""
    stage = statement.source.stage
    declared = {} if stage == USER_STAGE else catalog.get_object("STAGE", stage).definition.get("file_format", {})
    return catalog.resolve_format(get_options(statement.options, "FILE_FORMAT"), declared, scope)


def describe_table(connection: duckdb.DuckDBPyConnection, table: ObjectName) -> TargetTable:
    """Return a table's columns, or raise Snowflake's error where it does not exist."""
    where = " AND ".join(
        f"{column} = {quote_text(part)}"
        for column, part in zip(("c.database_name", "c.schema_name", "c.table_name"), table, strict=True)
    )
    rows = connection.execute(
        f"""SELECT c.column_name, c.data_type, c.is_nullable, e.ext_character_maximum_length
        FROM duckdb_columns() c LEFT JOIN _fs_global._fs_information_schema._fs_columns_ext e
        ON e.ext_table_catalog = c.database_name AND e.ext_table_schema = c.schema_name
        AND e.ext_table_name = c.table_name AND e.ext_column_name = c.column_name
        WHERE {where} ORDER BY c.column_index"""
    ).fetchall()
    if not rows:
        raise not_found("Table", str(table))
    return TargetTable(table.database, table.schema, tuple(TableColumn(*row) for row in rows))


def is_write_conflict(error: BaseException) -> bool:
    """Return whether a transaction failed only because another one was faster."""
    return isinstance(error, duckdb.TransactionException) and "onflict" in str(error)


Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")


def retry_conflicts(function: Callable[Parameters, Answer]) -> Callable[Parameters, Answer]:
    """Return the function, tried again while another transaction is faster."""
    return retry(
        retry=retry_if_exception(is_write_conflict),
        stop=stop_after_attempt(8),
        wait=wait_random_exponential(multiplier=0.02, max=0.5),
        reraise=True,
    )(function)


@contextmanager
def open_transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """Run the block in one transaction: committed when it ends, rolled back when it raises."""
    connection.begin()
    try:
        yield connection
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


@retry_conflicts
def ensure_history(root: duckdb.DuckDBPyConnection, database: str) -> None:
    """Create the load history of a database unless it is there."""
    with root.cursor() as cursor:
        found = cursor.execute(
            "SELECT 1 FROM duckdb_tables() WHERE database_name = ? AND table_name = '_sandbox_loads'", [database]
        ).fetchone()
        if not found:
            create_history(cursor, database)
