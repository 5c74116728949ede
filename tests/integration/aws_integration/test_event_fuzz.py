"""The API of events, fuzzed from its own description: whatever is posted is answered as the description says."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from connections.settings import Settings
from pipeline_contract.event_api import KEY_HEADER, derive_openapi
from tests.integration.aws_integration.event_ways import EventWay, deploy_events
from tests.unit.pipeline_contract.event_cases import EVENTS

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory, sandbox_settings: Settings) -> EventWay:
    return deploy_events(tmp_path_factory.mktemp("fuzz"), "fuzzed_events", sandbox_settings)


schema = schemathesis.openapi.from_dict(derive_openapi(EVENTS))


@schema.parametrize()
@settings(max_examples=300, suppress_health_check=list(HealthCheck))
def test_no_body_makes_the_api_fail(case: schemathesis.Case[Any], way: EventWay) -> None:
    base = way.door.url.removesuffix(way.contract.api.path)
    response = case.call(base_url=base, headers={KEY_HEADER: str(way.door.key)})

    case.validate_response(response, checks=CHECKS)


def test_all_that_was_posted_is_accounted_for(way: EventWay) -> None:
    statement = way.check_settled()

    assert statement.exit_code == 0
    assert statement.produced > 0
