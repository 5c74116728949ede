"""A lake that was compacted and backfilled: what the warehouse shows before and after, and that tampering is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest

from connections.operations import operation_key, read_operations
from connections.warehouse import open_warehouse, run_query
from pipeline_contract.manifest import Backfill, Compaction
from reconciliation.__main__ import app as reconciliation
from snowflake_integration.__main__ import app as warehouse
from tests.integration.reconciliation.conftest import BuildLake
from tests.integration.reconciliation.lake_builder import BuiltLake, build_rows, publish, publish_windows, write_source
from tests.integration.reconciliation.operations_builder import (
    publish_backfill,
    publish_compaction,
)
from tests.integration.reconciliation.test_tampering import changed_object, check

ROWS = 100
BEGIN = datetime(2024, 5, 1, 10, 10)  # noqa: DTZ001 - times of rows have no zone
END = BEGIN + timedelta(minutes=30)


@pytest.fixture(scope="module")
def lake(build_module_lake: BuildLake) -> BuiltLake:
    """A lake in which all is loaded."""
    lake = build_module_lake(ROWS)
    lake.deploy()
    lake.replay()
    publish(lake, batches=3)
    publish_windows(lake)
    lake.wait_loaded()
    return lake


def ask(lake: BuiltLake, sql: str) -> list[dict[str, Any]]:
    with open_warehouse(lake.settings.warehouse) as connection:
        return run_query(connection, sql.format(**{kind: lake.table(kind) for kind in lake.outputs}))


def apply(lake: BuiltLake, *arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(
        lake.must(warehouse, "apply-backfill", str(lake.contract_file), *arguments, "--json", "--quiet")
    )
    return answer


def rows_by_batch(lake: BuiltLake, kind: str) -> dict[str, int]:
    rows = ask(lake, f'SELECT "_BATCH_ID" AS B, COUNT(*) AS N FROM {{{kind}}} GROUP BY 1 ORDER BY 1')
    return {row["B"]: row["N"] for row in rows}


def find_kinds(result: dict[str, Any]) -> set[str]:
    return {finding["kind"] for finding in result["findings"]}


def test_a_compaction_is_invisible_and_a_backfill_pending_until_it_is_applied(lake: BuiltLake) -> None:
    publish_compaction(lake)
    code, before = check(lake)
    assert (code, before["complete"]) == (0, True), before["findings"]

    first = publish_backfill(lake, BEGIN, END, with_rejected=True)
    code, pending = check(lake)
    assert (code, find_kinds(pending)) == (4, {"pending"}), pending["findings"]
    assert f"apply-backfill {lake.contract.name}" in str(pending["findings"])
    planned = lake.must(warehouse, "apply-backfill", str(lake.contract_file), "2", "--dry-run")
    assert planned.count("DELETE FROM") == 2
    # Rows of the same time arrive after the snapshot, before the backfill is applied.
    late = write_source(lake.source.with_name("late.csv"), build_rows(40))
    lake.replay_file(late)
    publish(lake, batches=1)
    lake.wait_loaded()

    assert apply(lake, "2") == {"applied": [2]}
    code, after = check(lake)
    assert (code, after["complete"]) == (0, True), after["findings"]
    assert lake.run(reconciliation, "check", str(lake.contract_file), "--fast", "--quiet").exit_code == 0
    assert rows_by_batch(lake, "curated")["backfill-000002"] == 30
    assert ask(lake, 'SELECT COUNT(*) AS N FROM {curated} WHERE "PRICE" = 0') == [{"N": 3}]
    shown = {kind: rows_by_batch(lake, kind) for kind in ("curated", "rejected")}
    assert apply(lake) == {"applied": []}
    assert {kind: rows_by_batch(lake, kind) for kind in shown} == shown
    assert first.number == 2


def test_backfills_are_applied_in_order_also_over_merged_and_carried_rows(lake: BuiltLake) -> None:
    publish_backfill(lake, BEGIN + timedelta(minutes=20), END + timedelta(minutes=20))
    publish_compaction(lake)
    publish_backfill(lake, BEGIN, END, with_rejected=True)
    numbers = [operation.number for operation in read_operations(lake.ledger()) if isinstance(operation, Backfill)][-2:]

    refused = lake.run(warehouse, "apply-backfill", str(lake.contract_file), str(numbers[1]))
    assert (refused.exit_code, f"builds on backfill {numbers[0]}" in refused.output) == (2, True)
    nothing = lake.run(warehouse, "apply-backfill", str(lake.contract_file), "1")
    assert (nothing.exit_code, "operation 1" in nothing.output) == (2, True)
    assert apply(lake) == {"applied": numbers}
    code, result = check(lake)
    assert (code, result["complete"]) == (0, True), result["findings"]


class Tampering(NamedTuple):
    id: str
    choose_key: Callable[[BuiltLake], str]
    body: Callable[[bytes], bytes | None]
    kind: str


def last_file(kind: type[Backfill] | type[Compaction], group: str) -> Callable[[BuiltLake], str]:
    def choose(lake: BuiltLake) -> str:
        operations = [o for o in read_operations(lake.ledger()) if isinstance(o, kind)]
        return str(getattr(operations[-1], group)[0].final_key)

    return choose


def shorten_carried(body: bytes) -> bytes:
    """The record of a backfill that carries nothing over."""
    record = json.loads(body)
    return json.dumps(record | {"carried": []}).encode()


TAMPERINGS = (
    Tampering("replacement-deleted", last_file(Backfill, "replacements"), lambda _: None, "missing"),
    Tampering("replacement-altered", last_file(Backfill, "replacements"), lambda body: body[:-9], "altered"),
    Tampering("carried-altered", last_file(Backfill, "carried"), lambda body: body[:-9], "altered"),
    Tampering("merged-deleted", last_file(Compaction, "files"), lambda _: None, "missing"),
    Tampering("record-deleted", lambda lake: operation_key(lake.ledger(), 1), lambda _: None, "missing"),
    Tampering("record-altered", lambda lake: operation_key(lake.ledger(), 5), shorten_carried, "missing"),
)


@pytest.mark.parametrize("case", TAMPERINGS, ids=lambda case: case.id)
def test_tampering_with_an_operation_is_found(lake: BuiltLake, case: Tampering) -> None:
    key = case.choose_key(lake)
    body = case.body(lake.s3.get_object(Bucket=lake.bucket, Key=key)["Body"].read())
    with changed_object(lake, key, body):
        code, result = check(lake)
    named = [finding for finding in result["findings"] if finding["kind"] == case.kind]
    assert (code, bool(named)) == (1, True), result["findings"]
    assert check(lake)[0] == 0
