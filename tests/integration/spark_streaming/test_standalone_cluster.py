"""The job on a Spark standalone cluster whose workers have a bare Python: all of it runs from the archive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.spark_streaming.cluster_runs import check_executors, drain_on_cluster
from tests.integration.spark_streaming.job_runs import Pipeline
from tests.integration.spark_streaming.project_folder import build_project
from tests.integration.spark_streaming.standalone_cluster import StandaloneCluster, run_cluster

ROWS = 6000
IN_BATCHES = ("--max-offsets-per-trigger", "1000")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder with the archive built."""
    return build_project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[StandaloneCluster]:
    """A master and two workers."""
    with run_cluster(tmp_path, workers=2) as running:
        yield running


@pytest.mark.chaos
@pytest.mark.timeout(900)
def test_the_loss_of_a_worker_loses_and_doubles_nothing(
    pipeline: Pipeline, cluster: StandaloneCluster, project: Path
) -> None:
    pipeline.deploy()
    pipeline.replay(pipeline.write_rows(0, ROWS))
    on_s3 = pipeline.on_checkpoint(f"s3a://{pipeline.settings.s3.bucket}/_checkpoints")

    def lose_worker() -> None:
        if cluster.workers[-1].poll() is None and cluster.has_worked():
            check_executors(cluster)
            cluster.kill_worker()

    run = drain_on_cluster(on_s3, cluster, project, lose_worker, *IN_BATCHES)

    assert run.code == 0, run.error
    assert cluster.workers[-1].poll() is not None, "the second worker was never given a task"
    assert pipeline.lines("raw") == list(range(2, ROWS + 2))
    assert sorted(pipeline.lines("curated") + pipeline.lines("rejected")) == list(range(2, ROWS + 2))
    # The aggregate reads its rows with Python on the executors, which have none but the archive's packages.
    assert pipeline.list_rows("aggregates/hourly").num_rows > 0
    result = pipeline.reconcile()
    assert (result["missing"], result["duplicates"], result["loaded"]) == (0, 0, ROWS - ROWS // 100), result["findings"]
