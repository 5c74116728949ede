"""The Makefile and shell commands as a user runs them, against a sandbox of the tests' own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from sandbox.processes import find_free_port
from sandbox.stack import PROJECT

TIMEOUT_S = 540
# The environment that runs the tests is the one that `make setup` has built.
MAKE = ("make", "--no-print-directory", "--assume-old", ".venv/.set-up")


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    status: int
    out: str
    err: str


class Runbook:
    """Runs commands with settings that name free ports and a state folder of their own."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.kafka, self.aws, self.snowflake, self.registry, self.api = (find_free_port() for _ in range(5))
        self.variables = {
            "MILLRACE_SANDBOX__STATE_DIR": str(state_dir),
            "MILLRACE_KAFKA__BOOTSTRAP_SERVERS": f"127.0.0.1:{self.kafka}",
            "MILLRACE_KAFKA__SCHEMA_REGISTRY_URL": f"http://127.0.0.1:{self.registry}",
            "MILLRACE_API__ENDPOINT_URL": f"http://127.0.0.1:{self.api}",
            "MILLRACE_S3__ENDPOINT_URL": f"http://127.0.0.1:{self.aws}",
            "MILLRACE_WAREHOUSE__PORT": str(self.snowflake),
            "MILLRACE_SPARK__CHECKPOINTS": str(state_dir / "checkpoints"),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        self._logs = state_dir.parent / "logs"
        self._logs.mkdir()

    def start(self, *command: str) -> tuple[subprocess.Popen[bytes], Path, Path]:
        """Start a command in a process group of its own; with it, the files that its output goes to."""
        number = len(list(self._logs.iterdir()))
        out, err = self._logs / f"{number:03d}.out", self._logs / f"{number:03d}.err"
        with out.open("wb") as out_file, err.open("wb") as err_file:
            process = subprocess.Popen(
                command, cwd=PROJECT, env={**os.environ, **self.variables}, stdout=out_file, stderr=err_file,
                start_new_session=True,
            )  # fmt: skip
        return process, out, err

    def run(self, *command: str) -> Ended:
        """Run a command to its end."""
        process, out, err = self.start(*command)
        try:
            status = process.wait(TIMEOUT_S)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        return Ended(status, out.read_text(), err.read_text())

    def interrupt_when(self, seen: str, *command: str) -> Ended:
        """Run a command, press Ctrl-C (a signal to the whole group) once it has said something, and wait for its end."""
        process, out, err = self.start(*command)
        wait_for(lambda: seen in err.read_text() or process.poll() is not None)
        os.killpg(process.pid, signal.SIGINT)
        return Ended(process.wait(TIMEOUT_S), out.read_text(), err.read_text())

    def read_states(self) -> list[str]:
        """The state of each service of the sandbox."""
        answer = self.run(sys.executable, "-m", "sandbox", "status", "--json")
        return [service["state"] for service in json.loads(answer.out)["services"]]

    def find_processes(self) -> list[psutil.Process]:
        """All processes that work with this sandbox's folder or settings."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            words: list[Any] = [process.cwd(), *process.cmdline(), *process.environ().values()]
            return process.status() != psutil.STATUS_ZOMBIE and str(self.state_dir) in " ".join(words)
        except psutil.Error:
            return False


def wait_for(condition: Callable[[], bool], timeout_s: float = TIMEOUT_S) -> None:
    """Return as soon as a condition holds."""
    Retrying(
        stop=stop_after_delay(timeout_s), wait=wait_fixed(0.1), retry=retry_if_result(lambda holds: not holds)
    )(condition)  # fmt: skip
