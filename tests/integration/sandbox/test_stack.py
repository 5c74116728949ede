"""The rules by which services start, fail, die and heal, shown on two small servers."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import requests
from rich.console import Console

from pipeline_contract.errors import ConfigurationError, ServiceError
from sandbox.processes import find_free_port, read_record
from sandbox.services import Service, is_running, stop_service
from sandbox.stack import bring_up, reset, take_down
from sandbox.status import build_status

CONSOLE = Console(stderr=True, quiet=True)


def describe_server(name: str, needs: tuple[str, ...], state_dir: Path) -> Service:
    """A service that starts at once: Python's own HTTP server."""
    port = find_free_port()
    return Service(
        name=name,
        title=f"{name} server",
        nature="real",
        host="127.0.0.1",
        port=port,
        setting="s3.endpoint_url",
        needs=needs,
        state_dir=state_dir / name,
        run_dir=state_dir / "run",
        folder=state_dir / name,
        build_command=lambda: [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"],
        probe=lambda: requests.get(f"http://127.0.0.1:{port}", timeout=1).raise_for_status(),
    )


class Stack:
    """Two services in one state folder."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.services = [
            describe_server("first", (), state_dir),
            describe_server("second", ("first",), state_dir),
        ]
        self.finished = 0

    def up(self) -> None:
        """Bring it up."""
        bring_up(self.services, self.state_dir, CONSOLE, self.finish)

    def finish(self) -> None:
        """Count the calls."""
        self.finished += 1

    def list_pids(self) -> list[int | None]:
        """The pid of each service that runs, None for the others."""
        return [service.pid for service in build_status(self.services, self.state_dir, ()).services]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack in a folder whose name is not easy; nothing of it runs yet."""
    stack = Stack(tmp_path / "stäte, of it")
    yield stack
    for service in stack.services:
        stop_service(service)


def kill(service: Service) -> None:
    """End a service's process without any warning."""
    record = read_record(service.record_path)
    assert record is not None
    process = psutil.Process(record.pid)
    process.kill()
    psutil.wait_procs([process], timeout=10)


def test_up_twice_changes_nothing_and_down_leaves_nothing(stack: Stack) -> None:
    stack.up()
    pids = stack.list_pids()
    stack.up()
    assert stack.list_pids() == pids
    assert None not in pids
    take_down(stack.services, stack.state_dir, CONSOLE)
    assert stack.list_pids() == [None, None]
    assert [psutil.pid_exists(pid) for pid in pids if pid] == [False, False]
    take_down(stack.services, stack.state_dir, CONSOLE)
    assert stack.finished == 2


def test_a_service_that_died_is_said_so_and_healed_alone(stack: Stack) -> None:
    stack.up()
    before = stack.list_pids()
    kill(stack.services[0])
    status = build_status(stack.services, stack.state_dir, ())
    assert [service.state for service in status.services] == ["died", "running"]
    assert not status.all_running
    assert "died" in status.describe_trouble()
    stack.up()
    after = stack.list_pids()
    assert after[0] not in (None, before[0])
    assert after[1] == before[1]


def test_a_service_that_runs_and_does_not_answer_is_said_so(stack: Stack) -> None:
    stack.up()
    pid = stack.list_pids()[0]
    assert pid is not None
    psutil.Process(pid).suspend()
    status = build_status(stack.services, stack.state_dir, ())
    psutil.Process(pid).resume()
    assert [service.state for service in status.services] == ["silent", "running"]


def test_two_at_once_start_each_service_once(stack: Stack) -> None:
    threads = [threading.Thread(target=stack.up) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert stack.finished == 2
    ours = [process for process in psutil.process_iter(["cwd"]) if str(stack.state_dir) in str(process.info["cwd"])]
    assert sorted(process.pid for process in ours) == sorted(pid for pid in stack.list_pids() if pid)
    assert len(ours) == 2


def test_a_taken_port_is_named_and_nothing_is_started(stack: Stack) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", stack.services[1].port))
        squatter.listen()
        with pytest.raises(ConfigurationError) as refused:
            stack.up()
    said = str(refused.value)
    assert f"port {stack.services[1].port}" in said
    assert "MILLRACE_S3__ENDPOINT_URL" in said
    assert str(psutil.Process().pid) in said
    assert stack.list_pids() == [None, None]


def test_a_service_that_runs_elsewhere_than_the_settings_say_is_named(stack: Stack) -> None:
    stack.up()
    old = stack.services[0]
    stack.services[0] = replace(old, port=find_free_port())
    with pytest.raises(ConfigurationError, match=f"runs at {old.address}, but the setting s3.endpoint_url now names"):
        stack.up()
    assert build_status(stack.services, stack.state_dir, ()).services[0].address == old.address


def test_a_service_that_fails_shows_its_log_and_nothing_is_left_running(stack: Stack) -> None:
    failing = ["sh", "-c", "echo the reason >&2; exit 3"]
    stack.services[1] = replace(stack.services[1], build_command=lambda: failing)
    with pytest.raises(ServiceError) as failed:
        stack.up()
    assert "ended at once" in str(failed.value)
    assert "the reason" in str(failed.value)
    assert str(stack.services[1].log_path) in str(failed.value)
    assert not any(is_running(service) for service in stack.services)


def test_an_interruption_while_waiting_is_not_tried_again_and_leaves_nothing_running(stack: Stack) -> None:
    def be_interrupted() -> None:
        raise KeyboardInterrupt

    stack.services[1] = replace(stack.services[1], probe=be_interrupted)
    with pytest.raises(KeyboardInterrupt):
        stack.up()
    assert not any(is_running(service) for service in stack.services)


def test_what_ran_before_goes_on_when_another_service_fails(stack: Stack) -> None:
    healthy = stack.services[1]
    stack.up()
    kill(healthy)
    stack.services[1] = replace(healthy, build_command=lambda: ["false"])
    with pytest.raises(ServiceError):
        stack.up()
    assert [is_running(service) for service in stack.services] == [True, False]


def test_reset_deletes_all_state_even_a_part_that_is_not_whole(stack: Stack) -> None:
    stack.up()
    (stack.services[0].state_dir / "data").write_text("x")
    (stack.services[0].state_dir / "state-id").unlink()
    take_down(stack.services, stack.state_dir, CONSOLE)
    with pytest.raises(ConfigurationError, match="not whole"):
        stack.up()
    reset(stack.services, stack.state_dir, CONSOLE)
    assert not stack.state_dir.exists()
    stack.up()
    assert None not in stack.list_pids()
