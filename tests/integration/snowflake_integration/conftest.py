"""A pipeline of its own for each test, on the session's AWS and Snowflake endpoints (both emulated)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from connections.s3 import open_s3
from connections.settings import Settings
from connections.warehouse import open_warehouse
from pipeline_contract.contract_file import load_contract
from pipeline_contract.model import Contract
from sandbox.services import Service, is_running, start_service, wait_until_ready
from sandbox.stack import create_lake_bucket
from snowflake_integration.deployment import Done, Site, carry_out, look_around
from snowflake_integration.naming import derive_names
from snowflake_integration.plan import plan_deployment
from snowflake_integration.rendering import render_scripts

CONTRACT = """
name = "{name}"
version = 1
description = "Every type; it's for a test"

[topic]
name = "{name}"
key = ["id"]

[event_time]
column = "moment"

[lake]
format = "{format}"

[warehouse]
schema = "{name}"
table = "things"

[[column]]
name = "id"
type = "bigint"
[[column]]
name = "label"
type = "string"
[[column]]
name = "count"
type = "integer"
[[column]]
name = "ratio"
type = "double"
[[column]]
name = "price"
type = "decimal(12,3)"
[[column]]
name = "good"
type = "boolean"
[[column]]
name = "day"
type = "date"
[[column]]
name = "moment"
type = "timestamp"
nullable = false

[[aggregate]]
name = "hourly"
window = "1 hour"
group_by = ["label"]
measures = [{{ name = "things", type = "bigint", expression = "count(*)" }}]
"""


@pytest.fixture(scope="session")
def endpoints(session_services: dict[str, Service], session_settings: Settings) -> Settings:
    """Settings of running AWS and Snowflake endpoints with the lake's bucket; Kafka is not started."""
    for name in ("aws", "snowflake"):
        if not is_running(session_services[name]):
            start_service(session_services[name])
        wait_until_ready(session_services[name])
    create_lake_bucket(session_settings)
    return session_settings


@pytest.fixture
def write_contract(unique_name: str, tmp_path: Path) -> Callable[[str], Path]:
    """Writes the contract file of a pipeline that no other test uses, in a lake format."""

    def write(lake_format: str) -> Path:
        path = tmp_path / f"{unique_name}.toml"
        path.write_text(CONTRACT.format(name=unique_name, format=lake_format), encoding="utf-8")
        return path

    return write


@pytest.fixture
def contract(write_contract: Callable[[str], Path]) -> Contract:
    """A Parquet pipeline of this test's own."""
    return load_contract(write_contract("parquet"))


@pytest.fixture
def open_site(endpoints: Settings) -> Iterator[Callable[[Contract], Site]]:
    """Opens a pipeline's warehouse and bucket, as the commands do."""
    opened = []

    def build(contract: Contract) -> Site:
        connection = open_warehouse(endpoints.warehouse)
        opened.append(closing(connection))
        names = derive_names(contract, endpoints)
        return Site(connection, open_s3(endpoints.s3), endpoints.s3.bucket, contract.name, names, timeout_s=30.0)

    yield build
    for connection in opened:
        with connection:
            pass


@pytest.fixture
def deploy(endpoints: Settings) -> Callable[[Contract, Site], list[Done]]:
    """Plans and carries out a deployment, and hands back what was done."""

    def run(contract: Contract, site: Site) -> list[Done]:
        found = look_around(site.connection, site.names)
        steps = plan_deployment(render_scripts(contract, endpoints), site.names, found, site.bucket)
        return carry_out(site, steps, report=lambda done: None)

    return run
