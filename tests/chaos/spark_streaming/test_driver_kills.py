"""kill -9 of the driver at each step of the publish protocol, five rounds on one pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from connections.settings import Settings
from tests.integration.spark_streaming.job_runs import CONTRACT, Pipeline
from tests.integration.spark_streaming.test_killed_driver import BATCH, KILLS, check_whole

ROUNDS = 5
ROWS = 30_000


@pytest.mark.chaos
@pytest.mark.timeout(3600)
def test_every_row_is_there_once_after_five_kills_at_each_step(
    tmp_path: Path, unique_name: str, sandbox_settings: Settings, sandbox_variables: dict[str, str]
) -> None:
    (tmp_path / f"{unique_name}.toml").write_text(CONTRACT.format(name=unique_name))
    pipeline = Pipeline(tmp_path, unique_name, sandbox_settings, sandbox_variables, str(tmp_path / "checkpoints"))
    pipeline.deploy()
    for number in range(ROUNDS):
        pipeline.replay(pipeline.write_rows(number * ROWS, ROWS, f"events-{number}.csv"))
        for step in KILLS:
            assert pipeline.drain_until_killed(step, *BATCH).code == -9, (number, step)
        assert pipeline.drain(*BATCH).code == 0
    check_whole(pipeline, list(range(2, ROWS + 2)) * ROUNDS)
