"""The events way of a test: a contract of its own, deployed on the emulated AWS and Snowflake, and a sender."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from aws_integration.api_access import open_door
from aws_integration.api_deployment import change_parts, find_parts, open_api_site, plan_parts
from aws_integration.event_plan import describe_api_function
from aws_integration.event_posting import Door, post_once
from aws_integration.function_deployment import (
    change_function,
    choose_code,
    find_function,
    open_function_site,
    plan_function,
)
from aws_integration.function_package import EVENTS
from aws_integration.plan import Step
from aws_integration.shared_names import name_api_secret
from connections.settings import Settings
from connections.warehouse import Row, open_warehouse, run_query
from pipeline_contract.event_contract_file import load_event_contract
from pipeline_contract.event_layout import name_stream
from pipeline_contract.event_model import EventContract
from reconciliation.event_check import check_events
from reconciliation.statement import NOT_FINISHED, Statement
from sandbox.stack import PROJECT
from snowflake_integration.deployment import carry_out, look_around, open_site
from snowflake_integration.plan import plan_deployment
from snowflake_integration.rendering import render_scripts
from tests.event_data import write_event_contract
from tests.integration.kafka_consumer.consumer_runs import wait_until


@dataclass(frozen=True)
class EventWay:
    """A deployed set of events."""

    path: Path
    contract: EventContract
    settings: Settings
    door: Door

    def post(self, *events: Any) -> requests.Response:
        """Post values as JSON: one as it is, several as an array."""
        return self.post_body(json.dumps(events[0] if len(events) == 1 else events).encode())

    def post_body(self, body: bytes) -> requests.Response:
        """Post bytes."""
        return post_once(self.door, body)

    def check(self) -> Statement:
        """What the reconciliation says now."""
        return check_events(self.settings, self.contract, datetime.now(UTC).replace(tzinfo=None), 10, lambda _: None)

    def check_settled(self) -> Statement:
        """What the reconciliation says once nothing is on its way."""
        statements: list[Statement] = []

        def is_settled() -> bool:
            statements.append(self.check())
            return statements[-1].exit_code != NOT_FINISHED

        wait_until(is_settled, 120)
        return statements[-1]

    def ask(self, statement: str) -> list[Row]:
        """Rows of the warehouse, names resolved in the events' schema."""
        place = self.contract.warehouse
        database, schema = place.database.upper(), place.schema_.upper()
        with closing(open_warehouse(self.settings.warehouse, database=database, schema=schema)) as connection:
            return run_query(connection, statement)

    def set_faults(self, **faults: Any) -> None:
        """Faults of the emulated Firehose stream."""
        url = f"{self.settings.s3.endpoint_url}/_sandbox/firehose/{name_stream(self.contract.name)}"
        requests.put(url, json=faults, timeout=10).raise_for_status()


def deploy_events(
    folder: Path, name: str, settings: Settings, change: Callable[[str], str] = lambda text: text
) -> EventWay:
    """Write the contract, make its tables and pipe, and deploy the API with all that is behind it."""
    path = write_event_contract(folder, name)
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    contract = load_event_contract(path)
    settings = settings.model_copy(
        update={
            "environment": "local",
            "function": settings.function.model_copy(update={"secret": name_api_secret(name)}),
            "api": settings.api.model_copy(update={"buffer_s": 1}),
        }
    )
    with open_site(contract, settings, 30) as site:
        found = look_around(site.connection, site.names)
        steps = plan_deployment(render_scripts(contract, settings), site.names, found, site.bucket)
        carry_out(site, steps, lambda _: None)
    deploy_api(path, contract, settings)
    return EventWay(path, contract, settings, open_door(contract, settings))


def deploy_api(path: Path, contract: EventContract, settings: Settings) -> list[Step]:
    """Deploy the function and the API, as `api deploy` does, and say what was done."""
    steps = deploy_api_function(path, contract, settings)
    site = open_api_site(settings)
    parts = plan_parts(contract, settings, find_parts(site, contract, settings))
    change_parts(site, contract, settings, parts, lambda _: None)
    return [*steps, *parts]


def deploy_api_function(path: Path, contract: EventContract, settings: Settings) -> list[Step]:
    """Deploy the function alone."""
    wanted = describe_api_function(str(path), contract, settings)
    code = choose_code(wanted["FunctionName"], EVENTS, settings, None, PROJECT)
    functions = open_function_site(settings)
    steps = plan_function(wanted, code, "python3.11", "x86_64", find_function(functions, wanted["FunctionName"], code))
    change_function(functions, steps, code, lambda _: None)
    return steps
