"""A user's COPY INTO: which files, by the table's own load history (SP04), in one transaction, with Snowflake's result."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import duckdb

from sandbox.snowpipe.copy_engine import FileLoad, TargetTable
from sandbox.snowpipe.copy_statement import CopyStatement, is_forced, select_files
from sandbox.snowpipe.load_history import (
    FileOrigin,
    Loader,
    copy_result_row,
    find_table_loads,
    insert_rows,
    record_load,
)
from sandbox.snowpipe.load_rules import Outcome, is_known_to_table
from sandbox.snowpipe.object_store import FileMissing, StagedFile
from sandbox.snowpipe.pipe_loader import fail_file
from sandbox.snowpipe.sql_errors import LoadAborted, SqlError
from sandbox.snowpipe.sql_names import SessionScope
from sandbox.snowpipe.sql_reader import get_list, is_true
from sandbox.snowpipe.warehouse import StageLocation, Warehouse, describe_table, locate_stage, resolve_file_format

RESULT_COLUMNS = (
    "file", "status", "rows_parsed", "rows_loaded", "error_limit", "errors_seen", "first_error", "first_error_line",
    "first_error_character", "first_error_column_name",
)  # fmt: skip


class CopyResult(NamedTuple):
    """What a COPY reports: its columns and one row a file."""

    columns: tuple[str, ...]
    rows: list[tuple[object, ...]]


def run_copy(
    warehouse: Warehouse, connection: duckdb.DuckDBPyConnection, statement: CopyStatement, scope: SessionScope
) -> CopyResult:
    """Carry out a COPY inside the caller's transaction; raises LoadAborted where ON_ERROR says so."""
    target = describe_table(connection, statement.target)
    location = locate_stage(warehouse.catalog, statement.source)
    try:
        files = _choose_files(warehouse, statement, location)
    except FileMissing as error:
        raise SqlError(f"Failure using stage area. Cause: [{error}]", 2003, "02000") from None
    known = find_table_loads(connection, statement.target, location.bucket)
    now = datetime.now(UTC)
    skipped = [key for key, load in known.items() if not is_forced(statement) and is_known_to_table(*load, now)]
    loads = [_read_file(warehouse, statement, scope, target, file) for file in files if file.key not in skipped]
    if not loads:
        return CopyResult(("status",), [("Copy executed with 0 files processed.",)])
    # All are read before the first row is inserted: inside a user's transaction, too, an aborted COPY leaves nothing.
    for load in loads:
        insert_rows(connection, statement.target, load)
        origin = FileOrigin(location.stage_url, load.file.key[len(location.stage_prefix) :], None)
        record_load(connection, Loader(None, None), statement.target, load, origin, datetime.now(UTC))
    if is_true(statement.options.get("PURGE")):
        for load in loads:
            if load.outcome == Outcome.LOADED:
                warehouse.store.delete_file(load.file.bucket, load.file.key)
    if is_true(statement.options.get("RETURN_FAILED_ONLY")):
        loads = [load for load in loads if load.outcome != Outcome.LOADED]
    rows = [copy_result_row(load, location.name_file(load.file.key)) for load in loads]
    return CopyResult(RESULT_COLUMNS, rows)


def _choose_files(warehouse: Warehouse, statement: CopyStatement, location: StageLocation) -> list[StagedFile]:
    listed = {file.key: file for file in warehouse.store.list_files(location.bucket, location.prefix)}
    relative = {key[len(location.prefix) :].lstrip("/"): file for key, file in listed.items()}
    chosen = select_files(statement, list(relative))
    if get_list(statement.options, "FILES"):
        # A file that is named and missing is an error of that file, not of the list.
        missing = [name for name in chosen if name not in relative]
        epoch = datetime.fromtimestamp(0, UTC)
        prefix = location.prefix if not location.prefix or location.prefix.endswith("/") else location.prefix + "/"
        relative |= {name: StagedFile(location.bucket, prefix + name, 0, "", epoch) for name in missing}
    return [relative[name] for name in dict.fromkeys(chosen)]


def _read_file(
    warehouse: Warehouse, statement: CopyStatement, scope: SessionScope, target: TargetTable, file: StagedFile
) -> FileLoad:
    file_format = resolve_file_format(warehouse.catalog, statement, scope)
    on_error = statement.on_error
    try:
        staged, data = warehouse.store.fetch_file(file.bucket, file.key)
    except FileMissing as error:
        if on_error.kind == "ABORT_STATEMENT":
            raise SqlError(f"Remote file '{error}' was not found.", 91016, "22000") from None
        return fail_file(file, on_error, f"Remote file '{error}' was not found.")
    load = warehouse.engine.read_file(statement, file_format, on_error, target, staged, data)
    if load.outcome == Outcome.ABORTED:
        raise LoadAborted(_describe_abort(load))
    return load


def _describe_abort(load: FileLoad) -> str:
    error = load.first_error
    if error is None:
        return f"s3://{load.file.bucket}/{load.file.key} could not be loaded"
    return (
        f"{error.message}\n  File '{load.file.key}', line {error.row_number}, character {error.character or 1}\n"
        f"  Row {error.row_number}, column {error.column_name or '1'}\n"
        "  If you would like to continue loading when an error is encountered, use other values such as "
        "'SKIP_FILE' or 'CONTINUE' for the ON_ERROR option."
    )
