"""All services of the sandbox together: brought up, taken down, looked at and reset as one."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import requests
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape

import sandbox
from connections.s3 import is_loopback, open_s3
from connections.settings import Settings
from pipeline_contract.errors import ConfigurationError, ServiceError
from sandbox.api_gateway.service import describe_api_gateway
from sandbox.aws.service import describe_aws
from sandbox.java import Java
from sandbox.kafka import describe_kafka
from sandbox.registry.service import describe_registry
from sandbox.services import (
    Service,
    check_address,
    check_port,
    is_running,
    start_service,
    stop_service,
    wait_until_ready,
)
from sandbox.state_folder import check_whole, delete_state, lock_folder

PROJECT = Path(sandbox.__file__).resolve().parent.parent


def describe_services(settings: Settings, find_java: Callable[[], Java], console: Console) -> list[Service]:
    """The sandbox's services at the addresses that the settings name; an address off this machine is refused."""
    state_dir = settings.sandbox.state_dir.expanduser().resolve()
    kafka_host, kafka_port = read_address("kafka.bootstrap_servers", f"//{settings.kafka.bootstrap_servers}")
    aws_host, aws_port = read_address("s3.endpoint_url", settings.s3.endpoint_url or "")
    snowflake_host, snowflake_port = read_address(
        "warehouse.host and warehouse.port", f"//{settings.warehouse.host}:{settings.warehouse.port or ''}"
    )
    # Only Avro values need it, and there are environments without.
    registry_url = settings.kafka.schema_registry_url
    registry = read_address("kafka.schema_registry_url", registry_url) if registry_url else None
    aws = describe_aws(aws_host, aws_port, settings.aws.account_id, state_dir, PROJECT)
    api_url = settings.api.endpoint_url
    api = read_address("api.endpoint_url", api_url) if api_url else None
    return [
        aws,
        describe_kafka(find_java, kafka_host, kafka_port, state_dir, console),
        *([describe_registry(*registry, state_dir, PROJECT)] if registry else []),
        *([describe_api_gateway(*api, settings.aws.account_id, aws, state_dir)] if api else []),
        describe_snowflake(snowflake_host, snowflake_port, f"http://{aws.address}", settings.s3.region, state_dir),
    ]


def read_address(setting: str, url: str) -> tuple[str, int]:
    """Host and port of one loopback address; raises `ConfigurationError` naming the setting otherwise."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.hostname is None or port is None or not is_loopback(f"http://{parts.netloc}"):
        raise ConfigurationError(
            f"{setting} is {url.removeprefix('//')!r}, but the sandbox needs one address with a port on this machine's "
            "loopback interface, such as 127.0.0.1:19092: use `--env local`, or change the setting"
        )
    return ("127.0.0.1" if parts.hostname == "localhost" else parts.hostname), port


def describe_snowflake(host: str, port: int, aws_endpoint: str, region: str, state_dir: Path) -> Service:
    """The sandbox's Snowflake endpoint as a service."""
    folder = state_dir / "snowflake"
    command = [sys.executable, "-m", "sandbox.snowflake", "--host", host, "--port", str(port)]
    command += ["--state-dir", str(folder), "--aws-endpoint", aws_endpoint, "--region", region]
    return Service(
        name="snowflake",
        title="Snowflake endpoint with Snowpipe",
        nature="emulated",
        host=host,
        port=port,
        setting="warehouse.port",
        needs=("aws",),
        state_dir=folder,
        run_dir=state_dir / "run",
        folder=PROJECT,
        build_command=partial(list, command),
        probe=partial(probe_snowflake, f"http://{host}:{port}"),
    )


def probe_snowflake(url: str) -> None:
    """Raise unless the endpoint says that it is well."""
    requests.get(f"{url}/monitoring/healthcheck", timeout=5).raise_for_status()


def bring_up(services: Sequence[Service], state_dir: Path, console: Console, finish: Callable[[], None]) -> None:
    """Start what does not run yet, and return when every service answers and `finish` has been called.

    A taken port or a service that fails is a `PipelineError`, and then nothing that this call started is left running;
    the same holds when it is interrupted.
    """
    with lock_folder(state_dir, lambda: console.print("another sandbox command is at work here; waiting for it")):
        check_whole(state_dir, [service.state_dir for service in services])
        for service in services:
            check_address(service)
        missing = [service for service in services if not is_running(service)]
        for service in missing:
            check_port(service)
        try:
            start_in_order(services, missing, console)
            finish()
        except BaseException:
            for service in reversed(missing):
                stop_service(service)
            raise


def start_in_order(services: Sequence[Service], missing: Sequence[Service], console: Console) -> None:
    """Start the missing services beside each other, each as soon as what it needs is ready."""
    began: dict[str, float] = {}
    waiting = list(services)
    for service in missing:
        for needed in [other for other in waiting if other.name in service.needs]:
            report_ready(needed, began.get(needed.name), console)
            waiting.remove(needed)
        began[service.name] = time.monotonic()
        with console.status(f"starting the {service.title}"):
            start_service(service)
    for service in waiting:
        report_ready(service, began.get(service.name), console)


def report_ready(service: Service, began_s: float | None, console: Console) -> None:
    """Wait for one service, and say on the terminal that it is there; `began_s` is None for one that ran before."""
    title = f"{service.title} ({service.nature}) at {service.address}"
    with console.status(title):
        wait_until_ready(service)
    spent = "ran already" if began_s is None else f"{time.monotonic() - began_s:.1f} s"
    report_done(title, spent, console)


def report_done(title: str, note: str, console: Console) -> None:
    """One line for one step that is done."""
    console.print(f"[green]✓[/green] {escape(title)} [dim]{note}[/dim]", highlight=False)


@contextmanager
def show_step(title: str, console: Console) -> Iterator[None]:
    """Show a step while it lasts, and with its duration when it is done."""
    began_s = time.monotonic()
    with console.status(escape(title)):
        yield
    report_done(title, f"{time.monotonic() - began_s:.1f} s", console)


def take_down(services: Sequence[Service], state_dir: Path, console: Console) -> None:
    """Stop every service and leave nothing running; the state stays."""
    if not state_dir.is_dir():
        return
    with lock_folder(state_dir, lambda: console.print("another sandbox command is at work here; waiting for it")):
        stop_all(services, console)


def reset(services: Sequence[Service], state_dir: Path, console: Console) -> None:
    """Stop every service and delete all state as one whole."""
    if not state_dir.is_dir():
        return
    with lock_folder(state_dir, lambda: console.print("another sandbox command is at work here; waiting for it")):
        stop_all(services, console)
        with show_step(f"delete the state in {state_dir}", console):
            delete_state(state_dir)


def stop_all(services: Sequence[Service], console: Console) -> None:
    """Stop the services in reverse order of their start."""
    for service in reversed(services):
        if is_running(service):
            with show_step(f"stop the {service.title}", console):
                stop_service(service)
        else:
            stop_service(service)


def create_lake_bucket(settings: Settings) -> None:
    """Create the lake's bucket in the emulated S3; one that is there already is fine."""
    client = open_s3(settings.s3)
    try:
        client.create_bucket(Bucket=settings.s3.bucket)
    except client.exceptions.BucketAlreadyOwnedByYou:
        return
    except (BotoCoreError, ClientError) as error:
        raise ServiceError(
            f"bucket {settings.s3.bucket} at {settings.s3.endpoint_url} cannot be created: {error}"
        ) from error
