"""The one place that opens Glue and Athena, or the sandbox's emulated ones when the endpoint is loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from connections.s3 import place_client
from connections.settings import S3Settings
from pipeline_contract.errors import ServiceError

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_glue import GlueClient


def open_glue(settings: S3Settings) -> GlueClient:
    """A client for the Glue catalog of the bucket's region."""
    return boto3.client("glue", config=_configure(settings), **place_client(settings))


def open_athena(settings: S3Settings) -> AthenaClient:
    """A client for Athena in the bucket's region."""
    return boto3.client("athena", config=_configure(settings), **place_client(settings))


@contextmanager
def explain_refusal(what: str) -> Iterator[None]:
    """Turn an error of boto3's in the block into a `ServiceError` that says what could not be done."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise ServiceError(f"AWS: cannot {what}: {error}") from error


def _configure(settings: S3Settings) -> Config:
    return Config(
        connect_timeout=settings.timeout_s,
        read_timeout=settings.timeout_s,
        retries={"mode": "standard", "total_max_attempts": 5},
    )
