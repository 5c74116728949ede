"""Compaction and backfill on the real job, to the tables: a contract that has changed, late rows, kills in between."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from connections.operations import read_operations
from tests.integration.spark_streaming.current_rows import AGGREGATE, current_rows, read_windows
from tests.integration.spark_streaming.event_rows import BEGIN, EventRow, build_rows, count_windows, write_source
from tests.integration.spark_streaming.job_runs import Pipeline

FROM, TO = BEGIN + timedelta(hours=3, minutes=30), BEGIN + timedelta(hours=6)
RANGE = ["--from", FROM.isoformat(), "--to", TO.isoformat()]
WHOLE_DAY = ["--from", "2024-01-01", "--to", "2024-01-02"]
FROM_RAW = ["backfill", *RANGE, "--source", "raw", "--rejected"]
IN_ORDER = build_rows(0, 900)
# They come when the watermark has long passed their windows.
LATE = build_rows(10_000, 300, BEGIN + timedelta(hours=2), timedelta(seconds=50))
ROWS = [*IN_ORDER, *LATE]
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


@pytest.mark.timeout(1200)
def test_a_range_is_judged_again_and_files_are_merged(pipeline: Pipeline) -> None:
    pipeline.deploy()
    for name, rows in (("in-order.csv", IN_ORDER), ("late.csv", LATE)):
        pipeline.replay(write_source(pipeline.folder / name, rows))
    drained = pipeline.run_verbs(["run", "--available-now", "--max-offsets-per-trigger", "300"])
    assert drained.code == 0, drained.error
    assert curated_ids(pipeline) == ids(ROWS, "ab")
    assert read_windows(pipeline) != count_windows(row for row in ROWS if row.kind in "ab")

    # The contract takes more kinds from now on.
    newer = pipeline.path.read_text().replace("'b')", "'b', 'x')").replace("version = 1", "version = 2")
    pipeline.path.write_text(newer)
    planned = pipeline.command("spark_streaming", "backfill", str(pipeline.path), *RANGE, "--dry-run")
    assert (planned.returncode, "publish all of it as operation 1" in planned.stdout) == (0, True), planned.stderr
    assert pipeline.run_verbs(FROM_RAW, MILLRACE_TEST_KILL="operation:begin:0").code == -9
    assert (read_operations(pipeline.ledger()), curated_ids(pipeline)) == ([], ids(ROWS, "ab")), "the old"
    assert pipeline.run_verbs(FROM_RAW, MILLRACE_TEST_KILL="operation:end:0").code == -9
    assert curated_ids(pipeline) == sorted([*ids(TAKEN, "abx"), *ids(REST, "ab")]), "the new"
    loaded = pipeline.command("snowflake_integration", "apply-backfill", str(pipeline.path))
    assert loaded.returncode == 0, loaded.stderr

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
    applied = pipeline.command("snowflake_integration", "apply-backfill", str(pipeline.path), "--json")
    assert (applied.returncode, applied.stdout.strip()) == (0, '{"applied": [3]}'), applied.stderr
    assert show_view(pipeline) == expected
    result = pipeline.reconcile()
    assert result["complete"], result["findings"]
