"""What the sandbox knows of one of its services, and how it starts, waits for and stops it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from pipeline_contract.errors import ConfigurationError, ServiceError
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

READY_TIMEOUT_S = 60.0
STOP_GRACE_S = 15.0


@dataclass(frozen=True)
class Service:
    """One service of the sandbox; starting it needs nothing else than what stands here."""

    name: str
    title: str
    nature: Literal["real", "emulated"]
    host: str
    port: int
    setting: str
    needs: tuple[str, ...]
    state_dir: Path
    run_dir: Path
    folder: Path
    build_command: Callable[[], list[str]]
    """Prepares what the process needs and returns its command; called just before the start."""
    probe: Callable[[], None]
    """Raises unless the service answers a client's call."""

    @property
    def address(self) -> str:
        """Where clients find it."""
        return f"{self.host}:{self.port}"

    @property
    def log_path(self) -> Path:
        """Where its output goes."""
        return self.run_dir / f"{self.name}.log"

    @property
    def record_path(self) -> Path:
        """Where its process is recorded."""
        return self.run_dir / f"{self.name}.json"


class _Died(Exception):
    """The process ended while it was waited for."""


def is_worth_another_try(error: BaseException) -> bool:
    """Say whether a probe that failed so may succeed later; tenacity would by itself try again after a Ctrl-C too."""
    return isinstance(error, Exception) and not isinstance(error, _Died)


def is_running(service: Service) -> bool:
    """Say whether the process that was last started for this service still runs."""
    record = read_record(service.record_path)
    return record is not None and find_process(record) is not None


def check_port(service: Service) -> None:
    """Raise `ConfigurationError` when the service's port is taken by somebody else."""
    if not is_port_free(service.host, service.port):
        raise ConfigurationError(
            f"port {service.port} is taken by {describe_port_holder(service.port)}, but the {service.title} needs it: "
            f"stop that process, or give the {service.title} another address with the setting {service.setting} "
            f"(environment variable MILLRACE_{service.setting.upper().replace('.', '__')})"
        )


def check_address(service: Service) -> None:
    """Raise `ConfigurationError` when the service runs, but at another address than the settings name now."""
    record = read_record(service.record_path)
    if record is None or find_process(record) is None:
        return
    if record.address not in ("", service.address):
        raise ConfigurationError(
            f"the {service.title} runs at {record.address}, but the setting {service.setting} now names {service.address}: "
            "stop it first with `python -m sandbox down`, or set the setting back"
        )


def start_service(service: Service) -> ProcessRecord:
    """Start the service's process; it answers only once `wait_until_ready` has returned."""
    command = service.build_command()
    return start_detached(command, service.address, service.folder, service.log_path, service.record_path)


def wait_until_ready(service: Service, timeout_s: float = READY_TIMEOUT_S) -> None:
    """Return as soon as a client's call is answered; raise `ServiceError` with the log's tail when none is."""

    def probe_once() -> None:
        if not is_running(service):
            raise _Died
        service.probe()

    retrying = Retrying(
        stop=stop_after_delay(timeout_s),
        wait=wait_fixed(0.1),
        retry=retry_if_exception(is_worth_another_try),
        reraise=True,
    )
    started = time.monotonic()
    try:
        retrying(probe_once)
    except Exception as error:
        what = "ended at once" if isinstance(error, _Died) else f"does not answer at {service.address}: {error}"
        raise ServiceError(
            f"the {service.title} {what} (after {time.monotonic() - started:.0f} s). "
            f"The end of its log {service.log_path}:\n{read_tail(service.log_path)}"
        ) from error


def stop_service(service: Service) -> bool:
    """Stop the service's process if it runs, and forget it; says whether it ran."""
    record = read_record(service.record_path)
    if record is None:
        return False
    running = find_process(record) is not None
    stop_process(record, STOP_GRACE_S)
    service.record_path.unlink(missing_ok=True)
    return running
