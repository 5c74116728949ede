"""A backfill of one month beside the live query, killed at every step: each month's rows are in the warehouse once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from connections.settings import Settings
from tests.integration.spark_streaming.current_rows import current_rows
from tests.integration.spark_streaming.event_rows import BEGIN, EventRow, build_rows, write_source
from tests.integration.spark_streaming.job_runs import CONTRACT, TIMEOUT_S, Pipeline

STEPS = ("stage", "inspect", "windows", "operation")
KILLS = [f"{name}:{phase}:0" for name in STEPS for phase in ("begin", "end")]
FEBRUARY = ["backfill", "--from", "2024-02-01", "--to", "2024-03-01", "--source", "kafka", "--rejected"]


def rows_of_three_months(first_id: int, count: int) -> list[EventRow]:
    return build_rows(first_id, count, BEGIN, timedelta(days=90) / count)


@contextmanager
def live_query(pipeline: Pipeline) -> Iterator[None]:
    """The ingest, running until the block ends; it is begun when the first batch is published."""
    command = [sys.executable, "-m", "spark_streaming", "run", str(pipeline.path), "--trigger", "2 seconds"]
    with subprocess.Popen(
        [*command, "--query", "ingest", "--checkpoint", pipeline.checkpoint],
        env=os.environ | pipeline.variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as live:
        try:
            wait = Retrying(
                retry=retry_if_result(lambda manifest: manifest is None), stop=stop_after_delay(TIMEOUT_S),
                wait=wait_fixed(1),
            )  # fmt: skip
            wait(lambda: pipeline.ledger().read_position().manifest)
            yield
        finally:
            live.send_signal(signal.SIGTERM)
            assert live.wait(TIMEOUT_S) == 0


@pytest.mark.chaos
@pytest.mark.timeout(3600)
def test_each_months_rows_are_in_the_warehouse_once(
    tmp_path: Path, unique_name: str, sandbox_settings: Settings, sandbox_variables: dict[str, str]
) -> None:
    (tmp_path / f"{unique_name}.toml").write_text(CONTRACT.format(name=unique_name))
    pipeline = Pipeline(tmp_path, unique_name, sandbox_settings, sandbox_variables, str(tmp_path / "checkpoints"))
    rows = rows_of_three_months(0, 3000)
    pipeline.deploy()
    pipeline.replay(write_source(pipeline.folder / "first.csv", rows))
    with live_query(pipeline):
        for number, step in enumerate(KILLS, start=1):
            more = rows_of_three_months(number * 10_000, 300)
            pipeline.replay(write_source(pipeline.folder / f"{number}.csv", more))
            rows += more
            assert pipeline.run_verbs(FEBRUARY, MILLRACE_TEST_KILL=step).code == -9, step
            ids = current_rows(pipeline, "curated")["id"].to_pylist()
            assert len(ids) == len(set(ids)), step
        assert pipeline.run_verbs(FEBRUARY, ["compact"], FEBRUARY).code == 0
    assert pipeline.drain("--query", "ingest").code == 0
    applied = pipeline.command("snowflake_integration", "apply-backfill", str(pipeline.path))
    assert applied.returncode == 0, applied.stderr
    result = pipeline.reconcile()
    assert result["complete"], result["findings"]
    found = pipeline.query("select month(at) as m, count(*) as n, count(distinct id) as d from events group by 1")
    wanted = Counter(row.at.month for row in rows if row.kind in "ab")
    assert {row["M"]: (row["N"], row["D"]) for row in found} == {month: (n, n) for month, n in wanted.items()}
