"""The statements that bring a backfill into the tables."""

from __future__ import annotations

from pathlib import Path

from connections.settings import load_settings
from pipeline_contract.contract_file import load_contract
from snowflake_integration.backfill_statements import list_copies, list_deletions
from snowflake_integration.naming import derive_names
from tests.unit.pipeline_contract.operation_builder import build_backfill, build_operation_file

CONTRACT = load_contract(Path("conf/pipelines/flights.toml"))
NAMES = derive_names(CONTRACT, load_settings("aws"))
PREFIX = "operations/flights/first/"


def test_rows_of_the_range_below_the_snapshot_are_deleted() -> None:
    (deletion,) = list_deletions(build_backfill(1, ["a"], [], []), NAMES, "flights")
    assert deletion.statement == (
        'DELETE FROM "MILLRACE"."FLIGHTS"."FLIGHTS"\n'
        "WHERE \"_EVENT_TIME\" >= '2013-01-01 00:00:00'::TIMESTAMP_NTZ(6) "
        "AND \"_EVENT_TIME\" < '2013-02-01 00:00:00'::TIMESTAMP_NTZ(6)\n"
        '    AND (("_TOPIC_ID" = \'id\' AND "_PARTITION" = 0 AND "_OFFSET" < 100))'
    )


def test_rejected_rows_too_where_they_were_taken_again_but_no_duplicates() -> None:
    backfill = build_backfill(1, ["a"], [], []).model_copy(update={"with_rejected": True})
    _, rejected = list_deletions(backfill, NAMES, "flights")
    for part in ('OR "_EVENT_TIME" IS NULL', "\"_TOPIC\" = 'flights'", "\"REASON\" <> 'duplicate'", '"_OFFSET" < 100'):
        assert part in rejected.statement


def test_files_are_copied_by_name_from_the_stage_of_the_operations() -> None:
    files = [build_operation_file(f"{PREFIX}curated/{n}") for n in range(1001)]
    files.append(build_operation_file(f"{PREFIX}aggregates/hourly_departures/0", "aggregates/hourly_departures"))
    carried = [build_operation_file(f"{PREFIX}carried/curated/0")]

    copies = list_copies(build_backfill(1, ["a"], files, carried), NAMES, "flights")

    assert [copy.count("first/curated/") for copy in copies] == [1000, 1, 0]
    assert "'first/aggregates/hourly_departures/0'" in copies[2]
    assert not any("carried" in copy for copy in copies)
    assert all('FROM @"MILLRACE"."FLIGHTS"."FLIGHTS_OPERATIONS"/' in copy for copy in copies)
