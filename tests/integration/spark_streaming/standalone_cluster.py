"""A Spark standalone cluster on this machine: a master and workers of the installed pyspark, whose Python is a bare one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

from tenacity import retry, stop_after_delay, wait_fixed

from sandbox.java import find_java
from sandbox.processes import find_free_port
from spark_streaming.packages import find_spark_home

READY_TIMEOUT_S = 60
HOST = "127.0.0.1"


@dataclass
class StandaloneCluster:
    """A running cluster; each of its processes leads a group of its own, which its executors belong to."""

    folder: Path
    address: str
    web_port: int
    variables: dict[str, str]
    master: subprocess.Popen[bytes] = field(init=False)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_worker(self) -> None:
        """Start one more worker with a core and a gigabyte."""
        name = f"worker-{len(self.workers)}"
        options = ["--host", HOST, "--cores", "1", "--memory", "1g", "--webui-port", "0"]
        options += ["--work-dir", str(self.folder / name), self.address]
        self.workers.append(self.start_process("org.apache.spark.deploy.worker.Worker", options, name))

    def kill_worker(self) -> None:
        """End the newest worker and its executors as the loss of a machine does."""
        worker = self.workers[-1]
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()

    def has_worked(self) -> bool:
        """Say whether an executor of the newest worker has been given a task, by its own log."""
        logs = self.folder.glob(f"worker-{len(self.workers) - 1}/app-*/*/stderr")
        return any("Running task" in log.read_text(errors="replace") for log in logs)

    def start_process(self, main: str, options: list[str], name: str) -> subprocess.Popen[bytes]:
        """Start one of Spark's own daemons in the foreground of a session of its own."""
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [str(find_spark_home() / "bin" / "spark-class"), main, *options],
                env=self.variables,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @retry(stop=stop_after_delay(READY_TIMEOUT_S), wait=wait_fixed(0.1), reraise=True)
    def wait_for_workers(self) -> None:
        """Return when the master counts every worker that was started among the living."""
        with urlopen(f"http://{HOST}:{self.web_port}/json/", timeout=5) as answer:
            alive = json.load(answer)["aliveworkers"]
        assert alive == len(self.workers), f"{alive} of {len(self.workers)} workers; see {self.folder}/*.log"


@contextmanager
def run_cluster(folder: Path, workers: int) -> Iterator[StandaloneCluster]:
    """A cluster of so many workers that answers, and is gone after the block."""
    port, web_port = find_free_port(), find_free_port()
    cluster = StandaloneCluster(folder, f"spark://{HOST}:{port}", web_port, describe_node(folder / "python"))
    options = ["--host", HOST, "--port", str(port), "--webui-port", str(web_port)]
    cluster.master = cluster.start_process("org.apache.spark.deploy.master.Master", options, "master")
    try:
        for _ in range(workers):
            cluster.start_worker()
        cluster.wait_for_workers()
        yield cluster
    finally:
        for process in [*cluster.workers, cluster.master]:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def describe_node(python: Path) -> dict[str, str]:
    """The environment of a node: Java, Spark, and a Python that has nothing but its standard library; no credentials."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(python)], check=True)
    java = find_java(os.environ.get("JAVA_HOME")).executable
    return {
        "PATH": os.pathsep.join([str(python / "bin"), str(java.parent), "/usr/bin", "/bin"]),
        "SPARK_HOME": str(find_spark_home()),
        "SPARK_LOCAL_IP": HOST,
        "SPARK_DAEMON_MEMORY": "256m",
    }
