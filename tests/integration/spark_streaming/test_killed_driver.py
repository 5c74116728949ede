"""kill -9 of the driver at steps of the publish protocol: a lister of the bucket and the warehouse see each row once."""

from __future__ import annotations

import pytest

from tests.integration.spark_streaming.job_runs import Pipeline

ROWS = 30_000
# The name of the step, its phase, and how many of its kind are let pass before.
KILLS = (
    "stage:begin:0",
    "stage:end:0",
    "manifest:begin:0",
    "manifest:end:0",
    "copy:begin:0",
    "copy:end:0",
    "copy:begin:2",
    "copy:end:2",  # the last copy: before the commit
    "stage:begin:1",  # the next batch: after the commit
)
# The others are in the chaos suite.
SAMPLE = ("stage:end:0", "manifest:end:0", "copy:begin:2", "stage:begin:1")
DEDUPE = '[dedupe]\nkey = ["id"]\nwithin = "28 days"\n'
BATCH = ("--query", "ingest", "--max-offsets-per-trigger", "4000")


@pytest.mark.chaos_short
@pytest.mark.timeout(1200)
def test_every_row_is_there_once_after_kills_at_different_steps(pipeline: Pipeline) -> None:
    # A batch that is tried again must not take its own rows for earlier ones.
    pipeline.path.write_text(pipeline.path.read_text() + DEDUPE)
    pipeline.replay(pipeline.write_rows(0, ROWS))
    pipeline.deploy()
    for step in SAMPLE:
        assert pipeline.drain_until_killed(step, *BATCH).code == -9, step
    # The checkpoint is lost too, while a batch of its lineage is published by half.
    assert pipeline.drain_until_killed("copy:end:0", *BATCH).code == -9
    assert pipeline.on_checkpoint(f"{pipeline.checkpoint}-new").drain(*BATCH).code == 0
    check_whole(pipeline, list(range(2, ROWS + 2)))


def check_whole(pipeline: Pipeline, lines: list[int]) -> None:
    """Hold that a listing, the warehouse and the reconciliation all show these source lines, each as often as it stands."""
    assert pipeline.lines("raw") == sorted(lines)
    assert sorted(pipeline.lines("curated") + pipeline.lines("rejected")) == sorted(lines)
    assert set(pipeline.list_rows("rejected")["reason"].to_pylist()) == {"rule:known_kind"}
    result = pipeline.reconcile()
    assert result["complete"], result["findings"]
    row = 'count(*) as n, count(distinct "_SOURCE_FILE" || \':\' || "_SOURCE_LINE") as d'
    wanted = [{"N": len(lines), "D": len(lines)}]
    assert pipeline.query(f"select {row} from events_raw") == wanted
    passports = 'select "_SOURCE_FILE", "_SOURCE_LINE" from'
    assert pipeline.query(f"select {row} from ({passports} events union all {passports} events_rejected)") == wanted
