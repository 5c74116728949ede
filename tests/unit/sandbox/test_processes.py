"""Processes are found again by their record, and no other process ever suffers for it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from sandbox.processes import (
    ProcessRecord,
    describe_port_holder,
    find_process,
    is_port_free,
    read_record,
    read_tail,
    start_detached,
    stop_process,
)

OBSTINATE = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[tuple[ProcessRecord, Path]]:
    """A detached process that does nothing, with its record's path."""
    record_path = tmp_path / "run" / "sleeper.json"
    record = start_detached(["sleep", "600"], "nowhere", tmp_path, tmp_path / "sleeper.log", record_path)
    yield record, record_path
    stop_process(record, grace_s=5)


def test_a_started_process_is_found_by_its_record(sleeper: tuple[ProcessRecord, Path]) -> None:
    record, record_path = sleeper
    assert read_record(record_path) == record
    found = find_process(record)
    assert found is not None
    assert os.getsid(found.pid) == found.pid


def test_a_stopped_process_is_gone(sleeper: tuple[ProcessRecord, Path]) -> None:
    record, _ = sleeper
    stop_process(record, grace_s=5)
    assert find_process(record) is None
    assert not psutil.pid_exists(record.pid)


def test_a_killed_child_that_nobody_waited_for_counts_as_gone(sleeper: tuple[ProcessRecord, Path]) -> None:
    record, _ = sleeper
    process = psutil.Process(record.pid)
    process.kill()
    psutil.wait_procs([process], timeout=5)
    assert find_process(record) is None


def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    log_path = tmp_path / "log"
    record = start_detached([sys.executable, "-c", OBSTINATE], "nowhere", tmp_path, log_path, tmp_path / "record.json")
    while "ready" not in read_tail(log_path):
        assert find_process(record) is not None
    stop_process(record, grace_s=0.5)
    assert find_process(record) is None


def test_another_process_with_the_same_pid_is_neither_found_nor_stopped() -> None:
    innocent = subprocess.Popen(["sleep", "600"])
    try:
        reused = ProcessRecord(
            pid=innocent.pid, started_at_s=psutil.Process(innocent.pid).create_time() - 3600, address="nowhere"
        )
        assert find_process(reused) is None
        stop_process(reused, grace_s=1)
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


@pytest.mark.parametrize("text", ["", "{", '{"pid": 1}', "[]"], ids=["empty", "broken", "incomplete", "other"])
def test_a_damaged_record_counts_as_none(tmp_path: Path, text: str) -> None:
    record_path = tmp_path / "record.json"
    record_path.write_text(text)
    assert read_record(record_path) is None


def test_a_taken_port_is_seen_with_its_holder() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert not is_port_free("127.0.0.1", port)
        assert str(os.getpid()) in describe_port_holder(port)
    assert is_port_free("127.0.0.1", port)


def test_only_the_end_of_a_log_is_read(tmp_path: Path) -> None:
    log_path = tmp_path / "log"
    log_path.write_bytes(b"x" * 100_000 + b"\n" + b"\xff\n" + b"one\ntwo\n")
    assert read_tail(log_path, lines=2) == "one\ntwo"
    assert read_tail(tmp_path / "none") == ""
