"""The API's description: OpenAPI that holds, with API Gateway's own words added and nothing else changed."""

from __future__ import annotations

import json

import pytest
from openapi_spec_validator import validate

from pipeline_contract.event_api import add_integration, derive_openapi
from tests.unit.pipeline_contract.event_cases import EVENTS

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:millrace-events-api"


@pytest.mark.parametrize("authorisation", ["api-key", "iam"])
def test_the_description_is_openapi_with_and_without_the_integration(authorisation: str) -> None:
    api = EVENTS.api.model_copy(update={"authorisation": authorisation})
    description = derive_openapi(EVENTS.model_copy(update={"api": api}))

    validate(description)
    validate(add_integration(description, FUNCTION, "us-east-1"))


def test_every_operation_goes_to_the_function_and_every_body_as_bytes() -> None:
    description = derive_openapi(EVENTS)
    before = json.dumps(description)

    integrated = add_integration(description, FUNCTION, "us-east-1")

    (operation,) = integrated["paths"]["/events"].values()
    assert FUNCTION in operation["x-amazon-apigateway-integration"]["uri"]
    assert integrated["x-amazon-apigateway-binary-media-types"] == ["*/*"]
    assert json.dumps(description) == before


def test_the_description_names_every_answer() -> None:
    (operation,) = derive_openapi(EVENTS)["paths"]["/events"].values()

    assert {"202", "207", "400", "403", "413", "429", "502", "503", "504"} == operation["responses"].keys()
