"""A driver killed at random steps, each time with its checkpoint set back or emptied before it is started again."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from connections.settings import Settings
from tests.integration.spark_streaming.job_runs import CONTRACT, Pipeline
from tests.integration.spark_streaming.test_killed_driver import BATCH, KILLS, check_whole

ROUNDS = 12
ROWS = 8000


@pytest.mark.chaos
@pytest.mark.timeout(3600)
def test_every_row_is_there_once_after_rewinds_and_new_lineages(
    tmp_path: Path, unique_name: str, sandbox_settings: Settings, sandbox_variables: dict[str, str]
) -> None:
    (tmp_path / f"{unique_name}.toml").write_text(CONTRACT.format(name=unique_name))
    pipeline = Pipeline(tmp_path, unique_name, sandbox_settings, sandbox_variables, str(tmp_path / "checkpoints"))
    pipeline.deploy()
    chance = random.Random(20240101)
    for number in range(ROUNDS):
        pipeline.replay(pipeline.write_rows(number * ROWS, ROWS, f"events-{number}.csv"))
        step = chance.choice(KILLS[:-1])
        assert pipeline.drain_until_killed(step, *BATCH).code == -9, (number, step)
        operation = chance.choice(["rewind", "rewind one more", "start over"])
        done = pipeline.command("spark_streaming", *plan_operation(pipeline, operation))
        assert done.returncode == 0, (number, step, operation, done.stderr)
    assert pipeline.drain(*BATCH).code == 0
    check_whole(pipeline, list(range(2, ROWS + 2)) * ROUNDS)


def plan_operation(pipeline: Pipeline, operation: str) -> list[str]:
    """The command of an operation on the ingest, as it stands."""
    if operation == "start over":
        return ["start-over", str(pipeline.path), "--query", "ingest"]
    last = pipeline.ledger().read_position().manifest
    published = last.batch if last else -1
    target = max(published - (operation == "rewind one more"), -1)
    return ["rewind", str(pipeline.path), "--query", "ingest", "--to-batch", str(target)]
