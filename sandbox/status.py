"""What the sandbox says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from confluent_kafka import KafkaException
from pydantic import BaseModel
from requests.exceptions import RequestException
from rich.console import Group
from rich.table import Table
from rich.text import Text

from pipeline_contract.errors import PipelineError
from sandbox.processes import find_process, read_record
from sandbox.services import Service

State = Literal["running", "silent", "stopped", "died"]


class ServiceStatus(BaseModel):
    """One service as it is now: silent when it runs but does not answer; `pid` and `since` are null unless it runs."""

    name: str
    title: str
    nature: Literal["real", "emulated"]
    state: State
    address: str
    pid: int | None
    since: datetime | None
    log: Path


class SandboxStatus(BaseModel):
    """All services, and what the Snowflake and the AWS endpoint accept without carrying it out."""

    state_dir: Path
    services: list[ServiceStatus]
    accepted_not_enforced: list[tuple[str, str]]
    accepted_by_aws: list[tuple[str, str]]
    firehose_pending: dict[str, int]
    """Records that wait in each delivery stream; empty where the endpoint does not answer."""

    @property
    def all_running(self) -> bool:
        """Whether every service runs and answers."""
        return all(service.state == "running" for service in self.services)

    def describe_trouble(self) -> str:
        """One sentence on what does not run or answer, and what to do."""
        down = [
            f"{service.title} ({service.state}; log {service.log})"
            for service in self.services
            if service.state != "running"
        ]
        return f"not running: {', '.join(down)}. `python -m sandbox down` and `up` start it anew"


def build_status(
    services: Sequence[Service],
    state_dir: Path,
    accepted_not_enforced: Sequence[tuple[str, str]],
    accepted_by_aws: Sequence[tuple[str, str]] = (),
    firehose_pending: Mapping[str, int] | None = None,
) -> SandboxStatus:
    """Look at every service's process, and call it; one that was started, not stopped, and is gone has died."""
    return SandboxStatus(
        state_dir=state_dir,
        services=[look_at(service) for service in services],
        accepted_not_enforced=list(accepted_not_enforced),
        accepted_by_aws=list(accepted_by_aws),
        firehose_pending=dict(firehose_pending or {}),
    )


def look_at(service: Service) -> ServiceStatus:
    """The status of one service."""
    record = read_record(service.record_path)
    process = find_process(record) if record is not None else None
    state: State = "stopped"
    if process is not None:
        state = "running" if answers(service) else "silent"
    elif record is not None:
        state = "died"
    return ServiceStatus(
        name=service.name,
        title=service.title,
        nature=service.nature,
        state=state,
        address=(process and record and record.address) or service.address,
        pid=process.pid if process is not None else None,
        since=datetime.fromtimestamp(process.create_time(), UTC).astimezone() if process is not None else None,
        log=service.log_path,
    )


def answers(service: Service) -> bool:
    """Say whether the service answers a client's call now."""
    try:
        service.probe()
    except (PipelineError, RequestException, KafkaException):
        return False
    return True


def render_status(status: SandboxStatus) -> Group:
    """The status as tables for a terminal, addresses and paths always in full."""
    services = Table("service", "", title="Services of the sandbox")
    for heading in ("state", "address", "pid", "since"):
        services.add_column(heading, no_wrap=True)
    colours: dict[State, str] = {"running": "green", "silent": "red", "stopped": "yellow", "died": "red"}
    for service in status.services:
        since = service.since.strftime("%m-%d %H:%M:%S") if service.since else ""
        state = f"[{colours[service.state]}]{service.state}[/]"
        services.add_row(service.title, service.nature, state, service.address, str(service.pid or ""), since)
    logs = [Text(f"log of the {service.title}: {service.log}") for service in status.services]
    pending = [Text(f"delivery stream {name}: {n} records wait") for name, n in status.firehose_pending.items()]
    accepted = "Accepted but not enforced by the emulated Snowflake (the reasons: `python -m sandbox status --json`):"
    statements = [Text(f"  {line}") for line in shorten_statements(status.accepted_not_enforced)]
    by_aws = [Text(f"  {call}: {why}") for call, why in status.accepted_by_aws]
    of_aws = Text("Accepted but not enforced by the emulated AWS:")
    return Group(
        services, Text(f"state: {status.state_dir}"), *logs, *pending, Text(accepted), *statements, of_aws, *by_aws
    )


def shorten_statements(accepted_not_enforced: Sequence[tuple[str, str]]) -> list[str]:
    """The statements, one line for each verb: `USE ROLE, WAREHOUSE`."""
    kinds: dict[str, list[str]] = {}
    for statement, _ in accepted_not_enforced:
        verb, _, kind = statement.partition(" ")
        kinds.setdefault(verb, []).append(kind)
    return [f"{verb} {', '.join(listed)}".rstrip() for verb, listed in kinds.items()]
