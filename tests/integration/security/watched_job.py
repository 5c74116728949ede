"""The real job as it runs with everything on that shows something: web page, event log, scratch folders that stay."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.processes import find_free_port
from spark_streaming.submit import build_command, build_environment
from tests.integration.kafka_consumer.consumer_runs import wait_until
from tests.integration.spark_streaming.job_runs import PROJECT, Pipeline

PAGES = ("jobs/", "stages/", "storage/", "environment/", "executors/", "SQL/", "StreamingQuery/",
         "executors/threadDump/?executorId=driver")  # fmt: skip
RESOURCES = ("environment", "allexecutors", "storage/rdd", "jobs", "stages?details=true&withSummaries=true",
             "sql?details=true&planDescription=true&length=10000")  # fmt: skip


@dataclass(frozen=True)
class WatchedJob:
    """A running job: the address of its web page, and the folder with all that it leaves on this machine's disk."""

    url: str
    folder: Path
    process: subprocess.Popen[bytes]

    def read_pages(self) -> Iterator[tuple[str, bytes]]:
        """What the web page and its API show, with the plan of every statement."""
        for page in PAGES:
            yield page, self._get(page)
        [application] = json.loads(self._get("api/v1/applications"))
        api = f"api/v1/applications/{application['id']}"
        for resource in RESOURCES:
            yield resource, self._get(f"{api}/{resource}")
        for statement in json.loads(self._get(f"{api}/sql?details=false&length=10000")):
            page = f"SQL/execution/?id={statement['id']}"
            yield page, self._get(page)
        for link in re.findall(rb"StreamingQuery/statistics/?\?id=[0-9a-f-]+", self._get("StreamingQuery/")):
            yield link.decode(), self._get(link.decode())

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"{self.url}/{path}", timeout=60) as reply:
            body: bytes = reply.read()
            return body


@contextmanager
def watch_job(pipeline: Pipeline, folder: Path, secrets: tuple[str, ...]) -> Iterator[WatchedJob]:
    """The job while it runs; it is killed in the end, so that it has no chance to tidy up."""
    port = find_free_port()
    for name in ("events", "scratch", "jvm", "logs"):
        (folder / name).mkdir(parents=True)
    arguments = ["run", str(pipeline.path), "--trigger", "1 second", "--checkpoint", pipeline.checkpoint]
    command = build_command(pipeline.settings, arguments, pipeline.checkpoint, secrets)
    conf = {
        "spark.ui.port": str(port),
        "spark.eventLog.enabled": "true",
        "spark.eventLog.compress": "false",
        "spark.eventLog.dir": (folder / "events").as_uri(),
        "spark.local.dir": str(folder / "scratch"),
    }
    at = next(n for n, part in enumerate(command) if part.endswith("job.py"))
    command[at:at] = [part for name, value in conf.items() for part in ("--conf", f"{name}={value}")]
    variables = {"JAVA_TOOL_OPTIONS": f"-Djava.io.tmpdir={folder / 'jvm'}"}
    with (folder / "logs" / "job.log").open("wb") as log, subprocess.Popen(
        command, env=build_environment(os.environ | PROJECT | pipeline.variables | variables, pipeline.settings.s3),
        stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            yield WatchedJob(f"http://127.0.0.1:{port}", folder, process)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def wait_for(job: WatchedJob, is_so: Callable[[], bool]) -> None:
    """Wait until the job has come so far, or fail with what it wrote."""

    def look() -> bool:
        assert job.process.poll() is None, (job.folder / "logs" / "job.log").read_text()
        return is_so()

    wait_until(look, timeout_s=240)
