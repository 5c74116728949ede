"""ALTER TABLE … ALTER COLUMN as Snowflake allows it; duckdb would cast any type to any other."""

from __future__ import annotations

import duckdb
from sqlglot import exp

from sandbox.snowflake.container_shows import describe_columns
from sandbox.snowpipe.sql_errors import SqlError
from sandbox.snowpipe.sql_names import ObjectName


def check_type_changes(connection: duckdb.DuckDBPyConnection, tree: exp.Alter, table: ObjectName) -> None:
    """Return if every new type is one that Snowflake changes the column to, or raise its error.

    A number's precision may change and its scale may not; a text may become longer. Source:
    docs.snowflake.com/en/sql-reference/sql/alter-table-column.
    """
    changes = [action for action in tree.args.get("actions") or [] if isinstance(action, exp.AlterColumn)]
    wanted = {action.name.upper(): action.args["dtype"] for action in changes if action.args.get("dtype")}
    if not wanted:
        return
    rows = describe_columns(connection, table).table.to_pylist()
    there = {str(row["name"]).upper(): exp.DataType.build(str(row["type"]), dialect="snowflake") for row in rows}
    for name, kind in wanted.items():
        if name in there and not _is_allowed(there[name], kind):
            was, now = there[name].sql("snowflake"), kind.sql("snowflake")
            raise SqlError(
                f"SQL compilation error: cannot change column {name} from type {was} to {now}", 2108, "22000"
            )


def _is_allowed(was: exp.DataType, now: exp.DataType) -> bool:
    if was.this != now.this:
        return False
    before, after = _read_parameters(was), _read_parameters(now)
    if was.this == exp.DataType.Type.DECIMAL:
        return before[1:] == after[1:]
    return not after or after >= before


def _read_parameters(kind: exp.DataType) -> list[int]:
    numbers = [int(parameter.name) for parameter in kind.expressions]
    # NUMBER is NUMBER(38,0), NUMBER(p) is NUMBER(p,0).
    return [*numbers, *[38, 0][len(numbers) :]] if kind.this == exp.DataType.Type.DECIMAL else numbers
