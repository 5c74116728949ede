"""CREATE, DROP and USE of databases and schemas."""

from __future__ import annotations

from fakesnow.conn import FakeSnowflakeConnection

from sandbox.snowflake.results import QueryResult, make_status
from sandbox.snowflake.services import Services, accept_mode
from sandbox.snowpipe.sql_errors import SqlError, already_exists, not_found
from sandbox.snowpipe.sql_names import quote_name, split_name
from sandbox.snowpipe.sql_reader import StatementReader


def use_schema(services: Services, connection: FakeSnowflakeConnection, database: str, schema: str | None) -> None:
    """Make a database, and a schema of it where there is such, the current ones of a connection."""
    if not services.account.has_database(database):
        raise not_found("Database", database)
    has_schema = schema is not None and services.account.has_schema(database, schema)
    target = quote_name(schema) if schema is not None and has_schema else "main"
    connection._duck_conn.execute(f"USE {quote_name(database)}.{target}")
    connection.database = database
    connection.database_set = True
    connection._schema = schema if has_schema else None
    connection.schema_set = has_schema


def run_use(services: Services, connection: FakeSnowflakeConnection, reader: StatementReader) -> QueryResult:
    """Carry out USE [DATABASE | SCHEMA] name."""
    kind = reader.accept("DATABASE") or reader.accept("SCHEMA")
    parts = split_name(reader.take_name())
    if kind == "DATABASE" or (not kind and len(parts) == 1):
        use_schema(services, connection, parts[0], "PUBLIC")
        return make_status("Statement executed successfully.")
    database = parts[0] if len(parts) == 2 else _current_database(connection)
    if not services.account.has_schema(database, parts[-1]):
        raise not_found("Schema", f"{database}.{parts[-1]}")
    use_schema(services, connection, database, parts[-1])
    return make_status("Statement executed successfully.")


def _current_database(connection: FakeSnowflakeConnection) -> str:
    if connection.database is None:
        raise SqlError(
            "Cannot perform this operation. This session does not have a current database. Call 'USE DATABASE', "
            "or use a qualified name.",
            90105,
            "22000",
        )
    return str(connection.database)


def create_database(
    services: Services, connection: FakeSnowflakeConnection, reader: StatementReader, mode: str
) -> QueryResult:
    """Carry out CREATE DATABASE; its parameters have no effect."""
    mode = accept_mode(reader) or mode
    (name,) = split_name(reader.take_name())
    if services.account.has_database(name):
        if mode == "IF NOT EXISTS":
            return make_status(f"{name} already exists, statement succeeded.")
        if mode != "OR REPLACE":
            raise already_exists(name)
        _drop_database(services, connection, name)
    services.account.create_database(name)
    use_schema(services, connection, name, "PUBLIC")
    return make_status(f"Database {name} successfully created.")


def create_schema(
    services: Services, connection: FakeSnowflakeConnection, reader: StatementReader, mode: str
) -> QueryResult:
    """Carry out CREATE SCHEMA; its parameters have no effect."""
    mode = accept_mode(reader) or mode
    parts = split_name(reader.take_name())
    database = parts[0] if len(parts) == 2 else _current_database(connection)
    if not services.account.has_database(database):
        raise not_found("Database", database)
    if services.account.has_schema(database, parts[-1]):
        if mode == "IF NOT EXISTS":
            return make_status(f"{parts[-1]} already exists, statement succeeded.")
        if mode != "OR REPLACE":
            raise already_exists(parts[-1])
        _drop_schema(services, connection, database, parts[-1])
    services.account.create_schema(database, parts[-1])
    use_schema(services, connection, database, parts[-1])
    return make_status(f"Schema {parts[-1]} successfully created.")


def drop_container(
    services: Services, connection: FakeSnowflakeConnection, reader: StatementReader, kind: str
) -> QueryResult:
    """Carry out DROP DATABASE and DROP SCHEMA with all that is in them."""
    mode = accept_mode(reader)
    parts = split_name(reader.take_name())
    name = parts[-1]
    database = parts[0] if kind == "DATABASE" or len(parts) == 2 else _current_database(connection)
    is_there = services.account.has_database(database) and (
        kind == "DATABASE" or services.account.has_schema(database, name)
    )
    if not is_there:
        if mode == "IF EXISTS":
            return make_status(f"Drop statement executed successfully ({name} already dropped).")
        raise not_found(kind.capitalize(), ".".join(parts))
    if kind == "DATABASE":
        _drop_database(services, connection, name)
    else:
        _drop_schema(services, connection, database, name)
    return make_status(f"{name} successfully dropped.")


def _leave(connection: FakeSnowflakeConnection) -> None:
    connection._duck_conn.execute("USE memory.main")


def _drop_database(services: Services, connection: FakeSnowflakeConnection, name: str) -> None:
    if connection.database == name:
        _leave(connection)
        connection.database = connection._schema = None
        connection.database_set = connection.schema_set = False
    services.account.drop_database(name)
    services.warehouse.catalog.drop_container(name)


def _drop_schema(services: Services, connection: FakeSnowflakeConnection, database: str, schema: str) -> None:
    if connection.database == database and connection._schema == schema:
        use_schema(services, connection, database, None)
    with services.account.duck_conn.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA {quote_name(database)}.{quote_name(schema)} CASCADE")
    services.warehouse.catalog.drop_container(database, schema)
