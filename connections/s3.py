"""The one place that opens S3."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from connections.settings import S3Settings
from pipeline_contract.errors import ServiceError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# The sandbox's AWS endpoint is emulated and loopback only: these open nothing anywhere else.
SANDBOX_ACCESS_KEY_ID = "sandbox"
SANDBOX_SECRET_ACCESS_KEY = "sandbox"  # noqa: S105


def is_loopback(endpoint_url: str | None) -> bool:
    """Say whether an endpoint address is on this machine; none given means AWS itself."""
    host = urlsplit(endpoint_url or "").hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def sandbox_credentials(settings: S3Settings) -> dict[str, str]:
    """The credentials that a boto3 client needs for the sandbox; none for AWS, where boto3's own chain is used."""
    if not is_loopback(settings.endpoint_url):
        return {}
    return {"aws_access_key_id": SANDBOX_ACCESS_KEY_ID, "aws_secret_access_key": SANDBOX_SECRET_ACCESS_KEY}


def place_client(settings: S3Settings) -> dict[str, Any]:
    """What says to boto3 where a client of any of AWS's services connects, and as whom."""
    return {"region_name": settings.region, "endpoint_url": settings.endpoint_url, **sandbox_credentials(settings)}


def open_s3(settings: S3Settings) -> S3Client:
    """A client for the lake's bucket that retries what is worth retrying and gives up after `timeout_s` a try."""
    config = Config(
        connect_timeout=settings.timeout_s,
        read_timeout=settings.timeout_s,
        retries={"mode": "standard", "total_max_attempts": 5},
        s3={"addressing_style": "path"} if settings.endpoint_url else {},
        max_pool_connections=16,
    )
    return boto3.client("s3", config=config, **place_client(settings))


def object_exists(s3: S3Client, bucket: str, key: str) -> bool:
    """Say whether there is an object at a key."""
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in ("404", "NoSuchKey", "NotFound"):
            return False
        raise ServiceError(f"S3: cannot look for s3://{bucket}/{key}: {error}") from error
    except BotoCoreError as error:
        raise ServiceError(f"S3: cannot look for s3://{bucket}/{key}: {error}") from error
    return True
