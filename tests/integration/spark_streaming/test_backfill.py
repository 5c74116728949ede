"""Backfills on the real job: a range judged again by another contract, from both sources, with the windows over it."""

from __future__ import annotations

import io
from datetime import timedelta

import pyarrow.parquet as pq
import pytest

from connections.operations import read_operations
from pipeline_contract.manifest import Backfill
from tests.integration.spark_streaming.event_rows import (
    BEGIN,
    EventRow,
    Window,
    build_rows,
    count_windows,
    write_source,
)
from tests.integration.spark_streaming.job_runs import Pipeline
from tests.integration.spark_streaming.test_compaction import current_rows

FROM, TO = BEGIN + timedelta(hours=3, minutes=30), BEGIN + timedelta(hours=6)
AGGREGATE = "aggregates/hourly"
WHOLE_DAY = ["--from", "2024-01-01", "--to", "2024-01-02"]
RANGE = ["--from", FROM.isoformat(), "--to", TO.isoformat()]
IN_ORDER = build_rows(0, 900)
LATE = build_rows(10_000, 300, BEGIN + timedelta(hours=2), timedelta(seconds=50))
DRAIN = ["run", "--available-now", "--max-offsets-per-trigger", "400"]


def judged(rows: list[EventRow], kinds: str) -> set[int]:
    return {row.id for row in rows if row.kind in kinds}


def within(row: EventRow) -> bool:
    return FROM <= row.at < TO


def ids(pipeline: Pipeline, batch_id: str = "") -> list[int]:
    rows = current_rows(pipeline, "curated").to_pylist()
    return sorted(row["id"] for row in rows if row["_batch_id"].startswith(batch_id))


def read_windows(pipeline: Pipeline) -> dict[Window, int]:
    """The newest version of each window in the lake: those published by the stream, by closing, and by backfills."""
    ledger = pipeline.ledger()
    replaced = [file for operation in read_operations(ledger) for file in operation.files if file.output == AGGREGATE]
    bodies = [ledger.s3.get_object(Bucket=ledger.bucket, Key=f.final_key)["Body"].read() for f in replaced]
    tables = [pipeline.list_rows(AGGREGATE), *(pq.read_table(io.BytesIO(body)) for body in bodies)]
    versions = [row for table in tables for row in table.to_pylist()]
    versions.sort(key=lambda row: (row["_as_of"], row["_batch_id"].startswith("backfill"), row["_batch_id"]))
    return {(row["window_start"], row["kind"]): row["events"] for row in versions}


@pytest.mark.timeout(900)
def test_a_range_is_taken_again_by_another_contract(pipeline: Pipeline) -> None:
    pipeline.replay(write_source(pipeline.folder / "in-order.csv", IN_ORDER))
    assert pipeline.drain(*DRAIN[2:]).code == 0
    pipeline.replay(write_source(pipeline.folder / "late.csv", LATE))
    assert pipeline.run_verbs(DRAIN, ["close"]).code == 0
    assert ids(pipeline) == sorted(judged([*IN_ORDER, *LATE], "ab"))
    assert read_windows(pipeline) != count_windows(row for row in [*IN_ORDER, *LATE] if row.kind in "ab")

    pipeline.path.write_text(pipeline.path.read_text().replace("'b')", "'b', 'x')"))
    planned = pipeline.command("spark_streaming", "backfill", str(pipeline.path), *RANGE, "--dry-run")
    assert (planned.returncode, "publish all of it as operation 1" in planned.stdout) == (0, True), planned.stderr
    again = ["backfill", *RANGE, "--source", "raw", "--rejected"]
    done = pipeline.run_verbs(again, again, ["backfill", *WHOLE_DAY, "--source", "kafka"])

    assert done.code == 0, done.error
    first, second = read_operations(pipeline.ledger())
    assert isinstance(first, Backfill)
    assert isinstance(second, Backfill)
    assert "backfill 1 stands" in done.text
    taken = [row for row in [*IN_ORDER, *LATE] if within(row)]
    rest = [row for row in [*IN_ORDER, *LATE] if not within(row)]
    assert [sum(count.raw for count in op.counts) for op in (first, second)] == [
        len(taken), len(taken) + len(judged(rest, "ab")),
    ]  # fmt: skip
    assert ids(pipeline) == sorted(judged(taken, "abx") | judged(rest, "ab")) == ids(pipeline, "backfill-000002")
    assert len(current_rows(pipeline, "rejected")) == len(judged(rest, "x"))
    assert read_windows(pipeline) == count_windows([*taken, *(row for row in rest if row.kind in "ab")])
