"""The emulated Snowflake and Athena for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connections.settings import Settings
from sandbox.aws.service import describe_aws
from sandbox.processes import find_free_port
from sandbox.services import Service, is_running, start_service, stop_service, wait_until_ready
from sandbox.stack import PROJECT
from tests.integration.sandbox.athena_lab import AthenaLab
from tests.integration.sandbox.snow_lab import EndpointProcess, SnowLab
from tests.integration.sandbox.test_aws_state import ACCOUNT


@pytest.fixture(scope="session")
def snowflake_port(session_services: dict[str, Service], session_settings: Settings, s3_endpoint: str) -> int:
    """The port of a running Snowflake endpoint beside the running AWS endpoint."""
    service = session_services["snowflake"]
    if not is_running(service):
        start_service(service)
    wait_until_ready(service)
    return int(session_settings.warehouse.port or 0)


@pytest.fixture(scope="module")
def own_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running AWS endpoint that the tests of one module may kill."""
    service = describe_aws("127.0.0.1", find_free_port(), ACCOUNT, tmp_path_factory.mktemp("state"), PROJECT)
    start_service(service)
    try:
        wait_until_ready(service)
        yield service
    finally:
        stop_service(service)


@pytest.fixture
def snow(s3_endpoint: str, snowflake_port: int, unique_name: str) -> Iterator[SnowLab]:
    """A bucket, a schema and a connection of this test's own."""
    lab = SnowLab(s3_endpoint, snowflake_port, unique_name)
    yield lab
    lab.connection.close()


@pytest.fixture
def athena(s3_endpoint: str, unique_name: str) -> AthenaLab:
    """A bucket, a Glue database and a workgroup of this test's own."""
    return AthenaLab(s3_endpoint, unique_name)


@pytest.fixture
def endpoint_process(tmp_path: Path, s3_endpoint: str) -> Iterator[EndpointProcess]:
    """An endpoint of this test's own, not started."""
    process = EndpointProcess(tmp_path / "state", s3_endpoint)
    yield process
    process.kill()
