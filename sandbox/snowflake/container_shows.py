"""SHOW SCHEMAS and DESC of tables and views in any database, whether the session has a current one or not."""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb

from sandbox.snowflake.results import QueryResult, make_result
from sandbox.snowflake.services import Services, select_named
from sandbox.snowpipe.catalog import CatalogObject
from sandbox.snowpipe.sql_errors import not_found
from sandbox.snowpipe.sql_names import ObjectName, SessionScope, split_name
from sandbox.snowpipe.sql_reader import StatementReader

INFORMATION_SCHEMA = "INFORMATION_SCHEMA"
# duckdb's own, and the one that fakesnow adds.
_HIDDEN_SCHEMAS = ("main", "pg_catalog", "information_schema", "_fs_information_schema")
# Lengths and scales that were not declared are Snowflake's largest; duckdb keeps no declared scale of a time.
_COLUMN_TYPE = """CASE data_type
    WHEN 'NUMBER' THEN 'NUMBER(' || numeric_precision || ',' || numeric_scale || ')'
    WHEN 'TEXT' THEN 'VARCHAR(' || coalesce(character_maximum_length, 16777216) || ')'
    WHEN 'BINARY' THEN 'BINARY(8388608)'
    WHEN 'TIME' THEN 'TIME(9)'
    WHEN 'TIMESTAMP_NTZ' THEN 'TIMESTAMP_NTZ(9)'
    WHEN 'TIMESTAMP_TZ' THEN 'TIMESTAMP_TZ(9)'
    ELSE data_type END"""


def show_schemas(services: Services, reader: StatementReader, scope: SessionScope) -> QueryResult:
    """Carry out SHOW SCHEMAS [LIKE] [IN ACCOUNT | [DATABASE] name]; without a current database, of all."""
    reader.accept("HISTORY")
    listed = select_named(
        reader, _list_schemas(services), lambda schemas: _select_database(services, reader, schemas, scope)
    )
    columns = (
        "created_on", "name", "is_default", "is_current", "database_name", "owner", "comment", "options",
        "retention_time", "owner_role_type",
    )  # fmt: skip
    rows = [
        (
            stored.created_on, stored.name.name, "N", "Y" if (stored.name.database, stored.name.name) == scope else "N",
            stored.name.database, "SYSADMIN", "", "", "1", "ROLE",
        )
        for stored in listed
    ]  # fmt: skip
    return make_result(columns, rows)


def _list_schemas(services: Services) -> list[CatalogObject]:
    """The schemas of all databases; duckdb does not know when they were made."""
    with services.account.duck_conn.cursor() as cursor:
        found = cursor.execute("SELECT database_name, schema_name FROM duckdb_schemas()").fetchall()
    databases = services.account.list_databases()
    names = [(database, INFORMATION_SCHEMA) for database in databases]
    names += [(database, name) for database, name in found if database in databases and name not in _HIDDEN_SCHEMAS]
    made = datetime.fromtimestamp(0, UTC)
    return [CatalogObject("", "SCHEMA", ObjectName(database, "", name), made, {}) for database, name in sorted(names)]


def _select_database(
    services: Services, reader: StatementReader, schemas: list[CatalogObject], scope: SessionScope
) -> list[CatalogObject]:
    database = scope.database
    if reader.accept("IN"):
        if reader.accept("ACCOUNT"):
            return schemas
        is_named = not reader.accept("DATABASE") or not (reader.is_done or reader.peek() in ("STARTS", "LIMIT"))
        if is_named:
            (database,) = split_name(reader.take_name())
            if not services.account.has_database(database):
                raise not_found("Database", database)
    return [stored for stored in schemas if database in (None, stored.name.database)]


def describe_columns(connection: duckdb.DuckDBPyConnection, table: ObjectName) -> QueryResult:
    """Carry out DESC TABLE and DESC VIEW as the connection sees them, its open transaction included."""
    rows = connection.execute(
        f"SELECT column_name, {_COLUMN_TYPE}, CASE WHEN is_nullable = 'YES' THEN 'Y' ELSE 'N' END, column_default "  # noqa: S608
        "FROM _fs_global._fs_information_schema._fs_columns "
        "WHERE table_catalog = ? AND table_schema = ? AND table_name = ? ORDER BY ordinal_position",
        list(table),
    ).fetchall()
    if not rows:
        raise not_found("Table", str(table))
    columns = (
        "name", "type", "kind", "null?", "default", "primary key", "unique key", "check", "expression", "comment",
        "policy name", "privacy domain",
    )  # fmt: skip
    return make_result(
        columns,
        [(name, kind, "COLUMN", null, default, "N", "N", *[None] * 5) for name, kind, null, default in rows],
    )
