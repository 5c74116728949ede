"""The way straight into tables: what is deleted, doubled or altered there is named; put right again, all is complete."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from connections.settings import Settings
from connections.warehouse import open_warehouse, run_query
from kafka_consumer.snowflake_destination import open_snowflake
from pipeline_contract.ddl import way_table_name
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.ways import derive_way_tables
from reconciliation.__main__ import app, choose_check
from reconciliation.statement import Statement
from reconciliation.way_check import check_way
from tests.integration.kafka_consumer.consumer_runs import make_runner
from tests.integration.kafka_consumer.pipelines import Pipeline, deploy_pipeline

ROWS, REJECTED = 200, 20
FIGURES = {
    "produced": ROWS, "raw": None, "curated": ROWS - REJECTED, "rejected": REJECTED, "loaded": ROWS - REJECTED,
    "pending": 0, "missing": 0, "duplicates": 0, "complete": True,
}  # fmt: skip


class Case(NamedTuple):
    id: str
    table: str
    statement: str
    kind: str
    said: str
    figures: dict[str, int]


ROW = 'WHERE "_SOURCE_LINE" = (SELECT MIN("_SOURCE_LINE") FROM {table})'
CASES = (
    Case("a row deleted", "curated", f"DELETE FROM {{table}} {ROW}", "missing", " line 3", {"missing": 1}),
    Case(
        "a row doubled", "curated", f"INSERT INTO {{table}} SELECT * FROM {{table}} {ROW}", "duplicate",
        "more than once", {"duplicates": 1},
    ),
    Case("a value altered", "curated", f'UPDATE {{table}} SET "PRICE" = "PRICE" + 1 {ROW}', "altered", "price", {}),
    Case(
        "a row of no message", "curated", f'UPDATE {{table}} SET "_OFFSET" = 1000000 {ROW}', "unexplained",
        "no source row and message explain", {"missing": 1},
    ),
    Case("a rejected row deleted", "rejected", f"DELETE FROM {{table}} {ROW}", "missing", " line 2", {"missing": 1}),
    Case("a reason altered", "rejected", f"UPDATE {{table}} SET \"REASON\" = 'x' {ROW}", "altered", "reason", {}),
    Case(
        "offsets set back", "offsets", 'UPDATE {table} SET "NEXT_OFFSET" = 1 WHERE "NEXT_OFFSET" IS NOT NULL', "note", "",
        {},
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def loaded(sandbox_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """A pipeline whose rows are all in its tables."""
    pipeline = deploy_pipeline(tmp_path_factory.mktemp("way"), f"t{uuid.uuid4().hex[:12]}", sandbox_settings)
    pipeline.replay(0, ROWS)
    with closing(open_snowflake(pipeline.contract, pipeline.settings)) as destination:
        make_runner(pipeline.settings, pipeline.topics, destination).run()
    return pipeline


def check(pipeline: Pipeline) -> Statement:
    return check_way(pipeline.settings, pipeline.contract, "direct", [], 20, lambda _: None)


@contextmanager
def changed_table(pipeline: Pipeline, kind: str, statement: str) -> Iterator[None]:
    """A table changed by SQL for a while."""
    table = way_table_name(getattr(derive_way_tables(pipeline.contract, "direct"), kind))
    backup = table.replace("_DIRECT", "_BACKUP")
    with closing(open_warehouse(pipeline.settings.warehouse)) as connection:
        run_query(connection, f"CREATE OR REPLACE TABLE {backup} AS SELECT * FROM {table}")
        run_query(connection, statement.format(table=table))
        try:
            yield
        finally:
            run_query(connection, f"DELETE FROM {table}")
            run_query(connection, f"INSERT INTO {table} SELECT * FROM {backup}")


def test_a_way_whose_rows_are_all_there_is_complete_with_the_keys_of_the_main_way(
    loaded: Pipeline, sandbox_variables: dict[str, str]
) -> None:
    arguments = ("check", str(loaded.path), "--way", "direct", "--json", "--quiet")
    result = CliRunner().invoke(app, arguments, env=sandbox_variables)

    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert {name: said[name] for name in FIGURES} == FIGURES
    assert said["rejected_by_reason"] == {"rule:known_kind": REJECTED}
    assert list(said) == list(Statement("p", 0, 0, 0, 0, 0, 0, 0, 0).as_json())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_was_changed_in_a_table_is_named(case: Case, loaded: Pipeline) -> None:
    with changed_table(loaded, case.table, case.statement):
        statement = check(loaded)

    found = [finding for finding in statement.findings if finding.kind == case.kind and case.said in finding.text]
    assert (len(found) == 1) == (case.kind != "note"), statement.findings
    wanted = {"missing": 0, "duplicates": 0, "pending": 0} | case.figures
    assert {name: getattr(statement, name) for name in wanted} == wanted


def test_rows_that_no_consumer_has_read_yet_are_pending(loaded: Pipeline) -> None:
    loaded.replay(ROWS, 10)

    assert (check(loaded).exit_code, check(loaded).pending) == (4, 10)

    with closing(open_snowflake(loaded.contract, loaded.settings)) as destination:
        make_runner(loaded.settings, loaded.topics, destination).run()
    assert check(loaded).is_complete


@pytest.mark.parametrize(
    ("way", "fast", "said"),
    [("other", False, "--way: found 'other', allowed: lake, direct"), ("direct", True, "--fast: the way direct")],
)
def test_a_way_that_cannot_be_checked_so_is_refused(way: str, fast: bool, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        choose_check(way, fast, [], 20)
