"""The one place that opens AWS's services but S3 and Lambda, or the sandbox's emulated ones on loopback."""

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
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sts import STSClient


def open_glue(settings: S3Settings) -> GlueClient:
    """A client for the Glue catalog of the bucket's region."""
    return boto3.client("glue", config=_configure(settings), **place_client(settings))


def open_athena(settings: S3Settings) -> AthenaClient:
    """A client for Athena in the bucket's region."""
    return boto3.client("athena", config=_configure(settings), **place_client(settings))


def open_cloudformation(settings: S3Settings) -> CloudFormationClient:
    """A client for CloudFormation in the bucket's region."""
    return boto3.client("cloudformation", config=_configure(settings), **place_client(settings))


def open_kms(settings: S3Settings) -> KMSClient:
    """A client for the keys of the bucket's region."""
    return boto3.client("kms", config=_configure(settings), **place_client(settings))


def open_sts(settings: S3Settings) -> STSClient:
    """A client that tells which account the credentials belong to."""
    return boto3.client("sts", config=_configure(settings), **place_client(settings))


def open_apigateway(settings: S3Settings) -> APIGatewayClient:
    """A client for the APIs of the bucket's region."""
    return boto3.client("apigateway", config=_configure(settings), **place_client(settings))


def open_dynamodb(settings: S3Settings) -> DynamoDBClient:
    """A client for the tables of the bucket's region."""
    return boto3.client("dynamodb", config=_configure(settings), **place_client(settings))


def open_firehose(settings: S3Settings) -> FirehoseClient:
    """A client for the streams of the bucket's region."""
    return boto3.client("firehose", config=_configure(settings), **place_client(settings))


def open_secrets(settings: S3Settings) -> SecretsManagerClient:
    """A client for the secrets of the bucket's region."""
    return boto3.client("secretsmanager", config=_configure(settings), **place_client(settings))


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
