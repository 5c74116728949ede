"""Detached processes that are found again, and never mistaken for another that got the same pid."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

TAIL_LINES = 25


class ProcessRecord(BaseModel):
    """A process that was started, and the address it serves; its start time tells it from a later process with its pid."""

    model_config = ConfigDict(frozen=True)

    pid: int
    started_at_s: float
    address: str = ""
    """Empty where it was not recorded."""


def start_detached(
    command: Sequence[str], address: str, folder: Path, log_path: Path, record_path: Path
) -> ProcessRecord:
    """Start a process in a session of its own, so that no terminal's Ctrl-C reaches it, and write its record at once.

    Its output goes to the end of the log file.
    """
    log_path.parent.mkdir(parents=True, exist_ok=True)
    record_path.parent.mkdir(parents=True, exist_ok=True)
    # Without its record nothing could ever stop it.
    with log_path.open("ab") as log, signals_deferred():
        process = subprocess.Popen(  # noqa: S603 - the commands are the sandbox's own
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        try:
            started_at_s = psutil.Process(process.pid).create_time()
            record = ProcessRecord(pid=process.pid, started_at_s=started_at_s, address=address)
            partial = record_path.with_suffix(".partial")
            partial.write_text(record.model_dump_json())
            partial.replace(record_path)
        except BaseException:
            process.kill()
            process.wait()
            raise
    return record


@contextmanager
def signals_deferred() -> Iterator[None]:
    """Ctrl-C and SIGTERM that arrive in the block take effect at its end; only the main thread can have them at all."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    before = {n: signal.signal(n, lambda got, _: arrived.append(got)) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
        for number in arrived:
            signal.raise_signal(number)


def read_record(record_path: Path) -> ProcessRecord | None:
    """The record of a process that was started earlier, whether it still runs or not; None without one."""
    try:
        return ProcessRecord.model_validate_json(record_path.read_text())
    except (FileNotFoundError, ValidationError):
        return None


def find_process(record: ProcessRecord) -> psutil.Process | None:
    """The running process of a record, or None when it has ended; another one that reuses its pid does not count."""
    try:
        process = psutil.Process(record.pid)
        same = abs(process.create_time() - record.started_at_s) < 0.01
    except psutil.NoSuchProcess:
        return None
    return process if same and not has_ended(process) else None


def stop_process(record: ProcessRecord, grace_s: float) -> None:
    """End a process and all that it started: SIGTERM first, SIGKILL for what is left after `grace_s`."""
    process = find_process(record)
    if process is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            family = [process, *process.children(recursive=True)]
            process.terminate()
            wait_until_ended([process], grace_s)
            for member in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.kill()
            wait_until_ended(family, grace_s)
    reap_child(record.pid)


def wait_until_ended(processes: Sequence[psutil.Process], timeout_s: float) -> None:
    """Wait until all of them have ended, or the time is up; one whose parent has yet to take its status has ended."""
    deadline = time.monotonic() + timeout_s
    while not all(has_ended(process) for process in processes) and time.monotonic() < deadline:
        time.sleep(0.02)


def has_ended(process: psutil.Process) -> bool:
    """Say whether a process is gone, or only its exit status is left of it."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def reap_child(pid: int) -> None:
    """Take the exit status of an ended child, so that no zombie stays; a process of another parent is left alone."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def is_port_free(host: str, port: int) -> bool:
    """Say whether a server could listen here now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def find_free_port(host: str = "127.0.0.1") -> int:
    """A port that nothing listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return port


def describe_port_holder(port: int) -> str:
    """Name the process that listens on a port, as far as this user may know it."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections(kind="tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                if connection.pid is None:
                    break
                return f"process {connection.pid} ({psutil.Process(connection.pid).name()})"
    return "another process"


def read_tail(log_path: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log file; empty when there is none."""
    with contextlib.suppress(FileNotFoundError), log_path.open("rb") as log:
        log.seek(0, os.SEEK_END)
        log.seek(max(0, log.tell() - 64 * 1024))
        return "\n".join(log.read().decode("utf-8", "replace").splitlines()[-lines:])
    return ""
