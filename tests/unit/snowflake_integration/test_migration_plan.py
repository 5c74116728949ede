"""What a migration would do to tables that stand: pure."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from connections.settings import Settings
from pipeline_contract.contract_file import find_contract, load_contract
from pipeline_contract.errors import ConfigurationError
from snowflake_integration.copy_statement import pipe_copy
from snowflake_integration.migration import check_tables, plan_migration
from snowflake_integration.naming import derive_names
from snowflake_integration.pipes import FoundColumn, Pipe
from snowflake_integration.plan import Found, Step
from snowflake_integration.rendering import render_scripts

SETTINGS = Settings()
CONTRACT = load_contract(find_contract("readings"))
NAMES = derive_names(CONTRACT, SETTINGS)
SCRIPTS = render_scripts(CONTRACT, SETTINGS)
TABLE = '"MILLRACE"."READINGS"."MY_TABLE"'


def found(**changes: FoundColumn | None) -> Found:
    """Tables and pipes as the contract wants them, some columns of the curated table changed, or gone where None."""
    tables = {
        table.name: {name.upper(): FoundColumn(kind, True) for name, kind in table.columns.items()}
        for table in NAMES.tables
    }
    changed = tables["MY_TABLE"] | changes
    tables["MY_TABLE"] = {name: column for name, column in changed.items() if column is not None}
    pipes = {t.pipe_name: Pipe(t.pipe_name, pipe_copy(t), "arn:queue") for t in NAMES.targets}
    return Found(pipes, set(), tables)


def plan(there: Found) -> list[Step]:
    return plan_migration(SCRIPTS, NAMES, there, "millrace-lake", "readings")


def list_changes(steps: list[Step]) -> list[str]:
    """The statements of a plan that a deployment would not run."""
    return [step.statement for step in steps if step.script == "migrate"]


class Case(NamedTuple):
    id: str
    column: FoundColumn | None
    statement: str | None


CASES = (
    Case("as-it-should-be", FoundColumn("NUMBER(19,0)", True), None),
    Case("wider-than-wanted", FoundColumn("NUMBER(38,0)", True), None),
    Case("not-there", None, f'ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS "ID" NUMBER(19,0)'),
    Case("narrower", FoundColumn("NUMBER(10,0)", True), f'ALTER TABLE {TABLE} ALTER COLUMN "ID" SET DATA TYPE NUMBER(19,0)'),
    Case("not-null", FoundColumn("NUMBER(19,0)", False), f'ALTER TABLE {TABLE} ALTER COLUMN "ID" DROP NOT NULL'),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_column_becomes_what_the_contract_says(case: Case) -> None:
    there = found(ID=case.column)

    assert list_changes(plan(there)) == ([case.statement] if case.statement else [])
    if case.statement:
        with pytest.raises(ConfigurationError, match="migrate readings --dry-run"):
            check_tables(NAMES, there, "readings")
    else:
        check_tables(NAMES, there, "readings")


@pytest.mark.parametrize("name", ["MY_TABLE_DIRECT", "MY_TABLE_LAMBDA_REJECTED"])
def test_the_tables_of_the_ways_without_files_move_on_too(name: str) -> None:
    there = found()
    columns = {column: kind for column, kind in there.columns[name].items() if column != "_BATCH_ID"}

    statement = f'ALTER TABLE "MILLRACE"."READINGS"."{name}" ADD COLUMN IF NOT EXISTS "_BATCH_ID" VARCHAR'
    assert list_changes(plan(there._replace(columns={**there.columns, name: columns}))) == [statement]


@pytest.mark.parametrize("there", ["NUMBER(19,2)", "FLOAT", "VARCHAR(16777216)", "DATE"])
def test_a_type_that_snowflake_does_not_change_is_refused_with_what_to_do(there: str) -> None:
    kind = there.replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(
        ConfigurationError, match=rf"MY_TABLE\.ID: is {kind}, wanted NUMBER\(19,0\)\nNothing was changed"
    ):
        plan(found(ID=FoundColumn(there, True), NAME=None))


def test_lengths_and_fractions_are_snowflakes_own() -> None:
    there = found(NAME=FoundColumn("VARCHAR(16777216)", True), _LOADED_AT=FoundColumn("TIMESTAMP_NTZ(9)", True))
    assert list_changes(plan(there)) == []


def test_a_column_that_the_contract_has_no_longer_is_kept_and_said() -> None:
    steps = plan(found(OLD=FoundColumn("FLOAT", True)))

    kept = [step for step in steps if step.script == "migrate"]
    assert [step.action for step in kept] == ["keep"]
    assert kept[0].statement == f'{TABLE} keeps "OLD", which the contract has no longer: null for new rows'


def test_tables_change_before_pipes_and_views_and_a_pipe_is_replaced_only_if_its_copy_changed() -> None:
    there = found(ID=FoundColumn("NUMBER(10,0)", True))
    changed = Pipe("MY_TABLE_PIPE", "COPY INTO X FROM @Y", "arn:queue")
    older = there._replace(pipes={**there.pipes, "MY_TABLE_PIPE": changed})

    steps = plan(older)

    assert [step.script for step in steps] == sorted((s.script for s in steps), key=["migrate", "05_tables.sql",
        "06_pipes.sql", "07_views.sql", "bucket"].index)  # fmt: skip
    assert [step.action for step in steps].count("replace") == 1
    assert [step.action for step in steps].count("keep") == 2


def test_without_any_table_there_is_nothing_to_migrate() -> None:
    with pytest.raises(ConfigurationError, match="deploy readings"):
        plan(Found({}, set(), {}))
