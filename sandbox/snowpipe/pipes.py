"""Pipes as the catalog keeps them, and the files that wait for them."""

# ruff: noqa: S608  names are quoted by quote_name, values by quote_text or bound
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

import duckdb

from sandbox.snowpipe.catalog import CATALOG_SCHEMA, Catalog, CatalogObject
from sandbox.snowpipe.copy_statement import CopyStatement, parse_copy
from sandbox.snowpipe.s3_events import FileEvent
from sandbox.snowpipe.sql_errors import SqlError
from sandbox.snowpipe.sql_names import ObjectName, SessionScope
from sandbox.snowpipe.warehouse import StageLocation, locate_stage

_PENDING = f"{CATALOG_SCHEMA}.pending_files"
_ACTIVITY = f"{CATALOG_SCHEMA}.pipe_activity"


class Pipe(NamedTuple):
    """A pipe: its creation's id, its COPY, and whether it is paused."""

    id: str
    name: ObjectName
    created_on: datetime
    definition: dict[str, Any]
    statement: CopyStatement

    @property
    def scope(self) -> SessionScope:
        """The database and schema from which the names in its COPY are completed."""
        return SessionScope(*self.definition["scope"])

    @property
    def is_paused(self) -> bool:
        """True while PIPE_EXECUTION_PAUSED is TRUE."""
        return self.definition.get("paused_at") is not None

    @property
    def paused_at(self) -> datetime | None:
        """When the pipe was paused, or None."""
        text = self.definition.get("paused_at")
        return datetime.fromisoformat(text) if text else None


class PendingFile(NamedTuple):
    """A file that a pipe has been told of and has not dealt with."""

    pipe_id: str
    bucket: str
    key: str
    size: int
    occurred_at: datetime
    received_at: datetime


def read_pipe(stored: CatalogObject) -> Pipe:
    """Return the pipe of a catalog object."""
    definition = stored.definition
    statement = parse_copy(definition["copy"], SessionScope(*definition["scope"]))
    return Pipe(stored.id, stored.name, stored.created_on, definition, statement)


def list_pipes(catalog: Catalog) -> list[Pipe]:
    """Return all pipes."""
    return [read_pipe(stored) for stored in catalog.list_objects("PIPE")]


def find_location(catalog: Catalog, pipe: Pipe) -> StageLocation | None:
    """Return where a pipe's files lie, or None where its stage is gone."""
    try:
        return locate_stage(catalog, pipe.statement.source)
    except SqlError:
        return None


def is_covered(location: StageLocation, bucket: str, key: str) -> bool:
    """Return whether a key lies under a pipe's place: a plain prefix, so `orders` covers `orders_archive/` (SP12)."""
    return bucket == location.bucket and key.startswith(location.prefix)


class PendingFiles:
    """The durable list of files that pipes were told of; a file leaves it after its load is committed."""

    def __init__(self, root: duckdb.DuckDBPyConnection) -> None:
        self._root = root
        root.execute(
            f"CREATE TABLE IF NOT EXISTS {_PENDING} (pipe_id VARCHAR, bucket VARCHAR, file_key VARCHAR, size BIGINT, "
            "occurred_at TIMESTAMPTZ, received_at TIMESTAMPTZ, PRIMARY KEY (pipe_id, bucket, file_key))"
        )
        root.execute(
            f"CREATE TABLE IF NOT EXISTS {_ACTIVITY} (pipe_id VARCHAR PRIMARY KEY, received_at TIMESTAMPTZ, "
            "loaded_at TIMESTAMPTZ, file_key VARCHAR)"
        )

    def add_files(self, events: list[tuple[Pipe, FileEvent]]) -> None:
        """Add files for pipes; a file that already waits is not added again."""
        if not events:
            return
        now = datetime.now(UTC)
        rows = [[pipe.id, e.bucket, e.key, e.size, e.occurred_at, now] for pipe, e in events]
        with self._root.cursor() as cursor:
            cursor.executemany(f"INSERT OR IGNORE INTO {_PENDING} VALUES (?, ?, ?, ?, ?, ?)", rows)
            pipes = [[pipe_id, now] for pipe_id in {pipe.id for pipe, _ in events}]
            cursor.executemany(
                f"INSERT INTO {_ACTIVITY} (pipe_id, received_at) VALUES (?, ?) "
                "ON CONFLICT DO UPDATE SET received_at = excluded.received_at",
                pipes,
            )

    def list_files_of(self, pipe_id: str, limit: int = 500) -> list[PendingFile]:
        """Return the files that wait for one pipe, the oldest first."""
        with self._root.cursor() as cursor:
            rows = cursor.execute(
                f"SELECT * FROM {_PENDING} WHERE pipe_id = ? ORDER BY received_at, file_key LIMIT {limit}", [pipe_id]
            ).fetchall()
        return [PendingFile(*row) for row in rows]

    def count_files(self, pipe_id: str) -> int:
        """Return how many files wait for one pipe."""
        with self._root.cursor() as cursor:
            row = cursor.execute(f"SELECT count(*) FROM {_PENDING} WHERE pipe_id = ?", [pipe_id]).fetchone()
        return int(row[0]) if row else 0

    def remove_files(self, files: list[PendingFile]) -> None:
        """Take files off the list."""
        with self._root.cursor() as cursor:
            for file in files:
                cursor.execute(
                    f"DELETE FROM {_PENDING} WHERE pipe_id = ? AND bucket = ? AND file_key = ?", list(file[:3])
                )

    def list_pipe_ids(self) -> set[str]:
        """Return the ids of the pipes for which files wait."""
        with self._root.cursor() as cursor:
            return {row[0] for row in cursor.execute(f"SELECT DISTINCT pipe_id FROM {_PENDING}").fetchall()}

    def remove_pipes(self, pipe_ids: set[str]) -> None:
        """Take the files of these pipes off the list."""
        with self._root.cursor() as cursor:
            for pipe_id in pipe_ids:
                cursor.execute(f"DELETE FROM {_PENDING} WHERE pipe_id = ?", [pipe_id])

    def note_load(self, pipe_id: str, file_key: str) -> None:
        """Remember the file that a pipe ingested last."""
        with self._root.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {_ACTIVITY} (pipe_id, loaded_at, file_key) VALUES (?, ?, ?) "
                "ON CONFLICT DO UPDATE SET loaded_at = excluded.loaded_at, file_key = excluded.file_key",
                [pipe_id, datetime.now(UTC), file_key],
            )

    def get_activity(self, pipe_id: str) -> tuple[datetime | None, datetime | None, str | None]:
        """Return when a pipe last heard of a file, when it last ingested one, and which."""
        with self._root.cursor() as cursor:
            row = cursor.execute(
                f"SELECT received_at, loaded_at, file_key FROM {_ACTIVITY} WHERE pipe_id = ?", [pipe_id]
            ).fetchone()
        return (row[0], row[1], row[2]) if row else (None, None, None)
