"""Lines that Spark and Python libraries write: the same fields as the job's own, with the batch that they are about."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from connections.settings import S3Settings
from spark_streaming.packages import find_spark_home
from spark_streaming.submit import LOG_CONFIGURATION, build_environment
from tests.integration.spark_streaming.job_runs import TIMEOUT_S
from tests.integration.spark_streaming.logging_job import PLACE

LOGGING_JOB = Path(__file__).with_name("logging_job.py")


def test_a_failed_task_and_a_library_s_warning_name_their_batch() -> None:
    options = f"-Dlog4j2.configurationFile={LOG_CONFIGURATION.resolve().as_uri()}"
    done = subprocess.run(
        [str(find_spark_home() / "bin" / "spark-submit"), "--master", "local[1]", "--conf", "spark.ui.enabled=false",
         "--driver-java-options", options, str(LOGGING_JOB)],
        env=build_environment(os.environ, S3Settings()),
        capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (done.stdout + done.stderr).splitlines() if line.startswith('{"event"')]
    warning = next(line for line in lines if line["logger"] == "library")
    failed = next(line for line in lines if line["logger"].endswith(".Executor"))
    assert (warning["level"], warning["message"]) == ("warning", "a warning of Python's")
    assert failed["level"] == "error"
    assert "a task that fails" in failed["stack"]
    for line in (warning, failed):
        assert (line["event"], line["query"], line["batch_id"]) == ("log", PLACE.query, PLACE.batch_id)
        assert {"time", "level", "message"} <= set(line)
    assert (warning["batch"], warning["offsets"]) == (PLACE.batch, {"orders": {"0": [10, 20]}})
    assert (failed["batch"], failed["offsets"]) == ("7", '{"orders": {"0": [10, 20]}}')
