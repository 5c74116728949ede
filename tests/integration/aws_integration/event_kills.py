"""The emulated AWS killed again and again under a sender of events: what the sender was told holds."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from rich.console import Console

from aws_integration.event_posting import Posted, post_events
from connections.settings import ApiSettings, S3Settings, SandboxSettings, Settings, WarehouseSettings
from sandbox.processes import find_free_port, read_record
from sandbox.sample_events import make_sample_events
from sandbox.services import Service, start_service, stop_service, wait_until_ready
from sandbox.stack import create_lake_bucket, describe_services
from tests.integration.aws_integration.event_ways import deploy_events

NEEDED = ("aws", "api_gateway", "snowflake")


def settings_of_own(folder: Path) -> Settings:
    """Settings of services that no other test uses."""
    return Settings(
        environment="test",
        s3=S3Settings(endpoint_url=f"http://127.0.0.1:{find_free_port()}"),
        api=ApiSettings(endpoint_url=f"http://127.0.0.1:{find_free_port()}"),
        warehouse=WarehouseSettings(host="127.0.0.1", port=find_free_port(), protocol="http"),
        sandbox=SandboxSettings(state_dir=folder / "state"),
    )


@contextmanager
def run_services(settings: Settings) -> Iterator[dict[str, Service]]:
    """AWS, API Gateway and Snowflake, all emulated, while the block lasts."""

    def no_java() -> None:
        raise AssertionError("no part of this way needs Java")

    described = describe_services(settings, no_java, Console(quiet=True))  # type: ignore[arg-type]
    services = {service.name: service for service in described if service.name in NEEDED}
    try:
        for name in NEEDED:
            start_service(services[name])
            wait_until_ready(services[name])
        yield services
    finally:
        for name in reversed(NEEDED):
            stop_service(services[name])


def kill_and_restart(service: Service) -> None:
    """End a service's process and those that it has started without any warning, and start it again."""
    record = read_record(service.record_path)
    assert record is not None
    process = psutil.Process(record.pid)
    family = [process, *process.children(recursive=True)]
    for member in family:
        member.kill()
    psutil.wait_procs(family, timeout=10)
    start_service(service)
    wait_until_ready(service)


def kill_under_a_sender(folder: Path, kills: int, count: int, bad: int) -> None:
    """Post sample events, kill the emulated AWS at random moments meanwhile, and compare what is there."""
    settings, chance = settings_of_own(folder), random.Random(kills)
    with run_services(settings) as services:
        create_lake_bucket(settings)
        way = deploy_events(folder, "struck_events", settings)
        told: list[Posted] = []
        lines = list(make_sample_events(way.contract, count, bad))

        def send() -> None:
            told.append(post_events(way.door, lines, (20, 1_000_000), 2, 300, lambda _: None))

        sender = threading.Thread(target=send)
        sender.start()
        for _ in range(kills):
            sender.join(chance.uniform(0.2, 2.5))
            kill_and_restart(services["aws"])
        sender.join(600)
        assert told, "the sender has failed"
        statement = way.check_settled()
        assert not [finding for finding in statement.findings if finding.is_problem], statement.findings
        assert told[0].events["accepted"] + told[0].events["repeated"] == count - bad
        assert told[0].events["refused"] == bad
        # An answer that was lost on its way to the sender leaves refused events that are posted, and kept, again.
        assert statement.rejected >= bad
        assert (statement.curated, statement.loaded, statement.missing) == (count - bad, count - bad, 0)
        assert way.ask("select count(*) as n, count(distinct event_id) as ids from events") == [
            {"N": count - bad, "IDS": count - bad}
        ]
