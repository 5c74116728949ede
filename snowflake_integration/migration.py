"""What brings tables that stand to what the contract says today: columns added, types widened, nothing dropped. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from pipeline_contract.ddl import quote_snowflake
from pipeline_contract.errors import ConfigurationError
from snowflake_integration.naming import NamedTable, Names
from snowflake_integration.pipes import FoundColumn
from snowflake_integration.plan import Found, Step, plan_deployment
from snowflake_integration.rendering import Script

# The scripts of tables, pipes and views.
MIGRATED = ("05", "06", "07")
_SCRIPT = "migrate"
_NUMBER = re.compile(r"NUMBER\((\d+),\s*(\d+)\)")


class Difference(NamedTuple):
    """One column in which a table is not what the contract wants; no `statement` where no ALTER makes it so."""

    text: str
    statement: str | None


def find_differences(names: Names, found: Found) -> list[Difference]:
    """Every difference of the tables that stand; a table that does not is made by a deployment."""
    return [
        difference
        for wanted in names.tables
        if wanted.name in found.columns
        for difference in _compare_table(wanted, found.columns[wanted.name])
    ]


def check_tables(names: Names, found: Found, pipeline: str) -> None:
    """Return if every table that stands can hold what the contract says, or raise naming each column that cannot."""
    if differences := find_differences(names, found):
        raise ConfigurationError(
            f"the tables of {pipeline} are not what its contract says today:{_list_lines(differences)}\n"
            f"Look at `python -m snowflake_integration migrate {pipeline} --dry-run`, then run it without --dry-run"
        )


def plan_migration(scripts: Iterable[Script], names: Names, found: Found, bucket: str, pipeline: str) -> list[Step]:
    """The steps that bring tables, pipes and views to the contract: the ALTERs, then what a deployment does from 05 on.

    A column that the contract has no longer stays in its table, where it is null for new rows. Raises
    `ConfigurationError` where a type cannot become what the contract says; then nothing of the plan is done.
    """
    if not found.columns:
        raise ConfigurationError(
            f"no table of {pipeline} is there yet; make them with `python -m snowflake_integration deploy {pipeline}`"
        )
    differences = find_differences(names, found)
    if impossible := [difference for difference in differences if difference.statement is None]:
        raise ConfigurationError(
            f"the tables of {pipeline} cannot become what its contract says:{_list_lines(impossible)}\n"
            "Nothing was changed. Make a new table of it: another contract with another name and warehouse.table"
        )
    alters = [Step(_SCRIPT, "run", d.statement) for d in differences if d.statement is not None]
    kept = [step for wanted in names.tables for step in _keep_columns(wanted, found.columns.get(wanted.name, {}))]
    return [*alters, *kept, *plan_deployment(scripts, names, found, bucket, MIGRATED)]


def _compare_table(table: NamedTable, there: Mapping[str, FoundColumn]) -> Iterator[Difference]:
    alter = f"ALTER TABLE {table.table}"
    for name, wanted in table.columns.items():
        quoted, column = quote_snowflake(name), there.get(name.upper())
        where = f"{table.name}.{name.upper()}"
        if column is None:
            text = f"{where}: is not there, wanted {wanted}"
            yield Difference(text, f"{alter} ADD COLUMN IF NOT EXISTS {quoted} {wanted}")
        elif not _holds(column.type, wanted):
            text = f"{where}: is {column.type}, wanted {wanted}"
            statement = f"{alter} ALTER COLUMN {quoted} SET DATA TYPE {wanted}"
            yield Difference(text, statement if _may_change(column.type, wanted) else None)
    for name, column in there.items():
        if not column.is_nullable:
            text = f"{table.name}.{name}: is NOT NULL; one row without a value would keep its whole file out"
            yield Difference(text, f"{alter} ALTER COLUMN {quote_snowflake(name)} DROP NOT NULL")


def _keep_columns(table: NamedTable, there: Mapping[str, FoundColumn]) -> Iterator[Step]:
    wanted = {name.upper() for name in table.columns}
    for name in there:
        if name not in wanted:
            text = f"{table.table} keeps {quote_snowflake(name)}, which the contract has no longer: null for new rows"
            yield Step(_SCRIPT, "keep", text)


def _holds(there: str, wanted: str) -> bool:
    """Whether a column of one type takes every value of another; lengths and fractions of a second are Snowflake's own."""
    has, needs = _NUMBER.fullmatch(there), _NUMBER.fullmatch(wanted)
    if has and needs:
        return has[2] == needs[2] and int(has[1]) >= int(needs[1])
    return there.split("(", maxsplit=1)[0] == wanted.split("(", maxsplit=1)[0]


def _may_change(there: str, wanted: str) -> bool:
    """Whether Snowflake alters the type: a NUMBER's precision only, never its scale (sql-reference/sql/alter-table-column)."""
    has, needs = _NUMBER.fullmatch(there), _NUMBER.fullmatch(wanted)
    return bool(has and needs and has[2] == needs[2])


def _list_lines(differences: Iterable[Difference]) -> str:
    return "".join(f"\n  - {difference.text}" for difference in differences)
