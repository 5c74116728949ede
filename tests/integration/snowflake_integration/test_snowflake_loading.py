"""What lies in a file of the lake is in the table, value by value, through the pipe's own COPY."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connections.settings import Settings
from connections.warehouse import StatementFailed, execute_statement, run_query
from pipeline_contract.contract_file import load_contract
from pipeline_contract.errors import CheckFailed, NotFinished
from pipeline_contract.layout import final_key
from pipeline_contract.model import Contract
from snowflake_integration.copy_statement import reload_copy
from snowflake_integration.deployment import Done, Site
from snowflake_integration.naming import Target
from snowflake_integration.pipes import LoadState, read_load_states
from snowflake_integration.plan import split_script
from snowflake_integration.rendering import render_scripts
from snowflake_integration.waiting import wait_loaded
from tests.integration.snowflake_integration.lake_files import build_row, write_file

Deploy = Callable[[Contract, Site], list[Done]]
OpenSite = Callable[[Contract], Site]
MOMENT = datetime.fromisoformat("2013-07-01T23:59:59.123456")
PASSPORT = {
    "_source_file": "things.csv#0123456789ab",
    "_source_line": 2,
    "_topic": "things",
    "_topic_id": "Zm9v",
    "_partition": 3,
    "_offset": 2**40,
    "_event_time": MOMENT,
    "_batch_id": "0001-abc-0000000001",
}
# What differs between formats, dialects and zones: nulls, the empty text, quotes, line breaks, the ends of ranges.
THINGS: list[dict[str, Any]] = [
    {"id": 1, "label": "plain", "count": 1, "ratio": 0.1, "price": Decimal("1.100"), "good": True},
    {"id": 2, "label": None, "count": None, "ratio": None, "price": None, "good": None},
    {"id": 3, "label": "", "count": 0, "ratio": 0.0, "price": Decimal("0.000"), "good": False},
    {"id": 4, "label": 'she said "no", twice', "count": -(2**31), "ratio": -1.5e300},
    {"id": 5, "label": "two\nlines, and\r\nthree", "count": 2**31 - 1, "ratio": 5e-324},
    {"id": 6, "label": "\\N", "price": Decimal("-999999999.999")},
    {"id": 7, "label": 'back\\slash \\"', "price": Decimal("999999999.999")},
    {
        "id": 8,
        "label": "  kept spaces  ",
        "day": date(1970, 1, 1),
        "moment": datetime.fromisoformat("1969-12-31T23:59:59"),
    },
    {"id": -(2**63), "label": "😀 é 日本 NULL", "day": date(2024, 2, 29), "moment": MOMENT},
    {"id": 2**63 - 1, "label": "NULL", "day": date(9999, 12, 31), "moment": MOMENT + timedelta(microseconds=1)},
]


def find(site: Site, kind: str) -> Target:
    """The one target of a kind."""
    (target,) = [target for target in site.names.targets if target.output.kind == kind]
    return target


def put(site: Site, target: Target, number: int, rows: list[dict[str, Any]]) -> str:
    """Publish a file of an output, and hand back its key."""
    key = final_key(site.pipeline, target.output.name, "", "0001-abc-0000000001", number, target.output.extension)
    body = write_file(target.output, [build_row(target.output, **row) for row in rows])
    site.s3.put_object(Bucket=site.bucket, Key=key, Body=body)
    return key


def wait(site: Site, timeout_s: float = 30.0) -> list[LoadState]:
    """Wait until all is loaded."""
    return wait_loaded(site.connection, site.s3, site.names, site.bucket, timeout_s, report=lambda states: None)


def read_table(site: Site, target: Target) -> list[Mapping[str, Any]]:
    """The rows of a table in the order of the file, with lower-case names."""
    rows = run_query(site.connection, f'SELECT * FROM {target.table} ORDER BY "_FILE_NAME", "_FILE_ROW_NUMBER"')
    return [{name.lower(): value for name, value in row.items()} for row in rows]


@pytest.mark.parametrize("lake_format", ["parquet", "csv", "json"])
def test_every_value_of_curated_rows_arrives(
    lake_format: str, write_contract: Callable[[str], Path], open_site: OpenSite, deploy: Deploy
) -> None:
    contract = load_contract(write_contract(lake_format))
    site = open_site(contract)
    deploy(contract, site)
    target = find(site, "curated")
    started = datetime.now(UTC).replace(tzinfo=None)

    key = put(site, target, 1, [{**thing, **PASSPORT} for thing in THINGS])
    wait(site)

    rows = read_table(site, target)
    wanted = [build_row(target.output, **thing, **PASSPORT) for thing in THINGS]
    assert [{name: row[name] for name in target.output.columns} for row in rows] == wanted
    assert {row["_file_name"] for row in rows} == {key}
    assert [row["_file_row_number"] for row in rows] == sorted({row["_file_row_number"] for row in rows})
    assert all(abs(row["_loaded_at"] - started) < timedelta(minutes=2) for row in rows)


def test_raw_bytes_and_rejected_rows_arrive_as_they_were(
    contract: Contract, open_site: OpenSite, deploy: Deploy
) -> None:
    site = open_site(contract)
    deploy(contract, site)
    raw, rejected = find(site, "raw"), find(site, "rejected")
    values = [b"", b"\x00\xff\xfe not utf-8", '{"é": "😀"}'.encode(), None, bytes(range(256))]
    raw_rows = [{"key": b"k", "value": value, "_kafka_timestamp": MOMENT, **PASSPORT} for value in values]
    reasons = '[{"reason": "type", "column": "id", "found": "x\\"y"}]'

    put(site, raw, 1, raw_rows)
    put(site, rejected, 1, [{"stage": "decode", "reason": "type:id", "reasons": reasons, "value": b"\xff", **PASSPORT}])
    wait(site)

    assert [(row["value"], row["_kafka_timestamp"]) for row in read_table(site, raw)] == [(v, MOMENT) for v in values]
    assert [(row["value"], row["reasons"]) for row in read_table(site, rejected)] == [(b"\xff", reasons)]
    assert run_query(
        site.connection,
        f"SELECT STAGE, REASON, REJECTED_ROWS FROM {site.names.schema}.THINGS_REJECTED_BY_REASON",
    ) == [{"STAGE": "decode", "REASON": "type:id", "REJECTED_ROWS": 1}]


def test_the_view_shows_the_newest_version_of_each_window(
    contract: Contract, open_site: OpenSite, deploy: Deploy
) -> None:
    site = open_site(contract)
    deploy(contract, site)
    target = find(site, "aggregate")
    window: dict[str, Any] = {"window_start": MOMENT.replace(minute=0), "window_end": MOMENT}

    put(site, target, 1, [version("a", 5, 10, **window), version(None, 1, 10, **window), version("c", 7, 10, **window)])
    put(site, target, 2, [version("a", 9, 20, **window), version("b", 2, 20, **window)])
    # A later lineage has read less as yet.
    put(site, target, 3, [version("c", 8, 5, "0002-b", **window)])
    put(site, target, 4, [version("b", None, 20, batch="backfill-000001", **window)])
    wait(site)

    assert len(read_table(site, target)) == 7
    shown = run_query(site.connection, f"SELECT LABEL, THINGS FROM {target.view} ORDER BY THINGS")
    assert [(row["LABEL"], row["THINGS"]) for row in shown] == [(None, 1), ("c", 8), ("a", 9)]


def test_a_session_is_hidden_by_a_newer_one_that_it_meets(
    contract: Contract, open_site: OpenSite, deploy: Deploy
) -> None:
    [aggregate] = contract.aggregates
    visits = aggregate.model_copy(update={"window": None, "gap": timedelta(minutes=5)})
    contract = contract.model_copy(update={"aggregates": (visits,)})
    site = open_site(contract)
    deploy(contract, site)
    target = find(site, "aggregate")

    def session(label: str | None, start: int, end: int, things: int | None, as_of: int, batch: str) -> dict[str, Any]:
        bounds: dict[str, Any] = {"window_start": _at(start), "window_end": _at(end)}
        return version(label, things, as_of, batch=batch, **bounds)

    put(site, target, 1, [session("a", 0, 10, 2, 10, "1"), session("a", 20, 30, 3, 10, "1")])
    put(site, target, 2, [session(None, 0, 10, 4, 10, "1"), session("a", 40, 50, 5, 10, "1")])
    # A late row has joined the first two; the last one is no more; another has grown on its left.
    put(site, target, 3, [session("a", 0, 30, 6, 10, "backfill-1"), session("a", 40, 50, None, 10, "backfill-1")])
    put(site, target, 4, [session(None, -5, 10, 7, 11, "2"), session(None, 10, 20, 8, 10, "1")])
    wait(site)

    shown = run_query(site.connection, f"SELECT LABEL, THINGS FROM {target.view} ORDER BY THINGS")
    assert [(row["LABEL"], row["THINGS"]) for row in shown] == [("a", 6), (None, 7), (None, 8)]


def _at(minute: int) -> datetime:
    return MOMENT + timedelta(minutes=minute)


def version(
    label: str | None, things: int | None, as_of: int, lineage: str = "0001-a", batch: str = "1", **bounds: Any
) -> dict[str, Any]:
    """A version of a window; one without a measure is withdrawn."""
    passport = {"_topic": "things", "_lineage": lineage, "_as_of": as_of, "_batch_id": batch}
    return {**bounds, "label": label, "things": things, **passport, "_withdrawn": things is None}


def test_a_refused_file_is_named_and_a_repaired_one_is_loaded_by_the_backfill_statements(
    contract: Contract, open_site: OpenSite, deploy: Deploy
) -> None:
    site = open_site(contract)
    deploy(contract, site)
    target = find(site, "curated")
    good = put(site, target, 1, [{"id": 1, **PASSPORT}])
    wait(site)
    bad = final_key(site.pipeline, "curated", "", "0001-abc-0000000002", 1, "parquet")
    site.s3.put_object(Bucket=site.bucket, Key=bad, Body=b"this is no Parquet file")

    with pytest.raises(CheckFailed) as caught:
        wait(site)

    assert bad in str(caught.value)
    assert good not in str(caught.value)
    site.s3.put_object(
        Bucket=site.bucket, Key=bad, Body=write_file(target.output, [build_row(target.output, id=2, **PASSPORT)])
    )
    reload_file(site, target, bad)
    reload_file(site, target, bad)
    assert [row["id"] for row in read_table(site, target)] == [1, 2]
    assert [state.failed for state in wait(site)] == [{}] * 4


def reload_file(site: Site, target: Target, key: str) -> None:
    """The statements of script 10 for one file."""
    for statement in (
        "BEGIN",
        f"DELETE FROM {target.table} WHERE \"_FILE_NAME\" = '{key}'",
        reload_copy(target, key.removeprefix(target.prefix)),
        "COMMIT",
    ):
        execute_statement(site.connection, statement)


def test_waiting_ends_at_the_timeout_with_the_pending_file_named(
    contract: Contract, open_site: OpenSite, deploy: Deploy
) -> None:
    site = open_site(contract)
    deploy(contract, site)
    target = find(site, "curated")
    execute_statement(site.connection, f"ALTER PIPE {target.pipe} SET PIPE_EXECUTION_PAUSED = TRUE")

    key = put(site, target, 1, [{"id": 1, **PASSPORT}])
    with pytest.raises(NotFinished) as caught:
        wait(site, timeout_s=1)

    assert key in str(caught.value)
    assert "PAUSED" in str(caught.value)
    execute_statement(site.connection, f"ALTER PIPE {target.pipe} SET PIPE_EXECUTION_PAUSED = FALSE")
    assert [state.loaded for state in wait(site)] == [0, 1, 0, 0]


def test_the_monitoring_queries_answer(
    contract: Contract, open_site: OpenSite, deploy: Deploy, endpoints: Settings
) -> None:
    site = open_site(contract)
    deploy(contract, site)
    put(site, find(site, "curated"), 1, [{"id": 1, **PASSPORT}, {"id": 2, **PASSPORT}])
    wait(site)
    (script,) = [s for s in render_scripts(contract, endpoints) if s.number == "09"]

    # The account's own usage views are the one part that an emulated account does not have.
    statements = [statement for statement in split_script(script) if "ACCOUNT_USAGE" not in statement]
    answers = [execute_statement(site.connection, statement) for statement in statements]

    loads = next(a for a in answers if a.columns == ("TABLE_NAME", "ROWS_LOADED", "FILES_LOADED", "LAST_LOADED_AT"))
    assert [row[:3] for row in loads.rows if row[1]] == [("THINGS", 2, 1)]
    doubles = [answer for answer in answers if "COPIES" in answer.columns]
    assert [row[:4] for row in doubles[-1].rows] == [("Zm9v", 3, 2**40, 2)]


def test_the_backfill_script_as_it_stands_changes_nothing(
    contract: Contract, open_site: OpenSite, deploy: Deploy, endpoints: Settings
) -> None:
    site = open_site(contract)
    deploy(contract, site)
    put(site, find(site, "curated"), 1, [{"id": 1, **PASSPORT}])
    wait(site)
    (script,) = [s for s in render_scripts(contract, endpoints) if s.number == "10"]
    refused = 0

    for statement in split_script(script):
        try:
            execute_statement(site.connection, statement)
        except StatementFailed:
            refused += 1
            execute_statement(site.connection, "ROLLBACK")

    assert refused >= 5
    assert [(s.objects, s.loaded) for s in read_load_states(site.connection, site.s3, site.names, site.bucket)] == [
        (0, 0), (1, 1), (0, 0), (0, 0),
    ]  # fmt: skip
    assert len(read_table(site, find(site, "curated"))) == 1
