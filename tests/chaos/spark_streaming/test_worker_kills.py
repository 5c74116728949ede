"""kill -9 of a worker of a standalone cluster, again and again while the job works off a topic; a new one takes its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from connections.settings import Settings
from tests.integration.spark_streaming.cluster_runs import drain_on_cluster
from tests.integration.spark_streaming.job_runs import CONTRACT, Pipeline
from tests.integration.spark_streaming.project_folder import build_project
from tests.integration.spark_streaming.standalone_cluster import run_cluster

ROWS = 60_000
IN_BATCHES = ("--max-offsets-per-trigger", "4000")


@pytest.mark.chaos
@pytest.mark.timeout(3600)
def test_every_row_is_there_once_after_the_loss_of_five_workers(
    tmp_path: Path, unique_name: str, sandbox_settings: Settings, sandbox_variables: dict[str, str]
) -> None:
    (tmp_path / f"{unique_name}.toml").write_text(CONTRACT.format(name=unique_name))
    checkpoints = f"s3a://{sandbox_settings.s3.bucket}/_checkpoints"
    pipeline = Pipeline(tmp_path, unique_name, sandbox_settings, sandbox_variables, checkpoints)
    (tmp_path / "project").mkdir()
    project = build_project(tmp_path / "project")
    pipeline.deploy()
    pipeline.replay(pipeline.write_rows(0, ROWS))

    with run_cluster(tmp_path, workers=2) as cluster:

        def replace_worker() -> None:
            if cluster.has_worked() and len(cluster.workers) < 7:
                cluster.kill_worker()
                cluster.start_worker()

        run = drain_on_cluster(pipeline, cluster, project, replace_worker, *IN_BATCHES)

    assert run.code == 0, run.error
    assert len(cluster.workers) == 7
    closed = pipeline.run("close", str(pipeline.path))
    assert closed.code == 0, closed.error
    result = pipeline.reconcile()
    assert result["complete"], result["findings"]
    assert (result["missing"], result["duplicates"], result["loaded"]) == (0, 0, ROWS - ROWS // 100)
