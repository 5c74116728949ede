"""A broker of a test's own, which it may kill and start again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from connections.settings import KafkaSettings, SandboxSettings, Settings
from sandbox.java import find_java
from sandbox.processes import find_free_port, read_record
from sandbox.services import Service, start_service, stop_service, wait_until_ready
from sandbox.stack import describe_services


@contextmanager
def run_broker(session_settings: Settings, folder: Path) -> Iterator[Service]:
    """A broker on a free port with its data in this folder, as long as the block lasts."""
    settings = session_settings.model_copy(
        update={
            "kafka": KafkaSettings(bootstrap_servers=f"127.0.0.1:{find_free_port()}"),
            "sandbox": SandboxSettings(state_dir=folder),
        }
    )
    services = describe_services(settings, lambda: find_java(None), Console(stderr=True, quiet=True))
    broker = next(service for service in services if service.name == "kafka")
    start_service(broker)
    try:
        wait_until_ready(broker)
        yield broker
    finally:
        stop_service(broker)


def kill_broker(broker: Service) -> None:
    """Kill the broker's process at once."""
    record = read_record(broker.record_path)
    assert record
    os.kill(record.pid, signal.SIGKILL)
    stop_service(broker)


def restart_broker(broker: Service) -> None:
    """Start the broker again on what it has kept."""
    start_service(broker)
    wait_until_ready(broker)
