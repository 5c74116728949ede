"""Carries out a pipe's own COPY on one file: rows and history record in one transaction, or neither."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

import duckdb

from sandbox.snowpipe.copy_engine import CopyEngine, FileLoad
from sandbox.snowpipe.copy_statement import get_pipe_on_error, select_files
from sandbox.snowpipe.load_history import FileOrigin, Loader, find_pipe_load, insert_rows, record_load
from sandbox.snowpipe.load_rules import OnError, Outcome, get_error_limit, is_known_to_pipe
from sandbox.snowpipe.object_store import FileMissing, StagedFile
from sandbox.snowpipe.pipes import PendingFile, Pipe, find_location, is_covered
from sandbox.snowpipe.s3_events import FileEvent
from sandbox.snowpipe.sql_errors import SqlError
from sandbox.snowpipe.staged_rows import RowError
from sandbox.snowpipe.warehouse import (
    Warehouse,
    describe_table,
    ensure_history,
    open_transaction,
    resolve_file_format,
    retry_conflicts,
)


class Disposal(StrEnum):
    """What became of a pending file."""

    LOADED = "loaded"
    KNOWN = "known"
    DROPPED = "dropped"


def has_table(warehouse: Warehouse, pipe: Pipe) -> bool:
    """Return whether a pipe's table exists; files that arrive while it does not are not queued (SP16)."""
    try:
        with warehouse.root.cursor() as cursor:
            describe_table(cursor, pipe.statement.target)
    except SqlError:
        return False
    return True


def select_wanted(warehouse: Warehouse, pipe: Pipe, events: list[FileEvent]) -> list[FileEvent]:
    """Return the events of files under a pipe's stage and path that match its PATTERN (SP12, SP28)."""
    location = find_location(warehouse.catalog, pipe)
    if location is None:
        return []
    covered = [event for event in events if is_covered(location, event.bucket, event.key)]
    return [e for e in covered if select_files(pipe.statement, [e.key[len(location.prefix) :].lstrip("/")])]


def is_known(warehouse: Warehouse, pipe: Pipe, file: PendingFile) -> bool:
    """Return whether the pipe's history holds the file (SP01, SP02)."""
    database = pipe.statement.target.database
    ensure_history(warehouse.root, database)
    with warehouse.root.cursor() as cursor:
        known = find_pipe_load(cursor, pipe.id, database, file.bucket, file.key)
    return is_known_to_pipe(known.loaded_at if known else None, datetime.now(UTC))


def load_pending(
    warehouse: Warehouse, pipe: Pipe, file: PendingFile, content: tuple[StagedFile, bytes] | FileMissing
) -> Disposal:
    """Load one file as the pipe's COPY says; returns what became of it, raises only what may pass by itself."""
    location = find_location(warehouse.catalog, pipe)
    if location is None or not has_table(warehouse, pipe):
        return Disposal.DROPPED
    if is_known(warehouse, pipe, file):
        return Disposal.KNOWN
    load = _read_content(warehouse, pipe, file, content)
    name = file.key[len(location.stage_prefix) :]
    origin = FileOrigin(location.stage_url, name, file.received_at)
    with warehouse.root.cursor() as cursor:
        commit_load(cursor, pipe, load, origin)
    return Disposal.LOADED


def _read_content(
    warehouse: Warehouse, pipe: Pipe, file: PendingFile, content: tuple[StagedFile, bytes] | FileMissing
) -> FileLoad:
    on_error = get_pipe_on_error(pipe.statement)
    missing = StagedFile(file.bucket, file.key, file.size, "", file.occurred_at)
    if isinstance(content, FileMissing):
        return fail_file(missing, on_error, f"Remote file '{content}' was not found or may not be read.")
    staged, data = content
    try:
        with warehouse.root.cursor() as cursor:
            target = describe_table(cursor, pipe.statement.target)
        file_format = resolve_file_format(warehouse.catalog, pipe.statement, pipe.scope)
        engine: CopyEngine = warehouse.engine
        return engine.read_file(pipe.statement, file_format, on_error, target, staged, data)
    except SqlError as error:
        return fail_file(staged, on_error, error.message)


def fail_file(file: StagedFile, on_error: OnError, message: str) -> FileLoad:
    """Return the account of a file of which nothing could be read."""
    return FileLoad(file, (), None, Outcome.LOAD_FAILED, 0, 1, get_error_limit(on_error, 0), RowError(1, message))


@retry_conflicts
def commit_load(connection: duckdb.DuckDBPyConnection, pipe: Pipe, load: FileLoad, origin: FileOrigin) -> None:
    """Commit a file's rows and its history record together."""
    table = pipe.statement.target
    with open_transaction(connection):
        insert_rows(connection, table, load)
        record_load(connection, Loader(pipe.id, pipe.name), table, load, origin, datetime.now(UTC))
