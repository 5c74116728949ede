"""The tables of a way without files, as whoever writes to them finds them in the warehouse."""

from __future__ import annotations

from connections.warehouse import Connection, StatementFailed, execute_statement
from pipeline_contract.ddl import way_table_name
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.ways import WayTables


def check_tables(connection: Connection, tables: WayTables, pipeline: str) -> None:
    """Return if every table is there with its columns, or raise `ConfigurationError` that says what to do."""
    for table in tables:
        try:
            there = execute_statement(connection, f"SELECT * FROM {way_table_name(table)} LIMIT 0").columns  # noqa: S608
        except StatementFailed as error:
            if not error.is_about_nothing:
                raise
            raise ConfigurationError(f"{error.reason}: {advise_deployment(pipeline)}") from error
        if missing := [name for name in table.columns if name.upper() not in there]:
            raise ConfigurationError(
                f"table {table.name} has no column {', '.join(missing)}, which the contract wants: "
                f"`python -m snowflake_integration migrate {pipeline}` adds it"
            )


def advise_deployment(pipeline: str) -> str:
    """What to do about tables that are not there."""
    return (
        f"run `python -m snowflake_integration deploy {pipeline}`, which makes what is absent and keeps what is there"
    )
