"""Runs of the job on a standalone cluster, from a project's folder with the archive that `make package` builds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.integration.spark_streaming.job_runs import Pipeline, Run, read_run
from tests.integration.spark_streaming.standalone_cluster import StandaloneCluster

CREDENTIALS = ("AWS_", "access.key", "secret.key")
SIZES = {
    "MILLRACE_SPARK__EXECUTORS": "2",
    "MILLRACE_SPARK__EXECUTOR_CORES": "1",
    "MILLRACE_SPARK__EXECUTOR_MEMORY": "700m",
    "MILLRACE_SPARK__DRIVER_MEMORY": "700m",
}


def drain_on_cluster(
    pipeline: Pipeline, cluster: StandaloneCluster, project: Path, after_batch: Callable[[], None], *options: str
) -> Run:
    """Drain the topic on the cluster; `after_batch` is called after each batch, while the job goes on with the next."""
    verb = ["run", str(pipeline.path), "--available-now", "--checkpoint", pipeline.checkpoint, *options]
    variables = pipeline.variables | SIZES | {"MILLRACE_SPARK__MASTER": cluster.address}
    with subprocess.Popen(
        [sys.executable, "-m", "spark_streaming", *verb],
        env=os.environ | variables | {"PYTHONPATH": str(Path.cwd())},
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as job:
        assert job.stdout is not None
        lines: list[str] = []
        for line in job.stdout:
            lines.append(line)
            if line.startswith('{"event": "batch"'):
                after_batch()
    return read_run(subprocess.CompletedProcess([], job.returncode, "".join(lines), ""))


def check_executors(cluster: StandaloneCluster) -> None:
    """Hold that each worker has an executor, and none has a credential in its arguments or its environment."""
    for worker in cluster.workers:
        # A child that has just ended tells neither.
        children = [child.as_dict(["cmdline", "environ"]) for child in psutil.Process(worker.pid).children()]
        executors = [child for child in children if "CoarseGrainedExecutorBackend" in str(child["cmdline"])]
        assert executors, f"worker {worker.pid} has no executor"
        for executor in executors:
            given = [*executor["cmdline"], *(f"{name}={value}" for name, value in executor["environ"].items())]
            assert not [text for text in given if any(word in text for word in CREDENTIALS)]
