"""The catalog of what Snowflake keeps outside databases' tables: stages, file formats, pipes, integrations."""

# ruff: noqa: S608  names are quoted by quote_name, values by quote_text or bound
from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any, NamedTuple

import duckdb

from sandbox.snowpipe.file_formats import FileFormat, read_file_format
from sandbox.snowpipe.sql_errors import already_exists, not_found
from sandbox.snowpipe.sql_names import ObjectName, SessionScope, qualify_name
from sandbox.snowpipe.sql_reader import Options, get_text

# The account's own database, hidden from SHOW DATABASES.
CATALOG_SCHEMA = "_fs_global._sandbox"
_OBJECTS = f"{CATALOG_SCHEMA}.objects"
KIND_TITLES = {
    "STAGE": "Stage", "FILE FORMAT": "File format", "PIPE": "Pipe", "INTEGRATION": "Integration", "TASK": "Task",
}  # fmt: skip


class CatalogObject(NamedTuple):
    """One object: a new id with every creation, and its definition as plain JSON values."""

    id: str
    kind: str
    name: ObjectName
    created_on: datetime
    definition: dict[str, Any]


class Catalog:
    """Reads and writes the catalog through its own connection; safe to share between threads."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {CATALOG_SCHEMA}")
        connection.execute(
            f"""CREATE TABLE IF NOT EXISTS {_OBJECTS} (
                id VARCHAR, kind VARCHAR, database_name VARCHAR, schema_name VARCHAR, name VARCHAR,
                created_on TIMESTAMPTZ, definition VARCHAR,
                PRIMARY KEY (kind, database_name, schema_name, name))"""
        )

    def create_object(self, kind: str, name: ObjectName, definition: dict[str, Any], mode: str = "") -> str:
        """Store an object and return a status line; mode is '', 'OR REPLACE' or 'IF NOT EXISTS'."""
        shown = name.name
        existing = self.find_object(kind, name)
        if existing and mode == "IF NOT EXISTS":
            return f"{shown} already exists, statement succeeded."
        if existing and mode != "OR REPLACE":
            raise already_exists(shown)
        row = [str(uuid.uuid4()), kind, *name, datetime.now(UTC), json.dumps(definition)]
        with self._connection.cursor() as cursor:
            cursor.execute(f"INSERT OR REPLACE INTO {_OBJECTS} VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        title = "Stage area" if kind == "STAGE" else KIND_TITLES[kind]
        return f"{title} {shown} successfully created."

    def update_object(self, stored: CatalogObject, definition: dict[str, Any]) -> None:
        """Replace the definition of an object that keeps its id."""
        with self._connection.cursor() as cursor:
            cursor.execute(f"UPDATE {_OBJECTS} SET definition = ? WHERE id = ?", [json.dumps(definition), stored.id])

    def drop_object(self, kind: str, name: ObjectName, mode: str = "") -> str:
        """Delete an object and return a status line; mode 'IF EXISTS' accepts that there is none."""
        if self.find_object(kind, name) is None:
            if mode == "IF EXISTS":
                return f"Drop statement executed successfully ({name.name} already dropped)."
            raise not_found(KIND_TITLES[kind], str(name))
        with self._connection.cursor() as cursor:
            cursor.execute(
                f"DELETE FROM {_OBJECTS} WHERE kind = ? AND database_name = ? AND schema_name = ? AND name = ?",
                [kind, *name],
            )
        return f"{name.name} successfully dropped."

    def find_object(self, kind: str, name: ObjectName) -> CatalogObject | None:
        """Return the object, or None."""
        found = self._read_objects(
            "WHERE kind = ? AND database_name = ? AND schema_name = ? AND name = ?", [kind, *name]
        )
        return found[0] if found else None

    def get_object(self, kind: str, name: ObjectName) -> CatalogObject:
        """Return the object, or raise Snowflake's error for one that does not exist."""
        stored = self.find_object(kind, name)
        if stored is None:
            raise not_found(KIND_TITLES[kind], str(name))
        return stored

    def list_objects(self, kind: str) -> list[CatalogObject]:
        """Return all objects of a kind, by name."""
        return self._read_objects("WHERE kind = ? ORDER BY database_name, schema_name, name", [kind])

    def _read_objects(self, condition: str, values: list[str]) -> list[CatalogObject]:
        with self._connection.cursor() as cursor:
            rows = cursor.execute(
                f"SELECT id, kind, database_name, schema_name, name, created_on, definition FROM {_OBJECTS} {condition}",
                values,
            ).fetchall()
        return [
            CatalogObject(row[0], row[1], ObjectName(row[2], row[3], row[4]), row[5], json.loads(row[6]))
            for row in rows
        ]

    def drop_container(self, database: str, schema: str | None = None) -> None:
        """Delete every object of a database, or of one schema of it, as dropping the container does."""
        condition, values = "database_name = ?", [database]
        if schema is not None:
            condition, values = "database_name = ? AND schema_name = ?", [database, schema]
        with self._connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {_OBJECTS} WHERE {condition}", values)

    def resolve_format(self, options: Options, stage_options: Options, scope: SessionScope) -> FileFormat:
        """Return the file format of a COPY: its own FILE_FORMAT option, or its stage's, or CSV."""
        chosen = options or stage_options
        if named := get_text(chosen, "FORMAT_NAME"):
            stored = self.get_object("FILE FORMAT", qualify_name(named, scope))
            base = read_file_format(stored.definition["options"])
            return read_file_format({key: value for key, value in chosen.items() if key != "FORMAT_NAME"}, base)
        return read_file_format(chosen)


def integration_name(name: str) -> ObjectName:
    """Return the catalog key of an integration, which belongs to the account and to no database."""
    return ObjectName("", "", name)
