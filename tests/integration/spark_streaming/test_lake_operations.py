"""Compaction and backfill on the real job, to the tables: a contract that has changed, late rows, kills in between."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest

from connections.operations import read_operations
from tests.integration.spark_streaming.current_rows import AGGREGATE, current_rows, read_windows
from tests.integration.spark_streaming.event_rows import (
    BEGIN,
    EventRow,
    Session,
    build_rows,
    count_sessions,
    count_windows,
    write_source,
)
from tests.integration.spark_streaming.job_runs import Pipeline

FROM, TO = BEGIN + timedelta(hours=3, minutes=30), BEGIN + timedelta(hours=6)
RANGE = ["--from", FROM.isoformat(), "--to", TO.isoformat()]
WHOLE_DAY = ["--from", "2024-01-01", "--to", "2024-01-02"]
FROM_RAW = ["backfill", *RANGE, "--source", "raw", "--rejected"]
IN_ORDER = build_rows(0, 900)
# They come when the watermark has long passed their windows.
LATE = build_rows(10_000, 300, BEGIN + timedelta(hours=2), timedelta(seconds=50))
ROWS = [*IN_ORDER, *LATE]
GAP = timedelta(minutes=3)
SESSIONS = """
[[aggregate]]
name = "visits"
gap = "3 minutes"
group_by = ["kind"]
measures = [{ name = "events", type = "bigint", expression = "count(*)" }]
"""
TAKEN = [row for row in ROWS if FROM <= row.at < TO]
REST = [row for row in ROWS if not FROM <= row.at < TO]


def ids(rows: list[EventRow], kinds: str) -> list[int]:
    return sorted(row.id for row in rows if row.kind in kinds)


def curated_ids(pipeline: Pipeline, batch_id: str = "") -> list[int]:
    rows = current_rows(pipeline, "curated").to_pylist()
    return sorted(row["id"] for row in rows if row["_batch_id"].startswith(batch_id))


def show_view(pipeline: Pipeline) -> dict[tuple[datetime, str], int]:
    rows = pipeline.query("select window_start, kind, events from events_hourly")
    return {(row["WINDOW_START"], row["KIND"]): row["EVENTS"] for row in rows}


def show_sessions(pipeline: Pipeline) -> dict[Session, int]:
    rows = pipeline.query("select window_start, window_end, kind, events from events_visits")
    assert len(rows) == len({(row["WINDOW_START"], row["KIND"]) for row in rows})
    return {(row["WINDOW_START"], row["WINDOW_END"], row["KIND"]): row["EVENTS"] for row in rows}


def change_rule(pipeline: Pipeline, kinds: str, version: int) -> None:
    """Give the contract other valid kinds, and a higher version."""
    text = pipeline.path.read_text()
    pipeline.path.write_text(
        re.sub(r"kind in \([^)]*\)", f"kind in ({kinds})", text).replace(
            f"version = {version - 1}", f"version = {version}"
        )
    )


def apply_backfills(pipeline: Pipeline) -> str:
    applied = pipeline.command("snowflake_integration", "apply-backfill", str(pipeline.path), "--json")
    assert applied.returncode == 0, applied.stderr
    return applied.stdout.strip()


@pytest.mark.chaos_short
@pytest.mark.timeout(1200)
def test_a_range_is_judged_again_and_files_are_merged(pipeline: Pipeline) -> None:
    pipeline.path.write_text(pipeline.path.read_text() + SESSIONS)
    pipeline.deploy()
    for name, rows in (("in-order.csv", IN_ORDER), ("late.csv", LATE)):
        pipeline.replay(write_source(pipeline.folder / name, rows))
    drained = pipeline.run_verbs(["run", "--available-now", "--max-offsets-per-trigger", "300"])
    assert drained.code == 0, drained.error
    assert curated_ids(pipeline) == ids(ROWS, "ab")
    assert read_windows(pipeline) != count_windows(row for row in ROWS if row.kind in "ab")

    # The contract takes more kinds from now on.
    change_rule(pipeline, "'a', 'b', 'x'", version=2)
    planned = pipeline.command("spark_streaming", "backfill", str(pipeline.path), *RANGE, "--dry-run")
    assert (planned.returncode, "publish all of it as operation 1" in planned.stdout) == (0, True), planned.stderr
    killed = pipeline.run_verbs(FROM_RAW, MILLRACE_TEST_KILL="operation:begin:0")
    assert killed.code == -9, killed.error
    assert (read_operations(pipeline.ledger()), curated_ids(pipeline)) == ([], ids(ROWS, "ab")), "the old"
    killed = pipeline.run_verbs(FROM_RAW, MILLRACE_TEST_KILL="operation:end:0")
    assert killed.code == -9, killed.error
    assert curated_ids(pipeline) == sorted([*ids(TAKEN, "abx"), *ids(REST, "ab")]), "the new"
    assert apply_backfills(pipeline) == '{"applied": [1]}'

    before = current_rows(pipeline, "curated")
    done = pipeline.run_verbs(FROM_RAW, ["close"], ["compact"], ["backfill", *WHOLE_DAY, "--source", "kafka"])

    assert done.code == 0, done.error
    assert "backfill 1 stands" in done.text
    first, merged, second = read_operations(pipeline.ledger())
    assert [operation.kind for operation in (first, merged, second)] == ["backfill", "compact", "backfill"]
    assert sum(file.rows for file in merged.files if file.output == "curated") == before.num_rows
    assert len([file for file in merged.files if file.output == "curated"]) == 1
    assert curated_ids(pipeline) == sorted([*ids(TAKEN, "abx"), *ids(REST, "ab")])
    assert curated_ids(pipeline, "backfill-000003") == curated_ids(pipeline)
    assert len(current_rows(pipeline, "rejected")) == len(ids(REST, "x"))
    assert len(pipeline.lines("raw")) == len(ROWS), "a plain listing shows each row once"
    listed = pipeline.command("spark_streaming", "files", str(pipeline.path), "--output", "raw")
    assert [line.split("/")[3] for line in listed.stdout.splitlines()] == ["operations"]

    expected = count_windows([*TAKEN, *(row for row in REST if row.kind in "ab")])
    closed = [row for row in pipeline.list_rows(AGGREGATE).to_pylist() if row["_batch_id"].startswith("close")]
    assert closed
    assert all(expected[row["window_start"], row["kind"]] == row["events"] for row in closed)
    assert read_windows(pipeline) == expected
    assert apply_backfills(pipeline) == '{"applied": [3]}'
    assert show_view(pipeline) == expected
    assert show_sessions(pipeline) == count_sessions([*TAKEN, *(row for row in REST if row.kind in "ab")], GAP)

    # Of a kind that is refused now, no window and no session is left.
    change_rule(pipeline, "'b', 'x'", version=3)
    fewer = pipeline.run_verbs(["backfill", *WHOLE_DAY, "--source", "raw"])
    assert fewer.code == 0, fewer.error
    assert apply_backfills(pipeline) == '{"applied": [4]}'
    left = [row for row in [*TAKEN, *REST] if row.kind == "b" or (row.kind == "x" and row in TAKEN)]
    assert read_windows(pipeline) == show_view(pipeline) == count_windows(left)
    assert show_sessions(pipeline) == count_sessions(left, GAP)
    result = pipeline.reconcile()
    assert result["complete"], result["findings"]
