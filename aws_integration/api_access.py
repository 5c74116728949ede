"""How a sender reaches the API of a set of events: its URL, and the key that API Gateway asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3

from aws_integration.event_posting import Door
from connections.aws_clients import explain_refusal, open_apigateway
from connections.s3 import sandbox_credentials
from connections.settings import Settings
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.event_api import STAGE
from pipeline_contract.event_layout import name_api
from pipeline_contract.event_model import EventContract

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from mypy_boto3_apigateway import APIGatewayClient


def open_door(contract: EventContract, settings: Settings) -> Door:
    """Where events are posted, with the key, or the credentials to sign with, that the contract's API asks for."""
    gateway, url = open_apigateway(settings.s3), find_url(contract, settings)
    if contract.api.authorisation == "api-key":
        return Door(url, find_key(gateway, contract), None, settings.s3.region)
    return Door(url, None, find_credentials(settings), settings.s3.region)


def find_url(contract: EventContract, settings: Settings) -> str:
    """Where events are posted; `ConfigurationError` where the API is not deployed."""
    name, path = name_api(contract.name), contract.api.path
    if settings.api.endpoint_url:
        return f"{settings.api.endpoint_url}/{name}/{STAGE}{path}"
    api = find_api(open_apigateway(settings.s3), contract)
    if api is None:
        raise ConfigurationError(f"there is no API {name}: {advise_deployment(contract, settings)}")
    return f"https://{api}.execute-api.{settings.s3.region}.amazonaws.com/{STAGE}{path}"


def find_api(gateway: APIGatewayClient, contract: EventContract) -> str | None:
    """The id of the deployed API, or None."""
    with explain_refusal(f"look for the API {name_api(contract.name)}"):
        pages = gateway.get_paginator("get_rest_apis").paginate()
        return next(
            (api["id"] for page in pages for api in page["items"] if api["name"] == name_api(contract.name)), None
        )


def find_key(gateway: APIGatewayClient, contract: EventContract) -> str:
    """The API's key; `ConfigurationError` where there is none."""
    name = name_api(contract.name)
    with explain_refusal(f"look for the key of the API {name}"):
        found = gateway.get_api_keys(nameQuery=name, includeValues=True)["items"]
    key = next((key["value"] for key in found if key["name"] == name), None)
    if key is None:
        raise ConfigurationError(f"there is no API key {name}: deploy the API of {contract.name} first")
    return key


def find_credentials(settings: Settings) -> Credentials:
    """The credentials to sign requests with."""
    own = sandbox_credentials(settings.s3)
    credentials = boto3.Session(**own).get_credentials()  # type: ignore[arg-type]
    if credentials is None:
        raise ConfigurationError("the API asks for signed requests, and there are no AWS credentials to sign with")
    return credentials


def advise_deployment(contract: EventContract, settings: Settings) -> str:
    """How the API is deployed."""
    if settings.s3.endpoint_url:
        return f"deploy it with `python -m aws_integration api deploy {contract.name}`"
    return "deploy its stack (docs/infrastructure.md)"
