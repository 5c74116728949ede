"""The one place that calls Lambda, or the sandbox's emulated one when the endpoint is loopback."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from connections.s3 import place_client
from connections.settings import Settings
from pipeline_contract.errors import ConfigurationError, ServiceError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

# How long after its own limit Lambda may take to tell of it.
GRACE_S = 15


class FunctionFailed(ServiceError):
    """A function that ended in an error instead of an answer; `kind` is the error's name."""

    def __init__(self, name: str, kind: str, message: str, log_tail: str) -> None:
        self.kind = kind
        super().__init__(f"function {name} failed: {kind}: {message}\n  the end of its log:\n{log_tail.rstrip()}")


def open_lambda(settings: Settings) -> LambdaClient:
    """A client that waits as long as the function may take, and tries nothing again."""
    config = Config(
        connect_timeout=settings.s3.timeout_s,
        read_timeout=settings.function.timeout_s + GRACE_S,
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=16,
    )
    return boto3.client("lambda", config=config, **place_client(settings.s3))


def invoke_function(client: LambdaClient, name: str, payload: bytes) -> Any:
    """The answer of a function, once it has ended.

    Raise `FunctionFailed` with its error and its log's end, `ConfigurationError` where there is no such function, or
    `ServiceError` where Lambda cannot be reached or refuses.
    """
    try:
        answer = client.invoke(FunctionName=name, Payload=payload, LogType="Tail")
        body = answer["Payload"].read()
    except client.exceptions.ResourceNotFoundException as error:
        raise ConfigurationError(
            f"there is no function {name}: create it with `python -m aws_integration function deploy` ({error})"
        ) from error
    except (ClientError, BotoCoreError) as error:
        raise ServiceError(f"Lambda: cannot invoke {name}: {error}") from error
    found = json.loads(body)
    if "FunctionError" in answer:
        log_tail = b64decode(answer.get("LogResult", "")).decode("utf-8", "replace")
        kind, message = found.get("errorType", answer["FunctionError"]), found.get("errorMessage", "")
        raise FunctionFailed(name, kind, message, log_tail)
    return found
